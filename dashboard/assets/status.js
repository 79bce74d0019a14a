/* What the worker is at: running jobs with estimate and cancel, and its notices (it stopped and was started). */
"use strict";

(function () {
  let away = false, seen = ""; // "" at first: what happened before this page was opened is no news

  function jobRow(job) {
    const row = document.createElement("span");
    row.className = "job";
    const bar = document.createElement("progress");
    if (job.total) { bar.max = job.total; bar.value = job.done; }
    const left = job.left == null ? "" : " " + (job.left < 1.5 ? "1 s" : job.left < 90 ? Math.round(job.left) + " s" : Math.round(job.left / 60) + " min");
    if (job.whole) row.title = job.whole;
    const stop = document.createElement("button");
    stop.type = "button"; stop.textContent = "\u00d7"; stop.title = "Cancel: " + job.label;
    stop.setAttribute("aria-label", stop.title);
    stop.onclick = () => fetch("/api/cancel?job=" + encodeURIComponent(job.id),
      { method: "POST", headers: { "X-Neuronscope": "cancel" } });
    row.append(job.label + left, bar, stop);
    return row;
  }

  async function look() {
    try {
      const answer = await fetch("/api/status?seen=" + seen);
      const status = await answer.json();
      if (away) { away = false; neuronscope.say(""); location.reload(); }
      const box = document.getElementById("jobs");
      const own = status.running.find((job) => job.whole); // what somebody has asked for, before what goes on by itself
      if (box) box.replaceChildren(...(own ? [own] : status.running.slice(0, 1)).map(jobRow));
      document.dispatchEvent(new CustomEvent("jobs", { detail: status }));
      for (const text of status.notices) neuronscope.say(text);
      seen = status.seen;
    } catch (error) {
      if (!away) neuronscope.say("The program does not answer; is it still running in its terminal?");
      away = true;
    }
    setTimeout(look, document.hidden ? 5000 : 1200);
  }
  setTimeout(look, 500);
})();
