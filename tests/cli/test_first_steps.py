"""What someone new starts from: `gatewise TASK --example`, and `gatewise init`."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from gatewise.cli.main import main
from gatewise.estimators.first_steps import options_text, write_example, write_options
from gatewise.tasks import TASKS, find_task
from gatewise.tasks.config import resolve
from gatewise.tasks.options import verb_options

REQUIRED = {"horizon": 3}
FAST = ["--epochs", "1", "--hidden", "8"]


def run(line):
    """Runs a command of a shell in this process."""
    word, *words = shlex.split(line)
    assert word == "gatewise"
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0, line


@pytest.mark.parametrize(
    "task",
    [one if one == "forecast" else pytest.param(one, marks=pytest.mark.thorough) for one in TASKS],
)
def test_the_commands_of_an_example_run_on_its_data(tmp_path, monkeypatch, capsys, task):
    monkeypatch.chdir(tmp_path)
    run(f"gatewise {task} --example --out data")
    train, use, compare = re.findall("^  (gatewise .*)$", capsys.readouterr().out, re.MULTILINE)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    run(shlex.join([*shlex.split(train), *FAST]))
    run(use)
    assert (tmp_path / f"run-{task}" / "model.safetensors").is_file()
    assert shlex.split(compare)[:3] == ["gatewise", "compare", task]


def test_every_task_has_made_data_that_are_the_same_each_time(tmp_path):
    for task in TASKS:
        for folder in (tmp_path / "one" / task, tmp_path / "two" / task):
            write_example(task, folder)
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert first == second
    assert {path.parts[0] for path in first} == set(TASKS)
    assert sum(map(len, first.values())) < 500_000


def test_an_example_overwrites_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example-regress").mkdir()
    (tmp_path / "example-regress" / "mine.csv").write_text("mine")
    with pytest.raises(SystemExit) as end:
        main(["regress", "--example"])
    assert end.value.code == 2
    assert "'example-regress' exists and is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*.*")] == ["mine.csv"]


@pytest.mark.parametrize("task", TASKS)
def test_the_options_of_a_task_as_a_file(tmp_path, task):
    """The file changes nothing, and with all comments removed, it gives the defaults."""
    path = write_options(task, tmp_path / "options.yaml")
    options = verb_options("train", find_task(task).options)
    required = {name: REQUIRED[name] for name, one in options.model_fields.items() if one.is_required()}
    defaults = options(**required)
    assert resolve(options, path, required) == defaults
    lines = re.findall(r"^# ([a-z_]+: .*)$", options_text(task), re.MULTILINE)
    found = {name: value for line in lines for name, value in yaml.safe_load(line).items()}
    found = {name: value for name, value in found.items() if name in options.model_fields}
    assert set(found) == set(options.model_fields)
    assert options(**{**found, **required}) == defaults


def test_init_writes_the_file_that_it_names_and_overwrites_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("gatewise init forecast")
    shown = capsys.readouterr().out
    assert "wrote forecast.yaml, and nothing else" in shown
    assert "gatewise train forecast DATA --config forecast.yaml --horizon ..." in shown
    assert [path.name for path in tmp_path.iterdir()] == ["forecast.yaml"]
    with pytest.raises(SystemExit) as end:
        main(["init", "forecast"])
    assert end.value.code == 2
    assert "'forecast.yaml' exists; give another file as --out" in capsys.readouterr().err


def test_a_task_without_a_verb(capsys):
    with pytest.raises(SystemExit) as end:
        main(["forecast", "sales.csv"])
    assert end.value.code == 2
    assert "gatewise train forecast DATA, or gatewise forecast --example" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("gatewise tra", ["train"]),
        ("gatewise train cla", ["classify", "classify-images", "classify-multilabel"]),
        ("gatewise predict --o", ["--out"]),
    ],
)
def test_completion_in_bash(tmp_path, typed, expected):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    program = tmp_path / "gatewise"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gatewise "$@"\n')
    program.chmod(0o755)
    words = typed.split()
    script = (
        f'eval "$(gatewise --show-completion bash)"; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; '
        '_gatewise_completion gatewise; echo "${COMPREPLY[@]}"'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == expected
