// The attention map: targets down and sources across, or for each target the weights over an image.
const attention = given.attention && { ...given.attention, weights: new Values(given.attention.weights) };
const selected = { row: 0, column: 0 };
let attentionPlots = [];
const LARGEST_SHOWN = 3; // weights of a target that are named

const runsOver = (module) => Boolean(module) && !current().lattice && `${current().module}.`.startsWith(`${module}.`);
const rotated = (names) => names.some((one) => [...one].length > 2);
const clipped = (text) => ([...text].length > 16 ? `${[...text].slice(0, 15).join("")}…` : text);

// Selects another weight, and its step if the layer runs over the steps of the targets or sources.
function selectWeight(row, column, announce = false) {
  const { rows, units } = attention.weights;
  selected.row = Math.min(Math.max(row, 0), rows - 1);
  selected.column = Math.min(Math.max(column, 0), units - 1);
  const step = (runsOver(attention.target_module) ? selected.row : runsOver(attention.source_module) ? selected.column : NaN) - current().first;
  if (step >= 0 && step < current().steps) moveTo({ step });
  else markAttention();
  if (announce) at("live").textContent = at("weight").textContent;
}

function sourceName(column) {
  if (!attention.pixels) return `“${attention.sources[column]}”`;
  const across = Math.ceil(attention.pixels.shape[1] / attention.patch[1]);
  return attention.weights.units > across ? `row ${Math.floor(column / across)}, column ${column % across}` : `column ${column}`;
}

function markAttention() {
  if (!attention) return;
  const { rows, units } = attention.weights, step = view.step + current().first;
  if (runsOver(attention.target_module)) selected.row = Math.min(step, rows - 1);
  else if (runsOver(attention.source_module)) selected.column = Math.min(step, units - 1);
  const { row, column } = selected, text = (index) => attention.weights.text(attention.weights.at(row, index));
  const largest = Array.from({ length: units }, (_, index) => index).sort((a, b) => attention.weights.at(row, b) - attention.weights.at(row, a));
  at("weight").textContent = `For “${attention.targets[row]}” (step ${row}) the weight of ${sourceName(column)} is ${text(column)}. `
    + `Largest: ${largest.slice(0, LARGEST_SHOWN).map((index) => `${sourceName(index)} ${text(index)}`).join("; ")}.`;
  for (const one of attentionPlots) one.mark();
}

function drawAttention() {
  at("attention").hidden = !attention;
  if (!attention) return;
  attentionPlots = [];
  const keys = "Keyboard: arrows; Home, End: the first and the last.";
  at("attention-note").textContent = attention.pixels
    ? `The image for each target: the stronger the colour, the larger the attention weight of the position. ${keys}`
    : `Targets down, sources across: the attention weights. Each row sums to one. ${keys}`;
  at("attention-plot").replaceChildren(attention.pixels ? thumbnails() : weightMap());
  for (const one of attentionPlots) one.draw();
  markAttention();
}

function pointed(plot, event, columns, lines) {
  const box = plot.getBoundingClientRect(), index = (part, whole, count) => Math.min(Math.max(Math.floor((part / whole) * count), 0), count - 1);
  return [index(event.clientX - box.left, box.width, columns), index(event.clientY - box.top, box.height, lines)];
}

function listen(plot, where) {
  plot.addEventListener("pointermove", (event) => { if (!view.pinned) selectWeight(...where(event)); });
  plot.addEventListener("click", (event) => { selectWeight(...where(event)); setPinned(!view.pinned); });
}

function markAt(plot, column, columns, line, lines) {
  const [v, h] = [plot.querySelector(".v"), plot.querySelector(".h")];
  Object.assign(v.style, { left: `${(100 * column) / columns}%`, width: `${100 / columns}%`, top: 0 });
  Object.assign(h.style, { top: `${(100 * line) / lines}%`, height: `${100 / lines}%` });
}

function framed() {
  const canvas = make("canvas");
  return { canvas, plot: make("div", { class: "plot" }, canvas, make("i", { class: "v" }), make("i", { class: "h" })) };
}

// The names of sources and targets around the weights.
function weightMap() {
  const { rows, units } = attention.weights, { canvas, plot } = framed();
  const names = make("canvas", { class: "names" }), heads = make("canvas");
  const room = view.printing ? 680 : at("attention").clientWidth;
  const left = Math.max(widest(names, attention.targets) + 16, 60), top = rotated(attention.sources) ? widest(names, attention.sources) + 12 : 20;
  const fitting = (room - left - 30) / units, side = view.printing ? Math.min(fitting, 24) : Math.min(Math.max(fitting, 13), 30);
  const high = Math.min(Math.max(side, 14), 26), wide = side * units;
  listen(plot, (event) => pointed(plot, event, units, rows).reverse());
  const draw = () => {
    plot.style.width = `${wide}px`;
    plot.style.height = `${high * rows}px`;
    const pen = sized(canvas, wide, high * rows);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(painted(attention.weights, units, rows, (x, y) => y * units + x), 0, 0, wide, high * rows);
    pen.strokeStyle = style("--rule");
    pen.strokeRect(0.5, 0.5, wide - 1, high * rows - 1);
    writeNames(names, left, high * rows, attention.targets, (pen, text, index) => {
      pen.textAlign = "right";
      pen.fillText(clipped(text), left - 7, (index + 0.5) * high);
    });
    writeNames(heads, wide, top, attention.sources, (pen, text, index) => {
      pen.translate((index + 0.5) * side, top - 5);
      if (rotated(attention.sources)) pen.rotate(-Math.PI / 2);
      else pen.textAlign = "center";
      pen.fillText(clipped(text), 0, 0);
    }, side);
  };
  attentionPlots = [{ draw, mark: () => markAt(plot, selected.column, units, selected.row, rows) }];
  const scale = scaleOf(attention.weights);
  scale.paint();
  return make("div", { class: "weights" }, make("div", { class: "key-of" }, ...scale.parts), heads, names, plot);
}

const FONT = "12.5px system-ui, sans-serif";

function widest(canvas, names) {
  const pen = canvas.getContext("2d");
  pen.font = FONT;
  return Math.ceil(Math.max(...names.map((one) => pen.measureText(clipped(one)).width)));
}

function writeNames(canvas, width, height, names, write, room = 26) {
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = sized(canvas, width, height);
  names.forEach((text, index) => {
    pen.save();
    pen.fillStyle = style("--ink");
    pen.font = FONT.replace("12.5", Math.min(12.5, room));
    pen.textBaseline = "middle";
    write(pen, text, index);
    pen.restore();
  });
}

// An image for each target, with its attention weights as colours.
function thumbnails() {
  const [height, width] = attention.pixels.shape, [high, wide] = attention.patch, across = Math.ceil(width / wide);
  const { rows, units } = attention.weights, scale = Math.max(130 / Math.max(width, height), 1), image = picture(attention.pixels);
  const cards = Array.from({ length: rows }, (_, row) => {
    const { canvas, plot } = framed(), value = make("span", { class: "value" });
    const card = make("div", { class: "card" }, make("b", { textContent: clipped(attention.targets[row]), title: attention.targets[row] }), " ", value, plot);
    card.style.minWidth = "9rem";
    const lines = Math.ceil(units / across);
    listen(plot, (event) => {
      const box = plot.getBoundingClientRect(), [x, y] = [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
      return [row, Math.min(Math.max(Math.floor(y / high), 0), lines - 1) * across + Math.min(Math.max(Math.floor(x / wide), 0), across - 1)];
    });
    const draw = () => {
      plot.style.width = `${width * scale}px`;
      plot.style.height = `${height * scale}px`;
      const pen = sized(canvas, width * scale, height * scale);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(image, 0, 0, width * scale, height * scale);
      const most = Math.max(...Array.from({ length: units }, (_, index) => attention.weights.at(row, index)), 1e-9);
      pen.fillStyle = "#f27319";
      for (let index = 0; index < units; index++) {
        pen.globalAlpha = (0.75 * attention.weights.at(row, index)) / most;
        pen.fillRect((index % across) * wide * scale, Math.floor(index / across) * high * scale, wide * scale, high * scale);
      }
    };
    const mark = () => {
      card.classList.toggle("chosen", row === selected.row);
      const [v, h] = [plot.querySelector(".v"), plot.querySelector(".h")];
      v.hidden = h.hidden = row !== selected.row;
      markAt(plot, selected.column % across, width / wide, Math.floor(selected.column / across), height / high);
      value.textContent = attention.weights.text(attention.weights.at(row, selected.column));
    };
    attentionPlots.push({ draw, mark });
    return card;
  });
  return make("div", { class: "lattice" }, ...cards);
}

at("attention").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { row, column } = selected, last = attention.weights.units - 1;
  const down = attention.pixels ? Math.ceil(attention.pixels.shape[1] / attention.patch[1]) : 0, over = attention.pixels && attention.weights.units > down;
  const moves = {
    ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], Home: [row, 0], End: [row, last],
    ArrowUp: over ? [row, column - down] : [row - 1, column], ArrowDown: over ? [row, column + down] : [row + 1, column],
    "[": [row - 1, column], "]": [row + 1, column],
  };
  if (event.key === "Escape") setPinned(false);
  else if (moves[event.key]) selectWeight(...moves[event.key], true);
  else return;
  event.preventDefault();
});
