from contextlib import suppress
from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies

import gatewise as gw
from tests.shipping.stepping import SMALL, classifier, forecaster

NAMES = ["channel_0", "channel_1", "store", "month", "sales", "text", "id"]
SCALARS = (
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats()
    | strategies.text(max_size=8) | strategies.dates(date(1, 1, 1)) | strategies.datetimes(datetime(1, 1, 1))
    | strategies.sampled_from(["a", "b", 10**400, -(2**63), "2020-01-01", "\ud800", b"x", np.float32(1)])
)  # fmt: skip
OBSERVATIONS = (
    SCALARS
    | strategies.lists(SCALARS, max_size=3)
    | strategies.dictionaries(strategies.sampled_from(NAMES), SCALARS | strategies.lists(SCALARS), max_size=5)
    | strategies.lists(strategies.dictionaries(strategies.sampled_from(NAMES), SCALARS), max_size=3)
)


@pytest.fixture(scope="module")
def models():
    text = gw.TextGenerator(epochs=1, tokenizer="bytes", **SMALL).fit(["ab ba aab " * 400])
    return [classifier(pooling="max"), forecaster(id="store", refit=False), text]


@settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(strategies.integers(0, 2), strategies.lists(OBSERVATIONS, max_size=3))
def test_an_observation_is_read_or_refused(models, place, observations):
    stream = models[place].stream()
    for observation in observations:
        with suppress(gw.GatewiseError):
            answer = stream.step(observation)
            numbers = [one for one in answer.values() if not isinstance(one, str | dict)]
            assert np.isfinite(np.array(numbers, dtype=float)).all()


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(strategies.data())
def test_damaged_states_are_loaded_or_refused(models, data):
    stream = models[0].stream()
    stream.step([1.0, 2.0])
    stored = bytearray(stream.save())
    for _ in range(data.draw(strategies.integers(1, 3))):
        stored[data.draw(strategies.integers(0, len(stored) - 1))] = data.draw(strategies.integers(0, 255))
    fresh = models[0].stream()
    with suppress(gw.GatewiseError):
        fresh.load(bytes(stored))
        fresh.step([1.0, 2.0])
