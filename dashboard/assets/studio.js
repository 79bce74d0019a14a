/* Pictures that form while one compares them: every element with data-render says what it wants, and is filled
   wherever something in it has data-put. What is no longer in the page is not asked for, and so given up. */
"use strict";

(function () {
  const known = new Map(); // request as text -> what the server said last
  let timer = null, asking = false;

  const over = (answer) => answer && ["done", "failed", "cancelled"].includes(answer.state);
  const shown = () => [...document.querySelectorAll("[data-render]")].filter((el) => el.offsetParent);

  // the slider of the row between two neurons
  const slider = () => document.querySelector("[data-slide]");
  const stop = () => Number(slider() ? slider().value : 0);
  const stops = () => (slider() ? Number(slider().max) + 1 : 1);

  function amount(value) {
    const size = Math.abs(value);
    return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2).replace("-", "\u2212");
  }

  function words(answer) {
    if (answer.state === "failed") return answer.error;
    if (answer.state === "cancelled") return "Cancelled.";
    if (answer.state === "done") {
      return answer.dead ? "Nothing makes this neuron fire by this recipe." : `${answer.step} steps`;
    }
    if (answer.step && answer.step === answer.steps) return "judging it";
    return answer.step ? `step ${answer.step} of ${answer.steps}` : "waiting for its turn";
  }

  function text(answer, name) {
    if (name === "said") return words(answer);
    if (name === "seconds") {
      return answer.seconds == null ? "\u2026" : `${answer.seconds.toFixed(1)} s`;
    }
    if (name === "share") return Math.round(100 * stop() / (stops() - 1)) + " %";
    const [field, nth] = name.replace("@", stop()).split(".");
    const value = nth === undefined ? answer[field] : (answer[field] || [])[Number(nth)];
    return value == null ? "\u2026" : typeof value === "number" ? amount(value) : String(value);
  }

  function put(el, answer) {
    const name = el.dataset.put;
    if (name === "url") {
      if (answer.url && el.getAttribute("src") !== answer.url) el.src = answer.url;
    } else if (name === "progress") {
      el.value = answer.state === "done" ? 1 : (answer.step || 0) / (answer.steps || 1);
    } else if (name.startsWith("bar.")) {
      const [, field, nth] = name.split("."), values = answer[field] || [0];
      el.style.width = Math.round(100 * Math.max(0, values[Number(nth)] || 0) / Math.max(1e-9, ...values)) + "%";
    } else {
      const now = text(answer, name);
      if (el.textContent !== now) el.textContent = now;
    }
  }

  function slide(el) {
    const large = el.querySelector("#blend-picture");
    if (large) large.style.objectPosition = `0 ${(100 * stop() / (stops() - 1)).toFixed(3)}%`;
    for (const step of el.querySelectorAll("[data-stop]")) {
      if (Number(step.dataset.stop) === stop()) step.setAttribute("aria-current", "true");
      else step.removeAttribute("aria-current");
    }
  }

  function fill(el) {
    slide(el);
    const answer = known.get(el.dataset.render);
    if (!answer) return;
    if (el.dataset.state !== answer.state) el.dataset.state = answer.state;
    el.querySelectorAll("[data-put]").forEach((part) => put(part, answer));
  }

  async function ask(wanted, again) {
    const query = new URLSearchParams({ wanted: `[${wanted.join()}]` });
    if (again) query.set("again", again);
    const answer = await fetch("/api/studio?" + query);
    if (answer.ok) (await answer.json()).forEach((one, i) => known.set(wanted[i], one));
  }

  async function round(again) {
    timer = null;
    if (asking) return soon(100);
    const wanted = [...new Set(shown().map((el) => el.dataset.render))].filter((w) => w === again || !over(known.get(w)));
    const waits = [...known.values()].some((a) => !over(a)); // also those that have left the page
    shown().forEach(fill);
    if (!wanted.length && !waits) return;
    asking = true;
    try { await ask(wanted, again); } catch (error) { /* the server is away: status.js says so */ }
    asking = false;
    shown().forEach(fill);
    if (wanted.length) return soon(document.hidden ? 1500 : 350);
    for (const [name, answer] of known) if (!over(answer)) known.delete(name);
    setTimeout(() => ask([]).catch(() => {}), 2500); // once more, so that what nobody wants is given up
  }

  function soon(wait, again) {
    if (timer) clearTimeout(timer);
    timer = setTimeout(round, wait || 20, again);
  }

  // A pane may be filled before it is shown: its pictures are asked for when they get a size.
  const appears = new ResizeObserver(() => soon());

  document.addEventListener("filled", (event) => {
    // a field that was typed into keeps its own text: what the page says now comes first
    for (const field of event.target.querySelectorAll("input[data-word]")) field.value = field.defaultValue;
    const pictures = event.target.querySelectorAll("[data-render]");
    for (const el of pictures) appears.observe(el);
    if (pictures.length) { shown().forEach(fill); soon(); }
  });

  // ---- what a person does ----

  document.addEventListener("click", (event) => {
    const again = event.target.closest("[data-again]");
    if (again) {
      const asked = again.closest("[data-render]").dataset.render;
      known.delete(asked);
      soon(0, asked);
    }
  });

  function move(to) {
    slider().value = to;
    fill(slider().closest("[data-render]"));
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-slide]")) move(event.target.value);
  });

  // The next click on the wall chooses the second neuron, where the page says so.
  const picking = () => document.querySelector("[data-pick][aria-pressed='true']");

  document.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-pick]"), step = event.target.closest("[data-stop]");
    if (step) move(step.dataset.stop);
    if (pick) {
      const on = pick.getAttribute("aria-pressed") !== "true";
      pick.setAttribute("aria-pressed", String(on));
      if (on) document.getElementById("wall").scrollIntoView({ behavior: "smooth", block: "nearest" });
    }
    const cell = event.target.closest(".wall-cell"), waiting = picking();
    if (!cell || !waiting || !waiting.offsetParent) return;
    event.stopPropagation();
    waiting.setAttribute("aria-pressed", "false");
    neuronscope.choose({ [waiting.dataset.pick]: Number(cell.dataset.unit) });
    document.getElementById("blend").scrollIntoView({ behavior: "smooth", block: "nearest" });
  }, true);

  document.addEventListener("change", (event) => {
    const { word, side } = event.target.dataset;
    if (!word) return;
    const value = Math.round(Number(event.target.value));
    if (event.target.value !== "" && value >= Number(event.target.min)) {
      const kept = Math.min(value, Number(event.target.max));
      event.target.value = kept;
      neuronscope.choose({ [side]: word === "?" ? kept : word.replace("?", kept) });
    }
  });
})();
