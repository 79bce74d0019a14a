/* Words on the atlas, so that one finds one's way. From afar those of its regions: great ones ("animals"), and smaller ones
   inside them ("dogs"), where the cells' evidence agrees; the closer one looks, the more names of single classes, each at
   the cell whose places speak for it most. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const APART = 112, MOST = 40; // CSS pixels between two names at least; names at once
  const NEAR = 1000, CLOSE = 2600; // CSS pixels of the main square: from here on names of classes; no great regions any more
  const FEW = 4; // regions, below which a map is told by its classes also from afar
  const SMALL = 12, LARGE = 18; // CSS pixels of letters: a great region's word is the larger the more cells it has

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

  // What may stand at this zoom, the most telling first: great regions, smaller ones, classes.
  function candidates(sheet, scale) {
    const regions = sheet.regions || [], order = (p, q) => q.great - p.great || q.part - p.part;
    const words = regions.filter((one) => !one.great || scale < CLOSE).sort(order);
    return scale >= NEAR || regions.length < FEW ? [...words, ...loudest(sheet)] : words;
  }

  // Those far enough from each other at this zoom, wherever the view is: while one pans, names neither come nor go.
  function standing(map, names) {
    const { sheet, frame } = map, scale = frame.unit / frame.ratio;
    if (map.names && map.names.sheet === sheet && map.names.scale === scale) return map.names.list;
    const list = [], wide = (one) => width(names[one.index], letters(one));
    const near = (p, q) => { // two words of regions need not be as far from each other as two names
      const apart = p.part && q.part ? 0 : APART, x = Math.abs(p.x - q.x) * scale, y = Math.abs(p.y - q.y) * scale;
      return Math.hypot(x, 2.2 * y) < apart || (x < (wide(p) + wide(q)) / 2 + 4 && y < 24);
    };
    for (const one of candidates(sheet, scale)) if (!list.some((other) => near(one, other))) list.push(one);
    map.names = { sheet, scale, list };
    return list;
  }

  const widths = new Map(), ruler = new OffscreenCanvas(1, 1).getContext("2d");

  function width(name, size) { // CSS pixels
    const key = size + name;
    if (!widths.has(key)) { ruler.font = face(size, 1); widths.set(key, ruler.measureText(name).width + 8); }
    return widths.get(key);
  }

  const face = (size, ratio) => `${size > SMALL ? 700 : 600} ${size * ratio}px ${A.css("--sans")}`;
  const letters = ({ great, part }) => (great ? Math.min(LARGE, Math.round(SMALL + 20 * Math.sqrt(part))) : SMALL);

  function written(name, size, ratio) { // a name as a picture: writing forty anew would take most of a frame
    const { stamps, paper, ink } = A.colours(), key = [name, size, ratio].join("|");
    if (stamps.has(key)) return stamps.get(key);
    const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext("2d"), font = face(size, ratio);
    canvas.width = Math.ceil(width(name, size) * ratio); canvas.height = Math.ceil((size + 10) * ratio);
    Object.assign(pen, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round" });
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
    for (const one of standing(map, names)) {
      const { index, x, y } = one, px = ox + x * unit, py = oy + y * unit;
      if (px < 0 || py < 0 || px > w || py > h || count++ >= MOST) continue;
      const stamp = written(names[index], letters(one), ratio), left = Math.min(w - stamp.width, Math.max(0, px - stamp.width / 2));
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
