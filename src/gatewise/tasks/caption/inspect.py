"""A caption as an example to look at inside a model: the image, its symbols, and where was looked."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.data.images.captions import CaptionBatch
from gatewise.modules.decoders import given
from gatewise.report.example import AttentionMap, Example, Track
from gatewise.tasks.caption.data import CaptionData
from gatewise.tasks.caption.encoder import ColumnReader
from gatewise.tasks.caption.metrics import captions
from gatewise.tasks.caption.network import CaptionNetwork

END = "(end)"


def caption_example(network: CaptionNetwork, data: CaptionData, number: int) -> Example:
    """An image of the test part with its first caption, which the decoder is given: where it looks then."""
    batch = data.test.__getitems__([data.test.image_of.index(number)])
    pixels = data.files[data.test.numbers[number]]
    pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    names = [data.symbols.shown(data.symbols.name(one)) for one in batch.target[0, :-1].tolist()]
    follows = (*names, END)
    columns = isinstance(network.reader, ColumnReader)
    tracks: tuple[Track, ...] = (
        Track("given", symbols=("(begin)", *names), layer="decoder"),
        Track("to follow", symbols=follows, layer="decoder"),
    )
    if columns:
        tracks = (Track("image", pixels=pixels.swapaxes(0, 1), layer="reader"), *tracks)
    with torch.inference_mode():
        _, weights = _told(network, batch)
    looked = None
    if weights is not None:
        side = 2 ** len(network.reader.convolution.filters)
        looked = AttentionMap(
            weights[0].numpy(), follows, (), "decoder", "reader" if columns else "",
            pixels, (pixels.shape[0] if columns else side, side),
        )  # fmt: skip
    said = captions(network, data.test, data.symbols, [number])[0].text
    return Example(
        batch, data.table.images[data.test.numbers[number]].name, tracks,
        f"told: {said}; true: {data.test.captions[number][0]}", unit="symbol",
        last=lambda: functional.cross_entropy(_told(network, batch)[0][:, -1], batch.target[:, -1]),
        looked=looked,
    )  # fmt: skip


def _told(network: CaptionNetwork, batch: CaptionBatch) -> tuple[Tensor, Tensor | None]:
    """The logits of each symbol of the caption, and where was looked for it."""
    logits, _, weights = network.tell(given(batch.target), network.read(batch))
    return logits, weights
