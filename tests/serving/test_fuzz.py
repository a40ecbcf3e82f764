import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies

JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats()
    | strategies.text(max_size=20),
    lambda inner: strategies.lists(inner, max_size=4)
    | strategies.dictionaries(
        strategies.sampled_from(
            ["rows", "sequences", "observation", "model", "state", "series", "store", "month", "sales",
             "length", "prime", "seed", "temperature", "channel_0", "channel_1", "x"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
MODELS = strategies.sampled_from(["sales", "gestures", "text", "both", "none"])
PATHS = strategies.sampled_from(
    ["/predict?model=sales", "/predict?model=gestures", "/predict?model=text", "/predict", "/generate",
     "/stream/f", "/stream/f/step", "/stream/g/step", "/stream/%00", "/stream/../x", "/models", "/x"]
)  # fmt: skip
KINDS = strategies.sampled_from(
    ["application/json", "text/csv", "application/vnd.apache.arrow.stream",
     "application/vnd.apache.arrow.file", "text/plain", ""]
)  # fmt: skip
METHODS = strategies.sampled_from(["POST"] * 6 + ["GET", "PUT", "DELETE", "PATCH"])


def bodies():
    with_model = strategies.tuples(JSON, MODELS).map(
        lambda pair: {**pair[0], "model": pair[1]} if isinstance(pair[0], dict) else pair[0]
    )
    as_text = with_model.map(lambda one: json.dumps(one).encode()) | strategies.tuples(
        strategies.sampled_from(
            ["%s", '{"rows": %s}', '{"sequences": %s}', '{"observation": %s}', '{"rows": [{"sales": %s}]}']
        ),
        strategies.sampled_from([1, 9, 10, 11, 400, 100_000]),
    ).map(lambda pair: (pair[0] % ("[" * pair[1] + "]" * pair[1])).encode())
    return as_text | strategies.binary(max_size=200) | strategies.text(max_size=100).map(str.encode)


OPTIONS = settings(
    deadline=10_000, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip


@settings(OPTIONS, max_examples=80)
@given(METHODS, PATHS, KINDS, bodies())
def test_malformed_requests_are_no_faults_of_the_server(client, method, path, kind, body):
    check_request(client, method, path, kind, body)


@pytest.mark.thorough
@settings(OPTIONS, max_examples=500)
@given(METHODS, PATHS, KINDS, bodies())
def test_no_malformed_request_is_a_fault_of_the_server(client, method, path, kind, body):
    check_request(client, method, path, kind, body)


def check_request(client, method, path, kind, body):
    client.post("/stream/g", json={"model": "gestures"})
    response = client.request(method, path, content=body, headers={"content-type": kind})
    assert response.status_code < 500, (method, path, kind, body, response.text)
    if response.status_code >= 400 and method != "HEAD":
        assert list(response.json()) == ["error"]
