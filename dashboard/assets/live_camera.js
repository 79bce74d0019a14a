/* The computer's camera on the Live pane: the browser's own, asked for by a click, and off when one looks elsewhere.
   One frame is under way at a time: cut to the network's input here, sent to the program on this computer, shown
   with its maps by live.js, forgotten. */
"use strict";

(function () {
  const state = neuronscope.live, el = (id) => document.getElementById(id);

  async function start() {
    if (state.asking) return; // the browser's question is still open
    if (!window.isSecureContext || !navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) {
      return state.note("The browser gives no camera to this address: open the page as http://127.0.0.1 or localhost.");
    }
    state.note("The browser asks whether this page may use the camera\u2026");
    state.asking = true;
    try {
      state.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
    } catch (error) { return state.note(refused(error)); } finally { state.asking = false; }
    if (!state.inSight()) return stop("");
    state.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: state.stream });
    for (const track of state.stream.getTracks()) track.addEventListener("ended", () => stop("The camera went away."));
    Object.assign(state, { times: [], strength: null });
    el("live-camera").textContent = "Stop the camera";
    el("live-camera").setAttribute("aria-pressed", "true");
    state.note(state.asked.promise);
    try { await state.video.play(); run(state.stream); } catch (error) { stop("The camera gives no picture: " + error.message); }
  }

  function refused(error) {
    const lines = {
      NotAllowedError: "The camera was refused. To use it, allow it for this page in the browser, then press the button again.",
      NotFoundError: "There is no camera on this computer that the browser knows of.",
      NotReadableError: "The camera cannot be opened: another program may be using it.",
    };
    return lines[error.name] || "The camera cannot be used: " + error.message;
  }

  function stop(why) {
    if (state.stream) for (const track of state.stream.getTracks()) track.stop();
    Object.assign(state, { stream: null, video: null, strength: null });
    const button = el("live-camera");
    if (!button) return;
    button.textContent = "Start the camera";
    button.removeAttribute("aria-pressed");
    el("live-rate").textContent = "";
    state.note(why);
    if (state.asked && state.inSight()) state.openPicture();
  }

  function cut() { // the present frame, cut as the network's pictures are, and its bytes
    const [c, h, w] = state.asked.input, { resize, fit } = state.asked, { videoWidth: vw, videoHeight: vh } = state.video;
    if (!state.work || state.work.width !== w || state.work.height !== h) state.work = new OffscreenCanvas(w, h);
    const scale = resize / Math.min(vw, vh), sw = fit === "squeeze" ? vw : w / scale, sh = fit === "squeeze" ? vh : h / scale;
    const pen = state.work.getContext("2d", { willReadFrequently: true });
    pen.setTransform(-1, 0, 0, 1, w, 0); // as in a mirror
    pen.imageSmoothingQuality = "high";
    pen.drawImage(state.video, (vw - sw) / 2, (vh - sh) / 2, sw, sh, 0, 0, w, h);
    const rgba = pen.getImageData(0, 0, w, h).data, bytes = new Uint8Array(w * h * c);
    for (let i = 0, o = 0; i < rgba.length; i += 4) {
      if (c === 1) { bytes[o++] = 0.299 * rgba[i] + 0.587 * rgba[i + 1] + 0.114 * rgba[i + 2]; continue; }
      bytes[o++] = rgba[i]; bytes[o++] = rgba[i + 1]; bytes[o++] = rgba[i + 2];
    }
    return bytes;
  }

  const frame = () => new Promise((done) => requestAnimationFrame(done));

  async function run(stream) {
    while (state.stream === stream) {
      await frame();
      if (state.stream !== stream) return;
      if (!state.inSight()) return stop("");
      if (document.hidden || !state.video.videoWidth) continue;
      const began = performance.now(), { model, layer } = state.asked, body = cut(), sent = performance.now();
      try {
        const options = { method: "POST", body, headers: { "X-Neuronscope": "live" } };
        const [head, codes] = await state.asks("/api/live?" + new URLSearchParams({ model, layer }), options);
        if (state.stream !== stream) return;
        const back = performance.now();
        if (layer === state.asked.layer && model === state.asked.model) state.show(head, codes, state.work);
        counted({ began, cut: sent - began, wait: back - sent, paint: performance.now() - back, ...head.seconds });
      } catch (error) { return stop(state.plain(error)); }
    }
  }

  function counted(times) {
    state.times = [...state.times.slice(-59), times];
    const last = state.times.slice(-15), span = last[last.length - 1].began - last[0].began;
    if (last.length > 3) el("live-rate").textContent = `${(1000 * (last.length - 1) / span).toFixed(1)} frames a second`;
  }

  document.addEventListener("click", (event) => {
    if (event.target.id === "live-camera") { if (state.stream) stop("The camera is off."); else start(); }
  });

  function listen() { // another pane or view: the camera goes off at once
    const page = el("neuron-page"), view = el("view-neuron");
    if (!page || !view) return setTimeout(listen, 100);
    const left = new MutationObserver(() => { if (state.stream && !state.inSight()) stop(""); });
    left.observe(page, { attributes: true, attributeFilter: ["data-pane"] });
    left.observe(view, { attributes: true, attributeFilter: ["hidden"] });
  }

  window.addEventListener("pagehide", () => { if (state.stream) stop(""); });
  listen();
})();
