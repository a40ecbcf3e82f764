// Numbers as colours over time: a row for each input, or behind symbols.
const LINE = 17; // pixels of a named row

for (const track of given.tracks) if (track.strip) track.strip = new Values(track.strip);

function scaleOf(values) {
  const beyond = values.numbers.some((one) => one !== values.none && Math.abs(one * values.scale) > 1.001 * values.range + values.scale);
  const [low, high] = beyond ? ["≤ −", "≥ "] : ["−", ""]; // values beyond the range have the colour of its end
  const ends = signed(values.kind) ? [`${low}${brief(values.range)}`, "0", `${high}${brief(values.range)}`] : ["0", brief(values.range)];
  const scale = make("div", { class: "scale" });
  const paint = () => { scale.style.background = gradient(values.kind); };
  return { paint, parts: [scale, make("div", { class: "ends" }, ...ends.map((textContent) => make("span", { textContent })))] };
}

function stripRow(track) {
  const values = track.strip, named = values.names.length > 0, one = values.names.length === 1;
  const keys = values.names.map((name) => {
    const value = make("span");
    return [value, make("span", { class: "key strip-key" }, make("span", { class: "caption", textContent: one ? "" : name, title: name }), value)];
  });
  const scale = scaleOf(values);
  const title = make("b", { textContent: track.name, title: track.name });
  const label = make("div", { class: "label" }, title, ...keys.map(([, key]) => key), ...scale.parts);
  const top = named ? 18 : 0, row = { label, track, canvas: make("canvas"), height: named ? top + LINE * values.rows + 4 : 96 };
  row.draw = (width) => {
    scale.paint();
    const pen = sized(row.canvas, width, row.height), high = named ? LINE * values.rows : row.height;
    paintStrip(pen, values, width, top, high);
    pen.strokeStyle = style("--rule");
    pen.strokeRect(0.5, top + 0.5, width - 1, high - 1);
  };
  row.update = (step) => {
    keys.forEach(([value], index) => { value.textContent = stripText(values, index, step); });
  };
  return row;
}

const stripText = (values, index, step) => {
  const there = step + current().first < values.units;
  return values.text(there ? values.at(index, step + current().first) : NaN);
};

function paintStrip(pen, values, width, top, high) {
  const count = Math.min(span(), values.units - current().first);
  if (count < 1) return;
  const small = painted(values, count, values.rows, (x, y) => y * values.units + x + current().first);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, top, (width * count) / span(), high);
}

// A text colour that is legible on the colour of a value.
function inkOn(values, row, column) {
  const value = values.at(row, column);
  if (Number.isNaN(value)) return style("--ink");
  const colour = table(values.kind)[shade(values, value / values.scale)];
  const light = 0.299 * (colour & 255) + 0.587 * ((colour >> 8) & 255) + 0.114 * ((colour >> 16) & 255);
  return light > 140 ? "#15171b" : "#ffffff";
}
