for (const box of document.querySelectorAll(".timeline")) {
  const data = JSON.parse(box.querySelector("script").textContent), now = box.querySelector(".now");
  const svg = box.querySelector("svg");
  box.addEventListener("pointermove", event => {
    const frame = svg.getBoundingClientRect();
    const at = Math.floor((event.clientX - frame.left) / frame.width * data.end / data.bin);
    const row = data.bins[at];
    if (!row) { now.style.display = "none"; return; }
    now.replaceChildren();
    const head = document.createElement("b");
    head.textContent = (at * data.bin).toFixed(1) + " s  " + data.labels[row[0]];
    now.append(head);
    row.slice(1).forEach((share, number) => {
      const line = document.createElement("div");
      line.textContent = data.labels[number] + " " + share + " %";
      now.append(line);
    });
    now.style.display = "block";
    const left = event.clientX - frame.left;
    now.style.left = Math.max(0, left > frame.width / 2 ? left - now.offsetWidth - 16 : left + 16) + "px";
  });
  box.addEventListener("pointerleave", () => now.style.display = "none");
}
