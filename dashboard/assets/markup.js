/* Panels that come as HTML (dashboard/markup.py): what is already there and the same is kept, so that focus,
   scrolling and pictures that have formed survive. Every panel says "filled" when it has changed. */
"use strict";

(function () {
  const keyOf = (el) => [el.nodeName, el.id, el.dataset.model, el.dataset.layer, el.dataset.icon, el.dataset.own].join("|");
  const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;

  function alike(now, wanted) {
    if (now.nodeType !== wanted.nodeType) return false;
    return !isElement(now) || keyOf(now) === keyOf(wanted);
  }

  function become(now, wanted) {
    if (!isElement(now)) {
      if (now.nodeValue !== wanted.nodeValue) now.nodeValue = wanted.nodeValue;
      return;
    }
    if (now.dataset.icon !== undefined) return; // icons and names of neurons: icons.js fills them
    if (now.dataset.own !== undefined) return; // filled by a script, as long as it is about the same
    const folded = now.nodeName === "DETAILS"; // whether it is open is the reader's choice
    for (const { name } of [...now.attributes]) {
      if (!wanted.hasAttribute(name) && !(folded && name === "open")) now.removeAttribute(name);
    }
    for (const { name, value } of wanted.attributes) {
      if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    }
    hold(now, wanted);
  }

  function hold(now, wanted) {
    let here = now.firstChild;
    for (const child of [...wanted.childNodes]) {
      const next = here && here.nextSibling;
      if (!here) now.append(child);
      else if (alike(here, child)) become(here, child);
      else here.replaceWith(child);
      here = next;
    }
    while (here) { const next = here.nextSibling; here.remove(); here = next; }
  }

  function fill(panel) {
    const template = document.createElement("template");
    template.innerHTML = panel.dataset.markup;
    hold(panel, template.content);
    panel.dispatchEvent(new CustomEvent("filled", { bubbles: true }));
  }

  new MutationObserver((records) => {
    const panels = new Set();
    for (const record of records) {
      if (record.type === "attributes") panels.add(record.target);
      for (const node of record.addedNodes) {
        if (!isElement(node)) continue;
        if (node.matches("[data-markup]")) panels.add(node);
        for (const panel of node.querySelectorAll("[data-markup]")) panels.add(panel);
      }
    }
    panels.forEach(fill);
  }).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-markup"],
  });
})();
