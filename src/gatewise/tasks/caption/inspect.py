"""One captioned image for inspection: its pixels, its symbols, and the attention map."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.data.images.captions import CaptionBatch
from gatewise.modules.decoders import decoder_inputs
from gatewise.report.example import AttentionMap, Example, Track
from gatewise.tasks.caption.data import CaptionData
from gatewise.tasks.caption.encoder import ColumnEncoder
from gatewise.tasks.caption.metrics import caption_images
from gatewise.tasks.caption.network import CaptionNetwork

END = "(end)"


def caption_example(network: CaptionNetwork, data: CaptionData, number: int) -> Example:
    """An image of the test set, and its first reference caption as the input of the decoder."""
    batch = data.test.__getitems__([data.test.image_of.index(number)])
    pixels = data.files[data.test.numbers[number]]
    pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    names = [data.symbols.display(data.symbols.name(symbol)) for symbol in batch.target[0, :-1].tolist()]
    target = (*names, END)
    columns = isinstance(network.reader, ColumnEncoder)
    tracks: tuple[Track, ...] = (
        Track("decoder input", symbols=("(begin)", *names), layer="decoder"),
        Track("target", symbols=target, layer="decoder"),
    )
    if columns:
        tracks = (Track("image", pixels=pixels.swapaxes(0, 1), layer="reader"), *tracks)
    with torch.inference_mode():
        _, weights = _decode(network, batch)
    attention = None
    if weights is not None:
        side = 2 ** len(network.reader.convolution.filters)
        attention = AttentionMap(
            weights[0].numpy(),
            target,
            (),
            "decoder",
            "reader" if columns else "",
            pixels,
            (pixels.shape[0] if columns else side, side),
        )
    predicted = caption_images(network, data.test, data.symbols, [number])[0].text
    return Example(
        batch,
        data.table.images[data.test.numbers[number]].name,
        tracks,
        f"predicted: {predicted}; true: {data.test.captions[number][0]}",
        unit="symbol",
        last=lambda: functional.cross_entropy(_decode(network, batch)[0][:, -1], batch.target[:, -1]),
        attention=attention,
    )


def _decode(network: CaptionNetwork, batch: CaptionBatch) -> tuple[Tensor, Tensor | None]:
    """The logits of each symbol of the caption, and the attention weights."""
    logits, _, weights = network.decode(decoder_inputs(batch.target), network.encode(batch))
    return logits, weights
