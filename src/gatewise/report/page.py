"""The report as one HTML file, which opens offline and asks nobody for anything."""

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
    "data", "colours", "strips", "tracks", "maps", "lattice", "lines", "looked", "gradient", "units",
    "equations", "app",
)  # fmt: skip
DIGITS = 6  # of an input's or output's numbers


def write_page(inspection: Inspection, path: Path, layer: int = 0, step: int | None = None) -> None:
    """Writes the report; layer, step: where it opens, at its last step if None.

    Raises: `GatewiseError` where there is no such layer or step.
    """
    text = page(inspection, layer, step)
    encoded = text.encode("utf-8", "backslashreplace")  # a file's name may hold bytes that are no text
    write_whole(path, lambda partial: partial.write_bytes(encoded))


def page(inspection: Inspection, layer: int = 0, step: int | None = None) -> str:
    """The report as text."""
    data = json.dumps(contents(inspection, layer, step), separators=(",", ":"), allow_nan=False)
    home = files(__package__)
    parts = {
        "title": escape(f"{inspection.name}: {inspection.example.name}".strip(": ")),
        "style": home.joinpath("page.css").read_text("utf-8"),
        "data": data.replace("<", "\\u003c"),  # no text of a user ends the script that it is in
        "script": "\n".join(home.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPTS),
    }
    template = home.joinpath("page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def contents(inspection: Inspection, layer: int = 0, step: int | None = None) -> dict[str, Any]:
    """All that the page shows, as plain data."""
    step = inspection.opening(layer, step)
    example = inspection.example
    return {
        "name": inspection.name,
        "example": example.name,
        "said": example.said,
        "explained": _explained(example),
        "unit": example.unit,
        "times": list(example.times),
        "tracks": [_track(one) for one in example.tracks],
        "looked": None if example.looked is None else _looked(example.looked),
        "layers": [_layer(one) for one in layer_views(inspection, step)],
        "flows": _flows(inspection),
        "no_flow": inspection.no_flow,
        "open": {"layer": layer, "step": step},
        "colours": {"gates": GATES, "states": STATES, "lines": LINES},
    }


def _track(track: Track) -> dict[str, Any]:
    told: dict[str, Any] = {"name": track.name, "layer": track.layer}
    told["lines"] = [
        {"name": one.name, "start": one.start, "values": [_number(value) for value in one.values]}
        for one in track.lines
    ]
    told["symbols"] = list(track.symbols)
    if track.pixels is not None:
        told["pixels"] = _pixels(track.pixels)
    if track.strip is not None:
        strip = track.strip
        told["strip"] = {"names": strip.names, **_numbers(strip.values, strip.signed)}
    return told


def _looked(looked: AttentionMap) -> dict[str, Any]:
    told, read = looked.names()
    return {
        "told": told, "read": read, "telling": looked.target_module, "reading": looked.source_module,
        "weights": _numbers(looked.weights, signed=False), "place": looked.place,
        "pixels": None if looked.pixels is None else _pixels(looked.pixels),
    }  # fmt: skip


def _explained(example: Example) -> str:
    """What the attribution is of, and by which steps most."""
    told = example.explained
    return "" if told is None else f"Attribution: {told.sentence()}. Most by {told.most(example.times)}."


def _pixels(values: np.ndarray) -> dict[str, Any]:
    pixels = np.ascontiguousarray(values, dtype=np.uint8)
    return {"shape": pixels.shape, "data": b64encode(pixels.tobytes()).decode()}


def _numbers(values: np.ndarray, signed: bool) -> dict[str, Any]:
    """Numbers [rows, columns] that are drawn as colours."""
    return {
        "kind": "state" if signed else "weight", "rows": len(values), "units": values.shape[1],
        "range": _number(reach_of(values) if signed else reach_of(values, 1.0)), **vars(packed(values)),
    }  # fmt: skip


def _layer(one: LayerView) -> dict[str, Any]:
    trace = one.trace
    values = []
    for name, array in one.values.items():
        small = packed(array)
        values.append(
            {
                "name": name, "symbol": symbol(name), "kind": one.kind(name), "words": one.words(name),
                "units": array.shape[-1], "decimals": small.decimals, "bits": small.bits,
                "range": _number(one.reach(name)), "data": small.data,
            }
        )  # fmt: skip
    return {
        "title": one.title, "module": trace.module, "cell": trace.cell.__name__, "about": trace.cell.about,
        "direction": trace.direction, "axes": one.axes, "first": one.first, "steps": one.steps,
        "units": one.units, "of": one.of, "values": values, "orders": one.orders,
        "table": {name: _column(one.table[name].to_list()) for name in one.table.columns},
        "equations": [vars(equation) for equation in equations(trace.cell)],
    }  # fmt: skip


def _flows(inspection: Inspection) -> list[dict[str, Any]]:
    """Each state's norms against the lag."""
    return [
        {
            "title": flow.title, "state": state,
            "norms": [_number(value) for value in norms.double().tolist()],
            "sentence": flow.sentence(state),
        }
        for place, flow in enumerate(inspection.flows)
        for state, norms in flow.norms.items()
    ]  # fmt: skip


def _column(values: list[Any]) -> list[Any]:
    return [_number(value) if isinstance(value, float) else value for value in values]


def _number(value: float) -> float | str | None:
    """A number that JSON can hold; what is infinite as a word."""
    value = float(value)
    if np.isnan(value):
        return None
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else ("inf" if value > 0 else "-inf")
