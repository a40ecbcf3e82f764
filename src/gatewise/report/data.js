// What the page was given, and where one looks: `view` is the only thing that changes.
const given = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

function bytes(text) {
  const raw = atob(text), found = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) found[place] = raw.charCodeAt(place);
  return found;
}

// One line of a layer: `number / 10 ** decimals` for each step and unit, shown with just those digits.
class Values {
  constructor(told) {
    Object.assign(this, told);
    this.scale = 10 ** -told.decimals;
    this.none = -(2 ** (told.bits - 1)); // stands for what is no number
  }
  get numbers() {
    if (!this.unpacked) {
      this.unpacked = new (this.bits === 16 ? Int16Array : Int32Array)(bytes(this.data).buffer);
      this.data = null;
    }
    return this.unpacked;
  }
  at(step, unit) {
    const number = unit < this.units ? this.numbers[step * this.units + unit] : undefined;
    return number === undefined || number === this.none ? NaN : number * this.scale;
  }
  text(value) {
    return Number.isNaN(value) ? "–" : value.toFixed(Math.max(this.decimals, 0)).replace("-", "−");
  }
}

const layers = given.layers.map((told) => {
  const layer = { ...told, values: told.values.map((one) => new Values(one)) };
  layer.named = Object.fromEntries(layer.values.map((one) => [one.name, one]));
  layer.lattice = layer.axes.length > 1;
  layer.tracks = given.tracks.filter((one) => !one.layer || (told.module + ".").startsWith(one.layer + "."));
  return layer;
});

const view = {
  layer: given.open.layer, step: 0, unit: 0, order: "number", held: false, chosen: [], drawn: "", width: 0, height: 1,
};
const now = () => layers[view.layer];
view.step = Math.min(Math.max(given.open.step - now().first, 0), now().steps - 1);

// The steps on the axis: those of the layer, and what inputs and outputs go on for beyond its end.
function span() {
  const layer = now();
  if (layer.lattice || layer.steps < layer.of[0]) return layer.lattice ? layer.axes[0] : layer.steps;
  const ends = layer.tracks.flatMap((one) =>
    [one.symbols.length, ...one.lines.map((line) => line.start + line.values.length)]);
  return Math.max(layer.steps, ...ends);
}

function called(step) {
  const place = step + now().first;
  return given.times[place] === undefined ? `step ${place}` : `step ${place}, ${given.times[place]}`;
}

// "half-life" of a state by the name of its column, told apart where there are several.
function lifeName(column, several) {
  const state = column.slice(0, -"_half_life".length), axis = /\.(\d)$/.exec(state);
  if (!several) return "half-life";
  return axis ? `half-life along axis ${axis[1]}` : `half-life of ${state}`;
}

function lasting(steps) {
  if (steps === "inf") return "for ever";
  if (steps === null || steps === undefined) return "–";
  const many = steps >= 100 ? steps.toFixed(0) : steps.toPrecision(2);
  return /^\d/.test(given.unit) ? `${many} × ${given.unit}` : `${many} ${given.unit}${many === "1.0" ? "" : "s"}`;
}

// The place of what came before, along an axis of a lattice (1, 2, ...) or in time (0); null where nothing did.
function before(step, axis) {
  const layer = now();
  if (!layer.lattice) {
    const back = layer.direction === "backward" || layer.direction === "-" ? step + 1 : step - 1;
    return back >= 0 && back < layer.steps ? back : null;
  }
  const along = Math.max(axis, 1) - 1;
  const stride = layer.axes.slice(along + 1).reduce((product, size) => product * size, 1);
  const place = Math.floor(step / stride) % layer.axes[along];
  const back = layer.direction[along] === "-" ? 1 : -1;
  return place + back >= 0 && place + back < layer.axes[along] ? step + back * stride : null;
}
