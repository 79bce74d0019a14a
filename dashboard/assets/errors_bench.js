/* The patch bench: the patch is dragged, sized and measured. What lies where stands in #bench's data-bench and in the
   address; while it moves the texture moves with the pointer, and the picture that the network really saw is shown
   when it lies still. */
"use strict";

(function () {
  const STEP = 0.02, FINE = 0.005, LEAST = 0.04;
  const state = { about: null, patch: null, held: null, asking: false, again: false, keys: null, curve: null, times: [] };
  const el = (id) => document.getElementById(id);
  const within = (v, least, most) => Math.min(most, Math.max(least, v));
  const short = (v) => String(Number(v.toFixed(3)));
  const minus = (text) => text.replace("-", "\u2212");
  const logit = (v) => minus(v.toFixed(1));
  const signed = (v) => (Number(v.toFixed(1)) > 0 ? "+" : "") + logit(v);
  const share = (p) => (p < 0.005 ? "<1 %" : p > 0.995 && p < 1 ? ">99 %" : Math.round(100 * p) + " %");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function word(patch) {
    const place = [patch.x, patch.y, patch.size, patch.opacity].map(short);
    return [patch.begin, [...place, ...(patch.seed ? [patch.seed] : [])].join()].join(":");
  }

  const query = (more) => {
    const { model, picture, a, b, layer } = state.about;
    return new URLSearchParams({ model, picture, a, b, layer, ...more });
  };

  // ---- where it lies
  function place() {
    const patch = state.patch, box = el("bench-patch"), cloth = el("bench-cloth"), stage = el("bench-stage");
    if (!patch || !box) return;
    const wide = patch.size * patch.wide, high = patch.size * patch.high;
    Object.assign(box.style, {
      left: 100 * (patch.x - wide / 2) + "%", width: 100 * wide + "%",
      top: 100 * (patch.y - high / 2) + "%", height: 100 * high + "%",
    });
    // where the patch hangs over the border, its handle stays within reach
    const over = (middle, part) => Math.max(0, middle + part / 2 - 1) / part;
    Object.assign(el("bench-handle").style, {
      right: `calc(${100 * over(patch.x, wide)}% + 3px)`, bottom: `calc(${100 * over(patch.y, high)}% + 3px)`,
    });
    const texture = box.dataset.texture, pixels = patch.kind === "noise" || patch.kind === "flat";
    cloth.style.opacity = patch.opacity;
    cloth.style.backgroundImage = texture ? `url("${texture}")` : "none";
    cloth.style.backgroundSize = pixels ? stage.clientWidth + "px" : "100% 100%";
    cloth.style.backdropFilter = patch.kind === "blur" ? `blur(${patch.sd * Math.min(stage.clientWidth, stage.clientHeight)}px)` : "";
    for (const name of ["size", "opacity", "sd"]) {
      const slider = el("bench-" + name);
      if (!slider) continue;
      if (document.activeElement !== slider || state.held !== "slider") slider.value = patch[name];
      slider.parentElement.querySelector("output").textContent = Math.round(100 * patch[name]) + " %";
    }
    box.setAttribute("aria-description", `${Math.round(100 * patch.x)} % across, ${Math.round(100 * patch.y)} % down, size ${Math.round(100 * patch.size)} %`);
  }

  function move(change) {
    const patch = Object.assign(state.patch, change);
    patch.x = within(patch.x, 0, 1); patch.y = within(patch.y, 0, 1);
    patch.size = within(patch.size, LEAST, 1); patch.opacity = within(patch.opacity, 0, 1);
    el("bench-stage").classList.add("moving");
    place();
    measure(true);
  }

  function settle() { // into the address; the panel comes back with it, and is measured with all its noise
    state.keys = null;
    if (!state.patch || !state.about) return;
    const now = word(state.patch);
    if (now === state.settled) return still();
    state.settled = now;
    neuronscope.choose({ patch: now });
  }

  function still() { // the picture as the network saw it takes the place of the moving texture
    const seen = el("bench-seen"), stage = el("bench-stage");
    if (!seen || !stage) return;
    if (seen.complete && seen.naturalWidth) stage.classList.remove("moving");
    else {
      stage.classList.add("moving");
      seen.onload = () => { if (!state.held) stage.classList.remove("moving"); };
    }
  }

  // ---- measuring: one question at a time, the latest place counts
  async function measure(moving) {
    if (!state.patch) return;
    if (state.asking) { state.again = moving ? "moving" : "still"; return; }
    state.asking = true;
    const began = performance.now(), asked = word(state.patch), about = state.about;
    try {
      const answer = await fetch("/api/bench/trial?" + query({ patch: asked, ...(moving ? { moving: 1 } : {}) }));
      const found = await answer.json();
      if (about === state.about) answer.ok ? show(found, moving, asked) : say(found.error);
      if (moving) state.times = [...state.times.slice(-299), performance.now() - began];
    } catch (error) { say("The program does not answer; is it still running?"); }
    state.asking = false;
    if (state.again) { const next = state.again; state.again = false; measure(next === "moving"); }
  }

  function say(text) { const line = el("bench-verdict"); if (line) line.textContent = text; }

  function put(name, side, change) {
    const part = document.querySelector(`#bench-bars [data-put="${name}.${side}"]`);
    if (part) change(part);
  }

  function show(found, moving, asked) {
    const bars = el("bench-bars");
    if (!bars) return;
    const { before, now, noise } = found;
    for (const side of [0, 1]) {
      const was = before.probabilities[side], is = now.probabilities[side], [mean, sd] = noise.probabilities[side];
      const [level, spread] = noise.logits[side];
      put("share", side, (e) => { e.textContent = `${share(was)} \u2192 ${share(is)}`; });
      put("fill", side, (e) => { e.style.width = 100 * is + "%"; });
      put("tick", side, (e) => { e.style.left = 100 * was + "%"; });
      put("band", side, (e) => {
        const low = within(mean - sd, 0, 1), high = within(mean + sd, 0, 1);
        e.style.left = 100 * low + "%"; e.style.width = Math.max(1, 100 * (high - low)) + "%";
      });
      put("logit", side, (e) => { e.textContent = `${logit(before.logits[side])} \u2192 ${logit(now.logits[side])}`; });
      put("noise", side, (e) => { e.textContent = `${share(mean)}, logit ${logit(level)}` + (moving ? "" : ` \u00b1 ${spread.toFixed(1)}`); });
    }
    margin(before.margin, now.margin, noise.margin, moving);
    Object.assign(bars.dataset, {
      now: now.margin, before: before.margin, answer: now.answer, moving: String(moving), patch: asked,
      shareA: now.probabilities[0], shareB: now.probabilities[1],
    });
    verdict(found, moving);
  }

  function margin(before, now, [mean, sd], moving) { // around zero; what is ahead is left or right of it
    const reach = 1.1 * Math.max(4, ...[before, now, mean].map(Math.abs)), at = (v) => 50 + 50 * within(v / reach, -1, 1);
    el("bench-margin").textContent = `${signed(before)} \u2192 ${signed(now)}`;
    el("bench-margin-noise").textContent = `noise ${signed(mean)}` + (moving ? "" : ` \u00b1 ${sd.toFixed(1)}`);
    put("fill", 2, (e) => {
      e.classList.toggle("neg", now < 0);
      Object.assign(e.style, { left: Math.min(50, at(now)) + "%", width: Math.abs(at(now) - 50) + "%" });
    });
    put("tick", 2, (e) => { e.style.left = at(before) + "%"; });
    put("band", 2, (e) => Object.assign(e.style, { left: at(mean - sd) + "%", width: Math.max(1, at(mean + sd) - at(mean - sd)) + "%" }));
  }

  function verdict(found, moving) {
    const line = el("bench-verdict"), { before, now } = found;
    const [by] = found.by_noise, less = by * found.change > 0 && Math.abs(by) > Math.abs(found.change);
    const nothing = moving ? "" : !found.beyond ? " Noise of this size moves the margin as far: the patch shows nothing."
      : less ? " Noise of this size moves the margin further the same way." : "";
    line.classList.toggle("unproved", Boolean(nothing));
    const says = Object.assign(document.createElement("b"), { textContent: found.says });
    says.className = now.answer === state.about.a ? "pos" : now.answer === state.about.b ? "neg" : "";
    line.replaceChildren(now.answer !== before.answer ? "Now says " : "Still says ", says, ` (${share(now.share)}).` + nothing);
  }

  // ---- the curve over size
  async function drawCurve() {
    const figure = el("bench-curve");
    if (!figure || !state.patch) return;
    const { patch } = state, same = word({ ...patch, size: 0.5 }) + JSON.stringify([state.about.picture, state.about.a, state.about.b]);
    if (state.curve !== same) {
      state.curve = same;
      try {
        const answer = await fetch("/api/bench/curve?" + query({ patch: word({ ...patch, size: 0.5 }) }));
        if (!answer.ok || state.curve !== same) return;
        state.points = await answer.json();
      } catch (error) { return; }
    }
    if (state.points && el("bench-curve")) el("bench-curve").innerHTML = curve(state.points, state.patch.size);
  }

  function curve(points, size) {
    const W = 360, H = 110, x = (s) => 4 + (W - 8) * s, y = (p) => H - 14 - (H - 24) * p;
    const line = (pick) => points.map((p) => `${x(p.size).toFixed(1)},${y(pick(p)).toFixed(1)}`).join(" ");
    const start = (side) => y(points[0].before.probabilities[side]).toFixed(1);
    const drawn = [0, 1].map((side) => {
      const tone = side ? "against" : "for";
      return `<polyline class="${tone} noise" points="${x(0)},${start(side)} ${line((p) => p.noise.probabilities[side][0])}"/>`
        + `<polyline class="${tone}" points="${x(0)},${start(side)} ${line((p) => p.now.probabilities[side])}"/>`;
    }).join("");
    const marks = [0.25, 0.5, 0.75].map((s) => `<text x="${x(s)}" y="${H - 2}">${100 * s} %</text>`).join("");
    return `<svg viewBox="0 0 ${W} ${H}" preserveAspectRatio="none"><line class="axis" x1="${x(0)}" x2="${x(1)}" y1="${y(0)}" y2="${y(0)}"/>`
      + `<line class="here" x1="${x(size)}" x2="${x(size)}" y1="4" y2="${y(0)}"/>${drawn}${marks}</svg>`;
  }

  document.addEventListener("click", (event) => {
    const figure = event.target.closest("#bench-curve");
    if (!figure || !state.patch) return;
    const box = figure.getBoundingClientRect();
    move({ size: (event.clientX - box.left) / box.width });
    settle();
  });

  // ---- the hand: mouse and finger
  function start(event) {
    const stage = event.target.closest("#bench-stage");
    if (!stage || !state.patch || event.button) return;
    const box = stage.getBoundingClientRect(), patch = state.patch;
    const at = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    const sizing = event.target.id === "bench-handle", inside = event.target.closest("#bench-patch");
    state.tap = event.pointerType === "touch" && !inside && at; // beside the patch a finger may also scroll the page
    if (state.tap) return;
    event.preventDefault();
    if (inside) el("bench-patch").focus({ preventScroll: true });
    state.held = { sizing, id: event.pointerId, dx: inside ? at.x - patch.x : 0, dy: inside ? at.y - patch.y : 0 };
    stage.setPointerCapture(event.pointerId);
    if (!inside) move({ x: at.x, y: at.y });
  }

  function drag(event) {
    if (!state.held || state.held.id !== event.pointerId) return;
    const box = el("bench-stage").getBoundingClientRect(), patch = state.patch;
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    if (state.held.sizing) {
      move({ size: 2 * Math.max(Math.abs(x - patch.x) / patch.wide, Math.abs(y - patch.y) / patch.high) });
    } else move({ x: x - state.held.dx, y: y - state.held.dy });
  }

  function drop(event) {
    if (!state.held || state.held.id !== event.pointerId) return;
    state.held = null;
    settle();
  }

  document.addEventListener("click", (event) => {
    if (!state.tap || !state.patch || !event.target.closest("#bench-stage")) return;
    move({ x: state.tap.x, y: state.tap.y });
    state.tap = null;
    settle();
  });
  document.addEventListener("pointerdown", start);
  document.addEventListener("pointermove", drag);
  document.addEventListener("pointerup", drop);
  document.addEventListener("pointercancel", drop);

  // ---- keys and sliders
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "bench-patch" || !state.patch || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? FINE : STEP, { x, y, size } = state.patch;
    const change = {
      ArrowLeft: { x: x - step }, ArrowRight: { x: x + step }, ArrowUp: { y: y - step }, ArrowDown: { y: y + step },
      "+": { size: size + step }, "=": { size: size + step }, "-": { size: size - step },
    }[event.key];
    if (!change) return;
    event.preventDefault();
    event.stopPropagation();
    move(change);
    clearTimeout(state.keys);
    state.keys = setTimeout(settle, 400);
  });

  document.addEventListener("input", (event) => {
    const name = event.target.dataset.benchSlider;
    if (!state.patch) return;
    if (event.target.id === "bench-colour") state.patch.begin = "flat:" + event.target.value.slice(1);
    else if (!name) return;
    if (name === "sd") state.patch.begin = "blur:" + event.target.value;
    state.held = "slider";
    if (event.target.id === "bench-colour") el("bench-patch").dataset.texture = "/bench/texture.png?" + query({ patch: word(state.patch) });
    move(name ? { [name]: Number(event.target.value) } : {});
    state.held = null;
  });
  document.addEventListener("change", (event) => {
    if (event.target.dataset.benchSlider || event.target.id === "bench-colour") settle();
  });

  // ---- the panel came back
  function read() {
    const bench = el("bench");
    if (!bench) { state.about = state.patch = null; return; }
    const about = JSON.parse(bench.dataset.bench);
    const held = state.held || state.keys;
    state.about = about;
    if (!about.patch) { state.patch = null; state.settled = null; return; }
    if (held && state.patch && state.patch.begin === about.patch.begin) { el("bench-stage").classList.add("moving"); return place(); }
    state.patch = about.patch;
    state.settled = word(about.patch);
    place();
    still();
    const bars = el("bench-bars");
    if (bars.dataset.patch !== state.settled || bars.dataset.moving !== "false") measure(false);
    clearTimeout(state.later);
    state.later = setTimeout(drawCurve, 350);
  }

  document.addEventListener("filled", (event) => { if (event.target.id === "err-bench") read(); });
  window.addEventListener("resize", () => place());
  neuronscope.bench = Object.assign(state, { word, query, place, share, signed, settle });
})();
