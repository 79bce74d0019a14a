/* Dreams in full size that are in the making, wait for their turn, or came to nothing: tiles before those that are kept,
   with how far each is. The server tells of them (/api/dream/making); they go on whatever is shown. */
"use strict";

(function () {
  const el = (id) => document.getElementById(id);
  let last = null, asking = false; // last: what was there, by ids and states

  function time(value) { return value < 1.5 ? "1 s" : value < 90 ? Math.round(value) + " s" : Math.round(value / 60) + " min"; }

  neuronscope.inLine = function ({ before, ahead }, said) {
    return `in line: ${before === 1 ? "another dream" : before + " dreams"} first` + (ahead == null ? "" : `, about ${said(ahead)} more`);
  };

  function told(one) {
    if (one.cut) return `cut off when the program ended; ${one.do.mode === "stream" ? "the frames that it had are" : "nothing of it was"} kept`;
    if (one.held) return `${one.state === "done" ? "made" : "stopped"}, but not kept: ${one.held}`;
    if (one.state === "failed") return one.error;
    if (one.state === "stopping") return "stopping after this step";
    if (one.line) return neuronscope.inLine(one.line, time);
    return (one.words || "waiting for its turn") + (one.left == null ? "" : `, about ${time(one.left)} left`);
  }

  function tile() {
    const figure = document.createElement("figure");
    figure.innerHTML = '<button type="button"><div class="dream-pair"><img alt="so far"></div></button><progress max="1" value="0"></progress>' +
      '<figcaption class="caption"><b></b><span></span></figcaption><button type="button" class="dream-remove">\u00d7</button>';
    return figure;
  }

  function fill(figure, one) {
    const [open, remove] = figure.querySelectorAll("button"), bar = figure.querySelector("progress"), img = figure.querySelector("img");
    const going = ["running", "stopping", "waiting"].includes(one.state);
    figure.dataset.state = one.state;
    open.dataset.do = JSON.stringify(one.do);
    open.title = `Open: ${one.title}`;
    open.setAttribute("aria-label", open.title);
    const src = one.url || one.start;
    img.hidden = !src;
    if (src && img.getAttribute("src") !== src) img.src = src;
    bar.hidden = !going || !(one.total || one.line); // a stream without end is nowhere on its way
    bar.value = (one.done || 0) / (one.total || 1);
    bar.setAttribute("aria-label", `How far it is: ${one.title}`);
    figure.querySelector("b").textContent = one.title;
    figure.querySelector("span").textContent = told(one);
    remove.dataset.end = one.id;
    remove.title = !going ? "Tell no more of it" : one.line ? "Take it out of the line" : "Stop it now; what is there is kept";
    remove.setAttribute("aria-label", `${remove.title}: ${one.title}`);
    remove.disabled = one.state === "stopping";
  }

  function show(all) {
    const box = el("dream-making"), there = new Map([...box.children].map((figure) => [figure.dataset.id, figure]));
    const now = all.map((one) => {
      const figure = there.get(one.id) || tile();
      figure.dataset.id = one.id;
      fill(figure, one);
      return figure;
    });
    if (now.length !== box.children.length || now.some((figure, i) => box.children[i] !== figure)) box.replaceChildren(...now);
    const state = all.map((one) => [one.id, one.state].join()).join(";");
    if (last !== null && last !== state) window.dash_clientside.set_props("dream-tick", { data: Date.now() }); // perhaps it is kept now
    last = state;
  }

  async function look() {
    const box = el("dream-making");
    if (!box || !el("dream-gallery").offsetParent || asking) return;
    asking = true;
    try {
      const said = await fetch("/api/dream/making");
      if (said.ok && box.isConnected) show(await said.json());
    } catch (error) { /* the server is away: status.js says so */ }
    asking = false;
  }

  document.addEventListener("jobs", (event) => { if (last || event.detail.running.some((job) => job.whole)) look(); });
  document.addEventListener("dream-state", look);
  document.addEventListener("filled", (event) => { if (event.target.id === "dream-gallery") look(); });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-end]");
    if (!button) return;
    button.disabled = true;
    await fetch("/api/dream/end?" + new URLSearchParams({ id: button.dataset.end }), { method: "POST", headers: { "X-Neuronscope": "dream" } });
    button.disabled = false;
    look();
  });
})();
