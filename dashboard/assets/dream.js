/* Dream: the result forms while one looks. What is wanted stands in #dream-shown's data-dream; it is asked for
   three times a second until it is there. A small one that no page asks for any more is given up by the server; one in
   full size goes on (dream_making.js). */
"use strict";

(function () {
  const el = (id) => document.getElementById(id);
  const over = (answer) => answer && ["done", "failed", "stopped"].includes(answer.state);
  const ours = { method: "POST", headers: { "X-Neuronscope": "dream" } };
  let wanted = null, answer = null, timer = null, asking = false, again = false; // again: also where it was stopped
  const costs = {}; // seconds that the whole of a small one takes; null while they are measured

  const visible = () => { const shown = el("dream-shown"); return shown && shown.offsetParent ? shown : null; };

  // ---- what is there is shown ----

  function seconds(value) { return value < 1.5 ? "1 s" : value < 90 ? Math.round(value) + " s" : Math.round(value / 60) + " min"; }

  function picture(img, url) {
    if (url && img.getAttribute("src") !== url) img.src = url;
  }

  function said(now) {
    if (!now) return "waiting for its turn";
    if (now.state === "failed") return now.error;
    if (now.state === "stopping") return "stopping after this step";
    if (now.state === "stopped") return stopped(now);
    if (now.state === "done") {
      const made = now.seconds == null ? "" : `made in ${seconds(now.seconds)}`;
      return now.held && !JSON.parse(wanted).preview ? `${made}, but not kept: ${now.held}` : made;
    }
    if (now.line) return neuronscope.inLine(now.line, seconds);
    const left = now.left == null ? "" : `, about ${seconds(now.left)} left`;
    return now.words ? now.words + left : "waiting for its turn";
  }

  // A film goes on from its frame; of anything else it is said whether it was kept.
  function stopped(now) {
    const film = el("dream-shown").dataset.mode === "stream", at = film && now.words ? `Paused at ${now.words}` : "Stopped";
    if (now.held) return `${at}, not kept: ${now.held}`;
    if (now.cut) return `It was cut off when the program ended; ${film ? "the frames that it had are kept" : "nothing of it was kept"}.`;
    return at + (now.saved ? "; what is there is kept." : JSON.parse(wanted).preview ? "." : "; nothing was kept.");
  }

  // Several pictures that are finished stand side by side; a click opens one of them. The sheet that formed stays until
  // they are there: nothing below it jumps.
  function parts(now) {
    const box = el("dream-parts"), many = (over(now) && now.parts) || [], text = JSON.stringify(many);
    const nothing = over(now) && !now.url; // failed, or stopped before the first step
    const swap = () => {
      if (box.dataset.shown !== text) return;
      box.hidden = !many.length;
      el("dream-stage").hidden = many.length > 0 || nothing;
    };
    if (box.dataset.shown === text) return void (box.dataset.loading || swap());
    box.dataset.shown = text;
    box.dataset.loading = "yes";
    box.dataset.count = many.length;
    box.replaceChildren(...many.map((one) => {
      const button = document.createElement("button"), img = document.createElement("img"), name = document.createElement("span");
      button.type = "button";
      button.dataset.do = JSON.stringify(one.choice);
      button.title = `Open ${one.name}`;
      img.src = one.url;
      img.alt = name.textContent = one.name;
      button.append(img, name);
      if (one.after) button.append(neuronscope.toldOfTwo(one, many, el("dream-shown").dataset.measure));
      return button;
    }));
    const there = [...box.querySelectorAll("img")].map((img) => img.decode().catch(() => null)); // one that is gone: its name
    Promise.all(there).then(() => { if (box.dataset.shown === text) delete box.dataset.loading; swap(); });
    if (!many.length) { delete box.dataset.loading; swap(); }
  }

  function fill() {
    const now = answer || {}, shown = el("dream-shown"), mode = shown.dataset.mode, film = mode === "stream";
    shown.dataset.state = now.state || "waiting";
    picture(el("dream-after"), now.url);
    const stage = el("dream-stage"), sheet = mode === "layers" || mode === "two", moves = film;
    stage.classList.toggle("single", !now.before || sheet || moves);
    stage.classList.toggle("sheet", sheet);
    if (now.before) picture(el("dream-before"), now.before);
    const [wide, high] = now.size || [1, 1];
    stage.style.aspectRatio = sheet ? "" : `${wide} / ${high}`;
    stage.style.setProperty("--shape", wide / high);
    parts(now);
    el("dream-size").textContent = now.size && over(now) ? `${wide} \u00d7 ${high}` : "";
    const bar = el("dream-progress").querySelector("progress");
    bar.hidden = film && now.total === 0 && now.state === "running"; // without end
    bar.value = over(now) ? 1 : (now.done || 0) / (now.total || 1);
    el("dream-said").textContent = said(answer);
    el("dream-stop").hidden = over(now) || now.state === "stopping";
    el("dream-stop").textContent = film ? "Pause" : "Stop";
    el("dream-on").hidden = now.state !== "stopped" && now.state !== "failed";
    el("dream-on").textContent = film ? "go on" : now.state === "failed" ? "try again" : "dream it whole";
    el("dream-numbers").textContent = neuronscope.toldOfDream(now.numbers, shown.dataset.measure, JSON.parse(wanted || shown.dataset.dream));
    tools(now);
    document.dispatchEvent(new CustomEvent("dreamt", { detail: { now, wanted, rests: over(now) } }));
  }

  function tools(now) {
    const there = Boolean(now.id) && over(now), hide = (id, hidden) => { if (el(id)) el(id).hidden = hidden; };
    const frames = el("dream-shown").dataset.mode === "stream" && ["stopped", "failed"].includes(now.state) && now.url; // a film of what is there
    hide("dream-save", !there && !frames);
    const endless = el("dream-many");
    if (frames && (endless || !there)) el("dream-save").href = "/api/dream/film.gif?" + filmed();
    el("dream-save").download = frames && (endless || !there) ? "dream.gif" : "";
    hide("dream-ends-of", !frames);
    el("dream-save").textContent = el("dream-shown").dataset.mode === "stream" ? "save as GIF" : "save";
    hide("dream-full", now.state === "failed"); // it would fail likewise
    hide("dream-again", !there || now.kind !== "png" || Boolean(now.parts));
    hide("dream-keep", !there || Boolean(now.saved));
    const whole = Boolean(now.held) && !JSON.parse(wanted).preview;
    if (el("dream-keep")) el("dream-keep").textContent = whole ? "try again to keep it" : "keep";
    hide("dream-more", now.state !== "done");
    hide("dream-film", el("dream-shown").dataset.mode !== "stream" || !over(now) || now.state === "failed");
    if (there && !(frames && endless)) el("dream-save").href = `/dreams/${now.id}.${now.kind}?save=1`;
    if (!el("dream-cost")) return;
    el("dream-cost").textContent = now.state === "done" && costs[wanted] ? `, about ${seconds(costs[wanted])}` : "";
    if (now.state === "done" && !(wanted in costs)) price(wanted);
  }

  // What the whole takes is measured once the small one is there, and said when it is known.
  async function price(asked) {
    costs[asked] = null;
    try {
      const said = await fetch("/api/dream/cost?" + new URLSearchParams({ wish: asked }));
      costs[asked] = said.ok ? (await said.json()).seconds : 0;
    } catch (error) { /* the server is away: status.js says so */ }
    if (asked !== wanted || !visible()) return void (costs[asked] || delete costs[asked]);
    if (costs[asked] == null) setTimeout(() => asked === wanted && price(asked), 700);
    else fill();
  }

  // Of a stream without end: which frames, and how many of them.
  function filmed() {
    const end = el("dream-end"), many = el("dream-many");
    return new URLSearchParams({ wish: wanted, ...(many ? { end: end.value, many: many.value || 120 } : {}) });
  }
  document.addEventListener("film-part", () => { if (answer) tools(answer); });

  // ---- what is wanted is asked for ----

  async function ask() {
    const asked = wanted;
    const query = new URLSearchParams({ wish: asked, ...(again ? { again: "1" } : {}), ...(document.hidden ? {} : { seen: "1" }) });
    again = false;
    const said = await fetch("/api/dream?" + query);
    const now = await said.json();
    if (asked !== wanted) return;
    const before = answer;
    answer = said.ok ? now : { state: "failed", error: now.error };
    if (!before || before.state !== answer.state) document.dispatchEvent(new Event("dream-state")); // the list tells of it, too
    if (over(answer) && answer.saved && !(over(before) && before.saved)) changed();
    fill();
  }

  async function round() {
    timer = null;
    const shown = visible();
    if (!shown) return;
    if (asking) return soon(100);
    if (wanted !== shown.dataset.dream) { wanted = shown.dataset.dream; answer = null; again = false; fill(); }
    else if (over(answer) && !again) return fill();
    asking = true;
    try { await ask(); } catch (error) { /* the server is away: status.js says so */ }
    asking = false;
    if (!over(answer) || wanted !== (visible() || shown).dataset.dream) soon(document.hidden ? 1500 : 300);
  }

  function soon(wait) {
    if (timer) clearTimeout(timer);
    timer = setTimeout(round, wait || 0);
  }

  // Something was kept or removed: the list is filled anew.
  function changed() { window.dash_clientside.set_props("dream-tick", { data: Date.now() }); }

  const appears = new ResizeObserver(() => soon());
  document.addEventListener("filled", (event) => {
    if (event.target.id === "dream-result") {
      const shown = el("dream-shown");
      if (shown) { appears.observe(shown); slide(); soon(); }
    }
    if (event.target.id === "dream-modes") { // a phone shows half of them
      const row = event.target.querySelector("nav"), now = row && row.querySelector("[aria-current]");
      if (now) row.scrollLeft = now.offsetLeft - row.offsetLeft - (row.clientWidth - now.offsetWidth) / 2;
    }
    if (event.target.id === "dream-how" || event.target.id === "dream-what") {
      for (const field of event.target.querySelectorAll("input")) field.value = field.defaultValue;
      for (const list of event.target.querySelectorAll("select")) { // what somebody chose by hand outlives Back
        const now = list.querySelector("option[selected]");
        if (now) list.value = now.value;
      }
    }
  });

  // ---- before and after ----

  function slide() {
    const field = el("dream-slider");
    if (!field) return;
    el("dream-stage").style.setProperty("--cut", field.value + "%");
    el("dream-stage").classList.toggle("uncut", field.value === "0" || field.value === "100"); // no line along the edge
  }
  document.addEventListener("input", (event) => { if (event.target.id === "dream-slider") slide(); });

  // ---- what a person does ----

  async function post(path, query) {
    try {
      const said = await fetch(path + "?" + new URLSearchParams(query), ours);
      const found = await said.json();
      if (!said.ok) throw new Error(found.error);
      return found || {};
    } catch (error) { neuronscope.say(error.message); return null; }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("#dream-stop, #dream-on, #dream-again, #dream-keep, #dream-film, [data-remove], [data-reset]");
    if (!button) return;
    if (button.dataset.remove) {
      if (sure(button) && await post("/api/dream/remove", { id: button.dataset.remove })) changed();
      return;
    }
    if (button.dataset.reset) {
      const field = el("dream-how-" + button.dataset.reset);
      field.value = usual()[button.dataset.reset];
      return how();
    }
    if (button.id === "dream-stop") {
      answer = { ...answer, state: "stopping" };
      fill();
      await post("/api/dream/stop", { wish: wanted });
      soon();
    }
    if (button.id === "dream-on") { answer = null; again = true; fill(); soon(); }
    if (button.id === "dream-again") {
      const found = await post("/api/dream/again", { id: answer.id });
      if (found) neuronscope.choose({ picture: found.picture, start: "picture" });
    }
    if (button.id === "dream-film") film(button);
    if (button.id === "dream-keep" && await post("/api/dream/keep", { wish: wanted })) {
      answer = { ...answer, saved: true, held: null };
      fill();
      changed();
    }
  });

  // What may have taken hours is gone at the second click, not at the first.
  function sure(button) {
    if (button.dataset.sure) return true;
    const [text, label] = [button.textContent, button.getAttribute("aria-label")];
    const back = () => { delete button.dataset.sure; button.textContent = text; button.setAttribute("aria-label", label); };
    button.dataset.sure = "yes";
    button.textContent = "remove?";
    button.setAttribute("aria-label", `${label}. Press again to remove it for good`);
    button.addEventListener("blur", back, { once: true });
    setTimeout(() => { if (button.dataset.sure) back(); }, 5000);
    return false;
  }

  async function film(button) {
    button.disabled = true;
    neuronscope.say("Writing the film\u2026");
    try {
      const said = await fetch("/api/dream/film.mp4?" + filmed());
      if (!said.ok) throw new Error((await said.json()).error);
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await said.blob()), download: "dream.mp4" });
      link.click();
      neuronscope.say("");
    } catch (error) { neuronscope.say(error.message); }
    button.disabled = false;
  }

  // A file that the program made opens as the dream that it was made by; true if it was one.
  neuronscope.reopen = async function (file, quiet) {
    const shown = el("dream-shown"), model = shown ? JSON.parse(shown.dataset.dream).model : "";
    const said = await fetch("/api/dream/open?" + new URLSearchParams({ name: file.name || "picture", model }), { ...ours, body: file });
    const found = await said.json();
    if (!said.ok) { if (!quiet) neuronscope.say(found.error); return false; }
    if (found.missing) neuronscope.say(`Made of ${found.missing}, which is not open here: drop it onto the page; its settings are taken over.`);
    neuronscope.choose(Object.fromEntries(Object.entries(found.changes).filter(([k, v]) => k !== "picture" || v)));
    return true;
  };

  const usual = () => JSON.parse(el("dream-settings").dataset.usual);

  // What differs from the usual, as the address holds it.
  function how() {
    const base = usual(), parts = [];
    for (const field of document.querySelectorAll("[data-how]")) {
      if (field.tagName === "SELECT") { if (field.value !== base[field.dataset.how]) parts.push(`${field.dataset.how}:${field.value}`); continue; }
      const value = field.value === "" ? base[field.dataset.how] : Number(field.value);
      const kept = Math.min(Math.max(value, Number(field.min)), Number(field.max));
      field.value = kept;
      if (kept !== base[field.dataset.how]) parts.push(`${field.dataset.how}:${kept}`);
    }
    neuronscope.choose({ how: parts.join(",") || null });
  }

  function units(field) {
    const most = Number(field.dataset.units), found = (field.value.match(/\d+/g) || []).map(Number);
    const good = [...new Set(found)].filter((u) => u < most).sort((a, b) => a - b).slice(0, 32);
    if (good.length < found.length || (field.value.trim() && !found.length)) neuronscope.say(`This layer has neurons 0 to ${most - 1}; 32 at once at the most.`);
    neuronscope.choose({ look: good.join(",") || "all" });
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "dream-file" && event.target.files.length) {
      neuronscope.reopen(event.target.files[0]);
      event.target.value = "";
    }
    if (event.target.dataset.how) how();
    if (event.target.id === "dream-second-layer") neuronscope.choose({ second_layer: event.target.value || null });
    if (event.target.id === "dream-layer") neuronscope.choose({ layer: event.target.value });
    if (event.target.id === "dream-units") units(event.target);
  });
})();
