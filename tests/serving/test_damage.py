import json

import pytest

from gatewise.errors import GatewiseError
from gatewise.serving.answering import answered
from gatewise.serving.journal import Journal
from tests.shipping.stepping import walks

HEAD = json.dumps({"sessions": {"a": {"series": None, "steps": 0}}})
STEP = json.dumps({"do": "step", "id": "a", "observation": [1.0, 1.0]})
OTHER = STEP.replace('"a"', '"b"')


@pytest.fixture(scope="module")
def model(client):
    return client.models["gestures"].model


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (b"", "line 1 is damaged"),
        (b"{}\n", "line 1 is damaged .it has no 'sessions'"),
        (b"[]\n", "line 1"),
        (b'{"sessions": []}\n', "line 1"),
        (b'{"sessions": {"a": {"series": null, "steps": "x"}}}\n', "number of steps of the stream 'a'"),
        (f"{HEAD}\n{STEP[:20]}\n{STEP}\n".encode(), "line 2"),
        (f"{HEAD}\n{STEP}\n".encode() + b"\xff\n", "line 3"),
        (f"{HEAD}\n{OTHER}\n".encode(), "line 2 .*there is no stream 'b'"),
        (f"{HEAD}\n{STEP.replace('step', 'jump')}\n".encode(), "line 2 .*got 'jump'"),
        (f"{HEAD}\n{'[' * 10**6}\n".encode(), "line 2 .*nested"),
        (None, "snapshot-1.safetensors is missing"),
    ],
)
def test_a_damaged_log_is_refused_in_one_line(model, tmp_path, log, message):
    journal = Journal(tmp_path)
    journal.recover(model.stream())
    journal.close()
    if log is None:
        (tmp_path / "snapshot-1.safetensors").unlink()
    else:
        (tmp_path / "log-1.jsonl").write_bytes(log)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(GatewiseError, match=f"can't go on: .*{message}.*; move the folder away") as raised:
        Journal(tmp_path).recover(model.stream())
    assert "\n" not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_step_that_fails_is_refused_again_at_replay(model, tmp_path, monkeypatch):
    values, _ = walks()
    stream, journal = model.stream(), Journal(tmp_path)
    journal.recover(stream)
    whole = type(stream).step_many

    def failing(self, observations):
        if any(list(one) == [0.0, 0.0] for one in observations.values()):
            raise RuntimeError("of torch")
        return whole(self, observations)

    monkeypatch.setattr(type(stream), "step_many", failing)
    observations = {"bad": [0.0, 0.0], "good": values[0][0].tolist()}
    journal.append({"do": "open", "id": id, "series": None} for id in observations)
    journal.append({"do": "step", "id": id, "observation": one} for id, one in observations.items())
    answers = answered(stream, observations)
    assert str(answers["bad"]) == "of torch"
    assert answers["good"]["label"] in ("down", "flat", "up")
    journal.close()
    sessions = Journal(tmp_path).recover(model.stream())
    assert {id: one["steps"] for id, one in sessions.items()} == {"bad": 0, "good": 1}
