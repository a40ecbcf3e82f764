"""The confusion matrix as a picture, whatever the classes are called and however many there are."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gatewise.plots.confusion import MAX_LABELLED, draw_confusion
from gatewise.plots.saving import save_picture


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws, and gives the texts inside the matrix and those at its axes."""
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *rest, **more: figures.append(self) or save(self, *rest, **more)
    )

    def draw(table, classes):
        path = tmp_path / "confusion.png"
        save_picture(draw_confusion(np.asarray(table), classes, "lstm $x_1$"), path)
        assert path.read_bytes().startswith(b"\x89PNG")
        axes = figures[-1].axes[0]
        return axes, [(*one.get_position(), one.get_text()) for one in axes.texts]

    return draw


def test_counts_are_in_the_row_of_the_true_class(drawn):
    axes, texts = drawn([[1203, 0], [7, 40]], ("a $\\alpha$ [b]", "a name that is much too long"))
    assert texts == [(0, 0, "1,203"), (0, 1, "7"), (1, 1, "40")]  # column, row
    assert [one.get_text() for one in axes.get_yticklabels()] == ["a $\\alpha$ [b]", "a name that is mu…"]
    assert axes.get_title(loc="left") == "lstm $x_1$: 99.4% of 1,250 correct"
    fractions = axes.images[0].get_array()
    np.testing.assert_allclose(fractions, [[1, 0], [7 / 47, 40 / 47]])


def test_many_classes_and_one_that_is_not_there(drawn):
    table = np.eye(2 * MAX_LABELLED + 5, dtype=int)
    table[3, 3] = 0
    axes, texts = drawn(table, tuple(f"class {one}" for one in range(len(table))))
    assert not texts
    assert len(axes.get_xticklabels()) <= MAX_LABELLED
    assert np.isfinite(axes.images[0].get_array()).all()
