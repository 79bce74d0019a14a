/* Live maps: every neuron of the layer on the opened picture or on the camera's frames (live_camera.js), in one
   canvas. What is asked for stands in #live's data-asked. */
"use strict";

(function () {
  const TALL = 560, LEAST = 30, MOST = 84, GAP = 2; // CSS pixels: the mosaic's height, a cell's size, the gap
  const SETTLE = 1500; // ms between two sortings by strength while the camera runs, so that maps do not jump about
  const state = {
    asked: null, head: null, codes: null, order: [], strength: null, sortedAt: 0, sort: "number", scale: "own",
    recent: null, hover: null, asking: false, stream: null, video: null, work: null, times: [], grid: null, lut: null, ask: 0,
  };
  const el = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const inSight = () => Boolean(el("live") && el("live").offsetParent);
  const note = (text) => { if (el("live-note")) el("live-note").textContent = text; };
  const rgb = (hex) => { const n = parseInt(hex.slice(1, 7), 16); return [n >> 16, (n >> 8) & 255, n & 255]; };
  const mix = (a, b, t) => [0, 1, 2].map((k) => Math.round(a[k] + (b[k] - a[k]) * t));
  const short = (v) => v.toFixed(Math.abs(v) >= 100 ? 0 : Math.abs(v) >= 10 ? 1 : 2).replace("-", "\u2212");

  // ---- colours: one even scale from the paper to the ink of activation; signed, from orange over paper to blue
  function colours() {
    const paper = rgb(css("--sheet")), ink = rgb(css("--ink")), act = rgb(css("--act"));
    const pro = rgb(css("--for")), con = rgb(css("--against")), far = mix(act, ink, 0.75);
    const table = (at) => Uint32Array.from({ length: 256 }, (_, i) => {
      const [r, g, b] = at(i);
      return (255 << 24) | (b << 16) | (g << 8) | r;
    });
    return {
      plain: table((i) => (i < 160 ? mix(paper, act, i / 160) : mix(act, far, (i - 160) / 95))),
      signed: table((i) => (i < 128 ? mix(paper, con, (128 - i) / 127) : mix(paper, pro, (i - 128) / 127))),
    };
  }

  // ---- the mosaic
  function arranged() {
    const wide = el("live-mosaic").parentElement.clientWidth, count = state.head.channels;
    const size = Math.min(MOST, Math.max(LEAST, Math.sqrt(wide * TALL / count)));
    const cols = Math.max(1, Math.min(count, Math.floor(wide / size)));
    const pitch = Math.min(MOST, wide / cols);
    return { cols, pitch, rows: Math.ceil(count / cols), wide: cols * pitch };
  }

  // Each neuron's strongest of the last seconds: on the camera a map on its own scale must not flare up when the
  // neuron falls silent.
  function remember(reach) {
    const old = state.stream && state.filmed && state.recent && state.recent.length === reach.length ? state.recent : null;
    state.recent = old ? old.map((v, i) => Math.max(reach[i], 0.97 * v)) : [...reach];
  }

  function sortMaps(now) {
    const { reach } = state.head, live = Boolean(state.stream), old = state.strength;
    const fits = old && old.length === reach.length && live;
    state.strength = fits ? old.map((v, i) => 0.8 * v + 0.2 * reach[i]) : [...reach];
    if (fits && state.order.length === reach.length && now - state.sortedAt < SETTLE) return;
    state.sortedAt = now;
    state.order = [...reach.keys()];
    if (state.sort === "strength") state.order.sort((a, b) => state.strength[b] - state.strength[a] || a - b);
  }

  function coded() { // all maps, one below the other, in colours
    const { rows, cols, channels, reach, signed } = state.head, size = rows * cols;
    const lut = state.lut[signed ? "signed" : "plain"], zero = signed ? 128 : 0;
    const image = new ImageData(cols, rows * channels), out = new Uint32Array(image.data.buffer);
    const most = Math.max(1e-12, ...reach), part = new Uint32Array(256);
    for (let unit = 0; unit < channels; unit++) {
      const share = reach[unit] / (state.scale === "same" ? most : Math.max(1e-12, state.recent[unit]));
      for (let code = 0; code < 256; code++) part[code] = lut[Math.round(zero + (code - zero) * share)];
      for (let i = unit * size; i < (unit + 1) * size; i++) out[i] = part[state.codes[i]];
    }
    const strip = new OffscreenCanvas(cols, rows * channels);
    strip.getContext("2d").putImageData(image, 0, 0);
    return strip;
  }

  function drawMaps() {
    const canvas = el("live-mosaic");
    if (!canvas || !state.head || !inSight()) return;
    state.lut = state.lut || colours();
    const grid = state.grid = arranged(), ratio = window.devicePixelRatio || 1, { rows, cols } = state.head;
    const w = Math.round(grid.wide * ratio), h = Math.round(grid.rows * grid.pitch * ratio);
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w; canvas.height = h;
      canvas.style.width = grid.wide + "px"; canvas.style.height = grid.rows * grid.pitch + "px";
    }
    const pen = canvas.getContext("2d"), strip = coded(), side = (grid.pitch - GAP) * ratio;
    const longer = Math.max(rows, cols);
    pen.clearRect(0, 0, w, h);
    pen.imageSmoothingQuality = "medium";
    state.order.forEach((unit, at) => {
      const x = (at % grid.cols) * grid.pitch * ratio, y = Math.floor(at / grid.cols) * grid.pitch * ratio;
      pen.drawImage(strip, 0, unit * rows, cols, rows, x, y, side * cols / longer, side * rows / longer);
    });
    for (const [unit, thick] of [[state.hover, 1.5], [state.asked.unit, 2.5]]) outline(pen, unit, thick * ratio, ratio);
  }

  function outline(pen, unit, thick, ratio) {
    const at = unit === null ? -1 : state.order.indexOf(unit), { cols, pitch } = state.grid;
    if (at < 0) return;
    pen.strokeStyle = css("--ink"); pen.lineWidth = thick;
    const side = (pitch - GAP) * ratio - thick;
    pen.strokeRect((at % cols) * pitch * ratio + thick / 2, Math.floor(at / cols) * pitch * ratio + thick / 2, side, side);
  }

  // ---- the chosen neuron over what the network sees, and the answers
  function drawCover() {
    const canvas = el("live-cover"), { rows, cols, signed } = state.head, size = rows * cols;
    const image = new ImageData(cols, rows), zero = signed ? 128 : 0, full = signed ? 127 : 255;
    const unit = state.asked.unit, share = state.head.reach[unit] / Math.max(1e-12, state.recent[unit]);
    for (let i = 0; i < size; i++) {
      const part = share * Math.max(0, (state.codes[unit * size + i] - zero) / full);
      image.data.set([10, 12, 20, 165 * (1 - Math.pow(part, 0.6))], 4 * i);
    }
    const small = new OffscreenCanvas(cols, rows);
    small.getContext("2d").putImageData(image, 0, 0);
    const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(box.width * ratio); canvas.height = Math.round(box.height * ratio);
    canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
  }

  function answers() {
    const box = el("live-answers");
    while (box.children.length < state.head.top.length) {
      const row = document.createElement("div");
      row.className = "class-row wide";
      row.innerHTML = "<span></span><span class='bar activation'><i></i></span><span class='label num'></span>";
      box.append(row);
    }
    state.head.top.forEach((answer, i) => {
      const [name, bar, share] = box.children[i].children, percent = 100 * answer.probability;
      name.textContent = answer.class;
      bar.firstChild.style.width = percent.toFixed(1) + "%";
      share.textContent = percent < 0.5 ? "<1 %" : percent.toFixed(0) + " %";
    });
  }

  function words() {
    const { reach, layer, channels, rows, cols, signed } = state.head, most = Math.max(...reach);
    const peak = el("live-peak"), scale = el("live-scale-note");
    scale.classList.toggle("signed", signed);
    el("live-title").textContent = `All ${channels} neurons of ${layer}, ${rows} \u00d7 ${cols} places each`;
    scale.textContent = (state.scale === "same" ? `darkest: ${short(most)}, the strongest of all`
      : "darkest: each neuron's own strongest" + (state.stream ? " of the last seconds" : " place")).replace("darkest", signed ? "deepest" : dark() ? "brightest" : "darkest");
    if (peak && state.asked.unit < channels) {
      const rank = 1 + reach.filter((v) => v > reach[state.asked.unit]).length;
      peak.textContent = reach[state.asked.unit] === 0 ? "silent here"
        : `peak ${short(reach[state.asked.unit])}, rank ${rank} of ${channels}`;
    }
    told();
  }

  const dark = () => document.documentElement.dataset.mantineColorScheme === "dark";

  function told() { // what is under the pointer
    const unit = state.hover, line = el("live-hover");
    if (unit === null || !state.head) { line.textContent = "A click on a map chooses its neuron."; return; }
    const name = neuronscope.nameOf ? neuronscope.nameOf(unit) : "";
    line.textContent = `neuron ${unit}${name ? " \u2013 " + name : ""}, peak ${short(state.head.reach[unit])}`;
  }

  function show(head, codes, picture) {
    remember(head.reach);
    Object.assign(state, { head, codes, filmed: Boolean(state.stream) });
    el("live-seen-note").textContent = (state.filmed ? "The camera, as in a mirror." : "The opened picture.")
      + " Bright: where the chosen neuron fires.";
    sortMaps(performance.now());
    const seen = el("live-seen"), [, h, w] = state.asked.input;
    if (seen.width !== w || seen.height !== h) { seen.width = w; seen.height = h; }
    if (picture) seen.getContext("2d").drawImage(picture, 0, 0, w, h);
    redraw();
    answers();
  }

  function redraw() {
    if (!state.head || !inSight()) return;
    drawMaps();
    if (state.asked.unit < state.head.channels) drawCover();
    words();
  }

  // ---- asking
  function unpacked(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    return [head, new Uint8Array(buffer, 4 + length)];
  }

  async function asks(address, options) {
    const answer = await fetch(address, options);
    if (!answer.ok) throw new Error((await answer.json()).error);
    return unpacked(await answer.arrayBuffer());
  }

  async function openPicture() {
    const { model, layer, picture, seen } = state.asked, ask = ++state.ask;
    try {
      const image = new Image();
      image.src = seen;
      const found = asks("/api/maps?" + new URLSearchParams({ model, layer, picture }));
      const [[head, codes]] = await Promise.all([found, image.decode()]);
      if (ask !== state.ask || state.stream) return;
      show(head, codes, image);
    } catch (error) { if (ask === state.ask) note(plain(error)); }
  }

  const plain = (error) => (error instanceof TypeError ? "The program does not answer; is it still running?" : error.message);

  // What the camera needs (live_camera.js); the benchmark reads the times of the last frames.
  neuronscope.live = Object.assign(state, { show, note, asks, openPicture, plain, inSight });

  // ---- choosing
  function unitAt(event) {
    const canvas = el("live-mosaic"), box = canvas.getBoundingClientRect(), grid = state.grid;
    if (!grid) return null;
    const col = Math.floor((event.clientX - box.left) / grid.pitch), row = Math.floor((event.clientY - box.top) / grid.pitch);
    const unit = col < 0 || col >= grid.cols ? undefined : state.order[row * grid.cols + col];
    return unit === undefined ? null : unit;
  }

  function hover(unit) {
    if (unit === state.hover) return;
    state.hover = unit;
    drawMaps(); told();
  }

  const take = (unit) => { if (unit !== null) neuronscope.choose({ unit, view: "neuron" }); };

  document.addEventListener("click", (event) => {
    if (event.target.id === "live-mosaic") take(unitAt(event));
  });
  document.addEventListener("pointermove", (event) => {
    if (event.target.id === "live-mosaic") hover(unitAt(event));
    else if (state.hover !== null && document.activeElement !== el("live-mosaic")) hover(null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "live-mosaic" || !state.grid) return;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -state.grid.cols, ArrowDown: state.grid.cols }[event.key];
    if (event.key === "Enter") return take(state.hover);
    if (!by) return;
    event.preventDefault();
    const at = state.order.indexOf(state.hover === null ? state.asked.unit : state.hover);
    hover(state.order[Math.max(0, Math.min(state.order.length - 1, at + by))]);
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "live-sort") { state.sort = event.target.value; state.strength = null; if (state.head) { sortMaps(performance.now()); redraw(); } }
    if (event.target.id === "live-scale") { state.scale = event.target.value; redraw(); }
  });

  function ask() {
    const asked = JSON.parse(el("live").dataset.asked || "null"), was = state.asked;
    if (!asked) return;
    state.asked = asked;
    const same = was && ["model", "layer", "picture"].every((k) => was[k] === asked[k]);
    if (!same && !state.stream) { note(""); openPicture(); } else redraw();
  }

  function shownAgain() { // the maps of a camera that is off are no longer true
    if (inSight() && state.asked && state.filmed && !state.stream) openPicture();
    else redraw();
  }

  function listen() {
    const live = el("live"), page = el("neuron-page"), view = el("view-neuron");
    if (!live || !page || !view) return setTimeout(listen, 100);
    new MutationObserver(ask).observe(live, { attributes: true, attributeFilter: ["data-asked"] });
    const left = new MutationObserver(() => requestAnimationFrame(shownAgain)); // the pane is shown, or another
    left.observe(page, { attributes: true, attributeFilter: ["data-pane"] });
    left.observe(view, { attributes: true, attributeFilter: ["hidden"] });
    new ResizeObserver(() => redraw()).observe(el("live-mosaic").parentElement);
    ask();
  }

  document.addEventListener("filled", (event) => { if (event.target.id === "live-neuron" && state.head) words(); });
  new MutationObserver(() => { state.lut = null; redraw(); })
    .observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
  listen();
})();
