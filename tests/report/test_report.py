"""The report without a browser: its values, size and texts, orders and equations, for any layers."""

import base64
import json
import re
from itertools import pairwise
from xml.dom.minidom import parseString

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import Cell, R, W, cells, prev, relu, tanh, x
from gatewise.cells.catalogue import lattice_cells
from gatewise.errors import GatewiseError
from gatewise.report import draw, inspect, page, write_page
from gatewise.report.mathml import equations
from gatewise.report.order import by_correlation, by_similarity
from gatewise.report.packed import packed
from gatewise.report.page import contents
from tests.report.reports import NASTY, STEPS, UNITS, lattices, looking, sequences


def unpacked(packed, layer):
    """[steps, units], as a page reads it."""
    numbers = np.frombuffer(base64.b64decode(packed["data"]), f"<i{packed['bits'] // 8}")
    return numbers.reshape(layer["steps"], packed["units"]) / 10.0 ** packed["decimals"]


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}], ids=["one way", "both ways"])
def test_every_value_is_there_to_the_digits_that_are_shown(options):
    found = sequences(**options)
    output = contents(found)
    assert len(output["layers"]) == len(found.layers) == 2 * (1 + len(options))
    for layer, trace in zip(output["layers"], found.layers, strict=True):
        assert [one["name"] for one in layer["values"]] == list("ifgcoh")
        for one in layer["values"]:
            true = {**trace.values, **trace.states}[one["name"]][0].double().numpy()
            assert one["decimals"] >= 3
            error = np.abs(unpacked(one, layer) - true).max()
            assert error <= 0.5000001 * 10.0 ** -one["decimals"]
            assert one["kind"] == (
                "gate" if one["name"] in "ifo" else "state" if one["name"] in "ch" else "value"
            )


def test_the_gradient_of_each_layer_has_its_name():
    found = sequences(bidirectional=True)
    output = contents(found)["flows"]
    assert [one["title"] for one in output[::2]] == list(found.titles)
    assert output[4]["sentence"].startswith("layer 1, forward, h (LSTM): the gradient falls")
    assert output[6]["sentence"].startswith("layer 1, backward, h (LSTM): no gradient")
    assert output[1]["norms"] == pytest.approx(found.flows[0].norms["c"].tolist(), rel=1e-5)


def test_numbers_large_small_and_none():
    values = np.array([[123456.789, -0.5], [np.nan, np.inf]])
    small = packed(values)
    read = np.frombuffer(base64.b64decode(small.data), "<i4")
    assert (small.bits, small.decimals) == (32, 4)
    assert read.tolist() == [1234567890, -5000, -(2**31), -(2**31)]
    assert packed(np.array([2e-7])).decimals > 9  # not shown as zero
    assert packed(np.zeros(3)).decimals == 4


def test_texts_of_a_user_end_no_script():
    text = page(sequences())
    assert text.count("<script") == 2  # the data and the page's own
    assert "<img" not in text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1]
    assert json.loads(data)["prediction"] == NASTY
    assert "default-src 'none'" in text  # no request to anywhere
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_a_large_report_is_small_and_whole():
    layer, x = gatewise.LSTM(2, 256, num_layers=2), torch.randn(200, 1, 2)
    found = inspect(layer, lambda: layer(x), lambda: layer(x)[0][-1].sum())
    output = contents(found)
    assert all((one["steps"], len(one["units"])) == (200, 256) for one in output["layers"])
    assert len(page(found).encode()) < 3_000_000


def test_long_content_is_cut_with_a_note():
    layer, x = gatewise.LSTM(2, 300), torch.randn(1500, 1, 2)
    (one,) = contents(inspect(layer, lambda: layer(x)), step=700)["layers"]
    assert one["of"] == (1500, 300)
    assert one["steps"] == 500
    assert one["first"] == 450
    wide = gatewise.LSTM(2, 2048)
    found = inspect(wide, lambda: wide(x[:200]))
    (one,) = contents(found)["layers"]
    assert (one["steps"], len(one["units"])) == (160, 937)
    spread = found.layers[0].states["h"][0].std(0)
    assert set(one["units"]) == set(spread.topk(937).indices.tolist())
    assert unpacked(one["values"][5], one)[0, 0] == pytest.approx(
        found.layers[0].states["h"][0, one["first"], one["units"][0]].item(), abs=1e-4
    )
    assert len(page(found).encode()) < 3_000_000


def test_units_in_order():
    (one, _) = contents(sequences())["layers"]
    lives, spread = one["table"]["c_half_life"], one["table"]["std"]
    assert [lives[unit] for unit in one["orders"]["half-life"]] == sorted(lives, reverse=True)
    assert [spread[unit] for unit in one["orders"]["activity"]] == sorted(spread, reverse=True)
    assert all(sorted(order) == list(range(UNITS)) for order in one["orders"].values())


def test_units_that_do_alike_lie_together():
    steps, random = np.arange(80), np.random.default_rng(0)
    kinds = np.stack([np.sin(steps / 5), np.cos(steps / 5), np.sin(steps / 5 + 2.1)])
    values = kinds[np.arange(30) % 3].T + 0.05 * random.normal(size=(80, 30))
    kind = [unit % 3 for unit in by_similarity(values)]
    assert sum(one != other for one, other in pairwise(kind)) == 2


def test_units_that_follow_what_the_model_is_given():
    steps = np.arange(60)
    values = np.random.default_rng(0).normal(size=(60, 4)) * 0.1
    values[:, 2] -= np.sin(steps)
    assert by_correlation(values, np.sin(steps))[0] == 2
    (one, _) = contents(sequences())["layers"]
    assert f"correlation with {NASTY}, given" in one["orders"]  # but not of what follows the last step
    assert len([name for name in one["orders"] if name.startswith("correlation")]) == 1


def test_a_state_of_fewer_units_than_its_gates():
    layer, x = gatewise.LSTM(2, 6, proj_size=3), torch.randn(7, 1, 2)
    with gatewise.backend("reference"):
        (one,) = contents(inspect(layer, lambda: layer(x), lambda: layer(x)[0][-1].sum()))["layers"]
    assert {value["name"]: value["units"] for value in one["values"]} == {**dict.fromkeys("ifgco", 6), "h": 3}
    assert len(one["table"]["unit"]) == 6


def test_lattices():
    found = lattices()
    output = contents(found, layer=3)
    assert [one["direction"] for one in output["layers"]] == ["++", "+-", "-+", "--"]
    assert output["layers"][3]["axes"] == (6, 4)
    assert "over a lattice" in output["no_flow"]
    one = output["layers"][3]
    assert unpacked(one["values"][1], one).reshape(6, 4, 3) == pytest.approx(
        found.layers[3].gates["f_1"][0].numpy(), abs=1e-4
    )


def test_a_decoder_that_is_called_step_by_step_is_one_layer():
    layer, x = gatewise.LSTM(2, 3), torch.randn(5, 1, 2)

    def run():
        state = None
        for step in x:
            _, state = layer(step.unsqueeze(0), state)

    (one,) = inspect(layer, run).layers
    whole = inspect(layer, lambda: layer(x)).layers[0]
    torch.testing.assert_close(one.states["c"], whole.states["c"])


@pytest.mark.parametrize(
    "cell", [*cells().values(), *lattice_cells(3).values()], ids=lambda cell: cell.__name__
)
def test_equations_are_mathml_with_places_for_what_a_trace_holds(cell):
    found = equations(cell)
    assert [one.name for one in found] == list(cell.lines)
    for one in found:
        assert parseString(one.letters).documentElement.tagName == "math"
        if one.numbers is not None:
            places = parseString(f"<all>{one.numbers}</all>").getElementsByTagName("mn")
            read = {place.getAttribute("data-line") or place.getAttribute("data-before") for place in places}
            assert read - {""} <= {*cell.intermediates, *cell.state}


def test_an_equation_with_its_places():
    numbers = {one.name: one.numbers for one in equations(cells()["GRU"])}
    text = re.sub(r"<mn data-(\w+)='(\w+)'( data-inside='\w+')?></mn>", r"[\1 \2]", numbers["h"])
    assert (
        re.sub("<.*?>", "", text)
        == "([line z])·[line n]".replace("([", "(1&#8722;[") + " +[line z]·[before h]"
    )
    assert "data-inside='tanh'" in numbers["n"]


def test_equations_of_a_matrix_memory():
    found = {one.name: one for one in equations(cells()["MLSTM"])}
    outer = "<msup><mrow><msub><mi>k</mi><mi>t</mi></msub></mrow><mo>&#8868;</mo></msup>"
    assert outer in found["C"].letters
    assert found["C"].numbers is found["h"].numbers is None
    assert "<mo>|</mo><msup>" in found["h"].letters


def test_an_equation_that_can_t_be_filled():
    class Own(Cell):
        """A unit of no gate."""

        state = ("h",)
        h = relu(W.h @ x + R.h @ prev.h) + tanh(prev.h)

    (one,) = equations(Own)
    assert one.numbers is None


def test_a_missing_layer_or_step_is_refused(tmp_path):
    found = sequences()
    with pytest.raises(GatewiseError, match="there is no layer 2; the layers are 0: layer 0, 1: layer 1"):
        write_page(found, tmp_path / "a.html", layer=2)
    with pytest.raises(GatewiseError, match=f"layer 1 ran for {STEPS} steps, numbered from 0; got step 12"):
        write_page(found, tmp_path / "a.html", layer=1, step=STEPS)
    assert not list(tmp_path.iterdir())


def rows_of(packed):
    numbers = np.frombuffer(base64.b64decode(packed["data"]), f"<i{packed['bits'] // 8}").astype(float)
    numbers[numbers == np.iinfo(f"i{packed['bits'] // 8}").min] = np.nan
    return numbers.reshape(packed["rows"], packed["units"]) / 10.0 ** packed["decimals"]


@pytest.mark.parametrize("over_image", [False, True])
def test_attention_and_attribution_of_a_report(over_image):
    found = looking(over_image)
    output, looked = contents(found), found.example.attention
    assert rows_of(output["attention"]["weights"]) == pytest.approx(looked.weights, abs=1e-4)
    assert output["attention"]["weights"]["range"] == pytest.approx(looked.weights.max(), rel=1e-5)
    assert output["attention"]["targets"] == ("one", "two", NASTY, "(end)")
    assert output["attention"]["sources"][-1] == ("11" if over_image else NASTY)
    read, came, weights, _ = output["tracks"]
    for one, track in zip((read, came, weights), found.example.tracks, strict=False):
        assert rows_of(one["strip"]) == pytest.approx(track.strip.values, abs=1e-4, nan_ok=True)
        assert one["strip"]["names"] == track.strip.names
    assert [one["strip"]["kind"] for one in (read, came, weights)] == ["state", "state", "weight"]
    assert output["attribution"] == (
        "Attribution: the logit: 1.5, and 0.5 where all is nothing; the contributions sum to the "
        "difference within 0.25. Largest contributions: step 0 (a) -1, step 1 (b) -0.846, step 2 (c) -0.692, "
        "step 3 (d) -0.538, step 4 (e) -0.385."
    )
    assert page(found).count("<script") == 2


@pytest.mark.parametrize("made", [sequences, lattices, looking, lambda: looking(over_image=True)])
def test_pictures(made, tmp_path):
    output = draw(made(), tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == set(output)
    assert "values.png" in output
    assert ("gradient.png" in output) == (made is not lattices)
    assert ("attribution.png" in output) == (made is lattices)
    assert ("attention.png" in output) == (made not in (sequences, lattices))
