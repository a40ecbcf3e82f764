"""A page and a drawing of each cell, in `docs/cells/`, and the directive `cell-list` that links them."""

from __future__ import annotations

import inspect
import re
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import gatewise
from gatewise.cells import Cell, CellType, cells, lattice_cells
from gatewise.cells.catalogue import LATTICES, USUAL_AXES
from gatewise.cells.formula import formulas
from gatewise.cells.latex import latex
from gatewise.compiler.layout import Parameter, layout, projection_obstacle
from generators.backends import on_cpu, on_gpu
from generators.formulas import typeset
from generators.pages import table, write_pages

EXAMPLE_SIZES = (64, 128)  # I and H of the example of parameters
FOLDER = "cells"
FOR_TOOLS = re.compile(r"  # (type: ignore|noqa|fmt: skip).*")


def every_cell() -> dict[str, CellType]:
    """All cells that have a page: those of sequences, and those of lattices with two axes."""
    return {**cells(), **lattice_cells()}


def page(cell: CellType) -> str:
    """The page of a cell, in Markdown."""
    parts = [
        "---\nhide-toc: true\n---",  # the drawing has the room
        f"# {cell.__name__}",
        _definition(cell),
        _facts(cell),
        "## Equations\n" + _equations(cell),
        f"## One step\n![One step of {cell.__name__}]({cell.__name__}.svg)",
        "## Code\n" + _code(cell),
        "## Parameters\n" + _parameters(cell),
        "## Use\n" + _use(cell),
    ]
    return "\n\n".join(parts) + "\n"


def _definition(cell: CellType) -> str:
    if cell.of_lattice:
        return cell.about
    return f"```{{py:class}} gatewise.cells.{cell.__name__}\n\n{_escaped(cell.about)}\n```"


def _escaped(text: str) -> str:
    return text.replace("*", r"\*")


def _facts(cell: CellType) -> str:
    matrices = dict.fromkeys(cell.matrix_states, " (a matrix, [B, H, K])")
    rows = [
        ["source", cell.source],
        ["states", ", ".join(f"`{name}`{matrices.get(name, '')}" for name in cell.state)],
        ["gates", ", ".join(f"`{gate}`" for gate in cell.gates) or "none"],
        ["on a CPU", on_cpu(cell)],
        ["on a GPU", on_gpu(cell)],
    ]
    if cell.of_lattice:
        rows.append(["runs over", f"lattices of {cell.axes} axes as shown here; of any number"])
    else:
        rows.append(["projection", _projection(cell)])
    if cell.reads_elapsed:
        rows.append(["reads", "`elapsed`, the time since the step before"])
    return table(["", ""], rows)


def _projection(cell: CellType) -> str:
    """Whether outputs can be projected, or why not."""
    if cell.matrix_states:
        return "none: its state is a matrix"
    obstacle = projection_obstacle(cell)
    return "with `proj_size`" if obstacle is None else f"none: {obstacle}"


def _equations(cell: CellType) -> str:
    text = "\n".join(f"{name} = {line}" for name, line in formulas(cell).items())
    return (
        f"{typeset(cell)}\n\n{_note(cell)}\n\n::::{{dropdown}} As text, and for LaTeX\n"
        f"```text\n{text}\n```\n```latex\n{latex(cell)}\n```\n::::"
    )


def _note(cell: CellType) -> str:
    """What the symbols mean."""
    at = "*p* is a position, *e*ₖ a step along axis *k*" if cell.of_lattice else "*t* is a step"
    notes = [f"{at}; ⊙ multiplies elementwise, \N{GREEK SMALL LETTER SIGMA} is the sigmoid."]
    notes += [
        f"`{name}` has a row for each unit and a column for each of the K units of its head."
        for name in cell.matrix_states
    ]
    return " ".join(notes)


def _code(cell: CellType) -> str:
    if cell.of_lattice:
        return f"```py\ngatewise.cells.{_call(cell)}  # for {USUAL_AXES} axes\n```"
    source = FOR_TOOLS.sub("", inspect.getsource(cell).strip())
    code, base = f"```py\n{source}\n```", cell.__bases__[0].__name__
    return code if base == Cell.__name__ else f"{code}\n\nAll other lines are those of [{base}]({base}.md)."


def _call(cell: CellType) -> str:
    """How a lattice's cell is made, such as `mdlstm(2, peephole=True)`."""
    make = next(one for one in LATTICES.values() if one(USUAL_AXES) is cell)
    given = make.keywords if isinstance(make, partial) else {}
    function = inspect.unwrap(make.func if isinstance(make, partial) else make)
    arguments = [str(USUAL_AXES), *(f"{name}={value!r}" for name, value in given.items())]
    return f"{function.__name__}({', '.join(arguments)})"


def _parameters(cell: CellType) -> str:
    inputs, hidden = EXAMPLE_SIZES
    rows, total = [], 0
    for one in layout(cell).parameters:
        count = prod(one.shape(inputs, hidden, hidden))
        total += count
        rows.append(
            [f"`{one.name}`", _shape(one), " ".join(f"`{block}`" for block in one.blocks), f"{count:,}"]
        )
    rows.append(["all", "", "", f"**{total:,}**"])
    heading = ["parameter", "shape", "blocks, from the top", f"I = {inputs}, H = {hidden}"]
    return f"I inputs, H units{_heads(cell)}.\n\n{table(heading, rows)}"


def _heads(cell: CellType) -> str:
    per_head = any(one.per_head for one in layout(cell).parameters)
    return ", A heads (one in the count)" if per_head else ""


def _shape(one: Parameter) -> str:
    number = len(one.blocks)
    rows = f"{number if number > 1 else ''}{'A' if one.per_head else 'H'}"
    return f"[{rows},&nbsp;{'I' if one.width == 'input' else 'H'}]" if one.kind == "matrix" else f"[{rows}]"


def _use(cell: CellType) -> str:
    if cell.of_lattice:
        return (
            f"```py\nlayer = gatewise.Lattice(gatewise.cells.{_call(cell)}, 3, 32)\n"
            "output, final = layer(torch.randn(4, 28, 20, 3))\n```"
        )
    name = cell.__name__
    return (
        f"```py\nlayer = gatewise.Recurrent(gatewise.cells.{name}, 64, 128)\n"
        f"output, state = layer(torch.randn(100, 8, 64))  # [100, 8, 128]\n```\n"
        f'In a task it is `cell="{name.lower()}"` in Python and `--cell {name.lower()}` in a shell.'
    )


class CellList(SphinxDirective):
    """Links to the pages of all cells, with a table for those of lattices."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        of_lattices = self.arguments[0] == "lattices"
        chosen = lattice_cells() if of_lattices else cells()
        links = {name: f"[{name}]({FOLDER}/{name}.md)" for name in chosen}
        rows = [
            [links[name], " ".join(f"`{one}`" for one in cell.state), cell.about]
            for name, cell in chosen.items()
        ]
        shown = table(["cell", "states", ""], rows) if of_lattices else ", ".join(links.values())
        return list(self.parse_text_to_nodes(f"{shown}\n\n{_contents(chosen)}"))


def _contents(chosen: dict[str, Any]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", *(f"{FOLDER}/{name}" for name in chosen), "```"])


def _write(app: Sphinx) -> None:
    pages = {f"{name}.md": page(cell) for name, cell in every_cell().items()}
    drawings = {f"{name}.svg": gatewise.draw(cell).svg for name, cell in every_cell().items()}
    write_pages(Path(app.srcdir) / FOLDER, pages | drawings)


def setup(app: Sphinx) -> None:
    """Registers the pages and the directive."""
    app.connect("builder-inited", _write)
    app.add_directive("cell-list", CellList)
