import asyncio
import base64
import bz2
import gzip
import io
import json
import lzma
from threading import current_thread

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from starlette.websockets import WebSocketDisconnect

from gatewise.errors import GatewiseError
from gatewise.serving import bodies
from gatewise.serving.bodies import read_content
from gatewise.serving.examples import observation_of
from gatewise.serving.predicting import RequestPredictor
from gatewise.serving.refusals import RequestError
from gatewise.serving.worker import StreamWorker
from tests.serving.conftest import served
from tests.shipping.stepping import forecaster, months, walks

ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"


def opened(client, id, model, **more):
    response = client.post(f"/stream/{id}", json={"model": model, **more})
    assert response.status_code == 201, response.text
    return id


def stepped(client, id, observation):
    response = client.post(f"/stream/{id}/step", json={"observation": observation})
    assert response.status_code == 200, response.text
    return response.json()["answer"]


def buffer_of(table, write):
    buffer = io.BytesIO()
    getattr(table, write)(buffer)
    return buffer.getvalue()


def test_predictions_are_those_of_the_model_in_every_form(client):
    table = months()
    expected = client.models["sales"].model.predict(table)
    bodies = {
        "application/json": table.write_json().encode(),
        CSV: b"# made by hand\n" + table.write_csv().encode(),
        ARROW: buffer_of(table, "write_ipc_stream"),
        "application/vnd.apache.arrow.file": buffer_of(table, "write_ipc"),
    }
    for kind, body in bodies.items():
        given = {"content-type": kind, "accept": "application/json, text/csv"}
        response = client.post("/predict?model=sales", content=body, headers=given)
        assert response.status_code == 200, response.text
        found = pl.DataFrame(response.json()["rows"])
        assert found.columns == expected.columns
        np.testing.assert_array_equal(found["q0.9"], expected["q0.9"])
        assert found["month"].to_list()[0].startswith("2020-01-01")
    for separator in ",;\t|":  # the answer is of the kind of the body
        body = table.write_csv(separator=separator)
        response = client.post("/predict?model=sales", content=body, headers={"content-type": CSV})
        np.testing.assert_array_equal(pl.read_csv(response.content)["sales"], expected["sales"])
    given = {"content-type": ARROW, "accept": f"text/html, {CSV};q=0.5, {ARROW}"}
    response = client.post("/predict?model=sales", content=bodies[ARROW], headers=given)
    assert pl.read_ipc_stream(response.content).equals(expected)
    response = client.post(
        "/predict?model=sales", content=bodies[CSV], headers={**given, "accept": CSV, "content-type": CSV}
    )
    np.testing.assert_array_equal(pl.read_csv(response.content)["sales"], expected["sales"])


def test_arrays_are_predicted(client):
    values, _ = walks()
    response = client.post("/predict", json={"model": "gestures", "sequences": values[:3].tolist()})
    rows = response.json()["rows"]
    expected = client.models["gestures"].model.predict_proba(values[:3])
    np.testing.assert_allclose([row["p(up)"] for row in rows], expected[:, 2], rtol=1e-6)


def test_streams_answer_as_in_python(client):
    values, _ = walks()
    stream = client.models["gestures"].model.stream()
    opened(client, "one", "gestures")
    for row in values[0]:
        expected = stream.step(row)
        answer = stepped(client, "one", row.tolist())
        assert answer["label"] == expected["label"]
        np.testing.assert_allclose(answer["probabilities"]["up"], expected["probabilities"]["up"], atol=3e-7)
    assert client.get("/stream/one").json() == {"id": "one", "model": "gestures", "steps": 9}
    state = client.get("/stream/one/snapshot").content
    opened(client, "two", "gestures", state=base64.b64encode(state).decode())
    again = values[0][0].tolist()
    assert stepped(client, "two", again) == stepped(client, "one", again)
    assert client.delete("/stream/one").json() == {"id": "one", "closed": True}
    assert client.get("/stream/one").status_code == 404
    client.delete("/stream/two")


def test_a_stream_of_a_named_series_and_of_a_text(client):
    table = months().filter(pl.col("store") == "b")
    opened(client, "b", "sales", series="b")
    for row in table.head(20).iter_rows(named=True):
        answer = stepped(client, "b", {"month": row["month"].isoformat(), "sales": row["sales"]})
    expected = client.models["sales"].model.predict(table.head(20))
    np.testing.assert_allclose(answer["sales"], expected["sales"], rtol=6e-7)
    opened(client, "t", "text")
    answer = stepped(client, "t", "the q")
    expected = client.models["text"].model.stream().step("the q")
    assert answer["symbol"] == expected["symbol"]
    for id in ("b", "t"):
        client.delete(f"/stream/{id}")


def test_a_socket_steps_a_stream(client):
    values, _ = walks()
    stream = client.models["gestures"].model.stream()
    opened(client, "socket", "gestures")
    with client.websocket_connect("ws://localhost/stream/socket/socket") as socket:
        for number, row in enumerate(values[1]):
            socket.send_text(json.dumps(row.tolist()))
            answer, expected = socket.receive_json(), stream.step(row)
            assert answer["steps"] == number + 1
            np.testing.assert_allclose(
                answer["answer"]["probabilities"]["up"], expected["probabilities"]["up"], atol=3e-7
            )
        socket.send_text("[1.0")
        assert socket.receive_json()["status"] == 400
        socket.send_text("[" * 400 + "]" * 400)
        assert socket.receive_json()["status"] == 422
        for body in (b"\xff", b""):
            socket.send_bytes(body)
            assert socket.receive_json()["status"] == 400
        socket.send_bytes(json.dumps(values[1][0].tolist()).encode())
        assert socket.receive_json()["steps"] == len(values[1]) + 1
        socket.send_text("[1.0]")
        assert "expected an observation of 2 values" in socket.receive_json()["error"]
    client.delete("/stream/socket")


def test_a_text_is_generated_as_events(client):
    response = client.post("/generate", json={"model": "text", "length": 50, "seed": 3, "prime": "the "})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line]
    assert events[-1] == {"end": True}
    text = "".join(event["text"] for event in events[:-1])
    assert text == "".join(client.models["text"].model.sample(length=50, seed=3, prime="the "))


def test_a_fault_of_the_server_is_answered_in_one_line(client, monkeypatch):
    def fail(given):
        raise RuntimeError("of torch")

    monkeypatch.setattr(client.models["text"], "sample", fail)
    response = client.post("/generate", json={"model": "text"})
    assert (response.status_code, "failed with RuntimeError" in response.json()["error"]) == (500, True)


def test_the_description_has_the_columns_of_the_models(client):
    paths = client.get("/openapi.json").json()["paths"]
    bodies = paths["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert bodies["sales"]["value"]["rows"] == [{"store": "a", "month": "2024-01-01", "sales": 1.0}]
    bodies = paths["/stream/{id}/step"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert bodies["gestures"]["value"]["observation"] == {"channel_0": 1.0, "channel_1": 1.0}
    opened(client, "example", "gestures")
    stepped(client, "example", bodies["gestures"]["value"]["observation"])
    client.delete("/stream/example")


def test_state_of_the_server(client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"ready": True}
    models = {one["name"]: one for one in client.get("/models").json()}
    assert not models["both"]["streams"]
    assert "bidirectional" in models["both"]["reason"]
    assert models["text"]["generates"]
    text = client.get("/metrics").text
    assert 'gatewise_requests_total{method="GET",path="/health",status="200"}' in text
    assert "\ngatewise_streams " in text


def nested(body, depth):
    return (body % ("[" * depth + "]" * depth)).encode()


PREDICT, STEP, JSON = "/predict?model=sales", "/stream/open/step", "application/json"
BAD = [  # method, path, JSON or (body, content type), status, part of the message
    ("POST", PREDICT, {"rows": [{"a": 1}]}, 422, "column"),
    ("POST", PREDICT, {"rows": []}, 422, "has no rows"),
    ("POST", PREDICT, [1, 2], 422, "expected a list of rows"),
    ("POST", PREDICT, {"rows": [{"store": {}, "month": [1], "sales": "x"}]}, 422, ""),
    ("POST", "/predict?model=gestures", {"sequences": [[[1.0], [2.0]]]}, 422, "1 channel"),
    ("POST", "/predict?model=gestures", {"sequences": [[["x", 1]]]}, 422, ""),
    ("POST", "/predict?model=none", [{"a": 1}], 404, "there is no model 'none'"),
    ("POST", "/predict", [{"a": 1}], 404, "the models are sales, gestures"),
    ("POST", PREDICT, (b"x", "text/plain"), 415, "text/csv"),
    ("POST", PREDICT, (b"{", JSON), 400, "JSON"),
    ("POST", PREDICT, (b"\xff", CSV), 422, ""),
    ("POST", PREDICT, (b"a,2015-01-01,50.3\n", CSV), 422, "as text/csv: it has no rows below its header"),
    ("POST", PREDICT, (b"a,2015-01-01,50.3\na,2015-02-01,50.1\n", CSV), 422, "no column 'month'"),
    ("POST", PREDICT, (b"", CSV), 422, "as text/csv: it is empty"),
    ("POST", PREDICT, (b"ARROW1 no", ARROW), 422, "can't be read"),
    ("POST", "/stream/x", {"model": "both"}, 422, "bidirectional"),
    ("POST", "/stream/x", {"model": "gestures", "series": "a"}, 422, "knows no series"),
    ("POST", "/stream/x", {"model": "gestures", "state": "AAAA"}, 422, "can't be read"),
    ("POST", "/stream/x", {"model": "gestures", "state": "no base"}, 422, "can't be read"),
    ("POST", "/stream/x", {"model": "gestures", "state": 3}, 422, "as texts"),
    ("POST", "/stream/x", (b"{}", "text/plain"), 415, JSON),
    ("POST", "/stream/a%20b", {"model": "gestures"}, 422, "expected an id"),
    ("POST", PREDICT, (buffer_of(pl.DataFrame({"a": [[1.0]]}), "write_ipc_stream"), ARROW), 422, "of lists"),
    ("POST", STEP, {"observation": "a" * 1001}, 413, "1,001 characters"),
    ("POST", STEP, {"observation": [{"text": "a" * 600}] * 2}, 413, "1,200 characters"),
    ("POST", STEP, {"observation": [1.0]}, 422, "2 values"),
    ("POST", STEP, {"observation": [1.0, None]}, 422, "is missing"),
    ("POST", STEP, {"observation": ["a", "b"]}, 422, "as a number"),
    ("POST", STEP, (b'{"observation": [NaN, 1]}', JSON), 400, "no JSON"),
    ("POST", STEP, {}, 422, 'with "observation"'),
    ("POST", STEP, [], 400, "expected a JSON object"),
    ("POST", "/stream/open", {"model": "gestures"}, 409, "open already"),
    ("GET", "/stream/open/snapshot", None, 409, "no step yet"),
    ("POST", "/stream/none/step", {"observation": [1.0]}, 404, "there is no stream 'none'"),
    ("DELETE", "/stream/none", None, 404, "there is no stream 'none'"),
    ("POST", "/generate", {"model": "sales"}, 422, "generates nothing"),
    ("POST", "/generate", {"model": "text", "length": 10**9}, 422, "at most 10,000"),
    ("POST", "/generate", {"model": "text", "prime": "QQ"}, 422, "has not seen 'Q'"),
    ("POST", "/generate", {"model": "text", "bogus": 1}, 422, "no option 'bogus'"),
    ("POST", "/generate", {"model": "text", "length": 5, "self": 1}, 422, "no option 'self'"),
    ("POST", "/generate", {"model": "text", "length": True}, 422, "as a whole number, got 'True'"),
    ("POST", "/generate", {"model": "text", "top_k": True}, 422, "expected a number, got True"),
    ("POST", "/generate", {"model": "text", "temperature": 1e300}, 422, "temperature"),
    ("POST", "/generate", {"model": "text", "seed": 10**19}, 422, "seed"),
    ("POST", "/generate", {"model": "text", "count": 10**9}, 422, "at most 10,000"),
    ("POST", "/generate", {"model": "text", "prime": "a" * 10_001}, 413, "10,001 characters"),
    ("POST", "/predict?model=gestures", (nested('{"sequences": %s}', 400), JSON), 422, "nested too deep"),
    ("POST", PREDICT, (nested('{"rows": [{"t": %s}]}', 400), JSON), 422, "nested too deep"),
    ("POST", PREDICT, (nested("%s", 10**6), JSON), 422, "nested too deep"),
    ("POST", "/predict?model=gestures", (nested('{"sequences": %s}', 9), JSON), 422, ""),
    ("POST", STEP, (nested('{"observation": %s}', 400), JSON), 422, "nested too deep"),
    ("GET", "/nope", None, 404, "Not Found"),
    ("GET", "/predict", None, 405, "Method Not Allowed"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), BAD)
def test_mistakes_are_answered_in_one_line(client, method, path, body, status, message):
    if "/open" in path:
        client.delete("/stream/open")
        opened(client, "open", "gestures")
    options = {} if body is None else {"json": body}
    if isinstance(body, tuple):
        options = {"content": body[0], "headers": {"content-type": body[1]}}
    response = client.request(method, path, **options)
    assert response.status_code == status, response.text
    (only,) = response.json().items()
    assert only[0] == "error"
    assert message in only[1]
    assert "\n" not in only[1]


def test_limits(folders):
    options = {"max_streams": 2, "max_body": 0.001, "max_rows": 5, "expire": 0.2}
    with served(folders[1:2], **options) as client:
        opened(client, "a", "gestures")
        opened(client, "b", "gestures")
        response = client.post("/stream/c", json={})
        assert (response.status_code, response.json()["error"][:16]) == (429, "2 streams are op")
        with client.websocket_connect("ws://localhost/stream/a/socket"):  # noqa: SIM117
            with client.websocket_connect("ws://localhost/stream/a/socket"):
                with pytest.raises(WebSocketDisconnect) as refused:  # noqa: SIM117
                    with client.websocket_connect("ws://localhost/stream/b/socket"):
                        pass
                assert "2 sockets are open" in refused.value.reason
        with client.websocket_connect("ws://localhost/stream/b/socket"):
            pass
        for body in (b"x" * 2000, iter([b"x" * 600] * 3)):  # with and without an announced length
            response = client.post("/predict", content=body, headers={"content-type": CSV})
            assert response.status_code == 413
            assert "larger than 1,048 bytes" in response.json()["error"]
        response = client.post("/predict", json={"sequences": [[[1.0, 1.0]] * 6]})
        assert (response.status_code, "more than 5 rows" in response.text) == (413, True)
        for _ in range(100):
            if client.get("/health") and not client.models["gestures"].worker.sessions:
                break
            asyncio.run(asyncio.sleep(0.02))
        response = client.post("/stream/a/step", json={"observation": [1.0, 1.0]})
        assert (response.status_code, "expired" in response.text) == (410, True)
        opened(client, "c", "gestures")


def test_a_token_is_required_where_there_is_one(folders):
    with served(folders[1:2], token="secret") as client:
        for given in (None, "Bearer wrong", "Bearer ", "secret", "Bearer sécret"):
            headers = {} if given is None else {"authorization": given.encode()}
            response = client.get("/models", headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
        assert client.get("/models", headers={"authorization": "Bearer secret"}).status_code == 200
        assert client.get("/health").status_code == 200


def test_pages_of_other_sites_are_refused(client):
    assert client.get("/models", headers={"host": "evil.example:8000"}).status_code == 421
    assert client.get("/models", headers={"host": "127.0.0.1:8000"}).status_code == 200
    opened(client, "site", "gestures")
    with pytest.raises(WebSocketDisconnect) as closed:  # noqa: SIM117
        with client.websocket_connect(
            "ws://localhost/stream/site/socket", headers={"origin": "http://evil.example"}
        ):
            pass
    assert "another site" in closed.value.reason
    client.delete("/stream/site")


def test_steps_that_arrive_together_are_one_batch(client):
    values, _ = walks()
    model, batches = client.models["gestures"].model, []
    worker = StreamWorker(model.stream(), None, 0.05, 100, batches.append)

    async def run():
        for number in range(20):
            await worker.change(do="open", id=str(number), series=None)
        steps = [
            worker.step(str(number), values[number, step].tolist())
            for step in range(3)
            for number in range(20)
        ]
        steps.append(worker.step("3", [1.0]))
        answers = await asyncio.gather(*steps, return_exceptions=True)
        await worker.close()
        return answers

    *answers, refused = asyncio.run(run())
    assert batches == [61]
    assert isinstance(refused, GatewiseError)
    expected = model.predict_proba(values[:20, :3])[:, 2]
    found = [one.answer["probabilities"]["up"] for one in answers[40:]]
    np.testing.assert_allclose(found, expected, atol=3e-7)
    assert [one.steps for one in answers] == [1] * 20 + [2] * 20 + [3] * 20


def test_arrays_that_arrive_together_are_predicted_by_one_call(client):
    values, _ = walks()
    model = client.models["gestures"].model
    predictor, calls = RequestPredictor(model), []
    whole = predictor.predict
    predictor.predict = lambda data: calls.append(len(data)) or whole(data)
    lists = [values[:2].tolist(), values[2:5].tolist(), values[5:6].tolist()]
    parts = predictor.predict_each(lists)
    assert calls == [6]
    for part, own in zip(parts, lists, strict=True):
        expected = model.prediction(own).frame
        assert part.frame.columns == expected.columns
        assert part.frame[part.frame.columns[0]].equals(expected[expected.columns[0]])
        np.testing.assert_allclose(part.frame["p(up)"], expected["p(up)"], atol=3e-7)
    *good, refused = predictor.predict_each([*lists, [[[1.0], [2.0]]]])
    assert isinstance(refused, GatewiseError)
    assert [part.frame.height for part in good] == [2, 3, 1]


@pytest.mark.parametrize("irregular", [False, True])
def test_the_example_of_a_model_with_covariates_is_read_by_it(irregular):
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {
            "second": np.cumsum(rng.integers(1, 4, 80)) if irregular else np.arange(80),
            "value": rng.normal(size=80),
            "price": rng.normal(size=80),
            "day": rng.choice(["work", "free"], 80),
        }
    )
    roles = {"time": "second", "known": ["price", "day"], "categorical": ["day"], "irregular": irregular}
    step = forecaster(table, target="value", refit=False, **roles).stream()
    assert set(step.step(observation_of(step.description))) > {"value", "q0.1"}


def test_tables_of_other_series_that_arrive_together_are_predicted_by_one_call(client):
    model, table = client.models["sales"].model, months(("a", "b", "c"))
    predictor, calls = RequestPredictor(model), []
    whole = predictor.predict
    predictor.predict = lambda data: calls.append(data.height) or whole(data)
    a, b = (table.filter(pl.col("store") == one) for one in "ab")
    parts = predictor.predict_each([a, b, a, a.with_columns(pl.col("month").cast(pl.String))])
    assert calls == [120, 60, 60]  # the same series again, and times of another type, are calls of their own
    for part, own in zip(parts, (a, b, a, a.with_columns(pl.col("month").cast(pl.String))), strict=True):
        assert_frame_equal(part.frame, model.prediction(own).frame, rel_tol=1e-6)
    calls.clear()
    good, refused = predictor.predict_each([a, b.with_columns(store=pl.lit("new"), sales=None)])
    assert_frame_equal(good.frame, parts[0].frame, rel_tol=1e-6)
    assert isinstance(refused, GatewiseError)


def test_no_request_changes_how_the_texts_of_another_are_read(client):
    """Whether 12.345 has a thousands separator is recognized from its column."""
    model, table = client.models["sales"].model, months().with_columns(sales=pl.col("sales").round(3))
    decimals, grouped = (table.filter(pl.col("store") == one) for one in "ab")
    decimals = decimals.with_columns(
        sales=pl.Series([f"{12 + one % 7}.345" for one in range(decimals.height)])
    )
    grouped = grouped.with_columns(
        sales=pl.Series([f"{20 + one % 7}.000.000" for one in range(grouped.height)])
    )
    alone = model.prediction(decimals).frame
    first, second = RequestPredictor(model).predict_each([decimals, grouped])
    assert_frame_equal(first.frame, alone)
    assert alone["sales"].max() < 100 < second.frame["sales"].min()


def test_what_is_recognized_from_a_column_keeps_a_request_by_itself(client):
    predictor, table = RequestPredictor(client.models["sales"].model), months()
    typed = {"month": pl.Date, "sales": pl.Float32}
    assert predictor._ids(table.cast(typed)) == {("a",), ("b",)}
    for name, dtype in (
        ("sales", pl.String),
        ("month", pl.String),
        ("month", pl.Int64),
        ("store", pl.Categorical),
    ):
        assert predictor._ids(table.with_columns(pl.col(name).cast(dtype))) is None
    assert predictor._ids(["a text"]) == predictor._ids([[[1.0, 2.0]], [[3.0]]]) == set()
    assert predictor._ids([["a", "b"]]) is predictor._ids([[["1.5"]]]) is None


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress])
def test_a_compressed_body_is_refused_before_it_is_read(compress):
    with pytest.raises(RequestError, match="it is compressed; send the text itself"):
        read_content(compress(b"a,b\n1,2\n"), CSV, 100)


def test_a_csv_is_read_up_to_the_limit_in_a_thread(client, monkeypatch):
    monkeypatch.setattr(bodies, "BYTES_AT_ONCE", 1 << 12)
    blocks, parsed = [], bodies.stream_pieces
    monkeypatch.setattr(
        bodies,
        "stream_pieces",
        lambda *given: (blocks.append(current_thread().name) or one for one in parsed(*given)),
    )
    with pytest.raises(RequestError, match="more than 10 rows"):
        read_content(b"a,b\n" + b"1,2\n" * 100_000, CSV, 10)
    assert len(blocks) == 2  # the header, and the rows after it
    assert (
        client.post("/predict?model=sales", content=b"a,b\n1,2\n", headers={"content-type": CSV}).status_code
        == 422
    )
    assert blocks[-1].startswith("predict")
