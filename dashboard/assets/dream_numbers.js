/* Dream: what was measured, before and after, in words. */
"use strict";

window.neuronscope = window.neuronscope || {};

(function () {
  function number(value) {
    const size = Math.abs(value);
    return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2).replace("-", "\u2212");
  }

  function share(p) { return p < 0.005 ? "<1\u00a0%" : p > 0.995 && p < 1 ? ">99\u00a0%" : Math.round(100 * p) + "\u00a0%"; }

  // numbers: {before, after, measured} of the server; what: the name of what was to become larger; wish: what was asked for.
  neuronscope.toldOfDream = function (numbers, what, wish) {
    const { before, after, measured = {} } = numbers || {};
    const says = (one) => `${one.said} ${share(one.share)}`, lines = [];
    if (measured.style != null) {
      lines.push(`Off the style by ${number(measured.style)}, off the content by ${number(measured.content)} (0: the same, 1: as far as nothing at all).`);
    }
    if (measured.cosine != null) {
      lines.push(`What the layer puts out agrees with that of the picture to ${number(measured.cosine)} (cosine), ` +
        `and is ${number(measured.length)} times as strong.`);
    }
    const towards = after && after.towards; // what the guide is; an agreement has no "times"
    if (after && after.activation != null && measured.cosine == null) {
      const times = !towards && before && before.activation > 1e-6 && after.activation > 0 ? ` (${number(after.activation / before.activation)} times)` : "";
      lines.push(`${what}: ${before ? number(before.activation) + " before, " : ""}${number(after.activation)}${before ? " after" : ""}${times}.`);
    }
    const guess = (wish.guide || "").startsWith("class:") ? "" : ", which the network takes the guide for";
    if (towards && before) lines.push(`Probability of ${towards}${guess}: ${share(before.goal)} before, ${share(after.goal)} after.`);
    const who = wish.preview ? "At this small size the network says" : "The network says";
    if (after) lines.push(before ? `${who} ${says(before)} before, ${says(after)} after.` : `${who} ${says(after)}.`);
    return lines.join(" ");
  };

  neuronscope.dreamNumber = number;
  neuronscope.dreamShare = share;
})();
