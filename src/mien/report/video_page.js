const axis = JSON.parse(document.getElementById("axis").textContent);
const written = seconds => {
  const minutes = Math.floor(seconds / 60), rest = (seconds % 60).toFixed(1);
  return minutes ? minutes + ":" + rest.padStart(4, "0") : rest + " s";
};
const binAt = time => {
  let low = 0, high = axis.starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (axis.starts[middle] <= time) low = middle; else high = middle - 1;
  }
  return time < axis.ends[low] ? low : -1;
};
// A row has the number of the leading label first, and valence, arousal and quality last.
const probabilities = ([leading, ...row]) => row.slice(0, -3)
  .map((score, number) => ({ score, label: axis.labels[number], leads: number === leading }))
  .sort((one, other) => other.leads - one.leads || other.score - one.score)
  .map(({ score, label }) => label + " " + score + " %");
const added = (box, kind) => {
  const element = document.createElement("div");
  element.className = kind;
  box.append(element);
  return element;
};
for (const box of document.querySelectorAll(".timeline")) {
  const script = box.querySelector("script"), data = script && JSON.parse(script.textContent);
  const cursor = added(box, "cursor"), now = added(box, "now"), charts = box.querySelector("svg");
  const hide = () => { cursor.style.display = now.style.display = "none"; };
  box.addEventListener("pointermove", event => {
    const frame = charts.getBoundingClientRect(), left = box.getBoundingClientRect().left;
    const share = (event.clientX - frame.left) / frame.width;
    if (share < 0 || share > 1) { hide(); return; }
    const time = axis.start + share * (axis.end - axis.start), bin = binAt(time), row = data && data.bins[bin];
    const lines = [];
    if (row) {
      const [valence, arousal, quality] = row.slice(-3);
      lines.push(...probabilities(row));
      if (valence !== null) lines.push("valence " + valence.toFixed(2), "arousal " + arousal.toFixed(2));
      if (quality !== null) lines.push("quality " + quality);
    }
    const what = bin < 0 ? "no frames" : row ? axis.labels[row[0]] : data ? "not in view" : "";
    const head = document.createElement("b");
    head.textContent = written(time) + "  " + what;
    now.replaceChildren(head, ...lines.map(text => {
      const line = document.createElement("div");
      line.textContent = text;
      return line;
    }));
    cursor.style.display = now.style.display = "block";
    cursor.style.left = event.clientX - left + "px";
    const at = event.clientX - left, beside = share > 0.5 ? at - now.offsetWidth - 14 : at + 14;
    now.style.left = Math.max(0, Math.min(beside, box.clientWidth - now.offsetWidth)) + "px";
  });
  box.addEventListener("pointerleave", hide);
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
