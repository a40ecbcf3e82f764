"""The pages of the API reference, in `docs/api/`: what gatewise exports, and what its pages use."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import gatewise
from gatewise import cells
from gatewise.cells.base import CellType
from gatewise.tasks import estimator_names, find_task
from generators.named import named_in_pages
from generators.pages import table, write_pages

FOLDER = "api"
EXPORTED = {  # the pages of exported names, by the package that defines these
    "estimators": "Functions",
    "layers": "Layers",
    "engine": "Engine and errors",
    "cells": "Cells and their notation",
}
# The pages of packages that have none of their own.
HOMES = {"diagrams": "cells", "errors": "engine", "serving": "estimators", "tasks": "estimators"}
FURTHER = {  # the pages of names of modules, by the packages of these
    "insight": ("Insight", ("insight", "training", "report")),
    "equations": ("Equations, printed and compiled", ("cells", "compiler")),
    "shipping": ("Shipping and clusters", ("shipping", "cluster")),
    "machine": ("The machine and its backends", ("benchmark", "engine")),
    "networks": ("Networks of tasks, and their parts", ("tasks", "modules", "data")),
}
RESULTS = (
    "gatewise.tasks.comparison.Comparison", "gatewise.tasks.prediction.Prediction",
    "gatewise.tasks.serialization.SavedModel", "gatewise.tasks.forecast.backtest.Backtest",
    "gatewise.estimators.tune.Tuned", "gatewise.estimators.looking.Overview",
    "gatewise.shipping.stream.Stream", "gatewise.report.report.Report", "gatewise.layers.stepper.Stepper",
    "gatewise.diagrams.diagram.Diagram", "gatewise.insight.trace.ModelTrace",
    "gatewise.insight.trace.LayerTrace",
)  # fmt: skip
ALSO = (  # names of modules that pages describe without importing them
    "gatewise.insight.ablation.ablate_gates", "gatewise.insight.ablation.ablate_units",
    "gatewise.insight.units.unit_table", "gatewise.insight.units.correlated_units",
    "gatewise.insight.gradient.gradient_flow", "gatewise.insight.gradient.Flow",
    "gatewise.cluster.ray.predict", "gatewise.cluster.spark.predict", "gatewise.engine.choice.Backend",
    "gatewise.benchmark.facts.machine_facts", "gatewise.benchmark.refusals.cell_refusals",
)  # fmt: skip


def pages() -> dict[str, str]:
    """All pages of the reference, by name."""
    names = exported()
    found = {name: _estimator(name) for name in estimator_names()}
    for page, title in EXPORTED.items():
        here = [name for name, home in names.items() if home == page]
        found[page] = _page(title, here, _cells_with_a_page() if page == "cells" else "")
    found["results"] = _page("What methods return", list(RESULTS))
    further = [name for name in sorted({*named_in_pages(), *ALSO}) if name not in RESULTS]
    for page, (title, packages) in FURTHER.items():
        found[page] = _page(title, [name for name in further if name.split(".")[1] in packages])
    return found


def exported() -> dict[str, str]:
    """Every exported name, with its page."""
    found = {}
    for name in gatewise.__getattr__("__all__"):
        value = getattr(gatewise, name)
        if name in estimator_names():
            found[f"gatewise.{name}"] = name
        elif not inspect.ismodule(value):
            package = value.__module__.split(".")[1]
            found[f"gatewise.{name}"] = HOMES.get(package, package)
    return found | {f"gatewise.cells.{name}": "cells" for name in cells.__all__}


def _estimator(name: str) -> str:
    tasks = [find_task(task) for task in estimator_names()[name]]
    links = ", ".join(f"[{task.name}](../tasks/{task.name}.md)" for task in tasks)
    lines = [f".. autoclass:: gatewise.{name}", "   :members:", "   :inherited-members: BaseEstimator"]
    return f"# {name}\nIts tasks: {links}.\n\n{_rst(lines)}\n"


def _page(title: str, names: list[str], opening: str = "") -> str:
    """A page of names: a table of their first lines, then each in full."""
    names = [name for name in names if not _is_built_in_cell(name)]
    rows = [[f"{{py:obj}}`{_shown(name)} <{name}>`", _first_line(name)] for name in names]
    parts = [f"# {title}", opening, table(["", ""], rows), *(_described(name) for name in names)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cells_with_a_page() -> str:
    links = [f"[{name}](../cells/{name}.md)" for name in cells.cells()]
    return f"The built-in cells have a page each: {', '.join(links)}."


def _shown(name: str) -> str:
    """A name as it is used: with its package if `gatewise` itself exports it, and alone otherwise."""
    return name if name.count(".") == 1 else name.rpartition(".")[2]


def _first_line(name: str) -> str:
    text = (inspect.getdoc(_value(name)) or "").split("\n")[0]
    parts = text.split("`")  # every second one is code
    return "`".join(part if number % 2 else part.replace("*", r"\*") for number, part in enumerate(parts))


def _value(name: str) -> Any:
    package, _, last = name.rpartition(".")
    return getattr(importlib.import_module(package), last)


def _is_built_in_cell(name: str) -> bool:
    value = _value(name)
    return isinstance(value, CellType) and value is not cells.Cell


def _described(name: str) -> str:
    value = _value(name)
    if name == "gatewise.Cell":
        return _rst([".. py:class:: gatewise.Cell", "", "   The same as :py:class:`gatewise.cells.Cell`."])
    if inspect.isclass(value):
        return _rst([f".. autoclass:: {name}", *([] if value is cells.Cell else ["   :members:"])])
    if callable(value):
        return _rst([f".. autofunction:: {name}"])
    return _rst([f".. py:data:: {name}", "", f"   {_first_line(name)}"])


def _rst(lines: list[str]) -> str:
    return "\n".join(["```{eval-rst}", *lines, "```"])


def _write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / FOLDER, {f"{name}.md": text for name, text in pages().items()})


def setup(app: Sphinx) -> None:
    """Registers the pages."""
    app.connect("builder-inited", _write)
