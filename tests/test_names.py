"""The public names, which vanish only after a deprecation (see CONTRIBUTING.md), and facts of a release."""

import inspect
import tomllib
from pathlib import Path

import gatewise
from gatewise.cli.main import VERBS
from gatewise.layers import __all__ as layers
from gatewise.tasks import TASKS

ROOT = Path(__file__).parents[1]
COMMITTED = Path(__file__).with_name("public_names.txt")


def public_names():
    """Names of the package and its layers, methods of classes, cells, verbs and tasks."""
    names = {f"gatewise.{name}" for name in gatewise.__all__} | {f"gatewise.layers.{name}" for name in layers}
    for name in gatewise.__all__:
        found = getattr(gatewise, name)
        if inspect.isclass(found):
            own = {
                one for base in found.__mro__ if base.__module__.startswith("gatewise") for one in vars(base)
            }
            names |= {f"gatewise.{name}.{one}" for one in own if not one.startswith("_")}
    names |= {f"gatewise.cells.{name}" for name in gatewise.cells.cells()}
    return names | {f"$ gatewise {verb}" for verb in VERBS} | {f"task {name}" for name in TASKS}


def test_no_public_name_has_vanished():
    """`python -m tests.test_names` adds new names to the file; an old one leaves it as CONTRIBUTING says."""
    committed = set(COMMITTED.read_text().splitlines())
    assert not committed - public_names(), "these names have vanished"
    assert not public_names() - committed, "add these names: python -m tests.test_names"


def test_one_version_is_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "gatewise.__version__"}
    citation = (ROOT / "CITATION.cff").read_text()
    assert f'\nversion: "{gatewise.__version__}"\n' in citation
    assert f"## {gatewise.__version__}" in (ROOT / "CHANGELOG.md").read_text()


if __name__ == "__main__":
    COMMITTED.write_text("\n".join(sorted(public_names())) + "\n")
