/* The atlas: a map of what a layer sees, one for every div.atlas of the page; several may stand side by side. What is
   asked for stands in data-asked. Here: the maps that there are, what each is asked, choosing, and its line of words.
   atlas_grids.js fetches, atlas_tiles.js puts icons together, atlas_classes.js filters by class, atlas_paint.js and
   atlas_mini.js paint, atlas_view.js moves. */
"use strict";

window.neuronscope = window.neuronscope || {};

(function () {
  const LATE = 400; // ms after the last move until the address knows of it
  const A = neuronscope.atlas = { maps: [] };
  const signed = (v) => (v < 0 ? "\u2212" : "+") + Math.abs(v).toFixed(Math.abs(v) >= 10 ? 1 : 2);
  const spotKey = (spot) => (spot ? spot.map((v) => Number(v).toFixed(3)).join() : "");
  const sameCell = (p, q) => Boolean(p && q) && p.every((v, i) => v === q[i]);

  A.css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  A.still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ---- one map
  function made(el) {
    const part = (name) => el.querySelector(".atlas-" + name), canvas = part("canvas");
    if (!canvas) return null;
    const map = {
      el, canvas, mini: part("mini"), line: part("hover"), part, size: { w: 0, h: 0 }, camera: { x: 0.5, y: 0.5, zoom: 1 },
      asked: {}, read: null, sheet: null, goal: null, grid: null, past: null, since: 0, glide: null, own: new Set(), fault: "",
      cell: null, hover: null, place: null, lit: false, pointer: null, keys: false, voice: false, ticket: 0, painted: [],
    };
    map.soon = () => { if (!map.ticket) map.ticket = requestAnimationFrame((now) => { map.ticket = 0; A.paint(map, now); }); };
    map.sizes = new ResizeObserver(() => measured(map));
    map.sizes.observe(canvas);
    A.gestures(map);
    measured(map);
    return map;
  }

  function measured(map) {
    const w = map.canvas.clientWidth, h = map.canvas.clientHeight, was = map.size;
    if (w === was.w && h === was.h) return;
    map.size = { w, h };
    A.again();
    map.soon();
  }

  // What the markup may lack, or lose when a panel is filled anew: its role, its name, its place in the order of Tab.
  function dressed(map) {
    const give = (el, name, value) => { if (el && !el.hasAttribute(name)) el.setAttribute(name, value); };
    give(map.canvas, "tabindex", "0");
    give(map.canvas, "role", "application");
    give(map.canvas, "aria-roledescription", "map");
    const label = `Map of what ${map.asked.layer || "the layer"} sees. Arrows move, plus and minus zoom, 0 shows all, ` +
      "Enter opens the cell under the cross-hair, Shift with arrows goes to its neighbour, Escape lets go.";
    if ([null, map.label].includes(map.canvas.getAttribute("aria-label"))) map.canvas.setAttribute("aria-label", map.label = label);
    give(map.mini, "aria-hidden", "true");
    const apart = map.part("apart"), none = !map.sheet || !map.sheet.apart.length;
    if (apart && apart.hidden !== none) apart.hidden = none;
  }

  function leave(map) {
    map.sizes.disconnect();
    clearTimeout(map.later);
    cancelAnimationFrame(map.ticket);
    A.lightPlace(map, null);
  }

  // ---- what is asked
  function ask(map) {
    const { asked: wanted = "null", places = "[]" } = map.el.dataset, text = wanted + places; // places come by themselves
    if (text === map.read) { dressed(map); return map.soon(); }
    const was = map.asked, asked = JSON.parse(wanted) || {}, latest = neuronscope.latest;
    asked.places = asked.places || JSON.parse(places);
    asked.strength = asked.strength == null ? 1 : asked.strength;
    const moved = asked.model !== was.model || asked.layer !== was.layer;
    map.read = text;
    map.asked = asked;
    // An answer to an earlier choice may come late: the cell chosen last stays, and so does the view.
    const cell = latest && latest.cell !== undefined && mine(map, latest) ? latest.cell : asked.cell || null;
    const turned = cell && !sameCell(cell, map.cell);
    map.cell = cell;
    const spot = spotKey(asked.spot), given = spot && spot !== spotKey(was.spot) && !map.own.has(spot);
    if (given || (moved && spot)) map.goal = asked.spot;
    else if (turned && !moved) map.shown = false; // brought into view when it is painted
    dressed(map);
    A.again();
    return map.soon();
  }

  // The sheet that is asked for, once it is there: a newer version keeps the view, another layer's map begins anew.
  A.settled = function (map) {
    const url = map.asked.map, sheet = url ? A.sheets.take(map, url, A.readSheet) : null;
    const other = map.sheet && (map.sheet.model !== map.asked.model || map.sheet.layer !== map.asked.layer);
    if (sheet === undefined && !(map.fault && other)) return; // on its way, or tried again: the last one stays
    const now = sheet || null, same = map.sheet && now && map.sheet.key === now.key;
    if (now !== map.sheet) {
      if (!same) Object.assign(map, { grid: null, past: null, hover: null, glide: null, stop: undefined });
      if (!same && !map.goal) map.camera = { x: 0.5, y: 0.5, zoom: 1 };
      if (map.sheet) for (const grid of map.sheet.grids) grid.pyramid = null; // what it holds may be let go of
      map.sheet = now;
      dressed(map);
    }
    if (map.goal && now) {
      const [x, y, zoom] = map.goal;
      Object.assign(map, { camera: A.held(map, { x, y, zoom }), goal: null, glide: null });
    }
    if (map.shown === false && now) { map.shown = true; A.bring(map, map.cell); }
  };

  // ---- choosing
  const first = (map) => A.maps[0] === map;
  const mine = (map, change) => (change.layer === undefined ? first(map) : change.layer === map.asked.layer);

  A.spot = ({ camera }) => [camera.x, camera.y, camera.zoom].map((v) => Math.round(1000 * v) / 1000);

  A.choose = function (map, cell) {
    const spot = A.spot(map);
    map.cell = cell;
    owned(map, spot);
    if (first(map)) neuronscope.spot = spot;
    // A cell is its layer's: of a map beside the first the layer is chosen with it.
    const { opens } = map.el.dataset, there = opens ? { view: opens } : {}; // a small map leads to the view of the large one
    neuronscope.choose(first(map) ? { cell, spot } : { layer: map.asked.layer, cell, spot, ...there });
    map.soon();
  };

  A.letGo = function (map) {
    map.cell = null;
    neuronscope.choose(first(map) ? { cell: null } : { layer: map.asked.layer, cell: null });
    map.soon();
  };

  function owned(map, spot) { // what we said ourselves is no news when it comes back
    map.own.add(spotKey(spot));
    if (map.own.size > 200) map.own.delete(map.own.values().next().value);
  }

  A.moved = function (map) { // the view has changed: what failed is tried again, and soon the address says where we are
    A.again();
    map.soon();
    clearTimeout(map.later);
    map.later = setTimeout(() => {
      if (!first(map) || !map.sheet || !map.canvas.offsetParent) return;
      const spot = neuronscope.spot = A.spot(map);
      owned(map, spot);
      const others = location.search.slice(1).split("&").filter((part) => part && !part.startsWith("spot="));
      const query = [...others, "spot=" + spot.join()].join("&");
      history.replaceState(history.state, "", `${location.pathname}?${query}${location.hash}`);
    }, LATE);
  };

  // ---- words
  A.find = function (map, cell) { // [side, col, row] -> its grid and its number there, or null
    const grid = cell && map.sheet && map.sheet.grids.find((g) => g.side === cell[0]);
    const i = grid ? grid.at.get(A.cellKey(cell[1], cell[2])) : undefined;
    return i === undefined ? null : { grid, i };
  };

  const names = (map) => A.names.take(map, "/api/names-of-classes?" + new URLSearchParams({ model: map.asked.model }), A.readNames);

  function words(map, { grid, i }) {
    const { a, b } = map.asked, known = names(map);
    const name = (c) => (known && known[c]) || "class " + c, parts = [], filter = A.filter(map, grid);
    if (filter && filter.vb) {
      const by = filter.va[i] - filter.vb[i];
      const both = `${name(a)} ${signed(filter.va[i])}, ${name(b)} ${signed(filter.vb[i])}`;
      parts.push(`${both}: for ${name(by < 0 ? b : a)} by ${Math.abs(by).toFixed(2)}`);
    } else if (filter) parts.push(`${name(a)} ${signed(filter.va[i])}`);
    parts.push((filter ? "most: " : "") + (grid.top[i] || []).map((c, k) => `${name(c)} ${signed(grid.effect[i][k])}`).join(", "));
    parts.push("mean of " + grid.count[i].toLocaleString("en"));
    if (grid.trust[i] < map.sheet.doubt) parts.push(`placed doubtfully (trust ${grid.trust[i].toFixed(2)})`);
    if (!grid.drawn[i]) parts.push("its icon is not drawn yet");
    return parts.join(" \u00b7 ");
  }

  A.say = function (map) { // what is under the pointer or the cross-hair, else what is chosen
    if (!map.line) return;
    const found = A.find(map, map.hover) || (map.keys ? null : A.find(map, map.cell));
    const hint = map.keys ? "Nothing lies here." : matchMedia("(hover: none)").matches ? "A tap on a cell opens it; two fingers zoom."
      : "A click on a cell opens it; the wheel zooms, dragging moves.";
    if (map.sheet) names(map); // before they are needed
    const said = found ? words(map, found) : map.sheet ? hint : "", text = map.fault || said;
    const live = map.voice || map.fault ? "polite" : "off"; // the pointer's every move is not read out
    if (map.line.getAttribute("aria-live") !== live) map.line.setAttribute("aria-live", live);
    if (map.line.textContent !== text) { map.line.textContent = text; map.line.title = text; }
  };

  // ---- places of the opened picture: hovered here or elsewhere on the page, marked in both
  A.lightPlace = function (map, place) {
    if (!place && !map.lit) return;
    if (place && map.place && place.row === map.place.row && place.col === map.place.col) return;
    map.lit = Boolean(place);
    document.dispatchEvent(new CustomEvent("place-hover", { detail: place && { row: place.row, col: place.col } }));
  };
  document.addEventListener("place-hover", ({ detail }) => {
    for (const map of A.maps) { map.place = detail || null; map.soon(); }
  });
  document.addEventListener("chosen", ({ detail }) => {
    if (detail.cell === undefined) return;
    for (const map of A.maps) if (mine(map, detail)) { map.cell = detail.cell; map.soon(); }
  });
  window.addEventListener("popstate", () => { for (const map of A.maps) map.own.clear(); }); // Back: the address decides

  // ---- maps come and go with the page
  function sync() {
    const here = [...document.querySelectorAll("div.atlas")], kept = (map) => here.includes(map.el) && map.el.contains(map.canvas);
    for (const map of A.maps) if (!kept(map)) leave(map);
    const still = A.maps.filter(kept);
    A.maps = here.map((el) => still.find((map) => map.el === el) || made(el)).filter(Boolean);
    A.maps.forEach(ask);
  }

  function all() { for (const map of A.maps) map.soon(); }
  A.news = all;

  function listen() {
    if (!A.gestures || !A.paint || !A.mini || !A.filter || !A.pyramid || !A.sheets) return setTimeout(listen, 10);
    const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
    new MutationObserver((records) => {
      const news = records.some((r) => r.type === "attributes" || [...r.addedNodes, ...r.removedNodes].some(isElement));
      if (news) sync();
    }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-asked", "data-places"] });
    new MutationObserver(() => { A.repaper(); all(); })
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
    document.addEventListener("filled", () => { for (const map of A.maps) ask(map); });
    sync();
  }
  listen();
})();
