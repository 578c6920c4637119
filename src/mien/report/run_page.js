const pill = document.querySelector("[data-written]"), { written, patience } = pill.dataset;
const silent = () => {
  if (Date.now() / 1000 - written < patience) return;
  pill.classList.remove("running");
  pill.textContent = "no news since " + new Date(1000 * written).toLocaleString() + "; it was probably killed";
  for (const note of document.querySelectorAll(".tile small")) {
    if (note.textContent.endsWith(" left")) note.textContent = "";
  }
};
silent();
setInterval(silent, 10000);
