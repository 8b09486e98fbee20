#!/usr/bin/env python3
"""Drives load at a server that speaks `POST /predict`, and measures: requests a second, latency, errors, memory. Standard library
only. Every client keeps its connection and sends its next sentence when it has the answer to the last. Every answer is compared
with the one that the same text got when nothing else ran: entities and offsets the same, scores within 1e-4.

usage: load.py --data FILE [--url http://127.0.0.1:8080] [--clients 1 8 64 256] [--seconds 10] [--pid PID] [--json FILE]
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import conll


def memory(pid):
    """Resident memory in MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


class Client:
    """A connection that is kept."""

    def __init__(self, url):
        self.url = urlsplit(url)
        self.streams = None

    async def ask(self, text):
        if not self.streams:
            self.streams = await asyncio.open_connection(self.url.hostname, self.url.port)
        reader, writer = self.streams
        body = json.dumps({"inputs": text, "parameters": {"aggregation_strategy": "simple"}}).encode()
        head = f"POST /predict HTTP/1.1\r\nhost: {self.url.netloc}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        status = int((await reader.readline()).split()[1])
        length = 0
        while (line := await reader.readline()).strip():
            name, value = line.decode("latin-1").split(":", 1)
            if name.lower() == "content-length":
                length = int(value)
        answer = json.loads(await reader.readexactly(length))
        if status != 200:
            raise RuntimeError(f"{status}: {answer}")
        return answer

    def close(self):
        if self.streams:
            self.streams[1].close()


def same(one, other):
    plain = lambda mentions: [(m["entity_group"], m["word"], m["start"], m["end"]) for m in mentions]
    return plain(one) == plain(other) and all(abs(a["score"] - b["score"]) < 1e-4 for a, b in zip(one, other))


async def drive(url, texts, expected, clients, seconds):
    """Latencies in seconds, errors and wrong answers of `clients` for `seconds`."""
    latencies, faults = [], []
    end = time.monotonic() + seconds

    async def work(number):
        client, turn = Client(url), number * 17
        while time.monotonic() < end:
            place = turn % len(texts)
            start = time.monotonic()
            try:
                answer = await client.ask(texts[place])
                latencies.append(time.monotonic() - start)
                if not same(answer, expected[place]):
                    faults.append(f"another answer to text {place}")
            except (OSError, RuntimeError, EOFError, IndexError) as error:
                faults.append(repr(error))
                client.close()
                client.streams = None
                await asyncio.sleep(0.05)
            turn += 1
        client.close()

    start = time.monotonic()
    await asyncio.gather(*(work(number) for number in range(clients)))
    return latencies, faults, time.monotonic() - start


async def measure(options):
    texts = conll.texts(options.data, options.texts)
    client = Client(options.url)
    expected = [await client.ask(text) for text in texts]
    client.close()
    rows = []
    for clients in options.clients:
        before = memory(options.pid) if options.pid else None
        latencies, faults, took = await drive(options.url, texts, expected, clients, options.seconds)
        cuts = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
        row = {"clients": clients, "per_second": round(len(latencies) / took, 1), "faults": len(faults)}
        row |= {f"p{part}_ms": round(1000 * cuts[part - 1], 2) for part in (50, 95, 99)}
        if options.pid:
            row |= {"mib_before": round(before, 1), "mib_after": round(memory(options.pid), 1)}
        print(json.dumps(row), *faults[:2], flush=True)
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--data", required=True)
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pid", type=int, help="the server's process, to watch its memory")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
