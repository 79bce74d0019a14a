/* The atlas by class: the effects on one class as a veil over the cells that do not speak for it; of two classes, which
   of them a cell speaks for, as a blue or orange edge with a mark that points up for the first and down for the second. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const DEEPEST = 0.93, STEPS = 6, LEAST = 0.07, TOLD = 0.12; // of a veil; of an edge's strength; how little is not edged, not marked
  const FULL = 0.95; // part of the cells that say anything which the scale of colours is made for
  const SMALL = 18, MARKED = 30; // CSS pixels of a cell: below it is tinted as a whole, from the second on it has a mark

  // What the chosen classes mean for a grid; null without a class, undefined while the effects are on their way.
  A.filter = function (map, grid) {
    const { a, b, strength } = map.asked;
    if (a === null || a === undefined) return null;
    const two = b !== null && b !== undefined, address = (c) => `${grid.base}class/${grid.side}/${c}`;
    const read = A.readValues(grid.col.length), va = A.values.take(map, address(a), read);
    const vb = two ? A.values.take(map, address(b), read) : null;
    const failed = [a, ...(two ? [b] : [])].some((c) => A.values.over(address(c)) && !A.values.peek(address(c)));
    if (failed) return null;
    if (!va || (two && !vb)) return undefined;
    const key = [a, two ? b : "", strength].join();
    if (!grid.filter || grid.filter.key !== key) grid.filter = measured(key, va, vb, strength);
    return grid.filter;
  };

  function measured(key, va, vb, strength) {
    const count = va.length, says = new Float32Array(count), veil = new Float32Array(count);
    for (let i = 0; i < count; i++) says[i] = vb ? Math.max(Math.abs(va[i]), Math.abs(vb[i])) : Math.max(0, va[i]);
    const most = high(says);
    for (let i = 0; i < count; i++) veil[i] = DEEPEST * (1 - Math.pow(Math.min(1, says[i] / most), strength));
    let gain = null;
    if (vb) {
      gain = va.map((v, i) => v - vb[i]);
      const furthest = high(gain.map(Math.abs));
      gain = gain.map((v) => Math.max(-1, Math.min(1, v / furthest)));
    }
    return { key, va, vb, veil, gain, covers: new Map() };
  }

  // What counts as full: one extreme cell would pale all others.
  function high(values) {
    const said = values.filter((v) => v > 0).sort();
    return said.length ? said[Math.ceil(FULL * said.length) - 1] : 1e-9;
  }

  // One pixel a cell of the main square, painted over the icons in one stroke.
  function cover(grid, filter, tinted, colours) {
    const kept = filter.covers.get(tinted);
    if (kept && kept.colours === colours) return kept.canvas;
    const canvas = new OffscreenCanvas(grid.side, grid.side), pen = canvas.getContext("2d"), image = new ImageData(grid.side, grid.side);
    for (let i = 0; i < grid.col.length; i++) {
      const { [i]: c } = grid.col, { [i]: r } = grid.row;
      if (c < 0 || r < 0 || c >= grid.side || r >= grid.side) continue;
      image.data.set(pixel(filter, i, tinted, colours), 4 * (r * grid.side + c));
    }
    pen.putImageData(image, 0, 0);
    filter.covers.set(tinted, { colours, canvas });
    return canvas;
  }

  function pixel({ veil, gain }, i, tinted, { rgb }) { // the veil, and over it the tint
    const tint = tinted && gain ? 0.65 * Math.abs(gain[i]) : 0, under = veil[i] * (1 - tint), all = tint + under;
    const ink = gain && gain[i] < 0 ? rgb.against : rgb.for;
    return [0, 1, 2].map((k) => (all ? (ink[k] * tint + rgb.paper[k] * under) / all : 0)).concat(255 * all);
  }

  A.veil = function (map, pen, grid, alpha) {
    const filter = A.filter(map, grid);
    if (!filter) return;
    const { ratio, unit, ox, oy } = map.frame, cell = unit / grid.side, tinted = cell < SMALL * ratio;
    pen.globalAlpha = alpha;
    pen.imageSmoothingEnabled = false;
    const end = (o) => Math.round(o + unit);
    pen.drawImage(cover(grid, filter, tinted, A.colours()), ox, oy, end(ox) - ox, end(oy) - oy);
    pen.imageSmoothingEnabled = true;
    for (const i of grid.apart) {
      const [r, g, b, a] = pixel(filter, i, tinted, A.colours()), box = A.cellBox(map, grid, i);
      pen.fillStyle = `rgb(${r} ${g} ${b} / ${a / 255})`;
      pen.fillRect(...box);
    }
    pen.globalAlpha = 1;
  };

  A.edges = function (map, pen, grid, alpha) { // of cells that are large enough for them
    const { ratio, unit } = map.frame, cell = unit / grid.side, { gain } = A.filter(map, grid) || {};
    if (!gain || cell < SMALL * ratio) return;
    const { pro, con } = A.colours(), steps = Array.from({ length: 2 * STEPS + 1 }, () => []), marked = [];
    A.inView(map, grid, (i) => {
      const size = Math.abs(gain[i]);
      if (size > LEAST) steps[STEPS + Math.sign(gain[i]) * Math.ceil(STEPS * size)].push(i);
      if (size > TOLD) marked.push(i);
    });
    const thick = Math.min(5 * ratio, Math.max(1.5 * ratio, 0.09 * cell));
    steps.forEach((cells, k) => {
      if (!cells.length) return;
      const part = Math.abs(k - STEPS) / STEPS, wide = thick * (0.4 + 0.6 * part);
      Object.assign(pen, { globalAlpha: alpha * (0.2 + 0.8 * part), strokeStyle: k > STEPS ? pro : con, lineWidth: wide });
      for (const i of cells) { // one by one: twice as fast as all in one path
        const [x, y, w, h] = A.iconBox(map, grid, i);
        pen.strokeRect(x + wide / 2, y + wide / 2, w - wide, h - wide);
      }
    });
    pen.globalAlpha = alpha;
    if (cell >= MARKED * ratio) marks(map, pen, grid, gain, marked);
    pen.globalAlpha = 1;
  };

  function marks(map, pen, grid, gain, cells) { // colour never stands alone: up for the first class, down for the second
    const { ratio, unit } = map.frame, arm = Math.round(4 * Math.min(4 * ratio, Math.max(2.6 * ratio, 0.06 * unit / grid.side))) / 4;
    const up = mark(arm, 1), down = mark(arm, -1);
    for (const i of cells) {
      const [x, y, w] = A.cellBox(map, grid, i);
      pen.drawImage(gain[i] > 0 ? up : down, x + w - up.width, y);
    }
  }

  function mark(arm, sign) { // on a disc of paper
    const { marks: kept, paper, pro, con } = A.colours(), key = sign * arm;
    if (kept.has(key)) return kept.get(key);
    if (kept.size > 60) kept.clear(); // of sizes passed through in zooming
    const side = Math.ceil(4.2 * arm), canvas = new OffscreenCanvas(side, side), pen = canvas.getContext("2d"), at = side / 2;
    pen.arc(at, at, 1.8 * arm, 0, 7);
    pen.fillStyle = paper;
    pen.fill();
    pen.beginPath();
    pen.moveTo(at - arm, at + sign * 0.8 * arm); pen.lineTo(at + arm, at + sign * 0.8 * arm); pen.lineTo(at, at - sign * arm);
    pen.fillStyle = sign > 0 ? pro : con;
    pen.fill();
    kept.set(key, canvas);
    return canvas;
  }
})();
