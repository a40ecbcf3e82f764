"""Imports: what they load, and that no files import each other in a cycle."""

import ast
import os
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


WITH_TORCH_ALONE = """
import importlib.machinery, pkgutil, sys
blocked = {"matplotlib", "PIL", "polars", "pydantic", "pytorch_lightning", "yaml", "rich", "safetensors",
           "sklearn", "scipy", "torchmetrics", "typer"}

class Refuse:  # when one is imported; PyTorch's compiler only asks where some are
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec):
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)

    def exec_module(self, module): ...

sys.meta_path.insert(0, Refuse())
import torch, gatewise
for package in ("cells", "compiler", "engine", "layers"):
    home = importlib.import_module(f"gatewise.{package}")
    for one in pkgutil.walk_packages(home.__path__, f"{home.__name__}."):
        importlib.import_module(one.name)
for layer in (gatewise.LSTM(3, 4), gatewise.Recurrent(gatewise.cells.GRU, 3, 4)):
    layer(torch.randn(5, 2, 3))[0].sum().backward()
for name in ("Forecaster", "compare", "load"):
    try:
        getattr(gatewise, name)
    except ModuleNotFoundError as error:
        print(error)
"""


def test_layers_need_torch_and_numpy_alone():
    """Cells, the compiler, engines and layers; any other name names what it needs in one line."""
    done = subprocess.run(
        [sys.executable, "-c", WITH_TORCH_ALONE],
        env={**os.environ, "CXX": "/bin/false"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for name, line in zip(("Forecaster", "compare", "load"), lines, strict=True):
        assert line.startswith(f"gatewise.{name} needs ")
        assert "`pip install gatewise` installs what it needs" in line


def test_the_command_line_without_its_libraries():
    code = "import sys; sys.modules['typer'] = None; from gatewise.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "gatewise: the command line needs typer, which is not installed; run `pip install gatewise`\n"
    )
