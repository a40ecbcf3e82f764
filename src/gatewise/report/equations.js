// The cell's equations, and below each the numbers of the unit and step under the pointer.
let filled = [];

function buildEquations() {
  const layer = now();
  at("cell").textContent = `${layer.cell}: ${layer.about}`;
  filled = [];
  const list = layer.equations.map((one) => {
    const values = layer.named[one.name], output = make("output");
    const letters = make("div", { class: "letters" }), numbers = make("span", { class: "numbers" });
    letters.innerHTML = one.letters; // MathML that Python wrote and escaped
    if (one.numbers) numbers.innerHTML = one.numbers;
    const result = make("div", { class: "filled" }, make("span", {}, "= ", numbers, one.numbers ? " = " : "", output));
    filled.push({ values, output, letters, places: [...numbers.querySelectorAll("mn")].filter((place) => Object.keys(place.dataset).length) });
    output.dataset.name = one.name;
    const said = make("div", { class: "said" }, make("span", { textContent: values?.words ?? "" }));
    return make("div", { class: "equation" }, said, letters, result);
  });
  at("equations").replaceChildren(...list);
  for (const { letters } of filled) fit(letters, at("equations").clientWidth);
}

// What a number of an equation is; in brackets where it is negative.
function filling(place) {
  const layer = now(), { line, inside, axis } = place.dataset;
  if (place.dataset.before) {
    const back = before(view.step, Number(axis ?? 0)), values = layer.named[place.dataset.before];
    if (back === null) return layer.lattice ? "0" : `${place.dataset.before}₀`;
    return bracketed(place, values.text(values.at(back, view.unit)));
  }
  const value = layer.named[line]?.at(view.step, view.unit) ?? NaN;
  if (inside) return inverse(inside, value);
  return bracketed(place, layer.named[line].text(value));
}

function bracketed(place, text) {
  const first = !place.previousElementSibling; // of a sum's first term
  const alone = place.previousElementSibling?.textContent === "(" && place.nextElementSibling?.textContent === ")";
  return text.startsWith("−") && !first && !alone ? `(${text})` : text;
}

// Makes what is wider than the panel smaller, as far as it can still be read.
function fit(element, room) {
  element.style.fontSize = "";
  if (element.scrollWidth > room) element.style.fontSize = `${Math.max((1.02 * room) / element.scrollWidth, 0.72)}rem`;
}

// What a function was taken of, as far as its rounded value tells.
function inverse(name, value) {
  const [low, high] = name === "sigmoid" ? [0, 1] : [-1, 1], share = (value - low) / (high - low);
  const steep = name === "sigmoid" ? 1 : 2;
  if (Number.isNaN(value)) return "–";
  if (share < 0.0012) return `< −${(6.7 / steep).toFixed(1)}`;
  if (share > 0.9988) return `> ${(6.7 / steep).toFixed(1)}`;
  const digits = share * (1 - share) > 0.02 ? 2 : 1; // more than these its four decimals do not tell
  return (Math.log(share / (1 - share)) / steep).toFixed(digits).replace(/^-(0\.0+)$/, "$1").replace("-", "−");
}

function fillEquations() {
  const layer = now(), there = view.step < layer.steps;
  for (const { values, output, places } of filled) {
    output.textContent = there && values ? values.text(values.at(view.step, view.unit)) : "–";
    for (const place of places) place.textContent = there ? filling(place) : "–";
  }
}
