"""Reports that tests look at: of sequences in both directions, with numbers and symbols, and of lattices."""

import numpy as np
import torch

import gatewise
from gatewise.training.example import Example, Line, Track
from gatewise.views.report import inspect

NASTY = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
STEPS, UNITS = 12, 5


def sequences(cell=gatewise.LSTM, steps=STEPS, units=UNITS, with_loss=True, **options):
    """Two layers on one sequence with a forecast beyond its end; every text is hostile."""
    torch.manual_seed(3)
    layer, x = cell(2, units, num_layers=2, **options), 2 * torch.randn(steps, 1, 2)
    tracks = (
        Track(NASTY, (Line("given", x[:, 0, 0].numpy()), Line(NASTY, np.array([0.25, 0.5]), steps))),
        Track(
            "read",
            symbols=(*"abcdefghijklmnopqrstuvwxyz"[: steps - 1], "<"),
        ),
    )
    times = tuple(f"day {step}" for step in range(steps + 2))
    example = Example(None, NASTY, tracks, NASTY, times, "day")
    loss = (lambda: layer(x)[0][-1].square().sum()) if with_loss else None
    return inspect(layer, lambda: layer(x), loss, example, f"a model of {NASTY}")


def lattices():
    """An MDLSTM from all four corners of an image of 6 x 4."""
    torch.manual_seed(3)
    layer, image = gatewise.MDLSTM(1, 3, axes=2, directions="all"), torch.rand(1, 6, 4, 1)
    pixels = (255 * image[0, ..., 0]).byte().numpy()
    example = Example(None, "image 0", (Track("image", pixels=pixels),))
    return inspect(layer, lambda: layer(image), lambda: layer(image)[0].sum(), example)
