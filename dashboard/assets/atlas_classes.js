/* The atlas by class: the effects on one class as a veil over the cells that do not speak for it; of two classes, which
   of them a cell speaks for, as a blue or orange edge with a mark that points up for the first and down for the second. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const DEEPEST = 0.93, STEPS = 6, LEAST = 0.07, TOLD = 0.12; // of a veil; of an edge's strength; how little is not edged, not marked
  const SMALL = 14, MARKED = 30; // CSS pixels of a cell: below it is tinted as a whole, from the second on it has a mark

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
    const most = largest(says);
    for (let i = 0; i < count; i++) veil[i] = DEEPEST * (1 - Math.pow(says[i] / most, strength));
    let gain = null;
    if (vb) {
      gain = va.map((v, i) => v - vb[i]);
      const furthest = largest(gain.map(Math.abs));
      gain = gain.map((v) => v / furthest);
    }
    return { key, va, vb, veil, gain, covers: new Map() };
  }

  function largest(values) { let most = 1e-9; for (const v of values) if (v > most) most = v; return most; }

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
    const { ratio, unit } = map.frame, cell = unit / grid.side, { gain } = A.filter(map, grid) || {}, seen = [];
    if (!gain || cell < SMALL * ratio) return;
    const { pro, con } = A.colours();
    A.inView(map, grid, (i) => { if (Math.abs(gain[i]) > LEAST) seen.push(i); });
    const thick = Math.min(5 * ratio, Math.max(1.5 * ratio, 0.09 * cell));
    for (const sign of [1, -1]) for (let step = 1; step <= STEPS; step++) {
      const part = step / STEPS, wide = thick * (0.4 + 0.6 * part), of = (i) => sign * gain[i] > 0 && Math.ceil(STEPS * Math.abs(gain[i])) === step;
      const cells = seen.filter(of);
      if (!cells.length) continue;
      pen.beginPath();
      for (const i of cells) {
        const [x, y, w, h] = A.iconBox(map, grid, i);
        pen.rect(x + wide / 2, y + wide / 2, w - wide, h - wide);
      }
      pen.globalAlpha = alpha * (0.2 + 0.8 * part);
      pen.strokeStyle = sign > 0 ? pro : con;
      pen.lineWidth = wide;
      pen.stroke();
    }
    pen.globalAlpha = alpha;
    if (cell >= MARKED * ratio) marks(map, pen, grid, gain, seen.filter((i) => Math.abs(gain[i]) > TOLD));
    pen.globalAlpha = 1;
  };

  function marks(map, pen, grid, gain, seen) { // colour never stands alone: up for the first class, down for the second
    const { paper, pro, con } = A.colours(), { ratio, unit } = map.frame, arm = Math.min(4 * ratio, Math.max(2.6 * ratio, 0.06 * unit / grid.side));
    for (const sign of [1, -1]) {
      const middles = seen.filter((i) => sign * gain[i] > 0).map((i) => {
        const [x, y, w] = A.cellBox(map, grid, i);
        return [x + w - 2.2 * arm, y + 2.2 * arm];
      });
      pen.beginPath();
      for (const [x, y] of middles) { pen.moveTo(x + 1.8 * arm, y); pen.arc(x, y, 1.8 * arm, 0, 7); }
      pen.fillStyle = paper;
      pen.fill();
      pen.beginPath();
      for (const [x, y] of middles) {
        pen.moveTo(x - arm, y + sign * 0.8 * arm);
        pen.lineTo(x + arm, y + sign * 0.8 * arm);
        pen.lineTo(x, y - sign * arm);
        pen.closePath();
      }
      pen.fillStyle = sign > 0 ? pro : con;
      pen.fill();
    }
  }
})();
