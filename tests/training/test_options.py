"""Options: from files and from the command line, unknown ones refused by name."""

import pytest
from pydantic import Field

from gatewise.errors import GatewiseError
from gatewise.tasks.forecast import ForecastOptions
from gatewise.training.options import TaskOptions, resolve, to_yaml, verb_options

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
        ("horizon: 3\n", {"test_share": "0.7"}, "option test_share in .*: .*less than 0.5, got '0.7'"),
        ("horizon: 3\n", {"seeds": "0"}, "option seeds in .*: .*greater than or equal to 1, got '0'"),
        ("- 1\n", {}, "expected .* to hold `option: value` lines, got list"),
        ("a: [1\n", {}, "is not YAML"),
        ("horizon: 3\nmodel: !!python/object/apply:os.system [ls]\n", {}, "is not YAML"),
    ],
)  # fmt: skip
def test_mistakes(config, text, given, message):
    with pytest.raises(GatewiseError, match=message):
        resolve(CompareOptions, config(text), given)


def test_a_config_that_is_not_there(tmp_path):
    with pytest.raises(GatewiseError, match=r"there is no file .* to read options from"):
        resolve(TrainOptions, tmp_path / "none.yaml", {})


def test_a_tasks_own_defaults_go_before_those_of_all_tasks():
    class Patient(TaskOptions):
        epochs: int = Field(7, description="Rounds.")

    for verb in ("train", "compare"):
        assert resolve(verb_options(verb, Patient), None, {}).epochs == 7
