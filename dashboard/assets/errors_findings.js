/* Keeping findings: the footer of Errors and the pin of every view send the address and a sentence (the numbers
   are measured by the program); the drawer lists what was kept, to open, edit, remove and bring back. */
"use strict";

(function () {
  const ours = { "X-Neuronscope": "1" };
  const byId = (id) => document.getElementById(id);
  const here = () => location.pathname + location.search;
  let count = null;
  const removed = new Map(); // id -> the document that brings it back, and what stood where

  async function ask(path, body) {
    const given = body === undefined ? {} : { method: "POST", headers: ours, body };
    try {
      const answer = await fetch("/api/findings" + path, given);
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.error || "this did not work");
      if (said.markup !== undefined) list(said);
      return said;
    } catch (error) { neuronscope.say(error.message); return null; }
  }

  // ---- the list ----

  function list(said) {
    count = said.count;
    for (const el of document.querySelectorAll("#findings-count, .fnd-pin b")) el.textContent = count;
    byId("findings-list").dataset.markup = said.markup;
  }

  // What was removed keeps its place as one line until the page is left.
  function mourn() {
    const box = byId("findings-list");
    for (const [id, { text, after }] of removed) {
      if (byId("undo-" + id)) continue;
      const line = document.createElement("p");
      line.id = "undo-" + id;
      line.className = "fnd-gone";
      line.dataset.finding = id;
      const undo = document.createElement("button");
      undo.type = "button"; undo.className = "pill"; undo.textContent = "undo";
      undo.dataset.findingDo = "undo";
      line.append(`Removed: ${text} `, undo);
      const before = after && byId("finding-" + after);
      if (before) before.after(line); else box.prepend(line);
    }
  }

  const open = () => !byId("findings").hidden;

  function show(wanted) {
    const drawer = byId("findings");
    drawer.hidden = !wanted;
    if (!wanted) return;
    pin(false);
    ask("");
    drawer.focus({ preventScroll: true });
  }

  function edit(item) {
    const text = item.querySelector(".fnd-text");
    if (item.querySelector("textarea")) return;
    const field = byId("pin-sentence").cloneNode();
    field.removeAttribute("id");
    field.value = text.textContent;
    text.hidden = true;
    text.after(field);
    field.focus();
    let over = false; // leaving the field saves; a field that is taken away is left, too
    const end = () => { over = true; field.remove(); text.hidden = false; };
    const save = async () => {
      if (over) return;
      const wanted = field.value.trim();
      if (!wanted || wanted === text.textContent) return end();
      end();
      const was = text.textContent;
      text.textContent = wanted;
      if (!await ask("/edit?id=" + item.dataset.finding, wanted)) text.textContent = was;
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); end(); }
      if (event.key === "Enter") { event.preventDefault(); save(); }
    });
    field.addEventListener("blur", save);
  }

  async function remove(item) {
    const id = item.dataset.finding, text = item.querySelector(".fnd-text").textContent;
    const before = item.previousElementSibling, after = before && before.dataset.finding;
    const said = await ask("/remove?id=" + id, "");
    if (said) { removed.set(id, { document: said.removed, text, after }); mourn(); }
  }

  async function undo(line) {
    const id = line.dataset.finding, was = removed.get(id);
    removed.delete(id); // the list that comes back has the finding itself
    if (!await ask("/import", JSON.stringify(was.document))) { removed.set(id, was); mourn(); }
  }

  // ---- keeping ----

  async function pin(wanted) {
    const box = byId("pin-box"), field = byId("pin-sentence");
    document.querySelector('[data-local="pin"]').setAttribute("aria-expanded", String(wanted));
    box.hidden = !wanted;
    if (!wanted) return;
    ready(box);
    field.value = "";
    field.focus();
    const said = await ask("/offer?" + new URLSearchParams({ href: here() }));
    if (said && !field.value) field.value = said.sentence;
  }

  function ready(box) {
    const button = box.querySelector('[data-local="keep"]');
    button.disabled = false;
    button.textContent = "keep as finding";
  }

  // The footer speaks of the part of the selection that it was filled for: that it is of this view is waited for.
  async function caughtUp(box) {
    for (let i = 0; i < 100; i++) {
      const said = box.dataset.of;
      if (!said || (!(neuronscope.pending || []).length && same(JSON.parse(said)))) return true;
      await new Promise((go) => setTimeout(go, 50));
    }
    neuronscope.say("The page is still measuring; keep it once the numbers stand.");
    return false;
  }

  function same(part) {
    const now = JSON.parse(neuronscope.parts["err-keep"] || "{}");
    return Object.keys(now).every((name) => JSON.stringify(now[name]) === JSON.stringify(part[name]));
  }

  async function keep(button) {
    const box = button.closest(".fnd-keep, .fnd-pin"), field = box.querySelector("textarea");
    button.disabled = true;
    const sentence = field.value;
    const said = await caughtUp(box) && await ask("/keep", JSON.stringify({ href: here(), sentence }));
    button.disabled = Boolean(said);
    if (!said) return;
    button.textContent = "kept";
    neuronscope.say("Kept. All findings: " + said.count);
    if (box.id === "pin-box") pin(false);
  }

  // A finding's address is a view of this very page: it is gone to without loading everything anew.
  function visit(event, link) {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(false);
    history.pushState({}, "", link.getAttribute("href"));
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  }

  // ---- what a person does ----

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-local], [data-finding-do]"), link = event.target.closest(".fnd-item a");
    if (link) return visit(event, link);
    if (!target) {
      if (!byId("pin-box").hidden && !event.target.closest("#pin-box")) pin(false);
      return;
    }
    const { local, findingDo } = target.dataset, item = target.closest("[data-finding]");
    if (local === "findings") show(!open());
    if (local === "pin") pin(byId("pin-box").hidden);
    if (local === "keep") keep(target);
    if (findingDo === "edit") edit(item);
    if (findingDo === "remove") remove(item);
    if (findingDo === "undo") undo(item);
  });

  document.addEventListener("input", (event) => {
    const box = event.target.closest && event.target.closest(".fnd-keep, .fnd-pin");
    if (box) ready(box);
  });

  document.addEventListener("keydown", (event) => { // before Escape lets go of what is chosen
    if (event.key !== "Escape" || event.target.closest(".fnd-item textarea")) return;
    if (!byId("pin-box").hidden) pin(false);
    else if (open()) show(false);
    else return;
    event.stopPropagation();
  }, true);

  document.addEventListener("filled", (event) => {
    if (event.target.id === "findings-list") mourn();
    const counter = event.target.querySelector("#findings-count");
    if (counter && count !== null) counter.textContent = count;
    if (event.target.id !== "err-keep") return;
    const field = byId("keep-sentence");
    // a field that was typed into keeps its text while the offer stays; a new offer comes first
    if (!field || field.dataset.offered === field.defaultValue) return;
    field.dataset.offered = field.value = field.defaultValue;
    ready(field.closest(".fnd-keep"));
  });

  const waiting = setInterval(() => { // until Dash has laid the page out
    if (byId("findings-list")) { clearInterval(waiting); ask(""); }
  }, 200);
})();
