"""Reports that tests look at: of sequences both ways, of an encoder and a decoder, and of lattices."""

import numpy as np
import torch
from torch import nn

import gatewise
from gatewise.report import inspect
from gatewise.report.example import AttentionMap, Example, ExampleAttribution, Line, Strip, Track

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


class Reader(nn.Module):
    """An encoder of 7 steps and a decoder of 4 that begins where it ended."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = gatewise.LSTM(2, UNITS), gatewise.LSTM(2, UNITS)
        self.read, self.given = torch.randn(7, 1, 2), torch.randn(4, 1, 2)

    def forward(self):
        return self.decoder(self.given, self.encoder(self.read)[1])[0]


def looking(over_image=False):
    """A decoder that looked at its source, by name or over an image of 6 x 8; colours over time."""
    torch.manual_seed(4)
    model, weights = Reader(), torch.randn(4, 12 if over_image else 7).mul(2).softmax(-1).numpy()
    read, output = (*"abcdef", NASTY), ("one", "two", NASTY, "(end)")
    part = np.linspace(-1, 1, 14).reshape(2, 7)
    part[1, 5:] = np.nan
    parts = (
        Track("read", symbols=read, strip=Strip(np.linspace(-2, 1, 7)[None], ("read",)), layer="encoder"),
        Track("attribution", strip=Strip(part, ("first", NASTY)), layer="encoder"),
        Track("attention", strip=Strip(weights[:1, :7], ("weight",), signed=False), layer="encoder"),
        Track("given", symbols=output, layer="decoder"),
    )
    image = (255 * torch.rand(6, 8)).byte().numpy()
    attention = (
        AttentionMap(weights, output, (), "decoder", "", image, (2, 2))
        if over_image
        else AttentionMap(weights, output, read, "decoder", "encoder")
    )
    attribution = ExampleAttribution("the logit", 1.5, 0.5, "where all is nothing", 0.25, part[0], parts[:1])
    example = Example(None, "a pair", parts, attention=attention, attribution=attribution)
    return inspect(model, model, lambda: model()[-1].square().sum(), example)


def lattices():
    """An MDLSTM in all four directions of an image of 6 x 4, with the attribution of each pixel."""
    torch.manual_seed(3)
    layer, image = gatewise.MDLSTM(1, 3, axes=2, directions="all"), torch.rand(1, 6, 4, 1)
    pixels = (255 * image[0, ..., 0]).byte().numpy()
    strip = Strip(image[0, ..., 0].T.numpy() - 0.5)
    tracks = Track("image", pixels=pixels), Track("attribution", strip=strip)
    attribution = ExampleAttribution("the logit", 1.0, 0.0, "in the dark", 0.0, np.ones(6), tracks[1:])
    example = Example(None, "image 0", tracks, attribution=attribution)
    return inspect(layer, lambda: layer(image), lambda: layer(image)[0].sum(), example)
