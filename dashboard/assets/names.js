/* Giving names to neurons: the field on the Neuron page, and taking a file of names in. */
"use strict";

(function () {
  const ours = { "X-Neuronscope": "1" };

  async function send(path, query, body) {
    try {
      const answer = await fetch(path + "?" + new URLSearchParams(query), { method: "POST", headers: ours, body });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.error || "this did not work");
      return said;
    } catch (error) { neuronscope.say(error.message); return null; }
  }

  async function give(field) {
    const { model, layer, unit, kept } = field.dataset;
    if (field.value.trim() === kept) return;
    const said = await send("/api/name", { model, layer, unit }, field.value);
    if (!said) { field.value = kept; return; }
    field.dataset.kept = field.value = said.name;
    neuronscope.say(said.name ? `Neuron ${unit} is now \u201c${said.name}\u201d` : `Neuron ${unit} has its automatic name again`);
    neuronscope.named(model, layer, unit);
    neuronscope.renamed(Number(unit), said.name);
  }

  document.addEventListener("change", async (event) => {
    if (event.target.matches(".own-name")) return give(event.target);
    if (event.target.id !== "names-file" || !event.target.files.length) return;
    const said = await send("/api/names", { model: event.target.dataset.model }, event.target.files[0]);
    event.target.value = "";
    if (said) { neuronscope.say(`${said.count} names taken over`); setTimeout(() => location.reload(), 1200); }
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches || !event.target.matches(".own-name")) return;
    if (event.key === "Enter") event.target.blur();
    if (event.key === "Escape") { event.target.value = event.target.dataset.kept; event.target.blur(); }
  });
})();
