/* Moving over the atlas: the camera, the pointer (drag, wheel, pinch, click), the keyboard and the buttons. A drag holds
   the point that it took; nothing rolls on after it. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const GLIDE = 170, STEP = 1.5, ARROW = 0.14; // ms of a glide; zoom of a button; part of the view that an arrow moves
  const CLICK = { mouse: 4, touch: 10, pen: 6 }, NEAR = 11, WIDE = 260; // CSS pixels: a click's slack, a place's reach, the widest cell
  const HOME = 1.05; // zoom up to which all of the map is in sight
  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

  // ---- the camera: the view's middle in map coordinates, and the zoom; at zoom 1 the main square fits the canvas
  const fit = ({ size }) => Math.max(1, Math.min(size.w, size.h));
  A.unit = (map) => fit(map) * map.camera.zoom;

  A.toMap = ({ camera, size }, px, py, unit) => ({ x: camera.x + (px - size.w / 2) / unit, y: camera.y + (py - size.h / 2) / unit });

  A.held = function (map, { x, y, zoom }) { // in sight of the map
    const { box, grids } = map.sheet, { w, h } = map.size, side = grids[grids.length - 1].side;
    const all = Math.min((w || 1) / (box[2] - box[0]), (h || 1) / (box[3] - box[1])) / fit(map);
    const held = clamp(zoom, Math.min(0.7, 0.9 * all), Math.max(4, WIDE * side / fit(map))), unit = fit(map) * held;
    const off = [0.4 * w / unit, 0.4 * h / unit];
    return { x: clamp(x, box[0] - off[0], box[2] + off[0]), y: clamp(y, box[1] - off[1], box[3] + off[1]), zoom: held };
  };

  A.look = function (map, camera) {
    if (!map.sheet) return A.moved(map);
    map.glide = null;
    map.camera = A.held(map, camera);
    return A.moved(map);
  };

  A.zoomAt = function (map, px, py, factor) { // what lies under the point stays under it
    if (!map.sheet) return A.moved(map);
    const at = A.toMap(map, px, py, A.unit(map)), { zoom } = A.held(map, { ...map.camera, zoom: map.camera.zoom * factor }), unit = fit(map) * zoom;
    return A.look(map, { x: at.x - (px - map.size.w / 2) / unit, y: at.y - (py - map.size.h / 2) / unit, zoom });
  };

  A.glide = function (map, camera) {
    if (A.still() || !map.sheet) return A.look(map, camera);
    map.glide = { from: { ...map.camera }, to: A.held(map, camera), since: performance.now() };
    return A.moved(map);
  };

  const goal = (map) => (map.glide ? map.glide.to : map.camera);

  A.glided = function (map, now) {
    if (!map.glide) return;
    const { from, to, since } = map.glide, part = clamp((now - since) / GLIDE, 0, 1), ease = part * (2 - part);
    const zoom = from.zoom * Math.pow(to.zoom / from.zoom, ease), way = Math.abs(to.zoom / from.zoom - 1) < 0.01 ? ease
      : (1 / from.zoom - 1 / zoom) / (1 / from.zoom - 1 / to.zoom); // so that the fixed point of a zoom stays fixed
    map.camera = { x: from.x + (to.x - from.x) * way, y: from.y + (to.y - from.y) * way, zoom };
    if (part < 1) map.soon(); else { map.camera = to; map.glide = null; }
    A.moved(map);
  };

  A.around = (map, { x, y, wide }) => ({ x, y, zoom: Math.min(70 * map.sheet.grids[0].side, 0.6 * fit(map) / wide) / fit(map) });

  A.bring = function (map, cell) { // a cell chosen elsewhere comes into view
    if (!cell) return;
    const [side, c, r] = cell, x = (c + 0.5) / side, y = (r + 0.5) / side, to = goal(map), unit = fit(map) * to.zoom, { size } = map;
    const away = Math.abs(x - to.x) * unit > 0.45 * size.w || Math.abs(y - to.y) * unit > 0.45 * size.h;
    if (away) A.glide(map, { ...to, x, y });
  };

  function nextApart(map) { // one after the other, then everything again
    const { apart } = map.sheet, button = map.part("apart");
    map.stop = map.stop === undefined || map.stop >= apart.length ? 0 : map.stop + 1;
    const at = apart[map.stop], label = at ? `What lies apart: ${map.stop + 1} of ${apart.length}` : "What lies apart";
    for (const name of ["title", "aria-label"]) button.setAttribute(name, label);
    map.keys = map.voice = Boolean(at); // the line tells what is there
    A.glide(map, at ? A.around(map, at) : whole());
  }

  const whole = () => ({ x: 0.5, y: 0.5, zoom: 1 });
  const nearer = (map, factor) => { const to = goal(map); A.glide(map, { ...to, zoom: to.zoom * factor }); };

  // ---- what is pointed at
  function cellAt(map, { x, y }) {
    const { grid } = map, c = grid && Math.floor(x * grid.side), r = grid && Math.floor(y * grid.side);
    return grid && grid.at.has(A.cellKey(c, r)) ? [grid.side, c, r] : null;
  }

  A.pointed = function (map) { // in every frame, for the map moves under the pointer, too
    const { camera, pointer, keys } = map;
    map.hover = keys ? cellAt(map, camera) : pointer ? cellAt(map, A.toMap(map, ...pointer, A.unit(map))) : null;
  };

  function placeAt(map, [px, py]) {
    const unit = A.unit(map), { camera, size } = map;
    let best = null, least = NEAR;
    for (const place of map.asked.places || []) {
      const far = Math.hypot((place.x - camera.x) * unit + size.w / 2 - px, (place.y - camera.y) * unit + size.h / 2 - py);
      if (far < least) { least = far; best = place; }
    }
    return best;
  }

  function take(map, at) {
    const cell = map.sheet && cellAt(map, at);
    if (cell) A.choose(map, cell);
  }

  // ---- the pointer
  const spotOf = (el, event) => { const box = el.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };

  function drags(map) {
    const { canvas } = map, held = new Map(); // pointers that are down: where they are
    let start = null; // of what may become a click
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      held.set(event.pointerId, spotOf(canvas, event));
      start = held.size === 1 ? { at: spotOf(canvas, event), far: false, camera: { ...map.camera } } : null;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const at = spotOf(canvas, event), was = held.get(event.pointerId);
      map.keys = map.voice = false;
      if (!was) return over(map, at);
      if (start && Math.hypot(at[0] - start.at[0], at[1] - start.at[1]) > CLICK[event.pointerType]) start.far = true;
      if (start && !start.far) return undefined;
      const before = grip(held);
      held.set(event.pointerId, at);
      return pulled(map, before, grip(held));
    });
    const up = (event) => {
      const click = event.type === "pointerup" && start && !start.far && held.size === 1;
      held.delete(event.pointerId);
      if (click) take(map, A.toMap(map, ...spotOf(canvas, event), A.unit(map)));
      if (event.type === "pointercancel" && start && start.far) A.look(map, start.camera); // the page took the finger
      start = null;
      if (event.pointerType === "touch") over(map, null);
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => over(map, null));
    for (const name of ["touchstart", "touchmove"]) canvas.addEventListener(name, pinched, { passive: false });
  }

  function grip(held) { // of one finger its point, of two their middle and how far they are apart
    const points = [...held.values()].slice(0, 2), mean = (k) => points.reduce((sum, p) => sum + p[k], 0) / points.length;
    return { x: mean(0), y: mean(1), wide: points.length > 1 ? Math.hypot(points[0][0] - points[1][0], points[0][1] - points[1][1]) : 0 };
  }

  function pulled(map, before, now) {
    const at = A.toMap(map, before.x, before.y, A.unit(map)), factor = before.wide && now.wide ? now.wide / before.wide : 1;
    if (!map.sheet) return A.moved(map);
    const { zoom } = A.held(map, { ...map.camera, zoom: map.camera.zoom * factor }), unit = fit(map) * zoom;
    map.pointer = [now.x, now.y];
    return A.look(map, { x: at.x - (now.x - map.size.w / 2) / unit, y: at.y - (now.y - map.size.h / 2) / unit, zoom });
  }

  // From afar one finger up or down moves the page past the map, as if it were a picture; closer up it moves the map.
  A.touched = function ({ canvas, camera }) {
    const action = camera.zoom > HOME ? "none" : "pan-y";
    if (canvas.style.touchAction !== action) canvas.style.touchAction = action;
  };

  const pinched = (event) => { if (event.touches.length > 1) event.preventDefault(); }; // two fingers are always the map's

  function over(map, at) {
    map.pointer = at;
    if (map.sheet) A.lightPlace(map, at && placeAt(map, at));
    map.soon();
  }

  function wheel(map, event) {
    event.preventDefault();
    const step = clamp(event.deltaY * ([1, 16, 400][event.deltaMode] || 1), -300, 300);
    A.zoomAt(map, ...spotOf(map.canvas, event), Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0015)));
  }

  function minis(map) {
    let down = false;
    const go = (event) => { if (down && map.sheet) A.minied(map, ...spotOf(map.mini, event)); };
    map.mini.addEventListener("pointerdown", (event) => { down = true; map.mini.setPointerCapture(event.pointerId); go(event); });
    map.mini.addEventListener("pointermove", go);
    for (const name of ["pointerup", "pointercancel"]) map.mini.addEventListener(name, () => { down = false; });
  }

  // ---- the keyboard
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function key(map, event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !map.sheet) return;
    const arrow = ARROWS[event.key];
    if (event.key === "Escape" && !map.cell) return; // nothing to let go of here: others may have something
    if (event.key === "Escape") A.letGo(map);
    else if (arrow && event.shiftKey) neighbour(map, arrow);
    else if (arrow) pan(map, arrow);
    else if (event.key === "+" || event.key === "=") nearer(map, STEP);
    else if (event.key === "-" || event.key === "_") nearer(map, 1 / STEP);
    else if (event.key === "0") A.glide(map, whole());
    else if (event.key === "Enter") { if (map.hover && !map.keys) A.choose(map, map.hover); else take(map, map.camera); }
    else return;
    event.preventDefault();
    event.stopPropagation();
    map.voice = true;
    if (event.shiftKey && arrow) Object.assign(map, { keys: false, pointer: null }); // the line tells the chosen cell
    else if (!["Enter", "Escape"].includes(event.key)) map.keys = true;
    map.soon();
  }

  function pan(map, [dx, dy]) {
    const to = goal(map), unit = fit(map) * to.zoom, step = ARROW * fit(map) / unit;
    A.glide(map, { ...to, x: to.x + dx * step, y: to.y + dy * step });
  }

  function neighbour(map, [dx, dy]) { // the next cell that way in its row or column; gaps are skipped
    const found = A.find(map, map.cell), grid = found ? found.grid : map.grid, from = map.cell || cellAt(map, map.camera);
    if (!grid || !from) return;
    for (let k = map.cell ? 1 : 0; k < 2 * grid.side; k++) {
      const cell = [grid.side, from[1] + k * dx, from[2] + k * dy];
      if (!grid.at.has(A.cellKey(cell[1], cell[2]))) continue;
      A.bring(map, cell);
      return void A.choose(map, cell);
    }
  }

  const BUTTONS = {
    in: (map) => nearer(map, STEP), out: (map) => nearer(map, 1 / STEP), fit: (map) => A.glide(map, whole()), apart: nextApart,
  };

  A.gestures = function (map) {
    const { canvas, el } = map;
    drags(map);
    canvas.addEventListener("wheel", (event) => wheel(map, event), { passive: false });
    canvas.addEventListener("keydown", (event) => key(map, event));
    canvas.addEventListener("focus", () => { if (canvas.matches(":focus-visible")) { map.keys = map.voice = true; map.soon(); } });
    canvas.addEventListener("blur", () => { map.keys = false; map.soon(); });
    if (map.mini) minis(map);
    el.addEventListener("click", (event) => {
      for (const [name, act] of Object.entries(BUTTONS)) if (event.target.closest(".atlas-" + name) && map.sheet) act(map);
    });
  };
})();
