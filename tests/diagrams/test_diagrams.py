"""Diagrams: each drawing, read back from its wires and texts, computes what its cell computes."""

import re
from itertools import combinations
from pathlib import Path

import pytest

import gatewise
from gatewise.cells import Cell, cells, lattice_cells
from gatewise.cells.notation import (
    P,
    R,
    W,
    b,
    exp,
    maximum,
    normalize,
    outer,
    p,
    prev,
    relu,
    sigmoid,
    tanh,
    x,
)  # fmt: skip
from tests.diagrams.pictures import Picture, covered, evaluate


class Mixed(Cell):
    """Sums of all kinds: with signs, constants, products of sums, a replaced line, equal parts."""

    state = ("h", "c")
    d = b.d + W.d @ x - R.d @ prev.h
    u = (1 - d) * (W.u @ x + prev.c)
    v = sigmoid(2 * (normalize.v(R.v @ (d * prev.h)) - d + 3))
    c = prev.c - 0.5 * (u / p.a) + P.c @ d
    h = relu(exp(-(d * d)) * v - maximum(u, prev.h) / (1 + prev.c * v))


class Replaced(Mixed):
    """The same with another candidate."""

    d = tanh(0.5 * prev.h + p.d * prev.c)


class Written(Cell):
    """A matrix memory with a key that is a parameter."""

    state = ("h", "C")
    C = sigmoid(W.f @ x) * prev.C + outer(W.v @ x, b.k)
    h = C @ tanh(W.q @ x)


class Named(Cell):
    """Products that have names, in sums of others."""

    state = ("h",)
    u = W.a @ x
    v = normalize.v(R.v @ prev.h)
    r = tanh(u - R.a @ prev.h) - sigmoid(W.b @ x + u + 3 * prev.h - 2) * tanh(v - W.v @ x)
    h = r + relu(W.c @ x - R.c @ prev.h)


class Doubled(Cell):
    """A number after a value, names with numbers, and a bias of its own beside those of products."""

    state = ("h",)
    q1 = tanh(W.d @ x) * 0 + 1
    q10 = b.d + W.d @ x + R.d @ prev.h
    h = tanh(q10) * q1 * (p.a * 2)


CELLS = [
    *cells().values(), *lattice_cells().values(), Mixed, Replaced, Written, Named, Doubled,
    *(pytest.param(cell, marks=pytest.mark.thorough) for cell in lattice_cells(3).values()),
]  # fmt: skip
DRAWN = {}
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
NAMES = {"log_sigmoid": "logσ", "sigmoid": "σ", "fraction": "frac", "maximum": "max", "minimum": "min",
         "sqrt": "", "abs": "", "normalize_": "LN"}  # fmt: skip


@pytest.fixture(params=CELLS, ids=lambda cell: cell.__name__)
def cell(request):
    return request.param


@pytest.fixture
def picture(cell):
    """A cell's diagram, drawn once."""
    if cell not in DRAWN:
        DRAWN[cell] = Picture(gatewise.draw(cell).svg)
    return DRAWN[cell]


def test_a_drawing_computes_what_the_cell_computes(cell, picture):
    found = picture.states(cell)
    read = {shape.formula.split("[")[0] for shape in picture.shapes.values() if shape.kind == "previous"}
    assert set(found) == read | {cell.state[0]}
    for name, value in found.items():
        assert value == pytest.approx(evaluate(cell, cell.lines[name]), rel=1e-9), name


def test_wires_are_connected_and_end_at_the_term_that_they_name(cell, picture):
    for source, shape in picture.shapes.items():
        joined, waiting = [], [line for line in picture.lines if line.source == source]
        while waiting:
            following = [
                line for line in waiting if begins(line, shape) or any(meets(line, one) for one in joined)
            ]
            assert following, f"{source} has a wire that begins nowhere"
            joined += following
            waiting = [line for line in waiting if line not in joined]
    for line in picture.lines:
        if line.reader in picture.shapes:
            reader = picture.shapes[line.reader]
            assert touches(reader.box, line.points[-1])
            if reader.kind == "layer":
                assert reader.terms[line.pin][0] == line.points[-1][0]


def test_what_is_written_is_what_is_computed(cell, picture):
    """The texts and the formulas that the other tests read are printed independently of each other."""
    for name, shape in picture.shapes.items():
        if shape.kind in ("function", "layer"):
            sources = [picture.shapes[line.source] for line in picture.lines if line.reader == name]
            head = f"{shape.line or ''} {shape.formula}"
            argument = sources[0].line if shape.kind == "function" else None
            assert letters(shape.text) in (letters(head, argument), letters(head))
        for _, text, term in shape.terms.values():
            if term:
                assert letters(text) == letters(term)
                assert text.startswith("−") == term.startswith("-")


def test_no_wire_runs_over_a_shape_or_along_another_wire(cell, picture):
    boxes = [shape.box for shape in picture.shapes.values() if shape.box]
    places = [(line.source, covered(line.points)) for line in picture.lines]
    for source, points in places:
        for left, top, right, bottom in boxes:
            assert not any(left < a < right and top < c < bottom for a, c, _ in points), source
    for (source, points), (other, more) in combinations(places, 2):
        if source != other:
            assert not points & more, (source, other)
    for (a, b_, c, d), (e, f, g, h) in combinations(boxes, 2):
        assert c < e or g < a or d < f or h < b_


def begins(line, shape):
    """Whether a wire begins at a shape, or at the text of an input or a previous state."""
    if shape.box:
        return touches(shape.box, line.points[0])
    return max(abs(a - c) for a, c in zip(line.points[0], shape.place, strict=True)) < 18


def meets(line, other):
    """Whether one of two wires begins or ends at the other."""
    on = [{point[:2] for point in covered(one.points)} for one in (line, other)]
    return bool({line.points[0], line.points[-1]} & on[1] or {other.points[0], other.points[-1]} & on[0])


def letters(text, value=None):
    """The letters and digits of a formula, typeset or plain."""
    for plain, typeset in NAMES.items():
        text = re.sub(rf"\b{plain}", typeset, text)
    text = re.sub(r"\b1e-0?(\d+)", r"10\1", text)
    text = re.sub(r"(?<!\w)_(?!\w)", value or "", text)
    return re.sub(r"[^0-9A-Za-zσ]", "", text)


def touches(box, point):
    left, top, right, bottom = box
    across, down = point
    return (across in (left, right) and top < down < bottom) or (
        down in (top, bottom) and left < across < right
    )


def test_the_lstm_as_textbooks_have_it():
    picture = Picture(gatewise.draw("lstm").svg)
    layers = {one.line: one for one in picture.shapes.values() if one.kind == "layer"}
    assert list(layers) == ["f", "i", "g", "o"]  # from left to right
    texts = [text.replace("\u200b", "") for _, text, _ in layers["f"].terms.values()]
    assert texts == ["Wf", "Rf", "bf"]
    heights = {line.points[0][1] for line in picture.lines if line.state == "c"}
    entering = {
        line.points[0][1] for line in picture.lines if picture.shapes[line.source].formula == "c[t-1]"
    }
    assert heights == entering  # the memory is a straight line ...
    assert heights < {box[1] for one in picture.shapes.values() if (box := one.box)} | heights
    assert max(heights) < min(one.box[1] for one in layers.values())  # ... above the gates


def test_a_layer_shows_the_biases_of_its_own_products_with_their_signs():
    layers = [one for one in Picture(gatewise.draw(Named).svg).shapes.values() if one.terms]
    biases = [
        [text.replace("\u200b", "") for _, text, term in layer.terms.values() if not term] for layer in layers
    ]
    assert sorted(biases) == [[], ["bWa"], ["bWc", "−bRc"], ["bb"], ["−bRa"], ["−bv"]]


def test_a_number_after_a_value_has_a_sign_and_a_name_with_a_number_is_no_axis():
    shapes = Picture(gatewise.draw(Doubled).svg).shapes.values()
    texts = [one.text.replace("\u200b", "") for one in shapes]
    assert {"q10 = Σ", "q1 = tanh(·) × 0 + 1", "h = pa × 2 ⊙"} <= set(texts)
    (summed,) = (one for one in shapes if one.line == "q10")
    assert [text.replace("\u200b", "") for _, text, _ in summed.terms.values()] == [
        "bd",
        "Wd",
        "Rd",
        "bWd",
        "bRd",
    ]


def test_the_picture_of_the_page_is_the_present_one():
    assert (PICTURES / "lstm-step.svg").read_text(encoding="utf-8") == gatewise.draw("lstm").svg


def test_a_drawing_is_always_the_same_and_shows_itself_in_notebooks(tmp_path):
    drawn = gatewise.draw("gru")
    assert drawn.svg == gatewise.draw(gatewise.cells.GRU).svg == drawn._repr_svg_()
    drawn.save(tmp_path / "gru.svg")
    assert (tmp_path / "gru.svg").read_text(encoding="utf-8") == drawn.svg
    assert "prefers-color-scheme:dark" in drawn.svg
    with pytest.raises(gatewise.GatewiseError, match=r"expected a path that ends in \.svg, got '.*gru\.png'"):
        drawn.save(tmp_path / "gru.png")
    with pytest.raises(gatewise.GatewiseError, match=r"expected a path that ends in \.svg, got 3"):
        drawn.save(3)
    with pytest.raises(gatewise.GatewiseError, match="expected a cell or its name, such as 'lstm', got 3"):
        gatewise.draw(3)
