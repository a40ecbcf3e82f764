// The heat maps: a row for each unit, a column for each step; and the rows around them.
const HEIGHTS = [0.5, 1, 2, 4, 8];
const rows = at("rows");
let shownRows = [];

function rowHeight(units) {
  const usual = units <= 12 ? 9 : units <= 24 ? 5 : units <= 48 ? 3 : units <= 96 ? 2 : units <= 400 ? 1 : 400 / units;
  return usual * HEIGHTS[view.height];
}

function order() {
  const layer = current();
  return layer.orders[view.order] ?? layer.orders.number;
}

function mapRow(values) {
  const layer = current();
  const value = make("span", { class: "value" }), name = make("div", { class: "name" });
  name.innerHTML = values.symbol; // MathML that Python wrote and escaped
  name.append(value);
  const words = make("div", { class: "soft", textContent: values.words });
  const scale = make("div", { class: "scale" });
  const ends = values.kind === "gate" ? ["0 closed", "open 1"] : [`−${brief(values.range)}`, "0", brief(values.range)];
  const label = make("div", { class: "label" }, name, words, scale,
    make("div", { class: "ends" }, ...ends.map((textContent) => make("span", { textContent }))));
  const row = { label, values, canvas: make("canvas"), map: true };
  row.units = () => order().filter((unit) => unit < values.units);
  Object.defineProperty(row, "height", { get: () => Math.max(Math.round(values.units * rowHeight(layer.units.length)), 56) });
  row.draw = (width) => {
    scale.style.background = gradient(values.kind);
    const units = row.units(), pen = sized(row.canvas, width, row.height);
    const small = painted(values, layer.steps, units.length, (x, y) => x * values.units + units[y]);
    pen.imageSmoothingEnabled = units.length > row.height * window.devicePixelRatio || layer.steps > width * window.devicePixelRatio;
    pen.drawImage(small, 0, 0, (width * layer.steps) / span(), row.height);
  };
  row.update = (step, unit) => { value.textContent = values.text(step < layer.steps ? values.at(step, unit) : NaN); };
  return row;
}

// Builds all rows for another layer.
function build() {
  const layer = current();
  rows.replaceChildren();
  shownRows = [];
  if (layer.lattice) buildLattice(layer);
  const drawable = layer.tracks.filter((one) => (one.lines.length || one.symbols.length || ((one.pixels || one.strip) && !layer.lattice))
    && (!layer.lattice || Math.max(one.symbols.length, ...one.lines.map((line) => line.start + line.values.length)) === layer.axes[0]));
  const list = drawable.map(trackRow);
  if (!layer.lattice) list.push(...layer.values.map(mapRow), lineRow());
  if (list.length) list.push(axisRow());
  for (const row of list) addRow(row);
  shownRows.push(...list);
  at("texts").replaceChildren(...drawable.filter((one) => one.symbols.length).map((one) =>
    make("p", { textContent: `${one.name}: ${one.symbols.join(long(one) ? " " : "")}` })));
  at("cut").hidden = layer.steps === layer.of[0] && layer.units.length === layer.of[1];
  at("cut").textContent = [
    layer.steps < layer.of[0] ? `Steps ${layer.first} to ${layer.first + layer.steps - 1} of ${layer.of[0]} are shown.` : "",
    layer.units.length < layer.of[1] ? `The ${layer.units.length} most active of ${layer.of[1]} units are shown.` : "",
  ].join(" ");
}

function addRow(row) {
  row.plot = make("div", { class: "plot" }, row.canvas, make("i", { class: "v" }));
  if (row.map) row.plot.append(make("i", { class: "h" }));
  row.plot.dataset.name = row.values?.name ?? row.track?.name ?? "";
  row.plot.addEventListener("pointermove", (event) => { if (!view.pinned) point(row, event); });
  row.plot.addEventListener("click", (event) => {
    point(row, event);
    setPinned(!view.pinned);
  });
  rows.append(row.label, row.plot);
}

function point(row, event) {
  const box = row.plot.getBoundingClientRect();
  const step = Math.floor(((event.clientX - box.left) / box.width) * span());
  const change = { step: Math.min(Math.max(step, 0), span() - 1) };
  if (current().lattice) change.step = change.step * (current().steps / current().axes[0]);
  if (row.map) {
    const units = row.units(), index = Math.floor(((event.clientY - box.top) / box.height) * units.length);
    change.unit = units[Math.min(Math.max(index, 0), units.length - 1)];
  }
  moveTo(change);
}

// The width of all plots: the room there is, or more if symbols would not be legible.
function plotWidth() {
  const room = Math.max(rows.parentElement.clientWidth - (rows.querySelector(".label")?.offsetWidth ?? 0) - 1, 120);
  const minimum = current().tracks.some((one) => one.symbols.length) && !view.printing ? (current().tracks.some(long) ? 13 : LEGIBLE) : 0;
  const wide = Math.max(room / span(), minimum);
  return Math.min(wide * (1 + (view.printing ? 0 : view.width) / 12), 15000 / span()) * span();
}

function drawRows() {
  if (current().lattice) drawLattice();
  const width = plotWidth();
  for (const row of shownRows) {
    if (!row.plot) continue;
    row.plot.style.width = `${width}px`;
    row.plot.style.height = `${row.height}px`;
    row.draw(width);
  }
}

// Moves the crosshair to the position, and updates the values shown there.
function markRows() {
  const layer = current(), count = span();
  const column = layer.lattice ? Math.floor(view.step / (layer.steps / layer.axes[0])) : view.step;
  for (const row of shownRows) {
    const across = row.plot?.querySelector(".v"), down = row.plot?.querySelector(".h");
    row.update?.(column, view.unit);
    if (across) {
      across.style.left = `${(100 * column) / count}%`;
      across.style.width = `${100 / count}%`;
      across.classList.toggle("thin", row.plot.clientWidth / count < 4);
    }
    if (down) {
      const units = row.units(), index = units.indexOf(view.unit);
      down.hidden = index < 0;
      down.style.top = `${(100 * index) / units.length}%`;
      down.style.height = `${100 / units.length}%`;
      down.classList.toggle("thin", row.height / units.length < 4);
    }
  }
  if (layer.lattice) markLattice();
}
