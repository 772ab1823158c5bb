"""`mmzoo serve` under load: against the bare signature, and with requests of all kinds.

    python benchmarks/serve_load.py            # writes results/serve_load.json
    python benchmarks/serve_load.py --table    # the table of what was measured last

The model and the rows are those of `serving.py`: JPEG files as a camera app sends them, and a line
of text. `mmzoo serve` runs as a process of its own, this one is its client, on the same machine.

* throughput: connections that each send a row, wait for the answer and send the next; in turn with
  calls of the signature itself in this process, without HTTP, with as many rows as the server had
  in a batch. What counts is the ratio of the two in the same round; its median is written.
* mixed: good requests of one and of several rows, rows with a broken picture or none, and requests
  that must be refused. Every answer is compared with that of the signature, every refusal with the
  status it should have; the server's memory is read before and after.
"""

import argparse
import asyncio
import base64
import collections
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from results_file import FOLDER, read, write
from serving import pair, rows

import mmzoo

NAME = "serve_load"
CONNECTIONS = 32
#: How many different rows are sent.
ROWS = 64
#: The largest request, in MiB.
LIMIT = 1
#: How far a probability may be from that of the signature: rows beside it change the rounding.
TOLERANCE = 1e-4


class Server:
    """A process of `mmzoo serve`; a context, which ends with SIGTERM."""

    def __init__(self, folder, *options):
        self._command = [
            sys.executable, "-m", "mmzoo", "serve", folder, "--port", "0",
            "--max-request-mb", str(LIMIT), *options,
        ]  # fmt: skip

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        for line in self._process.stdout:
            found = re.search(r"is served: (http://\S+):predict", line)
            if found:
                self.url = found[1]
                return self
        raise RuntimeError("The server did not start.")

    def __exit__(self, *error):
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait()
        if code:
            raise RuntimeError(f"The server ended with {code}.")

    def memory(self):
        """Resident memory, in MiB."""
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def processor_time(self):
        """Seconds that its processors computed for it until now."""
        fields = (
            pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def batches(self):
        """How many batches were computed until now, and of how many rows in all."""
        with urllib.request.urlopen(self.url.split("/v1/")[0] + "/metrics") as answer:
            text = answer.read().decode()
        return [
            float(re.search(rf"^mmzoo_serve_batch_rows_{what} (\S+)", text, re.MULTILINE)[1])
            for what in ("count", "sum")
        ]


def as_json(image, text):
    """A row as a client sends it."""
    return {"image": {"b64": base64.b64encode(image).decode()}, "text": text.decode()}


def body(*instances):
    """The body of a request for some rows."""
    return json.dumps({"instances": instances}).encode()


class Connection:
    """A connection that stays open. Libraries take a few milliseconds of processor time a request,
    which on the same machine the server would lack."""

    def __init__(self, url):
        self._host, _, path = url.removeprefix("http://").partition("/")
        self._path = f"/{path}"

    async def __aenter__(self):
        host, _, port = self._host.partition(":")
        self._reader, self._writer = await asyncio.open_connection(host, int(port))
        return self

    async def __aexit__(self, *error):
        self._writer.close()

    async def post(self, path, content):
        """The status and the body of the answer."""
        head = f"POST {self._path}{path} HTTP/1.1\r\nHost: {self._host}\r\n"
        self._writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode())
        self._writer.write(content)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)[1])
        return int(head.split()[1]), await self._reader.readexactly(length)


async def load(server, seconds, connections, next_request):
    """Sends requests from all connections at once, until the time is over.

    Args:
        server: a `Server`.
        seconds: how long.
        connections: how many.
        next_request: function that returns an address behind the model's, a body, and a function
            that is called with the status and the body of the answer.

    Returns:
        `(seconds of every request, seconds in all)`.
    """
    taken, start = [], time.perf_counter()

    async def one():
        async with Connection(server.url) as connection:
            while time.perf_counter() - start < seconds:
                path, content, check = next_request()
                begun = time.perf_counter()
                answer = await connection.post(path, content)
                taken.append(time.perf_counter() - begun)
                check(*answer)

    await asyncio.gather(*(one() for _ in range(connections)))
    return taken, time.perf_counter() - start


def good_rows(columns):
    """A function that returns one good row after another."""
    bodies = [body(as_json(*row)) for row in zip(*columns.values(), strict=True)]
    number = -1

    def check(status, content):
        if status != 200:
            raise RuntimeError(f"{status}: {content.decode()}")

    def next_request():
        nonlocal number
        number += 1
        return ":predict", bodies[number % len(bodies)], check

    return next_request


def bare(signature, columns, size, seconds):
    """How many rows the signature itself answers, in batches of `size`, and in how many seconds."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        first = count % (ROWS - size + 1)
        signature(**{name: x[first : first + size] for name, x in columns.items()})
        count += size
    return count, time.perf_counter() - start


def throughput(server, signature, columns, connections, rounds, seconds):
    """A record of the server beside the signature."""
    found = collections.defaultdict(list)
    arrays = {name: x.numpy() for name, x in columns.items()}
    bare(signature, columns, connections, seconds)
    for number in range(-1, rounds):  # the first warms up
        before, processor = server.batches(), server.processor_time()
        taken, passed = asyncio.run(load(server, seconds, connections, good_rows(arrays)))
        processor = server.processor_time() - processor
        batches, batched = np.subtract(server.batches(), before)
        size = max(1, round(batched / batches))
        own = time.process_time()
        answered, bare_passed = bare(signature, columns, size, seconds)
        rate = answered / bare_passed
        own = time.process_time() - own
        if number >= 0:
            found["seconds"] += taken
            found["rows_a_batch"].append(size)
            found["rows_a_second"].append(len(taken) / passed)
            found["bare_rows_a_second"].append(rate)
            found["ratio"].append(len(taken) / passed / rate)
            found["processor_ms_a_row"].append(1000 * processor / len(taken))
            found["bare_processor_ms_a_row"].append(1000 * own / answered)
    taken = found.pop("seconds")
    return {
        "what": "throughput",
        "connections": connections,
        **{name: statistics.median(values) for name, values in found.items()},
        "p50_seconds": float(np.percentile(taken, 50)),
        "p99_seconds": float(np.percentile(taken, 99)),
        "requests": len(taken),
        "rounds": rounds,
        "load_average": os.getloadavg()[1],
    }


def mixed_requests(columns, expected, found):
    """A function that returns requests of all kinds, at random, with a check of each answer.

    Args:
        columns: dict of arrays, the rows.
        expected: dict from `"good"`, `"broken"` and `"absent"` to outputs of the signature for
            them.
        found: `collections.Counter` of what was answered: statuses, `wrong`, `rows`.
    """
    generator = np.random.default_rng(0)
    instances = [as_json(*row) for row in zip(*columns.values(), strict=True)]
    made = {
        "good": lambda row: instances[row],
        "broken": lambda row: {**instances[row], "image": {"b64": "bm8gcGljdHVyZQ=="}},
        "absent": lambda row: {"text": instances[row]["text"]},
    }

    def is_right(prediction, kind, row):
        outputs = expected[kind]
        return (
            np.abs(prediction["probabilities"] - outputs["probabilities"][row]).max() < TOLERANCE
            and prediction["labels"][0].encode() == outputs["labels"][row][0]
            and all(
                prediction[name] == outputs[name][row] for name in ("image_ok", "text_ok", "ok")
            )
        )

    def rows_of(count):
        chosen = [
            (str(generator.choice(list(made), p=(0.6, 0.2, 0.2))), int(generator.integers(ROWS)))
            for _ in range(count)
        ]

        def check(status, content):
            found[status] += 1
            predictions = json.loads(content).get("predictions", [])
            right = status == 200 and len(predictions) == count
            right = right and all(
                is_right(prediction, *choice)
                for prediction, choice in zip(predictions, chosen, strict=True)
            )
            found["wrong"] += not right
            found["rows"] += count

        return ":predict", body(*(made[kind](row) for kind, row in chosen)), check

    def refused(content, expected_status, path=":predict"):
        def check(status, content):
            found[status] += 1
            found["wrong"] += status != expected_status or not json.loads(content)["error"]

        return lambda: (path, content, check)

    good = body(instances[0])
    kinds = {
        "a row": (0.5, lambda: rows_of(1)),
        "several rows": (0.15, lambda: rows_of(int(generator.integers(2, 6)))),
        "broken JSON": (0.05, refused(good[:-9], 400)),
        "no base64": (0.05, refused(body({**instances[0], "image": {"b64": "*"}}), 400)),
        "another type": (0.05, refused(body(instances[1], {**instances[0], "text": 1}), 400)),
        "no such input": (0.05, refused(body({**instances[0], "sound": ""}), 400)),
        "no such version": (0.05, refused(good, 404, "/versions/9:predict")),
        "too large": (0.05, refused(b" " * (LIMIT * 2**20 + 1), 413)),
        "no such signature": (
            0.05,
            refused(b'{"signature_name": "x", ' + good[1:], 400),
        ),
    }
    shares, makers = zip(*kinds.values(), strict=True)
    return lambda: makers[generator.choice(len(makers), p=shares)]()


def mixed(server, signature, columns, connections, seconds):
    """A record of requests of all kinds."""
    changed = {"good": columns["image"]}
    changed["broken"] = tf.constant([b"no picture"] * ROWS)
    changed["absent"] = tf.constant([b""] * ROWS)
    expected = {
        kind: {name: x.numpy() for name, x in signature(image=image, text=columns["text"]).items()}
        for kind, image in changed.items()
    }
    found = collections.Counter()
    arrays = {name: x.numpy() for name, x in columns.items()}
    next_request = mixed_requests(arrays, expected, found)
    asyncio.run(load(server, seconds / 6, connections, next_request))  # what memory it once needs
    found.clear()
    before = server.memory()
    taken, passed = asyncio.run(load(server, seconds, connections, next_request))
    return {
        "what": "mixed",
        "connections": connections,
        "seconds": passed,
        "requests": len(taken),
        "rows": found["rows"],
        "answered": found[200],
        "refused": len(taken) - found[200],
        "wrong": found["wrong"],
        "memory_before_mib": before,
        "memory_after_mib": server.memory(),
        "p50_seconds": float(np.percentile(taken, 50)),
        "p99_seconds": float(np.percentile(taken, 99)),
    }


def table(results):
    """The results as two Markdown tables."""
    (through,) = (r for r in results if r["what"] == "throughput")
    (mix,) = (r for r in results if r["what"] == "mixed")
    return "\n".join(
        [
            "| connections | rows a batch | rows a second | signature alone | ratio "
            "| processor time a row, ms | signature alone | p50, ms | p99, ms |",
            "|---|---|---|---|---|---|---|---|---|",
            f"| {through['connections']} | {through['rows_a_batch']:.0f} "
            f"| {through['rows_a_second']:.1f} | {through['bare_rows_a_second']:.1f} "
            f"| {through['ratio']:.2f} | {through['processor_ms_a_row']:.1f} "
            f"| {through['bare_processor_ms_a_row']:.1f} | {1000 * through['p50_seconds']:,.0f} "
            f"| {1000 * through['p99_seconds']:,.0f} |",
            "",
            "| mixed requests | in s | answered | refused | wrong | memory before, MiB | after |",
            "|---|---|---|---|---|---|---|",
            f"| {mix['requests']:,} | {mix['seconds']:.0f} | {mix['answered']:,} "
            f"| {mix['refused']:,} | {mix['wrong']} | {mix['memory_before_mib']:.0f} "
            f"| {mix['memory_after_mib']:.0f} |",
        ]
    )


def run(connections, rounds, seconds, mixed_seconds):
    """Both records."""
    columns = rows(ROWS)
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, "photos")
        loaded = tf.saved_model.load(mmzoo.export_savedmodel(*pair(), folder, version=1))
        signature = loaded.signatures["serving_default"]
        with Server(folder) as server:
            return [
                throughput(server, signature, columns, connections, rounds, seconds),
                mixed(server, signature, columns, connections, mixed_seconds),
            ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=5, help="of a round, of each of the two")
    parser.add_argument("--mixed-seconds", type=float, default=60)
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    arguments = parser.parse_args()
    if not arguments.table:
        results = run(
            arguments.connections, arguments.rounds, arguments.seconds, arguments.mixed_seconds
        )
        write(NAME, results, arguments.folder)
    print(table(read(NAME, arguments.folder)))


if __name__ == "__main__":
    main()
