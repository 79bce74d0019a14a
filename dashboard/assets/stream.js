/* A stream's course: what is typed into its changes becomes the address's "then" (analysis/dream/schedule.py); its
   frames: which become a film, and what is kept of them. dream.js says "dreamt" whenever it has heard how far it is. */
"use strict";

(function () {
  const el = (id) => document.getElementById(id);
  let frame = null, opened = null, heldFor = null;

  const course = () => {
    const at = el("dream-then");
    return { moments: JSON.parse(at.dataset.then), again: Number(at.dataset.repeats), own: at.dataset.ownLayer, model: at.dataset.model };
  };

  function choose({ moments, again }) {
    const last = moments.length ? moments[moments.length - 1].frame : 0;
    const parts = moments.map((m) => `${m.frame}:${m.what}${m.strength === 1 ? "" : ":" + m.strength}`);
    if (again && moments.length) parts.push(`${Math.max(again, last + 1)}:again`);
    neuronscope.choose({ then: parts.join(",") || null });
  }

  // ---- what holds at a frame, as the engine has it ----

  function at({ moments, again, own }, number) {
    const all = moments.length && !moments[0].frame ? [...moments] : [{ frame: 0, what: own, strength: 1 }, ...moments];
    if (again) all.push({ ...all[0], frame: again });
    const place = again ? number % again : number, next = all.find((m) => m.frame > place);
    const last = all.filter((m) => m.frame <= place).pop();
    const share = next ? (place - last.frame) / (next.frame - last.frame) : 0;
    return { what: last.what, strength: last.strength + share * ((next || last).strength - last.strength) };
  }

  // A change put in while it runs leaves the frames before as they are: what holds now is held fast.
  function added(before, moment) {
    const put = (moments, one) => [...moments.filter((m) => m.frame !== one.frame), one].sort((a, b) => a.frame - b.frame);
    const after = { ...before, moments: put(before.moments, moment) };
    if (frame == null || before.again || moment.frame <= frame) return after;
    const was = at(before, frame), now = at(after, frame);
    if (Math.abs(was.strength - now.strength) < 1e-9 || frame < 1) return after;
    const pin = { frame, what: was.what, strength: Number(was.strength.toFixed(6)) };
    return { ...after, moments: put(after.moments, pin) };
  }

  // ---- fields ----

  async function classOf(text, model) {
    const answer = await (await fetch("/api/names-of-classes?" + new URLSearchParams({ model }))).json();
    const names = answer.classes.map((n) => n.toLowerCase()), wanted = text.trim().toLowerCase();
    if (/^\d+$/.test(wanted)) return Number(wanted) < names.length ? Number(wanted) : null;
    const whole = names.indexOf(wanted);
    if (whole >= 0) return whole;
    const some = names.map((n, i) => (wanted && n.includes(wanted) ? i : -1)).filter((i) => i >= 0);
    return some.length === 1 ? some[0] : null;
  }

  async function read(box) {
    const field = (name) => box.querySelector(`[data-then-field="${name}"]`);
    const bounded = (f, usual) => Math.min(Math.max(f.value === "" ? usual : Number(f.value), Number(f.min)), Number(f.max));
    const layer = field("layer").value, part = field("part").value;
    let what = layer;
    if (layer === "class") {
      if (!part.trim()) return null; // the class is still to be named
      const index = await classOf(part, course().model);
      if (index == null) { neuronscope.say(`No class, or several, are called \u201c${part}\u201d: write its whole name or number.`); return null; }
      what = `class:${index}`;
    } else {
      const units = /[^\d\s,]/.test(part) ? [] : part.match(/\d+/g) || [];
      what = [layer, ...[...new Set(units.map(Number))].sort((a, b) => a - b)].slice(0, 33).join("/");
    }
    return { frame: Math.round(bounded(field("frame"), 0)), what, strength: Number(bounded(field("strength"), 1).toFixed(6)) };
  }

  // The frame that nobody has typed is the next one: the stream ran on while the rest was chosen.
  async function add() {
    const moment = await read(el("then-new"));
    if (!moment) return;
    if (el("then-new-frame").dataset.auto && frame != null) moment.frame = frame + 2;
    choose(added(course(), moment));
  }

  async function alter(box) {
    const known = Number(box.dataset.moment), moment = await read(box), now = course();
    if (!moment) return;
    const others = now.moments.filter((m) => m.frame !== known && m.frame !== moment.frame);
    opened = moment.frame;
    choose({ ...now, moments: [...others, moment].sort((a, b) => a.frame - b.frame) });
  }

  function remove(name) {
    const now = course();
    if (name === "again") return choose({ ...now, again: 0 });
    choose({ ...now, moments: now.moments.filter((m) => m.frame !== Number(name)) });
  }

  // A class needs a name, a layer may have neurons.
  function kind(box) {
    const part = box.querySelector('[data-then-field="part"]'), isClass = box.querySelector("select").value === "class";
    part.placeholder = isClass ? "class" : "all";
    part.parentElement.querySelector("span").textContent = isClass ? "which class" : "neurons";
    part.value = "";
    if (isClass) part.focus();
  }

  document.addEventListener("change", ({ target }) => {
    if (target.id === "then-again") { const now = course(); return choose({ ...now, again: Math.round(Number(target.value)) }); }
    if (target.id === "dream-end" || target.id === "dream-many") document.dispatchEvent(new Event("film-part"));
    const box = target.dataset.thenField && target.closest("[data-moment]");
    if (!box) return;
    if (target.dataset.thenField === "layer") kind(box);
    if (box.dataset.moment !== "new") alter(box);
  });

  document.addEventListener("input", ({ target }) => { if (target.id === "then-new-frame") delete target.dataset.auto; });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-then-add], [data-then-remove], #dream-clear");
    if (!button) return;
    if (button.id === "dream-clear") return void clear();
    if (button.dataset.thenRemove) return remove(button.dataset.thenRemove);
    add();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest("#then-new .then-fields")) { event.preventDefault(); add(); }
  });

  document.addEventListener("filled", ({ target }) => {
    if (target.id !== "dream-course") return;
    for (const field of target.querySelectorAll("input")) field.value = field.defaultValue;
    for (const list of target.querySelectorAll("select")) list.value = (list.querySelector("option[selected]") || list.options[0]).value;
    const now = opened != null && el(`then-${opened}`);
    if (now) now.open = true;
    opened = null;
    const fresh = el("then-new-frame");
    if (fresh) delete fresh.dataset.auto;
    mark();
  });

  // ---- while it runs, and when it rests ----

  function mark() {
    const track = el("then-track"), line = track && track.querySelector(".then-now");
    if (!line) return;
    const { again } = course(), end = Number(track.dataset.end), place = again ? frame % again : frame;
    line.hidden = frame == null || place > end;
    line.style.left = `${(100 * place) / end}%`;
  }

  document.addEventListener("dreamt", ({ detail: { now, wanted, rests } }) => {
    const line = el("dream-held-line");
    if (!line) { frame = null; return; }
    frame = now.frame == null ? frame : now.frame;
    if (now.frame == null && !rests) frame = null;
    mark();
    const box = el("then-new"), field = el("then-new-frame");
    if (field && frame != null && !box.contains(document.activeElement) && !course().again) {
      const last = course().moments.reduce((most, m) => Math.max(most, m.frame), 0);
      if (frame + 2 > last) { field.value = frame + 2; field.dataset.auto = "yes"; }
    }
    if (!rests) { line.hidden = true; heldFor = null; }
    else if (heldFor !== wanted + now.state) { heldFor = wanted + now.state; held(wanted); }
  });

  async function held(wanted) {
    const said = await fetch("/api/dream/held?" + new URLSearchParams({ wish: wanted }));
    if (!said.ok || !el("dream-held-line")) return;
    show(await said.json());
  }

  function show({ spans, bytes }) {
    const named = spans.map(([first, last]) => `${(first + 1).toLocaleString("en")} to ${(last + 1).toLocaleString("en")}`);
    el("dream-held-line").hidden = !spans.length;
    el("dream-held").textContent = `Frames ${named.join(" and ")} are kept, about ${Math.max(1, Math.round(bytes / 2 ** 20))} MB. `;
  }

  async function clear() {
    const wish = el("dream-shown").dataset.dream, ours = { method: "POST", headers: { "X-Neuronscope": "dream" } };
    const said = await fetch("/api/dream/clear?" + new URLSearchParams({ wish }), ours);
    if (said.ok) { show(await said.json()); frame = null; mark(); neuronscope.say("The frames are gone; it begins anew."); }
    else neuronscope.say((await said.json()).error);
  }
})();
