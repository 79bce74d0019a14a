/* Of a dream in two networks: what its own network makes of each picture, and the other one. */
"use strict";

window.neuronscope = window.neuronscope || {};

neuronscope.toldOfTwo = function (one, many, measure) {
  const number = neuronscope.dreamNumber, share = neuronscope.dreamShare;
  const was = one.before, now = one.after, lines = [], other = many.find((part) => part !== one);
  const around = (text) => text.name.split(", ")[0], goal = one.name.split(", ").slice(1).join(", ");
  // of a class, or of what the guide is, also how sure of it, where the answer is another
  const says = (told) => `${told.said} ${share(told.share)}${told.goal != null && told.goal !== told.share ? `, ${told.towards || goal} ${share(told.goal)}` : ""}`;
  if (now.activation != null) {
    lines.push(`${measure}: ${was ? `${number(was.activation)} before, ` : ""}${number(now.activation)}${was ? " after" : ""}`);
  }
  lines.push(`it says ${was ? `${says(was)} before, ` : ""}${says(now)}${was ? " after" : ""}`);
  if (one.other) lines.push(`${other ? around(other) : "the other"} says of it: ${says(one.other)}`);
  const small = document.createElement("small");
  small.append(...lines.map((line) => Object.assign(document.createElement("span"), { textContent: line })));
  return small;
};
