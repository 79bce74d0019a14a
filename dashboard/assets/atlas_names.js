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

  A.labels = function (map, pen) {
    const { sheet, asked } = map;
    if (!sheet || asked.a != null || map.el.dataset.names === "off") return;
    const names = A.names.take(map, "/api/names-of-classes?" + new URLSearchParams({ model: asked.model }), A.readNames);
    if (!names) return;
    const { ratio, w, h, unit, ox, oy } = map.frame, { paper, ink } = A.colours(), placed = [];
    pen.font = FACE.replace("12", String(12 * ratio)) + A.css("--sans");
    pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineJoin = "round";
    for (const { index, x, y } of loudest(sheet)) {
      const at = [ox + x * unit, oy + y * unit];
      if (at[0] < 0 || at[1] < 0 || at[0] > w || at[1] > h || placed.length >= MOST) continue;
      if (placed.some(([px, py]) => Math.hypot(px - at[0], 2.2 * (py - at[1])) < APART * ratio)) continue;
      placed.push(at);
      const half = pen.measureText(names[index]).width / 2, left = Math.min(w - half - 4 * ratio, Math.max(half + 4 * ratio, at[0]));
      pen.strokeStyle = paper; pen.lineWidth = 4 * ratio; pen.strokeText(names[index], left, at[1]);
      pen.fillStyle = ink; pen.fillText(names[index], left, at[1]);
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
