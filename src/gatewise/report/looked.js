// Where it looked: what was told down and what was read across, or over an image for each thing told.
const looked = given.looked && { ...given.looked, weights: new Values(given.looked.weights) };
const spotted = { row: 0, column: 0 };
let glances = [];
const MOST_TOLD = 3; // of the places that were looked at most

const stepsOf = (module) => Boolean(module) && !now().lattice && `${now().module}.`.startsWith(`${module}.`);
const rotated = (names) => names.some((one) => [...one].length > 2);
const clipped = (text) => ([...text].length > 16 ? `${[...text].slice(0, 15).join("")}…` : text);

// Looks at another weight, and at the step that it is of, where the layer runs along these steps.
function glance(row, column, spoken = false) {
  const { rows, units } = looked.weights;
  spotted.row = Math.min(Math.max(row, 0), rows - 1);
  spotted.column = Math.min(Math.max(column, 0), units - 1);
  const step = (stepsOf(looked.telling) ? spotted.row : stepsOf(looked.reading) ? spotted.column : NaN) - now().first;
  if (step >= 0 && step < now().steps) look({ step });
  else markLooked();
  if (spoken) at("live").textContent = at("weight").textContent;
}

function placeName(column) {
  if (!looked.pixels) return `“${looked.read[column]}”`;
  const across = Math.ceil(looked.pixels.shape[1] / looked.place[1]);
  return looked.weights.units > across ? `row ${Math.floor(column / across)}, column ${column % across}` : `column ${column}`;
}

function markLooked() {
  if (!looked) return;
  const { rows, units } = looked.weights, step = view.step + now().first;
  if (stepsOf(looked.telling)) spotted.row = Math.min(step, rows - 1);
  else if (stepsOf(looked.reading)) spotted.column = Math.min(step, units - 1);
  const { row, column } = spotted, text = (place) => looked.weights.text(looked.weights.at(row, place));
  const most = Array.from({ length: units }, (_, place) => place).sort((a, b) => looked.weights.at(row, b) - looked.weights.at(row, a));
  at("weight").textContent = `For “${looked.told[row]}” (step ${row}) it looked at ${placeName(column)}: ${text(column)}. `
    + `Most: ${most.slice(0, MOST_TOLD).map((place) => `${placeName(place)} ${text(place)}`).join("; ")}.`;
  for (const one of glances) one.mark();
}

function drawLooked() {
  at("looked").hidden = !looked;
  if (!looked) return;
  glances = [];
  const way = "With the keyboard, here: arrows; Home, End: the first and the last.";
  at("looked-note").textContent = looked.pixels
    ? `The image for each symbol told: the stronger the colour, the more of its place was looked at for it. ${way}`
    : `What was told, down, and what was read, across: how much of each was looked at for it, each row sums up to one. ${way}`;
  at("look").replaceChildren(looked.pixels ? thumbnails() : weightMap());
  for (const one of glances) one.draw();
  markLooked();
}

function pointed(plot, event, columns, lines) {
  const box = plot.getBoundingClientRect(), place = (part, whole, count) => Math.min(Math.max(Math.floor((part / whole) * count), 0), count - 1);
  return [place(event.clientX - box.left, box.width, columns), place(event.clientY - box.top, box.height, lines)];
}

function glancing(plot, where) {
  plot.addEventListener("pointermove", (event) => { if (!view.held) glance(...where(event)); });
  plot.addEventListener("click", (event) => { glance(...where(event)); hold(!view.held); });
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

// The names and the weights as one drawing of three parts.
function weightMap() {
  const { rows, units } = looked.weights, { canvas, plot } = framed();
  const names = make("canvas", { class: "names" }), heads = make("canvas");
  const room = view.printing ? 680 : at("looked").clientWidth;
  const left = Math.max(widest(names, looked.told) + 16, 60), top = rotated(looked.read) ? widest(names, looked.read) + 12 : 20;
  const fitting = (room - left - 30) / units, side = view.printing ? Math.min(fitting, 24) : Math.min(Math.max(fitting, 13), 30);
  const high = Math.min(Math.max(side, 14), 26), wide = side * units;
  glancing(plot, (event) => pointed(plot, event, units, rows).reverse());
  const draw = () => {
    plot.style.width = `${wide}px`;
    plot.style.height = `${high * rows}px`;
    const pen = sized(canvas, wide, high * rows);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(painted(looked.weights, units, rows, (x, y) => y * units + x), 0, 0, wide, high * rows);
    pen.strokeStyle = style("--rule");
    pen.strokeRect(0.5, 0.5, wide - 1, high * rows - 1);
    writeNames(names, left, high * rows, looked.told, (pen, text, place) => {
      pen.textAlign = "right";
      pen.fillText(clipped(text), left - 7, (place + 0.5) * high);
    });
    writeNames(heads, wide, top, looked.read, (pen, text, place) => {
      pen.translate((place + 0.5) * side, top - 5);
      if (rotated(looked.read)) pen.rotate(-Math.PI / 2);
      else pen.textAlign = "center";
      pen.fillText(clipped(text), 0, 0);
    }, side);
  };
  glances = [{ draw, mark: () => markAt(plot, spotted.column, units, spotted.row, rows) }];
  const scale = scaleOf(looked.weights);
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
  names.forEach((text, place) => {
    pen.save();
    pen.fillStyle = style("--ink");
    pen.font = FONT.replace("12.5", Math.min(12.5, room));
    pen.textBaseline = "middle";
    write(pen, text, place);
    pen.restore();
  });
}

// An image for each thing that was told, with the places that were looked at for it.
function thumbnails() {
  const [height, width] = looked.pixels.shape, [high, wide] = looked.place, across = Math.ceil(width / wide);
  const { rows, units } = looked.weights, scale = Math.max(130 / Math.max(width, height), 1), image = picture(looked.pixels);
  const cards = Array.from({ length: rows }, (_, row) => {
    const { canvas, plot } = framed(), value = make("span", { class: "value" });
    const card = make("div", { class: "card" }, make("b", { textContent: clipped(looked.told[row]), title: looked.told[row] }), " ", value, plot);
    card.style.minWidth = "9rem";
    const lines = Math.ceil(units / across);
    glancing(plot, (event) => {
      const box = plot.getBoundingClientRect(), [x, y] = [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
      return [row, Math.min(Math.max(Math.floor(y / high), 0), lines - 1) * across + Math.min(Math.max(Math.floor(x / wide), 0), across - 1)];
    });
    const draw = () => {
      plot.style.width = `${width * scale}px`;
      plot.style.height = `${height * scale}px`;
      const pen = sized(canvas, width * scale, height * scale);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(image, 0, 0, width * scale, height * scale);
      const most = Math.max(...Array.from({ length: units }, (_, place) => looked.weights.at(row, place)), 1e-9);
      pen.fillStyle = "#f27319";
      for (let place = 0; place < units; place++) {
        pen.globalAlpha = (0.75 * looked.weights.at(row, place)) / most;
        pen.fillRect((place % across) * wide * scale, Math.floor(place / across) * high * scale, wide * scale, high * scale);
      }
    };
    const mark = () => {
      card.classList.toggle("chosen", row === spotted.row);
      const [v, h] = [plot.querySelector(".v"), plot.querySelector(".h")];
      v.hidden = h.hidden = row !== spotted.row;
      markAt(plot, spotted.column % across, width / wide, Math.floor(spotted.column / across), height / high);
      value.textContent = looked.weights.text(looked.weights.at(row, spotted.column));
    };
    glances.push({ draw, mark });
    return card;
  });
  return make("div", { class: "lattice" }, ...cards);
}

at("looked").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { row, column } = spotted, last = looked.weights.units - 1;
  const down = looked.pixels ? Math.ceil(looked.pixels.shape[1] / looked.place[1]) : 0, over = looked.pixels && looked.weights.units > down;
  const ways = {
    ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], Home: [row, 0], End: [row, last],
    ArrowUp: over ? [row, column - down] : [row - 1, column], ArrowDown: over ? [row, column + down] : [row + 1, column],
    "[": [row - 1, column], "]": [row + 1, column],
  };
  if (event.key === "Escape") hold(false);
  else if (ways[event.key]) glance(...ways[event.key], true);
  else return;
  event.preventDefault();
});
