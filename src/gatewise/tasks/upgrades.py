"""Descriptions of models that an earlier version wrote, converted to the present format step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

FORMAT = 4
RENAMED = {  # options of a config.yaml that an earlier version wrote
    "epoch_steps": "min_steps_per_epoch",
    "test_share": "test_fraction",
    "cut": "chunk_length",
    "every": "frame_stride",
    "forget_words": "word_dropout",
    "spelling": "char_hidden",
    "validation_share": "validation_fraction",
}
MOVED = {  # networks that format 3 has in another package than format 2
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
KINDS = {"translate.WordTable": "translate.IBMModel1"}  # networks that format 4 names otherwise than format 3
OPTIONS = {  # constructor arguments that format 4 names otherwise, by the network as format 3 names it
    "caption.CaptionNetwork": {"longest": "max_length", "reading": "encoder"},
    "caption.MostFrequentCaption": {"longest": "length"},
    "caption.NearestImage": {"longest": "length"},
    "classify_images.NearestImage": {"images": "examples"},
    "label.LabelNetwork": {
        "both": "bidirectional",
        "width": "embedding",
        "spelling": "char_hidden",
        "forget_words": "word_dropout",
    },
    "transcribe.TranscriptNetwork": {"both": "bidirectional", "join": "stack_frames"},
    "transcribe.WindowTranscriber": {"join": "stack_frames"},
    "translate.MostFrequent": {"longest": "length"},
}
PREPROCESSING = {  # fields that format 4 names otherwise, by the task
    "caption": {"part": "split_column"},
    "classify": {"part": "split_column"},
    "frames": {"every": "frame_stride"},
    "generate": {"alphabet": "tokenizer", "split": "fractions"},
    "generate-vectors": {"part": "split_column"},
    "label": {"most": "max_length", "part": "split_column", "vocabulary": "tokenizer"},
    "transcribe": {
        "alphabet": "tokenizer",
        "part": "split_column",
        "plan": "options",
        "symbols": "unit",
    },
}
NESTED = ("columns", "form", "plan")  # fields of a preprocessing with fields of their own
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
    kind, task = str(described.get("kind")), str(described.get("task"))
    changed = dict(described)
    if "options" in described:
        changed["options"] = _renamed(described["options"], OPTIONS.get(kind, {}))
    if "reading" in described:
        changed["reading"] = _preprocessing(described["reading"], PREPROCESSING.get(task, {}))
    if kind in KINDS:
        changed["kind"] = KINDS[kind]
    return _renamed(changed, {"reading": "preprocessing"})


def _preprocessing(values: Any, names: Mapping[str, str]) -> Any:
    """The fields of a preprocessing with new names; the fractions of the sets become one field."""
    if not isinstance(values, dict):
        return values
    nested = {
        name: _preprocessing(value, names) if name in NESTED else value for name, value in values.items()
    }
    match nested:
        case {"validation_share": validation, "test_share": test} | {"shares": [validation, test]}:
            old = ("validation_share", "test_share", "shares")
            nested = {name: value for name, value in nested.items() if name not in old}
            nested["fractions"] = {"validation": validation, "test": test}
    return _renamed(nested, names)


def _renamed(values: Any, names: Mapping[str, str]) -> Any:
    """The values, with new names for the keys in `names`."""
    if not names or not isinstance(values, dict):
        return values
    return {names.get(name, name): value for name, value in values.items()}


# By the format that each one reads:
STEPS: dict[int, Callable[[Description], Description]] = {2: _from_2, 3: _from_3}
OLDEST = min(STEPS)
