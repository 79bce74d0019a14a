/* The Atlas page around its maps: the opened picture's places, classes found by name, and a build as it goes on. */
"use strict";

(function () {
  const el = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let place = null, job = null, names = null, asking = 0;

  // ---- the opened picture: its places and the map's dots mark each other
  function placeAt(event) {
    const canvas = event.target, box = canvas.getBoundingClientRect(), { rows, cols } = canvas.dataset;
    const at = [(event.clientY - box.top) / box.height * rows, (event.clientX - box.left) / box.width * cols].map(Math.floor);
    return at[0] < 0 || at[1] < 0 || at[0] >= rows || at[1] >= cols ? null : { row: at[0], col: at[1] };
  }

  const same = (p, q) => (p ? p.row : -1) === (q ? q.row : -1) && (p ? p.col : -1) === (q ? q.col : -1);
  const tell = (detail) => document.dispatchEvent(new CustomEvent("place-hover", { detail }));

  function paint() {
    const canvas = el("map-places");
    if (!canvas) return;
    const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1, { rows, cols } = canvas.dataset;
    canvas.width = Math.round(box.width * ratio); canvas.height = Math.round(box.height * ratio);
    if (!place) return;
    const pen = canvas.getContext("2d"), w = canvas.width / cols, h = canvas.height / rows;
    for (const [colour, grow] of [["#000", 2 * ratio], ["#fff", 0]]) {
      pen.strokeStyle = colour; pen.lineWidth = 2 * ratio;
      pen.strokeRect(place.col * w - grow, place.row * h - grow, w + 2 * grow, h + 2 * grow);
    }
  }

  document.addEventListener("pointermove", (event) => {
    const over = event.target.id === "map-places";
    if (!over && !asking) return;
    asking = over ? 1 : 0;
    const at = over ? placeAt(event) : null;
    if (!same(at, place)) tell(at);
  });
  document.addEventListener("click", (event) => {
    if (event.target.id === "map-places") tell(placeAt(event)); // touch has no hovering
  });
  document.addEventListener("place-hover", ({ detail }) => { place = detail; paint(); });
  document.addEventListener("filled", (event) => {
    if (event.target.id === "map-picture") paint();
    if (event.target.id === "map-classes") { offer(); if (job) told(job.last); }
    if (event.target.id === "map-head" && job) told(job.last);
  });

  // ---- a class by its name: the whole name, its number, or a part that only one class has
  async function offer() {
    const fields = document.querySelectorAll("#map-classes input[data-class]"), map = el("atlas");
    if (!fields.length || !map) return;
    const { model } = JSON.parse(map.dataset.asked || "null") || {};
    if (!names || names.model !== model) {
      try {
        const answer = await fetch("/api/names-of-classes?" + new URLSearchParams(model ? { model } : {}));
        const { classes, groups = [] } = await answer.json(); // groups count on after the classes
        names = { model, all: [...classes, ...groups], count: classes.length };
      } catch (error) { return; } // typed names are then looked for when the program answers again
    }
    let list = el("map-class-names");
    if (!list) {
      list = Object.assign(document.createElement("datalist"), { id: "map-class-names" });
      document.body.append(list);
    }
    if (list.dataset.model !== String(model)) {
      list.replaceChildren(...names.all.map((name) => Object.assign(document.createElement("option"), { value: name })));
      list.dataset.model = String(model);
    }
  }

  // The whole name, a group by one of its words ("dog" is enough for "dogs"), or a part of a name.
  function classOf(text) {
    const wanted = text.trim().toLowerCase(), all = (names ? names.all : []).map((n) => n.toLowerCase());
    if (/^\d+$/.test(wanted)) return Number(wanted) < (names ? names.count : 0) ? [Number(wanted)] : [];
    const those = (fits) => all.map((name, i) => (wanted && fits(name, i) ? i : -1)).filter((i) => i >= 0);
    const word = (name) => name === wanted || name === wanted + "s", group = (i) => i >= names.count;
    const whole = those((name) => name === wanted), kind = those((name, i) => group(i) && word(name));
    const oneOf = those((name, i) => group(i) && name.split(/,? (?:and )?/).some(word));
    return [whole, kind, oneOf].find((found) => found.length === 1) || (whole.length ? whole : those((name) => name.includes(wanted)));
  }

  document.addEventListener("change", (event) => {
    const name = event.target.dataset && event.target.dataset.class;
    if (!name || !event.target.closest("#map-classes")) return;
    const found = classOf(event.target.value);
    if (found.length === 1) {
      event.target.value = names.all[found[0]]; // what one is typing in is not filled anew
      return neuronscope.choose({ [name]: found[0] });
    }
    const some = found.slice(0, 4).map((i) => names.all[i] + (i < names.count ? " (" + i + ")" : "")).join(", ");
    neuronscope.say(found.length ? "Several classes are called so: " + some + ". Write one of them, or its number."
      : "No class of this network is called \u201c" + event.target.value + "\u201d.");
  });

  // ---- a build: begun by a click, followed until it ends; the map grows meanwhile
  document.addEventListener("click", async (event) => {
    if (!event.target.classList || !event.target.classList.contains("atlas-build") || job) return;
    const { model, layer, classes } = event.target.dataset;
    event.target.disabled = true;
    try {
      const asked = new URLSearchParams({ model, layer, ...(classes ? { classes } : {}) });
      const answer = await fetch("/api/atlas?" + asked, { method: "POST", headers: { "X-Neuronscope": "atlas" } });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      job = { id: found.job, last: null, from: chosen() };
      follow();
    } catch (error) { event.target.disabled = false; told({ error: error.message }); }
  });

  function minutes(seconds) {
    if (seconds == null) return "";
    return seconds > 90 ? `, about ${Math.round(seconds / 60)} min` : `, about ${Math.max(1, Math.round(seconds))} s`;
  }

  function told(status) {
    const line = el("atlas-building");
    for (const button of document.querySelectorAll(".atlas-build")) button.disabled = Boolean(job);
    if (!line || !status) return;
    line.hidden = status.state === "done" && !status.error;
    line.textContent = status.state === "cancelled" ? "Cancelled. What stands is kept, and the same button goes on with it."
      : status.error ? status.error : status.phase
      ? `${status.phase}: ${status.done.toLocaleString("en")} of ${status.total.toLocaleString("en")}${minutes(status.left)}` : "waiting\u2026";
  }

  // What is chosen, as the part of the page that says which map is shown knows it.
  const chosen = () => JSON.parse((neuronscope.parts || {})["map-choice"] || "{}");

  // The map that has grown is shown where it was asked for; the panels look again in any case.
  function grown({ key, map }, from) {
    const now = chosen(), here = location.pathname.startsWith("/atlas") && now.model === from.model && now.layer === from.layer;
    if (key && map && here && now.atlas !== key) return neuronscope.choose({ atlas: key });
    for (const name of ["map", "map-choice", "map-picture", "map-cell"]) {
      const part = (neuronscope.parts || {})[name];
      if (part) window.dash_clientside.set_props("for-" + name, { data: JSON.parse(part) });
    }
  }

  async function follow() {
    if (!job) return;
    try {
      const status = await (await fetch("/api/atlas?job=" + encodeURIComponent(job.id))).json(), { from } = job;
      job.last = status;
      const ended = ["done", "failed", "cancelled", "unknown"].includes(status.state), grew = status.map && status.map !== job.map;
      if (ended) job = null; else job.map = status.map;
      told(status);
      if (grew || ended) grown(status, from);
    } catch (error) { told({ error: "The program does not answer; is it still running?" }); }
    if (job) setTimeout(follow, 2500);
  }

  window.addEventListener("resize", paint);
})();
