"""Inputs with masks and elapsed times, and the networks of GRU-D."""

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import GRU, GRUD, LSTM, PhasedLSTM
from gatewise.data.sequences.gaps import Gaps, TimeUnit, gap_kind, time_since
from gatewise.insight.ablation import ablate_gates
from gatewise.modules.gap_inputs import DecayingRecurrent, DecayingWindow, GapInputs, elapsed_times
from gatewise.modules.sequence_encoder import SequenceEncoder

VALUES = torch.tensor([[[1.0, -2.0], [3.0, 4.0]]])
GAPS = Gaps(
    torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]),
    torch.tensor([[[0.0, 0.0], [1.0, 5.0]]]),
    torch.tensor([[[0.0], [2.0]]]),
)


@pytest.mark.parametrize(("masked", "timed", "width"), [(0, 0, 2), (1, 0, 6), (0, 1, 3), (1, 1, 7)])
def test_inputs_are_the_values_the_mask_and_logarithms_of_times(masked, timed, width):
    inputs = GapInputs(2, gap_kind("mask" if masked else None, TimeUnit(1.0, dated=False) if timed else None))
    given = Gaps(*GAPS[: 2 * masked], *[None] * (2 - 2 * masked), GAPS.elapsed if timed else None)
    expected = [VALUES] + [GAPS.observed, GAPS.since.log1p()] * masked + [GAPS.elapsed.log1p()] * timed
    assert inputs.width == width
    assert torch.equal(inputs(VALUES, given), torch.cat(expected, dim=-1))


def test_a_missing_value_decays_to_the_mean():
    inputs = GapInputs(2, "mask", decay=True)
    with torch.no_grad():
        inputs.decay.weight.copy_(torch.tensor([0.5, -1.0]))
    decayed = inputs(VALUES, GAPS)[..., :2]
    torch.testing.assert_close(decayed, torch.tensor([[[1.0, -2.0], [3.0 * 2.718281828**-0.5, 4.0]]]))
    timed = GapInputs(2, "times", decay=True)(VALUES, Gaps(elapsed=GAPS.elapsed))
    assert torch.equal(timed, torch.cat([VALUES, torch.ones(1, 2, 2), GAPS.elapsed.expand(1, 2, 2)], dim=-1))


def test_a_missing_target_of_a_window_decays_by_the_steps_since_the_last_value_before():
    random = np.random.default_rng(0)
    observed = random.random((9, 12)) < 0.5
    observed[:, 0] = True
    windows, expected, times = [], [], []
    for own in observed:
        values, since = random.normal(size=12), time_since(own[:, None], np.arange(12.0))[:, 0]
        last = [values[np.flatnonzero(own[: step + 1])[-1]] for step in range(12)]
        windows.append(
            np.stack([last, random.normal(size=12), own, np.log1p(np.where(own, 0, since))], axis=1)
        )
        kept = np.where(own, 1, np.exp(-np.maximum(0.3 * since - 0.5, 0)))
        expected.append(0.25 + kept * (np.array(last) - 0.25))
        times.append(since)
    past, layer = torch.tensor(np.stack(windows)), DecayingWindow().double()
    with torch.no_grad():
        layer.decay.weight.fill_(0.3)
        layer.decay.bias.fill_(-0.5)
    steps, since = layer(past, torch.full((9, 1, 1), 0.25))
    torch.testing.assert_close(since[..., 0], torch.tensor(np.stack(times)))
    torch.testing.assert_close(steps[..., 0], torch.tensor(np.stack(expected)))
    assert torch.equal(steps[..., 1:], past[..., 1:3])
    _, later = layer(past[:, 6:], torch.zeros(9, 1, 1))  # the last value may be before a window
    is_known = torch.tensor(~observed[:, 6:])
    is_known[:, 1:] = True
    torch.testing.assert_close(later[..., 0][is_known], since[:, 6:, 0][is_known])


def test_the_decay_of_the_state_reads_the_times_alone():
    torch.manual_seed(0)
    layers = DecayingRecurrent(GRUD, 6, 4, 2, bidirectional=True)
    x = torch.randn(3, 1, 6)
    with gatewise.backend("reference"):
        _assert_the_decay_reads_times(layers, x)


def _assert_the_decay_reads_times(layers, x):
    output, _, traces = layers(x, trace=True)
    with_values, with_times = x.clone(), x.clone()
    with_values[..., :4] += 1
    with_times[..., 4:] += 1
    for changed, same, differs in ((with_values, "d", "r"), (with_times, None, "d")):
        for one, other in zip(traces[:2], layers(changed, trace=True)[2][:2], strict=True):
            assert same is None or torch.equal(one.gates[same], other.gates[same])
            assert not torch.equal(one.gates[differs], other.gates[differs])
    first = layers(with_times, trace=True)[2][0].gates["z"][0]
    assert torch.equal(first, traces[0].gates["z"][0])  # the state before is zero
    output.sum().backward()
    assert not layers.weight_ih_l0.grad[layers.reads == 0].any()
    assert "reads" not in layers.state_dict()


def test_gates_of_decaying_layers_are_ablated():
    torch.manual_seed(0)
    layers, x = DecayingRecurrent(GRUD, 6, 4, 1), torch.randn(5, 2, 6)
    found = ablate_gates(layers, lambda: layers(x)[0].square().mean())
    assert found["change"].abs().min() > 0


def test_an_encoder_without_gaps_has_the_parameters_that_it_had():
    encoder = SequenceEncoder(GRU, channels=2, hidden=3)
    assert not [name for name, _ in encoder.named_parameters() if name.startswith("inputs")]
    wide = SequenceEncoder(GRU, channels=2, hidden=3, filters=4, gaps="both")
    assert wide.encode(VALUES, torch.tensor([2]), GAPS).shape == (1, 10)


def test_a_cell_that_reads_elapsed_times_is_given_them():
    encoder = SequenceEncoder(PhasedLSTM, channels=2, hidden=4, gaps="times", pooling="last").eval()
    values, lengths = torch.randn(3, 6, 2), torch.tensor([6, 2, 4])
    gaps = Gaps(elapsed=torch.rand(3, 6, 1))
    expected, _ = encoder.recurrent(
        encoder.inputs(values, gaps).transpose(0, 1), lengths=lengths, elapsed=gaps.elapsed[..., 0].T
    )
    torch.testing.assert_close(encoder.encode(values, lengths, gaps)[0, :4], expected[5, 0, :4])
    assert elapsed_times(LSTM, gaps) is None
    assert elapsed_times(PhasedLSTM, None) is None
