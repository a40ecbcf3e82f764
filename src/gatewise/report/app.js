// The page as a whole: where one looks, what the controls and keys do, light and dark, paper.
function position(step) {
  const layer = now();
  if (!layer.lattice) return called(step);
  const places = [];
  for (let axis = layer.axes.length - 1, rest = step; axis >= 0; axis--) {
    places.unshift(rest % layer.axes[axis]);
    rest = Math.floor(rest / layer.axes[axis]);
  }
  return `position ${places.join(", ")}`;
}

// Looks elsewhere: at another step, or unit, or both.
function look(change, spoken = false) {
  const slices = now().lattice ? slice() : 0;
  Object.assign(view, change);
  if (now().lattice && (change.unit !== undefined || slice() !== slices)) drawRows();
  mark();
  if (spoken) at("live").textContent = `${at("where").textContent}: ` + now().values.map((one) => `${one.name} ${one.text(one.at(view.step, view.unit))}`).join(", ");
}

function mark() {
  const layer = now(), number = layer.units[view.unit];
  const lives = Object.keys(layer.table).filter((one) => one.endsWith("_half_life"));
  at("where").textContent = `Unit ${number}, ${position(view.step)}`;
  at("life").textContent = [
    ...lives.map((one) => `${lifeName(one, lives.length > 1)} ${lasting(layer.table[one][view.unit])}`),
    ...(typeof layer.table.spread[view.unit] === "number" ? [`activity ${layer.table.spread[view.unit].toFixed(3)}`] : []),
    ...(layer.table.dead[view.unit] ? ["dead"] : []),
  ].join(", ");
  at("step").value = view.step + (layer.lattice ? 0 : layer.first);
  at("unit").value = number;
  markRows();
  markTable();
  fillEquations();
  markLooked();
}

function hold(held) {
  view.held = held;
  at("hold").setAttribute("aria-pressed", held);
  at("hold").textContent = held ? "Held: click to let go" : "Hold";
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
  drawLooked();
  drawFlow();
  drawSaturation(now());
  mark();
}

function fillControls() {
  at("layer").replaceChildren(...layers.map((one, place) => make("option", { value: place, textContent: `${one.title} (${one.cell}, ${one.of[1]} units)` })));
  at("layer").value = view.layer;
  at("order").replaceChildren(...Object.keys(now().orders).map((value) => make("option", { value, textContent: value.length > 40 ? `${value.slice(0, 39)}…` : value })));
  if (!(view.order in now().orders)) view.order = "number";
  at("order").value = view.order;
  at("step").min = now().first;
  at("step").max = now().first + (now().lattice ? now().steps : span()) - 1;
  at("unit").max = Math.max(...now().units);
  const scrolled = now().lattice ? "arrows: another position; [ and ]: another unit" : "← →: another step; ↑ ↓: another unit; Page Up and Down: ten steps";
  at("keys").textContent = `Point to look, click to hold. With the keyboard, here: ${scrolled}; Home, End: the first, the last; Enter: draw the unit as a line; Escape: let go.`;
  at("draw").hidden = now().lattice;
}

function setLayer(number) {
  view.layer = number;
  view.step = Math.min(view.step, now().steps - 1);
  view.unit = Math.min(view.unit, now().units.length - 1);
  view.chosen = [];
  fillControls();
  refresh();
}

const moved = (by) => {
  const list = order(), place = list.indexOf(view.unit) + by;
  return { unit: list[Math.min(Math.max(place, 0), list.length - 1)] };
};
const stepped = (by) => ({ step: Math.min(Math.max(view.step + by, 0), (now().lattice ? now().steps : span()) - 1) });
const KEYS = {
  ArrowLeft: () => (now().lattice ? shifted(-1, 0) : stepped(-1)), ArrowRight: () => (now().lattice ? shifted(1, 0) : stepped(1)),
  ArrowUp: () => (now().lattice ? shifted(0, -1) : moved(-1)),
  ArrowDown: () => (now().lattice ? shifted(0, 1) : moved(1)),
  PageUp: () => stepped(now().lattice ? -frame()[0] * frame()[1] : -10),
  PageDown: () => stepped(now().lattice ? frame()[0] * frame()[1] : 10),
  Home: () => ({ step: 0 }), End: () => ({ step: now().steps - 1 }), "[": () => moved(-1), "]": () => moved(1),
};

function scrollToStep() {
  const scroller = rows.parentElement, row = shownRows.find((one) => one.plot);
  if (!row || now().lattice) return;
  const label = row.label.offsetWidth, x = ((view.step + 0.5) / span()) * row.plot.offsetWidth, room = scroller.clientWidth - label;
  if (x < scroller.scrollLeft || x > scroller.scrollLeft + room) scroller.scrollLeft = x - room / 2;
}

at("over-time").addEventListener("keydown", (event) => {
  if (event.target.matches("select, input, button") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") hold(false);
  else if (event.key === "Enter" && !now().lattice) choose(view.unit);
  else if (KEYS[event.key]) look(KEYS[event.key](), true);
  else return;
  event.preventDefault();
  scrollToStep();
});
at("layer").addEventListener("change", () => setLayer(Number(at("layer").value)));
at("order").addEventListener("change", () => { view.order = at("order").value; drawRows(); mark(); });
at("step").addEventListener("change", () => {
  const asked = Math.round(Number(at("step").value)) - (now().lattice ? 0 : now().first);
  look({ step: asked }); look(stepped(0), true); scrollToStep();
});
at("unit").addEventListener("change", () => {
  const place = now().units.indexOf(Math.round(Number(at("unit").value)));
  look(place < 0 ? {} : { unit: place }, true);
});
for (const name of ["width", "height"]) {
  at(name).addEventListener("input", () => { view[name] = Number(at(name).value); drawRows(); mark(); scrollToStep(); });
}
at("hold").addEventListener("click", () => hold(!view.held));
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
at("said").textContent = given.said;
at("explained").textContent = given.explained;
view.order = Object.keys(now().orders)[0];
view.unit = order()[0];
fillControls();
drawLooked();
refresh();
drawFlow();
scrollToStep();
let room = rows.parentElement.clientWidth;
new ResizeObserver(() => {
  if (rows.parentElement.clientWidth !== room && !view.printing) {
    room = rows.parentElement.clientWidth;
    drawRows();
    drawLooked();
    drawFlow();
    markRows();
  }
}).observe(rows.parentElement);
