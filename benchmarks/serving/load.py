"""The load that `gatewise serve` takes on this machine, over the loopback interface.

`python benchmarks/serving/load.py > benchmarks/serving/load.txt`

The classifier also runs as an ONNX graph, behind FastAPI alone, and behind LitServe where it is installed.

The clients run in this process and share the processor with the server, which is a process of its own. Each
measurement takes `SECONDS`; a client sends its next request when the last one is answered.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

import gatewise as gw
from gatewise.benchmark.facts import machine_facts

SECONDS, CLIENTS, OPEN, CHANNELS = 3.0, (1, 8, 32, 128), 10_000, 4
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
CONDITIONS = {
    "": (),
    ", with --state": ("--state", "{home}/state"),
    ", with --state and --sync": ("--sync", "--state", "{home}/synchronized"),
}
RIVALS = {"fastapi": "onnxruntime behind FastAPI", "litserve": "onnxruntime behind LitServe"}


STORES, MONTHS = 32, 60


def sales():
    """A row for each month of each store."""
    months = pl.date_range(pl.date(2015, 1, 1), pl.date(2019, 12, 1), "1mo", eager=True)
    season = np.sin(np.arange(MONTHS) * np.pi / 6)
    return pl.concat(
        [
            pl.DataFrame({"store": [f"s{number}"] * MONTHS, "month": months, "sales": 9.0 + number + season})
            for number in range(STORES)
        ]
    )


def save_forecaster(folder):
    model = gw.Forecaster(horizon=3, context=14, max_steps=3, refit=False, progress=False, baselines=False)
    model.fit(sales(), time="month", target="sales", id="store").save(folder)


def save_model(folder):
    values = np.random.default_rng(0).normal(size=(40, 9, CHANNELS))
    options = {"network": "stack", "bidirectional": False, "pooling": "last", "cell": "lstm", "epochs": 1}
    model = gw.Classifier(**options, hidden=64, progress=False, baselines=False)
    model.fit(values, np.arange(40) % 3).save(folder)
    (folder / "shipped").mkdir()
    model.export(folder / "shipped" / "model.onnx")


class Client:
    """A connection that is kept open."""

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def post(self, path, data):
        """Posts JSON. Returns: the status"""
        body = json.dumps(data).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self.reader.readexactly(length)
        return int(answer.split(b" ", 2)[1])


async def load(port, clients, request):
    """Requests of clients in turns. Returns: the seconds of each"""
    end = time.perf_counter() + SECONDS
    times = []

    async def run(number):
        client = await Client().open(port)
        while (began := time.perf_counter()) < end:
            status = await request(client, number)
            assert status == 200, status
            times.append(time.perf_counter() - began)
        client.writer.close()

    await asyncio.gather(*map(run, range(clients)))
    return times


def show(name, clients, times):
    middle, last = (1000 * float(np.quantile(times, level)) for level in (0.5, 0.99))
    print(f"{name:34} {clients:8,} {len(times) / SECONDS:12,.0f} {middle:10.1f} {last:10.1f}", flush=True)


async def measure_predictions(port, name):
    """Predictions of sequences by a server."""
    sequence = {"model": "gestures", "sequences": [np.zeros((50, CHANNELS)).tolist()]}
    first = await Client().open(port)
    for _ in range(100):  # until its workers have the model
        if await first.post("/predict", sequence) == 200:
            break
        await asyncio.sleep(0.2)
    for clients in CLIENTS[:3]:
        times = await load(port, clients, lambda one, number: one.post("/predict", sequence))
        show(name, clients, times)


async def measure(port):
    observation = {"observation": [0.1, 0.2, 0.3, 0.4]}
    rows = [json.loads(one.write_json()) for one in sales().partition_by("store", maintain_order=True)]
    first = await Client().open(port)
    for number in range(max(CLIENTS)):
        assert await first.post(f"/stream/c{number}", {"model": "gestures"}) == 201
    for clients in CLIENTS:
        times = await load(
            port, clients, lambda one, number: one.post(f"/stream/c{number}/step", observation)
        )
        show("a step of a stream for each client", clients, times)
    await measure_predictions(port, "predict one sequence of 50 steps")
    for clients in CLIENTS[:3]:
        times = await load(
            port, clients, lambda one, number: one.post("/predict", {"model": "sales", "rows": rows[number]})
        )
        show("forecast a store of 60 rows", clients, times)
    await open_many(port)


async def open_many(port):
    """Opens many streams, and steps each of them."""
    clients = [await Client().open(port) for _ in range(64)]
    times = []

    async def run(place, path, data, expected):
        for number in range(place, OPEN, len(clients)):
            began = time.perf_counter()
            assert await clients[place].post(path.format(number), data) == expected
            times.append(time.perf_counter() - began)

    for name, path, data, expected in (
        ("open", "/stream/o{}", {"model": "gestures"}, 201),
        ("step", "/stream/o{}/step", {"observation": [0.1, 0.2, 0.3, 0.4]}, 200),
    ):
        times.clear()
        began = time.perf_counter()
        await asyncio.gather(*(run(place, path, data, expected) for place in range(len(clients))))
        took, last = time.perf_counter() - began, 1000 * float(np.quantile(times, 0.99))
        print(
            f"{name} each of {OPEN:,} streams, 64 clients: {OPEN / took:,.0f} requests/s, p99 {last:.1f} ms"
        )


def serve(folders, *options):
    command = [sys.executable, "-m", "gatewise", "serve", *map(str, folders), "--port", "0", *options]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    return child, int(child.stdout.readline().rpartition(":")[2])


def serve_rival(name, model):
    """Another server, once it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = Path(__file__).with_name(f"behind_{name}.py")
    command = [sys.executable, script, model, str(port)]
    child = subprocess.Popen(command, env=ENVIRONMENT, start_new_session=True)  # with its workers
    while child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return child, port
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{name} does not start")


def memory_of(process):
    """The resident memory of a process, in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main():
    print(f"{machine_facts()['processor']}; two cores for server and clients, shared with other programs")
    with tempfile.TemporaryDirectory() as home:
        folders = [Path(home, "gestures"), Path(home, "sales")]
        save_model(folders[0])
        save_forecaster(folders[1])
        for name, options in CONDITIONS.items():
            options = [one.format(home=home) for one in options]
            child, port = serve(folders, *options)
            before = memory_of(child.pid)
            print(f"\nclasses so far, LSTM of 64 units{name}")
            print(f"{'':34} {'clients':>8} {'requests/s':>12} {'p50 ms':>10} {'p99 ms':>10}")
            try:
                asyncio.run(measure(port))
                print(f"memory: {before:,.0f} MiB at the start, {memory_of(child.pid):,.0f} MiB at the end")
            finally:
                child.terminate()
                child.wait(60)
        print("\nother servers of the same model, and this one again")
        child, port = serve(folders)
        try:
            asyncio.run(measure_predictions(port, "gatewise"))
        finally:
            child.terminate()
            child.wait(60)
        for name, shown in RIVALS.items():
            if find_spec(name) is None:
                print(f"{shown}: not installed")
                continue
            child, port = serve_rival(name, folders[0] / "shipped" / "model.onnx")
            try:
                asyncio.run(measure_predictions(port, shown))
            finally:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait(60)


if __name__ == "__main__":
    main()
