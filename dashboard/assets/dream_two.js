/* Of a dream in two networks: what its own network makes of each picture, and the other one. */
"use strict";

window.neuronscope = window.neuronscope || {};

neuronscope.toldOfTwo = function (one, many, measure, { number, share }) {
  const was = one.before, now = one.after, lines = [], other = many.find((part) => part !== one);
  const around = (text) => text.name.split(", ")[0];
  if (now.activation != null) {
    lines.push(`${measure}: ${was ? `${number(was.activation)} before, ` : ""}${number(now.activation)}${was ? " after" : ""}`);
  }
  lines.push(`it says ${was ? `${was.said} ${share(was.share)} before, ` : ""}${now.said} ${share(now.share)}${was ? " after" : ""}`);
  if (one.other) lines.push(`${other ? around(other) : "the other"} says of it: ${one.other.said} ${share(one.other.share)}`);
  const small = document.createElement("small");
  small.append(...lines.map((line) => Object.assign(document.createElement("span"), { textContent: line })));
  return small;
};
