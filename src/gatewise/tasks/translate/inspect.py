"""One pair of texts for inspection: symbols, attention map, and attribution of the translation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.data.text.parallel import PairBatch, ParallelData
from gatewise.data.tokenizers.sentences import END
from gatewise.insight.attribution import attribute_through
from gatewise.modules.decoders import decoder_inputs
from gatewise.report.attribution import accurate_attribution, in_data_units, symbol_track
from gatewise.report.example import AttentionMap, Example, ExampleAttribution, Track
from gatewise.tasks.translate.metrics import translate_texts
from gatewise.tasks.translate.network import EncoderDecoder

END_NAME = "(end)"


def translate_example(network: EncoderDecoder, data: ParallelData, number: int) -> Example:
    """A pair of the test set: the inputs of encoder and decoder, and the target symbols."""
    batch, (text, _) = data.test.__getitems__([number]), data.test.text(number)
    source, target = (
        [*map(symbols.display, map(symbols.name, numbers[:-1].tolist())), END_NAME]
        for symbols, numbers in ((data.source, batch.source[0]), (data.target, batch.target[0]))
    )
    tracks = (
        Track("source", symbols=tuple(source[::-1] if network.reverse else source), layer="encoder"),
        Track("decoder input", symbols=("(begin)", *target[:-1]), layer="decoder"),
        Track("target", symbols=tuple(target), layer="decoder"),
    )
    translation = translate_texts(network, [text], data.source, data.target)[0].text

    def last() -> Tensor:
        logits = network.logits(_decode(network, batch)[0][:, -1])
        return functional.cross_entropy(logits, batch.target[:, -1])

    with torch.inference_mode():
        _, weights = _decode(network, batch)
    attention = None
    if weights is not None:
        attention = AttentionMap(weights[0].numpy(), tuple(target), tracks[0].symbols, "decoder", "encoder")
    return Example(
        batch,
        text,
        tracks,
        f"translation: {translation}",
        unit="symbol",
        last=last,
        attention=attention,
        attribute=lambda _: explain_translate(network, batch, translation, tracks[0]),
    )


def explain_translate(
    network: EncoderDecoder, batch: PairBatch, translation: str, track: Track
) -> ExampleAttribution:
    """Attributes the log-probability of a translation to the source symbols.

    batch: one source; translation: its text; track: that of the source symbols
    """
    numbers = torch.tensor([[*network.translate(batch)[0].numbers, END]])

    def log_probability(source: Tensor) -> Tensor:
        rows = len(source)
        context = network.encode(source, batch.lengths.expand(rows))
        logits = network.logits(network.decode(decoder_inputs(numbers).expand(rows, -1), context)[0])
        logs = logits.log_softmax(-1).gather(-1, numbers.expand(rows, -1).unsqueeze(-1))
        return logs.sum((1, 2))

    attribution = accurate_attribution(
        lambda points: attribute_through(network.source_vectors, log_probability, batch.source, steps=points)
    )
    values = attribution.values[0].double().numpy()
    explained_value = f"ln p of the translation ({translation or 'empty'})"
    baseline = "where every source embedding is zero"
    return in_data_units(attribution, explained_value, baseline, values, (symbol_track(track, values),))


def _decode(network: EncoderDecoder, batch: PairBatch) -> tuple[Tensor, Tensor | None]:
    """The decoder's features of each target symbol, and its attention weights."""
    context = network.encode(batch.source, batch.lengths)
    features, _, weights = network.decode(decoder_inputs(batch.target), context)
    return features, weights
