"""Trainings of a comparison by other processes: the results are those of one process."""

import polars as pl
import pytest

import gatewise
from gatewise.tasks import find_task
from gatewise.training import runs
from gatewise.training.remote import _train
from tests.ray_cluster import two_nodes
from tests.series import frame

__all__ = ["two_nodes"]
OPTIONS = {
    "horizon": 4,
    "hidden": 2,
    "max_steps": 3,
    "cells": ["rnn", "gru"],
    "seeds": 2,
    "refit": False,
    "progress": False,
}


def leaderboard(folder):
    """All but the seconds."""
    return pl.read_csv(folder / "leaderboard.csv").drop("seconds", strict=False)


@pytest.fixture
def data(tmp_path):
    frame(steps=90).write_csv(tmp_path / "series.csv")
    return tmp_path / "series.csv"


def test_a_training_of_another_process_is_loaded(data, tmp_path, monkeypatch):
    here = gatewise.compare("forecast", data, out=tmp_path / "here", **OPTIONS)
    began = []

    def elsewhere(run, trainings, workers, callback):
        for name, folders in trainings.items():
            for folder in folders:
                _train("forecast", str(run.folder), name, folder.name)
                began.append(folder.name)

    monkeypatch.setattr("gatewise.training.commands.train_remotely", elsewhere)
    there = gatewise.compare("forecast", data, out=tmp_path / "there", workers="ray", **OPTIONS)
    assert began[-4:] == ["rnn-0", "rnn-1", "gru-0", "gru-1"]
    assert [one.scores for one in here.results] == [one.scores for one in there.results]
    run = runs.resume("compare", find_task("forecast"), tmp_path / "there")
    results = [runs.training(run, "gru", seed) / "result.json" for seed in (0, 1)]
    assert all(one.is_file() for one in results)


def test_without_ray_or_its_cluster(data, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(gatewise.GatewiseError, match='workers="ray" needs Ray: pip install'):
        gatewise.compare("forecast", data, out=tmp_path / "run", workers="ray", **OPTIONS)
    with pytest.raises(gatewise.GatewiseError, match="workers"):
        gatewise.compare("forecast", data, out=tmp_path / "run", workers="spark", **OPTIONS)


@pytest.mark.thorough
def test_ray_on_two_nodes(data, tmp_path, two_nodes):
    here = gatewise.compare("forecast", data, out=tmp_path / "here", **OPTIONS)
    there = gatewise.compare("forecast", data, out=tmp_path / "there", workers="ray", **OPTIONS)
    assert [one.scores for one in here.results] == [one.scores for one in there.results]
