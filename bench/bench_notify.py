#!/usr/bin/env python3
"""Subscriptions under load: what they cost writes, how fast notifications go out, and how late they arrive.

Usage: bench_notify.py MACHI PEER [PART …]: all parts, or those named (late deliver write).

Input: weather stations of about 900 bytes as bench_api.py makes them, subscriptions each on one of their ids, or on their
type; a receiver of bench_notify_peer.c on the same processors. Beside the figures: the same writes without
subscriptions, and the receiver asked by wrk with bodies of the same size, which is the most that it could take.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from script import free_port, note, say

HERE = pathlib.Path(__file__).resolve().parent
ENTITIES = 100_000
SUBSCRIPTIONS = 100_000
SECONDS = 6
ROUNDS = 3
LATE_RATE, LATE_SECONDS = 1000, 10
OFFERED_RATE = 10_000
ROOT = "/ngsi-ld/v1"
TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, port, *command):
        self.port = port
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        sys.exit(f"bench_notify: {command[0]} does not listen")

    def ask(self, method, path, body=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 300:
                sys.exit(f"bench_notify: {method} {path}: {answer.status} {text[:300]}")
            return text

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1])

    def end(self):
        self.process.kill()
        self.process.wait()


def station(number):
    return {"id": f"urn:ngsi-ld:WeatherObserved:bench:{number:07d}", "type": "WeatherObserved",
            "temperature": {"type": "Property", "value": 20.5, "unitCode": "CEL"},
            "note": {"type": "Property", "value": "x" * 700}}


class City:
    def __init__(self, machi, peer, folder):
        self.peer, self.machi, self.folder = peer, machi, folder
        self.receiver = Process(port := free_port(), peer, "receive", port)
        self.start()
        for first in range(0, ENTITIES, 1000):
            self.daemon.ask("POST", f"{ROOT}/entityOperations/upsert",
                            json.dumps([station(n) for n in range(first, first + 1000)]))

    def start(self):
        self.daemon = Process(port := free_port(), self.machi, "serve", "--open", "--data", self.folder, "--listen",
                              f"127.0.0.1:{port}")

    def restart(self):
        """Resident KiB of a daemon that has done nothing yet."""
        self.daemon.end()
        self.start()
        self.daemon.ask("GET", "/ready")
        return self.daemon.resident_kib()

    def subscribe(self, **members):
        uri = f"http://127.0.0.1:{self.receiver.port}/"
        body = {"type": "Subscription", "notification": {"endpoint": {"uri": uri}}, **members}
        self.connection.request("POST", f"{ROOT}/subscriptions", json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            sys.exit(f"bench_notify: {answer.status} {text}")

    def connect(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=120)

    def figures(self):
        return list(map(int, self.receiver.ask("GET", "/figures").split()))

    def metric(self, name):
        text = self.daemon.ask("GET", "/metrics")
        return float(re.search(rf"^{name} (\S+)", text, re.MULTILINE)[1])

    def drained(self, seconds=120):
        end = time.monotonic() + seconds
        while self.metric("machi_notifications_subscriptions_owed") > 0:
            if time.monotonic() > end:
                sys.exit("bench_notify: what is owed does not go out")
            time.sleep(0.2)

    def patch(self, seconds=SECONDS):
        """Changes a second, processor microseconds of the daemon for each."""
        before = self.daemon.cpu_seconds()
        done = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", HERE / "bench_api.lua",
                               f"http://127.0.0.1:{self.daemon.port}", "--", "patch", str(ENTITIES), str(os.getpid())],
                              capture_output=True, text=True, check=True)
        rate, _, count, errors = re.search(r"figures (\S+) (\S+) (\S+) (\S+)", done.stdout).groups()
        if int(errors):
            sys.exit(f"bench_notify: {errors} answers were errors")
        return float(rate), (self.daemon.cpu_seconds() - before) * 1e6 / int(count)

    def patch_at(self, rate, seconds=SECONDS):
        """The same from a client that offers so many changes a second on 64 connections."""
        before = self.daemon.cpu_seconds()
        start = time.monotonic()
        done = int(subprocess.run([self.peer, "load", "patch", str(self.daemon.port), str(rate), str(seconds), "64",
                                   str(ENTITIES)], capture_output=True, text=True, check=True).stdout)
        return done / (time.monotonic() - start), (self.daemon.cpu_seconds() - before) * 1e6 / done

    def end(self):
        self.daemon.end()
        self.receiver.end()


def measure_writes(city):
    bare = [city.patch() for _ in range(ROUNDS)]
    bare_offered = [city.patch_at(OFFERED_RATE) for _ in range(ROUNDS)]
    before = city.restart()
    city.connect()
    start = time.monotonic()
    for number in range(SUBSCRIPTIONS):
        city.subscribe(entities=[{"id": station(number)["id"], "type": "WeatherObserved"}])
    seconds = time.monotonic() - start
    say("creating subscriptions, one after the other", "ours", [SUBSCRIPTIONS / seconds], "subscriptions/s")
    say(f"memory of an idle subscription, {SUBSCRIPTIONS} of them", "ours",
        [(city.restart() - before) / SUBSCRIPTIONS], "KiB")
    figures = []
    for _ in range(ROUNDS):
        figures.append(city.patch())
        city.drained()
    offered = []
    for _ in range(ROUNDS):
        offered.append(city.patch_at(OFFERED_RATE))
        city.drained()
    what = f"PATCH of {ENTITIES} entities, each with a subscription on its id, {OFFERED_RATE} offered a second"
    say(what, "with subscriptions, receiver on the same processors", [rate for rate, _ in offered], "changes/s")
    say(what, "without", [rate for rate, _ in bare_offered], "changes/s")
    say(what, "ratio", [statistics.median(r for r, _ in offered) / statistics.median(r for r, _ in bare_offered)], "x")
    what = f"PATCH of {ENTITIES} entities, each with a subscription on its id, as many as go"
    say(what, "with subscriptions, receiver on the same processors", [rate for rate, _ in figures], "changes/s")
    say(what, "without", [rate for rate, _ in bare], "changes/s")
    say(what, "ratio", [statistics.median(r for r, _ in figures) / statistics.median(r for r, _ in bare)], "x")
    say("processor time of the daemon for one PATCH", "with its notification, delivered meanwhile",
        [cpu for _, cpu in figures], "us")
    say("processor time of the daemon for one PATCH", "without", [cpu for _, cpu in bare], "us")


def measure_delivery(city):
    """Owed while the receiver is away, then delivered as fast as it goes."""
    count = 50_000
    city.figures()
    rates = []
    city.connect()
    city.subscribe(id="urn:x:all", entities=[{"type": "Burst"}], isActive=True)
    for _ in range(ROUNDS):
        first = city.metric("machi_notifications_delivered_total")
        start = time.monotonic()
        for at in range(0, count, 1000):
            city.daemon.ask("POST", f"{ROOT}/entityOperations/upsert?options=update", json.dumps(
                [{"id": f"urn:x:burst:{n}", "type": "Burst", "sentAt": {"type": "Property", "value": time.time_ns() // 1000},
                  "note": {"type": "Property", "value": "x" * 300}} for n in range(at, at + 1000)]))
        while city.metric("machi_notifications_delivered_total") < first + count:
            time.sleep(0.05)
        rates.append(count / (time.monotonic() - start))
    what = "batch upserts of 50,000 entities to notifications delivered over HTTP keep-alive, one receiver"
    say(what, "ours, writes included", rates, "notifications/s")
    script = pathlib.Path(tempfile.mkstemp(suffix=".lua")[1])
    script.write_text('wrk.method = "POST"\nwrk.body = string.rep("x", 600)\n')
    done = subprocess.run(["wrk", "-t1", "-c16", "-d4s", "-s", script, f"http://127.0.0.1:{city.receiver.port}/"],
                          capture_output=True, text=True, check=True).stdout
    script.unlink()
    say(what, "limit: wrk to the same receiver", [float(re.search(r"Requests/sec:\s+(\S+)", done)[1])], "requests/s")
    city.figures()
    city.daemon.ask("DELETE", f"{ROOT}/subscriptions/urn:x:all")


def measure_lateness(city):
    city.connect()
    city.subscribe(id="urn:x:timed", entities=[{"type": "Timed"}])
    city.figures()
    rounds = []
    for _ in range(ROUNDS):
        sent = int(subprocess.run([city.peer, "load", "timed", str(city.daemon.port), str(LATE_RATE), str(LATE_SECONDS),
                                   "8", "1000"],
                                  capture_output=True, text=True, check=True).stdout)
        city.drained()
        count, *late = city.figures()
        if count < sent:
            note(f"{count} of {sent} arrived")
        rounds.append([us / 1000 for us in late])
    for name, values in zip(("p50", "p99", "most"), zip(*rounds)):
        say(f"from a change to its arrival, {LATE_RATE} changes a second, {name}", "ours", values, "ms")
    city.daemon.ask("DELETE", f"{ROOT}/subscriptions/urn:x:timed")


PARTS = {"late": measure_lateness, "deliver": measure_delivery, "write": measure_writes}


def main():
    if len(sys.argv) < 3 or not set(sys.argv[3:]) <= set(PARTS):
        sys.exit(__doc__)
    folder = tempfile.mkdtemp(prefix="machi-bench-notify-")
    city = City(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), f"{folder}/city")
    try:
        for name, measure in PARTS.items():
            if name in (sys.argv[3:] or PARTS):
                measure(city)
    finally:
        city.end()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
