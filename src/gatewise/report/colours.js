// Colour maps as tables of 256 colours, for the theme that is on.
const dark = () => document.documentElement.dataset.theme === "dark";
const theme = () => (dark() ? "dark" : "light");
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const made = {};

function parts(colour) {
  return [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
}

const signed = (kind) => kind !== "gate" && kind !== "weight";

function stops(kind) {
  return given.colours[signed(kind) ? "states" : "gates"][theme()];
}

function table(kind) {
  const list = stops(kind), key = list.join();
  if (!made[key]) {
    const colours = list.map(parts), found = new Uint32Array(256);
    for (let place = 0; place < 256; place++) {
      const spot = (place / 255) * (list.length - 1), low = Math.min(Math.floor(spot), list.length - 2);
      const [r, g, b] = colours[low].map((one, c) => Math.round(one + (spot - low) * (colours[low + 1][c] - one)));
      found[place] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
    made[key] = found;
  }
  return made[key];
}

// The number of a value's colour: 0 to the range for gates and weights, minus the range to the range for all else.
function shade(values, number) {
  const value = number * values.scale;
  const share = signed(values.kind) ? 0.5 + value / (2 * values.range) : value / values.range;
  return Math.min(Math.max(Math.round(share * 255), 0), 255);
}

const gradient = (kind) => `linear-gradient(to right, ${stops(kind).join(",")})`;
const lineColour = (place) => given.colours.lines[theme()][place % given.colours.lines[theme()].length];
const DASHES = [[], [6, 3], [2, 2], [9, 3, 2, 3], [12, 3], [4, 6]];

// A canvas of a given size on the page, sharp on any screen; what is drawn is in the page's own pixels.
function sized(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 16000 / Math.max(width, 1));
  canvas.width = Math.max(Math.round(width * ratio), 1);
  canvas.height = Math.max(Math.round(height * ratio), 1);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

// Values of a rectangle of steps and rows as an image of one pixel each; which(x, y) gives the place of a number.
function painted(values, width, height, which) {
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  const colours = table(values.kind), numbers = values.numbers;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const place = which(x, y), number = place < 0 ? values.none : numbers[place];
      pixels[y * width + x] = number === values.none ? 0 : colours[shade(values, number)];
    }
  }
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}
