"""Models of strangers: an edited model.json is refused in one line, or predicts finite values."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gatewise
from gatewise.cells import GRU
from gatewise.compiler.source import source
from gatewise.compiler.stages import plan
from gatewise.engine.build import program
from gatewise.engine.processor import NATIVE
from gatewise.errors import GatewiseError
from gatewise.tasks import find_task
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from gatewise.training import runs
from tests.cells.test_limits import CODE, replaced, strings_of
from tests.edited_models import edited, make_models


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """No kernels are compiled for cells that edits make."""
    with gatewise.backend("reference"):
        yield make_models(tmp_path_factory.mktemp("models"))


def refusal(one, text):
    """Why a model was refused, None where it was applied; whatever else is raised is a fault."""
    try:
        one.apply(text)
    except GatewiseError as error:
        reason = str(error)
    else:
        return None
    assert "\n" not in reason
    assert len(reason) < 2000
    return reason


def test_what_is_not_edited_is_applied(models):
    for one in models:
        one.apply(json.dumps(one.tree))


@given(st.data())
@settings(
    max_examples=150, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_an_edit_is_refused_in_one_line_or_predicts_finite_values(models, data):
    one = data.draw(st.sampled_from(models))
    tree = edited(one.tree, data.draw(st.randoms(use_true_random=True)))
    refusal(one, json.dumps(tree))


def short(tree):
    """A tree whose long lists are cut: their values are all of one kind."""
    if isinstance(tree, dict):
        return {key: short(value) for key, value in list(tree.items())[:12]}
    return [short(one) for one in tree[:12]] if isinstance(tree, list) else tree


def require_harmless(cell):
    made = program(plan(cell), "float", NATIVE)
    assert "system" not in source(plan(cell))
    assert Path(made.name).name == made.name
    assert "system" not in made.name


@pytest.mark.parametrize(
    "place", [0, 1, *(pytest.param(one, marks=pytest.mark.thorough) for one in range(2, 6))]
)
def test_code_at_any_place_of_a_model_stays_text(models, place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    one = models[place]
    for path in strings_of(short(one.tree)):
        text = json.dumps(replaced(one.tree, path, CODE))
        if refusal(one, text) is None:
            require_harmless(load_model(one.folder).network.options()["cell"])
    assert not list(tmp_path.iterdir())


def test_code_at_any_place_of_a_run_stays_text(models, monkeypatch, tmp_path):
    task, folder = find_task("forecast"), tmp_path / "run"
    options = verb_options("train", task.options)(horizon=4, context=12, cell="gru")
    runs.write(runs.begin("train", task, models[0].data, options, folder))
    tree = json.loads((folder / "run.json").read_text())
    monkeypatch.chdir(tmp_path)
    for path in strings_of(tree):
        (folder / "run.json").write_text(json.dumps(replaced(tree, path, CODE)))
        try:
            again = runs.resume("train", task, folder)
        except GatewiseError:
            continue
        else:
            for cell in again.cells.values():
                assert source(plan(cell)) == source(plan(GRU))
    assert [one.name for one in tmp_path.iterdir()] == ["run"]
