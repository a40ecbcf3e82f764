"""How sequences are cut and shared out: nothing is lost, nothing is in two parts."""

import numpy as np
import pytest

from gatewise.data.labels.part_files import part_files
from gatewise.data.labels.pieces import Pieces, cut, divided, usual_cut, whole
from gatewise.errors import GatewiseError


def all_steps(parts):
    return sorted(step for one in parts for step in steps(one))


def steps(pieces):
    return sorted(
        step
        for start, size in zip(pieces.starts, pieces.sizes, strict=True)
        for step in range(start, start + size)
    )


@pytest.mark.parametrize("lengths", [[5] * 40, [3, 200, 7] * 5, [1, 2, 3], [1000], [150, 400]])
@pytest.mark.parametrize("shares", [(0.15, 0.2), (0.3,), ()])
def test_every_step_is_in_one_part(lengths, shares):
    offsets = np.cumsum([0, *lengths])
    parts = divided("x", offsets, shares)
    assert len(parts) == 1 + len(shares)
    assert all_steps(parts) == list(range(offsets[-1]))
    for part, share in zip(parts[1:], shares, strict=True):
        if len(lengths) in (1, 2, 40):
            assert part.sizes.sum() == pytest.approx(share * offsets[-1], abs=2)
    again = divided("x", offsets, shares)
    assert all((one.starts == other.starts).all() for one, other in zip(parts, again, strict=True))


def test_sequences_stay_whole_and_are_drawn():
    offsets = np.cumsum([0, *range(1, 41)])
    parts = divided("x", offsets, (0.25, 0.25))
    for one in parts:
        assert set(zip(one.starts, one.sizes, strict=True)) <= set(
            zip(*vars(whole(offsets)).values(), strict=True)
        )
    assert [len(one) for one in parts] == [20, 10, 10]
    assert (np.diff(parts[1].starts) > 0).all()
    assert parts[1].starts.tolist() != whole(offsets).starts[20:30].tolist()


def test_a_few_long_ones_are_divided_in_time():
    train, validation, test = divided("x", np.array([0, 200, 600]), (0.1, 0.2))
    assert (train.starts.tolist(), train.sizes.tolist()) == ([0, 200], [140, 280])
    assert validation.starts.tolist() == [140, 480]
    assert test.starts.tolist() == [160, 520]


def test_too_few():
    with pytest.raises(GatewiseError, match="x has 2 sequences, too few for 3 parts"):
        divided("x", np.array([0, 5, 9]), (0.1, 0.2))
    with pytest.raises(
        GatewiseError, match="x has 1 sequence, too few for 3 parts; give more, or put an empty"
    ):
        divided("x", np.array([0, 5]), (0.1, 0.2))


def test_cuts_are_even():
    pieces = cut(Pieces(np.array([3, 20]), np.array([11, 4])), 5)
    assert steps(pieces) == [*range(3, 14), *range(20, 24)]
    assert pieces.sizes.tolist() == [3, 4, 4, 4]
    same = Pieces(np.array([0]), np.array([7]))
    assert cut(same, 0) is same
    assert usual_cut(np.array([0, 900, 1800])) == 0
    assert usual_cut(np.array([0, 900, 2000])) == 500


def test_files_of_a_folder_by_their_names(tmp_path):
    for name in ("en-ud-train.conllu", "en-ud-dev.conllu", "README.txt", ".test.swp"):
        (tmp_path / name).write_text("")
    assert part_files(tmp_path) == {
        "train": tmp_path / "en-ud-train.conllu", "validation": tmp_path / "en-ud-dev.conllu",
    }  # fmt: skip
    assert part_files(tmp_path / "README.txt") == {"train": tmp_path / "README.txt"}
    (tmp_path / "valid.txt").write_text("")
    with pytest.raises(GatewiseError, match="are both to choose by; take one away"):
        part_files(tmp_path)
    with pytest.raises(GatewiseError, match="there is no file"):
        part_files(tmp_path / "none")
    (tmp_path / "other").mkdir()
    with pytest.raises(GatewiseError, match="has no file called like train"):
        part_files(tmp_path / "other")
