"""Options: from files and from the command line, unknown ones refused by name."""

import re
from itertools import pairwise

import pytest
from pydantic import Field

from gatewise.errors import GatewiseError
from gatewise.tasks.config import resolve, to_yaml
from gatewise.tasks.forecast.task import ForecastOptions
from gatewise.tasks.options import TaskOptions, verb_options
from gatewise.training.memory import enough_memory

TrainOptions, CompareOptions = (verb_options(verb, ForecastOptions) for verb in ("train", "compare"))


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "options.yaml"
        path.write_text(text)
        return path

    return write


def test_what_is_given_overrules_the_file_and_the_file_the_defaults(config):
    options = resolve(TrainOptions, config("horizon: 6\nhidden: 8\nlearning-rate: 0.1\n"), {"hidden": "16"})
    assert (options.horizon, options.hidden, options.learning_rate, options.layers) == (6, 16, 0.1, 1)


def test_lists_with_commas(config):
    assert resolve(CompareOptions, None, {"horizon": 3, "cells": "lstm, gru"}).cells == ("lstm", "gru")
    assert resolve(CompareOptions, config("horizon: 3\ncells: [rnn]\n"), {}).cells == ("rnn",)


def test_saved_options_are_the_same_options(config):
    options = CompareOptions(horizon=3, known=("price",), fill="linear")
    assert resolve(CompareOptions, config(to_yaml(options)), {}) == options


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("horizon: 3\nhiden: 8\n", {}, "there is no option 'hiden' in .*; the options are .*hidden"),
        ("hidden: 8\n", {}, "the option 'horizon' is missing: give --horizon"),
        ("horizon: 3\nhidden: many\n", {}, "option hidden in .*: input should be a valid integer.*'many'"),
        ("horizon: 3\n", {"test_fraction": "0.7"}, "option test_fraction in .*: .*less than 0.5, got '0.7'"),
        ("horizon: 3\n", {"seeds": "0"}, "option seeds in .*: .*greater than or equal to 1, got '0'"),
        ("- 1\n", {}, "expected .* to hold `option: value` lines, got list"),
        ("a: [1\n", {}, "is not YAML"),
        ("horizon: 3\nmodel: !!python/object/apply:os.system [ls]\n", {}, "is not YAML"),
    ],
)  # fmt: skip
def test_mistakes(config, text, given, message):
    with pytest.raises(GatewiseError, match=message):
        resolve(CompareOptions, config(text), given)


def test_a_file_of_another_verb(config):
    for_compare = re.escape(
        "options.yaml has options of `train`: for `compare`, rename `cell` to `cells` and "
        "remove freeze, seed, accelerator, devices, nodes, strategy"
    )
    for_train = re.escape(
        "options.yaml has options of `compare`: for `train`, "
        "give one `cell` in place of `cells` and remove seeds"
    )
    with pytest.raises(GatewiseError, match=for_compare):
        resolve(CompareOptions, config(to_yaml(TrainOptions(horizon=3))), {})
    with pytest.raises(GatewiseError, match=for_train):
        resolve(TrainOptions, config(to_yaml(CompareOptions(horizon=3))), {})
    assert resolve(CompareOptions, config("horizon: 3\ncells: gru\n"), {}).cells == ("gru",)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n" for before, after in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "aliases are not allowed"),
        ("base: &base {hidden: 8}\n<<: *base\n", "aliases are not allowed"),
        ("a: " + "[" * 10_000 + "]" * 10_000, "nested too deeply"),
        ("a:\n" + "".join(" " * depth + "b:\n" for depth in range(1, 300)), "nested too deeply"),
        ("horizon: 3\nhidden: 8\nhidden: 16\n", "the option 'hidden' is given twice"),
        ("horizon: 3\nbatch-size: 8\nbatch_size: 16\n", "gives the option 'batch_size' twice"),
        ("# " + "x" * 70_000, "at most 65536 bytes"),
        ("horizon: 3\nhidden: 1.0e+12\n", "option hidden in .*less than or equal to 65536"),
        ("horizon: 3\nhidden: 1e12\n", "option hidden in .*valid integer"),
        ("horizon: 3\nlayers: 1000000000\n", "option layers in .*less than or equal to 1000"),
        ("horizon: 1000000000000\n", "option horizon in .*less than or equal to"),
        ("horizon: 3\nbatch_size: 10000000000\n", "option batch_size in .*less than or equal to"),
        ("horizon: 3\nepochs: .inf\n", "option epochs in .*"),
        ("horizon: 3\nlearning_rate: .nan\n", "option learning_rate in .*finite"),
        ("horizon: 3\nhidden: 0x" + "f" * 6000, "option hidden in .*"),
        ("horizon: 3\nhidden: " + "9" * 6000, "is not YAML: Exceeds the limit"),
        ("horizon: 3\ntime: 2001-99-99\n", "is not YAML: month must be"),
        ("horizon: 3\ntime: " + "x" * 5000 + "\nhidden: " + "y" * 5000, "got 'yyyy.*\\.\\.\\.$"),
        ("\0\0", "is not YAML"),
    ],
    ids=range(19),
)
def test_files_of_options_that_are_bombs(config, text, message):
    with pytest.raises(GatewiseError, match=message) as output:
        resolve(CompareOptions, config(text), {})
    assert len(str(output.value)) < 1000


def test_sizes_that_no_machine_has_are_refused_before_anything_is_built():
    options = TrainOptions(horizon=3, hidden=65_536, layers=1000)
    with (
        pytest.raises(
            GatewiseError, match=r"^hidden=65536, layers=1000, horizon=3 need at least 6.87e\+04 GB"
        ),
        enough_memory(options),
    ):
        pytest.fail("it began")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")],
)
def test_memory_that_is_not_enough_names_the_sizes(error):
    line = "^there is not enough memory for hidden=64, layers=1, horizon=3; give smaller ones$"
    with pytest.raises(GatewiseError, match=line), enough_memory(TrainOptions(horizon=3)):
        raise error


def test_a_config_that_is_not_available(tmp_path):
    with pytest.raises(GatewiseError, match=r"there is no file .* to read options from"):
        resolve(TrainOptions, tmp_path / "none.yaml", {})


def test_options_of_an_earlier_version_have_their_present_names(config):
    old = "horizon: 3\nepoch_steps: 7\ntest-share: 0.2\nvalidation_share: 0.3\n"
    found = resolve(TrainOptions, config(old), {})
    assert found.min_steps_per_epoch == 7
    assert (found.test_fraction, found.validation_fraction) == (0.2, 0.3)
    with pytest.raises(GatewiseError, match="gives the option 'test_fraction' twice"):
        resolve(TrainOptions, config("horizon: 3\ntest_share: 0.2\ntest_fraction: 0.2\n"), {})


def test_a_tasks_own_defaults_go_before_those_of_all_tasks():
    class Patient(TaskOptions):
        epochs: int = Field(7, description="Rounds.")

    for verb in ("train", "compare"):
        assert resolve(verb_options(verb, Patient), None, {}).epochs == 7
