"""Descriptions of models that an earlier version wrote, brought up to the present format step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FORMAT = 4
RENAMED = {  # options of a config.yaml that an earlier version wrote
    "epoch_steps": "min_steps_per_epoch",
    "test_share": "test_fraction",
    "validation_share": "validation_fraction",
}
MOVED = {  # networks that format 3 finds in another package than format 2 did
    "classify.ConvolutionClassifier": "classify_images.ConvolutionClassifier",
    "classify.FrameClassifier": "frames.FrameClassifier",
    "classify.FrameMean": "frames.FrameMean",
    "classify.GridClassifier": "classify_images.GridClassifier",
    "classify.LatticeClassifier": "classify_images.LatticeClassifier",
    "classify.Majority": "modules.Majority",
    "classify.MeanFrame": "frames.MeanFrame",
    "classify.NearestImage": "classify_images.NearestImage",
    "classify.PixelRegression": "classify_images.PixelRegression",
    "classify.RowClassifier": "classify_images.RowClassifier",
    "classify.SequenceClassifier": "modules.SequenceClassifier",
    "generate.Autoregression": "generate_vectors.Autoregression",
    "generate.LinearVectors": "generate_vectors.LinearVectors",
    "generate.Marginal": "generate_vectors.Marginal",
    "generate.Markov": "generate_vectors.Markov",
    "generate.SequenceModel": "generate_vectors.SequenceModel",
    "label.MajorityText": "transcribe.MajorityText",
    "label.TranscriptNetwork": "transcribe.TranscriptNetwork",
    "label.WindowTranscriber": "transcribe.WindowTranscriber",
}
RENAMED_IN_4 = {"translate.WordTable": "translate.IBMModel1"}  # networks
OPTIONS_IN_4 = {  # constructor arguments, by the network
    "caption.CaptionNetwork": {"longest": "max_length", "reading": "encoder"},
    "caption.MostFrequentCaption": {"longest": "length"},
    "caption.NearestImage": {"longest": "length"},
    "transcribe.TranscriptNetwork": {"both": "bidirectional", "join": "stack_frames"},
    "transcribe.WindowTranscriber": {"join": "stack_frames"},
    "translate.MostFrequent": {"longest": "length"},
}
Description = dict[str, Any]


def upgraded(described: Description, version: int) -> Description:
    """A description in the present format; what a step does not understand, it leaves as it is.

    >>> upgraded({"format": 2, "kind": "classify.RowClassifier"}, 2)
    {'format': 4, 'kind': 'classify_images.RowClassifier'}
    """
    for number in range(version, FORMAT):
        described = {**STEPS[number](described), "format": number + 1}
    return described


def _from_2(described: Description) -> Description:
    kind = described.get("kind")
    return {**described, "kind": MOVED.get(kind, kind) if isinstance(kind, str) else kind}


def _from_3(described: Description) -> Description:
    kind, options = described.get("kind"), described.get("options")
    if not isinstance(kind, str) or not isinstance(options, dict):
        return described
    names = OPTIONS_IN_4.get(kind, {})
    options = {names.get(name, name): value for name, value in options.items()}
    return {**described, "kind": RENAMED_IN_4.get(kind, kind), "options": options}


STEPS: dict[int, Callable[[Description], Description]] = {
    2: _from_2,
    3: _from_3,
}  # by the format that each one reads
OLDEST = min(STEPS)
