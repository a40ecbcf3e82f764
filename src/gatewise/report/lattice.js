// A lattice: an image of each value for the unit under the pointer, and one of every unit for a chosen value.
const SIDE = 210; // pixels of an image, across
let cards = [], sheet = null;

// Axis 1 goes down and axis 2 across, unless the first is much longer, as time in a grid of layers.
const flipped = () => current().axes.length === 2 && current().axes[0] > 3 * current().axes[1];
const frame = () => (flipped() ? [current().axes[1], current().axes[0]] : current().axes.slice(-2)); // down, across
const slice = () => Math.floor(view.step / (frame()[0] * frame()[1]));
const stepAt = (x, y) => slice() * frame()[0] * frame()[1] + (flipped() ? x * frame()[0] + y : y * frame()[1] + x);

function gridPosition() {
  const [down, across] = frame(), index = view.step % (down * across);
  return flipped() ? [Math.floor(index / down), index % down] : [index % across, Math.floor(index / across)];
}

function shifted(right, below) {
  const [down, across] = frame(), [x, y] = gridPosition();
  return { step: stepAt(Math.min(Math.max(x + right, 0), across - 1), Math.min(Math.max(y + below, 0), down - 1)) };
}

function card(title, map) {
  const value = make("span", { class: "value" }), name = make("span");
  const canvas = make("canvas"), plot = make("div", { class: "plot" }, canvas, make("i", { class: "v" }), make("i", { class: "h" }));
  const element = make("div", { class: "card" }, name, " ", value, plot);
  if (map) name.innerHTML = map.symbol; // MathML that Python wrote and escaped
  name.append(` ${title}`);
  plot.dataset.name = map?.name ?? title;
  plot.addEventListener("pointermove", (event) => { if (!view.pinned) pointAt(plot, event); });
  plot.addEventListener("click", (event) => { pointAt(plot, event); setPinned(!view.pinned); });
  return { element, plot, canvas, value, map };
}

// The attribution of each pixel of an image, stored with its columns as rows.
function stripCard(track) {
  const one = card(track.name, null), scale = scaleOf(track.strip);
  one.element.append(...scale.parts);
  return { ...one, strip: track.strip, scale };
}

// The sum over the pixels at a position.
function stripAt(strip, [x, y], [down, across]) {
  const edge = (index, count, whole) => Math.min(Math.ceil(whole / count) * index, whole);
  let total = 0;
  for (let column = edge(x, across, strip.rows); column < edge(x + 1, across, strip.rows); column++) {
    for (let row = edge(y, down, strip.units); row < edge(y + 1, down, strip.units); row++) total += strip.at(column, row);
  }
  return total;
}

function pointAt(plot, event) {
  const box = plot.getBoundingClientRect(), [down, across] = frame();
  const x = Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * across), 0), across - 1);
  const y = Math.min(Math.max(Math.floor(((event.clientY - box.top) / box.height) * down), 0), down - 1);
  moveTo({ step: stepAt(x, y) });
}

function buildLattice(layer) {
  const images = layer.tracks.filter((one) => one.pixels).map((one) => ({ ...card(one.name, null), pixels: one.pixels }));
  const strips = layer.tracks.filter((one) => one.strip && !one.strip.names.length).map((one) => stripCard(one));
  cards = [...images, ...strips, ...layer.values.map((one) => card(one.words, one))];
  const select = make("select", { id: "drawn" }, ...layer.values.map((one) => make("option", { value: one.name, textContent: `${one.name}, ${one.words}` })));
  if (!layer.named[view.drawn]) view.drawn = layer.values[layer.values.length - 1].name;
  select.value = view.drawn;
  select.addEventListener("change", () => { view.drawn = select.value; drawRows(); markRows(); });
  const canvas = make("canvas"), plot = make("div", { class: "plot", id: "sheet" }, canvas, make("i", { class: "v" }), make("i", { class: "h" }));
  sheet = { canvas, plot };
  plot.addEventListener("pointermove", (event) => { if (!view.pinned) pointUnit(event); });
  plot.addEventListener("click", (event) => { pointUnit(event); setPinned(!view.pinned); });
  const all = make("div", { class: "card" }, make("label", {}, "Every unit's ", select), plot);
  rows.append(make("div", { class: "lattice" }, ...cards.map((one) => one.element)), make("div", { class: "lattice" }, all));
}

function sheetSize() {
  const [down, across] = frame(), room = rows.parentElement.clientWidth - 8;
  const wide = flipped() ? 150 : Math.max(Math.min(across * 3, 96), 40);
  const high = flipped() ? 6 * down : Math.max((wide * down) / across, 12);
  const columns = Math.max(Math.min(Math.floor(room / (wide + 4)), current().units.length), 1);
  return { wide, high, columns, lines: Math.ceil(current().units.length / columns) };
}

function pointUnit(event) {
  const box = sheet.plot.getBoundingClientRect(), { columns, lines } = sheetSize();
  const x = Math.floor(((event.clientX - box.left) / box.width) * columns), y = Math.floor(((event.clientY - box.top) / box.height) * lines);
  const unit = order()[y * columns + x];
  if (unit !== undefined) moveTo({ unit });
}

function drawLattice() {
  const [down, across] = frame(), room = rows.parentElement.clientWidth - 8;
  for (const one of rows.querySelectorAll(".lattice")) one.style.width = `${room}px`;
  const wide = flipped() ? Math.min(room, 12 * across) : Math.min(SIDE, (SIDE * 1.6 * across) / down);
  const high = Math.max((wide * down) / across, flipped() ? 9 * down : 24);
  for (const one of cards) {
    one.plot.style.width = `${wide}px`;
    one.plot.style.height = `${high}px`;
    const pen = sized(one.canvas, wide, high);
    pen.imageSmoothingEnabled = false;
    const small = one.map
      ? painted(one.map, across, down, (x, y) => (view.unit < one.map.units ? stepAt(x, y) * one.map.units + view.unit : -1))
      : one.strip ? painted(one.strip, one.strip.rows, one.strip.units, (x, y) => x * one.strip.units + y) : picture(one.pixels);
    one.scale?.paint();
    pen.drawImage(small, 0, 0, wide, high);
  }
  const size = sheetSize(), values = current().named[view.drawn], pen = sized(sheet.canvas, size.columns * (size.wide + 4), size.lines * (size.high + 4));
  sheet.plot.style.width = `${size.columns * (size.wide + 4)}px`;
  sheet.plot.style.height = `${size.lines * (size.high + 4)}px`;
  pen.imageSmoothingEnabled = false;
  order().forEach((unit, index) => {
    if (unit >= values.units) return;
    const small = painted(values, across, down, (x, y) => stepAt(x, y) * values.units + unit);
    pen.drawImage(small, (index % size.columns) * (size.wide + 4) + 2, Math.floor(index / size.columns) * (size.high + 4) + 2, size.wide, size.high);
  });
}

function picture({ shape, data }) {
  const raw = bytes(data), [height, width, depth = 1] = shape, image = new ImageData(width, height);
  for (let index = 0; index < width * height; index++) {
    for (let channel = 0; channel < 3; channel++) image.data[4 * index + channel] = raw[index * depth + (depth === 3 ? channel : 0)];
    image.data[4 * index + 3] = 255;
  }
  const small = document.createElement("canvas");
  [small.width, small.height] = [width, height];
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

function markLattice() {
  const [down, across] = frame(), [x, y] = gridPosition();
  const mark = (plot, columns, lines, column, line) => {
    const [v, h] = [plot.querySelector(".v"), plot.querySelector(".h")];
    Object.assign(v.style, { left: `${(100 * column) / columns}%`, width: `${100 / columns}%`, top: 0 });
    Object.assign(h.style, { top: `${(100 * line) / lines}%`, height: `${100 / lines}%` });
  };
  for (const one of cards) {
    mark(one.plot, across, down, x, y);
    if (one.strip) one.value.textContent = one.strip.text(stripAt(one.strip, gridPosition(), frame()));
    if (one.map) one.value.textContent = one.map.text(one.map.at(view.step, view.unit));
  }
  const { columns, lines } = sheetSize(), index = order().indexOf(view.unit);
  mark(sheet.plot, columns, lines, index % columns, Math.floor(index / columns));
}
