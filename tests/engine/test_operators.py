"""The kernels as operators of PyTorch: checked by its own checks, compiled, exported with dynamic axes."""

import subprocess
import sys

import pytest
import torch

import gatewise
from gatewise.cells import LSTM, cells
from gatewise.compiler.stages import plan
from gatewise.engine.build import BuildError, built
from gatewise.engine.operators import ticket


@pytest.fixture(autouse=True)
def _compiler():
    try:
        built(plan(LSTM), "float")
    except BuildError as error:
        pytest.skip(str(error))


def layer_and_values(name, hidden=20, **options):
    torch.manual_seed(0)
    layer = gatewise.Recurrent(cells()[name], 5, hidden, **options)
    return layer, torch.randn(7, 3, 5, dtype=layer.weight_ih_l0.dtype, requires_grad=True)


def gradients(run, layer, values):
    output, state = run(values)
    states = state if isinstance(state, tuple) else (state,)
    loss = output.square().sum() + sum(one.sin().sum() for one in states)
    return [output, *torch.autograd.grad(loss, [values, *layer.parameters()])]


@pytest.mark.parametrize("hidden", [5, 16])
@pytest.mark.parametrize(
    ("trace", "keep", "recompute"), [(False, True, False), (True, True, False), (False, True, True)]
)
def test_pytorch_finds_nothing_wrong_with_the_operators(hidden, trace, keep, recompute):
    layer, values = layer_and_values("LSTM", hidden, dtype=torch.float64)
    names = dict(layer.named_parameters())
    own = ticket(LSTM, tuple(name.removesuffix("_l0") for name in names), ("c",), False, "double")
    state = [torch.randn(3, hidden, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    stays = (torch.rand(7, 3, hidden) < 0.3).double()
    arguments = (values, [one.detach().requires_grad_() for one in names.values()], state,
                 torch.tensor([7, 0, 3]), None, [stays], own, [0], trace, recompute, keep)  # fmt: skip
    torch.library.opcheck(torch.ops.gatewise.along.default, arguments)


@pytest.mark.parametrize(
    "name", ["LayerNormLSTM", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("LSTM", "GRU"))]
)
def test_compiles_without_a_break_and_gives_the_same(name):
    layer, values = layer_and_values(name, num_layers=2, bidirectional=True)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=True)
    for ours, theirs in zip(gradients(compiled, layer, values), gradients(layer, layer, values), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_compiles_functions_of_parameters_alone():
    layer = gatewise.Recurrent(cells()["LRU"], 3, 4, dtype=torch.float64)
    values = torch.randn(5, 2, 3, dtype=torch.float64)
    found = []
    for run in (torch.compile(layer, fullgraph=True, backend="aot_eager"), layer):
        output = run(values)[0]
        found.append([output, *torch.autograd.grad(output.sum(), list(layer.parameters()))])
    torch.testing.assert_close(*found)


def test_compiles_with_lengths_zoneout_and_a_trace():
    layer, values = layer_and_values("LSTM", zoneout=0.3)
    layer.eval()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    lengths = torch.tensor([7, 0, 3])
    (ours, _, (trace,)), (theirs, _, (expected,)) = (
        run(values, lengths=lengths, trace=True) for run in (compiled, layer)
    )
    torch.testing.assert_close(ours, theirs)
    for name, value in {**expected.states, **expected.gates}.items():
        torch.testing.assert_close({**trace.states, **trace.gates}[name], value)


def test_the_reference_can_be_selected_when_compiling():
    layer, values = layer_and_values("GRU")

    def by_reference(values):
        with gatewise.backend("reference"):
            return layer(values)[0]

    compiled = torch.compile(by_reference, backend="aot_eager")
    torch.testing.assert_close(compiled(values), layer(values)[0])


@pytest.mark.parametrize("name", ["LayerNormLSTM", pytest.param("LSTM", marks=pytest.mark.thorough)])
def test_exports_with_dynamic_time_and_batch_to_a_graph_that_runs_elsewhere(name, tmp_path):
    layer, values = layer_and_values(name)
    steps, batch = torch.export.Dim("steps", min=1, max=4096), torch.export.Dim("batch", min=1, max=4096)
    exported = torch.export.export(
        layer, (values.detach(),), {"lengths": torch.tensor([7, 0, 3])},
        dynamic_shapes={"input": {0: steps, 1: batch}, "lengths": {0: batch}},
    )  # fmt: skip
    other, lengths = torch.randn(11, 2, 5), torch.tensor([4, 11])
    expected = layer(other, lengths=lengths)[0]
    torch.testing.assert_close(exported.module()(other, lengths=lengths)[0], expected)
    torch.export.save(exported, tmp_path / "layer.pt2")
    torch.save({"values": other, "lengths": lengths, "expected": expected.detach()}, tmp_path / "case.pt")
    code = (
        "import sys, torch, gatewise.engine.operators\n"
        "graph = torch.export.load(sys.argv[1] + '/layer.pt2').module()\n"
        "case = torch.load(sys.argv[1] + '/case.pt', weights_only=True)\n"
        "output = graph(case['values'], lengths=case['lengths'])[0]\n"
        "torch.testing.assert_close(output, case['expected'])\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path)], check=True, timeout=120)
