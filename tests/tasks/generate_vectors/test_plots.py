"""Pictures of sequences: rolls, strokes, curves."""

import matplotlib.image
import numpy as np
import pytest

from gatewise.plots.saving import save_picture
from gatewise.tasks.generate_vectors.plots import VectorLayout, _draw_pen, draw_vectors

RANDOM = np.random.default_rng(0)
NAMES = ("a$b", "c^d$", "[e]")


def colours(path):
    """The colours of a picture, each as one number."""
    return np.unique((255 * matplotlib.image.imread(path)[..., :3]).astype(int) @ [1 << 16, 1 << 8, 1])


@pytest.mark.parametrize(
    ("values", "layout"),
    [
        (RANDOM.integers(0, 2, (9, 3)).astype(float), VectorLayout(NAMES, (0, 1, 2))),
        (np.zeros((4, 3)), VectorLayout(NAMES, (0, 1, 2))),
        (RANDOM.normal(size=(9, 3)), VectorLayout(NAMES, ())),
        (np.array([[0, 0, 1], [1, 1, 0], [2, 0, 1.0]]), VectorLayout(NAMES, (2,), NAMES[:2])),
    ],
    ids=["roll", "silence", "curves", "pen"],
)
def test_true_ones_above_drawn_ones(tmp_path, values, layout):
    save_picture(
        draw_vectors({"true": [values], "drawn by $x": [values] * 4}, layout), tmp_path / "picture.png"
    )
    assert len(colours(tmp_path / "picture.png")) > 2


def test_a_pen_is_lifted_after_a_one():
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    values = np.array([[0, 0, 0], [1, 0, 1], [5, 5, 1], [7, 7, 0], [8, 8, 0]], dtype=float)
    _draw_pen(axes, values, VectorLayout(("x", "y", "up"), (2,), ("x", "y")), "black")
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0, 1], [5], [7, 8]]
    assert [line.get_marker() for line in axes.lines] == ["", ".", ""]
