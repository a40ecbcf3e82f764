"""Cells with a matrix memory: computed in parts they are what they are step by step."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import gatewise
from gatewise.cells import (
    HGRN2,
    LSTM,
    MLSTM,
    Cell,
    R,
    W,
    dot,
    key_scale,
    keys,
    log_sigmoid,
    normalize,
    outer,
    prev,
    sigmoid,
    tanh,
    w,
    x,
)
from gatewise.compiler.layout import layout
from gatewise.compiler.memory import MemoryPlan, memory_plan
from gatewise.compiler.memory_heads import head_plan
from gatewise.engine import matrix_memory
from gatewise.engine.choice import MEMORY, REFERENCE, default_backend
from gatewise.engine.request import Request
from gatewise.layers.states import state_shapes


class Decaying(Cell):
    """Factors of units and of keys, a sign, a quotient, and a state that no step reads."""

    state = ("h", "C", "s")
    f = sigmoid(W.f @ x)
    k = tanh(W.k @ x)
    D = keys(sigmoid(W.d @ x)) * prev.C
    C = (f * D - outer(W.v @ x, k)) / 2
    s = 0.5 * prev.s + k
    h = (C @ s) * f + prev.s


def request_for(cell, *, steps=7, batch=3, inputs=2, units=12, heads=2, **more):
    def draw(*shape):
        return (torch.randn(*shape, dtype=torch.float64) / 2).requires_grad_()

    parameters = {one.name: draw(*one.shape(inputs, units, units, heads)) for one in layout(cell).parameters}
    state = {name: draw(batch, *shape) for name, shape in state_shapes(cell, units, units, heads).items()}
    return Request(cell, draw(steps, batch, inputs), parameters, state, heads=heads, **more)


def results(backend, request):
    """Everything that is computed, and the gradients of all that went in."""
    result = backend.run(request)
    traced = [*result.trace.states.values(), *result.trace.gates.values()] if request.trace else []
    found = [result.output, *result.final.values(), *traced]
    loss = sum((place + 1) * one.sin().sum() for place, one in enumerate(found))
    given = [request.inputs, *request.parameters.values(), *request.state.values()]
    gradients = torch.autograd.grad(loss, given, allow_unused=True)
    return [
        *found,
        *(torch.zeros_like(one) if by is None else by for one, by in zip(given, gradients, strict=True)),
    ]


VARIANTS = {
    "plain": {},
    "lengths": {"lengths": torch.tensor([7, 0, 4])},
    "resets": {"resets": torch.rand(7, 3, generator=torch.Generator().manual_seed(1)) < 0.4},
    "backward": {"lengths": torch.tensor([7, 1, 4]), "reverse": True, "trace": True},
}
VARIANTS["everything"] = {**VARIANTS["resets"], **VARIANTS["backward"]}


@pytest.mark.parametrize("how", VARIANTS)
@pytest.mark.parametrize("cell", [MLSTM, HGRN2, Decaying], ids=lambda one: one.__name__)
def test_outputs_states_and_every_gradient(cell, how):
    for heads in (1, 3):
        request = request_for(cell, heads=heads, **VARIANTS[how])
        assert default_backend(request) is MEMORY
        for ours, theirs in zip(results(MEMORY, request), results(REFERENCE, request), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("how", ["plain", "lengths", "resets", "backward"])
@pytest.mark.parametrize("bias", [True, False])
def test_states_of_heads_are_computed_by_head(how, bias, monkeypatch):
    """Where initial numbers of heads are the same for all units of each."""
    variant = {**VARIANTS[how], "trace": False}
    request = request_for(MLSTM, heads=3, **variant)
    numbers = torch.randn(3, 3, dtype=torch.float64).repeat_interleave(4, dim=1)
    request.state["m"] = numbers
    if not bias:
        request = replace(
            request, parameters={k: one for k, one in request.parameters.items() if "bias" not in k}
        )
    kernels = []
    own = matrix_memory.read_memories
    monkeypatch.setattr(matrix_memory, "read_memories", lambda *given: kernels.append(given) or own(*given))
    wanted = [request.inputs, *request.parameters.values(), request.state["C"], request.state["n"]]

    def run(backend):
        result = backend.run(request)
        found = [result.output, *result.final.values()]
        loss = sum((place + 1) * one.sin().sum() for place, one in enumerate(found))
        return [*found, *torch.autograd.grad(loss, wanted)]

    for ours, theirs in zip(run(MEMORY), run(REFERENCE), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)
    assert [given[0].shape for given in kernels] == [(3, 3, 4), (3, 12, 4)]  # the normalizer, the memory
    assert all(given[1][0].shape[-1] == 3 for given in kernels)  # whose factors are numbers of heads


def test_states_of_heads_that_differ_between_units_are_computed_by_unit():
    request = request_for(MLSTM, heads=3)
    request.state["m"] = request.state["m"].detach()
    (output, reference) = (backend.run(request).output for backend in (MEMORY, REFERENCE))
    torch.testing.assert_close(output, reference, rtol=1e-9, atol=1e-10)


def test_which_states_are_computed_by_head():
    class Read(MLSTM):
        q = W.q @ x + prev.n  # a normalizer is read in products only

    class ByUnit(MLSTM):
        l = prev.m + log_sigmoid(W.f @ x)  # noqa: E741

    class Gated(MLSTM):
        n = sigmoid(W.g @ x) * prev.n + MLSTM.lines["i"] * MLSTM.lines["k"]

    class Late(Cell):
        state = ("h", "C", "n")
        f = sigmoid(w.f @ x)
        k = W.k @ x
        C = f * prev.C + outer(W.v @ x, k)
        n = f * prev.n + k
        r = C @ (W.q @ x)
        h = r * dot(n, r)

    assert head_plan(MLSTM, memory_plan(MLSTM)) is not None
    for cell in (Read, ByUnit, Gated, Late):
        assert isinstance(memory_plan(cell), MemoryPlan)
        assert head_plan(cell, memory_plan(cell)) is None


def test_a_gate_that_reads_a_normalizer_is_computed_after_it():
    class Gated(Cell):
        state = ("h", "C", "n", "m")
        m = 0.5 * prev.m + sigmoid(w.m @ x)
        f = sigmoid(w.f @ x) * prev.m
        k = W.k @ x
        n = k * tanh(m) + prev.n * f
        s = tanh(dot(W.q @ x, n))
        C = s * prev.C + s * outer(W.v @ x, k)
        h = C @ (W.p @ x)

    found = head_plan(Gated, memory_plan(Gated))
    assert (found.numbers.state, found.before) == (("m",), ("m",))
    assert found.after >= {"n", "s"}
    for how in ("plain", "resets", "lengths"):
        request = request_for(Gated, heads=3, **VARIANTS[how])
        request.state["m"] = torch.ones_like(request.state["m"])
        wanted = [request.inputs, *request.parameters.values(), request.state["C"], request.state["n"]]
        both = []
        for backend in (MEMORY, REFERENCE):
            result = backend.run(request)
            loss = sum(one.sin().sum() for one in (result.output, *result.final.values()))
            both.append([result.output, *result.final.values(), *torch.autograd.grad(loss, wanted)])
        torch.testing.assert_close(*both, rtol=1e-9, atol=1e-10)


def test_the_layer_takes_and_returns_matrices():
    layer = gatewise.Recurrent(MLSTM, 3, [8, 12], heads=2, batch_first=True, states_batch_first=True)
    values = torch.randn(2, 9, 3)
    whole, (_, memory, *_) = layer(values)
    assert [one.shape for one in memory] == [(2, 8, 4), (2, 12, 6)]
    half, state = layer(values[:, :5])
    rest, _ = layer(values[:, 5:], state)
    torch.testing.assert_close(torch.cat([half, rest], dim=1), whole)


def test_steps_are_the_whole_sequence_s():
    layer = gatewise.Recurrent(MLSTM, 3, 8, heads=2, num_layers=2)
    values = torch.randn(6, 2, 3)
    stepper = layer.stepper(batch=2)
    steps = torch.stack([stepper.step(one) for one in values])
    torch.testing.assert_close(steps, layer(values)[0])
    with torch.no_grad():
        layer.weight_ih_l0.mul_(3)
    assert torch.equal(stepper.step(values[0]), stepper.step(values[0])) is False  # it has a state
    assert not stepper.step(values[0]).requires_grad
    stepper.reset()
    torch.testing.assert_close(stepper.step(values[0]), steps[0])
    stepper.reset([1])
    assert not stepper.state[1][:, 1].any()
    assert stepper.state[1][:, 0].any()


def test_nothing_of_a_step_before_a_reset_remains():
    request = request_for(
        MLSTM, resets=torch.tensor([[False] * 3, [False] * 3, [True] * 3, *[[False] * 3] * 4])
    )
    spoilt = request.inputs.detach().clone()
    spoilt[1] = torch.nan
    output = MEMORY.run(replace(request, inputs=spoilt)).output
    assert output[1].isnan().any()
    assert not output[2:].isnan().any()


def test_what_a_matrix_reads_from_itself_runs_step_by_step():
    class Delta(Cell):
        """The delta rule: what the memory already has for a key is subtracted before the key is written."""

        state = ("h", "C")
        k = key_scale * tanh(W.k @ x)
        g = sigmoid(w.g @ x)
        C = prev.C + g * outer(W.v @ x - prev.C @ k, k)
        h = C @ (W.q @ x)

    class Recurring(Cell):
        state = ("h", "C")
        C = sigmoid(R.f @ prev.h) * prev.C + outer(W.v @ x, W.k @ x)
        h = C @ (W.q @ x)

    assert memory_plan(Delta) == (
        "its memory is not computed in parts: prev.C @ k does not read the new value of a state"
    ).replace("prev.C @ k", "C[t-1] k")
    assert "reads the last h, which depends on what was read" in memory_plan(Recurring)
    for cell in (Delta, Recurring):
        request = request_for(cell)
        assert default_backend(request) is REFERENCE
        whole = REFERENCE.run(request)
        first = REFERENCE.run(replace(request, inputs=request.inputs[:3]))
        rest = REFERENCE.run(replace(request, inputs=request.inputs[3:], state=first.final))
        torch.testing.assert_close(rest.final["C"], whole.final["C"])


def test_constants_are_factors_of_a_memory():
    class Retention(Cell):
        state = ("h", "C")
        C = 0.9 * prev.C + outer(W.v @ x, key_scale * (W.k @ x))
        h = C @ (W.q @ x)

    class Scaled(Retention):
        C = key_scale * prev.C + outer(W.v @ x, W.k @ x)

    for cell in (Retention, Scaled):
        request = request_for(cell)
        assert default_backend(request) is MEMORY
        torch.testing.assert_close(MEMORY.run(request).output, REFERENCE.run(request).output)


def test_values_that_are_normalized_together_stay_together():
    class Normalized(Cell):
        state = ("h", "C", "m")
        a = normalize.g(W.f @ x)
        c = normalize.g(W.c @ x)
        m = 0.5 * prev.m + tanh(a)
        C = sigmoid(c + prev.m) * prev.C + outer(W.v @ x, W.k @ x)
        h = C @ (W.q @ x)

    assert "normalize.g has values of the states and others" in memory_plan(Normalized)


def test_under_autocast_gates_are_not_rounded():
    layer = gatewise.Recurrent(HGRN2, 3, 8, heads=2)
    values = torch.randn(200, 2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        output, state = layer(values)
    torch.testing.assert_close((output, state), layer(values))


def test_closed_gates_have_finite_gradients():
    layer = gatewise.Recurrent(MLSTM, 3, 6, heads=2)
    with torch.no_grad():
        layer.bias_w_l0.copy_(torch.tensor([-95.0, -95.0, 0.0, 0.0]))
    for backend in ("memory", "reference"):
        layer.zero_grad()
        with gatewise.backend(backend):
            layer(torch.randn(200, 2, 3))[0].sum().backward()
        assert all(one.grad.isfinite().all() for one in layer.parameters())


def test_a_row_of_each_head_is_one_for_each_unit_in_a_kernel():
    class ByHead(Cell):
        state = ("h",)
        f = sigmoid(w.f @ x)
        h = f * prev.h + key_scale * tanh(W.h @ x)

    for bias in (True, False):
        layer = gatewise.Recurrent(ByHead, 3, 6, heads=2, bias=bias, dtype=torch.float64)
        values = torch.randn(5, 2, 3, dtype=torch.float64)
        found = []
        for backend in ("native", "reference"):
            with gatewise.backend(backend):
                output = layer(values)[0]
            found.append([output, *torch.autograd.grad(output.sin().sum(), list(layer.parameters()))])
        torch.testing.assert_close(found[0], found[1])
        assert layer.w_l0.shape == (2, 3)


def test_an_exported_layer_has_any_number_of_steps():
    layer = gatewise.Recurrent(MLSTM, 3, 8, heads=2)
    steps, batch = (torch.export.Dim(name, min=2) for name in ("steps", "batch"))
    example = torch.randn(6, 2, 3)
    exported = torch.export.export(layer, (example,), dynamic_shapes=({0: steps, 1: batch},)).module()
    for shape in ((6, 2, 3), (9, 4, 3)):
        values = torch.randn(shape)
        torch.testing.assert_close(exported(values), layer(values))


def test_the_operator_has_the_gradients_of_the_operation_and_counts_its_products():
    layer = gatewise.Recurrent(MLSTM, 3, 8, heads=2)
    values = torch.randn(6, 2, 3, requires_grad=True)
    resets = torch.rand(6, 2) < 0.3

    def gradients():
        layer.zero_grad()
        values.grad = None
        layer(values, resets=resets)[0].sin().sum().backward()
        return [one.grad.clone() for one in (values, *layer.parameters())]

    expected = gradients()
    from gatewise.engine import flops  # noqa: F401 (which registers the formulas)

    with FlopCounterMode(display=False) as counter:
        found = gradients()
    torch.testing.assert_close(found, expected)
    counted = counter.get_flop_counts()["Global"]
    assert counted[torch.ops.gatewise.memories] == 4 * 6 * 2 * 8 * 4
    assert counted[torch.ops.gatewise.memories_backward] == 10 * 6 * 2 * 8 * 4


def test_gradients_of_gradients():
    request = request_for(HGRN2, steps=3, batch=1, units=4)

    def run(inputs):
        return MEMORY.run(replace(request, inputs=inputs)).output

    assert torch.autograd.gradgradcheck(run, (request.inputs,), fast_mode=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gatewise.Recurrent(MLSTM, 3, 8, proj_size=2), "proj_size=2 changes the width of the output"),
        (lambda: gatewise.Recurrent(MLSTM, 3, 8, zoneout={"C": 0.1}), "'C' of MLSTM is a matrix; give it"),
        (lambda: gatewise.Recurrent(MLSTM, 3, 8, heads=3), "heads=3 does not divide the 8 units"),
        (lambda: gatewise.quantize(gatewise.Recurrent(MLSTM, 3, 8)), "the cell MLSTM has matrices of heads"),
        (lambda: gatewise.Lattice(MLSTM, 3, 8), "the state C of MLSTM is a matrix; make a layer of it with"),
    ],
)  # fmt: skip
def test_places_that_take_vectors_refuse_a_matrix(make, message):
    with pytest.raises(gatewise.GatewiseError, match=message):
        make()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"state": ("C",), "C": outer(W.v @ x, W.k @ x)}, "the output C of Odd is a matrix"),
        ({"state": ("h", "C"), "C": outer(W.v @ x, W.k @ x), "h": R.h @ prev.C}, "Odd.h: value 1 of "),
        ({"state": ("h",), "h": (W.v @ x) @ (W.k @ x)}, "is a vector; @ reads a matrix such as outer"),
        ({"state": ("h", "C"), "C": outer(prev.C, W.k @ x), "h": prev.C @ (W.k @ x)}, "value 1 of outer"),
        ({"state": ("h",), "h": sigmoid(w.f @ x) * prev.h + w.u @ x}, "no parameter with a number for each"),
        ({"state": ("h",), "h": sigmoid(normalize.a(w.f @ x)) * (W.h @ x)}, "has one value for each head"),
        ({"state": ("h",), "h": (w.f @ prev.h) * (W.h @ x)}, "have a row for each head and multiply x alone"),
        ({"state": ("h",), "h": dot(outer(W.v @ x, W.k @ x), W.k @ x)}, "value 1 of dot"),
    ],
)  # fmt: skip
def test_matrices_in_the_place_of_vectors(body, message):
    with pytest.raises(gatewise.GatewiseError, match=message):
        layout(type(Cell)("Odd", (Cell,), body))


def test_other_backends_say_why_they_refuse():
    request = request_for(MLSTM)
    refusals = gatewise.engine.choice.refusals(request)
    assert refusals["native"] == "it supports no function between the units of a head, such as outer"
    assert gatewise.engine.choice.refusals(request_for(LSTM, heads=1))["memory"].startswith(
        "it runs cells with"
    )


def test_a_compiled_layer_runs_the_operation_and_no_steps():
    from torch._dynamo.backends.common import aot_autograd  # imports all of PyTorch's compiler

    layer = gatewise.Recurrent(HGRN2, 3, 4, heads=2)
    values, resets = torch.randn(6, 2, 3, requires_grad=True), torch.rand(6, 2) < 0.3
    targets = []

    def inspected(graph, _):
        targets.extend(one.target for one in graph.graph.nodes if one.op == "call_function")
        return graph.forward

    compiled = torch.compile(layer, fullgraph=True, backend=aot_autograd(fw_compiler=inspected))
    found = []
    for run in (compiled, layer):
        output, state, (trace,) = run(values, lengths=torch.tensor([6, 4]), resets=resets, trace=True)
        results = [output, *state, *trace.states.values(), *trace.gates.values()]
        loss = sum(one.sin().sum() for one in results)
        found.append([*results, *torch.autograd.grad(loss, [values, *layer.parameters()])])
        names = [*trace.states, *trace.gates]
        assert names == ["h", "f", "i", "a", "q"]
    torch.testing.assert_close(*found)
    assert targets.count(torch.ops.gatewise.memories.default) == 1
    assert torch.ops.gatewise.memories_backward.default in targets
