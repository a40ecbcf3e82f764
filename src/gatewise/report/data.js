// The data of the page, and its state: `view` is the only thing that changes.
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
  for (let index = 0; index < raw.length; index++) found[index] = raw.charCodeAt(index);
  return found;
}

// One line of a layer: `number / 10 ** decimals` for each step and unit, shown with exactly those digits.
class Values {
  constructor(packed) {
    Object.assign(this, packed);
    this.scale = 10 ** -packed.decimals;
    this.none = -(2 ** (packed.bits - 1)); // stands for NaN
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

const layers = given.layers.map((data) => {
  const layer = { ...data, values: data.values.map((one) => new Values(one)) };
  layer.named = Object.fromEntries(layer.values.map((one) => [one.name, one]));
  layer.lattice = layer.axes.length > 1;
  layer.tracks = given.tracks.filter((one) => !one.layer || (data.module + ".").startsWith(one.layer + "."));
  return layer;
});

const view = {
  layer: given.open.layer, step: 0, unit: 0, order: "number", pinned: false, chosen: [], drawn: "", width: 0, height: 1,
};
const current = () => layers[view.layer];
view.step = Math.min(Math.max(given.open.step - current().first, 0), current().steps - 1);

// The number of steps on the axis: of the layer, or of inputs and outputs that continue after its end.
function span() {
  const layer = current();
  if (layer.lattice || layer.steps < layer.of[0]) return layer.lattice ? layer.axes[0] : layer.steps;
  const ends = layer.tracks.flatMap((one) =>
    [one.symbols.length, ...one.lines.map((line) => line.start + line.values.length)]);
  return Math.max(layer.steps, ...ends);
}

function stepName(step) {
  const index = step + current().first;
  return given.times[index] === undefined ? `step ${index}` : `step ${index}, ${given.times[index]}`;
}

// The title of a half-life column, with the state if there are several.
function lifeName(column, several) {
  const state = column.slice(0, -"_half_life".length), axis = /\.(\d)$/.exec(state);
  if (!several) return "half-life";
  return axis ? `half-life along axis ${axis[1]}` : `half-life of ${state}`;
}

function formatSteps(steps) {
  if (steps === "inf") return "infinite";
  if (steps === null || steps === undefined) return "–";
  const many = steps >= 100 ? steps.toFixed(0) : steps.toPrecision(2);
  return /^\d/.test(given.unit) ? `${many} × ${given.unit}` : `${many} ${given.unit}${many === "1.0" ? "" : "s"}`;
}

// The step before, along an axis of a lattice (1, 2, ...) or in time (0); null at the border.
function previousStep(step, axis) {
  const layer = current();
  if (!layer.lattice) {
    const back = layer.direction === "backward" || layer.direction === "-" ? step + 1 : step - 1;
    return back >= 0 && back < layer.steps ? back : null;
  }
  const along = Math.max(axis, 1) - 1;
  const stride = layer.axes.slice(along + 1).reduce((product, size) => product * size, 1);
  const index = Math.floor(step / stride) % layer.axes[along];
  const back = layer.direction[along] === "-" ? 1 : -1;
  return index + back >= 0 && index + back < layer.axes[along] ? step + back * stride : null;
}
