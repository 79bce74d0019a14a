/* Long lists come page by page: a click asks for the next one and puts it in front of the button. */
"use strict";

(function () {
  async function next(button) {
    const { page, first, total } = button.dataset, box = button.parentElement;
    if (box.dataset.state === "asking") return;
    box.dataset.state = "asking";
    try {
      const answer = await fetch(`${page}&first=${first}`), found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      const template = document.createElement("template");
      template.innerHTML = found.markup;
      const added = [...template.content.children];
      for (const picture of template.content.querySelectorAll("img")) picture.loading = "lazy";
      button.before(template.content);
      const seen = Number(first) + added.length, left = Number(total) - seen;
      if (left <= 0 || !added.length) button.remove();
      else {
        button.dataset.first = seen;
        button.textContent = `${left.toLocaleString("en")} more`;
      }
      if (!button.isConnected && added.length) added[0].focus({ preventScroll: true }); // the button had it
    } catch (error) {
      neuronscope.say(error instanceof TypeError ? "The program does not answer; is it still running?" : error.message);
    }
    delete box.dataset.state;
  }

  document.addEventListener("click", ({ target }) => { if (target.dataset.page !== undefined) next(target); });
})();
