"""Upgrades descriptions of models that an earlier version wrote, format by format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

FORMAT = 7
RENAMED_OPTIONS = {  # options of a config.yaml of an earlier version
    "epoch_steps": "min_steps_per_epoch",
    "test_share": "test_fraction",
    "cut": "chunk_length",
    "every": "frame_stride",
    "forget_words": "word_dropout",
    "spelling": "char_hidden",
    "validation_share": "validation_fraction",
}
MOVED_NETWORKS = {  # networks moved to another package in format 3
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
RENAMED_NETWORKS = {"translate.WordTable": "translate.IBMModel1"}  # networks renamed in format 4
RENAMED_ARGUMENTS = {  # constructor arguments renamed in format 4, by network as named in format 3
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
RENAMED_FIELDS = {  # fields of a preprocessing renamed in format 4, by task
    "caption": {"part": "split_column"},
    "classify": {"apart": "has_test_file", "part": "split_column"},
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
ADDED_ARGUMENTS: dict[str, dict[str, Any]] = {  # constructor arguments of format 5, as in format 4
    "forecast.EncoderDecoderForecastNetwork": {"normalization": "series", "skip": "none"},
    "forecast.ForecastNetwork": {"normalization": "series", "skip": "none"},
    "forecast.GridForecastNetwork": {"normalization": "series", "skip": "none"},
    "forecast.Ridge": {"normalization": "series"},
    "forecast.WindowMLP": {"normalization": "series"},
}
HEADED_NETWORKS = {  # networks whose quantiles were the sorted outputs of a layer up to format 5
    "forecast.EncoderDecoderForecastNetwork",
    "forecast.ForecastNetwork",
    "forecast.GridForecastNetwork",
    "forecast.WindowMLP",
}
NESTED_FIELDS = ("columns", "form", "plan")  # fields of a preprocessing with fields of their own
Description = dict[str, Any]


def upgrade(described: Description, version: int) -> Description:
    """Converts a description to the present format; unknown content is left unchanged.

    >>> upgrade({"format": 2, "kind": "classify.RowClassifier"}, 2)
    {'format': 7, 'kind': 'classify_images.RowClassifier', 'refitted': False}
    """
    for number in range(version, FORMAT):
        described = {**UPGRADES[number](described), "format": number + 1}
    return described


def _from_2(described: Description) -> Description:
    kind = described.get("kind")
    return {**described, "kind": MOVED_NETWORKS.get(kind, kind) if isinstance(kind, str) else kind}


def _from_3(described: Description) -> Description:
    kind, task = str(described.get("kind")), str(described.get("task"))
    changed = dict(described)
    if "options" in described:
        changed["options"] = _rename(described["options"], RENAMED_ARGUMENTS.get(kind, {}))
    if "reading" in described:
        changed["reading"] = _rename_fields(described["reading"], RENAMED_FIELDS.get(task, {}))
    if kind in RENAMED_NETWORKS:
        changed["kind"] = RENAMED_NETWORKS[kind]
    return _rename(changed, {"reading": "preprocessing"})


def _from_4(described: Description) -> Description:
    added, options = ADDED_ARGUMENTS.get(str(described.get("kind")), {}), described.get("options")
    return {**described, "options": {**options, **added}} if isinstance(options, dict) else described


def _from_5(described: Description) -> Description:
    options = described.get("options")
    if described.get("kind") not in HEADED_NETWORKS or not isinstance(options, dict):
        return described
    if options.get("head", "quantiles") != "quantiles":
        return described
    return {**described, "options": {**options, "head": "sorted-quantiles"}}


def _from_6(described: Description) -> Description:
    return {**described, "refitted": described.get("refitted", False)}  # the last models of format 6 have it


def _rename_fields(values: Any, names: Mapping[str, str]) -> Any:
    """Renames the fields of a preprocessing, and joins the fractions of the sets in one field."""
    if not isinstance(values, dict):
        return values
    nested = {
        name: _rename_fields(value, names) if name in NESTED_FIELDS else value
        for name, value in values.items()
    }
    match nested:
        case {"validation_share": validation, "test_share": test} | {"shares": [validation, test]}:
            old = ("validation_share", "test_share", "shares")
            nested = {name: value for name, value in nested.items() if name not in old}
            nested["fractions"] = {"validation": validation, "test": test}
    return _rename(nested, names)


def _rename(values: Any, names: Mapping[str, str]) -> Any:
    """Renames keys."""
    if not names or not isinstance(values, dict):
        return values
    return {names.get(name, name): value for name, value in values.items()}


# Each upgrade by the format that it reads:
UPGRADES: dict[int, Callable[[Description], Description]] = {
    2: _from_2,
    3: _from_3,
    4: _from_4,
    5: _from_5,
    6: _from_6,
}
OLDEST = min(UPGRADES)
