/* The atlas painted: a frame is the grid that is shown (and the one before it, while one fades into the other), the veil
   of a class, the hatch over doubtful cells, marks and places. Every frame is painted anew. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const FADE = 150, HALO = 14; // ms from one grid to the next; CSS pixels from a place to its hovered ring's far edge
  const rgb = (hex) => { const n = parseInt(hex.slice(1, 7), 16); return [n >> 16, (n >> 8) & 255, n & 255]; };
  let colours = null;

  A.colours = function () {
    if (colours) return colours;
    const names = { paper: "paper", sheet: "sheet", rule: "line", line: "line-2", ink: "ink", ink2: "ink-2", pro: "for", con: "against" };
    colours = { hatches: new Map(), marks: new Map(), stamps: new Map() };
    for (const [key, name] of Object.entries(names)) colours[key] = A.css("--" + name);
    colours.rgb = { paper: rgb(colours.paper), for: rgb(colours.pro), against: rgb(colours.con) };
    return colours;
  };
  A.repaper = () => { colours = null; };

  // ---- where things are, in the canvas' own pixels
  A.framed = function (map) {
    const ratio = Math.min(3, window.devicePixelRatio || 1), w = Math.round(map.size.w * ratio), h = Math.round(map.size.h * ratio);
    if (!w || !h) return null;
    const { canvas, camera } = map, unit = A.unit(map) * ratio;
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    map.frame = { ratio, w, h, unit, ox: Math.round(w / 2 - camera.x * unit), oy: Math.round(h / 2 - camera.y * unit) };
    return map.frame;
  };

  // On whole pixels; neighbours share an edge, since both compute it alike.
  A.box = function ({ frame }, x0, y0, x1, y1) {
    const { unit, ox, oy } = frame, left = Math.round(ox + x0 * unit), top = Math.round(oy + y0 * unit);
    return [left, top, Math.round(ox + x1 * unit) - left, Math.round(oy + y1 * unit) - top];
  };

  const cellAt = (map, side, c, r, gap = 0) => A.box(map, (c + gap) / side, (r + gap) / side, (c + 1 - gap) / side, (r + 1 - gap) / side);
  A.cellBox = (map, { side, col, row }, i) => cellAt(map, side, col[i], row[i]);
  A.iconBox = (map, { side, col, row, size }, i) => cellAt(map, side, col[i], row[i], (1 - size[i]) / 2);

  A.inView = function ({ frame }, { side, col, row }, visit) {
    const { w, h, unit, ox, oy } = frame, cell = unit / side;
    const c0 = -ox / cell - 1, c1 = (w - ox) / cell, r0 = -oy / cell - 1, r1 = (h - oy) / cell;
    for (let i = 0; i < col.length; i++) if (col[i] > c0 && col[i] < c1 && row[i] > r0 && row[i] < r1) visit(i);
  };

  // ---- icons
  function paintIcons(map, pen, grid, alpha) {
    const pyramid = A.pyramid(map, grid), lacking = [], all = (visit) => A.inView(map, grid, visit);
    pen.globalAlpha = alpha;
    if (pyramid) {
      const missing = A.paintTiles(map, pen, pyramid);
      if (missing.length) instead(map, pen, grid, missing);
      else A.tilesInView(map, pyramid, 1, (level, x, y) => { pyramid.take(map, level, x, y); }); // a ring around the view
      for (const i of grid.alone) if (inSight(map, grid, i)) lacking.push(i);
      if (lacking.length) lender(map, grid);
    } else all((i) => lacking.push(i));
    standIns(map, pen, grid, lacking);
    pen.globalAlpha = 1;
  }

  function lender(map, grid) { // the next coarser mosaic is fetched where it has to stand in
    const next = map.sheet.grids.filter((g) => g.side < grid.side && g.mosaic && !g.tiles).pop();
    if (next) A.mosaic(map, next);
  }

  function inSight({ frame }, { side, col, row }, i) {
    const { w, h, unit, ox, oy } = frame, cell = unit / side, x = ox + col[i] * cell, y = oy + row[i] * cell;
    return x < w && y < h && x + cell > 0 && y + cell > 0;
  }

  function instead(map, pen, grid, boxes) { // coarser icons where a tile is on its way
    const cells = [];
    pen.save();
    pen.beginPath();
    for (const at of boxes) pen.rect(...at);
    pen.clip();
    A.inView(map, grid, (i) => cells.push(i));
    standIns(map, pen, grid, cells);
    pen.restore();
  }

  // What a finer grid has not drawn yet: that part of the coarser grid's icon which lies in the cell, or its place in paper.
  function standIns(map, pen, grid, cells) {
    if (!cells.length) return;
    const own = grid.pyramid && grid.pyramid.pictures; // what lies apart is on no plate
    const coarser = map.sheet.grids.filter((g) => g.side < grid.side && !g.tiles && g.mosaic && A.mosaics.peek(g.mosaic)).reverse();
    pen.fillStyle = A.colours().sheet;
    for (const i of cells) {
      if (own && grid.drawn[i]) A.stamp(pen, grid, own, i, ...A.iconBox(map, grid, i));
      else if (!coarser.some((g) => standIn(map, pen, grid, i, g))) pen.fillRect(...A.iconBox(map, grid, i));
    }
  }

  function standIn(map, pen, grid, i, coarse) {
    const scale = coarse.side / grid.side, c = Math.floor((grid.col[i] + 0.5) * scale), r = Math.floor((grid.row[i] + 0.5) * scale);
    const j = coarse.at.get(A.cellKey(c, r));
    if (j === undefined || !coarse.drawn[j]) return false;
    const [x, y, w, h] = A.cellBox(map, grid, i);
    pen.save();
    pen.beginPath();
    pen.rect(x, y, w, h);
    pen.clip();
    A.stamp(pen, coarse, A.mosaics.peek(coarse.mosaic), j, ...A.iconBox(map, coarse, j));
    pen.restore();
    return true;
  }

  // ---- doubtful cells: lines of paper over them, which move with the map
  function hatch(map, pen, grid, alpha) {
    if (!grid.runs.length) return;
    const { ratio, unit, ox, oy, w, h } = map.frame, cell = unit / grid.side;
    const step = Math.round(ratio * (cell > 40 * ratio ? 8 : cell > 16 * ratio ? 6 : 4)), pattern = lines(pen, step);
    pattern.setTransform(new DOMMatrix([1, 0, 0, 1, ox % step, oy % step]));
    pen.globalAlpha = alpha;
    pen.fillStyle = pattern;
    for (const [c, r, many] of grid.runs) {
      const x = Math.round(ox + c * cell), y = Math.round(oy + r * cell);
      const right = Math.round(ox + (c + many) * cell), low = Math.round(oy + (r + 1) * cell);
      if (x < w && y < h && right > 0 && low > 0) pen.fillRect(x, y, right - x, low - y);
    }
    pen.globalAlpha = 1;
  }

  function lines(pen, step) {
    const { hatches, paper } = A.colours();
    if (!hatches.has(step)) {
      const canvas = new OffscreenCanvas(step, step), ink = canvas.getContext("2d");
      ink.strokeStyle = paper;
      ink.lineWidth = Math.max(1, step * 0.19);
      ink.beginPath();
      for (const at of [-step, 0, step]) { ink.moveTo(at - 1, step + 1); ink.lineTo(at + step + 1, -1); }
      ink.stroke();
      hatches.set(step, pen.createPattern(canvas, "repeat"));
    }
    return hatches.get(step);
  }

  // ---- marks
  function outline(map, pen, cell, thick) {
    if (!cell) return;
    const { ratio } = map.frame, { paper, ink } = A.colours(), [x, y, w, h] = cellAt(map, ...cell);
    for (const [colour, wide] of [[paper, thick + 2], [ink, thick]]) {
      pen.strokeStyle = colour; pen.lineWidth = wide * ratio;
      pen.strokeRect(x, y, w, h);
    }
  }

  function crossHair(map, pen) {
    const { ratio, w, h } = map.frame, { paper, ink } = A.colours(), arm = 9 * ratio, x = Math.round(w / 2), y = Math.round(h / 2);
    for (const [colour, wide] of [[paper, 4.5], [ink, 1.5]]) {
      pen.strokeStyle = colour; pen.lineWidth = wide * ratio;
      pen.beginPath();
      pen.moveTo(x - arm, y); pen.lineTo(x + arm, y); pen.moveTo(x, y - arm); pen.lineTo(x, y + arm);
      pen.stroke();
    }
  }

  function places(map, pen) {
    const { ratio, w, h, unit, ox, oy } = map.frame, many = map.asked.places.length;
    if (!many) return;
    const few = many <= 60, dot = few ? 4.2 * ratio : Math.min(2.8 * ratio, Math.max(1.4 * ratio, unit / 220)), edge = HALO * ratio;
    pen.beginPath();
    for (const place of map.asked.places) {
      const x = ox + place.x * unit, y = oy + place.y * unit;
      pen.moveTo(x + dot, y);
      pen.arc(x, y, dot, 0, 7);
    }
    pen.lineWidth = Math.min(2.2 * ratio, 0.8 * dot); pen.strokeStyle = "#000"; pen.stroke();
    pen.fillStyle = "#fff"; pen.fill();
    const lit = map.place && map.asked.places.find((p) => p.row === map.place.row && p.col === map.place.col);
    if (!lit) return;
    const within = (v, all) => Math.min(all - edge, Math.max(edge, v)), x = within(ox + lit.x * unit, w), y = within(oy + lit.y * unit, h);
    for (const [colour, wide] of [["#000", 5], ["#fff", 2.2]]) { // out of view it waits at the edge
      pen.strokeStyle = colour; pen.lineWidth = wide * ratio;
      pen.beginPath(); pen.arc(x, y, 10 * ratio, 0, 7); pen.stroke();
    }
  }

  // ---- a frame
  function layer(map, pen, grid, alpha) {
    paintIcons(map, pen, grid, alpha);
    A.veil(map, pen, grid, alpha);
    hatch(map, pen, grid, alpha);
    A.edges(map, pen, grid, alpha);
  }

  A.paint = function (map, now) {
    const began = performance.now();
    map.fault = "";
    A.settled(map);
    A.glided(map, now);
    A.touched(map);
    const frame = A.framed(map);
    if (!frame) return;
    const pen = map.pen = map.pen || map.canvas.getContext("2d", { alpha: false }), { paper, rule } = A.colours();
    pen.fillStyle = paper;
    pen.fillRect(0, 0, frame.w, frame.h);
    if (map.sheet) {
      A.budget(map);
      A.follow(map, now);
      pen.imageSmoothingQuality = "low"; // from pictures that are nearly of the size: sharp, and fast
      if (map.sheet.apart.length) square(map, pen, rule);
      layers(map, pen, now);
      A.pointed(map);
      for (const [cell, thick] of [[map.hover, 1], [map.cell, 2.5]]) outline(map, pen, cell, thick);
      places(map, pen);
      A.labels(map, pen);
      if (map.keys) crossHair(map, pen);
    }
    A.mini(map);
    A.say(map);
    map.painted.push(performance.now() - began);
    if (map.painted.length > 2000) map.painted.shift();
  };

  function square(map, pen, colour) { // where the map ends, and what lies apart begins
    const [x, y, w, h] = A.box(map, 0, 0, 1, 1), { ratio } = map.frame;
    pen.strokeStyle = colour; pen.lineWidth = ratio;
    pen.strokeRect(x - ratio / 2, y - ratio / 2, w + ratio, h + ratio);
  }

  function layers(map, pen, now) {
    const part = A.still() || !map.past ? 1 : Math.min(1, Math.max(0, (now - map.since) / FADE));
    // First the new one comes over the old, then the old one goes: between them no paper shines through.
    if (part < 1) { layer(map, pen, map.past, Math.min(1, 2 - 2 * part)); map.soon(); } else map.past = null;
    layer(map, pen, map.grid, Math.min(1, 2 * part));
  }
})();
