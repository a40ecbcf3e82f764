"""Layers as ONNX graphs, run by onnxruntime, against the reference."""

from math import prod

import pytest
import torch
from torch import nn

import gatewise
from gatewise.cells import (
    GRU,
    LRU,
    LSTM,
    MLSTM,
    RNN,
    SLSTM,
    Cell,
    PeepholeLSTM,
    R,
    W,
    b,
    cells,
    normalize,
    prev,
    sigmoid,
    tanh,
    x,
)
from gatewise.cells.functions import FUNCTIONS
from gatewise.compiler.onnx_functions import FUNCTIONS as OPERATORS
from gatewise.errors import GatewiseError

onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'gatewise[onnx]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'gatewise[onnx]'")
from gatewise.shipping.onnx.graph import onnx_model  # noqa: E402

LayerNormLSTM, ChoGRU, ReluRNN = (cells()[name] for name in ("LayerNormLSTM", "ChoGRU", "ReluRNN"))
INPUTS, HIDDEN = 3, 4
STANDARD_CELLS = (LSTM, PeepholeLSTM, GRU, ChoGRU, RNN, ReluRNN)
STANDARD = {"LSTM": 4, "GRU": 4, "RNN": 4}  # nodes: two cells each, in two directions
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}  # of float32, over sums that cancel in memories without a bound


class Own(Cell):
    """A user's own cell, with a line of parameters alone."""

    state = ("h", "c")
    k = sigmoid(b.k)
    i = sigmoid(W.i @ x + R.i @ prev.h)
    g = tanh(normalize.g(W.g @ x + R.g @ prev.h))
    c = (1 - i) * prev.c + i * g * k
    h = tanh(c + normalize.c(k))


class Layers(nn.Module):
    """Layers beside each other, whose initial states are parts of one tensor [layers * directions, B, S]."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(drawn(layer) for layer in layers)

    def forward(self, x, lengths, states):
        results, start = [], 0
        for layer in self.layers:
            given = []
            for shape in layer._form.shapes[0].values():
                part = states[..., start : start + prod(shape)]
                given.append(part.unflatten(-1, shape))
                start += prod(shape)
            output, final = layer(x, given[0] if len(given) == 1 else tuple(given), lengths=lengths)
            results += [output, *(final if isinstance(final, tuple) else (final,))]
        return tuple(results)

    def example(self, steps, batch):
        width = sum(prod(shape) for one in self.layers for shape in one._form.shapes[0].values())
        places = len(self.layers[0]._form.shapes)
        lengths = torch.randint(0, steps + 1, (batch,))
        lengths[0] = steps
        values = torch.randn(steps, batch, INPUTS)
        values[torch.arange(steps)[:, None] >= lengths] = torch.nan  # nothing beyond an end is read
        return {"x": values, "lengths": lengths, "states": torch.rand(places, batch, width)}


def drawn(layer):
    """The layer with parameters of any kind."""
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.3)
    return layer.eval()


def compare(layers):
    """Exports layers in one graph, and compares it at several sizes. Returns: the operators of its nodes."""
    torch.manual_seed(0)
    module = Layers(layers)
    count = sum(1 + len(one.cell.state) for one in layers)
    dynamic = {"x": {0: "time", 1: "batch"}, "lengths": {0: "batch"}, "states": {1: "batch"}}
    model = onnx_model(module, module.example(5, 3), [f"y{number}" for number in range(count)], dynamic)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for steps, batch in ((5, 3), (1, 1), (9, 4)):
        given = module.example(steps, batch)
        with torch.no_grad(), gatewise.backend("reference"):
            expected = module(**given)
        found = session.run(None, {name: one.numpy() for name, one in given.items()})
        for one, values in zip(found, expected, strict=True):
            torch.testing.assert_close(torch.from_numpy(one), values, **TOLERANCE)
    return [node.op_type for node in model.graph.node]


def test_cells_in_both_directions_with_lengths_and_states():
    """Standard cells as the nodes of the standard, all others as a Scan."""
    some = (*STANDARD_CELLS, MLSTM, SLSTM, LayerNormLSTM, LRU, Own)
    check_cells(some)


@pytest.mark.thorough
def test_every_cell_in_both_directions_with_lengths_and_states():
    check_cells((*cells().values(), Own))


def check_cells(some):
    every = [
        gatewise.Recurrent(cell, INPUTS, HIDDEN, bidirectional=True, heads=2 if cell.matrix_states else 1)
        for cell in some
    ]
    operators = compare(every)
    assert {name: operators.count(name) for name in STANDARD} == STANDARD
    assert operators.count("Scan") == 2 * (len(every) - len(STANDARD_CELLS))


def test_what_layers_add_to_their_cells():
    operators = compare(
        [
            gatewise.LSTM(INPUTS, HIDDEN, num_layers=2, proj_size=2),
            gatewise.GRU(INPUTS, HIDDEN, num_layers=2, zoneout=0.3),
            gatewise.Recurrent(LSTM, INPUTS, HIDDEN, num_layers=2, heads=2, bias=False),
            gatewise.Recurrent(Own, INPUTS, HIDDEN, num_layers=2, bias=False, residual=True),
            gatewise.Recurrent(MLSTM, INPUTS, HIDDEN, num_layers=2, heads=2, skip=True),
            gatewise.Recurrent(GRU, INPUTS, HIDDEN, num_layers=2, bias=False),
        ]
    )
    assert operators.count("GRU") == 2
    assert operators.count("Scan") == 10


def test_resets_and_elapsed_times_in_both_directions():
    class Resetting(nn.Module):
        def __init__(self):
            super().__init__()
            cell = cells()["PhasedLSTM"]
            self.layers = nn.ModuleList(
                drawn(gatewise.Recurrent(one, INPUTS, HIDDEN, bidirectional=True))
                for one in (LSTM, LayerNormLSTM, cell)
            )

        def forward(self, x, lengths, resets, elapsed):
            times = [None, None, elapsed]
            return tuple(
                layer(x, lengths=lengths, resets=resets, elapsed=own)[0]
                for layer, own in zip(self.layers, times, strict=True)
            )

    torch.manual_seed(1)
    module = Resetting()
    given = {
        "x": torch.randn(7, 3, INPUTS),
        "lengths": torch.tensor([7, 3, 5]),
        "resets": torch.rand(7, 3) < 0.3,
        "elapsed": torch.rand(7, 3) + 0.1,
    }
    rows = {0: "time", 1: "batch"}
    dynamic = {"x": rows, "lengths": {0: "batch"}, "resets": rows, "elapsed": rows}
    model = onnx_model(module, given, ["a", "b", "c"], dynamic)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    with torch.no_grad(), gatewise.backend("reference"):
        expected = module(**given)
    found = session.run(None, {name: one.numpy() for name, one in given.items()})
    for one, values in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(one), values, **TOLERANCE)


def test_graphs_contain_no_paths_of_the_machine():
    module = Layers([gatewise.LSTM(INPUTS, HIDDEN)])
    model = onnx_model(module, module.example(4, 2), ["y", "h", "c"], {})
    assert b"site-packages" not in model.SerializeToString()
    assert b".py" not in model.SerializeToString()


def test_layers_that_have_no_graph_are_refused_with_the_reason():
    noisy = Layers([gatewise.LSTM(INPUTS, HIDDEN, zoneout=0.5)])
    example = noisy.example(4, 2)
    noisy.layers[0].train()
    with pytest.raises(GatewiseError, match=r"LSTM can't be exported to ONNX: it has the noise of training"):
        onnx_model(noisy, example, ["y", "h", "c"], {})
    small = gatewise.quantize(Layers([gatewise.LSTM(INPUTS, HIDDEN)]))
    with pytest.raises(GatewiseError, match="its weights are int8"):
        onnx_model(small, example, ["y", "h", "c"], {})


def test_every_function_of_equations_has_operators():
    assert set(OPERATORS) == set(FUNCTIONS)


class Median(nn.Module):
    def forward(self, input):
        return input.median(dim=1).values


def test_a_network_that_the_exporter_refuses_is_an_error_of_one_line():
    with pytest.raises(GatewiseError, match=r"PyTorch's exporter refuses the network: .*median") as error:
        onnx_model(Median(), {"input": torch.zeros(2, 3)}, ["y"], {})
    assert "\n" not in str(error.value)
