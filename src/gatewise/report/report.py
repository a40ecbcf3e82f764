"""The report of one example: shown in a notebook or a browser, or saved as a file."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from gatewise.files import write_whole
from gatewise.report.example import Example
from gatewise.report.inspection import Inspection, inspect
from gatewise.report.page import page
from gatewise.report.pictures import draw

HEIGHT = 820  # pixels of the page in a notebook


@dataclass(frozen=True, repr=False)
class Report:
    """A report. inspection: its content; html: the page; layer: the layer with which the page opens."""

    inspection: Inspection
    html: str
    layer: int

    def save(self, path: Path | str) -> None:
        """Writes the page as an HTML file."""
        write_whole(Path(path), lambda partial: partial.write_text(self.html, encoding="utf-8"))

    def save_pictures(self, folder: Path | str) -> dict[str, str]:
        """Writes figures into a folder. Returns: the description of each file, by its name."""
        return draw(self.inspection, Path(folder), self.layer)

    def show(self) -> None:
        """Opens the page in a browser."""
        path = Path(mkdtemp(prefix="gatewise-"), "report.html")
        self.save(path)
        webbrowser.open(path.as_uri())

    def __repr__(self) -> str:
        return f"<report of {self.inspection.name}: show() opens it in a browser>"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" width="100%" height="{HEIGHT}" '
            'style="border:1px solid #ddd" sandbox="allow-scripts"></iframe>'
        )


def inspect_example(
    network: Any, example: Example, name: str, layer: int | None = None, step: int | None = None
) -> Report:
    """Runs a network on an example and makes the report.

    network: has a `loss` of a batch; name: of the model, in the title of the page
    layer, step: where the page opens; by default the first layer over the example's steps, and its last step

    Raises: `GatewiseError` if there is no such layer or step.
    """
    found = inspect(
        network,
        lambda: network.loss(example.batch),
        example.last or (lambda: network.loss(example.batch)),
        example,
        name,
    )
    if layer is None:
        layer = example.first_layer([one.module for one in found.layers])
    return Report(found, page(found, layer, step), layer)
