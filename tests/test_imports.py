"""What an import costs: nobody waits for what is not used."""

import subprocess
import sys

import pytest

import gatewise

HEAVY = ("torch", "pytorch_lightning", "matplotlib", "polars", "pydantic", "sympy", "scipy")


def loaded_after(code):
    """Which heavy libraries a fresh interpreter has loaded after running the code."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint([one for one in {HEAVY} if one in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.splitlines()[-1]


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
    with pytest.raises(AttributeError, match="no attribute 'LSTN'"):
        _ = gatewise.LSTN
