/* Icons form while one looks: every image of a neuron that is on the page and not finished is asked for in
   one request a layer; the server answers with immutable addresses and renders what is missing. */
"use strict";

(function () {
  const known = new Map(); // "model|layer|token" -> {url, state, name, named}
  let timer = null;

  function keyOf(el) { return [el.dataset.model, el.dataset.layer, el.dataset.icon].join("|"); }

  function show(el, icon) {
    if (!icon) return;
    if (icon.url && el.getAttribute("src") !== icon.url && el.tagName === "IMG") el.src = icon.url;
    el.dataset.state = icon.state;
    if (icon.state === "dead") el.title = "Nothing excites this neuron: dead";
  }

  // What was reached, where it is asked for: 163, 34.1, 0.52; of unlike pictures the one at data-nth.
  function said() {
    for (const el of document.querySelectorAll(".icon-said[data-icon]")) {
      const icon = known.get(keyOf(el));
      if (!icon || icon.activation == null) continue;
      const value = [].concat(icon.activation)[Number(el.dataset.nth || 0)], size = Math.abs(value);
      const text = value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2).replace("-", "\u2212");
      if (el.textContent !== text) el.textContent = text;
    }
  }

  function named() {
    said();
    for (const el of document.querySelectorAll(".unit-name[data-icon]")) {
      const icon = known.get(keyOf(el));
      const name = icon && (icon.name || (icon.named && "neuron " + el.dataset.icon));
      if (name && el.dataset.shown !== name) {
        el.dataset.shown = el.textContent = name;
        const lent = Boolean(icon.name && icon.reference && !icon.own);
        const from = lent ? `from ${icon.pictures.toLocaleString("en")} reference photographs` : "from the pictures that are open";
        const origin = icon.own ? "your name for it" : `automatic, ${from}`;
        const hint = icon.hint ? `${icon.hint}, of only ${icon.pictures} pictures: too few for a name` : lent ? from : "";
        el.title = icon.name ? `${name} \u2013 ${origin}` : hint;
        const small = el.parentElement.querySelector(".unit-hint");
        if (small) small.textContent = hint;
        el.classList.toggle("own", Boolean(icon.own));
        el.classList.toggle("lent", lent);
      }
    }
  }

  async function ask(behind, model, layer, tokens) {
    const query = new URLSearchParams({ model, layer, icons: tokens.slice(0, 200).join(","), behind });
    const answer = await fetch("/api/icons?" + query);
    if (!answer.ok) return;
    const icons = await answer.json();
    for (const [token, icon] of Object.entries(icons)) known.set([model, layer, token].join("|"), icon);
  }

  const over = (icon) => icon && ["done", "dead", "failed"].includes(icon.state);

  // What a place shows now: "402!" (full quality) shows the quick picture until it is finished itself.
  function newest(el) {
    const icon = known.get(keyOf(el)), quick = known.get(keyOf(el).replace(/!$/, "")) || shipped(el);
    if (!icon && !el.dataset.icon.endsWith("!")) return quick;
    return over(icon) || !quick || !quick.url ? icon : { ...quick, state: "forming" };
  }

  // What came with the program is there before anybody is asked: "model" -> {base, layers: {layer: runs}}.
  const packs = new Map();

  function shipped(el) {
    const { model, layer } = el.dataset, unit = el.dataset.icon.replace(/!$/, "");
    if (!packs.has(model)) { packs.set(model, null); fetchPack(model); }
    const pack = packs.get(model), runs = pack && /^\d+$/.test(unit) && pack.layers[layer];
    const has = runs && runs.some(([first, last]) => first <= unit && unit <= last);
    return has ? { url: `${pack.base}/${layer}/${unit}.webp`, state: "done" } : null;
  }

  async function fetchPack(model) {
    try {
      const answer = await fetch("/api/starter?" + new URLSearchParams({ model }));
      if (answer.ok) packs.set(model, await answer.json());
    } catch (error) { packs.delete(model); }
    for (const el of near) show(el, newest(el)); // a round may be waiting for the worker's answer
    soon();
  }

  // Which icons are in sight, or nearly: the browser tells, so that nothing is measured while one scrolls.
  const near = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) near.add(target); else near.delete(target);
    soon();
  }, { rootMargin: "200px 0px", scrollMargin: "200px 0px" });

  // How far an icon is from the middle of what the reader sees; the wall comes after all panels.
  function away(el) {
    const box = el.getBoundingClientRect();
    return Math.abs((box.top + box.bottom) / 2 - innerHeight / 2);
  }

  function lacking() {
    const rows = [];
    for (const el of near) {
      if (!el.isConnected) { near.delete(el); continue; }
      const icon = known.get(keyOf(el));
      if (over(icon) && icon.named) continue;
      // those that come after another one: its likes are drawn when the neuron's own icon is there
      const { after, ...self } = el.dataset;
      if (after && !over(known.get([self.model, self.layer, after].join("|")))) continue;
      rows.push([el.closest("#wall") ? 1 : 0, el]);
    }
    const far = new Map(rows.map(([wall, el]) => [el, wall ? 1e6 * wall : away(el)]));
    rows.sort((a, b) => far.get(a[1]) - far.get(b[1]));
    const wanted = new Map(); // "behind|model|layer" -> tokens, the quick picture before the full one
    for (const [wall, el] of rows) {
      const place = [wall, el.dataset.model, el.dataset.layer].join("|");
      if (!wanted.has(place)) wanted.set(place, new Set());
      // of two neurons at once there is no quick picture first
      const quick = el.dataset.icon.includes("+") ? el.dataset.icon : el.dataset.icon.replace(/!$/, "");
      wanted.get(place).add(quick).add(el.dataset.icon);
    }
    return wanted;
  }

  let asking = false, again = false;

  async function round() { // one at a time; what comes up meanwhile gets the next
    timer = null;
    if (asking) { again = true; return; }
    asking = true; again = false;
    for (const el of near) show(el, newest(el));
    const wanted = lacking();
    named();
    try { // in this order, for the worker takes what comes first
      for (const [place, tokens] of wanted) await ask(...place.split("|"), [...tokens]);
    } catch (error) { /* the server is away: status.js says so; ask again later */ }
    for (const el of document.querySelectorAll("img.unit-icon")) show(el, newest(el));
    named();
    asking = false;
    if (again) soon();
    else if (wanted.size && !timer) timer = setTimeout(round, document.hidden ? 3000 : 350);
  }

  // A name was given or taken away: what is known of this neuron is asked for again.
  neuronscope.named = function (model, layer, unit) {
    for (const token of [unit, unit + "!"]) known.delete([model, layer, token].join("|"));
    soon();
  };

  function soon() { if (!timer) timer = setTimeout(round, 30); }

  function watchAll(node) {
    if (!node.querySelectorAll) return false;
    const icons = [...node.querySelectorAll("img.unit-icon")];
    if (node.matches("img.unit-icon")) icons.push(node);
    for (const icon of icons) { show(icon, newest(icon)); watch.observe(icon); }
    return icons.length > 0 || node.matches(".unit-name") || Boolean(node.querySelector(".unit-name"));
  }

  new MutationObserver((records) => {
    let some = false;
    for (const record of records) for (const node of record.addedNodes) some = watchAll(node) || some;
    if (some) soon();
  }).observe(document.documentElement, { childList: true, subtree: true });
  watchAll(document.documentElement);
  soon();
})();
