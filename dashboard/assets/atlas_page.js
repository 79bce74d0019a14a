/* The Atlas page around its maps: the opened picture's places, and a build as it goes on. */
"use strict";

(function () {
  const el = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let place = null, job = null, asking = 0;

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
    if (["map-classes", "map-head"].includes(event.target.id) && job) told(job.last);
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
