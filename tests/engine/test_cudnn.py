"""PyTorch's own operators against the reference, on the CPU and, where there is one, on a GPU."""

from dataclasses import replace

import pytest
import torch

from gatewise.cells import GRU, LSTM, LSTM1997, MGU, RNN, Cell, R, ReluRNN, W, prev, sigmoid, tanh, x
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.layout import layout
from gatewise.engine.cudnn import OPERATORS, Cudnn
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request

SIZES = [(4, 3, 2, 5), (1, 1, 1, 1), (7, 13, 9, 17)]  # T, B, I, H
TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-4}  # the operators sum in an order of their own
TORCH_LAYERS = {LSTM: torch.nn.LSTM, GRU: torch.nn.GRU, RNN: torch.nn.RNN, ReluRNN: torch.nn.RNN}
each_cell = pytest.mark.parametrize("cell", OPERATORS, ids=lambda one: one.__name__)


@pytest.fixture(params=["cpu", "cuda"])
def device(request):
    """Each kind of device; on a GPU, sums in float32 have no less than its precision."""
    if request.param == "cpu":
        yield "cpu"
    elif not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    else:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield "cuda"


def request_for(cell, sizes=SIZES[0], device="cpu", dtype=torch.float64, bias=True, projection=None, **more):
    steps, batch, inputs, hidden = sizes
    output = projection or hidden

    def draw(*shape):
        return torch.randn(*shape, dtype=dtype, device=device).requires_grad_()

    parameters = {one.name: draw(*one.shape(inputs, hidden, output)) for one in layout(cell).of(bias)}
    if projection:
        parameters["projection"] = draw(projection, hidden)
    state = {name: draw(batch, output if name == "h" else hidden) for name in cell.state}
    return Request(cell, draw(steps, batch, inputs), parameters, state, **more)


def results(backend, request):
    """Output, final states and the gradients of all that went in."""
    leaves = [request.inputs, *request.parameters.values(), *request.state.values()]
    result = backend.run(request)
    weight = torch.linspace(-1, 1, result.output.numel()).to(result.output).view_as(result.output)
    loss = (result.output * weight).sum() + sum(one.square().sum() for one in result.final.values())
    return [result.output, *result.final.values(), *torch.autograd.grad(loss, leaves)]


def assert_same(request, tolerance=TOLERANCE[torch.float64]):
    backend = Cudnn(request.inputs.device.type)
    assert backend.refusal(request) is None
    for ours, theirs in zip(results(backend, request), results(Reference(), request), strict=True):
        scale = 1 + theirs.abs().max()
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=tolerance)


@each_cell
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_outputs_states_and_every_gradient(cell, dtype, device):
    for sizes in SIZES:
        steps, batch = sizes[:2]
        some = torch.randint(0, steps + 1, (batch,), device=device)
        for lengths in (None, some, torch.zeros_like(some), torch.full_like(some, steps)):
            for reverse in (False, True):
                more = {"lengths": lengths, "reverse": reverse}
                assert_same(request_for(cell, sizes, device, dtype, **more), TOLERANCE[dtype])


@each_cell
def test_without_biases(cell, device):
    assert_same(request_for(cell, device=device, bias=False))


@pytest.mark.parametrize("bias", [True, False])
def test_projection(device, bias):
    lengths = torch.tensor([2, 0, 4], device=device)
    for more in ({}, {"lengths": lengths}, {"lengths": lengths, "reverse": True}):
        assert_same(request_for(LSTM, device=device, bias=bias, projection=3, **more))


@each_cell
def test_parameters_and_their_blocks_are_those_of_torch(cell, device):
    options = {"nonlinearity": "relu"} if cell is ReluRNN else {}
    theirs = TORCH_LAYERS[cell](2, 5, device=device, dtype=torch.float64, **options)
    ours = request_for(cell, device=device)
    parameters = {name.removesuffix("_l0"): value for name, value in theirs.named_parameters()}
    assert [(name, value.shape) for name, value in parameters.items()] == [
        (name, value.shape) for name, value in ours.parameters.items()
    ]
    states = [value[None] for value in ours.state.values()]
    expected = theirs(ours.inputs, states[0] if len(states) == 1 else states)[0]
    found = Cudnn(device).run(replace(ours, parameters=parameters))
    torch.testing.assert_close(found.output, expected)


@each_cell
def test_what_lies_beyond_a_length_is_not_looked_at(cell, device):
    lengths = torch.tensor([2, 0, 4], device=device)
    clean = request_for(cell, device=device, lengths=lengths)
    spoilt = clean.inputs.detach().clone()
    spoilt[2:, 0] = spoilt[:, 1] = torch.nan
    spoilt.requires_grad_()
    request = replace(clean, inputs=spoilt)
    for ours, theirs in zip(results(Cudnn(device), request), results(Cudnn(device), clean), strict=True):
        torch.testing.assert_close(ours, theirs)


class UnderAutocast(Cudnn):
    """Runs in mixed precision; the gradient is taken outside, as PyTorch asks for."""

    def run(self, request):
        with torch.autocast(self.device, torch.bfloat16):
            assert self.refusal(request) is None
            return super().run(request)


@each_cell
def test_under_autocast_it_computes_in_the_parameters_own_dtype(cell, device):
    lengths = torch.tensor([2, 0, 4], device=device)
    request = request_for(cell, device=device, dtype=torch.float32, lengths=lengths)
    found, expected = results(UnderAutocast(device), request), results(Cudnn(device), request)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    coarse = replace(request, inputs=request.inputs.bfloat16())
    same = replace(request, inputs=coarse.inputs.float())
    torch.testing.assert_close(UnderAutocast(device).run(coarse).output, Cudnn(device).run(same).output)
    assert "of one dtype, not of torch.bfloat16, torch.float32" in Cudnn(device).refusal(coarse)


def test_without_gradients(device):
    request = request_for(LSTM, device=device)
    with torch.no_grad():
        torch.testing.assert_close(Cudnn(device).run(request).output, Reference().run(request).output)


class Mine(Cell):
    """The GRU's equations under another name."""

    state = ("h",)
    r = sigmoid(W.r @ x + R.r @ prev.h)
    z = sigmoid(W.z @ x + R.z @ prev.h)
    n = tanh(W.n @ x + r * (R.n @ prev.h))
    h = (1 - z) * n + z * prev.h


class UpdateFirst(Cell):
    """The GRU's equations in another order, which is that of the blocks in its parameters."""

    state = ("h",)
    z = sigmoid(W.z @ x + R.z @ prev.h)
    r = sigmoid(W.r @ x + R.r @ prev.h)
    n = tanh(W.n @ x + r * (R.n @ prev.h))
    h = (1 - z) * n + z * prev.h


@pytest.mark.parametrize("cell", [Mine, from_data(to_data(LSTM))])
def test_the_same_equations_under_another_name(cell):
    assert_same(request_for(cell))


@pytest.mark.parametrize("cell", [LSTM1997, MGU, UpdateFirst], ids=lambda one: one.__name__)
def test_other_equations(cell):
    refusal = Cudnn("cpu").refusal(request_for(cell))
    assert refusal == f"it supports LSTM, GRU, RNN, ReluRNN, not {cell.__name__}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"zoneout": {"h": 0.1}}, "not zoneout"),
        ({"hidden_mask": torch.ones(3, 5)}, "not variational dropout"),
        ({"trace": True, "resets": torch.zeros(4, 3).bool()}, "not resets and a trace"),
        ({"sizes": (4, 0, 2, 5)}, "it does not support empty batches"),
    ],
)
def test_what_it_refuses(change, reason):
    assert Cudnn("cpu").refusal(request_for(LSTM, **change)).endswith(reason)


def test_it_refuses_another_device_and_a_projection_that_torch_has_not():
    assert Cudnn().refusal(request_for(LSTM)) == "it supports tensors on cuda, not on cpu"
    projected = Cudnn("cpu").refusal(request_for(RNN, projection=3))
    assert projected == "it supports the projection of an LSTM, not of RNN"


def test_it_refuses_transforms_of_inputs_and_of_parameters():
    request = request_for(LSTM)
    output = []

    def ask(inputs, weight):
        parameters = {**request.parameters, "weight_hh": weight}
        output.append(Cudnn("cpu").refusal(replace(request, inputs=inputs, parameters=parameters)))
        return inputs.sum() * weight.sum()

    inputs, weight = request.inputs, request.parameters["weight_hh"]
    torch.func.vmap(ask)(inputs.expand(2, 4, 3, 2), weight.expand(2, 20, 5))
    torch.func.vmap(ask, in_dims=(None, 0))(inputs, weight.expand(2, 20, 5))
    torch.func.jvp(lambda one: ask(one, weight), (inputs,), (inputs,))
    assert len(output) == 3
    assert all("torch.func or forward mode" in one for one in output)
