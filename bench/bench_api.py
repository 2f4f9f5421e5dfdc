#!/usr/bin/env python3
"""The daemon's API under load, each figure beside a peer or the limit of the machine; wrk asks, on the same processors.

Usage: bench_api.py MACHI PEER [PART …]: all parts, or those named (get patch upsert query memory grow start).

Input: weather stations of about 1 KB in their normalized form (name, place, six measurements, a relationship, an
address), ids and places drawn at random. Peers and limits come from bench_api_peer.c: libmicrohttpd with a constant of
the same size and the same number of threads, a bare SQLite loop with the same safety, the disk alone. Rounds are
interleaved, and what is quoted is their median.
"""
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from script import note, say

HERE = pathlib.Path(__file__).resolve().parent
BATCH = 1000
MANY = 100_000
MOST = 1_000_000
SIZES = (1000, 10_000, MANY, MOST)
ROUNDS = 5
SECONDS = 3
CONNECTIONS = 64
LOOPS = 2
UPSERTERS = 4
MEASURED = ("relativeHumidity", "windSpeed", "windDirection", "atmosphericPressure", "precipitation")
UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
PATTERN = "type=WeatherObserved&q=name~%3Dno%20such%20name&limit=0&count=true"


def entity_id(number):
    return f"urn:ngsi-ld:WeatherObserved:bench:{number:07d}"


def station(number, draw):
    """A weather station; draw is the source of chance."""
    at = "2026-11-22T04:21:00Z"
    entity = {
        "id": entity_id(number),
        "type": "WeatherObserved",
        "name": {"type": "Property", "value": f"Station {number}"},
        "location": {"type": "GeoProperty", "value": {
            "type": "Point",
            "coordinates": [round(103.6 + draw.random() * 0.4, 6), round(1.2 + draw.random() * 0.25, 6)]}},
        "temperature": {"type": "Property", "value": round(draw.uniform(-10, 40), 1), "unitCode": "CEL"},
        "refDevice": {"type": "Relationship", "object": f"urn:ngsi-ld:Device:bench:{number:07d}"},
        "address": {"type": "Property", "value": {
            "addressCountry": "SG", "addressLocality": "Singapore", "postalCode": f"{number % 999999:06d}"}},
    }
    for name in MEASURED:
        entity[name] = {"type": "Property", "value": round(draw.uniform(0, 100), 1), "observedAt": at}
    return entity


def batches(first, count, seed):
    draw = random.Random(seed)
    for at in range(first, first + count, BATCH):
        yield json.dumps([station(number, draw) for number in range(at, min(at + BATCH, first + count))]).encode()


def tool(name):
    if not shutil.which(name):
        note(f"{name} is not installed (Debian package {name})")
        sys.exit(1)
    return name


class City:
    """A daemon on a folder of its own."""

    def __init__(self, machi, folder):
        self.machi, self.folder, self.process = machi, folder, None

    def start(self):
        """Starts it and returns how many seconds it took until /ready said so."""
        begin = time.monotonic()
        self.process = subprocess.Popen([self.machi, "serve", "--open", "--data", self.folder, "--listen", "127.0.0.1:0",
                                         "--set", f"http.loops={LOOPS}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"url=\"?http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                break
        else:
            sys.exit("bench_api: the daemon did not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.ask("GET", "/ready")
        return time.monotonic() - begin

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"bench_api: {method} {path} was answered {answer.status}: {text[:300]}")
        connection.close()
        return answer, text

    def upsert(self, bodies):
        """Sends the batches over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        for body in bodies:
            connection.request("POST", UPSERT, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status not in (201, 204):
                note(f"a batch was answered {answer.status}")
                os._exit(1)  # from whatever thread
        connection.close()

    def upsert_rate(self, bodies, connections):
        """Entities a second over so many connections."""
        threads = [threading.Thread(target=self.upsert, args=(bodies[i::connections],)) for i in range(connections)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(bodies) * BATCH / (time.monotonic() - begin)

    def memory_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024 / 1e6

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def disk_bytes(self):
        return sum(path.stat().st_size for path in pathlib.Path(self.folder).glob("machi.db*"))


seeds = iter(range(1, 1 << 30))


def wrk(port, what, entities, connections=CONNECTIONS, seconds=SECONDS):
    """Answers a second and the median time of one in milliseconds."""
    done = subprocess.run([tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", HERE / "bench_api.lua",
                           f"http://127.0.0.1:{port}", "--", what, str(entities), str(next(seeds))],
                          capture_output=True, text=True, check=True)
    rate, median_ms, _, errors = re.search(r"figures (\S+) (\S+) (\S+) (\S+)", done.stdout).groups()
    if int(errors):
        sys.exit(f"bench_api: {what}: {errors} answers were errors\n{done.stdout}")
    return float(rate), float(median_ms)


class Peer:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def rate(self, *args):
        return float(subprocess.run([self.program, *map(str, args)], capture_output=True, text=True,
                                    check=True).stdout)

    def upserts(self, rows, a_commit):
        return self.rate("upsert", f"{self.folder}/bare-{rows}.db", rows, a_commit, SECONDS, next(seeds))

    def constant(self, size):
        process = subprocess.Popen([self.program, "constant", str(size), str(LOOPS)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        return process, int(process.stdout.readline())


def interleave(*sides):
    """Runs the sides in turn, the order turned round every round; a list of figures for each."""
    figures = [[] for _ in sides]
    for number in range(ROUNDS):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            figures[side].append(sides[side]())
    return figures


def say_beside(what, ours, peer_name, peers, unit):
    say(what, "ours", ours, unit)
    say(what, peer_name, peers, unit)
    say(what, "ratio", [a / b for a, b in zip(ours, peers)], "x")


def measure_get(city, peer):
    _, text = city.ask("GET", f"/ngsi-ld/v1/entities/{entity_id(0)}")
    process, port = peer.constant(len(text))
    one, random_ones, constant = interleave(lambda: wrk(city.port, "get", 1)[0],
                                            lambda: wrk(city.port, "get", MANY)[0],
                                            lambda: wrk(port, "get", MANY)[0])
    process.communicate()
    how = f"{len(text)} bytes normalized, {CONNECTIONS} connections, {LOOPS} threads"
    say_beside(f"GET one entity by id, {how}", one, "libmicrohttpd, a constant", constant, "answers/s")
    say_beside(f"GET one of {MANY} entities, drawn at random, {how}", random_ones, "libmicrohttpd, a constant",
               constant, "answers/s")


def measure_patch(city, peer):
    peer.upserts(MANY, 100)  # makes the rows
    what = f"PATCH one attribute, durable, random of {MANY}, {CONNECTIONS} connections"
    before = city.processor_seconds()
    ours, bare, syncs = interleave(lambda: wrk(city.port, "patch", MANY)[0], lambda: peer.upserts(MANY, 100),
                                   lambda: peer.rate("sync", f"{peer.folder}/sync", 4096, 1))
    spent = city.processor_seconds() - before
    say_beside(what + "; with indices and history", ours, "bare SQLite, 1 KB rows, 100 a commit", bare, "changes/s")
    say("the disk: 4 KiB and fdatasync, the least that a commit waits for", "limit", syncs, "times/s")
    say("processor time of the daemon for one PATCH", "ours", [spent * 1e6 / (sum(ours) * SECONDS)], "us")


def measure_upsert(city, peer):
    new = [list(batches(MANY + 20_000 * i, 20_000, i)) for i in range(ROUNDS)]
    old = [list(batches(20_000 * i, 20_000, 100 + i)) for i in range(ROUNDS)]
    new_rounds, old_rounds = iter(new), iter(old)
    size = sum(map(len, new[0])) // 20_000
    inserted, changed, bare = interleave(lambda: city.upsert_rate(next(new_rounds), UPSERTERS),
                                         lambda: city.upsert_rate(next(old_rounds), UPSERTERS),
                                         lambda: peer.upserts(MANY, BATCH))
    what = f"POST batch upsert, {BATCH} entities of {size} bytes a request, {UPSERTERS} connections"
    say(what, "ours, new ones", inserted, "entities/s")
    say(what, "ours, replacing what is there", changed, "entities/s")
    say(what, f"bare SQLite, 1 KB rows, {BATCH} a commit", bare, "rows/s")


def measure_query(city, peer):
    _, text = city.ask("GET", "/ngsi-ld/v1/entities?type=WeatherObserved&limit=100")
    process, port = peer.constant(len(text))
    what = f"query type, q=temperature>x, near 5 km, {MANY} entities, first 100: median time"
    ours, constant = interleave(lambda: wrk(city.port, "query", MANY, 1)[1], lambda: wrk(port, "query", MANY, 1)[1])
    process.communicate()
    say(what, "ours", ours, "ms")
    say(what, "libmicrohttpd, a constant of that size", constant, "ms")

    def scan():
        begin = time.monotonic()
        answer, _ = city.ask("GET", "/ngsi-ld/v1/entities?" + PATTERN)
        if answer.headers["NGSILD-Results-Count"] != "0":
            sys.exit("bench_api: the pattern matched")
        return count / (time.monotonic() - begin)

    answer, _ = city.ask("GET", "/ngsi-ld/v1/entities?type=WeatherObserved&limit=0&count=true")
    count = int(answer.headers["NGSILD-Results-Count"])
    say(f"a predicate without an index over {count} entities, on one core", "ours", interleave(scan)[0], "entities/s")


def load(city, first, count):
    city.upsert(batches(first, count, first + 7))


def measure_growth(city, size, rows):
    figures = (("GET by id", "get", CONNECTIONS, 0, "answers/s"), ("PATCH one attribute", "patch", CONNECTIONS, 0,
               "changes/s"), ("query, median time", "query", 1, 1, "ms"))
    for what, kind, connections, which, unit in figures:
        rows.append((f"{what}, growing city", f"{size} entities",
                     [wrk(city.port, kind, size, connections, 2)[which] for _ in range(3)], unit))


def grow(machi, folder, wanted):
    """A city from a thousand to a million entities, and its start."""
    city = City(machi, folder)
    city.start()
    rows, have = [], 0
    for size in SIZES:
        load(city, have, size - have)
        have = size
        city.stop()  # the last to close copies the log back
        each = city.disk_bytes() / size
        rows.append(("bytes on disk for an entity, growing city", f"{size} entities", [each], "bytes"))
        city.start()
        if "grow" in wanted:
            measure_growth(city, size, rows)
    for row in sorted(rows, key=lambda row: row[0]):
        say(*row)
    city.stop()
    took = []
    for _ in range(ROUNDS):
        took.append(city.start())
        city.stop()
    say(f"start with {MOST} entities until ready", "ours", took, "s")
    empty = City(machi, folder + "-empty")
    took = []
    for _ in range(ROUNDS):
        took.append(empty.start())
        empty.stop()
    say("start with an empty folder until ready", "ours", took, "s")


def main():
    machi, program = sys.argv[1:3]
    parts = ("get", "patch", "upsert", "query", "memory", "grow", "start")
    wanted = sys.argv[3:] or parts
    if not set(wanted) <= set(parts):
        sys.exit(__doc__)
    folder = tempfile.mkdtemp(prefix="machi-bench-api-")
    try:
        peer = Peer(program, folder)
        city = City(machi, f"{folder}/city")
        if set(wanted) - {"grow", "start"}:
            city.start()
            idle = city.memory_mb()
            load(city, 0, MANY)
            for part, measure in (("get", measure_get), ("patch", measure_patch), ("query", measure_query),
                                  ("upsert", measure_upsert)):
                if part in wanted:
                    measure(city, peer)
            if "memory" in wanted:
                say("memory of the daemon", "idle, empty", [idle], "MB")
                say("memory of the daemon", f"after all this on {MANY} entities", [city.memory_mb()], "MB")
            city.stop()
        if {"grow", "start"} & set(wanted):
            grow(machi, f"{folder}/growing", wanted)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
