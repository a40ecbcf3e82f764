"""The report as one HTML file, which opens offline and makes no requests."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.files import write_whole
from gatewise.report.colours import GATES, LINES, STATES
from gatewise.report.example import AttentionMap, Example, Track
from gatewise.report.inspection import Inspection
from gatewise.report.layer_views import LayerView, layer_views, reach_of
from gatewise.report.mathml import equations, symbol
from gatewise.report.packed import packed

SCRIPTS = (
    "data",
    "colours",
    "strips",
    "tracks",
    "maps",
    "lattice",
    "lines",
    "attention",
    "gradient",
    "units",
    "equations",
    "app",
)
DIGITS = 6  # of numbers of inputs and outputs


def write_page(inspection: Inspection, path: Path, layer: int = 0, step: int | None = None) -> None:
    """Writes the report. layer, step: where it opens; the last step if None.

    Raises: `GatewiseError` if there is no such layer or step.
    """
    text = page(inspection, layer, step)
    encoded = text.encode("utf-8", "backslashreplace")  # a file name may contain bytes that are no text
    write_whole(path, lambda partial: partial.write_bytes(encoded))


def page(inspection: Inspection, layer: int = 0, step: int | None = None) -> str:
    """The report as HTML."""
    data = json.dumps(contents(inspection, layer, step), separators=(",", ":"), allow_nan=False)
    home = files(__package__)
    parts = {
        "title": escape(f"{inspection.name}: {inspection.example.name}".strip(": ")),
        "style": home.joinpath("page.css").read_text("utf-8"),
        "data": data.replace("<", "\\u003c"),  # a user's text must not close the script element
        "script": "\n".join(home.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPTS),
    }
    template = home.joinpath("page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def contents(inspection: Inspection, layer: int = 0, step: int | None = None) -> dict[str, Any]:
    """The content of the page as JSON-compatible data."""
    step = inspection.opening(layer, step)
    example = inspection.example
    return {
        "name": inspection.name,
        "example": example.name,
        "prediction": example.prediction,
        "attribution": _attribution(example),
        "unit": example.unit,
        "times": list(example.times),
        "tracks": [_track(one) for one in example.tracks],
        "attention": None if example.attention is None else _attention(example.attention),
        "layers": [_layer(one) for one in layer_views(inspection, step)],
        "flows": _flows(inspection),
        "no_flow": inspection.no_flow,
        "open": {"layer": layer, "step": step},
        "colours": {"gates": GATES, "states": STATES, "lines": LINES},
    }


def _track(track: Track) -> dict[str, Any]:
    data: dict[str, Any] = {"name": track.name, "layer": track.layer}
    data["lines"] = [
        {"name": one.name, "start": one.start, "values": [_number(value) for value in one.values]}
        for one in track.lines
    ]
    data["symbols"] = list(track.symbols)
    if track.pixels is not None:
        data["pixels"] = _pixels(track.pixels)
    if track.strip is not None:
        strip = track.strip
        data["strip"] = {"names": strip.names, **_numbers(strip.values, strip.signed)}
    return data


def _attention(attention: AttentionMap) -> dict[str, Any]:
    targets, sources = attention.names()
    return {
        "targets": targets,
        "sources": sources,
        "target_module": attention.target_module,
        "source_module": attention.source_module,
        "weights": _numbers(attention.weights, signed=False),
        "patch": attention.patch,
        "pixels": None if attention.pixels is None else _pixels(attention.pixels),
    }


def _attribution(example: Example) -> str:
    """A sentence on the attribution, with the largest contributions."""
    found = example.attribution
    if found is None:
        return ""
    return f"Attribution: {found.sentence()}. Largest contributions: {found.largest(example.times)}."


def _pixels(values: np.ndarray) -> dict[str, Any]:
    pixels = np.ascontiguousarray(values, dtype=np.uint8)
    return {"shape": pixels.shape, "data": b64encode(pixels.tobytes()).decode()}


def _numbers(values: np.ndarray, signed: bool) -> dict[str, Any]:
    """Numbers [rows, columns] that are drawn as colours."""
    return {
        "kind": "state" if signed else "weight",
        "rows": len(values),
        "units": values.shape[1],
        "range": _number(reach_of(values) if signed else reach_of(values, 1.0)),
        **vars(packed(values)),
    }


def _layer(one: LayerView) -> dict[str, Any]:
    trace = one.trace
    values = []
    for name, array in one.values.items():
        small = packed(array)
        values.append(
            {
                "name": name,
                "symbol": symbol(name),
                "kind": one.kind(name),
                "words": one.words(name),
                "units": array.shape[-1],
                "decimals": small.decimals,
                "bits": small.bits,
                "range": _number(one.reach(name)),
                "data": small.data,
            }
        )
    return {
        "title": one.title,
        "module": trace.module,
        "cell": trace.cell.__name__,
        "about": trace.cell.about,
        "direction": trace.direction,
        "axes": one.axes,
        "first": one.first,
        "steps": one.steps,
        "units": one.units,
        "of": one.of,
        "values": values,
        "orders": one.orders,
        "table": {name: _column(one.table[name].to_list()) for name in one.table.columns},
        "equations": [vars(equation) for equation in equations(trace.cell)],
    }


def _flows(inspection: Inspection) -> list[dict[str, Any]]:
    """Each state's norms against the lag."""
    return [
        {
            "title": flow.title,
            "state": state,
            "norms": [_number(value) for value in norms.double().tolist()],
            "sentence": flow.sentence(state),
        }
        for flow in inspection.flows
        for state, norms in flow.norms.items()
    ]


def _column(values: list[Any]) -> list[Any]:
    return [_number(value) if isinstance(value, float) else value for value in values]


def _number(value: float) -> float | str | None:
    """A number as JSON has it; infinity as a string, NaN as None."""
    value = float(value)
    if np.isnan(value):
        return None
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else ("inf" if value > 0 else "-inf")
