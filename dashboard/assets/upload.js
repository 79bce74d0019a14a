/* Pictures come in by drop, paste and click, as raw bytes; what cannot be opened is said in one line. */
"use strict";

(function () {
  // A dropped folder is a File like any other until it is read; so is one that is gone from the disk.
  const readable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

  async function send(files) {
    let last = null;
    const problems = []; // a good picture after a bad one must not wipe out what was said of it
    for (const file of files) {
      neuronscope.say("Opening " + (file.name || "the pasted picture") + "\u2026");
      if (!await readable(file)) {
        problems.push(file.name + " cannot be read (is it a folder, or gone from the disk?): choose pictures");
        continue;
      }
      try {
        if (location.pathname.startsWith("/dream") && await neuronscope.reopen(file, true)) { neuronscope.say(""); continue; } // one of the program's own
        const url = "/upload?name=" + encodeURIComponent(file.name || "pasted picture.png");
        const answer = await fetch(url, { method: "POST", body: file, headers: { "X-Neuronscope": "upload" } });
        const said = await answer.json();
        if (said.key) last = said.key; else problems.push(said.error);
      } catch (error) {
        problems.push("The program does not answer; is it still running in its terminal?");
        break;
      }
    }
    neuronscope.say(problems.length > 1 ? `${problems[0]} (and ${problems.length - 1} more)` : problems[0] || "");
    if (!last) return;
    const dreams = location.pathname.startsWith("/dream"); // dreamt on there, opened in Explore from anywhere else
    neuronscope.choose(dreams ? { picture: last, start: "picture" } : { picture: last, view: "explore" });
  }

  const holds = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  let depth = 0;
  const mark = (on) => document.body.classList.toggle("dropping", on);

  document.addEventListener("dragenter", (e) => { if (holds(e)) { depth += 1; mark(true); e.preventDefault(); } });
  document.addEventListener("dragover", (e) => { if (holds(e)) e.preventDefault(); });
  document.addEventListener("dragleave", (e) => { if (holds(e) && --depth <= 0) { depth = 0; mark(false); } });
  document.addEventListener("drop", (e) => {
    if (!holds(e)) return;
    e.preventDefault(); depth = 0; mark(false);
    send([...e.dataTransfer.files]);
  });
  document.addEventListener("paste", (e) => {
    const files = [...(e.clipboardData ? e.clipboardData.files : [])];
    if (files.length) { e.preventDefault(); send(files); }
  });
  const input = document.createElement("input"); // Dash has no file input of its own that sends raw bytes
  Object.assign(input, { type: "file", id: "file-input", accept: "image/*", multiple: true, hidden: true });
  input.addEventListener("change", () => { send([...input.files]); input.value = ""; });
  document.documentElement.append(input);
})();
