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
      const name = icon && icon.named && (icon.name || "neuron " + el.dataset.icon);
      if (name && el.dataset.shown !== name) {
        el.dataset.shown = el.textContent = name;
        const origin = icon.own ? "your name for it" : "automatic, from the pictures that are open";
        const hint = icon.hint ? `${icon.hint}, of only ${icon.pictures} pictures: too few for a name` : "";
        el.title = icon.name ? `${name} \u2013 ${origin}` : hint;
        const small = el.parentElement.querySelector(".unit-hint");
        if (small) small.textContent = hint;
        el.classList.toggle("own", Boolean(icon.own));
      }
    }
  }

  async function ask(model, layer, tokens) {
    const query = new URLSearchParams({ model, layer, icons: tokens.join(",") });
    const answer = await fetch("/api/icons?" + query);
    if (!answer.ok) return;
    const icons = await answer.json();
    for (const [token, icon] of Object.entries(icons)) known.set([model, layer, token].join("|"), icon);
  }

  const over = (icon) => icon && ["done", "dead", "failed"].includes(icon.state);

  // What a place shows now: "402!" (full quality) shows the quick picture until it is finished itself.
  function newest(el) {
    const icon = known.get(keyOf(el)), quick = known.get(keyOf(el).replace(/!$/, ""));
    return over(icon) || !quick || !quick.url ? icon : { ...quick, state: "forming" };
  }

  const WALL = 8; // icons of the wall that are asked for at a time, so that others do not wait for all of it

  function inSight(el) { // or nearly
    const box = el.getBoundingClientRect();
    return el.offsetParent && box.bottom > -200 && box.top < innerHeight + 200;
  }

  function lacking() {
    const wanted = new Map(); // "model|layer" -> tokens, the quick picture before the full one
    let wall = 0;
    for (const el of document.querySelectorAll("img.unit-icon")) {
      show(el, newest(el));
      const icon = known.get(keyOf(el));
      if ((over(icon) && icon.named) || !inSight(el)) continue;
      // those that come after another one: its likes are drawn when the neuron's own icon is there
      const { after, ...self } = el.dataset;
      if (after && !over(known.get([self.model, self.layer, after].join("|")))) continue;
      if (el.closest("#wall") && !over(icon) && ++wall > WALL) continue;
      const place = el.dataset.model + "|" + el.dataset.layer;
      if (!wanted.has(place)) wanted.set(place, new Set());
      // of two neurons at once there is no quick picture first
      const quick = el.dataset.icon.includes("+") ? el.dataset.icon : el.dataset.icon.replace(/!$/, "");
      wanted.get(place).add(quick).add(el.dataset.icon);
    }
    return wanted;
  }

  async function round() {
    timer = null;
    const wanted = lacking();
    named();
    try {
      await Promise.all([...wanted].map(([place, tokens]) => ask(...place.split("|"), [...tokens])));
    } catch (error) { /* the server is away: status.js says so; ask again later */ }
    for (const el of document.querySelectorAll("img.unit-icon")) show(el, newest(el));
    named();
    if (wanted.size && !timer) timer = setTimeout(round, document.hidden ? 3000 : 350);
  }

  // A name was given or taken away: what is known of this neuron is asked for again.
  neuronscope.named = function (model, layer, unit) {
    for (const token of [unit, unit + "!"]) known.delete([model, layer, token].join("|"));
    soon();
  };

  function soon() { if (!timer) timer = setTimeout(round, 30); }

  new MutationObserver((records) => {
    if (records.some((r) => [...r.addedNodes].some((n) => n.querySelector &&
        (n.matches(".unit-icon") || n.querySelector(".unit-icon"))))) soon();
  }).observe(document.documentElement, { childList: true, subtree: true });
  for (const kind of ["resize", "scroll"]) window.addEventListener(kind, soon, { passive: true });
  soon();
})();
