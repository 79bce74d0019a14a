/* A technical term explains itself: by mouse, by keyboard, by touch. One tip for the whole page. */
"use strict";

(function () {
  let tip = null, owner = null;

  function show(term) {
    if (owner === term) return;
    owner = term;
    if (!tip) {
      tip = document.createElement("div");
      tip.className = "tip";
      tip.setAttribute("role", "tooltip");
      document.body.append(tip);
    }
    tip.textContent = term.dataset.tip;
    tip.hidden = false;
    const at = term.getBoundingClientRect(), own = tip.getBoundingClientRect(), edge = 8;
    const left = Math.min(Math.max(edge, at.left + at.width / 2 - own.width / 2), innerWidth - own.width - edge);
    const above = at.top - own.height - 6;
    tip.style.left = left + "px";
    tip.style.top = (above > edge ? above : at.bottom + 6) + "px";
  }

  function hide() { owner = null; if (tip) tip.hidden = true; }

  const termOf = (event) => event.target.closest && event.target.closest(".term[data-tip]");
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, (event) => { const term = termOf(event); if (term) show(term); else if (kind === "pointerover") hide(); });
  }
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); }, true);
})();
