/* The Errors page: which stage is shown. */
"use strict";

window.dash_clientside = Object.assign({}, window.dash_clientside);
window.dash_clientside.errors = {
  stage(data) {
    if (!data) return "";
    for (const part of document.querySelectorAll(".err-stage")) {
      part.hidden = !part.dataset.stage.split(" ").includes(data.stage);
    }
    return "";
  },
};
