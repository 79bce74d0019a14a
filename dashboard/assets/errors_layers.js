/* The layers of a claim: what each layer's own claim does comes after the claim itself, layer by layer. */
"use strict";

(function () {
  const following = new Set();

  async function follow(asked) {
    if (following.has(asked)) return;
    following.add(asked);
    const strip = () => [...document.querySelectorAll(".err-strip")].find((nav) => nav.dataset.asked === asked && nav.offsetParent);
    try {
      while (strip()) {
        const found = await (await fetch("/api/claim/layers?" + new URLSearchParams(JSON.parse(asked)))).json();
        const nav = strip();
        if (!nav || found.error) break;
        for (const box of nav.querySelectorAll("[data-step]")) {
          const text = found.layers[box.dataset.step];
          if (text !== undefined && box.dataset.markup !== text) box.dataset.markup = text; // markup.js puts it in
        }
        if (!["waiting", "running"].includes(found.state)) break;
        await new Promise((done) => setTimeout(done, 500));
      }
    } catch (error) { /* status.js says that the program is away */ }
    following.delete(asked);
  }

  document.addEventListener("filled", ({ target }) => {
    if (target.id !== "err-claim") return;
    for (const nav of target.querySelectorAll(".err-strip")) follow(nav.dataset.asked);
  });
})();
