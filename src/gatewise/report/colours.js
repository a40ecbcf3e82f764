// Colour maps as tables of 256 colours, for the current theme.
const dark = () => document.documentElement.dataset.theme === "dark";
const theme = () => (dark() ? "dark" : "light");
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const made = {};

function parts(colour) {
  return [1, 3, 5].map((index) => parseInt(colour.slice(index, index + 2), 16));
}

const signed = (kind) => kind !== "gate" && kind !== "weight";

function stops(kind) {
  return given.colours[signed(kind) ? "states" : "gates"][theme()];
}

function table(kind) {
  const list = stops(kind), key = list.join();
  if (!made[key]) {
    const colours = list.map(parts), found = new Uint32Array(256);
    for (let index = 0; index < 256; index++) {
      const scaled = (index / 255) * (list.length - 1), low = Math.min(Math.floor(scaled), list.length - 2);
      const [r, g, b] = colours[low].map((one, c) => Math.round(one + (scaled - low) * (colours[low + 1][c] - one)));
      found[index] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
    made[key] = found;
  }
  return made[key];
}

// The index of a value's colour: from 0 to the range for gates and weights, else from -range to range.
function shade(values, number) {
  const value = number * values.scale;
  const fraction = signed(values.kind) ? 0.5 + value / (2 * values.range) : value / values.range;
  return Math.min(Math.max(Math.round(fraction * 255), 0), 255);
}

const gradient = (kind) => `linear-gradient(to right, ${stops(kind).join(",")})`;
const lineColour = (index) => given.colours.lines[theme()][index % given.colours.lines[theme()].length];
const DASHES = [[], [6, 3], [2, 2], [9, 3, 2, 3], [12, 3], [4, 6]];

// Sizes a canvas, sharp on any screen; drawing uses CSS pixels.
function sized(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 16000 / Math.max(width, 1));
  canvas.width = Math.max(Math.round(width * ratio), 1);
  canvas.height = Math.max(Math.round(height * ratio), 1);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

// Values of a rectangle of steps and rows as an image of one pixel each; which(x, y) returns the index of a number.
function painted(values, width, height, which) {
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  const colours = table(values.kind), numbers = values.numbers;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const index = which(x, y), number = index < 0 ? values.none : numbers[index];
      pixels[y * width + x] = number === values.none ? 0 : colours[shade(values, number)];
    }
  }
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}
