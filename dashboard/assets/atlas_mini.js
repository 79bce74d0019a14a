/* The small map beside the atlas: the whole square, the view's frame in it, the places of the opened picture, and arrows
   to what lies apart. A click or a drag moves the view. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const EDGE = 9; // CSS pixels kept free for the arrows

  function scale({ mini }) { // of the small map: CSS pixels, and from map coordinates to them
    const side = mini.clientWidth, edge = EDGE;
    return { side, edge, at: (v) => edge + v * (side - 2 * edge), back: (p) => (p - edge) / (side - 2 * edge) };
  }

  // Everything but the frame, drawn anew only where something of it has changed.
  function ground(map, size, ratio) {
    const grid = map.sheet.grids.find((g) => g.mosaic && !g.tiles) || map.sheet.grids[0];
    const levels = grid.tiles ? null : A.mosaics.peek(grid.mosaic), whole = grid.tiles ? A.pyramid(map, grid).take(map, 0, 0, 0) : null;
    const filter = A.filter(map, grid), made = [map.sheet, A.colours(), levels, whole, filter, map.asked.places, size.side, ratio];
    if (map.ground && made.every((part, i) => part === map.ground.made[i])) return map.ground.canvas;
    const px = Math.round(size.side * ratio), canvas = new OffscreenCanvas(px, px), pen = canvas.getContext("2d");
    const side = (size.side - 2 * size.edge) * ratio, edge = size.edge * ratio;
    const small = { ...map, frame: { ratio, w: px, h: px, unit: side, ox: edge, oy: edge } };
    pen.fillStyle = A.colours().paper;
    pen.fillRect(0, 0, px, px);
    if (whole) pen.drawImage(whole, small.frame.ox, small.frame.oy, side, side); else cells(small, pen, grid, levels);
    A.veil(small, pen, { ...grid, apart: [] }, 1);
    pen.strokeStyle = A.colours().line;
    pen.lineWidth = ratio;
    pen.strokeRect(small.frame.ox, small.frame.oy, side, side);
    for (const one of map.sheet.apart) arrow(small, pen, one);
    dots(small, pen);
    map.ground = { made, canvas };
    return canvas;
  }

  function cells(small, pen, grid, levels) {
    pen.fillStyle = A.colours().line;
    for (let i = 0; i < grid.col.length; i++) {
      const [x, y, w, h] = A.iconBox(small, grid, i);
      if (grid.col[i] < 0 || grid.row[i] < 0 || grid.col[i] >= grid.side || grid.row[i] >= grid.side || !w || !h) continue;
      if (levels && grid.drawn[i]) A.stamp(pen, grid, levels, i, x, y, w, h);
      else pen.fillRect(x, y, w, h);
    }
  }

  const held = (v) => Math.min(1, Math.max(0, v));

  function arrow({ frame }, pen, { x, y }) { // at the edge, pointing to what lies beyond it
    const { unit, ox, oy, ratio } = frame, turn = Math.atan2(y - held(y), x - held(x)), arm = 3.5 * ratio;
    pen.save();
    pen.translate(ox + held(x) * unit + Math.cos(turn) * 1.4 * arm, oy + held(y) * unit + Math.sin(turn) * 1.4 * arm);
    pen.rotate(turn);
    pen.beginPath();
    pen.moveTo(arm, 0); pen.lineTo(-0.8 * arm, -arm); pen.lineTo(-0.8 * arm, arm); pen.closePath();
    pen.fillStyle = A.colours().ink2;
    pen.fill();
    pen.restore();
  }

  function dots({ frame, asked }, pen) {
    const { unit, ox, oy, ratio } = frame, r = 1.1 * ratio;
    pen.beginPath();
    for (const place of asked.places) {
      const x = ox + held(place.x) * unit, y = oy + held(place.y) * unit;
      pen.moveTo(x + r, y);
      pen.arc(x, y, r, 0, 7);
    }
    pen.strokeStyle = "#000"; pen.lineWidth = 1.2 * ratio; pen.stroke();
    pen.fillStyle = "#fff"; pen.fill();
  }

  A.mini = function (map) {
    const { mini } = map;
    if (!mini) return;
    const none = !map.sheet;
    if (mini.hidden !== none) mini.hidden = none;
    const ratio = map.frame.ratio, size = scale(map), px = Math.round(size.side * ratio);
    if (none || !px) return;
    if (mini.width !== px || mini.height !== px) { mini.width = px; mini.height = px; }
    const pen = mini.getContext("2d", { alpha: false }), { paper, ink } = A.colours(), { w, h } = map.size, unit = A.unit(map);
    pen.drawImage(ground(map, size, ratio), 0, 0);
    const within = (v) => Math.min(size.side - 2, Math.max(2, size.at(v))) * ratio;
    const x = within(map.camera.x - w / 2 / unit), y = within(map.camera.y - h / 2 / unit);
    const right = within(map.camera.x + w / 2 / unit), low = within(map.camera.y + h / 2 / unit);
    const whole = x <= size.at(0) * ratio && y <= size.at(0) * ratio && right >= size.at(1) * ratio && low >= size.at(1) * ratio;
    for (const [colour, wide] of whole ? [] : [[paper, 4], [ink, 1.5]]) {
      pen.strokeStyle = colour; pen.lineWidth = wide * ratio;
      pen.strokeRect(x, y, Math.max(3 * ratio, right - x), Math.max(3 * ratio, low - y));
    }
  };

  // A point on the small map moves the view there; at an arrow, to what it points at.
  A.minied = function (map, px, py) {
    const size = scale(map), near = (one) => Math.hypot(size.at(held(one.x)) - px, size.at(held(one.y)) - py) < EDGE + 2;
    const beyond = px < EDGE || py < EDGE || px > size.side - EDGE || py > size.side - EDGE;
    const apart = beyond && map.sheet.apart.find(near);
    if (apart) return A.glide(map, A.around(map, apart));
    return A.look(map, { ...map.camera, x: held(size.back(px)), y: held(size.back(py)) });
  };
})();
