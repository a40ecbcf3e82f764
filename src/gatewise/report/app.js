// The page as a whole: the position, the controls and keys, the light and dark theme, printing.
function position(step) {
  const layer = current();
  if (!layer.lattice) return stepName(step);
  const positions = [];
  for (let axis = layer.axes.length - 1, rest = step; axis >= 0; axis--) {
    positions.unshift(rest % layer.axes[axis]);
    rest = Math.floor(rest / layer.axes[axis]);
  }
  return `position ${positions.join(", ")}`;
}

// Moves to another step, or unit, or both.
function moveTo(change, announce = false) {
  const slices = current().lattice ? slice() : 0;
  Object.assign(view, change);
  if (current().lattice && (change.unit !== undefined || slice() !== slices)) drawRows();
  mark();
  if (announce) at("live").textContent = `${at("where").textContent}: ` + current().values.map((one) => `${one.name} ${one.text(one.at(view.step, view.unit))}`).join(", ");
}

function mark() {
  const layer = current(), number = layer.units[view.unit];
  const lives = Object.keys(layer.table).filter((one) => one.endsWith("_half_life"));
  at("where").textContent = `Unit ${number}, ${position(view.step)}`;
  at("life").textContent = [
    ...lives.map((one) => `${lifeName(one, lives.length > 1)} ${formatSteps(layer.table[one][view.unit])}`),
    ...(typeof layer.table.std[view.unit] === "number" ? [`activity ${layer.table.std[view.unit].toFixed(3)}`] : []),
    ...(layer.table.dead[view.unit] ? ["dead"] : []),
  ].join(", ");
  at("step").value = view.step + (layer.lattice ? 0 : layer.first);
  at("unit").value = number;
  markRows();
  markTable();
  fillEquations();
  markAttention();
}

function setPinned(pinned) {
  view.pinned = pinned;
  at("pin").setAttribute("aria-pressed", pinned);
  at("pin").textContent = pinned ? "Pinned: click to unpin" : "Pin";
}

function refresh() {
  build();
  buildEquations();
  drawRows();
  drawTable();
  mark();
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  at("theme").textContent = name === "dark" ? "Light" : "Dark";
  at("theme").setAttribute("aria-label", `Switch to ${name === "dark" ? "light" : "dark"} colours`);
}

function repaint() {
  drawRows();
  drawAttention();
  drawFlow();
  drawSaturation(current());
  mark();
}

function fillControls() {
  at("layer").replaceChildren(...layers.map((one, index) => make("option", { value: index, textContent: `${one.title} (${one.cell}, ${one.of[1]} units)` })));
  at("layer").value = view.layer;
  at("order").replaceChildren(...Object.keys(current().orders).map((value) => make("option", { value, textContent: value.length > 40 ? `${value.slice(0, 39)}…` : value })));
  if (!(view.order in current().orders)) view.order = "number";
  at("order").value = view.order;
  at("step").min = current().first;
  at("step").max = current().first + (current().lattice ? current().steps : span()) - 1;
  at("unit").max = Math.max(...current().units);
  const moves = current().lattice ? "arrows: another position; [ and ]: another unit" : "← →: another step; ↑ ↓: another unit; Page Up and Down: ten steps";
  at("keys").textContent = `Point at a value; click to pin it. Keyboard: ${moves}; Home, End: the first, the last; Enter: draw the unit as a line; Escape: unpin.`;
  at("draw").hidden = current().lattice;
}

function setLayer(number) {
  view.layer = number;
  view.step = Math.min(view.step, current().steps - 1);
  view.unit = Math.min(view.unit, current().units.length - 1);
  view.chosen = [];
  fillControls();
  refresh();
}

const moved = (by) => {
  const list = order(), index = list.indexOf(view.unit) + by;
  return { unit: list[Math.min(Math.max(index, 0), list.length - 1)] };
};
const stepped = (by) => ({ step: Math.min(Math.max(view.step + by, 0), (current().lattice ? current().steps : span()) - 1) });
const KEYS = {
  ArrowLeft: () => (current().lattice ? shifted(-1, 0) : stepped(-1)), ArrowRight: () => (current().lattice ? shifted(1, 0) : stepped(1)),
  ArrowUp: () => (current().lattice ? shifted(0, -1) : moved(-1)),
  ArrowDown: () => (current().lattice ? shifted(0, 1) : moved(1)),
  PageUp: () => stepped(current().lattice ? -frame()[0] * frame()[1] : -10),
  PageDown: () => stepped(current().lattice ? frame()[0] * frame()[1] : 10),
  Home: () => ({ step: 0 }), End: () => ({ step: current().steps - 1 }), "[": () => moved(-1), "]": () => moved(1),
};

function scrollToStep() {
  const scroller = rows.parentElement, row = shownRows.find((one) => one.plot);
  if (!row || current().lattice) return;
  const label = row.label.offsetWidth, x = ((view.step + 0.5) / span()) * row.plot.offsetWidth, room = scroller.clientWidth - label;
  if (x < scroller.scrollLeft || x > scroller.scrollLeft + room) scroller.scrollLeft = x - room / 2;
}

at("over-time").addEventListener("keydown", (event) => {
  if (event.target.matches("select, input, button") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") setPinned(false);
  else if (event.key === "Enter" && !current().lattice) choose(view.unit);
  else if (KEYS[event.key]) moveTo(KEYS[event.key](), true);
  else return;
  event.preventDefault();
  scrollToStep();
});
at("layer").addEventListener("change", () => setLayer(Number(at("layer").value)));
at("order").addEventListener("change", () => { view.order = at("order").value; drawRows(); mark(); });
at("step").addEventListener("change", () => {
  const step = Math.round(Number(at("step").value)) - (current().lattice ? 0 : current().first);
  moveTo({ step }); moveTo(stepped(0), true); scrollToStep();
});
at("unit").addEventListener("change", () => {
  const index = current().units.indexOf(Math.round(Number(at("unit").value)));
  moveTo(index < 0 ? {} : { unit: index }, true);
});
for (const name of ["width", "height"]) {
  at(name).addEventListener("input", () => { view[name] = Number(at(name).value); drawRows(); mark(); scrollToStep(); });
}
at("pin").addEventListener("click", () => setPinned(!view.pinned));
at("draw").addEventListener("click", () => choose(view.unit));
at("theme").addEventListener("click", () => { setTheme(dark() ? "light" : "dark"); repaint(); });

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
setTheme(prefersDark.matches ? "dark" : "light");
prefersDark.addEventListener("change", () => { setTheme(prefersDark.matches ? "dark" : "light"); repaint(); });
let before_print = null;
addEventListener("beforeprint", () => { before_print = theme(); view.printing = true; setTheme("light"); repaint(); });
addEventListener("afterprint", () => { view.printing = false; setTheme(before_print); repaint(); });

at("title").textContent = given.name;
at("about").textContent = given.example;
at("prediction").textContent = given.prediction;
at("attribution").textContent = given.attribution;
view.order = Object.keys(current().orders)[0];
view.unit = order()[0];
fillControls();
drawAttention();
refresh();
drawFlow();
scrollToStep();
let room = rows.parentElement.clientWidth;
new ResizeObserver(() => {
  if (rows.parentElement.clientWidth !== room && !view.printing) {
    room = rows.parentElement.clientWidth;
    drawRows();
    drawAttention();
    drawFlow();
    markRows();
  }
}).observe(rows.parentElement);
