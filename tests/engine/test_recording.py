"""Tracers, modes and transforms see every operation: what they record is right for other tensors, too."""

import io
import warnings

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import gatewise
from gatewise.cells import LSTM
from gatewise.compiler.program import PLAIN
from gatewise.engine.compiling import BuildError
from gatewise.engine.kernel import kernel

pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
SEQUENCES = [(5, 2, 3), (5, 2, 3), (7, 4, 3)]  # the example, other numbers, another length and batch
IMAGES = [(2, 4, 3, 3), (2, 4, 3, 3), (3, 5, 6, 3)]
LAYERS = {
    "LSTM": (lambda: gatewise.LSTM(3, 5, num_layers=2, bidirectional=True), SEQUENCES),
    "GRU": (lambda: gatewise.GRU(3, 16, batch_first=True), SEQUENCES),
    "RNN": (lambda: gatewise.RNN(3, 5), SEQUENCES),
    "PeepholeLSTM": (lambda: gatewise.Recurrent(gatewise.cells.PeepholeLSTM, 3, 5), SEQUENCES),
    "MDLSTM": (lambda: gatewise.MDLSTM(3, 5, directions="all"), IMAGES),
    "GridLSTM": (lambda: gatewise.GridLSTM(3, 4, depth=2), SEQUENCES),
}


@pytest.fixture(autouse=True)
def _compiler():
    try:
        kernel(LSTM, PLAIN, torch.float32)
    except BuildError as error:
        pytest.skip(str(error))


class Flat(torch.nn.Module):
    """A layer whose results are a flat tuple, which TorchScript can return."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, values, lengths=None):
        given = {} if lengths is None else {"lengths": lengths}
        return tuple(tree_leaves(self.layer(values, **given)))


@pytest.fixture(params=LAYERS)
def case(request):
    """A layer, an example, and other inputs."""
    torch.manual_seed(0)
    make, shapes = LAYERS[request.param]
    return Flat(make().eval()), *(torch.randn(*shape) for shape in shapes)


def assert_same(ours, theirs, **close):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, **close)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_torchscript_traces_run_for_other_inputs_sizes_and_modes(case, mode):
    run, example, *others = case
    with mode():
        traced = torch.jit.trace(run, example)
    for other in others:
        assert_same(traced(other), run(other))


@pytest.mark.parametrize("tracing", ["real", "fake", "symbolic"])
@pytest.mark.parametrize("grad", [True, False])
def test_fx_graphs_run_for_other_inputs(case, tracing, grad):
    run, example, other, larger = case
    with torch.set_grad_enabled(grad):
        graph = make_fx(run, tracing_mode=tracing, _allow_non_fake_inputs=True)(example)
    assert_same(graph(other), run(other))
    if tracing != "symbolic":  # zeros of the example's batch are in the graph, as in that of `torch.nn`
        with pytest.raises((gatewise.GatewiseError, RuntimeError), match="shape"):
            graph(larger)


class Seen(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, arguments=(), more=None):
        self.names.append(str(function))
        return function(*arguments, **(more or {}))


class Called(TorchFunctionMode):
    def __torch_function__(self, function, types, arguments=(), more=None):
        return function(*arguments, **(more or {}))


def test_a_mode_sees_the_operator_forward_and_backward(case):
    run, example, *_ = case
    values = example.clone().requires_grad_()
    with Seen() as seen:
        outputs = run(values)
        outputs[0].sum().backward()
    assert {"gatewise.along.default", "gatewise.along_backward.default"} <= set(seen.names)
    expected = example.clone().requires_grad_()
    outputs_expected = run(expected)
    with Seen() as seen:  # now of the backward pass alone
        outputs_expected[0].sum().backward()
    assert any("mm" in name for name in seen.names)
    assert_same([*outputs, values.grad], [*outputs_expected, expected.grad])


@pytest.mark.parametrize("mode", [Called, lambda: torch.device("meta"), lambda: torch.device("cpu")])
def test_function_modes_and_default_devices_change_nothing(case, mode):
    run, example, *_ = case
    with mode():
        found = run(example)
    assert_same(found, run(example))


def test_fake_tensors_have_the_right_shapes(case):
    run, example, *_ = case
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        found = run(mode.from_tensor(example))
    assert [one.shape for one in found] == [one.shape for one in run(example)]
    assert_same(run(example), run(example))  # nothing fake was kept


def test_a_trace_without_gradient_has_one_later():
    torch.manual_seed(0)
    layer = gatewise.Recurrent(gatewise.cells.PeepholeLSTM, 3, 5)
    with torch.no_grad():
        traced = torch.jit.trace(layer, torch.randn(5, 2, 3))
    values = torch.randn(6, 3, 3)
    gradients = [
        torch.autograd.grad(run(values)[0].square().sum(), list(layer.parameters()))
        for run in (traced, layer)
    ]
    assert_same(*gradients)


@pytest.mark.parametrize("name", ["LSTM", "PeepholeLSTM"])
def test_traced_lengths_are_those_of_the_call(name):
    torch.manual_seed(0)
    cell = gatewise.cells.cells()[name]
    run = Flat(gatewise.Recurrent(cell, 3, 5, bidirectional=True))
    traced = torch.jit.trace(run, (torch.randn(5, 2, 3), torch.tensor([5, 2])), check_trace=False)
    values, lengths = torch.randn(7, 3, 3), torch.tensor([0, 7, 3])
    assert_same(traced(values, lengths), run(values, lengths))


def test_a_recorded_graph_refuses_lengths_beyond_its_steps():
    layer = gatewise.Recurrent(gatewise.cells.PeepholeLSTM, 3, 5)
    compiled = torch.compile(lambda values, lengths: layer(values, lengths=lengths)[0], backend="aot_eager")
    with pytest.raises(gatewise.GatewiseError, match=r"expected lengths in 0\.\.5, got 6"):
        compiled(torch.randn(5, 2, 3), torch.tensor([6, 2]))


def test_a_lazily_negated_input_is_read_with_its_sign():
    values = torch.randn(5, 2, 3, dtype=torch.complex64).conj().imag
    assert values.is_neg()
    layer = gatewise.GRU(3, 5)
    torch.testing.assert_close(layer(values)[0], layer(values.resolve_neg())[0])


def test_transforms_of_lengths_and_resets_are_seen():
    layer = gatewise.GRU(3, 5)
    values, lengths = torch.randn(5, 2, 3), torch.tensor([[5, 1], [0, 3]])
    found = torch.vmap(lambda own: layer(values, lengths=own)[0])(lengths)
    assert_same(found, [layer(values, lengths=own)[0] for own in lengths])
    resets = torch.rand(4, 5, 2) < 0.4
    found = torch.vmap(lambda own: layer(values, resets=own)[0])(resets)
    assert_same(found, [layer(values, resets=own)[0] for own in resets])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_an_export_by_tracing_becomes_one_standard_node(kind):
    pytest.importorskip("onnx", reason="ONNX is not installed")
    layer, graph = getattr(gatewise, kind)(3, 4), io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter by tracing is deprecated
        torch.onnx.export(layer, (torch.randn(7, 2, 3),), graph, dynamic_axes={"input": {0: "T"}},
                          input_names=["input"], dynamo=False)  # fmt: skip
    assert kind.encode() in graph.getvalue()
    assert b"along" not in graph.getvalue()
