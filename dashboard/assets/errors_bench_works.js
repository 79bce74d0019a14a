/* The patch bench, beside the patch itself: the panes that patches are chosen in, a box drawn on another picture, works
   that take longer (suggestions, many pictures, recipes, costs), and the faders. */
"use strict";

(function () {
  const OURS = { "X-Neuronscope": "bench", "Content-Type": "application/json" };
  const el = (id) => document.getElementById(id);
  const bench = () => neuronscope.bench;
  const plain = (error) => (error instanceof TypeError ? "The program does not answer; is it still running?" : error.message);
  const note = (text, kind) => Object.assign(document.createElement("p"), { className: "note " + kind, textContent: text });

  function fill(box, html) { box.dataset.markup = html; } // markup.js puts it in

  // ---- panes of choices
  let open = null;

  async function openPane(kind) {
    const pane = el("bench-pane"), { about, word, query } = bench();
    open = open === kind && pane.childElementCount ? null : kind;
    marked();
    if (!open) return fill(pane, "");
    const place = about.patch ? { patch: word(bench().patch) } : {};
    try {
      const answer = await fetch("/api/bench/choose?" + query({ kind, ...place }));
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      fill(pane, found.markup);
    } catch (error) { delete pane.dataset.markup; pane.replaceChildren(note(plain(error), "error")); }
  }

  function marked() {
    for (const button of document.querySelectorAll("[data-bench-open]")) {
      button.setAttribute("aria-expanded", String(button.dataset.benchOpen === open));
    }
  }

  // ---- a box on another picture
  const crop = { key: null, box: [0.25, 0.25, 0.75, 0.75], from: null }; // top, left, bottom, right

  function takePicture(key) {
    const { model } = bench().about;
    Object.assign(crop, { key, box: [0.25, 0.25, 0.75, 0.75] });
    el("bench-crop-seen").src = "/bench/seen.png?" + new URLSearchParams({ model, picture: key });
    el("bench-crop").hidden = el("bench-crop-take").hidden = false;
    for (const tile of document.querySelectorAll("[data-crop]")) {
      if (tile.dataset.crop === key) tile.setAttribute("aria-current", "true"); else tile.removeAttribute("aria-current");
    }
    drawBox();
  }

  function drawBox() {
    const [top, left, bottom, right] = crop.box.map((v) => 100 * v);
    Object.assign(el("bench-crop-box").style, { top: top + "%", left: left + "%", height: bottom - top + "%", width: right - left + "%" });
  }

  function layCrop() {
    const { patch } = bench(), at = patch || { x: 0.5, y: 0.5, size: 0.4, opacity: 1 };
    const place = [at.x, at.y, at.size, at.opacity].map((v) => String(Number(v.toFixed(3)))).join();
    neuronscope.choose({ patch: ["crop", crop.key, crop.box.map((v) => v.toFixed(3)).join(), place].join(":") });
  }

  const inCrop = (event) => {
    const box = el("bench-crop").getBoundingClientRect(), part = (v) => Math.min(1, Math.max(0, v));
    return [part((event.clientY - box.top) / box.height), part((event.clientX - box.left) / box.width)];
  };

  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("#bench-crop") || event.button) return;
    event.preventDefault();
    crop.from = inCrop(event);
    event.target.closest("#bench-crop").setPointerCapture(event.pointerId);
    el("bench-crop-box").focus({ preventScroll: true });
  });
  document.addEventListener("pointermove", (event) => {
    if (!crop.from) return;
    const [y, x] = inCrop(event), [top, left] = crop.from;
    crop.box = [Math.min(y, top), Math.min(x, left), Math.max(y, top), Math.max(x, left)];
    drawBox();
  });
  document.addEventListener("pointerup", () => {
    if (!crop.from) return;
    crop.from = null;
    const [top, left, bottom, right] = crop.box;
    if (bottom - top < 0.02 || right - left < 0.02) crop.box = [0.25, 0.25, 0.75, 0.75];
    drawBox();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "bench-unit" && event.key === "Enter") takeUnit();
    if (event.target.id !== "bench-crop-box") return;
    const [top, left, bottom, right] = crop.box, step = 0.03;
    const by = {
      ArrowUp: [-step, 0, -step, 0], ArrowDown: [step, 0, step, 0], ArrowLeft: [0, -step, 0, -step], ArrowRight: [0, step, 0, step],
      "+": [-step, -step, step, step], "-": [step, step, -step, -step],
    }[event.key === "=" ? "+" : event.key];
    if (event.key === "Enter") return layCrop();
    if (!by) return;
    event.preventDefault();
    const next = [top, left, bottom, right].map((v, i) => v + by[i]);
    if (next[2] - next[0] < 0.04 || next[0] < 0 || next[1] < 0 || next[2] > 1 || next[3] > 1) return;
    crop.box = next;
    drawBox();
  });

  function takeUnit() {
    const field = el("bench-unit"), { about, patch } = bench(), at = patch || { x: 0.5, y: 0.5, size: 0.4, opacity: 1 };
    if (!field.checkValidity() || field.value === "") return field.reportValidity();
    const place = [at.x, at.y, at.size, at.opacity].map((v) => String(Number(v.toFixed(3)))).join();
    neuronscope.choose({ patch: ["icon", about.layer, field.value, place].join(":") });
  }

  // ---- works that take longer
  async function begin(button) {
    const box = el(button.dataset.into), { about, word, patch } = bench(), own = box.dataset.own;
    const { model, picture, a, b, layer, wall, sure, among } = about, task = JSON.parse(button.dataset.benchJob);
    const fade = (el("bench-faders") || { dataset: {} }).dataset.fade;
    const asked = { model, picture, a, b, layer, wall, sure, among, ...task };
    if (patch) Object.assign(asked, { patch: word(patch), size: patch.size });
    if (fade) asked.fade = JSON.parse(fade);
    const head = note("Beginning\u2026", "busy"), body = document.createElement("div");
    box.replaceChildren(head, body);
    box.dataset.state = "running";
    try {
      const answer = await fetch("/api/bench/job", { method: "POST", headers: OURS, body: JSON.stringify(asked) });
      const begun = await answer.json();
      if (!answer.ok) throw new Error(begun.error);
      await follow(begun.job, box, head, body, own);
    } catch (error) { head.replaceWith(note(plain(error), "error")); box.dataset.state = "failed"; }
  }

  async function follow(job, box, head, body, own) {
    box.dataset.job = job;
    for (;;) {
      const answer = await fetch("/api/bench/job?" + new URLSearchParams({ job })), found = await answer.json();
      if (!box.isConnected || box.dataset.own !== own || box.dataset.job !== job) { // nobody looks at it any more
        if (["waiting", "running"].includes(found.state)) cancel(job);
        return;
      }
      if (!answer.ok) throw new Error(found.error);
      if (found.markup) fill(body, found.markup);
      if (found.state === "failed") throw new Error(found.error);
      if (found.state === "cancelled") { head.replaceWith(note("Cancelled.", "quiet")); box.dataset.state = "cancelled"; return; }
      if (found.state === "done") { head.remove(); box.dataset.state = "done"; return over(found); }
      going(head, found, job);
      await new Promise((done) => setTimeout(done, 300));
    }
  }

  function going(head, found, job) {
    const left = found.left == null ? "" : `, about ${found.left} s left`;
    const text = found.total ? `${found.done} of ${found.total}${left} ` : "Waiting for its turn ";
    const stop = Object.assign(document.createElement("button"), { type: "button", className: "quiet-button", textContent: "cancel" });
    stop.onclick = () => cancel(job);
    head.replaceChildren(text, stop);
  }

  const cancel = (job) => fetch("/api/cancel?" + new URLSearchParams({ job }), { method: "POST", headers: OURS });

  function over({ task, found }) { // a recipe opens what it found
    if (task !== "bench_recipe" || !found.patch) return;
    neuronscope.choose({ view: "errors", stage: "picture", picture: found.picture, a: found.a, b: found.b });
    neuronscope.choose({ patch: found.patch });
    if (!found.pictured) {
      neuronscope.say("No photograph of this class is open, so the picture is one that the program drew of it. Open a folder of photographs for the real case.");
    }
  }

  // ---- faders
  const fader = { asking: false, again: false };

  const factors = () => [...document.querySelectorAll("[data-fader]")]
    .filter((f) => Number(f.value) !== 1).map((f) => `${f.dataset.fader}:${Number(f.value)}`).join();

  async function fade() {
    const line = el("bench-faded");
    if (!line) return;
    const set = factors();
    if (!set) { line.textContent = ""; return; }
    if (fader.asking) { fader.again = true; return; }
    fader.asking = true;
    try {
      const answer = await fetch("/api/bench/fade?" + bench().query({ fade: set })), found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      told(line, found);
    } catch (error) { line.textContent = plain(error); }
    fader.asking = false;
    if (fader.again) { fader.again = false; fade(); }
  }

  function told(line, { before, now, says }) {
    const { share, signed, about } = bench(), side = (i) => `${about.names[i]} ${share(before.probabilities[i])} \u2192 ${share(now.probabilities[i])}`;
    const answer = now.answer === before.answer ? `still says ${says}` : `now says ${says}`;
    line.dataset.now = now.margin;
    line.textContent = `Margin ${signed(before.margin)} \u2192 ${signed(now.margin)}; ${side(0)}, ${side(1)}; ${answer}.`;
  }

  document.addEventListener("input", ({ target }) => {
    if (target.dataset.fader === undefined) return;
    target.closest(".bench-fader").querySelector("output").textContent = `\u00d7 ${Number(target.value)}`;
    fade();
  });
  document.addEventListener("change", ({ target }) => {
    if (target.dataset.fader !== undefined) neuronscope.choose({ fade: factors() || null });
  });

  document.addEventListener("click", ({ target }) => {
    const opener = target.closest("[data-bench-open]"), tile = target.closest("[data-crop]"), job = target.closest("[data-bench-job]");
    if (opener) openPane(opener.dataset.benchOpen);
    if (tile) takePicture(tile.dataset.crop);
    if (job) begin(job);
    if (target.dataset.benchMore !== undefined) { target.previousElementSibling.classList.add("all"); target.remove(); }
    if (target.id === "bench-crop-take") layCrop();
    if (target.id === "bench-unit-take") takeUnit();
  });

  document.addEventListener("filled", ({ target }) => {
    if (target.id !== "err-bench" || !el("bench")) return;
    if (!el("bench-pane").childElementCount) open = null;
    marked();
    const line = el("bench-faded");
    // sliders keep their own value once touched: what the page says now comes first
    for (const field of target.querySelectorAll("[data-fader]")) if (document.activeElement !== field) field.value = field.defaultValue;
    if (line && !line.textContent) fade();
  });
})();
