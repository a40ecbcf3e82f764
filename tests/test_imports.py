"""Imports: what they load, and that no files import each other in a cycle."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import gatewise

HEAVY = ("torch", "pytorch_lightning", "matplotlib", "polars", "pydantic", "sympy", "scipy")


def loaded_after(code):
    """Which heavy libraries a fresh interpreter has loaded after running the code."""
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint([one for one in {HEAVY} if one in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()[-1]


def test_importing_gatewise_loads_nothing_heavy():
    assert loaded_after("import gatewise") == "[]"


def test_help_loads_nothing_heavy():
    code = "from gatewise.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert loaded_after(code) == "[]"


def test_showing_a_cell_needs_no_torch():
    code = "from gatewise.cli.main import main\ntry: main(['cells', 'lstm'])\nexcept SystemExit: pass"
    assert "torch" not in loaded_after(code)


def test_a_layer_loads_torch_only():
    assert loaded_after("import gatewise; gatewise.LSTM") == "['torch']"


def test_every_public_name_is_there():
    for name in gatewise.__all__:
        assert getattr(gatewise, name) is not None
    assert set(gatewise.__all__) <= set(dir(gatewise))
    assert {"Forecaster", "AnomalyDetector", "LSTM", "cells"} <= set(gatewise.__all__)
    with pytest.raises(AttributeError, match="no attribute 'LSTN'"):
        _ = gatewise.LSTN


def modules_of(package):
    """The files of a package by module name."""
    names = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imported_by(module, files):
    """The modules that a file imports anywhere: at the top, in a function, or for type checking only."""
    package = module if files[module].name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(files[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            origin = ".".join([*parents, *([node.module] if node.module else [])])
            names = [f"{origin}.{one.name}" for one in node.names]
            found |= {name if name in files else origin for name in names}
    return (found & set(files)) - {module}


def cycle_in(package):
    """Modules that import each other, the first one again at the end; none where there is no cycle."""
    files = modules_of(package)
    try:
        TopologicalSorter({module: imported_by(module, files) for module in files}).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_files_import_each_other_in_a_cycle():
    assert cycle_in(Path(gatewise.__file__).parent) == []


@pytest.mark.parametrize(
    "line",
    [
        "from outer.first import table",
        "import outer.first",
        "from . import first",
        "from .first import table",
        "def late():\n    from outer import first",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from outer.first import table",
    ],
)
def test_a_cycle_is_found_at_any_place_of_the_import(tmp_path, line):
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / "__init__.py").write_text("")
    (outer / "first.py").write_text("import outer.second")
    (outer / "second.py").write_text("import os")
    assert cycle_in(outer) == []
    (outer / "second.py").write_text(line)
    assert set(cycle_in(outer)) == {"outer.first", "outer.second"}
