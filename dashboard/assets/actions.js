/* Choices: every element with data-do carries the change of the selection that it means. One listener for
   all of them; the server turns a change into a new address (dashboard/selection.py). */
"use strict";

window.neuronscope = window.neuronscope || {};

neuronscope.choose = function (change) {
  neuronscope.latest = change;
  // What is chosen is marked at once: an answer need not come, where a later choice undoes this one.
  document.dispatchEvent(new CustomEvent("chosen", { detail: change }));
  neuronscope.count = (neuronscope.count || 0) + 1;
  neuronscope.pending = [...(neuronscope.pending || []), { change, at: neuronscope.count }];
  const changes = neuronscope.pending.map((p) => p.change);
  window.dash_clientside.set_props("action", { data: { changes, at: neuronscope.count } });
};

window.dash_clientside = Object.assign({}, window.dash_clientside);
window.dash_clientside.choices = {
  // Selects and switches are also set by the server: only a value other than the one shown is a choice.
  fromControls(model, collection, map, tab, sort, take, other, shown, shownOther) {
    const was = { ...(shown || {}), b: shownOther };
    const now = { model, collection, map, tab, sort, take, b: other };
    for (const [name, value] of Object.entries(now)) {
      if (!shown || value == null || was[name] == null || String(value) === String(was[name])) continue;
      if (neuronscope.asked === name + value) continue;
      neuronscope.asked = name + value;
      neuronscope.choose({ [name]: ["take", "b"].includes(name) ? Number(value) : value });
    }
    return "";
  },
  acknowledge(at) {
    neuronscope.pending = (neuronscope.pending || []).filter((p) => p.at > at);
    neuronscope.asked = null;
    return "";
  },
};

window.addEventListener("popstate", () => { neuronscope.latest = null; }); // Back: the address decides

neuronscope.say = function (text) {
  const toast = document.getElementById("toast");
  if (!toast) return;
  toast.textContent = text;
  clearTimeout(neuronscope.saying);
  neuronscope.saying = setTimeout(() => { toast.textContent = ""; }, 9000);
};

(function () {
  const typing = (el) => el.closest && el.closest("input, textarea, select, [contenteditable]");

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-do], [data-copy], [data-local]");
    if (!target) return;
    if (target.dataset.copy) return copy(target.dataset.copy);
    if (target.dataset.local === "all") return target.parentElement.classList.add("all");
    if (target.dataset.local === "pick") return document.getElementById("file-input").click();
    if (target.dataset.local === "theme") return neuronscope.turnTheme();
    if (target.dataset.local === "link") return copy(location.href);
    if (target.dataset.local === "test") {
      document.getElementById("check").scrollIntoView({ behavior: "smooth", block: "center" });
    }
    if (target.dataset.do) neuronscope.choose(JSON.parse(target.dataset.do));
  });

  function copy(text) {
    const done = () => neuronscope.say("Copied: " + text);
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => neuronscope.say(text));
    else neuronscope.say(text);
  }

  // [ ] the layer, J K the neuron, Escape the whole picture again (arrows: canvas.js).
  function step(list, by, mark) {
    if (!list.length) return;
    const now = list.findIndex((el) => el.getAttribute(mark) === "true");
    const at = now < 0 ? 0 : Math.max(0, Math.min(list.length - 1, now + by));
    if (at === now) return; // at the end: a second click would let go of it
    list[at].click();
    list[at].focus({ preventScroll: false });
    // Marked at once: the next key counts from here, also before the server has answered.
    for (const el of list) {
      if (el === list[at]) el.setAttribute(mark, "true");
      else if (mark === "aria-current") el.removeAttribute(mark);
      else el.setAttribute(mark, "false");
    }
  }

  // A row of tiles is one stop of Tab: arrows go along it.
  document.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key], row = by && event.target.closest("[data-row]");
    if (!row) return;
    const tiles = [...row.querySelectorAll("button")], next = tiles[tiles.indexOf(event.target) + by];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = (where) => [...document.querySelectorAll(where)].filter((el) => el.offsetParent);
    if (event.key === "[") step(rows("#ladder button"), -1, "aria-current");
    else if (event.key === "]") step(rows("#ladder button"), 1, "aria-current");
    else if (event.key === "j" || event.key === "J") step(rows("#neurons .neuron-row"), 1, "aria-pressed");
    else if (event.key === "k" || event.key === "K") step(rows("#neurons .neuron-row"), -1, "aria-pressed");
    else if (event.key === "Escape") {
      const drawer = document.querySelector(".drawer.open");
      neuronscope.choose(drawer ? { unit: null } : { at: null });
    }
  });

  neuronscope.turnTheme = function () {
    const root = document.documentElement;
    const now = root.dataset.mantineColorScheme === "dark" ? "light" : "dark";
    localStorage.setItem("neuronscope-theme", now);
    window.dash_clientside.set_props("mantine", { forceColorScheme: now });
  };
})();
