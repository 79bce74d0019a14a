/* Fields that find a class by its name: every input with data-class, which names the choice that it makes, and
   data-model. data-groups: groups of classes ("dogs") are found too. data-before: the choice is
   this word and the number ("class:7"). An empty field lets go of the choice where data-empty stands. */
"use strict";

(function () {
  let names = null;

  async function offer(model) {
    if (!names || names.model !== model) {
      try {
        const answer = await fetch("/api/names-of-classes?" + new URLSearchParams(model ? { model } : {}));
        const { classes, groups = [] } = await answer.json(); // groups count on after the classes
        names = { model, all: [...classes, ...groups], count: classes.length };
      } catch (error) { return; } // typed names are then looked for when the program answers again
    }
    for (const [id, known] of [["class-names", names.all.slice(0, names.count)], ["class-and-group-names", names.all]]) {
      let list = document.getElementById(id);
      if (!list) {
        list = Object.assign(document.createElement("datalist"), { id });
        document.body.append(list);
      }
      if (list.dataset.model === String(model)) continue;
      list.replaceChildren(...known.map((name) => Object.assign(document.createElement("option"), { value: name })));
      list.dataset.model = String(model);
    }
  }

  // The whole name, a group by one of its words ("dog" is enough for "dogs"), or a part of a name.
  function classOf(text, groups) {
    const known = names ? names.all.slice(0, groups ? undefined : names.count) : [], all = known.map((n) => n.toLowerCase());
    const wanted = text.trim().toLowerCase();
    if (/^\d+$/.test(wanted)) return Number(wanted) < (names ? names.count : 0) ? [Number(wanted)] : [];
    const those = (fits) => all.map((name, i) => (wanted && fits(name, i) ? i : -1)).filter((i) => i >= 0);
    const word = (name) => name === wanted || name === wanted + "s", group = (i) => i >= names.count;
    const whole = those((name) => name === wanted), kind = those((name, i) => group(i) && word(name));
    const oneOf = those((name, i) => group(i) && name.split(/,? (?:and )?/).some(word));
    return [whole, kind, oneOf].find((found) => found.length === 1) || (whole.length ? whole : those((name) => name.includes(wanted)));
  }

  document.addEventListener("filled", ({ target }) => {
    const field = target.querySelector("input[data-class]");
    if (field) offer(field.dataset.model);
  });

  document.addEventListener("change", ({ target }) => {
    const { class: name, before } = target.dataset || {};
    if (!name) return;
    if (!target.value.trim() && target.dataset.empty !== undefined) return void neuronscope.choose({ [name]: null });
    const found = classOf(target.value, target.dataset.groups !== undefined);
    if (found.length === 1) {
      target.value = names.all[found[0]]; // what one is typing in is not filled anew
      return void neuronscope.choose({ [name]: before ? before + found[0] : found[0] });
    }
    const some = found.slice(0, 4).map((i) => names.all[i] + (i < names.count ? " (" + i + ")" : "")).join(", ");
    neuronscope.say(found.length ? "Several classes are called so: " + some + ". Write one of them, or its number."
      : "No class of this network is called \u201c" + target.value + "\u201d.");
  });
})();
