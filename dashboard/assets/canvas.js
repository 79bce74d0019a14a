/* The two canvases of Explore: the grid "how LAYER sees it" and the map laid over the picture. Data come from
   the stores grid-data and overlay-data; a place that is chosen goes back as a choice. */
"use strict";

(function () {
  const state = { grid: null, overlay: null, place: null, hover: null, mosaic: null, seen: null, poll: null };
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function fitted(canvas) {
    const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const w = Math.max(1, Math.round(box.width * ratio)), h = Math.max(1, Math.round(box.height * ratio));
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    const pen = canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, w, h);
    pen.imageSmoothingQuality = "high";
    return { pen, w, h, ratio };
  }

  function rgb(hex) { // "#2a6fbb" -> [42, 111, 187]
    const n = parseInt(hex.slice(1, 7), 16);
    return [n >> 16, (n >> 8) & 255, n & 255];
  }

  // ---- the grid: icons sized by activation, edged by the sign of the effect
  function drawGrid() {
    const canvas = document.getElementById("grid"), g = state.grid;
    if (!canvas || !g) return;
    const { pen, w, h, ratio } = fitted(canvas);
    const cw = w / g.cols, ch = h / g.rows;
    // a few places fire far more than the rest: a tenth of them are as large as a cell allows
    const most = Math.max(1e-9, ranked(g.activation, 0.9)), reach = Math.max(1e-9, ...g.effect.map(Math.abs));
    const pro = css("--for"), con = css("--against"), ink = css("--ink");
    for (let r = 0; r < g.rows; r++) for (let c = 0; c < g.cols; c++) {
      const i = r * g.cols + c, size = Math.sqrt(Math.min(1, Math.max(0, g.activation[i]) / most));
      const part = 0.25 + 0.75 * size, bw = cw * part, bh = ch * part;
      const x = (c + 0.5) * cw - bw / 2, y = (r + 0.5) * ch - bh / 2;
      cell(pen, g, r, c, x, y, bw, bh);
      const pull = g.effect[i] / reach;
      if (Math.abs(pull) > 0.1) {
        pen.strokeStyle = pull > 0 ? pro : con;
        pen.lineWidth = ratio * (0.5 + 3.5 * Math.abs(pull));
        const inset = pen.lineWidth / 2;
        pen.strokeRect(x + inset, y + inset, bw - 2 * inset, bh - 2 * inset);
      }
    }
    mark(pen, g, cw, ch, ink, ratio);
  }

  function ranked(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor(share * (sorted.length - 1))];
  }

  function cell(pen, g, r, c, x, y, bw, bh) {
    if (state.mosaic) {
      const s = state.mosaic.naturalWidth / g.cols;
      pen.drawImage(state.mosaic, c * s, r * s, s, s, x, y, bw, bh);
    } else if (state.seen && state.seen.complete && state.seen.naturalWidth) {
      const sw = state.seen.naturalWidth / g.cols, sh = state.seen.naturalHeight / g.rows;
      pen.globalAlpha = 0.55;
      pen.drawImage(state.seen, c * sw, r * sh, sw, sh, x, y, bw, bh);
      pen.globalAlpha = 1;
    } else { pen.fillStyle = css("--sheet"); pen.fillRect(x, y, bw, bh); }
  }

  function mark(pen, g, cw, ch, ink, ratio) {
    const at = state.hover || blockOf(g, g.place);
    const chosen = blockOf(g, g.place);
    for (const [place, width] of [[at, 1], [chosen, 2.5]]) {
      if (!place) continue;
      pen.strokeStyle = ink; pen.lineWidth = width * ratio;
      pen.strokeRect(place[1] * cw + 1, place[0] * ch + 1, cw - 2, ch - 2);
    }
  }

  function blockOf(g, place) {
    if (!place) return null;
    return [Math.floor(place[0] * g.rows / g.fullRows), Math.floor(place[1] * g.cols / g.fullCols)];
  }

  // ---- the map over the picture
  function drawOverlay() {
    const canvas = document.getElementById("overlay");
    if (!canvas) return;
    const { pen, w, h, ratio } = fitted(canvas), o = state.overlay;
    if (o && o.values) {
      pen.imageSmoothingEnabled = o.kind !== "groups";
      pen.drawImage(o.kind === "groups" ? groupsMap(o) : heatMap(o), 0, 0, w, h);
    }
    const g = state.grid;
    if (!g) return;
    lines(pen, g, w, h, ratio);
    const cw = w / g.fullCols, ch = h / g.fullRows;
    if (g.place) {
      pen.lineWidth = 2 * ratio;
      for (const [colour, grow] of [["#000", 1.5 * ratio], ["#fff", 0]]) {
        pen.strokeStyle = colour;
        pen.strokeRect(g.place[1] * cw - grow, g.place[0] * ch - grow, cw + 2 * grow, ch + 2 * grow);
      }
    }
  }

  function lines(pen, g, w, h, ratio) {
    if (g.fullCols > 28) return;
    pen.strokeStyle = "rgba(255,255,255,.16)"; pen.lineWidth = ratio * 0.5; pen.beginPath();
    for (let c = 1; c < g.fullCols; c++) { pen.moveTo(c * w / g.fullCols, 0); pen.lineTo(c * w / g.fullCols, h); }
    for (let r = 1; r < g.fullRows; r++) { pen.moveTo(0, r * h / g.fullRows); pen.lineTo(w, r * h / g.fullRows); }
    pen.stroke();
  }

  function painted(rows, cols, pixel) {
    const small = document.createElement("canvas");
    small.width = cols; small.height = rows;
    const pen = small.getContext("2d"), image = pen.createImageData(cols, rows);
    for (let i = 0; i < rows * cols; i++) image.data.set(pixel(i), 4 * i);
    pen.putImageData(image, 0, 0);
    return small;
  }

  function heatMap(o) {
    const most = Math.max(1e-9, ...o.values.map(Math.abs));
    const pro = rgb(css("--for")), con = rgb(css("--against"));
    return painted(o.rows, o.cols, (i) => {
      const v = o.values[i] / most;
      if (o.kind === "effect") return [...(v >= 0 ? pro : con), 255 * Math.min(0.85, Math.pow(Math.abs(v), 0.7))];
      const t = Math.max(0, v); // dark veil that opens where the neuron fires: reads on any picture
      return [10, 12, 20, 255 * 0.82 * (1 - Math.pow(t, 0.6))];
    });
  }

  function groupsMap(o) {
    const colours = [0, 1, 2, 3, 4, 5].map((n) => rgb(css("--g" + n)));
    const size = o.rows * o.cols, count = o.values.length / size;
    const tops = Array.from({ length: count }, (_, n) => Math.max(1e-9, ...o.values.slice(n * size, (n + 1) * size)));
    return painted(o.rows, o.cols, (i) => {
      let best = 0, value = -1;
      for (let n = 0; n < count; n++) {
        const v = (o.off || []).includes(n) ? -1 : o.values[n * size + i] / tops[n];
        if (v > value) { value = v; best = n; }
      }
      return value <= 0 ? [0, 0, 0, 0] : [...colours[best % 6], 255 * Math.min(0.75, 0.15 + 0.7 * value)];
    });
  }

  function drawLadder() {
    for (const canvas of document.querySelectorAll("#ladder canvas[data-values]")) {
      const values = JSON.parse(canvas.dataset.values), rows = +canvas.dataset.rows, cols = +canvas.dataset.cols;
      const most = Math.max(1e-9, ...values.map(Math.abs)), pro = rgb(css("--for")), con = rgb(css("--against"));
      const paper = rgb(css("--sheet"));
      canvas.width = cols; canvas.height = rows;
      const small = painted(rows, cols, (i) => {
        const v = values[i] / most, ink = v >= 0 ? pro : con, t = Math.pow(Math.abs(v), 0.6);
        return [0, 1, 2].map((k) => paper[k] + (ink[k] - paper[k]) * t).concat(255);
      });
      canvas.getContext("2d").drawImage(small, 0, 0);
    }
  }

  // ---- the icons of the grid, as they form
  async function follow() {
    clearTimeout(state.poll);
    const g = state.grid;
    if (!g || !document.getElementById("grid")) return;
    try {
      const query = new URLSearchParams({ model: g.model, picture: g.picture, layer: g.layer });
      const answer = await (await fetch("/api/grid?" + query)).json();
      if (g !== state.grid) return;
      const note = document.getElementById("grid-note");
      if (note && answer.text) note.textContent = answer.text;
      if (answer.url && answer.url !== g.shown) {
        const image = new Image();
        image.onload = () => { if (g === state.grid) { state.mosaic = image; g.shown = answer.url; drawGrid(); } };
        image.src = answer.url;
      }
      if (!answer.done) state.poll = setTimeout(follow, 500);
    } catch (error) { state.poll = setTimeout(follow, 3000); }
  }

  // ---- choosing a place: pointer and arrows
  function placeAt(canvas, event) {
    const box = canvas.getBoundingClientRect(), g = state.grid;
    if (!g) return null;
    const fx = (event.clientX - box.left) / box.width, fy = (event.clientY - box.top) / box.height;
    if (fx < 0 || fy < 0 || fx >= 1 || fy >= 1) return null;
    return [Math.floor(fy * g.fullRows), Math.floor(fx * g.fullCols)];
  }

  function shown(id) { const el = document.getElementById(id); return Boolean(el && el.offsetParent); }

  function same(a, b) { return a && b && a[0] === b[0] && a[1] === b[1]; }

  function choosePlace(place) {
    const g = state.grid;
    if (!g) return;
    neuronscope.choose({ at: same(place, g.place) ? null : place });
  }

  document.addEventListener("chosen", ({ detail }) => {
    if (detail.at === undefined || detail.layer !== undefined || !state.grid) return;
    state.grid.place = detail.at;
    drawGrid(); drawOverlay();
  });

  document.addEventListener("click", (event) => {
    if (event.target.id !== "grid" && event.target.id !== "overlay") return;
    const place = placeAt(event.target, event);
    if (place) choosePlace(place);
  });
  document.addEventListener("pointermove", (event) => {
    const g = state.grid;
    if (!g || !event.target.id || (event.target.id !== "grid" && event.target.id !== "overlay")) {
      if (state.hover) { state.hover = null; drawGrid(); }
      return;
    }
    const place = placeAt(event.target, event), block = blockOf(g, place);
    if (block && !same(block, state.hover)) { state.hover = block; drawGrid(); }
  });
  document.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const g = state.grid, move = moves[event.key];
    const ours = ["grid", "overlay"].includes(event.target.id) || (event.target === document.body && shown("grid"));
    if (!g || !move || !ours) return;
    event.preventDefault();
    const from = g.place || [Math.floor(g.fullRows / 2), Math.floor(g.fullCols / 2)];
    const to = [Math.min(g.fullRows - 1, Math.max(0, from[0] + move[0])), Math.min(g.fullCols - 1, Math.max(0, from[1] + move[1]))];
    if (!same(to, g.place)) choosePlace(to);
  });

  document.addEventListener("filled", (event) => { if (event.target.id === "ladder") requestAnimationFrame(drawLadder); });
  let settle = null;
  window.addEventListener("resize", () => {
    clearTimeout(settle); settle = setTimeout(() => { drawGrid(); drawOverlay(); }, 80);
  });
  new MutationObserver(() => { drawGrid(); drawOverlay(); drawLadder(); })
    .observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });

  neuronscope.groupsMap = groupsMap;
  window.dash_clientside = Object.assign({}, window.dash_clientside);
  window.dash_clientside.explore = {
    drawGrid(data) {
      const before = state.grid;
      state.grid = data || null;
      const key = (g) => g && [g.model, g.picture, g.layer].join("|");
      if (key(before) !== key(state.grid)) {
        state.mosaic = null; state.hover = null;
        state.seen = new Image();
        state.seen.onload = drawGrid;
        if (data) state.seen.src = data.seen;
        follow();
      } else if (data && before) {
        data.shown = before.shown;
        // An answer to the choice before may come late: the place chosen last stays.
        const latest = neuronscope.latest;
        if (latest && latest.at !== undefined) data.place = latest.at;
      }
      drawGrid(); drawOverlay();
      requestAnimationFrame(drawLadder);
      return "";
    },
    drawOverlay(data) { state.overlay = data || null; drawOverlay(); return ""; },
  };
})();
