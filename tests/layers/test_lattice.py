"""Layers over lattices: directions, own sizes, states, traces, and all that PyTorch does with a module."""

import copy
import pickle
import re
from itertools import product

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

import gatewise
from gatewise import MDGRU, MDLSTM, MDRNN, GatewiseError, Lattice
from gatewise.cells import LSTM, Cell, R, W, back, leaky_mdlstm, mdlstm, mdrnn, tanh, x

D = torch.float64
EXACT = {"rtol": 1e-12, "atol": 1e-12}
SUFFIXES = {
    (False, False): "",
    (False, True): "_reverse2",
    (True, False): "_reverse1",
    (True, True): "_reverse12",
}
SIZES = [[3, 4], [2, 4], [3, 1], [1, 1], [2, 3]]


class Shown(Cell):
    """A user's cell whose output is not handed on."""

    state = ("y", "h")
    h = tanh(W.h @ x + R.h @ back[1].h)
    y = tanh(R.y @ h)


def draw(*shape):
    return torch.randn(*shape, dtype=D)


def all_directions(combine="separate"):
    return MDLSTM(3, 5, directions="all", combine=combine, dtype=D)


def one_direction(layer, suffix):
    """A forward layer with the weights of one direction."""
    one = Lattice(layer.cell, layer.input_size, layer.hidden_size, dtype=D)
    one.load_state_dict({name: layer.state_dict()[name + suffix] for name in one.state_dict()})
    return one


def flipped(values, direction):
    return values.flip([axis for axis, back in enumerate(direction, 1) if back])


def everything(layer, values, sizes=None, state=None):
    """What goes out in one row, and the gradient of a loss over all of it by all that went in."""
    values = values.detach().requires_grad_()
    output, final = layer(values, state, sizes=sizes)
    outputs = output if isinstance(output, tuple) else (output,)
    rows = final if isinstance(final, list) else [final]
    out = [*outputs, *(one for row in rows for one in row.values())]
    loss = sum(
        (one.sin() * torch.linspace(1, 2, one.numel(), dtype=one.dtype).view_as(one)).sum() for one in out
    )
    return [*out, *torch.autograd.grad(loss, [values, *layer.parameters()])]


def test_every_direction_is_the_forward_layer_on_a_flipped_lattice():
    layer, values = all_directions(), draw(2, 3, 4, 3)
    outputs, final, traces = layer(values, trace=True)
    assert layer.scan_directions == list(SUFFIXES)
    for direction, output, left, trace in zip(layer.scan_directions, outputs, final, traces, strict=True):
        alone, alone_left = one_direction(layer, SUFFIXES[direction])(flipped(values, direction))
        torch.testing.assert_close(output, flipped(alone, direction), **EXACT)
        torch.testing.assert_close(trace.states["h"], output, **EXACT)
        for name, values_left in left.items():
            other = direction[1] if name.endswith("1") else direction[0]  # of the axis along the side
            torch.testing.assert_close(values_left, flipped(alone_left[name], (other,)), **EXACT)


def test_outputs_of_all_directions_are_combined():
    layer, values = all_directions(), draw(2, 3, 4, 3)
    parts, _ = layer(values)
    for combine, expected in (("concatenate", torch.cat(parts, -1)), ("sum", sum(parts))):
        again = all_directions(combine)
        again.load_state_dict(layer.state_dict())
        torch.testing.assert_close(again(values)[0], expected, **EXACT)
    assert not torch.equal(parts[0], parts[3])


def test_each_lattice_of_its_own_sizes_equals_a_run_by_itself():
    layer, values = all_directions(), draw(5, 3, 4, 3)
    state = [
        {name: draw(5, 4 if name[-1] == "1" else 3, 5) for name in layer.cell.previous} for _ in range(4)
    ]
    outputs, final, traces = layer(values, state, sizes=SIZES, trace=True)
    for row, (n1, n2) in enumerate(SIZES):

        def cut(name, side, row=row, n1=n1, n2=n2):
            return side[row, : n2 if name[-1] == "1" else n1]

        own = [{name: cut(name, side) for name, side in one.items()} for one in state]
        alone, alone_left, alone_traces = layer(values[row, :n1, :n2], own, trace=True)
        for k in range(4):
            torch.testing.assert_close(outputs[k][row, :n1, :n2], alone[k], **EXACT)
            whole = outputs[k][row].clone()
            whole[:n1, :n2] = 0
            assert not whole.any()
            for name, left in final[k].items():
                torch.testing.assert_close(cut(name, left), alone_left[k][name], **EXACT)
                assert not left[row, n2 if name[-1] == "1" else n1 :].any()
            for name, gate in alone_traces[k].gates.items():
                torch.testing.assert_close(traces[k].gates[name][row, :n1, :n2], gate, **EXACT)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_what_lies_outside_the_sizes_reaches_nothing(backend):
    layer, values = all_directions("sum"), draw(5, 3, 4, 3)
    outside = torch.ones(5, 3, 4, dtype=torch.bool)
    for row, (n1, n2) in enumerate(SIZES):
        outside[row, :n1, :n2] = False
    broken = values.clone()
    broken[outside] = torch.nan
    with gatewise.backend(backend):
        clean, found = everything(layer, values, SIZES), everything(layer, broken, SIZES)
    torch.testing.assert_close(found, clean, rtol=0, atol=0)
    by_input = found[-1 - len(list(layer.parameters()))]
    assert by_input.shape == values.shape
    assert not by_input[outside].any()
    assert by_input[~outside].abs().min() > 0


@pytest.mark.parametrize("backend", ["native", pytest.param("reference")])
def test_states_that_enter_outside_the_sizes_reach_nothing(backend):
    layer, values, found = MDLSTM(3, 5, dtype=D), draw(2, 3, 4, 3), []
    given = {"h.1": draw(2, 4, 5), "c.2": draw(2, 3, 5)}
    for fill in (0.0, torch.nan):
        state = {name: one.clone() for name, one in given.items()}
        for one in state.values():
            one[1, 2:] = fill
            one.requires_grad_()
        with gatewise.backend(backend):
            output, final = layer(values, state, sizes=[[3, 4], [2, 2]])
            loss = sum(one.sin().sum() for one in (output, *final.values()))
            by = torch.autograd.grad(loss, [*state.values(), *layer.parameters()])
        found.append([output, *final.values(), *by])
    torch.testing.assert_close(*found, rtol=0, atol=0)
    assert not found[0][-6][1, 2:].any()


@pytest.mark.parametrize("directions", ["forward", "all"])
def test_one_lattice_without_a_batch(directions):
    layer, values = MDLSTM(3, 5, directions=directions, dtype=D), draw(3, 4, 3)
    output, final, traces = layer(values, trace=True)
    batched, batched_left, _ = layer(values[None], trace=True)
    assert torch.equal(output, batched[0])
    rows, batched_rows = (final, batched_left) if directions == "all" else ([final], [batched_left])
    for one, other in zip(rows, batched_rows, strict=True):
        assert {name: side.shape for name, side in one.items()} == {
            name: other[name][0].shape for name in layer.cell.previous
        }
    assert traces[0].gates["f_2"].shape == (3, 4, 5)
    again, _ = layer(values, final)
    torch.testing.assert_close(again, layer(values[None], batched_left)[0][0], **EXACT)
    assert not torch.equal(again, output)


@pytest.mark.parametrize("axis", [1, 2])
def test_what_left_one_half_enters_the_other(axis):
    layer, values = all_directions(), draw(2, 3, 4, 3)
    first, second = values.split([1, values.shape[axis] - 1], axis)
    whole, final = layer(values)

    def along(left):
        return {name: side for name, side in left.items() if name.endswith(str(axis))}

    out_of_first, out_of_second = layer(first)[1], layer(second)[1]
    into_first = [
        along(left) if direction[axis - 1] else {}
        for direction, left in zip(layer.scan_directions, out_of_second, strict=True)
    ]
    into_second = [
        {} if direction[axis - 1] else along(left)
        for direction, left in zip(layer.scan_directions, out_of_first, strict=True)
    ]
    halves = zip(layer(first, into_first)[0], layer(second, into_second)[0], strict=True)
    for one, pair in zip(whole, halves, strict=True):
        torch.testing.assert_close(torch.cat(pair, axis), one, **EXACT)
    last = layer(second, into_second)[1][0]
    torch.testing.assert_close(along(last), along(final[0]), **EXACT)


def test_leaky_memory_stays_bounded_where_the_plain_one_grows():
    values = torch.ones(1, 64, 64, 2, dtype=D)
    highest = {}
    with gatewise.backend("reference"), torch.no_grad():
        for leaky in (False, True):
            layer = MDLSTM(2, 4, leaky=leaky, dtype=D)
            for name, rows in zip(("u_1", "f", "g", "o") if leaky else ("i", "f", "f", "g", "o"),
                                  layer.bias_ih.chunk(4 if leaky else 5), strict=True):  # fmt: skip
                rows.fill_({"f": 3.0, "g": 1.0, "i": 1.0}.get(name, 0.0))
            highest[leaky] = max(
                side.abs().max() for name, side in layer(values)[1].items() if name[0] == "c"
            )
    assert 0.1 < highest[True] <= 1
    assert highest[False] > 1e6


@pytest.mark.parametrize("own", [None, [4, 1, 6]])
def test_a_lattice_of_one_axis_is_a_sequence(own):
    lattice, sequence = MDLSTM(3, 5, axes=1, dtype=D), gatewise.LSTM(3, 5, batch_first=True, dtype=D)
    with torch.no_grad():
        sequence.weight_ih_l0.copy_(lattice.weight_ih)
        sequence.weight_hh_l0.copy_(lattice.R1)
        sequence.bias_ih_l0.copy_(lattice.bias_ih)
        sequence.bias_hh_l0.zero_()
    values, h, c = draw(3, 6, 3).requires_grad_(), draw(3, 5), draw(3, 5)
    with gatewise.backend("reference"):
        ours, left = lattice(values, {"h": h, "c": c}, sizes=None if own is None else [[one] for one in own])
        theirs, (last_h, last_c) = sequence(values, (h[None], c[None]), lengths=own)
    torch.testing.assert_close([ours, left["h"], left["c"]], [theirs, last_h[0], last_c[0]], **EXACT)
    by = [torch.autograd.grad(one.sin().sum(), values)[0] for one in (ours, theirs)]
    torch.testing.assert_close(*by, **EXACT)


def test_a_sequence_s_cell_in_all_directions_is_bidirectional():
    lattice = Lattice(LSTM, 3, 5, directions="all", dtype=D)
    sequence = gatewise.LSTM(3, 5, batch_first=True, bidirectional=True, dtype=D)
    sequence.load_state_dict({
        name.removesuffix("_reverse1") + "_l0" + ("_reverse" if name.endswith("_reverse1") else ""): one
        for name, one in lattice.state_dict().items()
    })  # fmt: skip
    values = draw(3, 6, 3)
    with gatewise.backend("reference"):
        ours, left = lattice(values, sizes=[[4], [1], [6]])
        theirs, (h, c) = sequence(values, lengths=[4, 1, 6])
    torch.testing.assert_close(ours, theirs, **EXACT)
    torch.testing.assert_close([left[0]["h"], left[1]["c"]], [h[0], c[1]], **EXACT)


def test_traces_hold_the_equations_and_what_left():
    layer, values = all_directions("concatenate"), draw(2, 3, 4, 3)
    output, final, traces = layer(values, trace=True)
    assert torch.equal(torch.cat([one.states["h"] for one in traces], -1), output)
    for direction, trace, left in zip(layer.scan_directions, traces, final, strict=True):
        assert set(trace.gates) == {"i", "f_1", "f_2", "g", "o"}
        gates = {name: flipped(one, direction) for name, one in trace.gates.items()}
        c, h = flipped(trace.states["c"], direction), flipped(trace.states["h"], direction)
        expected = gates["i"] * gates["g"]
        expected[:, 1:] += gates["f_1"][:, 1:] * c[:, :-1]
        expected[:, :, 1:] += gates["f_2"][:, :, 1:] * c[:, :, :-1]
        torch.testing.assert_close(c, expected, **EXACT)
        torch.testing.assert_close(h, gates["o"] * c.tanh(), **EXACT)
        assert torch.equal(left["c.1"], trace.states["c"][:, 0 if direction[0] else -1])
        assert torch.equal(left["h.2"], trace.states["h"][:, :, 0 if direction[1] else -1])


def test_names_of_the_parameters():
    names = [name + suffix for suffix in SUFFIXES.values() for name in ("weight_ih", "R1", "R2", "bias_ih")]
    assert list(all_directions().state_dict()) == names
    assert list(MDLSTM(3, 5, peephole=True, bias=False).state_dict()) == ["weight_ih", "R1", "R2", "p"]


def test_a_layer_is_stored_copied_and_pickled():
    layer, values = all_directions("sum"), draw(2, 3, 4, 3)
    output, _ = layer(values)
    fresh = all_directions("sum")
    assert not torch.equal(fresh(values)[0], output)
    fresh.load_state_dict(layer.state_dict())
    copied, pickled = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
    for again in (fresh, copied, pickled):
        assert torch.equal(again(values)[0], output)
    with torch.no_grad():
        copied.R2_reverse1.add_(1)
    assert torch.equal(layer(values)[0], output)
    assert not torch.equal(copied(values)[0], output)


def test_a_layer_in_single_precision_is_near_and_can_be_made_double():
    layer, values = MDLSTM(3, 5), draw(2, 3, 4, 3)
    single, left = layer(values.float())
    assert {single.dtype, left["c.2"].dtype} == {torch.float32}
    double, left = layer.double()(values)
    assert {double.dtype, left["c.2"].dtype} == {D}
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("axes", "start"), [(1, 0.7310585786300049), (2, 1 / 2), (3, 1 / 3), (5, 1 / 5)])
def test_forget_gates_start_with_an_even_share(axes, start):
    layer = MDLSTM(2, 3, axes=axes, dtype=D)
    with torch.no_grad(), gatewise.backend("reference"):
        for name, parameter in layer.named_parameters():
            if name != "bias_ih":
                parameter.zero_()
        _, _, (trace,) = layer(draw(*[2] * axes, 2), trace=True)
    for k in range(1, axes + 1):
        gate = trace.gates[f"f_{k}"]
        torch.testing.assert_close(gate, torch.full_like(gate, start), **EXACT)


def test_parameters_start_within_their_bound_and_apart():
    layer = MDRNN(2, 16, directions="all")
    before = copy.deepcopy(layer.state_dict())
    assert all(0.2 < one.abs().max() <= 0.25 for name, one in before.items() if "bias" not in name)
    layer.reset_parameters()
    assert not any(torch.equal(one, before[name]) for name, one in layer.state_dict().items())
    assert not torch.equal(layer.R1, layer.R1_reverse12)


def as_function(layer, sizes):
    names = [name for name, _ in layer.named_parameters()]

    def run(values, *rest):
        state = dict(zip(layer.cell.previous, rest[: len(layer.cell.previous)], strict=True))
        parameters = dict(zip(names, rest[len(state) :], strict=True))
        output, left = functional_call(layer, parameters, (values, state), {"sizes": sizes})
        return output, *left.values()

    return run


def test_gradients_and_their_gradients():
    layer = MDLSTM(2, 2, dtype=D)
    state = [draw(2, 3 if name[-1] == "1" else 2, 2).requires_grad_() for name in layer.cell.previous]
    given = [
        draw(2, 2, 3, 2).requires_grad_(),
        *state,
        *(one.detach().requires_grad_() for one in layer.parameters()),
    ]
    run = as_function(layer, [[2, 3], [1, 2]])
    assert gradcheck(run, given)
    assert gradgradcheck(lambda *few: run(*few, *given[3:])[0], given[:3])


def test_without_gradients_values_are_the_same():
    layer, values = all_directions("sum"), draw(2, 3, 4, 3)
    output, final = layer(values, sizes=[[3, 4], [2, 2]])
    with torch.no_grad():
        again, again_left = layer(values, sizes=[[3, 4], [2, 2]])
    assert torch.equal(output.detach(), again)
    assert all(
        torch.equal(one[name], other[name])
        for one, other in zip(final, again_left, strict=True)
        for name in one
    )
    assert output.requires_grad
    assert not again.requires_grad


@pytest.mark.parametrize("batch", [3, 4])  # threads share units, or rows
def test_any_number_of_threads_gives_the_same(batch):
    layer, values = MDLSTM(3, 24, dtype=D), draw(batch, 12, 12, 3)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            found.append(everything(layer, values))
        finally:
            torch.set_num_threads(1)
    torch.testing.assert_close(*found, **EXACT)


def test_compiled_by_pytorch():
    torch.compiler.reset()
    layer, values = MDLSTM(2, 3, dtype=D), draw(2, 2, 2, 2)
    compiled = torch.compile(layer, backend="eager")
    torch.testing.assert_close(everything(compiled, values), everything(layer, values), **EXACT)


@pytest.mark.parametrize(
    ("shape", "run_before"),
    [
        pytest.param((2, 3), True, id="2 axes"),
        pytest.param((2, 9), False, id="2 axes, a new size"),
        pytest.param((3,), True, id="1 axis"),
    ],
)
def test_exported_with_sizes(shape, run_before):
    layer = MDLSTM(3, 5, len(shape), directions="all", combine="sum", dtype=D)
    values, sizes = draw(2, *shape, 3), torch.tensor([shape, [1] * len(shape)])
    with gatewise.backend("reference"):
        expected = layer(values, sizes=sizes) if run_before else None
    exported = torch.export.export(layer, (draw(*values.shape),), {"sizes": torch.ones_like(sizes)}).module()
    found = exported(values, sizes=sizes)
    torch.testing.assert_close(found, expected or layer(values, sizes=sizes), **EXACT)


@pytest.mark.parametrize("backend", [pytest.param("native"), "reference"])
def test_autocast(backend):
    layer, values = MDLSTM(3, 5), torch.randn(2, 3, 4, 3)
    exact, _ = layer(values)
    with gatewise.backend(backend), torch.autocast("cpu", torch.bfloat16):
        output, left = layer(values)
        output.float().sum().backward()
    assert 0 < (output.float() - exact).abs().max() < 0.02
    assert set(left) == set(layer.cell.previous)
    assert all(one.grad.dtype == torch.float32 and one.grad.abs().max() > 0 for one in layer.parameters())


def test_repr_of_a_layer():
    assert repr(MDLSTM(3, 5)) == "MDLSTM(MDLSTM2, 3, 5)"
    assert repr(all_directions("sum")) == "MDLSTM(MDLSTM2, 3, 5, directions=all, combine=sum)"
    assert repr(MDGRU(3, 5, axes=3, bias=False)) == "MDGRU(MDGRU3, 3, 5, bias=False)"
    assert repr(Lattice(leaky_mdlstm(2), 3, 5)) == "Lattice(LeakyMDLSTM2, 3, 5)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MDLSTM(0, 4), "expected input_size as a whole number of at least 1, got 0"),
        (lambda: MDLSTM(3, 4.0), "expected hidden_size as a whole number of at least 1, got 4.0"),
        (lambda: MDGRU(3, True), "expected hidden_size as a whole number of at least 1, got True"),
        (lambda: MDRNN(3, 4, axes=0), "expected axes as a whole number of at least 1, got 0"),
        (lambda: MDLSTM(3, 4, directions="both"), 'expected directions as "forward" or "all", got \'both\''),
        (lambda: MDLSTM(3, 4, combine="mean"),
         'expected combine as "concatenate", "sum" or "separate", got \'mean\''),
        (lambda: MDLSTM(3, 4, leaky=True, peephole=True),
         "leaky=True was given with peephole=True; the leaky cell has no peepholes"),
        (lambda: Lattice(gatewise.Cell, 3, 4), "expected cell as a class of equations such as cells"),
        (lambda: Lattice(mdlstm, 3, 4), "expected cell as a class of equations such as cells.mdlstm(2)"),
        (lambda: gatewise.Recurrent(mdrnn(2), 3, 4),
         "MDRNN2 is a cell of a lattice; make a layer of it with Lattice"),
        (lambda: gatewise.Recurrent(Shown, 3, 4),
         "Shown is a cell of a lattice; make a layer of it with Lattice"),
    ],
)  # fmt: skip
def test_making_a_layer(make, message):
    with pytest.raises(GatewiseError, match=re.escape(message)) as error:
        make()
    assert "\n" not in str(error.value)


X = torch.zeros(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X[..., :4],), {}, "expected input of shape [B, L1, L2, 5], no size being zero, B being optional, "
         "got [2, 3, 4, 4]"),
        ((X[0, 0],), {}, "B being optional, got [4, 5]"),
        ((X[:, :0],), {}, "no size being zero, B being optional, got [2, 0, 4, 5]"),
        ((X.int(),), {}, "expected input as a floating point Tensor [B, L1, L2, 5], got torch.int32"),
        (([1.0],), {}, "expected input as a floating point Tensor [B, L1, L2, 5], got list"),
        ((X.double(),), {}, "expected input of dtype torch.float32, the layer's own, got torch.float64"),
        ((X.to("meta"),), {}, "expected input on cpu, as the layer, got meta"),
        ((X,), {"sizes": "abc"}, "expected sizes as whole numbers of shape [2, 2], got 'abc'"),
        ((X,), {"sizes": [[1, 2], [1]]}, "as whole numbers of shape [2, 2], got [[1, 2], [1]]"),
        ((X,), {"sizes": [1, 2]}, "expected sizes as whole numbers of shape [2, 2], got [2]"),
        ((X,), {"sizes": torch.ones(2, 2)}, "as whole numbers of shape [2, 2], got torch.float32"),
        ((X,), {"sizes": [[3, 4], [0, 1]]}, "expected sizes in 1..[3, 4], got [0, 1] for lattice 1"),
        ((X,), {"sizes": [[3, 5], [1, 1]]}, "expected sizes in 1..[3, 4], got [3, 5] for lattice 0"),
        ((X, (X, X)), {}, "expected state as a dict, as the final states, got 2 of them"),
        ((X, X), {}, "expected state as a dict, as the final states, got Tensor"),
        ((X, [X]), {}, "expected state of a direction as a dict, got Tensor"),
        ((X, {"h": X}), {}, "there is no initial state 'h'; the initial states are h.1, h.2, c.1, c.2"),
        ((X, {"h.1": torch.zeros(2, 3, 6)}), {}, "expected state h.1 of shape [2, 4, 6], got [2, 3, 6]"),
        ((X, {"c.2": 1.0}), {}, "expected state c.2 of shape [2, 3, 6], got float"),
        ((X[0], {"h.1": torch.zeros(1, 4, 6)}), {}, "expected state h.1 of shape [4, 6], got [1, 4, 6]"),
        ((X, {"h.1": torch.zeros(2, 4, 6, dtype=D)}), {}, "expected state h.1 of dtype torch.float32, got"),
        ((X, {"h.1": torch.zeros(2, 4, 6, device="meta")}), {}, "state h.1 on cpu, as the input, got meta"),
    ],
)  # fmt: skip
def test_calling_a_layer(arguments, options, message):
    with pytest.raises(GatewiseError, match=re.escape(message)) as error:
        MDLSTM(5, 6)(*arguments, **options)
    assert "\n" not in str(error.value)


def test_states_of_all_directions_are_a_list():
    layer = MDLSTM(5, 6, directions="all")
    for state, output in (({}, "1 of them"), ([{}] * 3, "3 of them")):
        message = (
            f"expected state as a list of 4 dicts, one for each direction, as the final states, got {output}"
        )
        with pytest.raises(GatewiseError, match=re.escape(message)):
            layer(X, state)


@pytest.mark.parametrize("sizes", [None, pytest.param([[5], [3]])])
def test_an_output_that_is_not_handed_on(sizes):
    layer, values = Lattice(Shown, 3, 4, dtype=D), draw(2, 5, 3)
    h, rows = torch.zeros(2, 4, dtype=D), []
    (R_h, R_y), (b_h, b_y) = layer.weight_hh.chunk(2), layer.bias_hh.chunk(2)
    for step in values.unbind(1):
        h = torch.tanh(step @ layer.weight_ih.T + layer.bias_ih + h @ R_h.T + b_h)
        rows.append(torch.tanh(h @ R_y.T + b_y))
    with gatewise.backend("reference"):
        output, _ = layer(values, sizes=sizes)
    expected = torch.stack(rows, 1)
    torch.testing.assert_close([output[0], output[1, :3]], [expected[0], expected[1, :3]], **EXACT)


def test_three_axes_in_all_directions():
    layer = MDRNN(2, 3, axes=3, directions="all", combine="separate", dtype=D)
    values = draw(2, 2, 3, 2, 2)
    with gatewise.backend("reference"):
        outputs, final = layer(values)
        for direction, output in zip(product((False, True), repeat=3), outputs, strict=True):
            turned = "".join(str(k) for k in (1, 2, 3) if direction[k - 1])
            alone = one_direction(layer, f"_reverse{turned}" if turned else "")
            torch.testing.assert_close(
                output, flipped(alone(flipped(values, direction))[0], direction), **EXACT
            )
    assert {name: tuple(one.shape) for name, one in final[5].items()} == {
        "h.1": (2, 3, 2, 3), "h.2": (2, 2, 2, 3), "h.3": (2, 2, 3, 3)
    }  # fmt: skip
