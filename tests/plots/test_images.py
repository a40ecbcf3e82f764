"""Pictures of images: the highest-loss examples have the lowest probability, and what is drawn is drawn."""

import numpy as np
import pytest
import torch
from PIL import Image

from gatewise.plots.highest_loss import draw_highest_loss, evenly_spaced_frames, highest_loss
from gatewise.plots.saving import save_picture
from gatewise.tasks.caption.plots import CaptionedImage, draw_attention, draw_captions

RANDOM = np.random.default_rng(0)


def image(height, width, channels=1):
    return RANDOM.integers(0, 256, (height, width, channels), np.uint8)


def test_the_highest_loss_is_where_the_true_class_has_the_lowest_probability():
    output = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])
    found = highest_loss(output, torch.tensor([0, 0, 1, 0]), ("a", "b"), lambda number: [number], 3)
    assert [one.frames for one in found] == [(3,), (1,), (2,)]
    assert [one.label for one in found] == ["a, not b (20%)", "a, not b (40%)", "b (70%)"]


def test_frames_are_taken_evenly():
    clip = np.arange(22).reshape(22, 1, 1, 1)
    assert [int(frame.squeeze()) for frame in evenly_spaced_frames(clip)] == [0, 3, 6, 9, 12, 15, 18, 21]
    assert len(evenly_spaced_frames(clip[:3])) == 3


@pytest.mark.parametrize("make", [
    lambda: [image(8, 9)], lambda: [image(8, 9, 3)], lambda: [image(8, 9) for _ in range(5)],
    lambda: [RANDOM.normal(size=(8, 9, 2)) for _ in range(3)],
], ids=["grey", "colour", "clip", "fractions"])  # fmt: skip
def test_examples_of_all_kinds_are_drawn(tmp_path, make):
    output = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])
    found = highest_loss(output, torch.tensor([0, 0, 1]), ("$a", "b_{"), lambda number: make(), 3)
    save_picture(draw_highest_loss(found, "$lstm"), tmp_path / "highest-loss.png")
    with Image.open(tmp_path / "highest-loss.png") as drawn:
        assert len(np.unique(np.asarray(drawn.convert("L")))) > 50


def test_captions_are_drawn_with_any_text_and_attention_beside_them(tmp_path):
    shown = [
        CaptionedImage(
            image(8, 20), ("one $two^{", "more"), "one", False, ("one",), (RANDOM.random((8, 20)),)
        ),
        CaptionedImage(image(8, 9, 3), ("three",), "", False),
        CaptionedImage(image(6, 9), ("x",), "x", True, ("x", "<end>"), tuple(RANDOM.random((2, 6, 9)))),
    ]
    save_picture(draw_captions(shown, "$captions"), tmp_path / "captions.png")
    save_picture(draw_attention([shown[0], shown[2]], "attention"), tmp_path / "attention.png")
    for name in ("captions", "attention"):
        with Image.open(tmp_path / f"{name}.png") as drawn:
            assert min(drawn.size) > 200


def test_attention_of_captions_that_are_empty(tmp_path):
    """The predicted caption is empty: its end alone has attention."""
    empty = CaptionedImage(image(8, 20), ("one",), "", False, (), (RANDOM.random((8, 20)),))
    save_picture(draw_attention([empty, empty], "attention"), tmp_path / "attention.png")
    with Image.open(tmp_path / "attention.png") as drawn:
        assert drawn.width > 700  # a title has room
        assert len(np.unique(np.asarray(drawn.convert("L")))) > 50
