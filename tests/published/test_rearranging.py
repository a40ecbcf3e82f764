"""Strings that are rearranged: what the experiment is fed, and a small one of its kind."""

import importlib
from pathlib import Path

import pytest
import torch

from gatewise.cells import LSTM
from gatewise.tasks.translate.network import EncoderDecoder

FOLDER = Path(__file__).parents[2] / "benchmarks" / "published"


@pytest.fixture
def rearranging(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("rearranging")


@pytest.mark.parametrize(
    ("task", "made"), [("copy", list), ("reverse", lambda one: one[::-1]), ("sort", sorted)]
)
def test_all_strings_differ_and_are_rearranged(rearranging, task, made):
    strings = rearranging.Strings(task, 200, letters=4, shortest=2, longest=5)
    seen = set()
    for row in range(200):
        source, target = strings.sources[row].tolist()[:-1], strings.targets[row].tolist()[:-1]
        assert target == made(source)
        assert 2 <= len(source) <= 5
        assert 4 <= min(source) <= max(source) < 8
        seen.add(tuple(source))
    assert len(seen) == 200


def test_attention_sorts_strings_that_it_has_not_seen(rearranging):
    torch.manual_seed(0)
    strings = rearranging.Strings("sort", 600, letters=5, shortest=2, longest=5)
    network = EncoderDecoder(LSTM, sources=9, targets=9, embedding=16, hidden=48, ratio=1.0)
    before = rearranging.exact(network, strings, list(range(500, 600)))
    found = rearranging.learn(network, strings, 100, batch=40, rate=0.01, steps=150)
    assert before < 0.1
    assert found["held out exact"] > 0.9
