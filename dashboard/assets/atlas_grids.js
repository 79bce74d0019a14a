/* The atlas' sheets: what is fetched (map, mosaics, classes, names), kept and let go of, and which of the grids is shown. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const NEAR = [44, 90]; // CSS pixels: a shown grid's cells are this wide, or as near to it as its grids allow
  const AT_ONCE = 8, AGAIN = 500; // requests under way on a shelf; ms until a failed one may be tried anew
  const plain = (error) => (error instanceof TypeError ? "The program does not answer; is it still running?" : error.message);

  // ---- shelves: what an address holds, fetched once, the longest unused let go of
  class Shelf {
    constructor(most) { Object.assign(this, { most, kept: new Map(), underWay: 0 }); }

    // The value, or undefined while it is on its way or could not be had; then the map's line says why.
    take(map, address, make) {
      const entry = this.kept.get(address);
      if (!entry) { if (this.underWay < AT_ONCE) this.fetch(address, make); return undefined; }
      this.kept.delete(address);
      this.kept.set(address, entry);
      if (entry.failed) map.fault = entry.failed;
      return entry.value;
    }

    peek(address) { const entry = this.kept.get(address); return entry && entry.value; }

    over(address) { const entry = this.kept.get(address); return Boolean(entry) && (entry.failed || entry.value !== undefined); }

    fetch(address, make) {
      const entry = {};
      this.kept.set(address, entry);
      this.underWay++;
      const fails = (error) => Object.assign(entry, { failed: plain(error), at: performance.now() });
      make(address).then((value) => { entry.value = value; }, fails).then(() => { this.underWay--; this.trim(); A.news(); });
    }

    trim() {
      for (const [address, { value, failed }] of this.kept) {
        if (this.kept.size <= this.most) return;
        if (value === undefined && !failed) continue;
        if (value instanceof ImageBitmap) value.close();
        this.kept.delete(address);
      }
    }

    again(now) { for (const [address, { failed, at }] of this.kept) if (failed && now - at > AGAIN) this.kept.delete(address); }
  }

  Object.assign(A, {
    sheets: new Shelf(6), names: new Shelf(6), values: new Shelf(80), mosaics: new Shelf(8), tiles: new Shelf(240),
  });

  A.again = function () {
    const now = performance.now();
    for (const shelf of [A.sheets, A.names, A.values, A.mosaics, A.tiles]) shelf.again(now);
  };

  async function answered(address) {
    const answer = await fetch(address);
    if (answer.ok) return answer;
    let said = null;
    try { said = (await answer.json()).error; } catch (error) { /* no words of its own */ }
    throw new Error(said || `A part of the map could not be read (${answer.status}).`);
  }

  A.readNames = async function (address) { // groups of classes count on after the classes
    const { classes, groups = [] } = await (await answered(address)).json();
    return [...classes, ...groups];
  };

  A.readValues = (count) => async (address) => {
    const values = new Float32Array(await (await answered(address)).arrayBuffer());
    if (values.length !== count) throw new Error("The effects on this class do not fit the map.");
    return values;
  };

  // A mosaic in halves, quarters ... of its size, so that small icons are sampled from small pictures.
  const readMosaic = (icon) => async (address) => {
    const levels = [await createImageBitmap(await (await answered(address)).blob())];
    for (let side = icon; side % 2 === 0 && side > 8; side /= 2) {
      const last = levels[levels.length - 1], half = new OffscreenCanvas(last.width / 2, last.height / 2);
      half.getContext("2d").drawImage(last, 0, 0, half.width, half.height);
      levels.push(half.transferToImageBitmap());
      await new Promise((resolve) => setTimeout(resolve)); // not all within one frame
    }
    return levels;
  };

  // ---- a sheet, made ready: cells by their place, doubtful ones in rows, what lies apart
  A.cellKey = (col, row) => (row + 65536) * 262144 + col + 65536;

  A.readSheet = async function (address) {
    const raw = await (await answered(address)).json(), base = address.replace(/map\.json.*$/, "");
    const grids = raw.grids.map((grid) => ready(grid, base, raw.doubt)).sort((p, q) => p.side - q.side);
    return { ...raw, grids, apart: clusters(grids[0]), box: boxOf(grids) };
  };

  function ready(raw, base, doubt) {
    const at = new Map(), apart = [], lacking = [], doubtful = [], { side, col, row } = raw;
    for (let i = 0; i < col.length; i++) {
      at.set(A.cellKey(col[i], row[i]), i);
      if (col[i] < 0 || row[i] < 0 || col[i] >= side || row[i] >= side) apart.push(i);
      if (!raw.drawn[i]) lacking.push(i);
      if (raw.trust[i] < doubt) doubtful.push(i);
    }
    return { ...raw, base, at, apart, alone: [...new Set([...apart, ...lacking])], runs: runs(raw, doubtful) };
  }

  function runs({ col, row }, cells) { // neighbours in a row as one [col, row, how many]
    const found = [];
    for (const i of cells.sort((p, q) => row[p] - row[q] || col[p] - col[q])) {
      const last = found[found.length - 1];
      if (last && last[1] === row[i] && last[0] + last[2] === col[i]) last[2]++;
      else found.push([col[i], row[i], 1]);
    }
    return found;
  }

  function boxOf(grids) {
    const box = [0, 0, 1, 1];
    for (const { side, col, row, apart } of grids) for (const i of apart) {
      box[0] = Math.min(box[0], col[i] / side); box[2] = Math.max(box[2], (col[i] + 1) / side);
      box[1] = Math.min(box[1], row[i] / side); box[3] = Math.max(box[3], (row[i] + 1) / side);
    }
    return box;
  }

  function clusters(grid) { // cells apart that touch each other are one stop; the one with the most points first
    const left = new Set(grid.apart), found = [];
    while (left.size) {
      const [start] = left, cells = [start];
      left.delete(start);
      for (const i of cells) for (const j of left) {
        if (Math.abs(grid.col[i] - grid.col[j]) <= 1 && Math.abs(grid.row[i] - grid.row[j]) <= 1) { cells.push(j); left.delete(j); }
      }
      const count = cells.reduce((sum, i) => sum + grid.count[i], 0), top = cells.reduce((p, q) => (grid.count[q] > grid.count[p] ? q : p));
      const far = Math.max(...cells.flatMap((i) => ["col", "row"].map((axis) => Math.abs(grid[axis][i] - grid[axis][top]))));
      found.push({ x: (grid.col[top] + 0.5) / grid.side, y: (grid.row[top] + 0.5) / grid.side, wide: (1 + 2 * far) / grid.side, count });
    }
    return found.sort((p, q) => q.count - p.count);
  }

  // ---- which grid
  A.mosaic = (map, grid) => (grid.mosaic ? A.mosaics.take(map, grid.mosaic, readMosaic(grid.icon)) : null);

  function wanted(map) { // the shown one stays while it will do; of two that would do as well the coarser
    const unit = A.unit(map), off = (grid) => {
      const wide = unit / grid.side;
      return wide < NEAR[0] ? NEAR[0] / wide : wide > NEAR[1] ? wide / NEAR[1] : 1;
    };
    let best = map.sheet.grids.find((grid) => map.grid && grid.side === map.grid.side) || map.sheet.grids[0];
    for (const grid of map.sheet.grids) if (off(grid) < off(best)) best = grid;
    return best;
  }

  // Everything that is needed of a grid in this view is there, or is known not to come.
  function stands(map, grid) {
    if (A.filter(map, grid) === undefined) return false;
    const pyramid = A.pyramid(map, grid);
    if (!pyramid) return !grid.mosaic || A.mosaics.over(grid.mosaic);
    let all = true;
    A.tilesInView(map, pyramid, 0, (level, x, y) => { all = pyramid.stands(map, level, x, y) && all; });
    return all;
  }

  A.follow = function (map, now) { // a finer or coarser grid comes when it can be shown whole; until then the last one stays
    const { grids } = map.sheet, next = wanted(map), base = grids.find((grid) => grid.mosaic && !grid.tiles);
    if (base) A.mosaic(map, base); // stands in for what is missing, and is the small map
    if (next !== map.grid && (!map.grid || stands(map, next))) Object.assign(map, { past: map.grid, grid: next, since: now });
    const finer = next === map.grid && next.pyramid && grids[grids.indexOf(next) + 1];
    if (finer && !finer.tiles) A.mosaic(map, finer); // one is likely to look closer
  };
})();
