/* Many icons in one picture, so that a frame is a few dozen strokes: tiles that the program made, or plates put
   together here out of a mosaic. Either is a pyramid: level 0 is the coarsest, each next one has twice the scale, and
   tile x, y of a level lies in tile x >> 1, y >> 1 of the level before. */
"use strict";

(function () {
  const A = neuronscope.atlas;
  const BUDGET = 4, MOST = 220, PLATE = 320; // ms a frame for putting plates together; plates kept; about a plate's pixels
  const plates = new Map(); // address -> picture, the longest unused first

  async function readTile(address) {
    const answer = await fetch(address);
    if (answer.status === 404) return false; // nothing lies there
    if (!answer.ok) throw new Error(`A part of the map could not be read (${answer.status}).`);
    return createImageBitmap(await answer.blob());
  }

  // A grid's pyramid, or null while its mosaic is on its way. `take` gives a tile's picture, false where nothing lies,
  // undefined where it is not there yet; `peek` asks for nothing; `stands`: asked, and as much of it there as will come.
  A.pyramid = function (map, grid) {
    if (!grid.pyramid && grid.tiles) grid.pyramid = served(grid);
    if (!grid.pyramid && !grid.tiles) {
      const levels = A.mosaic(map, grid);
      if (levels) grid.pyramid = put(grid, levels);
    }
    return grid.pyramid || null;
  };

  function served(grid) {
    const { base, levels } = grid.tiles, address = (level, x, y) => `${base}/${level}/${x}/${y}.webp`, side = (level) => 2 ** -level;
    return {
      pixels: 256, side, filled: filled(grid, levels, side(levels - 1)),
      // shrunk, or grown by a seventh at most
      level: (unit) => Math.max(0, Math.min(levels - 1, Math.ceil(Math.log2(unit / 256) - 0.2))),
      take: (map, level, x, y) => A.tiles.take(map, address(level, x, y), readTile),
      peek: (level, x, y) => A.tiles.peek(address(level, x, y)),
      stands(map, level, x, y) { this.take(map, level, x, y); return A.tiles.over(address(level, x, y)); },
    };
  }

  function put(grid, pictures) {
    const cells = Math.max(1, Math.round(PLATE / grid.icon)), levels = pictures.length, top = levels - 1;
    const side = (level) => cells * 2 ** (top - level) / grid.side, address = (level, x, y) => [grid.mosaic, level, x, y].join();
    function made(level, x, y) {
      const key = address(level, x, y), picture = composed(grid, pictures, top - level, cells * 2 ** (top - level), x, y);
      plates.set(key, picture);
      for (const [old, unused] of plates) { if (plates.size <= MOST) break; unused.close(); plates.delete(old); }
      return picture;
    }
    function take(map, level, x, y, must) {
      const key = address(level, x, y), had = plates.get(key);
      if (had) { plates.delete(key); plates.set(key, had); return had; }
      if (must || performance.now() < map.frame.until) return made(level, x, y);
      map.soon();
      return undefined;
    }
    return {
      pictures, pixels: cells * grid.icon, side, filled: filled(grid, levels, side(top)), take,
      peek: (level, x, y) => plates.get(address(level, x, y)),
      level(unit) { // the least that need not be grown
        const drawn = 0.9 * unit / grid.side;
        let down = 0;
        while (down < top && grid.icon / 2 ** (down + 1) >= drawn) down++;
        return top - down;
      },
      stands: (map, level, x, y) => Boolean(take(map, level, x, y)),
    };
  }

  function composed(grid, pictures, down, cells, x, y) {
    const side = grid.icon / 2 ** down, canvas = new OffscreenCanvas(cells * side, cells * side), pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "low";
    for (let r = y * cells; r < (y + 1) * cells; r++) for (let c = x * cells; c < (x + 1) * cells; c++) {
      const i = grid.at.get(A.cellKey(c, r));
      if (i === undefined || !grid.drawn[i]) continue;
      const gap = (1 - grid.size[i]) / 2, from = (v, first) => Math.round((v - first * cells + gap) * side);
      const to = (v, first) => Math.round((v - first * cells + 1 - gap) * side), left = from(c, x), high = from(r, y);
      if (to(c, x) > left) A.stamp(pen, grid, pictures, i, left, high, to(c, x) - left, to(r, y) - high);
    }
    return canvas.transferToImageBitmap();
  }

  // One icon out of a mosaic, from that of its sizes which is shrunk least.
  A.stamp = function (pen, grid, pictures, i, x, y, w, h) {
    let down = 0;
    while (down + 1 < pictures.length && grid.icon / 2 ** (down + 1) >= 0.95 * w) down++;
    const side = grid.icon / 2 ** down;
    pen.drawImage(pictures[down], (i % grid.perRow) * side, Math.floor(i / grid.perRow) * side, side, side, x, y, w, h);
  };

  // Which tiles hold any icon, level by level: no other is asked for.
  function filled({ side, col, row, size, drawn }, levels, span) {
    const sets = Array.from({ length: levels }, () => new Set()), top = levels - 1, scale = 1 / (span * side);
    for (let i = 0; i < col.length; i++) {
      if (!drawn[i] || col[i] < 0 || row[i] < 0 || col[i] >= side || row[i] >= side) continue;
      const half = Math.max(0, size[i] / 2 - 1e-6), ends = (c) => [c + 0.5 - half, c + 0.5 + half].map((v) => Math.floor(v * scale));
      const [x0, x1] = ends(col[i]), [y0, y1] = ends(row[i]);
      for (let x = x0; x <= x1; x++) for (let y = y0; y <= y1; y++) sets[top].add(x * 65536 + y);
    }
    for (let level = top; level > 0; level--) {
      for (const key of sets[level]) sets[level - 1].add((key >> 17) * 65536 + ((key & 65535) >> 1));
    }
    return sets;
  }

  A.tilesInView = function ({ frame }, { side, level, filled: sets }, margin, visit) {
    const { w, h, unit, ox, oy } = frame, at = level(unit), wide = unit * side(at), last = Math.ceil(1 / side(at)) - 1;
    const from = (o) => Math.max(0, Math.floor(-o / wide) - margin);
    const to = (o, all) => Math.min(last, Math.floor((all - 1 - o) / wide) + margin);
    for (let y = from(oy); y <= to(oy, h); y++) for (let x = from(ox); x <= to(ox, w); x++) {
      if (sets[at].has(x * 65536 + y)) visit(at, x, y);
    }
  };

  // Paints what is there; returns the boxes of tiles of which nothing is.
  A.paintTiles = function (map, pen, pyramid) {
    const missing = [], { side, pixels } = pyramid;
    A.tilesInView(map, pyramid, 0, (level, x, y) => {
      const wide = side(level), at = A.box(map, x * wide, y * wide, (x + 1) * wide, (y + 1) * wide), up = above(pyramid, level, x, y);
      const tile = pyramid.take(map, level, x, y, !up);
      if (tile) return pen.drawImage(tile, ...at);
      if (tile === false) return undefined;
      if (!up) return missing.push(at);
      const part = pixels / 2 ** up, mask = 2 ** up - 1, larger = pyramid.peek(level - up, x >> up, y >> up);
      return pen.drawImage(larger, (x & mask) * part, (y & mask) * part, part, part, ...at);
    });
    return missing;
  };

  function above(pyramid, level, x, y) { // how many levels up a picture is there, 0 where none is
    for (let up = 1; up <= level; up++) if (pyramid.peek(level - up, x >> up, y >> up)) return up;
    return 0;
  }

  A.budget = (map) => { map.frame.until = performance.now() + BUDGET; };
})();
