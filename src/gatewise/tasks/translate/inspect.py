"""A pair of texts as an example to look at inside a model: its symbols, and where was looked."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.data.text.parallel import PairBatch, ParallelData
from gatewise.modules.decoders import given
from gatewise.report.example import AttentionMap, Example, Track
from gatewise.tasks.translate.attribution import explain_translate
from gatewise.tasks.translate.metrics import tell
from gatewise.tasks.translate.network import EncoderDecoder

END = "(end)"


def translate_example(network: EncoderDecoder, data: ParallelData, number: int) -> Example:
    """A pair of the test part: what the encoder reads, what the decoder is given, what is to follow."""
    batch, (text, _) = data.test.__getitems__([number]), data.test.text(number)
    source, target = (
        [*map(symbols.shown, map(symbols.name, numbers[:-1].tolist())), END]
        for symbols, numbers in ((data.source, batch.source[0]), (data.target, batch.target[0]))
    )
    tracks = (
        Track("read", symbols=tuple(source[::-1] if network.reverse else source), layer="encoder"),
        Track("given", symbols=("(begin)", *target[:-1]), layer="decoder"),
        Track("to follow", symbols=tuple(target), layer="decoder"),
    )
    told = tell(network, [text], data.source, data.target)[0].text

    def last() -> Tensor:
        logits = network.logits(_decoded(network, batch)[0][:, -1])
        return functional.cross_entropy(logits, batch.target[:, -1])

    with torch.inference_mode():
        _, weights = _decoded(network, batch)
    looked = None
    if weights is not None:
        looked = AttentionMap(weights[0].numpy(), tuple(target), tracks[0].symbols, "decoder", "encoder")
    return Example(
        batch, text, tracks, f"told: {told}", unit="symbol", last=last, looked=looked,
        explain=lambda _: explain_translate(network, batch, told, tracks[0]),
    )  # fmt: skip


def _decoded(network: EncoderDecoder, batch: PairBatch) -> tuple[Tensor, Tensor | None]:
    """What the decoder makes of each symbol of the target, and where was looked for it."""
    context = network.encode(batch.source, batch.lengths)
    features, _, weights = network.decode(given(batch.target), context)
    return features, weights
