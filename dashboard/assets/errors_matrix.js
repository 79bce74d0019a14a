/* The confusion matrix on a canvas: as many classes as there are, of which few cells hold anything. Far away several
   cells share a square, which shows what most of them hold; closer up each has its own. Rows are true classes. */
"use strict";

(function () {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const LEAST = 4, LABELS = 13, EDGE = 1, CLICK = 5; // pixels: of a square; from which on names are written; around; a click's slack
  const FINGER = 16; // the slack of a finger
  const TOUCH = 24; // pixels: a smaller square is named by a first tap, and opened by the second
  let sheet = null, look = null, at = null, drag = null;

  const canvas = () => document.getElementById("err-matrix");
  const side = (el) => Math.min(el.clientWidth, el.clientHeight) - 2 * EDGE;
  const unit = (el) => side(el) / sheet.order.length * look.zoom; // pixels of a class
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

  async function open(el) {
    const key = el.dataset.asked + el.dataset.known;
    if (!sheet || sheet.key !== key) {
      try {
        const answer = await fetch("/api/matrix?" + el.dataset.asked);
        const found = await answer.json();
        if (!answer.ok) return neuronscope.say(found.error);
        sheet = { ...found, key, held: new Map(found.cells.map(([r, c, n]) => [r * 1e6 + c, n])) };
        look = { x: 0, y: 0, zoom: 1 }; at = null;
      } catch (error) { return; } // status.js says that the program is away
    }
    paint();
  }

  function kept() { // the view stays on the matrix
    const most = sheet.order.length * (1 - 1 / look.zoom);
    look.x = clamp(look.x, 0, most); look.y = clamp(look.y, 0, most);
  }

  function paint() {
    const el = canvas();
    if (!el || !sheet) return;
    el.style.touchAction = look.zoom > 1 ? "none" : "pan-y"; // as a whole it does not hold the page
    const ratio = window.devicePixelRatio || 1, pen = el.getContext("2d"), whole = side(el), size = unit(el);
    el.width = Math.round(el.clientWidth * ratio); el.height = Math.round(el.clientHeight * ratio);
    pen.setTransform(ratio, 0, 0, ratio, EDGE * ratio, EDGE * ratio);
    const step = Math.max(1, Math.ceil(LEAST / size)), most = Math.max(...sheet.cells.map(([r, c, n]) => (r === c ? 0 : n)), 1);
    const squares = new Map();
    for (const [r, c, n] of sheet.cells) {
      const [row, col] = [Math.floor(r / step), Math.floor(c / step)], key = row * 1e6 + col, square = squares.get(key) || { row, col, right: 0, wrong: 0 };
      if (r === c) square.right += n; else square.wrong = Math.max(square.wrong, n);
      squares.set(key, square);
    }
    const right = css("--line-2"), wrong = css("--against"), line = css("--line");
    pen.strokeStyle = line; pen.strokeRect(0, 0, whole, whole);
    pen.save(); pen.beginPath(); pen.rect(0, 0, whole, whole); pen.clip();
    for (const kind of ["right", "wrong"]) { // errors over what is right
      for (const s of squares.values()) {
        if (!s[kind]) continue;
        pen.fillStyle = kind === "right" ? right : wrong;
        pen.globalAlpha = kind === "right" ? 0.7 : 0.45 + 0.55 * Math.sqrt(s.wrong / most);
        const gap = size * step > 8 ? 1 : 0;
        pen.fillRect((s.col * step - look.x) * size, (s.row * step - look.y) * size, Math.max(2, size * step - gap), Math.max(2, size * step - gap));
      }
    }
    pen.globalAlpha = 1;
    if (size >= LABELS) names(pen, size, whole);
    if (at) {
      pen.strokeStyle = css("--ink"); pen.lineWidth = 1;
      const seen = Math.max(size, 8), off = (seen - size) / 2 + 0.5; // never too small to be seen
      pen.strokeRect((at[1] - look.x) * size - off, (at[0] - look.y) * size - off, seen, seen);
    }
    pen.restore();
  }

  function names(pen, size, whole) {
    pen.font = "11px " + css("--sans"); pen.fillStyle = css("--ink"); pen.textBaseline = "middle";
    pen.strokeStyle = css("--sheet"); pen.lineWidth = 4; pen.lineJoin = "round"; // read over a square, too
    const write = (text, x, y) => { pen.strokeText(text, x, y); pen.fillText(text, x, y); };
    const [from, to] = [Math.floor(look.y), Math.ceil(look.y + whole / size)];
    for (let r = from; r < Math.min(to, sheet.names.length); r += 1) write(sheet.names[r], 4, (r + 0.5 - look.y) * size);
    const [left, right] = [Math.floor(look.x), Math.ceil(look.x + whole / size)];
    for (let c = left; c < Math.min(right, sheet.names.length); c += 1) {
      pen.save(); pen.translate((c + 0.5 - look.x) * size, whole - 4); pen.rotate(-Math.PI / 2); write(sheet.names[c], 0, 0); pen.restore();
    }
  }

  function near(el, event) { // the fullest cell under the pointer, or a little beside it
    const box = el.getBoundingClientRect(), size = unit(el), reach = Math.max(0, Math.ceil((event.pointerType === "touch" ? FINGER : CLICK) / size) - 1);
    const row = Math.floor((event.clientY - box.top - EDGE) / size + look.y), col = Math.floor((event.clientX - box.left - EDGE) / size + look.x);
    let best = null;
    for (let r = row - reach; r <= row + reach; r += 1) {
      for (let c = col - reach; c <= col + reach; c += 1) {
        const n = sheet.held.get(r * 1e6 + c) || 0, far = Math.hypot(r - row, c - col);
        const worth = n ? (r === c ? 0.5 : 1) + 1 / (1 + far) + n / 1e4 : 0;
        if (worth && (!best || worth > best.worth)) best = { worth, cell: [r, c], n };
      }
    }
    return best;
  }

  function said(found) {
    const line = document.getElementById("err-matrix-said");
    if (!line || !found) return;
    const [r, c] = found.cell, many = `${found.n} picture${found.n > 1 ? "s" : ""}`;
    line.textContent = r === c ? `${sheet.names[r]}: ${many} answered right` : `${sheet.names[r]} said ${sheet.names[c]}: ${many}`;
  }

  function zoom(el, px, py, factor) {
    const before = unit(el), most = Math.max(1, sheet.order.length * 44 / side(el));
    look.zoom = clamp(look.zoom * factor, 1, most);
    const after = unit(el);
    look.x += px / before - px / after; look.y += py / before - py / after;
    kept(); paint();
  }

  function choose([r, c]) {
    neuronscope.choose({ wall: `${sheet.order[r]},${sheet.order[c]}`, stage: "wall" });
  }

  const fingers = new Map();
  document.addEventListener("pointerdown", (event) => {
    if (event.target.id !== "err-matrix" || !sheet) return;
    fingers.set(event.pointerId, event);
    drag = { x: event.clientX, y: event.clientY, from: { ...look }, far: 0 };
    event.target.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (event.target.id !== "err-matrix" || !sheet) return;
    const el = event.target;
    if (drag && fingers.size === 2) {
      const [a, b] = [...fingers.values()], before = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      fingers.set(event.pointerId, event);
      const [p, q] = [...fingers.values()], now = Math.hypot(p.clientX - q.clientX, p.clientY - q.clientY), box = el.getBoundingClientRect();
      drag.far = 99;
      return zoom(el, (p.clientX + q.clientX) / 2 - box.left, (p.clientY + q.clientY) / 2 - box.top, now / Math.max(1, before));
    }
    if (!drag && !event.movementX && !event.movementY) return; // the page moved, not the pointer
    if (drag) {
      drag.far = Math.max(drag.far, Math.hypot(event.clientX - drag.x, event.clientY - drag.y));
      look.x = drag.from.x - (event.clientX - drag.x) / unit(el); look.y = drag.from.y - (event.clientY - drag.y) / unit(el);
      kept();
    } else {
      const found = near(el, event);
      at = found && found.cell;
      said(found);
    }
    paint();
  });
  document.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    if (event.target.id !== "err-matrix" || !drag || !sheet) return;
    const found = drag.far < CLICK && near(event.target, event);
    drag = null;
    if (!found) return;
    const [r, c] = found.cell, again = at && at[0] === r && at[1] === c;
    if (event.pointerType === "mouse" || unit(event.target) >= TOUCH || again) return choose(found.cell);
    at = found.cell; // a finger covers many squares, and nothing was named before
    said(found); paint();
    const open = Object.assign(document.createElement("button"), { type: "button", className: "pill", textContent: "open" });
    open.onclick = () => choose(found.cell);
    document.getElementById("err-matrix-said").append(" ", open);
  });
  document.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); drag = null; });
  document.addEventListener("wheel", (event) => {
    if (event.target.id !== "err-matrix" || !sheet) return;
    event.preventDefault();
    const box = event.target.getBoundingClientRect();
    zoom(event.target, event.clientX - box.left, event.clientY - box.top, Math.exp(-event.deltaY * 0.0025));
  }, { passive: false });

  document.addEventListener("keydown", (event) => {
    const el = event.target;
    if (el.id !== "err-matrix" || !sheet) return;
    const cells = sheet.cells.filter(([r, c]) => r !== c).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const now = at ? cells.findIndex(([r, c]) => r === at[0] && c === at[1]) : -1;
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by && cells.length) { // from error to error, in the order of the rows
      const next = cells[(now + by + cells.length) % cells.length];
      at = [next[0], next[1]]; said({ cell: at, n: next[2] });
    } else if (event.key === "+" || event.key === "-") zoom(el, side(el) / 2, side(el) / 2, event.key === "+" ? 1.5 : 1 / 1.5);
    else if (event.key === "Enter" && at) choose(at);
    else return;
    event.preventDefault();
    paint();
  });

  document.addEventListener("filled", ({ target }) => { if (target.id === "err-list" && canvas()) open(canvas()); });
  window.addEventListener("resize", paint);
  new MutationObserver(paint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
})();
