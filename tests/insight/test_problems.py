"""Problems as published: lengths, markers, targets, and what a grammar permits."""

import math

import pytest
import torch

from gatewise.insight.problems import of_1997
from gatewise.insight.problems.copying import (
    BLANK,
    COPIED,
    MARK,
    copy_memory,
    memoryless_loss,
    selective_copying,
)
from gatewise.insight.problems.counting import counted_strings
from gatewise.insight.problems.reber import INNER, SYMBOLS, ReberStreams, coins, embedded_string, strings
from gatewise.insight.problems.spikes import generated_spikes, measured_delays


def random(seed=1):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("make", "target"),
    [
        (of_1997.adding, lambda one, other: 0.5 + (one + other) / 4),
        (of_1997.multiplication, lambda one, other: one * other),
    ],
)
def test_two_numbers_are_marked(make, target):
    problem = make(100, 600, random())
    assert (problem.lengths.min(), problem.lengths.max()) == (100, 110)
    found = set()
    for row in range(600):
        length = problem.lengths[row]
        values, marks = problem.inputs[:length, row].T
        assert marks[-1] == -1
        places = (marks == 1).nonzero().flatten().tolist()
        assert len(places) == 2
        assert places[0] < 10
        assert places[1] <= 49
        assert marks.count_nonzero() == 3 + (marks[0] == -1)
        if places[0] > 0:
            assert target(*values[places]) == pytest.approx(problem.targets[row].item())
        found.update(places)
    assert found == set(range(50))
    lowest = problem.inputs[..., 0].min()
    assert lowest == pytest.approx(-1 if make is of_1997.adding else 0, abs=0.01)


def test_the_first_number_is_neutral_if_marked():
    for make, neutral in ((of_1997.adding, 0.0), (of_1997.multiplication, 1.0)):
        problem = make(100, 500, random())
        row = int((problem.inputs[0, :, 1] == 1).nonzero()[0])
        other = problem.inputs[1:, row, 0][problem.inputs[1:, row, 1] == 1].item()
        wanted = 0.5 + (neutral + other) / 4 if make is of_1997.adding else neutral * other
        assert problem.targets[row].item() == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("symbols", "ranges"), [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])]
)
def test_the_order_of_x_and_y_is_the_target(symbols, ranges):
    problem = of_1997.temporal_order(symbols, 300, random())
    sequences = problem.inputs.argmax(-1)
    assert problem.classes == 2**symbols
    for row in range(300):
        own = sequences[: problem.lengths[row], row]
        places = (own < 2).nonzero().flatten().tolist()
        assert all(low <= place <= high for place, (low, high) in zip(places, ranges, strict=True))
        assert problem.targets[row].item() == int("".join(str(int(own[place])) for place in places), 2)
        assert (own[0], own[-1]) == (of_1997.ORDER_BEGIN, of_1997.ORDER_END)
        assert own[1:-1].max() < 6
        assert 100 <= len(own) <= 110


def test_the_first_symbol_is_the_target_after_a_long_lag():
    problem = of_1997.random_between(30, 200, random())
    sequences = problem.inputs.argmax(-1)
    assert torch.equal(sequences[0], problem.targets[:, 0])
    assert (sequences[1:].min(), sequences[1:].max()) == (2, 30)


def test_the_lag_is_never_shorter_than_asked_for():
    problem = of_1997.long_lag(50, 40, 3000, random())
    sequences = problem.inputs.argmax(-1)
    assert torch.equal(sequences[1] - 40, problem.targets[:, 0])
    last = sequences.gather(0, problem.lengths[None] - 1)
    assert (last == 43).all()
    assert (sequences[0] == 42).all()
    assert problem.lengths.min() == 53  # b, the symbol, 50 distractors, e
    assert problem.lengths.float().mean().item() == pytest.approx(62, abs=0.6)  # 9 more on average
    assert all(sequences[2 : problem.lengths[row] - 1, row].max() < 40 for row in range(50))


def test_the_first_elements_are_the_class():
    problem = of_1997.noisy_classes(100, 3, 500, random())
    assert torch.equal((problem.inputs[:3, :, 0] + 1) / 2, problem.targets.T.expand(3, -1))
    assert problem.inputs[3:].var().item() == pytest.approx(0.2, rel=0.05)


def test_strings_follow_the_grammar():
    coin, seen = coins(random()), set()
    for _ in range(300):
        string, permitted = embedded_string(coin)
        assert string[0] == "B"
        assert string[-1] == "E"
        assert string[1] == string[-2] in "TP"
        state = 0
        for symbol in string[2:-2]:
            state = INNER[state][symbol]
        assert state == len(INNER)
        assert len(permitted) == len(string) - 1
        assert all(follows in some for follows, some in zip(string[1:], permitted, strict=True))
        assert permitted[-2] == string[1]
        assert all(some in ("TP", "SX", "TV", "XS", "PV", "B", "E", "T", "P") for some in permitted)
        seen.add(string)
    assert len(seen) > 100
    assert {"BTBTXSETE", "BPBTXSEPE"} & seen  # among the shortest


def test_a_batch_of_strings_ends_where_each_ends():
    problem = strings(50, random())
    for row in range(50):
        steps = int(problem.counted[:, row].sum())
        assert problem.counted[:steps, row].all()
        assert problem.targets[steps - 1, row].tolist() == [float(one == "E") for one in SYMBOLS]
        assert problem.targets[:steps, row].sum(-1).max() == 2
        assert not problem.inputs[steps:, row].any()


def test_a_stream_continues_from_piece_to_piece():
    streams, whole = ReberStreams(3, random(2)), ReberStreams(3, random(2))
    pieces = [streams.read(20) for _ in range(4)]
    assert torch.equal(torch.cat([one.inputs for one in pieces]), whole.read(80).inputs)
    for stream in range(3):
        symbols = "".join(SYMBOLS[one] for piece in pieces for one in piece.inputs[:, stream].argmax(-1))
        targets = torch.cat([piece.targets[:, stream] for piece in pieces])
        assert "EB" in symbols
        for step, following in enumerate(symbols[1:]):
            assert targets[step, SYMBOLS.index(following)] == 1
    streams.restart([1])
    piece = streams.read(5)
    assert SYMBOLS[piece.inputs[0, 1].argmax()] == "B"
    assert torch.equal(piece.inputs[:, 0], whole.read(5).inputs[:, 0])


@pytest.mark.parametrize("letters", [2, 3])
def test_strings_that_count(letters):
    problem = counted_strings(letters, range(1, 6))
    size = letters + 2
    for row, count in enumerate(range(1, 6)):
        steps = int(problem.counted[:, row].sum())
        assert steps == letters * count + 1
        symbols = problem.inputs[:steps, row].argmax(-1).tolist()
        assert symbols == [letters, *(letter for letter in range(letters) for _ in range(count))]
        targets = problem.targets[:steps, row]
        assert targets[0].tolist() == [1.0] + [0.0] * (size - 1)  # a after S
        assert (targets[1 : count + 1, :2] == 1).all()  # a or b after a
        assert targets[count + 1 :].sum(-1).tolist() == [1.0] * (steps - count - 1)
        assert targets[-1, letters + 1] == 1  # T at the end
        if letters == 3:
            assert targets[2 * count, 2] == 1  # c after the last b


def test_delays_are_measured_from_spike_to_spike():
    problem = measured_delays(10, 3, 6, 40, random())
    for row in range(40):
        at = problem.inputs[:, row, 0].nonzero().flatten() + 1
        assert len(at) == 6
        delays = at.diff(prepend=torch.zeros(1, dtype=at.dtype)) - 10
        assert problem.targets[at - 1, row, 0].tolist() == delays.tolist()
        assert problem.targets[:, row].sum() == delays.sum()
        assert problem.counted[:, row].sum() == at[-1]


def test_spikes_are_generated_after_each_delay():
    problem = generated_spikes(10, 3, 6, 40, random())
    for row in range(40):
        at = problem.targets[:, row, 0].nonzero().flatten() + 1
        starts = torch.cat([torch.zeros(1, dtype=at.dtype), at[:-1]])
        delays = problem.inputs[starts, row, 0]
        assert ((at - starts) == 10 + delays).all()
        assert problem.inputs[:, row].sum() == delays.sum()


@pytest.mark.parametrize("make", [copy_memory, selective_copying])
def test_ten_symbols_are_repeated_after_the_mark(make):
    problem = make(30, 20, random())
    inputs, targets = problem.inputs.argmax(-1), problem.targets.argmax(-1)
    assert inputs.shape == (50, 20)
    assert (inputs[39] == MARK).all()
    assert (inputs[40:] == BLANK).all()
    assert (targets[:40] == BLANK).all()
    for row in range(20):
        given = inputs[:39, row]
        assert given[given != BLANK].tolist() == targets[40:, row].tolist()
    if make is copy_memory:
        assert (inputs[:COPIED] < BLANK).all()
    else:
        assert (
            len({tuple((inputs[:39, row] != BLANK).nonzero().flatten().tolist()) for row in range(20)}) > 15
        )


def test_the_loss_without_a_memory():
    assert memoryless_loss(80) == pytest.approx(10 * math.log(8) / 100)
