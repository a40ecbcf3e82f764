"""Steps one at a time: equal to the whole sequence, with states that are read, set and reset."""

import pytest
import torch

import gatewise
from gatewise.cells import cells
from gatewise.engine.stepping import KernelSteps, RequestedSteps
from gatewise.errors import GatewiseError

STACKS = [
    {},
    {"num_layers": 2, "bias": False, "dropout": 0.5},
    {"num_layers": 3, "residual": True},
    {"hidden_size": [7, 5], "skip": True, "variational_dropout": 0.3},
    {"proj_size": 3, "num_layers": 2},
    {"zoneout": {"c": 0.3}, "num_layers": 2},
]


def layer_of(cell="LSTM", **options):
    return gatewise.Recurrent(
        cells()[cell], **{"input_size": 3, "hidden_size": 7, **options}, dtype=torch.float64
    )


def assert_steps_agree(layer, rows):
    x = torch.randn(9, rows, 3, dtype=torch.float64)
    stepper = layer.stepper(batch=rows)
    outputs = torch.stack([stepper.step(row) for row in x])
    expected, state = layer.eval()(x)
    torch.testing.assert_close(outputs, expected, rtol=1e-12, atol=1e-14)
    for own, other in zip(flat(stepper.state), flat(state), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-14)


def flat(state):
    return [value for one in state for value in flat(one)] if isinstance(state, tuple) else [state]


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("options", STACKS, ids=str)
def test_steps_are_those_of_the_sequence(options, backend):
    with gatewise.backend(backend):
        assert_steps_agree(layer_of(**options), rows=3)


@pytest.mark.parametrize("name", ["GRU", "RNN", "PeepholeLSTM", "LayerNormLSTM"])
def test_steps_of_other_cells(name):
    assert_steps_agree(layer_of(name), rows=1)


def test_the_backend_of_the_context_is_used():
    with gatewise.backend("reference"):
        assert all(isinstance(one, RequestedSteps) for one in layer_of().stepper()._steps)
    assert isinstance(layer_of().half().stepper()._steps[0], RequestedSteps)


def test_states_are_read_and_set():
    layer = layer_of(num_layers=2)
    x = torch.randn(8, 2, 3, dtype=torch.float64)
    stepper, other = layer.stepper(batch=2), layer.stepper(batch=2)
    for row in x[:5]:
        stepper.step(row)
    other.state = before = stepper.state
    later = [torch.stack([one.step(row) for row in x[5:]]) for one in (stepper, other)]
    assert torch.equal(*later)
    torch.testing.assert_close(later[0], layer(x)[0][5:])
    torch.testing.assert_close(before[0], layer(x[:5])[1][0])  # a copy, which later steps do not change
    other.state = None
    torch.testing.assert_close(other.step(x[0]), layer(x[:1])[0][0])


@pytest.mark.parametrize("whole", [True, False], ids=["numbers", "mask"])
def test_some_sequences_are_reset(whole):
    layer = layer_of(num_layers=2)
    x = torch.randn(6, 3, 3, dtype=torch.float64)
    stepper, resets = layer.stepper(batch=3), torch.zeros(6, 3, dtype=torch.bool)
    resets[2, 1] = resets[4] = True
    outputs = []
    for step, row in enumerate(x):
        if step == 2:
            stepper.reset([1] if whole else torch.tensor([False, True, False]))
        elif step == 4:
            stepper.reset()
        outputs.append(stepper.step(row))
    torch.testing.assert_close(torch.stack(outputs), layer(x, resets=resets)[0])


def test_it_keeps_its_parameters_when_those_of_the_layer_change():
    layer = layer_of(num_layers=2)
    x = torch.randn(4, 1, 3, dtype=torch.float64)
    expected = layer(x)[0]
    stepper = layer.stepper()
    with torch.no_grad():
        for one in layer.parameters():
            one.mul_(2)
    torch.testing.assert_close(torch.stack([stepper.step(row) for row in x]), expected)


def test_results_are_copies_unless_asked():
    x = torch.randn(2, 1, 3, dtype=torch.float64)
    layer = layer_of()
    copies, shared = layer.stepper(), layer.stepper(copy=False)
    first, kept = copies.step(x[0]), copies.step(x[0]).clone()
    assert not torch.equal(first, kept)
    one = shared.step(x[0])
    before = one.clone()
    shared.step(x[1])
    assert not torch.equal(one, before)


def test_an_input_of_any_strides_and_with_a_gradient():
    layer = layer_of(skip=True, num_layers=2)
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True).T[:2] * 1.0
    assert not x.is_contiguous()
    output = layer.stepper(batch=2).step(x)
    assert not output.requires_grad
    torch.testing.assert_close(output, layer(x[None])[0][0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: layer_of(bidirectional=True).stepper(),
            "a bidirectional layer also reads",
        ),
        (lambda: layer_of().stepper(batch=0), "expected batch as a whole number of at least 1, got 0"),
        (
            lambda: layer_of().stepper().step(torch.zeros(2, 3)),
            r"expected input as a tensor \[1, 3\] of torch.float64 on cpu, got \[2, 3\] of torch.float32",
        ),
        (lambda: layer_of().stepper().step([1.0]), r"expected input as a tensor \[1, 3\] .*, got list"),
        (lambda: layer_of().stepper(batch=2).reset([2]), r"expected rows as numbers in 0..1, or \[2\] bool"),
        (lambda: layer_of().stepper(batch=2).reset([-1]), r"expected rows as numbers in 0..1"),
        (lambda: layer_of().stepper(batch=2).reset([1.0]), r"expected rows as numbers in 0..1"),
        (lambda: layer_of().stepper(batch=2).reset([True]), r"expected rows as numbers in 0..1"),
        (
            lambda: setattr(layer_of().stepper(), "state", torch.zeros(1, 1, 7)),
            r"expected the state as a tuple \(h, c\)",
        ),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(GatewiseError, match=message):
        call()


def test_the_kernel_runs_each_step():
    assert isinstance(layer_of().stepper()._steps[0], KernelSteps)
