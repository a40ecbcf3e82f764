"""The load that `gatewise serve` takes on this machine, over the loopback interface.

`python benchmarks/serving/load.py > benchmarks/serving/load.txt`

The clients run in this process and share the processor with the server, which is a process of its own. Each
measurement takes `SECONDS`; a client sends its next request when the last one is answered.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import gatewise as gw
from gatewise.benchmark.facts import machine_facts

SECONDS, CLIENTS, OPEN, CHANNELS = 3.0, (1, 8, 32, 128), 10_000, 4


def save_model(folder):
    values = np.random.default_rng(0).normal(size=(40, 9, CHANNELS))
    options = {"network": "stack", "bidirectional": False, "pooling": "last", "cell": "lstm", "epochs": 1}
    model = gw.Classifier(**options, hidden=64, progress=False, baselines=False)
    model.fit(values, np.arange(40) % 3).save(folder)


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


async def measure(port):
    observation = {"observation": [0.1, 0.2, 0.3, 0.4]}
    sequence = {"sequences": [np.zeros((50, CHANNELS)).tolist()]}
    first = await Client().open(port)
    for number in range(max(CLIENTS)):
        assert await first.post(f"/stream/c{number}", {}) == 201
    for clients in CLIENTS:
        times = await load(
            port, clients, lambda one, number: one.post(f"/stream/c{number}/step", observation)
        )
        show("a step of a stream for each client", clients, times)
    for clients in CLIENTS[:3]:
        show("predict one sequence of 50 steps", clients, await load(
            port, clients, lambda one, number: one.post("/predict", sequence)
        ))  # fmt: skip
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
        ("open", "/stream/o{}", {}, 201),
        ("step", "/stream/o{}/step", {"observation": [0.1, 0.2, 0.3, 0.4]}, 200),
    ):
        times.clear()
        began = time.perf_counter()
        await asyncio.gather(*(run(place, path, data, expected) for place in range(len(clients))))
        took, last = time.perf_counter() - began, 1000 * float(np.quantile(times, 0.99))
        print(
            f"{name} each of {OPEN:,} streams, 64 clients: {OPEN / took:,.0f} requests/s, p99 {last:.1f} ms"
        )


def serve(folder, *options):
    command = [sys.executable, "-m", "gatewise", "serve", str(folder), "--port", "0", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    return child, int(child.stdout.readline().rpartition(":")[2])


def memory_of(process):
    """The resident memory of a process, in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main():
    print(f"{machine_facts()['processor']}; two cores for server and clients, shared with other programs")
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "gestures")
        save_model(folder)
        for name, options in (("", ()), (", with --state", ("--state", str(Path(home, "state"))))):
            child, port = serve(folder, *options)
            before = memory_of(child.pid)
            print(f"\nclasses so far, LSTM of 64 units{name}")
            print(f"{'':34} {'clients':>8} {'requests/s':>12} {'p50 ms':>10} {'p99 ms':>10}")
            try:
                asyncio.run(measure(port))
                print(f"memory: {before:,.0f} MiB at the start, {memory_of(child.pid):,.0f} MiB at the end")
            finally:
                child.terminate()
                child.wait(60)


if __name__ == "__main__":
    main()
