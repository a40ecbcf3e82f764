"""A sequence or an image of the test set for inspection, with the most probable symbols."""

from __future__ import annotations

import numpy as np
import torch

from gatewise.data.labels.signals import Signals
from gatewise.data.labels.text_lines import TextLines
from gatewise.data.labels.transcript_data import TranscriptData
from gatewise.data.labels.transcripts import TranscriptDataset
from gatewise.modules.ctc import BLANK
from gatewise.modules.network import Network
from gatewise.report.example import Example, Track, channels, require_example
from gatewise.tasks.transcribe.metrics import find_texts
from gatewise.tasks.transcribe.network import Transcriber


def inspect_transcript(network: Network, data: TranscriptData, number: int) -> Example:
    """A sequence or an image of the test set, and the most probable symbol at each step.

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    require_example(number, len(data.test), "sequences in the test set")
    batch, index = data.test.__getitems__([number]), int(data.test.numbers[number])
    assert isinstance(network, Transcriber)
    with torch.inference_mode():
        logits, lengths = network(batch.values, batch.lengths)
    path = logits[0, : int(lengths[0])].argmax(-1).tolist()
    names = tuple("" if symbol == BLANK else data.tokenizer.symbols[symbol - 1] for symbol in path)
    input_tracks = _input_tracks(data, index, batch.values[0].double().numpy(), len(path))
    (predicted,), _ = find_texts(network, _only(data.test, number), data.beam)
    prediction = f"predicted: {data.tokenizer.decode(predicted)}; true: {data.test.texts[number]}"
    tracks = (*input_tracks, Track("most probable symbol", symbols=names, layer="recurrent"))
    end = len(path) - 1
    return Example(
        batch,
        data.names[index],
        tracks,
        prediction,
        last=lambda: network(batch.values, batch.lengths)[0][0, end].log_softmax(-1)[path[end]],
    )


def _input_tracks(data: TranscriptData, index: int, values: np.ndarray, steps: int) -> tuple[Track, ...]:
    """The transposed image, or channels interpolated to the steps of the layers."""
    inputs = data.test.inputs
    if isinstance(inputs, TextLines):
        image = inputs.files[index].swapaxes(0, 1)
        return (Track("image", pixels=image[..., 0] if image.shape[-1] == 1 else image),)
    positions = (np.arange(steps) + 0.5) * len(values) / steps - 0.5
    names = [str(channel) for channel in range(values.shape[1])]
    if isinstance(inputs, Signals):
        names = inputs.channel_names
    interpolated = [np.interp(positions, np.arange(len(values)), channel) for channel in values.T]
    return channels(names, np.stack(interpolated, axis=1))


def _only(split: TranscriptDataset, number: int) -> TranscriptDataset:
    """One sequence of a split."""
    return TranscriptDataset(split.inputs, [split.numbers[number]], [split.texts[number]], split.tokenizer)
