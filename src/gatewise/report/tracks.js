// The inputs and predictions of the model, above its values and on the same steps.
const LEGIBLE = 8.5; // pixels of a step that a character needs

function short(value) {
  if (value === null || value === undefined || typeof value === "string") return "–";
  return Number(value.toPrecision(5)).toString().replace("-", "−");
}

const brief = (value) => Number(value.toPrecision(2)).toString();

// A small text with an outline, readable on top of lines.
function note(pen, text, x, y) {
  pen.setLineDash([]);
  pen.font = "10.5px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = style("--paper");
  pen.strokeText(text, x, y);
  pen.fillStyle = style("--soft");
  pen.fillText(text, x, y);
}

const long = (track) => track.symbols.some((one) => [...one].length > 2);

function trackRow(track) {
  if (track.strip && !track.symbols.length) return stripRow(track);
  const label = make("div", { class: "label" });
  const heading = make("b", { textContent: track.name, title: track.name });
  label.append(heading);
  const row = { label, track, canvas: make("canvas"), values: [] };
  if (track.pixels) { // an image that is read row by row, rotated so that its rows lie along the time axis
    row.height = 96;
    row.draw = (width) => {
      const pen = sized(row.canvas, width, row.height), [down, across] = track.pixels.shape;
      pen.imageSmoothingEnabled = false;
      const [first, part] = [current().first / current().of[0], current().steps / current().of[0]]; // the part that is shown
      pen.setTransform(0, row.canvas.height / across, (row.canvas.width * current().steps) / span() / (down * part), 0, 0, 0);
      pen.drawImage(picture(track.pixels), 0, first * down, across, part * down, 0, 0, across, part * down);
    };
    row.update = () => {};
  } else if (track.symbols.length) {
    row.height = long(track) ? 16 + 7 * Math.min(Math.max(...track.symbols.map((one) => [...one].length)), 14) : 22;
    const value = make("span", { class: "value" });
    heading.prepend(value);
    const scale = track.strip && scaleOf(track.strip);
    if (scale) label.append(...scale.parts);
    row.update = (step) => {
      const symbol = track.symbols[step + current().first] ?? "";
      value.textContent = scale ? `${symbol} ${stripText(track.strip, 0, step)}` : symbol;
    };
    row.scale = scale;
    row.draw = (width) => drawSymbols(row, width);
  } else {
    row.height = track.lines.length > 1 ? Math.max(86, 20 + 17 * track.lines.length) : 46;
    track.lines.forEach((line, index) => {
      const value = make("span");
      const swatch = make("span", { class: "swatch" });
      const name = track.lines.length > 1 ? line.name : "";
      label.append(make("span", { class: "key" }, swatch, make("span", { class: "caption", textContent: name }), value));
      row.values.push([line, value, swatch, index]);
    });
    row.update = (step) => {
      for (const [line, value] of row.values) value.textContent = short(line.values[step + current().first - line.start]);
    };
    row.draw = (width) => drawLines(row, width);
  }
  return row;
}

function drawSymbols(row, width) {
  const pen = sized(row.canvas, width, row.height), count = span(), wide = width / count;
  if (row.scale) {
    row.scale.paint();
    paintStrip(pen, row.track.strip, width, 0, row.height);
  }
  pen.fillStyle = style("--ink");
  pen.font = `13px ui-monospace, "DejaVu Sans Mono", monospace`;
  pen.textBaseline = "middle";
  for (let x = 0; x < count; x++) {
    const text = row.track.symbols[x + current().first];
    if (text === undefined) continue;
    if (row.scale) pen.fillStyle = inkOn(row.track.strip, 0, x + current().first);
    if (long(row.track)) {
      const shown = [...text].length > 14 ? [...text].slice(0, 13).join("") + "…" : text;
      pen.save();
      pen.translate((x + 0.5) * wide, row.height - 3);
      pen.rotate(-Math.PI / 2);
      pen.font = `${Math.min(12, wide)}px system-ui, sans-serif`;
      pen.fillText(shown, 0, 0);
      pen.restore();
    } else {
      pen.textAlign = "center";
      if (wide < LEGIBLE) pen.font = `${Math.max(wide * 1.6, 3)}px ui-monospace, monospace`;
      pen.fillText(text, (x + 0.5) * wide, row.height / 2);
    }
  }
}

function drawLines(row, width) {
  const pen = sized(row.canvas, width, row.height), count = span(), wide = width / count;
  const first = current().first, pad = 5;
  const all = row.track.lines.flatMap((line) => line.values).filter((one) => typeof one === "number");
  let low = all.reduce((least, one) => Math.min(least, one), Infinity);
  let high = all.reduce((most, one) => Math.max(most, one), -Infinity);
  if (!(high > low)) [low, high] = [low - 1, high + 1];
  const y = (value) => pad + ((high - value) / (high - low)) * (row.height - 2 * pad);
  pen.strokeStyle = style("--rule");
  pen.lineWidth = 1;
  pen.strokeRect(0.5, 0.5, width - 1, row.height - 1);
  const alone = row.track.lines.length === 1;
  for (const [line, , swatch, index] of row.values) {
    const colour = index === 0 ? style("--ink") : lineColour(index - 1);
    const dash = index === 0 ? [] : DASHES[(index - 1) % DASHES.length];
    swatch.style.background = colour;
    swatch.hidden = alone;
    trace(pen, line.values, (index) => (index + line.start - first + 0.5) * wide, y, colour, dash);
  }
  note(pen, short(high), width - 4, 13);
  note(pen, short(low), width - 4, row.height - 5);
}

// A line through values, interrupted at NaN.
function trace(pen, values, x, y, colour, dash = [], thick = 1.5) {
  pen.strokeStyle = pen.fillStyle = colour;
  pen.setLineDash(dash);
  pen.lineWidth = thick;
  pen.lineJoin = "round";
  pen.beginPath();
  let open = false;
  values.forEach((value, index) => {
    if (typeof value !== "number" || Number.isNaN(value)) open = false;
    else if (open) pen.lineTo(x(index), y(value));
    else { pen.moveTo(x(index), y(value)); open = true; }
  });
  pen.stroke();
  if (values.length === 1 && typeof values[0] === "number") pen.fillRect(x(0) - 2, y(values[0]) - 2, 4, 4);
}

function axisRow() {
  const label = make("div", { class: "label" });
  const row = { label, canvas: make("canvas"), height: 22 };
  row.draw = (width) => {
    const pen = sized(row.canvas, width, row.height), count = span(), wide = width / count;
    pen.fillStyle = style("--soft");
    pen.strokeStyle = style("--soft");
    pen.font = "11.5px system-ui, sans-serif";
    const names = Array.from({ length: count }, (_, step) => given.times[step + current().first] ?? `${step + current().first}`);
    const room = pen.measureText(names[names.length - 1]).width + 18;
    const every = [1, 2, 5, 10, 12, 20, 24, 50, 100, 200, 500, 1000, 2000, 5000].find((one) => one * wide >= room) ?? count;
    let end = -Infinity;
    for (let step = 0; step < count; step += every) {
      const x = (step + 0.5) * wide, size = pen.measureText(names[step]).width, left = Math.max(x - size / 2, 0);
      if (left < end + 10 || (step && left + size > width)) continue;
      pen.fillRect(x - 0.5, 0, 1, 4);
      pen.textAlign = "left";
      pen.fillText(names[step], left, 17);
      end = left + size;
    }
  };
  row.update = (step) => { label.textContent = stepName(step); };
  return row;
}
