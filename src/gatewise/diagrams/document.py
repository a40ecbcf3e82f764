"""A diagram as a self-contained SVG file, for light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from textwrap import wrap

from gatewise.cells.base import CellType
from gatewise.cells.formula import formulas
from gatewise.diagrams.canvas import Canvas, text
from gatewise.diagrams.labels import width
from gatewise.diagrams.legend import LINE, SIZE, legend
from gatewise.diagrams.paths import Paths
from gatewise.diagrams.placement import HEAD, PITCH
from gatewise.diagrams.shapes import Shapes
from gatewise.diagrams.wiring import Drawing

BESIDE = 28  # pixels beside the names of states
NARROWEST = 520
TITLE, ABOUT = 19, 13  # sizes of the fonts

STYLE = """
.gw-cell{--paper:#fffdf8;--ink:#22262b;--soft:#63686f;--gate:#ffe2a8;--layer:#cfe3f5;--function:#dcefd9;
--first:#c8500a;--second:#0072b2;--third:#00835f;--fourth:#a4427c;--input:#5f6770;
font-family:"STIX Two Text","Latin Modern Roman",Cambria,Georgia,"Times New Roman",serif}
@media (prefers-color-scheme:dark){.gw-cell{--paper:#15171b;--ink:#e8e6df;--soft:#a2a8b0;--gate:#6b4e16;
--layer:#1f4a6b;--function:#2c5135;--first:#f09a3e;--second:#56b4e9;--third:#35c79b;--fourth:#e79ac4;
--input:#a9b0b8}}
.gw-cell text{fill:var(--ink)}
.gw-cell .soft{fill:var(--soft)}
.gw-cell .wire{fill:none;stroke:var(--colour,var(--ink));stroke-width:1.5;stroke-linecap:round}
.gw-cell .end{fill:var(--colour,var(--ink))}
.gw-cell .input{--colour:var(--input)}
.gw-cell .memory,.gw-cell .axis1{--colour:var(--first)}
.gw-cell .hidden,.gw-cell .axis2{--colour:var(--second)}
.gw-cell .axis3{--colour:var(--third)}
.gw-cell .axis4{--colour:var(--fourth)}
.gw-cell .wire:is(.memory,.state,.axis1,.axis2,.axis3,.axis4){stroke-width:2.6}
.gw-cell .wire.hidden{stroke-width:2}
.gw-cell .wire.matrix{stroke-width:5}
.gw-cell .wire.core{--colour:var(--paper);stroke-width:1.6}
.gw-cell .shape{stroke:var(--ink);stroke-width:1.2}
.gw-cell .gate{fill:var(--gate)}
.gw-cell .layer{fill:var(--layer)}
.gw-cell .function,.gw-cell .parameter{fill:var(--function)}
.gw-cell .operator{fill:var(--paper)}
.gw-cell .split{stroke:var(--ink);stroke-width:.6;opacity:.45}
"""


def document(cell: CellType, drawn: Drawing) -> str:
    """The text of an SVG file."""
    name, place = escape(cell.__name__), drawn.placement
    margin = BESIDE + max([0.0, *(width(node.label, HEAD) for node in place.entries if node.previous)])
    wide = max(place.columns * PITCH + 2 * int(margin), NARROWEST)
    about = wrap(cell.about, int((wide - 40) / (0.5 * ABOUT)))
    top = 38 + 18 * len(about) + 26
    numbers = {node: f"n{number}" for number, node in enumerate(drawn.graph.nodes)}
    canvas = Canvas((wide - place.columns * PITCH) // 2, top, numbers)
    shapes = Shapes(drawn, canvas, "p" if cell.of_lattice else "t")
    below = top + place.rows * PITCH + 48
    notes = list(_notes(drawn, below, wide))
    entries, high = legend(drawn, below + LINE * len(notes), wide)
    below += LINE * len(notes) + high
    equations = "; ".join(f"{key} = {value}" for key, value in formulas(cell).items())
    size = f'viewBox="0 0 {wide} {below}" width="{wide}" height="{below}"'
    named = f'role="img" aria-labelledby="gw-{name}-title gw-{name}-equations"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="gw-cell" {size} {named}>',
            f'<title id="gw-{name}-title">One step of {name}</title>',
            f'<desc id="gw-{name}-equations">{escape(cell.about)} {escape(equations)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect width="{wide}" height="{below}" rx="10" fill="var(--paper)"/>',
            f'<text x="20" y="28" font-size="{TITLE}" font-weight="bold">{name}</text>',
            *(
                f'<text x="20" y="{47 + 18 * number}" font-size="{ABOUT}" class="soft">{escape(line)}</text>'
                for number, line in enumerate(about)
            ),
            *Paths(drawn, canvas).all(),
            *shapes.all(),
            *shapes.terminals(),
            *notes,
            *entries,
            "</svg>\n",
        ]
    )


def _notes(drawn: Drawing, top: int, wide: int) -> Iterator[str]:
    """The lines that depend on parameters alone, which have no wires."""
    shown, y = "", top
    for one in drawn.graph.parameters:
        longer = f"{shown},   {one}" if shown else f"of parameters alone:   {one}"
        if shown and width(longer, SIZE) > wide - 40:
            yield text(20, y, SIZE, shown, "start", 'class="soft"')
            longer, y = one, y + LINE
        shown = longer
    if shown:
        yield text(20, y, SIZE, shown, "start", 'class="soft"')
