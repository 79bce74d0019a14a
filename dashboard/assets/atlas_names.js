/* Names on the atlas: which classes its regions speak for, so that one finds one's way. The closer one looks, the more
   names there are; a name stands at the cell whose places speak for its class most. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const APART = 112, MOST = 40; // CSS pixels between two names at least; names at once
  const FACE = "600 12px ";

  // Cells of the coarsest grid, those that speak loudest first; one name a class.
  function loudest(sheet) {
    if (sheet.named) return sheet.named;
    const grid = sheet.grids[0], order = grid.effect.map((e, i) => i).filter((i) => e0(grid, i) > 0)
      .sort((p, q) => e0(grid, q) - e0(grid, p)), taken = new Set();
    sheet.named = order.filter((i) => !taken.has(grid.top[i][0]) && taken.add(grid.top[i][0]))
      .map((i) => ({ index: grid.top[i][0], x: (grid.col[i] + 0.5) / grid.side, y: (grid.row[i] + 0.5) / grid.side }));
    return sheet.named;
  }

  const e0 = (grid, i) => (grid.effect[i].length ? grid.effect[i][0] : 0);

  // Those far enough from each other at this zoom, wherever the view is: while one pans, names neither come nor go.
  function standing(map) {
    const { sheet, frame } = map, scale = frame.unit / frame.ratio;
    if (map.names && map.names.sheet === sheet && map.names.scale === scale) return map.names.list;
    const list = [], near = (p, q) => Math.hypot(p.x - q.x, 2.2 * (p.y - q.y)) < APART / scale;
    for (const one of loudest(sheet)) if (!list.some((other) => near(one, other))) list.push(one);
    map.names = { sheet, scale, list };
    return list;
  }

  function written(name, ratio) { // a name as a picture: writing forty anew would take most of a frame
    const { stamps, paper, ink } = A.colours(), key = name + "|" + ratio;
    if (stamps.has(key)) return stamps.get(key);
    const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext("2d"), face = FACE.replace("12", String(12 * ratio)) + A.css("--sans");
    pen.font = face;
    canvas.width = Math.ceil(pen.measureText(name).width + 8 * ratio); canvas.height = Math.ceil(22 * ratio);
    Object.assign(pen, { font: face, textAlign: "center", textBaseline: "middle", lineJoin: "round" });
    const at = [canvas.width / 2, canvas.height / 2];
    pen.strokeStyle = paper; pen.lineWidth = 4 * ratio; pen.strokeText(name, ...at);
    pen.fillStyle = ink; pen.fillText(name, ...at);
    stamps.set(key, canvas);
    return canvas;
  }

  A.labels = function (map, pen) {
    const { sheet, asked } = map;
    if (!sheet || asked.a != null || map.el.dataset.names === "off") return;
    const names = A.names.take(map, "/api/names-of-classes?" + new URLSearchParams({ model: asked.model }), A.readNames);
    if (!names) return;
    const { ratio, w, h, unit, ox, oy } = map.frame;
    let count = 0;
    for (const { index, x, y } of standing(map)) {
      const px = ox + x * unit, py = oy + y * unit;
      if (px < 0 || py < 0 || px > w || py > h || count++ >= MOST) continue;
      const stamp = written(names[index], ratio), left = Math.min(w - stamp.width, Math.max(0, px - stamp.width / 2));
      pen.drawImage(stamp, Math.round(left), Math.round(py - stamp.height / 2));
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest(".atlas-names");
    if (!button) return;
    const el = button.closest(".atlas"), off = el.dataset.names === "off";
    el.dataset.names = off ? "on" : "off";
    button.setAttribute("aria-pressed", String(off));
    for (const map of A.maps) if (map.el === el) map.soon();
  });
})();
