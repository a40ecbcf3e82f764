"""Streams that survive the end of their process: a snapshot, and a log of the steps after it."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.plain import one_line, parse_json
from gatewise.serving.answering import answered
from gatewise.shipping.stream import Stream

SNAPSHOT, LOG = "snapshot-{}.safetensors", "log-{}.jsonl"
LONGEST_LOG = 20_000  # records, after which a new snapshot is written
Sessions = dict[str, dict[str, Any]]  # of each stream its id, the series and the steps


class Journal:
    """The files of the streams of a model: a record is written before its step is computed.

    A log is flushed to the system at each batch of steps: it survives the end of the process. The snapshot
    reaches the disk.

    folder: of this model alone; sync: whether the log reaches the disk, too, at each batch
    """

    folder: Path
    sync: bool

    def __init__(self, folder: Path, sync: bool = False) -> None:
        self.folder, self.sync = folder, sync
        self._number, self._records, self._log = 0, 0, -1

    def recover(self, stream: Stream) -> Sessions:
        """Brings a stream to where the files end, and begins a new log.

        Raises: `GatewiseError` if the files are of another model, or damaged.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        logs = [self._number_of(path) for path in self.folder.glob(LOG.format("*"))]
        whole = [one for one in logs if (self.folder / SNAPSHOT.format(one)).is_file()]
        sessions: Sessions = {}
        try:
            if logs and not whole:
                raise GatewiseError(f"{SNAPSHOT.format(max(logs))} is missing")
            if whole:
                self._number = max(whole)
                stream.load((self.folder / SNAPSHOT.format(self._number)).read_bytes())
                sessions = self._replay(stream)
        except GatewiseError as error:
            raise GatewiseError(
                f"the streams in {str(self.folder)!r} can't go on: {error}; move the folder away to "
                "begin anew"
            ) from error
        self.rotate(stream, sessions)
        return sessions

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Writes records to the log, all or none. Raises: `OSError` if they can't be written."""
        lines = [json.dumps(one) for one in records]
        left, before = "".join(f"{line}\n" for line in lines).encode(), os.fstat(self._log).st_size
        try:
            while left:
                left = left[os.write(self._log, left) :]
            if self.sync:
                os.fsync(self._log)
        except OSError:
            os.ftruncate(self._log, before)
            raise
        self._records += len(lines)

    @property
    def is_long(self) -> bool:
        """Whether it is time for a new snapshot."""
        return self._records >= LONGEST_LOG

    def rotate(self, stream: Stream, sessions: Sessions) -> None:
        """Writes a snapshot, and begins a new log; older files are removed once both are on the disk."""
        before, self._number = self._number, self._number + 1
        snapshot, log = (self.folder / name.format(self._number) for name in (SNAPSHOT, LOG))
        states = stream.save([one for one in sessions if one in stream])
        write_whole(snapshot, lambda path: path.write_bytes(states))
        head = json.dumps({"sessions": sessions})
        write_whole(log, lambda path: path.write_text(f"{head}\n", encoding="utf-8"))
        self.close()
        self._log, self._records = os.open(log, os.O_WRONLY | os.O_APPEND), 0
        for name in (SNAPSHOT, LOG):
            (self.folder / name.format(before)).unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the log."""
        if self._log >= 0:
            with suppress(OSError):
                os.close(self._log)
        self._log = -1

    def _replay(self, stream: Stream) -> Sessions:
        """Repeats the steps of the log, also refused ones. A last line without its end was not computed.

        Raises: `GatewiseError` with the line that is damaged.
        """
        log = self.folder / LOG.format(self._number)
        lines = log.read_bytes().split(b"\n")[:-1] or [b""]
        sessions: Sessions = {}
        together: dict[str, Any] = {}
        for number, line in enumerate(lines, 1):
            try:
                record = parse_json(line.decode("utf-8"))
                if number == 1:
                    sessions = _begun(stream, record["sessions"])
                    continue
                if record["do"] != "step" or record["id"] in together:
                    _repeat(stream, sessions, together)
                    together = {}
                if record["do"] != "step":
                    change(stream, sessions, record)
                elif record["id"] in sessions:
                    together[record["id"]] = record["observation"]
                else:
                    raise GatewiseError(f"there is no stream {str(record['id'])[:80]!r}")
            except Exception as error:  # a file may hold anything
                raise GatewiseError(f"{log.name}, line {number} is damaged ({_reason(error)})") from error
        _repeat(stream, sessions, together)
        return sessions

    @staticmethod
    def _number_of(path: Path) -> int:
        digits = path.stem.partition("-")[2]
        return int(digits) if digits.isdecimal() else 0


def _begun(stream: Stream, sessions: Any) -> Sessions:
    """The sessions of the first line of a log, of which those without a state are begun."""
    for id, session in sessions.items():
        if type(session["steps"]) is not int:
            raise GatewiseError(f"expected a number of steps of the stream {id[:80]!r}")
        if id not in stream:
            stream.begin(id, session["series"])
    begun: Sessions = sessions
    return begun


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else one_line(error)


def _repeat(stream: Stream, sessions: Sessions, observations: Mapping[str, Any]) -> None:
    """Computes steps again, and counts those that are not refused."""
    for id, answer in answered(stream, observations).items():
        sessions[id]["steps"] += not isinstance(answer, Exception)


def _decoded(state: str) -> bytes:
    try:
        return b64decode(state, validate=True)
    except ValueError as error:
        raise GatewiseError(f"the state can't be read as base 64: {error}") from error


def change(stream: Stream, sessions: Sessions, record: Mapping[str, Any]) -> None:
    """Opens, restores or closes a stream.

    record: with its "id" and what to "do": "open" with a "series", "restore" with a "state" in base 64,
        or "close"

    Raises: `GatewiseError` if the state does not fit; nothing is then changed.
    """
    id, action = record["id"], record["do"]
    if action == "open":
        stream.begin(id, record["series"])
        sessions[id] = {"series": record["series"], "steps": 0}
    elif action == "restore":
        stream.load(_decoded(record["state"]), id)
        sessions[id] = {"series": None, "steps": 0}
    elif action == "close":
        stream.end(id)
        sessions.pop(id, None)
    else:
        raise GatewiseError(f"expected to open, restore or close a stream, got {str(action)[:80]!r}")
