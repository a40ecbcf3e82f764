// The table of units, and how often their gates are open and closed (after Karpathy, Johnson and Li 2015).
let sorting = null;
let tableRows = [];

function columns(layer) {
  const names = Object.keys(layer.table);
  const found = [{ key: "unit", title: "unit", text: (value) => String(value) }];
  for (const name of names.filter((one) => one.endsWith("_half_life"))) {
    found.push({ key: name, title: lifeName(name, names.filter((one) => one.endsWith("_half_life")).length > 1), text: formatSteps });
  }
  const percent = (value) => (typeof value === "number" ? `${(100 * value).toFixed(0)} %` : "–");
  for (const gate of layer.values.filter((one) => one.kind === "gate")) {
    found.push({ key: gate.name, title: gate.name, text: (value) => (typeof value === "number" ? value.toFixed(2) : "–") });
    found.push({ key: `${gate.name}_closed`, title: "closed", text: percent }, { key: `${gate.name}_open`, title: "open", text: percent });
  }
  found.push({ key: "std", title: "activity", text: (value) => (typeof value === "number" ? value.toFixed(3) : "–") });
  found.push({ key: "dead", title: "", text: (value) => (value ? "dead" : "") });
  return found.filter((one) => one.key in layer.table);
}

const amount = (value) => (value === "inf" ? Infinity : value === null ? -Infinity : Number(value));

function drawTable() {
  const layer = current(), heads = columns(layer), table = at("table");
  if (!sorting || !(sorting.key in layer.table)) sorting = { key: heads[1].key, down: true };
  const list = layer.units.map((_, index) => index);
  const side = sorting.down ? -1 : 1, values = layer.table[sorting.key];
  list.sort((a, b) => (amount(values[a]) === amount(values[b]) ? a - b : side * (amount(values[a]) < amount(values[b]) ? -1 : 1)));
  const head = make("tr", {}, ...heads.map((one) => {
    const button = make("button", { type: "button", textContent: one.title });
    button.addEventListener("click", () => {
      sorting = { key: one.key, down: sorting.key === one.key ? !sorting.down : one.key !== "unit" };
      drawTable();
      [...table.querySelectorAll("th button")][heads.indexOf(one)].focus();
    });
    const sort = sorting.key === one.key ? (sorting.down ? "descending" : "ascending") : "none";
    return make("th", { scope: "col", "aria-sort": sort }, button);
  }));
  tableRows = [];
  const body = list.map((index) => {
    const row = make("tr", {}, ...heads.map((one) => make("td", { textContent: one.text(layer.table[one.key][index]) })));
    row.addEventListener("click", () => moveTo({ unit: index }));
    tableRows[index] = row;
    return row;
  });
  table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
  const dead = layer.table.dead.filter(Boolean).length;
  at("units-note").textContent = [
    `${layer.title}, over all ${layer.of[0]} ${layer.lattice ? "positions" : "steps"} of this example.`,
    heads.some((one) => one.key.endsWith("_half_life")) ? "Half-life: the time after which half of a unit's state is left, by its mean carry factor." : "",
    layer.values.some((one) => one.kind === "gate") ? "For each gate its mean, and the fraction of steps at which it is closed (below 0.1) and open (above 0.9)." : "",
    "Activity: the standard deviation of the hidden state.",
    dead ? `${dead} of ${layer.units.length} units are constant.` : "",
  ].filter(Boolean).join(" ");
  drawSaturation(layer);
  markTable();
}

function markTable() {
  at("table").querySelector(".chosen")?.classList.remove("chosen");
  tableRows[view.unit]?.classList.add("chosen");
}

function drawSaturation(layer) {
  const gates = layer.values.filter((one) => one.kind === "gate");
  if (!gates.length) return at("saturation").replaceChildren();
  const size = 260, pad = 52, svg = draw("svg", { viewBox: `0 0 ${size + pad + 96} ${size + pad + 8}`, role: "img", "aria-label": "How often the gates of each unit are open and closed" });
  svg.style.maxWidth = "27rem";
  const x = (value) => pad + value * size, y = (value) => 6 + (1 - value) * size;
  svg.append(draw("path", { class: "grid", fill: "none", d: `M${x(0)},${y(1)}V${y(0)}H${x(1)}Z` }));
  for (const value of [0, 0.5, 1]) {
    svg.append(draw("text", { x: x(value), y: y(0) + 16, "text-anchor": "middle" }, `${100 * value} %`));
    svg.append(draw("text", { x: pad - 6, y: y(value) + 4, "text-anchor": "end" }, `${100 * value} %`));
  }
  svg.append(draw("text", { x: x(0.5), y: y(0) + 34, "text-anchor": "middle" }, "steps open (above 0.9)"));
  const up = draw("text", { "text-anchor": "middle", transform: `translate(11 ${y(0.5)}) rotate(-90)` }, "steps closed (below 0.1)");
  svg.append(up);
  gates.forEach((gate, index) => {
    const colour = lineColour(index), name = gate.name;
    layer.units.forEach((unit, row) => {
      const [open, closed] = [layer.table[`${name}_open`][row], layer.table[`${name}_closed`][row]];
      const dot = draw("circle", { cx: x(open), cy: y(closed), r: 3.2, fill: colour, "fill-opacity": 0.45, stroke: colour });
      dot.append(draw("title", {}, `unit ${unit}, ${name}: open ${(100 * open).toFixed(0)} %, closed ${(100 * closed).toFixed(0)} %`));
      dot.addEventListener("click", () => moveTo({ unit: row }));
      svg.append(dot);
    });
    const label = draw("text", { x: x(0.62), y: 26 + 17 * index }, `● ${name}, ${gate.words}`);
    label.style.fill = colour;
    svg.append(label);
  });
  at("saturation").replaceChildren(svg);
}
