// The gradient against the lag as SVG, on a logarithmic scale, with a sentence for each state.
const SVG = "http://www.w3.org/2000/svg";

function draw(tag, properties, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function drawFlow() {
  const flows = given.flows, home = at("flow"), list = at("sentences");
  list.replaceChildren(...flows.map((one) => make("li", { textContent: `${one.sentence}.` })));
  if (given.no_flow && flows.length) list.append(make("li", { textContent: `${given.no_flow}.` }));
  const positive = flows.flatMap((one) => one.norms).filter((one) => typeof one === "number" && one > 0);
  if (!positive.length) {
    home.replaceChildren(make("p", { class: "note", textContent: given.no_flow ? `Not available: ${given.no_flow}.` : "The gradient is zero everywhere." }));
    return;
  }
  const wide = view.printing ? 720 : Math.min(Math.max(home.clientWidth, 300), 720);
  const size = { width: wide, height: 320, left: 62, right: 16 + 6.4 * Math.min(Math.max(...flows.map((one) => one.state.length + 2 + one.title.length)), 24), top: 12, bottom: 40 };
  const most = Math.max(...flows.map((one) => one.norms.length)) - 1;
  const high = Math.ceil(Math.log10(Math.max(...positive)) + 0.02);
  const low = Math.max(Math.floor(Math.log10(Math.min(...positive))), high - 14);
  const x = (lag) => size.left + (lag / Math.max(most, 1)) * (size.width - size.left - size.right);
  const y = (norm) => size.top + ((high - Math.max(Math.log10(norm), low)) / (high - low)) * (size.height - size.top - size.bottom);
  const svg = draw("svg", { viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": flows.map((one) => one.sentence).join("; ") });
  for (let power = low, every = Math.ceil((high - low) / 7); power <= high; power += every) {
    const index = y(10 ** power);
    svg.append(draw("line", { class: "grid", x1: size.left, x2: size.width - size.right, y1: index, y2: index }));
    const label = draw("text", { x: size.left - 8, y: index + 4, "text-anchor": "end" }, "10");
    label.append(draw("tspan", { dy: -5, "font-size": 9 }, String(power).replace("-", "−")));
    svg.append(label);
  }
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((one) => most / one <= wide / 70) ?? most;
  for (let lag = 0; lag <= most; lag += steps) {
    svg.append(draw("text", { x: x(lag), y: size.height - size.bottom + 18, "text-anchor": "middle" }, lag));
  }
  svg.append(draw("text", { x: (size.left + size.width - size.right) / 2, y: size.height - 4, "text-anchor": "middle" }, "lag in steps, from the last step"));
  const ends = [];
  flows.forEach((one, index) => {
    const points = one.norms.map((norm, lag) => (typeof norm === "number" && norm > 0 ? `${x(lag).toFixed(1)},${y(norm).toFixed(1)}` : null));
    let path = "", open = false;
    for (const point of points) {
      if (point) path += `${open ? "L" : "M"}${point}`;
      open = Boolean(point);
    }
    const colour = lineColour(index), dash = DASHES[index % DASHES.length].join(" ");
    svg.append(draw("path", { d: path, fill: "none", stroke: colour, "stroke-width": 1.9, "stroke-dasharray": dash }));
    points.forEach((point, lag) => { // an isolated point is no line
      if (point && !points[lag - 1] && !points[lag + 1]) {
        const [cx, cy] = point.split(",");
        svg.append(draw("circle", { cx, cy, r: 3, fill: colour }));
      }
    });
    const last = points.map((point, lag) => [point, lag]).filter(([point]) => point).pop();
    if (last) ends.push({ colour, y: Number(last[0].split(",")[1]), x: Number(last[0].split(",")[0]), text: `${one.state}, ${one.title}` });
  });
  ends.sort((a, b) => a.y - b.y);
  ends.forEach((one, index) => {
    one.y = Math.max(one.y, index ? ends[index - 1].y + 14 : size.top + 4);
    const label = draw("text", { x: size.width - size.right + 6, y: one.y + 4 }, one.text.length > 24 ? one.text.slice(0, 23) + "…" : one.text);
    label.style.fill = one.colour;
    svg.append(label);
  });
  const pointer = draw("line", { class: "pointer", y1: size.top, y2: size.height - size.bottom, visibility: "hidden" });
  const readout = make("p", { class: "note", id: "lag" });
  svg.append(pointer);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), index = ((event.clientX - box.left) / box.width) * size.width;
    const lag = Math.min(Math.max(Math.round(((index - size.left) / (size.width - size.left - size.right)) * most), 0), most);
    for (const side of ["x1", "x2"]) pointer.setAttribute(side, x(lag));
    pointer.setAttribute("visibility", "visible");
    readout.textContent = `lag ${lag}: ` + flows.map((one) => `${one.state}, ${one.title}: ${one.norms[lag] === undefined ? "–" : Number(one.norms[lag]).toExponential(2)}`).join("; ");
  });
  home.replaceChildren(svg, readout);
}
