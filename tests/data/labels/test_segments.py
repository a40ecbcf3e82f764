"""How sequences are cut and split: no step is lost, or in two sets."""

import numpy as np
import pytest

from gatewise.data.labels.segments import (
    Segments,
    cut_segments,
    default_max_length,
    split_segments,
    whole_sequences,
)
from gatewise.data.labels.set_files import find_set_files
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError


def all_steps(parts):
    return sorted(step for one in parts for step in steps(one))


def steps(segments):
    return sorted(
        step
        for start, size in zip(segments.starts, segments.sizes, strict=True)
        for step in range(start, start + size)
    )


@pytest.mark.parametrize("lengths", [[5] * 40, [3, 200, 7] * 5, [1, 2, 3], [1000], [150, 400]])
@pytest.mark.parametrize("fractions", [Fractions(0.15, 0.2), Fractions(0.3, 0.0), Fractions(0.0, 0.0)])
def test_every_step_is_in_one_set(lengths, fractions):
    offsets = np.cumsum([0, *lengths])
    parts = [*split_segments("x", offsets, fractions).values()]
    assert all_steps(parts) == list(range(offsets[-1]))
    for part, fraction in zip(parts[1:], (fractions.validation, fractions.test), strict=True):
        if len(lengths) in (1, 2, 40):
            assert part.sizes.sum() == pytest.approx(fraction * offsets[-1], abs=2)
    again = split_segments("x", offsets, fractions).values()
    assert all((one.starts == other.starts).all() for one, other in zip(parts, again, strict=True))


def test_sequences_stay_whole_and_are_drawn():
    offsets = np.cumsum([0, *range(1, 41)])
    parts = [*split_segments("x", offsets, Fractions(0.25, 0.25)).values()]
    for one in parts:
        assert set(zip(one.starts, one.sizes, strict=True)) <= set(
            zip(*vars(whole_sequences(offsets)).values(), strict=True)
        )
    assert [len(one) for one in parts] == [20, 10, 10]
    assert (np.diff(parts[1].starts) > 0).all()
    assert parts[1].starts.tolist() != whole_sequences(offsets).starts[20:30].tolist()


def test_a_few_long_sequences_are_split_in_time():
    train, validation, test = split_segments("x", np.array([0, 200, 600]), Fractions(0.1, 0.2)).values()
    assert (train.starts.tolist(), train.sizes.tolist()) == ([0, 200], [140, 280])
    assert validation.starts.tolist() == [140, 480]
    assert test.starts.tolist() == [160, 520]


def test_too_few():
    with pytest.raises(GatewiseError, match=r"x: expected at least 3 sequences .*, got 2"):
        split_segments("x", np.array([0, 5, 9]), Fractions(0.1, 0.2))
    with pytest.raises(GatewiseError, match=r"x: expected at least 3 sequences .*, got 1; put an empty line"):
        split_segments("x", np.array([0, 5]), Fractions(0.1, 0.2))


def test_cuts_are_even():
    segments = cut_segments(Segments(np.array([3, 20]), np.array([11, 4])), 5)
    assert steps(segments) == [*range(3, 14), *range(20, 24)]
    assert segments.sizes.tolist() == [3, 4, 4, 4]
    same = Segments(np.array([0]), np.array([7]))
    assert cut_segments(same, 0) is same
    assert default_max_length(np.array([0, 900, 1800])) == 0
    assert default_max_length(np.array([0, 900, 2000])) == 500


def test_files_of_a_folder_by_their_names(tmp_path):
    for name in ("en-ud-train.conllu", "en-ud-dev.conllu", "README.txt", ".test.swp"):
        (tmp_path / name).write_text("")
    assert find_set_files(tmp_path) == {
        "train": tmp_path / "en-ud-train.conllu", "validation": tmp_path / "en-ud-dev.conllu",
    }  # fmt: skip
    assert find_set_files(tmp_path / "README.txt") == {"train": tmp_path / "README.txt"}
    (tmp_path / "valid.txt").write_text("")
    with pytest.raises(GatewiseError, match="are both the validation set; remove one"):
        find_set_files(tmp_path)
    with pytest.raises(GatewiseError, match="there is no file"):
        find_set_files(tmp_path / "none")
    (tmp_path / "other").mkdir()
    with pytest.raises(GatewiseError, match="has no file for the training set"):
        find_set_files(tmp_path / "other")
