import base64
import errno
import os

import numpy as np
import pytest

from gatewise.errors import GatewiseError
from tests.serving.conftest import served
from tests.serving.test_server import opened, stepped
from tests.shipping.stepping import classifier, months, walks


def same(answer, expected):
    for name, value in expected["probabilities"].items():
        np.testing.assert_allclose(answer["probabilities"][name], value, atol=3e-7)


def test_streams_go_on_after_a_restart(folders, tmp_path):
    values, _ = walks()
    state = str(tmp_path / "streams")
    with served(folders[:2], state=state) as client:
        stream = client.models["gestures"].model.stream()
        for id in ("a", "b", "closed", "new"):
            opened(client, id, "gestures")
        opened(client, "s", "sales", series="b")
        for row in values[0][:3]:
            stepped(client, "a", row.tolist())
            stepped(client, "closed", row.tolist())
            expected = stream.step(row)
        snapshot = base64.b64encode(client.get("/stream/a/snapshot").content).decode()
        opened(client, "copy", "gestures", state=snapshot)
        client.delete("/stream/closed")
        journal = client.models["gestures"].worker._journal
        lines = (journal.folder / f"log-{journal._number}.jsonl").read_text()
    # As if the process had been killed before the snapshot at its end: the log is repeated.
    for number in (journal._number,):
        (journal.folder / f"log-{number}.jsonl").unlink()
        (journal.folder / "log-1.jsonl").write_text(lines + '{"do": "step", "id": "a", "obs')
        (journal.folder / f"snapshot-{number}.safetensors").rename(journal.folder / "snapshot-1.safetensors")
        empty = client.models["gestures"].model.stream().save([])
        (journal.folder / "snapshot-1.safetensors").write_bytes(empty)
    with served(folders[:2], state=state) as client:
        assert client.get("/stream/closed").status_code == 404
        assert client.get("/stream/a").json()["steps"] == 3
        assert client.get("/stream/new").json()["steps"] == 0
        expected = stream.step(values[0][3])
        for id in ("a", "copy"):
            same(stepped(client, id, values[0][3].tolist()), expected)
        table = months(("b",)).head(3)
        for row in table.iter_rows(named=True):
            answer = stepped(client, "s", {"month": row["month"].isoformat(), "sales": row["sales"]})
        assert len(answer["sales"]) == 3
    with served(folders[:2], state=state) as client:  # from the snapshot alone
        expected = stream.step(values[0][4])
        same(stepped(client, "a", values[0][4].tolist()), expected)


def test_streams_of_another_model_are_refused_at_the_start(folders, tmp_path):
    state = str(tmp_path / "streams")
    with served(folders[1:2], state=state) as client:
        opened(client, "a", "gestures")
        stepped(client, "a", [1.0, 1.0])
    classifier(pooling="last", seed=1).save(tmp_path / "gestures")
    with pytest.raises(GatewiseError, match=r"of another model.*move the folder away"):
        served([tmp_path / "gestures"], state=state)


def test_a_long_log_becomes_a_snapshot(folders, tmp_path, monkeypatch):
    monkeypatch.setattr("gatewise.serving.journal.LONGEST_LOG", 4)
    with served(folders[1:2], state=str(tmp_path)) as client:
        opened(client, "a", "gestures")
        for _ in range(10):
            stepped(client, "a", [1.0, 1.0])
        names = sorted(path.name for path in (tmp_path / "gestures").iterdir())
        assert names == ["log-3.jsonl", "snapshot-3.safetensors"]
    with served(folders[1:2], state=str(tmp_path)) as client:
        assert client.get("/stream/a").json()["steps"] == 10


def test_a_step_that_can_not_be_logged_is_not_computed(folders, tmp_path, monkeypatch):
    """On a disk that is full in the middle of a record, and again free."""
    values, _ = walks()
    write = os.write
    with served(folders[1:2], state=str(tmp_path)) as client:
        stream = client.models["gestures"].model.stream()
        opened(client, "a", "gestures")
        stepped(client, "a", values[0][0].tolist())
        stream.step(values[0][0])

        def full(log, data):
            if len(data) <= 8:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(log, data[: len(data) - 8])

        monkeypatch.setattr("os.write", full)
        answer = client.post("/stream/a/step", json={"observation": values[0][1].tolist()})
        assert (answer.status_code, "No space left" in answer.json()["error"]) == (503, True)
        monkeypatch.undo()
        refused = client.post("/stream/a/step", json={"observation": [1.0]})
        assert refused.status_code == 422
        expected = stream.step(values[0][1])
        same(stepped(client, "a", values[0][1].tolist()), expected)
        assert client.get("/stream/a").json()["steps"] == 2
        journal = client.models["gestures"].worker._journal
        log = journal.folder / f"log-{journal._number}.jsonl"
        kept = log.read_text()
        snapshot = (journal.folder / f"snapshot-{journal._number}.safetensors").read_bytes()
        number = journal._number
    for path in journal.folder.iterdir():
        path.unlink()  # as if the process had been killed before the snapshot at its end
    (journal.folder / f"log-{number}.jsonl").write_text(kept)
    (journal.folder / f"snapshot-{number}.safetensors").write_bytes(snapshot)
    with served(folders[1:2], state=str(tmp_path)) as client:
        assert client.get("/stream/a").json()["steps"] == 2
        expected = stream.step(values[0][2])
        same(stepped(client, "a", values[0][2].tolist()), expected)


def test_a_synchronized_log_reaches_the_disk_at_each_batch(folders, tmp_path, monkeypatch):
    synchronized, fsync = [], os.fsync
    with served(folders[1:2], state=str(tmp_path), sync=True) as client:
        opened(client, "a", "gestures")
        log = client.models["gestures"].worker._journal._log
        monkeypatch.setattr("os.fsync", lambda file: synchronized.append(file) or fsync(file))
        for _ in range(2):
            stepped(client, "a", [1.0, 1.0])
        assert synchronized == [log] * 2
