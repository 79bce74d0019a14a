/* The Errors page: which stage is shown, how far the pass over the pictures is, the real patches of the evidence. */
"use strict";

(function () {
  let following = null, shown = false, turned = "", watched = null, asked = {};

  // ---- the pass: the panels are asked again when more is known
  async function follow(model) {
    if (following === model) return;
    following = model;
    let last = null, wait = 700;
    while (following === model && shown) {
      try {
        const answer = await fetch("/api/evaluation?" + new URLSearchParams({ model }));
        const status = await answer.json();
        say(model, status);
        const over = !["waiting", "running"].includes(status.state);
        const stale = over && unanswered(model + status.known); // it ended before the first answer
        if (stale || (last !== null && (status.known !== last || over))) {
          window.dash_clientside.set_props("err-tick", { data: `${status.known}${status.state}${asked.times || ""}` });
        }
        if (over) break;
        last = status.known;
      } catch (error) { } // status.js says that the program is away; it is asked again
      wait = Math.min(2000, wait * 1.5);
      await new Promise((done) => setTimeout(done, wait));
    }
    if (following === model) following = null; // another network's pass may be followed by now
  }

  // A panel that was filled before anything was known says so: it is asked again, a few times at most, for what it
  // says may be true of all that is known, too.
  function unanswered(known) {
    const lines = "#view-errors .note.busy:not([data-job]), #view-errors .note.error";
    if (![...document.querySelectorAll(lines)].some((line) => line.offsetParent)) return false;
    asked = asked.known === known ? asked : { known, times: 0 };
    asked.times += 1;
    return asked.times <= 3;
  }

  function say(model, status) {
    const line = document.getElementById("err-going");
    if (!line) return;
    line.replaceChildren();
    if (!["cancelled", "failed"].includes(status.state)) return;
    const text = status.state === "failed" ? "try again" : `cancelled after ${status.known}: go on`;
    const again = Object.assign(document.createElement("button"), { type: "button", className: "pill", textContent: text });
    again.onclick = async () => {
      await fetch("/api/evaluation?" + new URLSearchParams({ model }), { method: "POST", headers: { "X-Neuronscope": "evaluate" } });
      window.dash_clientside.set_props("err-tick", { data: "again" + Date.now() });
      follow(model);
    };
    line.append(again);
  }

  // ---- real patches of the evidence, as soon as the open pictures are looked through
  const patches = new Map();

  async function patch(row) {
    const { model, layer, unit, count } = row.dataset, key = [model, layer, unit, count].join("|");
    if (row.dataset.shown === key) return;
    if (!patches.has(key)) {
      try {
        const answer = await fetch("/api/patches?" + new URLSearchParams({ model, layer, unit, count }));
        const found = await answer.json();
        if (["waiting", "running"].includes(found.state)) return void setTimeout(() => row.isConnected && patch(row), 1500);
        if (found.state !== "done") return; // cancelled, say: asked again when the panel is filled anew
        patches.set(key, found.patches);
      } catch (error) { return; }
    }
    row.dataset.shown = key;
    row.replaceChildren(...patches.get(key).map(({ url, picture, name }) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: "Open " + name });
      button.dataset.do = JSON.stringify({ picture, stage: "picture" });
      button.setAttribute("aria-label", button.title);
      button.append(Object.assign(document.createElement("img"), { src: url, alt: "Patch of " + name }));
      return button;
    }));
  }

  // ---- a panel that waits for a job is asked again when that is over
  const waiting = new Set();

  async function wait(line) {
    const { job } = line.dataset;
    if (waiting.has(job)) return;
    waiting.add(job);
    while ([...document.querySelectorAll(`[data-job="${job}"]`)].some((el) => el.offsetParent)) {
      await new Promise((done) => setTimeout(done, 600));
      try {
        const status = await (await fetch("/api/job?" + new URLSearchParams({ id: job }))).json();
        if (["cancelled", "failed"].includes(status.state)) { ended(line, status); break; }
        if (!["waiting", "running"].includes(status.state)) {
          window.dash_clientside.set_props("err-tick", { data: job + status.state });
          break;
        }
        const left = status.left == null ? "" : `, about ${Math.max(1, Math.round(status.left))} s left`;
        for (const part of document.querySelectorAll(`[data-job="${job}"] .so-far`)) {
          part.textContent = status.total ? ` ${status.done} of ${status.total}${left}` : "";
        }
      } catch (error) { await new Promise((done) => setTimeout(done, 2000)); } // the program is away: asked again
    }
    waiting.delete(job);
  }

  function ended(line, status) { // asked again at once it would begin anew: that is for the person to say
    const again = Object.assign(document.createElement("button"), { type: "button", className: "pill", textContent: "try again" });
    again.onclick = () => window.dash_clientside.set_props("err-tick", { data: "again" + Date.now() });
    line.classList.remove("busy");
    line.replaceChildren((status.error || "This was cancelled.") + " ", again);
  }

  document.addEventListener("filled", ({ target }) => {
    for (const line of target.querySelectorAll("[data-job]")) wait(line);
    for (const row of target.querySelectorAll(".row-patches")) patch(row);
    const going = document.getElementById("err-going");
    if (going && shown) follow(going.dataset.model);
  });

  // ---- what still shows the view before is pale, until every panel has caught up
  function turn(page, view) {
    if (turned === view) return;
    turned = view;
    page.classList.add("turned");
    if (watched === page) return;
    watched = page;
    new MutationObserver(() => {
      if (!page.querySelector("[data-dash-is-loading]")) page.classList.remove("turned");
    }).observe(page, { subtree: true, attributes: true, attributeFilter: ["data-dash-is-loading"] });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside);
  window.dash_clientside.errors = {
    stage(data) {
      shown = Boolean(data) && data.view === "errors";
      if (!shown) return "";
      turn(document.getElementById("errors-page"), [data.stage, data.wall, data.picture].join("|"));
      for (const part of document.querySelectorAll(".err-stage")) {
        part.hidden = !part.dataset.stage.split(" ").includes(data.stage);
      }
      window.scrollTo(0, 0);
      return "";
    },
  };
})();
