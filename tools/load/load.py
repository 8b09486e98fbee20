#!/usr/bin/env python3
"""Drives load at a server that speaks `POST /predict`, and measures: requests a second, latency, errors, memory. Standard library
only. Every client keeps its connection and sends its next sentence when it has the answer to the last. Every answer is compared: of `/predict`
with the one that the same text got when nothing else ran, entities and offsets the same, scores within 1e-4; with --predicted, of `/tag`
with what `bert-ner predict` wrote for the same sentences, tags the same, probabilities within 1e-4. The exit code is 1 when one differs.

Python takes a good part of a core here: to measure speed use compare, which drives with wrk.

usage: load.py (--data FILE | --predicted FILE.jsonl) [--url http://127.0.0.1:8080] [--clients 1 8 64 256] [--seconds 10] [--pid PID]
               [--every SECONDS] [--json FILE]
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

    async def ask(self, path, body):
        if not self.streams:
            self.streams = await asyncio.open_connection(self.url.hostname, self.url.port)
        reader, writer = self.streams
        head = f"POST {path} HTTP/1.1\r\nhost: {self.url.netloc}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
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


class Texts:
    """Sentences for `/predict`; the right answer is what a quiet server says."""

    path = "/predict"

    def __init__(self, texts):
        asked = [{"inputs": text, "parameters": {"aggregation_strategy": "simple"}} for text in texts]
        self.bodies = [json.dumps(body).encode() for body in asked]

    async def prepare(self, url):
        client = Client(url)
        self.expected = [await client.ask(self.path, body) for body in self.bodies]
        client.close()

    def is_right(self, place, answer):
        expected = self.expected[place]
        plain = lambda mentions: [(m["entity_group"], m["word"], m["start"], m["end"]) for m in mentions]
        return plain(answer) == plain(expected) and all(abs(a["score"] - b["score"]) < 1e-4 for a, b in zip(answer, expected))


class Sentences:
    """Sentences for `/tag`; the right answer is what `bert-ner predict` says."""

    path = "/tag"

    def __init__(self, lines):
        self.expected = [json.loads(line) for line in lines]
        self.bodies = [json.dumps({"tokens": [sentence["tokens"]]}).encode() for sentence in self.expected]

    async def prepare(self, url):
        pass

    def is_right(self, place, answer):
        expected, [found] = self.expected[place], answer
        scores = zip(found, expected["ner_scores"], strict=True)
        # `predict` writes four digits.
        return [word["tag"] for word in found] == expected["ner_tags"] and all(abs(w["score"] - s) < 1.5e-4 for w, s in scores)


async def drive(url, work, clients, seconds):
    """Latencies in seconds, errors and wrong answers of `clients` for `seconds`."""
    latencies, faults = [], []
    end = time.monotonic() + seconds

    async def send(number):
        client, turn = Client(url), number * 17
        while time.monotonic() < end:
            place = turn % len(work.bodies)
            start = time.monotonic()
            try:
                answer = await client.ask(work.path, work.bodies[place])
                latencies.append(time.monotonic() - start)
                if not work.is_right(place, answer):
                    faults.append(f"another answer to text {place}")
            except (OSError, RuntimeError, EOFError, IndexError) as error:
                faults.append(repr(error))
                client.close()
                client.streams = None
                await asyncio.sleep(0.05)
            turn += 1
        client.close()

    start = time.monotonic()
    await asyncio.gather(*(send(number) for number in range(clients)))
    return latencies, faults, time.monotonic() - start


async def watch(pid, seconds, readings):
    """Reads the memory of a process again and again."""
    start = time.monotonic()
    while True:
        await asyncio.sleep(seconds)
        readings.append(memory(pid))
        print(json.dumps({"second": round(time.monotonic() - start), "mib": round(readings[-1], 1)}), flush=True)


async def measure(options):
    if options.predicted:
        work = Sentences(Path(options.predicted).read_text(encoding="utf-8").splitlines()[: options.texts])
    else:
        work = Texts(conll.texts(options.data, options.texts))
    await work.prepare(options.url)
    rows = []
    for clients in options.clients:
        before = memory(options.pid) if options.pid else None
        readings = []
        watcher = asyncio.create_task(watch(options.pid, options.every, readings)) if options.pid and options.every else None
        latencies, faults, took = await drive(options.url, work, clients, options.seconds)
        if watcher:
            watcher.cancel()
        cuts = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
        row = {"clients": clients, "answers": len(latencies), "per_second": round(len(latencies) / took, 1), "faults": len(faults)}
        row |= {f"p{part}_ms": round(1000 * cuts[part - 1], 2) for part in (50, 95, 99)}
        if options.pid:
            row |= {"mib_before": round(before, 1), "mib_after": round(memory(options.pid), 1)}
        if readings:
            row |= {"mib_least": round(min(readings), 1), "mib_most": round(max(readings), 1)}
        print(json.dumps(row), *faults[:2], flush=True)
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", help="CoNLL columns")
    source.add_argument("--predicted", help="what `bert-ner predict --output-format jsonl` wrote")
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pid", type=int, help="the server's process, to watch its memory")
    parser.add_argument("--every", type=float, help="seconds between two readings of the memory")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    sys.exit(any(row["faults"] for row in rows))


if __name__ == "__main__":
    main()
