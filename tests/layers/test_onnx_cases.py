"""The test cases of the ONNX standard for LSTM, GRU and RNN: layers with their weights give their outputs."""

from importlib import import_module

import pytest
import torch

import gatewise
from gatewise import cells

OPERATORS = ("LSTM", "GRU", "RNN")
# ONNX's order of the blocks of a matrix, and of the peepholes, by the names of our equations.
BLOCKS = {"LSTM": "iofg", "GRU": "zrn", "RNN": "h"}
PEEPHOLES = "iof"
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}  # the expected values are float32


PACKAGE = "onnx.backend.test.case.node"


@pytest.fixture(scope="module")
def cases():
    """The cases of the operators; their modules fill a list while they are imported."""
    package = pytest.importorskip(PACKAGE, reason="needs onnx: pip install 'gatewise[develop]'")
    for name in OPERATORS:
        import_module(f"{PACKAGE}.{name.lower()}")
    found = [(one.model.graph.node[0], one) for one in package._NodeTestCases]
    return {name: [one for one in found if one[0].op_type == name] for name in OPERATORS}


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_case_of_the_operator(cases, operator):
    assert len(cases[operator]) >= 3
    for node, case in cases[operator]:
        ((given, expected),) = case.data_sets
        inputs = dict(zip(filter(None, node.input), map(torch.tensor, given), strict=True))
        found = _outputs(operator, inputs, _options(node))
        names = [name for name in node.output if name]
        assert set(names) <= set(found), case.name
        for name, values in zip(names, expected, strict=True):
            torch.testing.assert_close(found[name].float(), torch.tensor(values), **TOLERANCE)


@pytest.mark.parametrize(
    ("operator", "more"), [("LSTM", {}), ("GRU", {}), ("GRU", {"linear_before_reset": 1}), ("RNN", {})]
)
def test_random_numbers_give_the_results_of_the_standard(cases, operator, more):
    """The weights of most cases are all the same, which hides the order of the gates."""
    helper = getattr(import_module(f"{PACKAGE}.{operator.lower()}"), f"{operator}Helper")
    random = torch.Generator().manual_seed(0)
    for node, case in cases[operator]:
        shapes = dict(zip(filter(None, node.input), (one.shape for one in case.data_sets[0][0]), strict=True))
        shapes.pop("sequence_lens", None)  # the standard's own implementation does not read it
        inputs = {
            name: torch.randn(shape, dtype=torch.float64, generator=random) for name, shape in shapes.items()
        }
        options = _options(node) | more
        attributes = {name: value for name, value in options.items() if name != "hidden_size"}
        expected = helper(**{name: one.numpy() for name, one in inputs.items()}, **attributes).step()
        for found, values in zip(_outputs(operator, inputs, options).values(), expected, strict=True):
            torch.testing.assert_close(found, torch.tensor(values.copy()), rtol=1e-9, atol=1e-12)


def _options(node):
    return {one.name: one.i or one.s.decode() for one in node.attribute}


def _outputs(operator, inputs, options):
    """The outputs `Y`, `Y_h` and `Y_c` of a node by a layer of gatewise, in float64."""
    assert set(options) <= {"hidden_size", "direction", "layout", "linear_before_reset"}
    assert set(inputs) <= {"X", "W", "R", "B", "P", "sequence_lens", "initial_h", "initial_c"}
    cell = {
        "LSTM": cells.PeepholeLSTM if "P" in inputs else cells.LSTM,
        "GRU": cells.GRU if options.get("linear_before_reset") else cells.ChoGRU,
        "RNN": cells.RNN,
    }[operator]
    direction, batch_first = options.get("direction", "forward"), bool(options.get("layout"))
    values = inputs["X"].double()
    layer = gatewise.Recurrent(
        cell,
        values.shape[-1],
        options["hidden_size"],
        batch_first=batch_first,
        states_batch_first=batch_first,
        bidirectional=direction == "bidirectional",
        dtype=torch.float64,
    )
    layer.load_state_dict(_parameters(operator, layer, inputs))
    state = tuple(inputs[f"initial_{name}"].double() for name in "hc" if f"initial_{name}" in inputs)
    time = int(batch_first)
    values = values.flip(time) if direction == "reverse" else values
    output, last = layer(values, state or None, lengths=inputs.get("sequence_lens"))
    output = output.flip(time) if direction == "reverse" else output
    directed = output.unflatten(-1, (-1, layer.hidden_size))  # [T, B, directions, H]
    last = last if isinstance(last, tuple) else (last,)
    names = ("Y", "Y_h", "Y_c")[: 1 + len(last)]
    return dict(zip(names, (directed if batch_first else directed.transpose(1, 2), *last), strict=True))


def _parameters(operator, layer, inputs):
    """The layer's parameters, from the node's inputs."""
    found = {}
    for direction, suffix in enumerate(("", "_reverse")[: 1 + layer.bidirectional]):
        sizes = dict(zip(("weight_ih", "weight_hh"), (inputs["W"], inputs["R"]), strict=True))
        given = {name: one[direction] for name, one in sizes.items()}
        rows = len(given["weight_ih"])
        bias = inputs["B"][direction] if "B" in inputs else torch.zeros(2 * rows)
        given["bias_ih"], given["bias_hh"] = bias.split(rows)
        if "P" in inputs:
            given["p"] = inputs["P"][direction]
        for parameter in layer._kinds:
            order = PEEPHOLES if parameter.name == "p" else BLOCKS[operator]
            blocks = dict(zip(order, given[parameter.name].chunk(len(order)), strict=True))
            own = torch.cat([blocks[block] for block in parameter.blocks])
            found[f"{parameter.name}_l0{suffix}"] = own.double()
    return found
