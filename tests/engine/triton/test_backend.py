"""The Triton backend in Triton's interpreter against the reference: outputs, states, gradients, modes."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import gatewise
from gatewise.cells import LSTM, SLSTM, cells
from gatewise.compiler.heads import by_head
from gatewise.engine import choice, flops  # noqa: F401 (which registers the formulas)
from gatewise.engine.reference import Reference
from gatewise.engine.triton import backend, launches
from gatewise.engine.triton.backend import Triton
from gatewise.engine.triton.choice import ONE_LAUNCH, STEPS, schedules
from tests.engine.test_native import NOISY, Everything, request_for, results
from tests.engine.triton.comparison import assert_compiles, assert_same

CELLS = [one for one in cells().values() if not one.matrix_states and by_head(one) is None]
SIZES = (4, 3, 2, 6)  # T, B, I, H
LENGTHS = torch.tensor([4, 0, 2])
each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda one: one.__name__)
noisy = pytest.mark.parametrize("cell", NOISY, ids=lambda one: one.__name__)


def given(cell, sizes=SIZES, scale=1.0, **more):
    if cell.reads_elapsed:
        more["elapsed"] = torch.rand(sizes[:2]) + 0.5
    return request_for(cell, sizes, torch.float32, scale, **more)


def noisy_request(cell):
    """With zoneout, a mask and lengths."""
    stays = (torch.rand(4, 3, 6) < 0.5).float()
    zoneout, mask = {cell.state[0]: stays, cell.state[-1]: 0.25}, 2.0 * (torch.rand(3, 6) < 0.5)
    return given(cell, lengths=LENGTHS, zoneout=zoneout, hidden_mask=mask)


def projected_request(name, width):
    """With a projection, zoneout, a mask, lengths and a trace."""
    zoneout = {"h": 0.25, "c": (torch.rand(4, 3, 6) < 0.5).float()}
    more = {"zoneout": zoneout, "hidden_mask": torch.rand(3, width), "trace": True}
    return given(cells()[name], projected=width, lengths=LENGTHS, **more)


@pytest.fixture(autouse=True)
def _step_by_step():
    """All calls but those in one launch run step by step."""
    with schedules(STEPS, ONE_LAUNCH):
        yield


@each_cell
def test_lengths_resets_and_a_trace_backwards(cell):
    resets = torch.rand(SIZES[:2]) < 0.4
    assert_same(given(cell, lengths=LENGTHS, resets=resets, reverse=True, trace=True))


def test_every_function():
    assert_same(given(Everything, scale=0.3))


@noisy
def test_zoneout_and_masks(cell):
    assert_same(noisy_request(cell))


@pytest.mark.parametrize("name", ["LSTM", "LayerNormLSTM"])
@pytest.mark.parametrize("width", [4, 9])
def test_a_projection_narrower_and_wider(name, width):
    assert_same(projected_request(name, width))


@pytest.mark.parametrize("cell", [*NOISY, SLSTM], ids=lambda one: one.__name__)
def test_heads(cell):
    assert_same(given(cell, lengths=LENGTHS, heads=2))


@noisy
def test_gates_computed_again(cell):
    assert_same(given(cell, resets=torch.rand(4, 3) < 0.4, recompute=True))


@pytest.mark.parametrize("name", ["PeepholeLSTM", "LayerNormLSTM", "IndRNN"])
def test_many_tiles(name):
    assert_same(given(cells()[name], (2, 3, 3, 130), lengths=torch.tensor([2, 0, 1])))


def test_sizes_of_one():
    assert_same(given(cells()["PeepholeLSTM"], (1, 1, 1, 1)))


@pytest.mark.parametrize("name", ["LSTM", "ChoGRU", "LayerNormLSTM"])
def test_products_in_bfloat16(name):
    class Rounded(Triton):
        def run(self, request):
            with torch.autocast("cpu", torch.bfloat16):
                assert self.refusal(request) is None
                return super().run(request)

    assert_same(given(cells()[name], lengths=LENGTHS), 0.05, Rounded("cpu"))
    request = given(cells()[name], lengths=LENGTHS)
    request = replace(request, state={name: one.bfloat16() for name, one in request.state.items()})
    assert Rounded("cpu").run(request).output.dtype is torch.bfloat16


@pytest.mark.parametrize("steps", [7, 12])
def test_recorded_steps_are_repeated(replays, steps):
    assert_same(given(LSTM, (steps, 3, 2, 6), lengths=torch.tensor([steps, 0, 3])))
    forward = list(range(2, steps - 1, 2))
    assert replays == [*forward, *(steps - 1 - one for one in forward)]


def test_the_same_bits_from_call_to_call():
    request = given(cells()["PeepholeLSTM"], lengths=LENGTHS)
    first, second = (results(Triton("cpu"), request) for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))


def test_saturated_and_tiny_values():
    for scale in (1e4, 1e-30):
        request = given(LSTM, scale=scale)
        with torch.no_grad():
            ours, theirs = (one.run(request).output for one in (Triton("cpu"), Reference()))
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-37)


def test_nan_stays_in_its_sequence():
    request = given(LSTM)
    spoilt = request.inputs.detach().clone()
    spoilt[1, 0] = torch.nan
    output = Triton("cpu").run(replace(request, inputs=spoilt)).output
    assert output[1:, 0].isnan().all()
    assert not output[:, 1:].isnan().any()
    assert not output[0].isnan().any()


def test_it_compiles_as_one_operator_and_its_gradient_has_a_gradient(on_cpu):
    layer, values = gatewise.Recurrent(cells()["LRU"], 3, 4), torch.randn(3, 2, 3, requires_grad=True)
    assert_compiles(layer, values)
    tensors = [values, *layer.parameters()]
    seconds = []
    for name in ("triton", "reference"):
        with gatewise.backend(name):
            (first,) = torch.autograd.grad(layer(values)[0].sin().sum(), values, create_graph=True)
        seconds.append(torch.autograd.grad(first.square().sum(), tensors, materialize_grads=True))
    torch.testing.assert_close(*seconds)


@pytest.mark.parametrize("recompute", [None, "gates"])
def test_its_operations_are_counted(on_cpu, recompute):
    """As many as those of the operator of a CPU."""
    layer, values = gatewise.LSTM(5, 8, recompute=recompute), torch.randn(7, 3, 5)
    with FlopCounterMode(display=False) as counter:
        layer(values)[0].sum().backward()
    inputs, states = 2 * 21 * 32 * 5, 2 * 21 * 32 * 8
    repeated = inputs + states if recompute else 0
    assert counter.get_total_flops() == 2 * inputs + 3 * states + repeated


@pytest.mark.parametrize(("trace", "recompute"), [(True, False), (False, True)])
def test_pytorch_finds_nothing_wrong_with_the_operator(monkeypatch, trace, recompute):
    calls = []
    operator = torch.ops.gatewise.steps.default
    request = given(LSTM, (2, 2, 2, 3), lengths=torch.tensor([2, 1]), trace=trace, recompute=recompute)
    with monkeypatch.context() as own:
        own.setattr(torch.ops.gatewise, "steps", lambda *given: calls.append(given) or operator(*given))
        Triton("cpu").run(request)
    torch.library.opcheck(operator, calls[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dtype": torch.float64}, "it supports float32 weights, not torch.float64"),
        ({"sizes": (4, 0, 2, 6)}, "the batch is empty"),
    ],
)
def test_what_it_refuses(change, reason):
    request = request_for(LSTM, **({"sizes": SIZES, "dtype": torch.float32} | change))
    assert Triton("cpu").refusal(request) == reason


def test_it_refuses_a_few_steps(monkeypatch):
    monkeypatch.setattr(backend, "FEWEST_STEPS", 4)
    reason = "fewer than 4 steps take less time on the reference"
    assert Triton("cpu").refusal(given(LSTM, (3, 3, 2, 6))) == reason


def test_steps_that_cannot_be_recorded_are_launched_one_by_one(monkeypatch, caplog):
    """As here, where there is no GPU."""
    for name, value in {"RECORDED": 2, "FEWEST": 4, "can_record": lambda _: True}.items():
        monkeypatch.setattr(launches, name, value)
    assert_same(given(LSTM, (5, 3, 2, 6)))
    assert "no graph was recorded" in caplog.text


def test_it_refuses_other_devices():
    assert Triton().refusal(given(LSTM)) == "it supports tensors on cuda, not on cpu"
