"""int8 weights: the arithmetic by plain loops, and kernels against the reference, integer for integer."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from gatewise.cells import LSTM, cells
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import mdlstm
from gatewise.compiler.layout import layout
from gatewise.compiler.program import PROJECTION
from gatewise.compiler.stages import plan
from gatewise.engine import int8
from gatewise.engine import kernel as kernel_module
from gatewise.engine.build import BuildError, built
from gatewise.engine.kernel import Kernel
from gatewise.engine.native import Native, extras
from gatewise.engine.processor import AVX2, AVX512, InstructionSet
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request
from gatewise.errors import GatewiseError
from tests.engine.test_native import V1, V3, narrower
from tests.thorough import every_cell

LayerNormLSTM, ChoGRU = (cells()[name] for name in ("LayerNormLSTM", "ChoGRU"))
COMPILED = [LSTM, LayerNormLSTM, ChoGRU]  # one stage, normalizers, several stages; more in thorough tests
LATTICES = [mdlstm(2), grid(2)]
V4 = InstructionSet("x86-64-v4", ("-march=x86-64-v4", "-mprefer-vector-width=512"), AVX512)
AVX_VNNI = InstructionSet("avx-vnni", ("-march=x86-64-v3", "-mavxvnni"), AVX2 | {"avx_vnni"})
SIZES = [(3, 1, 1, 1), (2, 33, 5, 17), (4, 7, 13, 40), (3, 2, 70, 100)]  # T, B, I, H
NEAR = 1e-6  # beside 1: some units in the last place of float32
EVERY = [
    pytest.param(*one.values, id=one.id, marks=() if one.values[0] in COMPILED else pytest.mark.thorough)
    for one in every_cell(matrices=False)
]


@pytest.fixture
def compiled():
    try:
        built(plan(LSTM), "Int8")
    except BuildError as error:
        pytest.skip(str(error))


def request_for(cell, sizes, batch, inputs, hidden, projected=0, **more):
    output = projected or hidden
    parameters = {one.name: torch.randn(one.shape(inputs, hidden, output)) for one in layout(cell).parameters}
    if projected:
        parameters[PROJECTION] = torch.randn(projected, hidden)
    for name, values in list(parameters.items()):
        if values.dim() == 2:
            whole, scales = int8.rounded(values / values.shape[1] ** 0.5)
            parameters |= {name: whole.to(torch.int8), int8.scale_name(name): scales.squeeze(1)}
    state = {}
    for name, one in cell.previous.items():
        side = [size for axis, size in enumerate(sizes) if axis != max(0, one.axis - 1)]
        state[name] = torch.randn(*side, batch, output if one.state == cell.state[0] else hidden)
    return Request(cell, torch.randn(*sizes, batch, inputs), parameters, state, **more)


def sequences(cell, size, **more):
    steps, batch, inputs, hidden = size
    return request_for(cell, (steps,), batch, inputs, hidden, **more)


def assert_same(request, backend=None):
    """Compares every step of a kernel with the reference from the same states before.

    A state that differs in its last bit may round to the next integer, so whole runs would differ by chance.
    """
    backend = backend or Native()
    assert backend.refusal(request) is None
    result = backend.run(replace(request, trace=True))
    rows, single = list(_inside(request)), one_step(request)
    before = {name: [] for name in request.cell.previous}
    for place, sample in rows:
        for name, one in request.cell.previous.items():
            before[name].append(_before(request, result.trace, name, one, place, sample))
    each = [request.inputs[(*place, sample)] for place, sample in rows]
    axes = request.cell.axes
    single = replace(
        single,
        inputs=torch.stack(each).reshape(*[1] * axes, len(rows), -1),
        state={
            name: torch.stack(values).reshape(*[1] * (axes - 1), len(rows), -1)
            for name, values in before.items()
        },
    )
    trace = Reference().run(replace(single, trace=True)).trace
    other = torch.zeros(len(rows), dtype=torch.bool)
    for name, values in {**trace.states, **trace.gates}.items():
        found = torch.stack([{**result.trace.states, **result.trace.gates}[name][(*p, b)] for p, b in rows])
        values = values.reshape(len(rows), -1)
        other |= ((found - values).abs() > NEAR * (1 + values.abs())).any(1)
        assert found.isfinite().all()
        assert (found - values).abs().max() < 0.1 * (1 + values.abs().max())
    # Products of values of the same step, which may round to other integers: rarely more than one value does.
    assert other.sum() <= (2 if len(plan(request.cell, extras(request)).stages) > 1 else 0)
    return result


def one_step(request):
    """The request with the same weights for single steps."""
    return replace(request, lengths=None, resets=None, reverse=False)


def _inside(request):
    *sizes, batch, _ = request.inputs.shape
    for sample in range(batch):
        own = sizes if request.lengths is None else request.lengths[sample].reshape(-1).tolist()
        for place in product(*map(range, own)):
            yield place, sample


def _before(request, trace, name, one, place, sample):
    """A state before a position, as the kernel left it."""
    axis = max(0, one.axis - 1)
    back = request.directions[axis]
    if request.resets is not None:
        after = place[0] + 1 if back else place[0]  # backwards, the reset before a step comes after it
        size = len(request.resets) if request.lengths is None else int(request.lengths[sample])
        if after < size and request.resets[after, sample]:
            return torch.zeros_like(request.state[name][sample])
    step = place[axis] + (1 if back else -1)
    *sizes, _, _ = request.inputs.shape
    own = sizes if request.lengths is None else request.lengths[sample].reshape(-1).tolist()
    if 0 <= step < own[axis]:
        return trace.states[one.state][(*place[:axis], step, *place[axis + 1 :], sample)]
    return request.state[name][(*place[:axis], *place[axis + 1 :], sample)]


def by_loops(values, matrix, scales, bias):
    """One row of a product, number by number."""
    largest = max(abs(one) for one in values)
    factor = torch.tensor(127.0) / largest if largest else torch.tensor(0.0)
    whole = [round(float(torch.tensor(one) * factor)) for one in values]
    sums = [sum(int(w) * v for w, v in zip(row, whole, strict=True)) for row in matrix]
    return [
        total * float(torch.tensor(largest) / 127) * float(scale) + float(b)
        for total, scale, b in zip(sums, scales, bias, strict=True)
    ]


def test_the_arithmetic_is_that_of_plain_loops():
    values, matrix = torch.randn(6, 9), torch.randint(-127, 128, (5, 9), dtype=torch.int8)
    values[1] = 0
    values[2] = torch.tensor([127, 0.5, 1.5, 2.5, -0.5, -1.5, -126.5, 126.5, 0])  # ties, to even
    values[3] *= 1e30
    values[4] *= 1e-29
    scales, bias = torch.rand(5), torch.randn(5)
    found = int8.linear(values, matrix, scales, bias)
    expected = torch.tensor([by_loops(row, matrix, scales, bias) for row in values.tolist()])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    whole, scale = int8.rounded(values)
    assert whole[2].tolist() == [127, 0, 2, 2, 0, -2, -126, 126, 0]
    assert (scale[1] == 0) & (whole[1] == 0).all()
    assert ((whole * scale - values).abs() <= scale * (0.5 + 1e-5)).all()


def test_a_row_that_is_not_finite_gives_nan_and_others_do_not():
    values, matrix = torch.randn(4, 9), torch.randint(-127, 128, (5, 9), dtype=torch.int8)
    for one in (torch.nan, torch.inf, -torch.inf):
        values[1, 3] = one
        found = int8.linear(values, matrix, torch.rand(5), None)
        assert found[1].isnan().all()
        assert not found[[0, 2, 3]].isnan().any()


@pytest.mark.usefixtures("compiled")
class TestKernel:
    @pytest.mark.parametrize("cell", EVERY)
    def test_every_step(self, cell):
        for size in SIZES:
            steps, batch = size[:2]
            lengths = torch.randint(0, steps + 1, (batch,))
            lengths[0] = steps
            resets = torch.rand(steps, batch) < 0.3
            for more in ({}, {"lengths": lengths, "resets": resets}, {"resets": resets, "reverse": True}):
                assert_same(sequences(cell, size, **more))

    def test_lengths_and_final_states(self):
        lengths = torch.tensor([3, 0, 1])
        for reverse in (False, True):
            request = sequences(LSTM, (3, 3, 5, 17), lengths=lengths, reverse=reverse)
            result = assert_same(request)
            for sample, length in enumerate(lengths.tolist()):
                assert not result.output[length:, sample].any()
                for name, values in result.final.items():
                    last = 0 if reverse else length - 1
                    states = result.trace.states[name]
                    expected = states[last, sample] if length else request.state[name][sample]
                    assert torch.equal(values[sample], expected)

    @pytest.mark.parametrize("cell", LATTICES, ids=lambda one: one.__name__)
    def test_lattices(self, cell):
        lengths = torch.tensor([[3, 4], [1, 1], [2, 4]])
        for more in ({}, {"lengths": lengths, "reverse": (True, False)}):
            for inputs, hidden in ((3, 17), (21, 40)):
                assert_same(request_for(cell, (3, 4), 3, inputs, hidden, **more))

    def test_projection_and_zoneout(self):
        for size in SIZES[1:]:
            assert_same(sequences(LSTM, size, projected=7, zoneout={"c": 0.25}))

    @pytest.mark.parametrize("threads", [1, 2, 3])
    def test_every_way_of_sharing_work_among_threads(self, monkeypatch, threads):
        for share, ahead in product((False, True), (False, True)):
            way = (threads, share and threads > 1, ahead)
            monkeypatch.setattr(kernel_module, "plan_threads", lambda *given, way=way: way)
            for size in [(5, 7, 3, 90), (4, 1, 2, 200), (140, 1, 6, 33)]:
                assert_same(sequences(LSTM, size))

    @pytest.mark.parametrize(
        "instructions",
        [V3, *(pytest.param(one, marks=pytest.mark.thorough) for one in (V1, V4, AVX_VNNI))],
        ids=lambda one: one.name,
    )
    def test_processors_with_other_instructions(self, monkeypatch, instructions):
        """AVX2, SSE2 and AVX-512 without VNNI multiply 16 bits; AVX-VNNI has vectors of 32 bytes."""
        narrower(monkeypatch, instructions)
        own = Native()
        chosen = Kernel(LSTM, extras(sequences(LSTM, SIZES[0])), torch.int8)
        monkeypatch.setattr("gatewise.engine.native.kernel", lambda *given: chosen)
        for size in SIZES:
            assert_same(sequences(LSTM, size), own)

    def test_values_that_are_not_finite_or_tiny(self):
        request = sequences(LSTM, (2, 4, 20, 17))
        for value in (torch.nan, torch.inf):
            request.inputs[0, 1, 3] = value
            result = Native().run(request)
            assert result.output[:, 1].isnan().all()
            assert not result.output[:, [0, 2, 3]].isnan().any()
        for scale in (0.0, 1e-35, 1e-31, 1e-28, 1e36):
            assert_same(replace(request, inputs=scale * torch.randn(2, 4, 20)))

    def test_largest_sums(self):
        """The widest row whose integers are all largest, without an overflow."""
        request = sequences(LSTM, (1, 1, int8.WIDEST, 16))
        request.parameters["weight_ih"].fill_(-127)
        request.parameters["weight_ih.scale"].fill_(1 / int8.WIDEST / 127)
        request.inputs.fill_(1.0)
        assert_same(request)

    def test_changed_weights_are_packed_anew(self):
        request = sequences(LSTM, (2, 3, 5, 17))
        first = Native().run(request).output
        for name in ("weight_hh", "weight_ih.scale", "bias_hh"):
            request.parameters[name][3] *= -1
            assert_same(request)
            second = Native().run(request).output
            assert not torch.equal(first, second)
            first = second


WIDE = {"weight_ih": torch.zeros(4, int8.WIDEST + 1, dtype=torch.int8)}
MISTAKES = [
    ({"inputs": torch.zeros(2, 3, 5).double()}, "input as torch.float32 on cpu, got torch.float64"),
    ({"inputs": torch.zeros(2, 3, 5).bfloat16()}, "input as torch.float32 on cpu, got torch.bfloat16"),
    ({"inputs": torch.zeros(2, 3, 5, requires_grad=True)}, "computes no gradient, and input requires one"),
    ({"parameters": {"weight_hh": torch.zeros(68, 17)}}, "weight_hh as torch.int8"),
    ({"parameters": {"weight_hh.scale": torch.zeros(67)}}, r"weight_hh.scale of shape \[68\], got \[67\]"),
    ({"parameters": {"bias_hh": torch.zeros(68).double()}}, "bias_hh as torch.float32"),
    ({"parameters": WIDE}, "at most 65536 columns, got 65537"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
@pytest.mark.parametrize("backend", [Native(), Reference()], ids=lambda one: one.name)
def test_mistakes_are_refused_in_one_line(change, message, backend):
    request = sequences(LSTM, (2, 3, 5, 17))
    if "parameters" in change:
        change = {"parameters": {**request.parameters, **change["parameters"]}}
    request = replace(request, **change)
    if backend.refusal(request) is not None:
        pytest.skip("there is no kernel")
    with pytest.raises(GatewiseError, match=message) as refused:
        backend.run(request)
    assert "\n" not in str(refused.value)


def test_a_missing_scale_is_named():
    request = sequences(LSTM, (2, 3, 5, 17))
    del request.parameters["weight_hh.scale"]
    with pytest.raises(GatewiseError, match="weight_hh"):
        Reference().run(request)
