"""How threads divide a call, from the rates of the machine; and where these are from."""

import json
from dataclasses import replace

import pytest
import torch

from gatewise.engine import machine as machine_module
from gatewise.engine import processor, thread_plan
from gatewise.engine.machine import FILE, Machine, cache_size, keep, machine
from gatewise.engine.thread_plan import plan_threads, predicted_steps

XEON = Machine(80e9, 100e9, 25e9, 8e9, l2=2 << 20, l3=64 << 20)
LSTM_512 = 4 * 512 * (512 + 256)  # weights: 6.3 MB, more than the L2 cache


@pytest.fixture
def on(monkeypatch):
    """Plans for a machine with a number of threads."""

    def set_up(rates=XEON, threads=2):
        monkeypatch.setattr(thread_plan, "machine", lambda: rates)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    return set_up


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    """A kernel cache of its own, and no rates from before."""
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path))
    machine.cache_clear()
    yield tmp_path
    machine.cache_clear()


def test_few_rows_divide_units_and_many_rows_do_not(on):
    on()
    assert plan_threads((100,), 8, LSTM_512) == (2, True, False)
    assert plan_threads((100,), 64, LSTM_512) == (2, False, False)
    assert plan_threads((100,), 1, LSTM_512) == (2, True, True)


def test_weights_that_no_cache_holds_need_more_rows(on):
    on()
    assert not plan_threads((100,), 40, LSTM_512)[1]
    on(replace(XEON, l3=4 << 20))
    assert plan_threads((100,), 40, LSTM_512)[1]


def test_small_weights_are_not_worth_a_wait(on):
    on()
    assert plan_threads((1000,), 4, 4 * 32 * 64) == (2, False, False)
    assert plan_threads((1000,), 1, 4 * 64 * 128) == (1, False, True)  # a single row: one thread


def test_one_thread_divides_nothing(on):
    on(threads=1)
    assert plan_threads((100,), 8, LSTM_512) == (1, False, False)
    by_rows, by_units = predicted_steps((100,), 8, LSTM_512, 1)
    assert by_rows == by_units


def test_a_lattice_has_the_rows_of_a_diagonal(on):
    on()
    weights = 4 * 64 * 200
    assert not plan_threads((30, 30), 2, weights)[1]  # 30 rows of each sample at a step
    assert plan_threads((30, 30), 3, weights)[1]  # otherwise, one thread has two samples


def test_measured_rates_are_kept(own_cache):
    assert not machine().measured
    keep(replace(XEON, measured=True))
    assert machine() == replace(XEON, measured=True)
    assert [one.name for one in own_cache.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "damage",
    [
        {"processor": "another"}, {"multiplications": 0}, {"l3_bandwidth": "25e9"}, {"wait": None},
        {"memory_bandwidth": float("inf")}, {"l2": float("nan")},
    ],
)  # fmt: skip
def test_rates_of_another_processor_or_no_rates_are_ignored(own_cache, damage):
    keep(replace(XEON, measured=True))
    data = json.loads((own_cache / FILE).read_text())
    assert data["processor"] == processor.identity()
    (own_cache / FILE).write_text(json.dumps(data | damage))
    machine.cache_clear()
    assert not machine().measured


def test_a_damaged_file_is_ignored(own_cache):
    (own_cache / FILE).write_bytes(b"\xff{")
    assert not machine().measured


def test_the_sizes_of_caches(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_module, "CACHES", tmp_path)
    assert (cache_size(2), cache_size(3)) == (1 << 20, 32 << 20)
    for number, (level, size) in enumerate([("1", "48K"), ("2", "2048K"), ("3", "?")]):
        (tmp_path / f"index{number}").mkdir()
        (tmp_path / f"index{number}" / "level").write_text(f"{level}\n")
        (tmp_path / f"index{number}" / "size").write_text(f"{size}\n")
    assert (cache_size(2), cache_size(3)) == (2 << 20, 32 << 20)
