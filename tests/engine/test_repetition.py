"""Calls that repeat the one before: the numbers of any other call, whatever changes between two calls."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import gatewise
from gatewise.cells import LSTM, cells
from gatewise.compiler.stages import plan
from gatewise.engine import repetition as module
from gatewise.engine.build import BuildError, built
from tests.engine.test_native import MAIN

LAYERS = {
    **{name: lambda name=name: gatewise.Recurrent(cells()[name], 3, 5) for name in MAIN},
    "stack": lambda: gatewise.LSTM(3, 16, num_layers=2, batch_first=True),
    "projection": lambda: gatewise.LSTM(3, 5, proj_size=2),
    "int8": lambda: gatewise.quantize(gatewise.LSTM(3, 17)),
}


@pytest.fixture(autouse=True)
def _compiler():
    try:
        built(plan(LSTM), "float")
    except BuildError as error:
        pytest.skip(str(error))


@pytest.fixture
def repeated(monkeypatch):
    """The kernel calls that were repetitions."""
    found, own = [], module.RepeatedCall.run

    def run(self, request):
        found.append(request)
        return own(self, request)

    monkeypatch.setattr(module.RepeatedCall, "run", run)
    return found


def expected(layer, *arguments):
    """By a copy, whose call repeats none."""
    return copy.deepcopy(layer)(*arguments)


def tensors(result):
    output, state = result
    return [output, *(state if isinstance(state, tuple) else (state,))]


def assert_same(ours, theirs):
    for one, other in zip(tensors(ours), tensors(theirs), strict=True):
        assert torch.equal(one, other)


@torch.no_grad()
@pytest.mark.parametrize("sizes", [(1, 1), (1, 4), (7, 2)], ids=str)
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_repeated_calls_have_the_numbers_of_others(repeated, make, sizes):
    layer, state, results = make().eval(), None, []
    for _ in range(5):
        values = torch.randn(*sizes, 3)
        theirs = expected(layer, values, state)
        result = layer(values, state)
        assert_same(result, theirs)
        results.append((result, theirs))
        state = result[1]
    for ours, theirs in results:  # no memory is used twice
        assert_same(ours, theirs)
    assert len(repeated) == 4 * layer.num_layers  # all but the first


@torch.no_grad()
def test_whatever_changes_between_two_calls_is_seen(repeated):
    layer, values = gatewise.LSTM(3, 5), torch.randn(4, 2, 3)

    def replace(name, change):
        setattr(layer, name, torch.nn.Parameter(change(getattr(layer, name))))

    changes = [
        lambda: layer.weight_hh_l0.add_(0.1),
        lambda: layer.weight_hh_l0.data.mul_(2),
        lambda: setattr(layer.bias_ih_l0, "data", torch.randn(20)),
        lambda: replace("weight_ih_l0", torch.neg),
        lambda: replace("weight_ih_l0", lambda one: one.t().contiguous().t()),
        lambda: layer.double().float(),
        lambda: layer.load_state_dict(gatewise.LSTM(3, 5).state_dict()),
        lambda: torch.set_num_threads(2),
        lambda: torch.set_num_threads(1),
    ]
    for change in changes:
        for _ in range(3):
            assert_same(layer(values), expected(layer, values))
        change()
        assert_same(layer(values), expected(layer, values))
    assert len(repeated) >= len(changes)


@torch.no_grad()
def test_the_form_of_values_and_states_is_that_of_each_call():
    layer = gatewise.LSTM(3, 16)
    for shape, order in [((4, 2, 3), (0, 1, 2)), ((2, 4, 3), (1, 0, 2)), ((3, 2, 4), (2, 1, 0))] * 3:
        values = torch.randn(shape).permute(order)
        state = (torch.randn(1, 16, 2).mT, torch.randn(1, 2, 32)[..., ::2])
        for given in (state, (state[1], state[0])):
            for _ in range(3):
                assert_same(layer(values, given), expected(layer, values, given))


def test_gradients_modes_and_other_backends_are_no_repetitions(repeated):
    layer, values = gatewise.LSTM(3, 5), torch.randn(4, 2, 3)
    for _ in range(3):
        assert layer(values)[0].requires_grad
    with torch.no_grad():
        for _ in range(3):
            plain = layer(values)[0]
        assert len(repeated) == 2
        with gatewise.backend("reference"):
            torch.testing.assert_close(layer(values)[0], plain)
        with torch.autocast("cpu", torch.bfloat16):
            assert not torch.equal(layer(values)[0], plain)
        torch.testing.assert_close(torch.func.vmap(lambda one: layer(one)[0])(values[None])[0], plain)
        layer(values, lengths=[4, 2])
        layer(values, trace=True)
    assert len(repeated) == 2


@torch.no_grad()
def test_noise_in_training_is_drawn_at_each_call(repeated):
    layer, values = gatewise.LSTM(3, 5, num_layers=2, dropout=0.5, zoneout=0.3), torch.ones(4, 2, 3)
    found = [layer(values)[0] for _ in range(4)]
    assert all(not torch.equal(found[0], one) for one in found[1:])


@torch.no_grad()
def test_a_copy_or_a_pickle_has_calls_of_its_own():
    layer, values = gatewise.LSTM(3, 5), torch.randn(4, 2, 3)
    for _ in range(3):
        layer(values)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        other.weight_hh_l0.neg_()
        for _ in range(3):
            assert_same(other(values), expected(other, values))
            assert_same(layer(values), expected(layer, values))


@torch.no_grad()
def test_threads_that_share_a_layer_do_not_mix_their_calls():
    layer = gatewise.LSTM(3, 5)
    cases = [torch.randn(steps, rows, 3) for steps in (1, 2, 5) for rows in (1, 3)]
    results = [expected(layer, one) for one in cases]

    def run(number):
        for _ in range(40):
            assert_same(layer(cases[number % len(cases)]), results[number % len(cases)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(12)))


@torch.no_grad()
def test_single_steps_of_cells(repeated):
    for make in (gatewise.LSTMCell, gatewise.GRUCell, gatewise.RNNCell):
        step, state = make(3, 5), None
        for _ in range(4):
            values = torch.randn(2, 3)
            theirs = expected(step, values, state)
            state = step(values, state)
            assert_same((values, state), (values, theirs))
    assert len(repeated) == 3 * 3
