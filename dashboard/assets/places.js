/* Maps of places (dashboard/views/places.py): each canvas carries its numbers and is painted here; the one with
   the id place-chooser lies over the picture, and a click, or the arrows, on it choose a place. */
"use strict";

(function () {
  let chosen = null; // [row, column] of the layer's grid
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function rgb(hex) {
    const n = parseInt(hex.slice(1, 7), 16);
    return [n >> 16, (n >> 8) & 255, n & 255];
  }

  function read(canvas) {
    const { rows, cols, kind, values } = canvas.dataset;
    return { rows: Number(rows), cols: Number(cols), kind, values: JSON.parse(values) };
  }

  function sized(canvas, w, h) {
    canvas.width = w; canvas.height = h; // also wipes it
    return canvas.getContext("2d");
  }

  function pixels(map, pixel) {
    const small = document.createElement("canvas"), pen = sized(small, map.cols, map.rows);
    const image = pen.createImageData(map.cols, map.rows);
    map.values.forEach((v, i) => image.data.set(pixel(v), 4 * i));
    pen.putImageData(image, 0, 0);
    return small;
  }

  function paintVeil(canvas, map) {
    const box = canvas.getBoundingClientRect(), side = Math.round((box.width || 220) * (devicePixelRatio || 1));
    const pen = sized(canvas, side, side), most = Math.max(1e-9, ...map.values);
    pen.drawImage(pixels(map, (v) => [10, 12, 20, 184 * (1 - Math.pow(Math.max(0, v / most), 0.6))]), 0, 0, side, side);
    if (!chosen || chosen[0] >= map.rows || chosen[1] >= map.cols) return;
    const cw = side / map.cols, ch = side / map.rows, thick = Math.max(1.5, side / 150);
    for (const [colour, grow] of [["#000", thick], ["#fff", 0]]) {
      pen.strokeStyle = colour; pen.lineWidth = thick;
      pen.strokeRect(chosen[1] * cw - grow, chosen[0] * ch - grow, cw + 2 * grow, ch + 2 * grow);
    }
  }

  function paintEffect(canvas, map) {
    const most = Math.max(1e-12, ...map.values.map(Math.abs)), paper = rgb(css("--sheet"));
    const pro = rgb(css("--for")), con = rgb(css("--against"));
    const small = pixels(map, (v) => {
      const part = Math.pow(Math.abs(v) / most, 0.6), ink = v >= 0 ? pro : con;
      return [0, 1, 2].map((k) => paper[k] + (ink[k] - paper[k]) * part).concat(255);
    });
    sized(canvas, map.cols, map.rows).drawImage(small, 0, 0);
  }

  function paintCover(canvas, map) { // over the picture: clear where there is nothing to say
    const most = Math.max(1e-12, ...map.values.map(Math.abs)), pro = rgb(css("--for")), con = rgb(css("--against"));
    const small = pixels(map, (v) => [...(v >= 0 ? pro : con), 200 * Math.pow(Math.abs(v) / most, 0.8)]);
    sized(canvas, map.cols, map.rows).drawImage(small, 0, 0);
  }

  function paintHinton(canvas, map) { // area: size; colour: sign
    const cell = 20, pen = sized(canvas, map.cols * cell, map.rows * cell);
    const most = Math.max(1e-12, ...map.values.map(Math.abs)), line = css("--line");
    pen.strokeStyle = line; pen.lineWidth = 1;
    map.values.forEach((v, i) => {
      const x = (i % map.cols) * cell, y = Math.floor(i / map.cols) * cell;
      const side = (cell - 2) * Math.sqrt(Math.abs(v) / most), gap = (cell - side) / 2;
      pen.strokeRect(x + 0.5, y + 0.5, cell, cell);
      pen.fillStyle = css(v >= 0 ? "--for" : "--against");
      pen.fillRect(x + gap, y + gap, side, side);
    });
  }

  function paintGroups(canvas, map) { // the colours of Explore's map of groups
    const small = neuronscope.groupsMap({ ...map, off: JSON.parse(canvas.dataset.off || "[]") });
    sized(canvas, map.cols, map.rows).drawImage(small, 0, 0);
  }

  const PAINT = { veil: paintVeil, effect: paintEffect, cover: paintCover, hinton: paintHinton, groups: paintGroups };

  function paint(where) {
    for (const canvas of where.querySelectorAll("canvas.place-map[data-values]")) {
      PAINT[canvas.dataset.kind](canvas, read(canvas));
    }
    say();
  }

  const short = (v) => v.toFixed(Math.abs(v) >= 100 ? 0 : Math.abs(v) >= 10 ? 1 : 2).replace("-", "\u2212");

  function say() { // what the chosen place is, and how to let go of it
    const note = document.getElementById("place-note"), canvas = document.getElementById("place-chooser");
    if (!note || !canvas) return;
    const map = read(canvas), value = chosen && map.values[chosen[0] * map.cols + chosen[1]];
    if (value === null || value === undefined) {
      note.replaceChildren("Bright: where it fires. Choose a place: click, or the ", button("strongest", strongest(map)));
      return;
    }
    const says = value === 0 ? "it is silent" : `it fires ${short(value)}`;
    note.replaceChildren(`At place ${chosen[0]},${chosen[1]} ${says}. `, button("whole picture (Esc)", null));
  }

  function strongest(map) {
    const at = map.values.indexOf(Math.max(...map.values));
    return [Math.floor(at / map.cols), at % map.cols];
  }

  function button(text, at) {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "quiet-button", textContent: text });
    made.dataset.do = JSON.stringify({ at });
    return made;
  }

  function choose(place) {
    const same = chosen && place && chosen[0] === place[0] && chosen[1] === place[1];
    neuronscope.choose({ at: same ? null : place });
  }

  document.addEventListener("chosen", ({ detail }) => {
    if (detail.at === undefined || detail.layer !== undefined) return;
    chosen = detail.at;
    paint(document);
  });

  document.addEventListener("click", (event) => {
    const canvas = event.target;
    if (canvas.id !== "place-chooser") return;
    const box = canvas.getBoundingClientRect(), { rows, cols } = read(canvas);
    const at = [(event.clientY - box.top) / box.height * rows, (event.clientX - box.left) / box.width * cols];
    choose([Math.min(rows - 1, Math.floor(at[0])), Math.min(cols - 1, Math.floor(at[1]))]);
  });

  document.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move || event.target.id !== "place-chooser") return;
    event.preventDefault();
    const map = read(event.target), { rows, cols } = map;
    if (!chosen) return choose(strongest(map));
    const next = [chosen[0] + move[0], chosen[1] + move[1]];
    if (next[0] >= 0 && next[1] >= 0 && next[0] < rows && next[1] < cols) choose(next);
  });

  document.addEventListener("filled", (event) => paint(event.target));
  new MutationObserver(() => paint(document))
    .observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });

  window.dash_clientside = Object.assign({}, window.dash_clientside);
  window.dash_clientside.places = {
    choose(part) {
      const latest = neuronscope.latest; // an answer to the choice before may come late
      if (latest && latest.at !== undefined && latest.layer === undefined) chosen = latest.at;
      else chosen = part && part.row != null && part.col != null ? [part.row, part.col] : null;
      paint(document);
      return "";
    },
  };
})();
