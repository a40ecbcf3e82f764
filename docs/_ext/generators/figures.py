"""The diagram of a cell's step, and the directive `cell-diagram` that shows one on a page."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import gatewise
from gatewise.cells import CellType, find_cell


def diagram(cell: CellType) -> str:
    """The step of a cell as a drawing, in Markdown; empty as long as gatewise draws none."""
    if not hasattr(gatewise, "draw"):
        return ""
    return f"## One step\n```{{raw}} html\n<div class='diagram'>{_svg(cell)}</div>\n```"


def _svg(cell: CellType) -> str:
    """The drawing without empty lines, which would end a block of raw HTML."""
    return "\n".join(line for line in str(gatewise.draw(cell)).splitlines() if line.strip())


class CellDiagram(SphinxDirective):
    """The drawing of the step of a cell, by its name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return list(self.parse_text_to_nodes(diagram(find_cell(self.arguments[0])).partition("\n")[2]))


def setup(app: Sphinx) -> None:
    """Registers the directive."""
    app.add_directive("cell-diagram", CellDiagram)
