/* The wall: every neuron of a layer as its icon, sorted and searched here in the browser. Only the rows in
   view exist, so that it scrolls as well with 2,000 icons as with 50. What is asked for stands in #wall's
   data-asked; a click is a choice like any other. */
"use strict";

(function () {
  const SIDE = 66, EXTRA = 3; // pixels of a cell, rows kept above and below the view
  const NOTHING_YET = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  const SORTS = {
    effect: (d) => (u) => -Math.abs(d.effect[u]), activation: (d) => (u) => -d.activation[u],
    number: () => (u) => u, name: (d) => (u) => nameOf(d, u).toLowerCase() || "\uffff",
    class: byClass, selectivity: (d) => (u) => (d.profiles ? -d.profiles.selectivity[u] : 0),
  };
  const MEASURES = {
    "class selectivity": "Class selectivity (Morcos et al. 2018): its mean response to its best class minus that to " +
      "all other classes, over their sum. 0: all alike, 1: one class only.",
    "lifetime sparseness": "Lifetime sparseness (Treves and Rolls 1991), since the classes have too few pictures " +
      "each to be compared. 0: it answers all pictures alike, 1: a single one.",
  };
  const state = { asked: null, data: null, order: [], laid: "", sort: "effect", search: "", cells: new Map(), again: null };
  const el = (id) => document.getElementById(id);

  function nameOf(data, unit) { return data.own[unit] || (data.names || {})[unit] || ""; }

  // Neurons of one class stand together, the class with the most neurons first; those without one come last.
  function byClass(d) {
    const sizes = new Map(), best = (u) => (d.profiles ? classesOf(d, u)[0] : undefined);
    for (const u of d.effect.keys()) sizes.set(best(u), (sizes.get(best(u)) || 0) + 1);
    return (u) => {
      const name = best(u);
      if (!name) return "\uffff";
      const rank = (n) => String(Math.round(n)).padStart(6, "0");
      return rank(1e5 - sizes.get(name)) + name + rank(1e5 * (1 - d.profiles.selectivity[u]));
    };
  }

  function classesOf(data, unit) {
    return data.profiles ? data.profiles.holds[unit].map((i) => data.profiles.classes[i]) : [];
  }

  function fits(data, unit, words) {
    if (/^\d+$/.test(words)) return String(unit).startsWith(words);
    const known = [data.own[unit] || "", (data.names || {})[unit] || "", ...classesOf(data, unit)];
    const text = known.join(" ").toLowerCase();
    return words.split(/\s+/).every((word) => text.includes(word));
  }

  function arrange() {
    const d = state.data, words = state.search.trim().toLowerCase();
    if (!d) return;
    const key = SORTS[state.sort](d);
    const units = [...d.effect.keys()].filter((u) => !words || fits(d, u, words)).map((u) => [key(u), u]);
    units.sort((x, y) => (x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] - y[1]));
    state.order = units.map(([, u]) => u);
    state.cells.forEach((cell) => cell.remove());
    state.cells.clear();
    const count = el("wall-count"), all = d.effect.length;
    count.textContent = words ? `${state.order.length} of ${all}` : `${all} neurons`;
    measured(d);
    draw();
  }

  function measured(d) { // what the present order rests on
    const line = el("wall-measure"), by = state.sort;
    line.hidden = !["class", "selectivity"].includes(by);
    if (line.hidden) return;
    if (!d.profiles) {
      line.textContent = d.names === null ? "The open pictures are being looked through\u2026"
        : "The pictures could not be looked through.";
      return;
    }
    const term = document.createElement("span"), count = d.profiles.pictures.toLocaleString("en");
    const over = `, over ${d.profiles.reference ? `${count} reference photographs` : `the ${count} open pictures`}`;
    term.className = "term";
    term.tabIndex = 0;
    term.textContent = by === "class" ? "class profile" : d.profiles.measure;
    term.dataset.tip = by === "class" ? "Grouped by the class that each neuron answers most in the mean."
      : MEASURES[d.profiles.measure];
    line.replaceChildren(term, over);
  }

  function columns() { return Math.max(1, Math.floor(el("wall-view").clientWidth / SIDE)); }

  function draw() {
    const view = el("wall-view"), size = el("wall-size");
    if (!view || !state.data || !view.clientWidth) return;
    const wide = columns(), rows = Math.ceil(state.order.length / wide), pitch = view.clientWidth / wide;
    const laid = wide + "|" + pitch, height = rows * SIDE + "px";
    if (size.style.height !== height) size.style.height = height;
    const first = Math.max(0, Math.floor(view.scrollTop / SIDE) - EXTRA) * wide;
    const last = Math.min(state.order.length, (Math.ceil((view.scrollTop + view.clientHeight) / SIDE) + EXTRA) * wide);
    for (const [at, cell] of state.cells) if (at < first || at >= last) { cell.remove(); state.cells.delete(at); }
    const fresh = document.createDocumentFragment();
    for (let at = first; at < last; at++) {
      let cell = state.cells.get(at);
      if (cell && state.laid === laid) continue; // touched only where it moves: a frame is short
      if (!cell) { cell = made(state.order[at]); state.cells.set(at, cell); fresh.append(cell); }
      cell.style.transform = `translate(${Math.round((at % wide) * pitch)}px, ${Math.floor(at / wide) * SIDE}px)`;
    }
    state.laid = laid;
    size.append(fresh);
  }

  function made(unit) {
    const d = state.data, asked = state.asked, cell = document.createElement("button");
    const pull = d.effect[unit] / Math.max(1e-9, ...d.reach), name = nameOf(d, unit);
    cell.type = "button";
    cell.className = "wall-cell";
    cell.dataset.unit = unit;
    cell.dataset.do = JSON.stringify({ unit, view: "neuron" });
    const choosy = d.profiles && `\nselectivity ${d.profiles.selectivity[unit].toFixed(2)} (${d.profiles.measure})`;
    cell.title = `${unit}${name ? ": " + name : ""}\nactivation ${d.activation[unit]}, effect ${d.effect[unit]}` +
      (choosy || "");
    cell.setAttribute("aria-pressed", String(unit === asked.unit));
    cell.setAttribute("aria-label", `neuron ${unit}${name ? ", " + name : ""}`);
    const icon = new Image(56, 54);
    icon.src = NOTHING_YET;
    icon.className = "unit-icon";
    icon.alt = "";
    icon.decoding = "async";
    Object.assign(icon.dataset, { model: asked.model, layer: asked.layer, icon: unit });
    cell.append(icon, foot(d, unit, pull));
    return cell;
  }

  function foot(d, unit, pull) { // what the wall is sorted by
    if (d.profiles && ["class", "selectivity"].includes(state.sort)) {
      const text = document.createElement("small"), [best] = classesOf(d, unit);
      text.textContent = state.sort === "class" ? best || "\u2013" : d.profiles.selectivity[unit].toFixed(2);
      return text;
    }
    const bar = document.createElement("i");
    bar.className = pull >= 0 ? "for" : "against";
    bar.style.width = Math.round(56 * Math.min(1, Math.abs(pull))) + "px";
    return bar;
  }

  function mark() {
    for (const cell of state.cells.values()) {
      const chosen = String(Number(cell.dataset.unit) === state.asked.unit);
      if (cell.getAttribute("aria-pressed") !== chosen) cell.setAttribute("aria-pressed", chosen);
    }
  }

  async function load() {
    const { model, layer, picture, a, b } = state.asked, asked = state.asked;
    clearTimeout(state.again);
    const answer = await fetch("/api/wall?" + new URLSearchParams({ model, layer, picture, a, b }));
    const data = await answer.json();
    if (asked !== state.asked) return;
    if (!answer.ok) { el("wall-count").textContent = data.error; return; }
    data.reach = [Math.max(...data.effect.map(Math.abs))];
    const first = !state.data;
    state.data = data;
    layers(data.layers);
    arrange();
    if (first) reveal();
    if (data.names === null) state.again = setTimeout(load, 1500);
  }

  function layers(known) {
    const select = el("wall-layer");
    const names = known.map((l) => l.layer);
    if (!names.includes(state.asked.layer)) names.push(state.asked.layer);
    if (select.dataset.names !== names.join()) {
      select.dataset.names = names.join();
      select.replaceChildren(...names.map((name) => new Option(name, name)));
    }
    select.value = state.asked.layer;
  }

  function reveal() { // the chosen neuron, where it is not in view
    const at = state.order.indexOf(state.asked.unit), view = el("wall-view");
    if (at < 0) return;
    const top = Math.floor(at / columns()) * SIDE;
    if (top < view.scrollTop || top + SIDE > view.scrollTop + view.clientHeight) view.scrollTop = top - SIDE;
  }

  function ask() {
    const asked = JSON.parse(el("wall").dataset.asked || "null");
    if (!asked) return;
    const same = state.asked && ["model", "layer", "picture", "a", "b"].every((k) => state.asked[k] === asked[k]);
    if (state.asked && state.asked.layer !== asked.layer) el("wall-view").scrollTop = 0;
    state.asked = asked;
    if (same && state.data) return mark();
    state.data = null;
    load();
  }

  neuronscope.nameOf = (unit) => (state.data ? nameOf(state.data, unit) : "");

  neuronscope.renamed = function (unit, name) { // a name that was just given
    if (!state.data) return;
    if (name) state.data.own[unit] = name; else delete state.data.own[unit];
    arrange();
  };

  function listen() {
    const wall = el("wall");
    if (!wall) return setTimeout(listen, 100);
    new MutationObserver(ask).observe(wall, { attributes: true, attributeFilter: ["data-asked"] });
    let waiting = false;
    el("wall-view").addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    }, { passive: true });
    new ResizeObserver(draw).observe(el("wall-view"));
    ask();
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "wall-search") { state.search = event.target.value; el("wall-view").scrollTop = 0; arrange(); }
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "wall-sort") { state.sort = event.target.value; el("wall-view").scrollTop = 0; arrange(); }
    if (event.target.id === "wall-layer") neuronscope.choose({ layer: event.target.value });
  });
  listen();
})();
