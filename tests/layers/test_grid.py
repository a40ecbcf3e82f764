"""Grid LSTMs against the paper's equations, written once more as loops over every block."""

import copy
import pickle
import re
from itertools import product

import pytest
import torch
from torch.autograd import gradcheck
from torch.func import functional_call

import gatewise
from gatewise import GatewiseError, GridLSTM

D = torch.float64
EXACT = {"rtol": 1e-12, "atol": 1e-12}
LSTM_BLOCKS = [f"{gate}_{k}" for k in (1, 2) for gate in "ifgo"]


def draw(*shape):
    return torch.randn(*shape, dtype=D)


def make(**options):
    layer = GridLSTM(**{"input_size": 3, "hidden_size": 4, "depth": 3, "dtype": D, **options})
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return layer


def seen(w, name, hiddens):
    """`V H + b`, H being all hiddens in one row."""
    return sum(R @ h for R, h in zip(w[name], hiddens, strict=True)) + w["b"][name]


def lstm(w, k, hiddens, memory, show="o * tanh(c)"):
    """Section 2 of Kalchbrenner et al. 2015; the paper shows tanh(o * c)."""
    i, f, o = (seen(w, f"{gate}_{k}", hiddens).sigmoid() for gate in "ifo")
    memory = f * memory + i * seen(w, f"g_{k}", hiddens).tanh()
    return (o * memory).tanh() if show == "tanh(o * c)" else o * memory.tanh(), memory


def usual(w, h, c):
    return [lstm(w, k, h, c[k - 1]) for k in range(1, len(h) + 1)]


def as_in_the_paper(w, h, c):
    return [lstm(w, k, h, c[k - 1], "tanh(o * c)") for k in (1, 2)]


def depth_last(w, h, c):
    time = lstm(w, 1, h, c[0])
    return [time, lstm(w, 2, [time[0], h[1]], c[1])]


def time_last(w, h, c):
    depth = lstm(w, 2, h, c[1])
    return [lstm(w, 1, [h[0], depth[0]], c[0]), depth]


def no_memory_in_depth(w, h, c):
    return [lstm(w, 1, h, c[0]), (seen(w, "h_2", h).tanh(), None)]


def no_memory_in_time(w, h, c):
    return [(seen(w, "h_1", h).relu(), None), lstm(w, 2, h, c[1])]


def gru(w, h, c):
    """The axis' own hidden is what is reset and kept, the other hidden the input."""
    new = []
    for k, own, other in ((1, 0, 1), (2, 1, 0)):
        r, z = (seen(w, f"{gate}_{k}", h).sigmoid() for gate in "rz")
        from_other = w[f"n_{k}"][other] @ h[other] + w["b"][f"n_{k}"]
        n = torch.tanh(from_other + r * (w[f"n_{k}"][own] @ h[own] + w["b"][f"s_{k}"]))
        new.append(((1 - z) * n + z * h[own], None))
    return new


def rnn(w, h, c):
    return [(seen(w, f"h_{k}", h).tanh(), None) for k in (1, 2)]


def weights(layer, ending, blocks, biases=None):
    """Every block's matrices by axis, and its bias, of the parameters whose names end so."""
    N = layer.axes + 1
    rows = [getattr(layer, f"R{k}{ending}").chunk(len(blocks)) for k in range(1, N + 1)]
    found = {name: [R[place] for R in rows] for place, name in enumerate(blocks)}
    bias = getattr(layer, f"b{ending}").chunk(len(biases or blocks))
    return {**found, "b": dict(zip(biases or blocks, bias, strict=True))}


def by_loops(layer, values, step, weights_at, given=None):
    """Block by block for one sample [L, I]: every axis' hidden and memory at every block, by name."""
    N, H, sizes = layer.axes + 1, layer.hidden_size, (*values.shape[:-1], layer.depth)
    found = {}
    for place in product(*map(range, sizes)):
        h, c = [], []
        for k in range(1, N + 1):
            before = (*place[: k - 1], place[k - 1] - 1, *place[k:])
            if place[k - 1]:
                new = found[before][k - 1]
            elif k == N:
                new = (*(layer.projection @ values[place[:-1]]).split(H), None)[:2]
            else:
                side = (*place[: k - 1], *place[k:])
                new = [given[f"{name}_{k}"][side] if given else torch.zeros(H, dtype=D) for name in "hc"]
            h.append(new[0])
            c.append(new[1])
        found[place] = step(weights_at(place), h, c)
    whole = {}
    for which, k in product((0, 1), range(1, N + 1)):
        rows = [found[place][k - 1][which] for place in product(*map(range, sizes))]
        if rows[0] is not None:
            whole[f"{'hc'[which]}_{k}"] = torch.stack(rows).unflatten(0, sizes)
    return whole


def check(layer, values, step, weights_at, given=None):
    """The layer over a batch against the loops: output, all that leaves, every state of the trace."""
    output, final, (trace,) = layer(values, given, trace=True)
    for row, sample in enumerate(values):
        own = None if given is None else {name: one[row] for name, one in given.items()}
        whole = by_loops(layer, sample, step, weights_at, own)
        top = whole[f"h_{layer.axes + 1}"].select(layer.axes, -1)
        torch.testing.assert_close(output[row], top, **EXACT)
        assert whole.keys() == trace.states.keys()
        for name, states in whole.items():
            torch.testing.assert_close(trace.states[name][row], states, **EXACT)
        for name, left in final.items():
            axis = int(name[-1]) - 1
            torch.testing.assert_close(left[row], whole[name].select(axis, -1), **EXACT)
    assert final.keys() == {name for name in whole if not name.endswith(str(layer.axes + 1))}


VARIANTS = {
    "tanh of the product": ({"show": "tanh(o * c)"}, as_in_the_paper, LSTM_BLOCKS, None),
    "depth last": ({"priority": (2,)}, depth_last, LSTM_BLOCKS, None),
    "time last": ({"priority": [1]}, time_last, LSTM_BLOCKS[4:] + LSTM_BLOCKS[:4], None),
    "no memory in depth": ({"without_memory": (2,)}, no_memory_in_depth, [*LSTM_BLOCKS[:4], "h_2"], None),
    "no memory in time": (
        {"without_memory": (1,), "activation": "relu"}, no_memory_in_time, ["h_1", *LSTM_BLOCKS[4:]], None,
    ),
    "gru": (
        {"transform": "gru"}, gru, [f"{one}_{k}" for k in (1, 2) for one in "rzn"],
        [f"{one}_{k}" for k in (1, 2) for one in "rzns"],
    ),
    "rnn": ({"transform": "rnn"}, rnn, ["h_1", "h_2"], None),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_equations_of_the_paper(tied, backend):
    layer = make(tied=tied)
    with gatewise.backend(backend):
        check(
            layer, draw(2, 5, 3), usual, lambda at: weights(layer, "" if tied else f"_{at[1]}", LSTM_BLOCKS)
        )


@pytest.mark.parametrize(("options", "step", "blocks", "biases"), VARIANTS.values(), ids=VARIANTS)
def test_each_variant(options, step, blocks, biases):
    layer = make(tied=False, depth=2, **options)
    with gatewise.backend("reference"):
        check(layer, draw(2, 4, 3), step, lambda at: weights(layer, f"_{at[1]}", blocks, biases))


def test_weights_for_each_step():
    layer = make(untied={1: 4})
    check(layer, draw(2, 4, 3), usual, lambda at: weights(layer, f"_{at[0]}", LSTM_BLOCKS))
    layer = make(untied={1: 4}, tied=False)
    given = {"h_1": draw(2, 3, 4), "c_1": draw(2, 3, 4)}
    check(layer, draw(2, 4, 3), usual, lambda at: weights(layer, f"_{at[0]}_{at[1]}", LSTM_BLOCKS), given)


@pytest.mark.parametrize("untied", [{}, {1: 2}, {2: 3, 1: 2}])
@pytest.mark.parametrize("tied", [True, False])
def test_images(untied, tied):
    layer = make(axes=2, depth=2, untied=untied, tied=tied)
    own = [axis for axis in (1, 2, 3) if axis in untied or (axis == 3 and not tied)]
    blocks = [f"{gate}_{k}" for k in (1, 2, 3) for gate in "ifgo"]
    with gatewise.backend("reference"):
        check(
            layer, draw(2, 2, 3, 3), usual,
            lambda at: weights(layer, "".join(f"_{at[axis - 1]}" for axis in own), blocks),
        )  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
def test_vectors_run_through_depth_only(tied):
    layer, values = make(axes=0, tied=tied), draw(5, 3)
    with gatewise.backend("reference"):
        output, final, (trace,) = layer(values, trace=True)
        alone, _ = layer(values[0])
    h, c = (values @ layer.projection.T).split(4, -1)
    for place in range(3):
        R, b = (getattr(layer, name if tied else f"{name}_{place}") for name in ("R1", "b"))
        i, f, g, o = (h @ R.T + b).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        torch.testing.assert_close(
            [trace.states["h_1"][:, place], trace.states["c_1"][:, place]], [h, c], **EXACT
        )
    torch.testing.assert_close(output, h, **EXACT)
    assert final == {}
    torch.testing.assert_close(alone, h[0], **EXACT)


def one_direction(layer, suffix, **options):
    one = make(axes=layer.axes, depth=layer.depth, **options)
    one.load_state_dict({name: layer.state_dict()[name + suffix] for name in one.state_dict()})
    return one


@pytest.mark.parametrize("options", [{}, {"tied": False}, {"untied": {2: 3}, "tied": False}])
def test_every_direction_is_the_forward_grid_on_a_flipped_input(options):
    layer = make(axes=2, depth=2, directions="all", combine="separate", **options)
    values, endings = draw(2, 2, 3, 3), ("", "_reverse2", "_reverse1", "_reverse12")
    with gatewise.backend("reference"):
        outputs, final, traces = layer(values, trace=True)
        for direction, ending, output, left, trace in zip(
            layer.scan_directions, endings, outputs, final, traces, strict=True
        ):
            turned = [axis for axis, back in enumerate(direction, 1) if back]
            alone = one_direction(layer, ending, **options)
            expected, expected_left, (expected_trace,) = alone(values.flip(turned), trace=True)
            torch.testing.assert_close(output, expected.flip(turned), **EXACT)
            torch.testing.assert_close(trace.gates["f_3"], expected_trace.gates["f_3"].flip(turned), **EXACT)
            torch.testing.assert_close(
                left["c_1"], expected_left["c_1"].flip([1] if direction[1] else []), **EXACT
            )
            torch.testing.assert_close(
                left["h_2"], expected_left["h_2"].flip([1] if direction[0] else []), **EXACT
            )
        for combine, whole in (("concatenate", torch.cat(outputs, -1)), ("sum", sum(outputs))):
            layer.combine = combine
            torch.testing.assert_close(layer(values)[0], whole, **EXACT)


@pytest.mark.parametrize("tied", [True, False])
def test_each_image_of_its_own_sizes_equals_a_run_by_itself(tied):
    layer = make(axes=2, depth=2, tied=tied, directions="all", combine="separate")
    values, sizes = draw(4, 2, 3, 3), [[2, 3], [1, 3], [2, 1], [1, 2]]
    with gatewise.backend("reference"):
        outputs, final, traces = layer(values, sizes=sizes, trace=True)
        for row, (n1, n2) in enumerate(sizes):
            alone, alone_left, alone_traces = layer(values[row, :n1, :n2], trace=True)
            for k in range(4):
                whole = outputs[k][row].clone()
                torch.testing.assert_close(whole[:n1, :n2], alone[k], **EXACT)
                whole[:n1, :n2] = 0
                assert not whole.any()
                torch.testing.assert_close(final[k]["c_1"][row, :n2], alone_left[k]["c_1"], **EXACT)
                torch.testing.assert_close(final[k]["h_2"][row, :n1], alone_left[k]["h_2"], **EXACT)
                assert not final[k]["c_1"][row, n2:].any()
                cut = traces[k].states["c_3"][row, :n1, :n2]
                torch.testing.assert_close(cut, alone_traces[k].states["c_3"], **EXACT)


def everything(layer, values, sizes):
    values = values.detach().requires_grad_()
    output, final = layer(values, sizes=sizes)
    out = [output, *(one for row in final for one in row.values())]
    loss = sum((one.sin() * torch.linspace(1, 2, one.numel(), dtype=D).view_as(one)).sum() for one in out)
    return [*out, *torch.autograd.grad(loss, [values, *layer.parameters()])]


@pytest.mark.parametrize(
    ("backend", "options", "sizes"),
    [
        ("native", {}, [[5], [1], [3]]),
        ("reference", {"tied": False}, [[5], [1], [3]]),
        ("reference", {"axes": 2, "depth": 2}, [[2, 3], [1, 3], [2, 1]]),
    ],
)
def test_what_lies_outside_the_sizes_reaches_nothing(backend, options, sizes):
    layer, whole = make(directions="all", **options), sizes[0]
    values, outside = draw(3, *whole, 3), torch.ones(3, *whole, dtype=torch.bool)
    for row, own in enumerate(sizes):
        outside[(row, *map(slice, own))] = False
    broken = values.clone()
    broken[outside] = torch.nan
    with gatewise.backend(backend):
        clean, found = everything(layer, values, sizes), everything(layer, broken, sizes)
    torch.testing.assert_close(found, clean, rtol=0, atol=0)
    by_input = found[-1 - len(list(layer.parameters()))]
    assert not by_input[outside].any()
    assert by_input[~outside].abs().min() > 0


def test_backends_agree_on_every_gradient():
    layer, values, sizes = make(tied=False, directions="all"), draw(3, 5, 3), [[5], [1], [3]]
    found = []
    for backend in ("native", "reference"):
        with gatewise.backend(backend):
            found.append(everything(layer, values, sizes))
    torch.testing.assert_close(*found, **EXACT)


@pytest.mark.parametrize("tied", [True, False])
def test_a_sequence_in_two_parts(tied):
    layer, values = make(tied=tied), draw(2, 5, 3)
    whole, final = layer(values)
    first, state = layer(values[:, :2])
    second, last = layer(values[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, **EXACT)
    torch.testing.assert_close(last, final, **EXACT)
    assert list(last) == ["h_1", "c_1"]
    partly, _ = layer(values[:, 2:], {"h_1": state["h_1"]})
    assert not torch.allclose(partly, second)


def test_one_sequence_without_a_batch():
    layer, values = make(), draw(5, 3)
    output, final, (trace,) = layer(values, trace=True)
    batched, batched_left = layer(values[None])
    assert torch.equal(output, batched[0])
    assert torch.equal(final["c_1"], batched_left["c_1"][0])
    assert trace.gates["o_2"].shape == (5, 3, 4)
    torch.testing.assert_close(layer(values, final)[0], layer(values[None], batched_left)[0][0], **EXACT)


def test_names_of_the_parameters():
    def names(**options):
        return list(make(depth=2, **options).state_dict())

    assert names() == ["projection", "R1", "R2", "b"]
    assert names(bias=False) == ["projection", "R1", "R2"]
    assert names(tied=False) == ["projection", "R1_0", "R2_0", "b_0", "R1_1", "R2_1", "b_1"]
    assert names(directions="all")[4:] == ["projection_reverse1", "R1_reverse1", "R2_reverse1", "b_reverse1"]
    assert names(untied={1: 2}, tied=False, bias=False, directions="all")[-2:] == [
        "R1_1_1_reverse1",
        "R2_1_1_reverse1",
    ]
    assert names(axes=2, untied={2: 1, 1: 3}) == names(axes=2, untied={1: 3, 2: 1})
    assert "R3_2_0" in names(axes=2, untied={2: 1, 1: 3})


def test_a_layer_is_stored_copied_and_pickled():
    layer, values = make(tied=False, priority=(2,)), draw(2, 4, 3)
    with gatewise.backend("reference"):
        output, _ = layer(values)
        fresh = make(tied=False, priority=(2,))
        assert not torch.equal(fresh(values)[0], output)
        fresh.load_state_dict(layer.state_dict())
        copied, pickled = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
        for again in (fresh, copied, pickled):
            assert torch.equal(again(values)[0], output)
        with torch.no_grad():
            copied.R2_1.add_(1)
        assert torch.equal(layer(values)[0], output)


def test_how_parameters_start():
    layer = GridLSTM(4, 16, depth=2, tied=False, directions="all")
    assert 0.45 < layer.projection.abs().max() <= 0.5
    assert 0.24 < layer.R2_1_reverse1.abs().max() <= 0.25
    blocks = dict(zip(LSTM_BLOCKS, layer.b_1_reverse1.chunk(8), strict=True))
    assert all((blocks[name] == 1).all() == name.startswith("f") for name in blocks)
    assert not torch.equal(layer.R1_0, layer.R1_1)
    before = copy.deepcopy(layer.state_dict())
    layer.reset_parameters()
    assert not any(torch.equal(one, before[name]) for name, one in layer.state_dict().items())


def test_gradients():
    layer = make(input_size=2, hidden_size=2, depth=2, tied=False)
    names = [name for name, _ in layer.named_parameters()]

    def run(values, h, c, *parameters):
        named = dict(zip(names, parameters, strict=True))
        output, left = functional_call(layer, named, (values, {"h_1": h, "c_1": c}), {"sizes": [[3], [1]]})
        return output, *left.values()

    given = [draw(2, 3, 2), draw(2, 2, 2), draw(2, 2, 2), *(one.detach() for one in layer.parameters())]
    assert gradcheck(run, [one.requires_grad_() for one in given])


def test_exported():
    layer, values, sizes = make(depth=2, tied=False), draw(2, 3, 3), torch.tensor([[1], [3]])
    with gatewise.backend("reference"):
        expected = layer(values, sizes=sizes)
    exported = torch.export.export(layer, (draw(2, 3, 3),), {"sizes": torch.ones_like(sizes)}).module()
    torch.testing.assert_close(exported(values, sizes=sizes), expected, **EXACT)


def test_autocast():
    layer, values = make(dtype=torch.float32), torch.randn(2, 5, 3)
    with gatewise.backend("reference"):
        exact, _ = layer(values)
        with torch.autocast("cpu", torch.bfloat16):
            output, left = layer(values)
        output.float().sum().backward()
    assert 0 < (output.float() - exact).abs().max() < 0.05
    assert all(one.grad.dtype == torch.float32 and one.grad.abs().max() > 0 for one in layer.parameters())
    assert list(left) == ["h_1", "c_1"]


def test_repr_of_a_layer():
    assert repr(GridLSTM(3, 4, 2)) == "GridLSTM(3, 4, depth=2, axes=1)"
    options = {"tied": False, "untied": {1: 6}, "transform": "gru", "priority": [2], "directions": "all"}
    assert repr(GridLSTM(3, 4, 2, **options)) == (
        "GridLSTM(3, 4, depth=2, axes=1, tied=False, transform='gru', priority=(2,), directions='all', "
        "untied={1: 6})"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 0}, "expected input_size as a whole number of at least 1, got 0"),
        ({"hidden_size": 2.0}, "expected hidden_size as a whole number of at least 1, got 2.0"),
        ({"depth": 0}, "expected depth as a whole number of at least 1, got 0"),
        ({"axes": -1}, "expected axes as a whole number of at least 0, got -1"),
        ({"axes": True}, "expected axes as a whole number of at least 0, got True"),
        ({"combine": "mean"}, 'expected combine as "concatenate", "sum" or "separate", got \'mean\''),
        ({"directions": "both"}, 'expected directions as "forward" or "all", got \'both\''),
        ({"transform": "mlp"}, "expected transform as one of lstm, gru, rnn, got 'mlp'"),
        ({"priority": 2}, "expected priority as some of the axes 1 to 2, such as (1,), got 2"),
        ({"priority": (1, 2)}, "priority=(1, 2) names all axes; leave out at least one"),
        ({"without_memory": (3,)}, "without_memory as some of the axes 1 to 2, such as (1,), got (3,)"),
        ({"show": "c"}, "expected show as one of o * tanh(c), tanh(o * c), got 'c'"),
        ({"activation": "sin"}, "expected activation as one of tanh, relu, got 'sin'"),
        ({"untied": {2: 3}}, "expected untied as {axis: size}, axes being 1 to 1, got {2: 3}"),
        ({"untied": {1: 0}}, "expected untied as {axis: size}, axes being 1 to 1, got {1: 0}"),
        ({"untied": {1: 2.0}}, "expected untied as {axis: size}, axes being 1 to 1, got {1: 2.0}"),
        ({"untied": {1: True}}, "expected untied as {axis: size}, axes being 1 to 1, got {1: True}"),
        ({"untied": [3]}, "expected untied as {axis: size}, axes being 1 to 1, got [3]"),
        ({"untied": {1: 2, "x": 3}}, "untied as {axis: size}, axes being 1 to 1, got {1: 2, 'x': 3}"),
        ({"untied": {1: 2}, "axes": 0}, "this grid has no axes but depth, got {1: 2}"),
    ],
)  # fmt: skip
def test_making_a_layer(options, message):
    with pytest.raises(GatewiseError, match=re.escape(message)) as error:
        make(**options)
    assert "\n" not in str(error.value)


X = torch.zeros(2, 5, 3, dtype=D)


@pytest.mark.parametrize(
    ("options", "arguments", "call", "message"),
    [
        ({}, (X[..., :2],), {}, "expected input of shape [B, L1, 3], no size being zero, B being optional"),
        ({"axes": 0}, (X,), {}, "expected input of shape [B, 3], no size being zero, B being optional, got"),
        ({}, (X.long(),), {}, "expected input as a floating point Tensor [B, L1, 3], got torch.int64"),
        ({}, (X.float(),), {}, "expected input of dtype torch.float64, the layer's own, got torch.float32"),
        ({}, (X.to("meta"),), {}, "expected input on cpu, as the layer, got meta"),
        ({}, (X, {"h_2": X}), {}, "there is no initial state 'h_2'; the initial states are h_1, c_1"),
        ({"axes": 0}, (X[0], {"h_1": X}), {}, "there is no initial state 'h_1'; the initial states are none"),
        ({}, (X, {"h_1": X}), {}, "expected state h_1 of shape [2, 3, 4], got [2, 5, 3]"),
        ({"directions": "all"}, (X, [{}]), {}, "expected state as a list of 2 dicts, one for each direction"),
        ({"untied": {1: 4}}, (X,), {}, "expected size 4 along axis 1, which is untied, got 5"),
        ({"untied": {1: 5}}, (X,), {"sizes": [[5], [2]]},
         "sizes= was given to a grid with untied={1: 5}, whose sizes are fixed; leave it out"),
        ({}, (X,), {"sizes": [5, 2]}, "expected sizes as whole numbers of shape [2, 1], got [2]"),
        ({}, (X,), {"sizes": [[6], [2]]}, "expected sizes in 1..[5], got [6] for lattice 0"),
    ],
)  # fmt: skip
def test_calling_a_layer(options, arguments, call, message):
    with pytest.raises(GatewiseError, match=re.escape(message)) as error:
        make(**options)(*arguments, **call)
    assert "\n" not in str(error.value)
