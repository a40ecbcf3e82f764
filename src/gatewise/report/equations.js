// The cell's equations, and below each the numbers of the unit and step under the pointer.
let equationRows = [];

function buildEquations() {
  const layer = current();
  at("cell").textContent = `${layer.cell}: ${layer.about}`;
  equationRows = [];
  const list = layer.equations.map((one) => {
    const values = layer.named[one.name], output = make("output");
    const letters = make("div", { class: "letters" }), numbers = make("span", { class: "numbers" });
    letters.innerHTML = one.letters; // MathML that Python wrote and escaped
    if (one.numbers) numbers.innerHTML = one.numbers;
    const result = make("div", { class: "result" }, make("span", {}, "= ", numbers, one.numbers ? " = " : "", output));
    equationRows.push({ values, output, letters, slots: [...numbers.querySelectorAll("mn")].filter((slot) => Object.keys(slot.dataset).length) });
    output.dataset.name = one.name;
    const kind = make("div", { class: "kind" }, make("span", { textContent: values?.words ?? "" }));
    return make("div", { class: "equation" }, kind, letters, result);
  });
  at("equations").replaceChildren(...list);
  for (const { letters } of equationRows) fit(letters, at("equations").clientWidth);
}

// The number in a slot of an equation; in brackets if it is negative.
function numberFor(slot) {
  const layer = current(), { line, inside, axis } = slot.dataset;
  if (slot.dataset.before) {
    const back = previousStep(view.step, Number(axis ?? 0)), values = layer.named[slot.dataset.before];
    if (back === null) return layer.lattice ? "0" : `${slot.dataset.before}₀`;
    return bracketed(slot, values.text(values.at(back, view.unit)));
  }
  const value = layer.named[line]?.at(view.step, view.unit) ?? NaN;
  if (inside) return inverse(inside, value);
  return bracketed(slot, layer.named[line].text(value));
}

function bracketed(slot, text) {
  const first = !slot.previousElementSibling; // the first term of a sum
  const alone = slot.previousElementSibling?.textContent === "(" && slot.nextElementSibling?.textContent === ")";
  return text.startsWith("−") && !first && !alone ? `(${text})` : text;
}

// Shrinks an equation that is wider than the panel, as far as it remains legible.
function fit(element, room) {
  element.style.fontSize = "";
  if (element.scrollWidth > room) element.style.fontSize = `${Math.max((1.02 * room) / element.scrollWidth, 0.72)}rem`;
}

// The argument of a function, as precise as its rounded value allows.
function inverse(name, value) {
  const [low, high] = name === "sigmoid" ? [0, 1] : [-1, 1], fraction = (value - low) / (high - low);
  const steep = name === "sigmoid" ? 1 : 2;
  if (Number.isNaN(value)) return "–";
  if (fraction < 0.0012) return `< −${(6.7 / steep).toFixed(1)}`;
  if (fraction > 0.9988) return `> ${(6.7 / steep).toFixed(1)}`;
  const digits = fraction * (1 - fraction) > 0.02 ? 2 : 1; // the precision of four decimals
  return (Math.log(fraction / (1 - fraction)) / steep).toFixed(digits).replace(/^-(0\.0+)$/, "$1").replace("-", "−");
}

function fillEquations() {
  const layer = current(), there = view.step < layer.steps;
  for (const { values, output, slots } of equationRows) {
    output.textContent = there && values ? values.text(values.at(view.step, view.unit)) : "–";
    for (const slot of slots) slot.textContent = there ? numberFor(slot) : "–";
  }
}
