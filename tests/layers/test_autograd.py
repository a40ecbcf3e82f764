"""Autograd around a layer, beside `torch.nn`: changes in place, checkpoints, hooks, higher gradients."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import gatewise

MODIFIED = "modified by an inplace operation"
HIDDEN = [5, 16]  # rows filled up to whole vectors, whole ones
STACKS = [{}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True}]


@pytest.fixture(params=["LSTM", "GRU", "RNN"])
def kind(request):
    return request.param


def both(kind, hidden, **options):
    """A layer of ours and of `torch.nn` with the same weights, and an input."""
    torch.manual_seed(0)
    ours = getattr(gatewise, kind)(3, hidden, dtype=torch.float64, **options)
    theirs = getattr(torch.nn, kind)(3, hidden, dtype=torch.float64, **options)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs, torch.randn(5, 2, 3, dtype=torch.float64)


def tensors(result):
    output, state = result
    return [output, *(state if isinstance(state, tuple) else [state])]


def gradients(layer, values, run=None, change=None):
    values = values.clone().requires_grad_()
    found = tensors(layer(values) if run is None else run(values))
    if change is not None:
        change(*found)
    loss = sum(one.sin().sum() for one in found)
    return torch.autograd.grad(loss, [values, *layer.parameters()])


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


CHANGES = {
    "relu_": lambda output, *final: output.relu_(),
    "+=": lambda output, *final: output.add_(1),
    "mask": lambda output, *final: output.__setitem__(output > 0.1, 0.0),
    "a step": lambda output, *final: output[1].zero_(),
    "no grad": lambda output, *final: torch.no_grad()(output.mul_)(2),
    "final": lambda output, *final: [one.mul_(2) for one in final],
}


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("options", STACKS, ids=str)
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_results_can_be_modified_in_place(kind, hidden, options, backend):
    ours, theirs, values = both(kind, hidden, **options)
    for change in CHANGES.values():
        with gatewise.backend(backend):
            found = gradients(ours, values, change=change)
        assert_same(found, gradients(theirs, values, change=change))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_results_of_one_step_can_be_modified_in_place(kind, hidden):
    ours, theirs, values = both(kind, hidden)
    for change in CHANGES.values():
        if change is not CHANGES["a step"]:
            assert_same(*(gradients(one, values[:1, :1], change=change) for one in (ours, theirs)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: gatewise.MDLSTM(3, 5, directions="all"),
        lambda: gatewise.MDLSTM(3, 16),
        lambda: gatewise.GridLSTM(3, 4, depth=2),
    ],
)
def test_results_of_lattices_can_be_modified_in_place(make):
    torch.manual_seed(0)
    layer = make()
    values = torch.randn(2, *[4] * getattr(layer, "axes", 2), 3)

    def run(modify):
        output, final = layer(values)
        states = list((final[0] if isinstance(final, list) else final).values())
        changed = [one.mul_(2) if modify else one * 2 for one in (output, *states)]
        return torch.autograd.grad(sum(one.sin().sum() for one in changed), list(layer.parameters()))

    assert_same(run(True), run(False))


def test_compiled_outputs_can_be_modified_in_place(kind):
    ours, theirs, values = both(kind, 5, batch_first=True)
    compiled = torch.compile(ours, backend="aot_eager")
    found = gradients(ours, values, compiled, CHANGES["relu_"])
    assert_same(found, gradients(theirs, values, change=CHANGES["relu_"]))


def test_traces_can_be_modified_in_place():
    layer, values = gatewise.LSTM(3, 16), torch.randn(5, 2, 3)

    def run(modify):
        _, _, (trace,) = layer(values, trace=True)
        named = {**trace.states, **trace.gates}
        changed = [one.mul_(2) if modify else one * 2 for one in named.values()]
        return torch.autograd.grad(sum(one.sin().sum() for one in changed), list(layer.parameters()))

    assert_same(run(True), run(False))


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("what", ["resets", "lengths", "values", "state", "weight"])
def test_what_the_gradient_reads_may_not_change_before_it(what, backend):
    layer, values = gatewise.GRU(3, 5), torch.randn(5, 2, 3)
    state = torch.randn(1, 2, 5)
    lengths, resets = torch.tensor([5, 3]), torch.rand(5, 2) < 0.3
    with gatewise.backend(backend):
        output, _ = layer(values, state, lengths=lengths, resets=resets)
    changed = {"resets": resets, "lengths": lengths, "values": values, "state": state}
    expected = torch.autograd.grad(output.sum(), list(layer.parameters()), retain_graph=True)
    with torch.no_grad():
        changed.get(what, layer.weight_hh_l0).zero_()
    refused, found = "", expected
    try:
        found = torch.autograd.grad(output.sum(), list(layer.parameters()))
    except RuntimeError as error:
        refused = str(error)
    # The reference reads copies, masked by the lengths.
    assert MODIFIED in refused or (backend == "reference" and what != "weight" and not refused)
    assert_same(found, expected)


def test_resets_of_inference_mode_can_be_used_in_training():
    layer, values = gatewise.GRU(3, 5), torch.randn(5, 2, 3)
    with torch.inference_mode():
        resets = torch.arange(10).view(5, 2) % 3 == 0
    ours, theirs = (
        torch.autograd.grad(layer(values, resets=one)[0].sum(), list(layer.parameters()))
        for one in (resets, resets.clone())
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints_and_saved_tensor_hooks(kind, reentrant):
    ours, theirs, values = both(kind, 5, num_layers=2)
    expected = gradients(theirs, values)

    def run(given):
        return checkpoint(lambda own: tuple(tensors(ours(own))), given, use_reentrant=reentrant)

    if reentrant:  # which has no torch.autograd.grad
        values = values.clone().requires_grad_()
        sum(one.sin().sum() for one in run(values)).backward()
        assert_same([values.grad, *(one.grad for one in ours.parameters())], expected)
        return
    assert_same(gradients(ours, values, lambda given: (run(given)[0], run(given)[1:])), expected)
    with torch.autograd.graph.save_on_cpu():
        assert_same(gradients(ours, values), expected)


def test_each_tensor_is_saved_once():
    packed = []
    layer, values = gatewise.LSTM(3, 16), torch.randn(5, 2, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda one: (packed.append(one), one)[1], lambda one: one):
        layer(values)
    pointers = [one.data_ptr() for one in packed]
    assert len(pointers) == len(set(pointers))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_batched_and_higher_gradients(kind, hidden):
    ours, theirs, values = both(kind, hidden)
    values, functional = values[:2, :1], torch.autograd.functional

    def loss(layer):
        return lambda given: layer(given)[0].sin().sum()

    for compute in (
        lambda layer: functional.jacobian(lambda given: layer(given)[0], values, vectorize=True),
        lambda layer: torch.func.jacrev(lambda given: layer(given)[0])(values),
        lambda layer: functional.hessian(loss(layer), values),
        lambda layer: functional.hessian(loss(layer), values, vectorize=True),
    ):
        torch.testing.assert_close(compute(ours), compute(theirs))
    leaf = values.clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda given: ours(given)[0], leaf, check_batched_grad=True, check_forward_ad=True
    )
    assert torch.autograd.gradgradcheck(lambda given: ours(given)[0], leaf)
