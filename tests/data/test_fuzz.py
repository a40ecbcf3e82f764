"""Damaged files of every form: each is read, or refused in one line. Longer in `benchmarks/fuzz/data.py`."""

import importlib.util
import io
import sys
from pathlib import Path

import pytest

from gatewise.tasks import TASKS
from tests.workbooks import write_workbook

PATH = Path(__file__).parents[2] / "benchmarks" / "fuzz" / "data.py"
SPEC = importlib.util.spec_from_file_location("fuzz_data", PATH)
fuzz = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = fuzz
SPEC.loader.exec_module(fuzz)

FILES = 100  # damaged, of each task


def workbook(content):
    """A table of text as an Excel file."""
    file = io.BytesIO()
    write_workbook(file, [line.split(",") for line in content.decode(errors="replace").split("\n")])
    return file.getvalue()


SERIES = fuzz.FORMS["series.csv"].files()["a.csv"]
fuzz.FORMS["workbook.xlsx"] = fuzz.Form(
    "forecast", "a.xlsx", lambda: {"a.xlsx": SERIES}, {"horizon": 3, "target": "value"}, wrap=workbook
)


@pytest.mark.parametrize("form", fuzz.FORMS.values(), ids=fuzz.FORMS)
def test_an_undamaged_file_is_read(tmp_path, form):
    assert fuzz.read(form, tmp_path, []) is None


@pytest.mark.parametrize("form", fuzz.FORMS.values(), ids=fuzz.FORMS)
def test_a_damaged_file_is_read_or_refused_in_one_line(form):
    forms = sum(one.task == form.task for one in fuzz.FORMS.values())
    fuzz.check(form, -(-FILES // forms), deterministic=True)


def test_every_task_that_reads_files_is_tried():
    assert {form.task for form in fuzz.FORMS.values()} == set(TASKS)


@pytest.mark.parametrize("kind", fuzz.DAMAGE)
def test_every_kind_of_damage_changes_something(kind):
    content = b"a,b\n1,2\n3,4\n"
    assert any(fuzz.damaged(content, [(kind, first, 1)]) != content for first in range(12))
