// Selected units as lines, below the maps and on the same steps; the unit under the pointer is one of them.
const MOST_LINES = 6;

function lineRow() {
  const layer = current();
  if (!layer.named[view.drawn]) view.drawn = (layer.named.c ?? layer.named.h ?? layer.values[layer.values.length - 1]).name;
  const select = make("select", { id: "drawn", "aria-label": "The value drawn as lines" },
    ...layer.values.map((one) => make("option", { value: one.name, textContent: `${one.name}, ${one.words}` })));
  select.value = view.drawn;
  select.style.width = "100%";
  select.addEventListener("change", () => { view.drawn = select.value; drawRows(); markRows(); });
  const chips = make("div");
  const label = make("div", { class: "label" }, make("span", { class: "soft", textContent: "Units as lines" }), select, chips);
  const row = { label, canvas: make("canvas"), height: 150 };
  let entries = [];
  row.draw = (width) => {
    const values = layer.named[view.drawn], units = [...view.chosen, ...(view.chosen.includes(view.unit) ? [] : [view.unit])];
    const pen = sized(row.canvas, width, row.height), wide = width / span(), pad = 8;
    const series = units.map((unit) => Array.from({ length: layer.steps }, (_, step) => values.at(step, unit)));
    const finite = series.flat().filter((one) => !Number.isNaN(one));
    const [low, high] = values.kind === "gate" ? [0, 1] : [Math.min(0, ...finite), Math.max(0, ...finite, 1e-9)];
    const y = (value) => pad + ((high - value) / (high - low)) * (row.height - 2 * pad);
    pen.strokeStyle = style("--rule");
    pen.strokeRect(0.5, 0.5, width - 1, row.height - 1);
    pen.beginPath();
    pen.moveTo(0, y(0));
    pen.lineTo(width, y(0));
    pen.stroke();
    series.forEach((one, index) => {
      const loose = index >= view.chosen.length;
      trace(pen, one, (step) => (step + 0.5) * wide, y, loose ? style("--ink") : lineColour(index),
        loose ? [] : DASHES[index % DASHES.length], loose ? 1.1 : 1.8);
    });
    note(pen, values.text(high), width - 4, 14);
    note(pen, values.text(low), width - 4, row.height - 5);
    entries = units.map((unit, index) => {
      const loose = index >= view.chosen.length, value = make("span"), swatch = make("span", { class: "swatch" });
      swatch.style.background = loose ? style("--ink") : lineColour(index);
      const name = make("span", { textContent: `unit ${layer.units[unit]}${loose ? "" : " ×"}` });
      const chip = make(loose ? "span" : "button", { class: "chip" }, swatch, name, value);
      if (!loose) {
        chip.setAttribute("aria-label", `Stop drawing unit ${layer.units[unit]}`);
        chip.addEventListener("click", () => { choose(unit); });
      }
      return { unit, value, chip };
    });
    chips.replaceChildren(...entries.map((one) => one.chip));
    row.unit = view.unit;
  };
  row.update = (step, unit) => {
    if (row.unit !== unit && row.plot) row.draw(row.plot.clientWidth);
    const values = layer.named[view.drawn];
    for (const one of entries) one.value.textContent = values.text(step < layer.steps ? values.at(step, one.unit) : NaN);
  };
  return row;
}

// Adds a unit to the lines, or removes it.
function choose(unit) {
  if (view.chosen.includes(unit)) view.chosen = view.chosen.filter((one) => one !== unit);
  else view.chosen = [...view.chosen, unit].slice(-MOST_LINES);
  drawRows();
  mark();
}
