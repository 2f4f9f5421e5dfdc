#!/usr/bin/env python3
"""Charge points into durable entities and history: messages a second, the daemon's CPU, how long an answer takes.

Usage: bench_ocpp.py MACHI PEER [PART …]: all parts, or those named (flood steady).

Input: 1,000 charge points of OCPP 1.6, each over a WebSocket of its own, each sending MeterValues of four values (some
460 bytes) with a time. An answer says that they are durable, as entity and history. "flood": each sends the next as soon
as the last is answered. "steady": each sends one every second. Stations and daemon share the machine's processors. Beside
the figures: the same stations at a server of bare sockets that answers at once and keeps nothing.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from script import free_port, note, say

STATIONS, ROUNDS = 1000, 3
FLOOD, STEADY_SECONDS = 100_000, 15
BARE = 300_000
WHAT = f"OCPP 1.6 MeterValues of 4 values, {STATIONS:,} stations"
TICKS = os.sysconf("SC_CLK_TCK")


class City:
    def __init__(self, machi):
        self.folder, self.port = tempfile.mkdtemp(prefix="bench-ocpp-"), free_port()
        pathlib.Path(self.folder, "machi.yaml").write_text(
            f"data: {self.folder}/city\nlisten: 127.0.0.1:{self.port}\n"
            "feeds:\n  - name: bench\n    ocpp: {any_station: true, any_token: true}\n")
        self.daemon = subprocess.Popen([machi, "serve", "--open", "--config", self.folder + "/machi.yaml"],
                                       stderr=open(self.folder + "/log", "w"))
        for _ in range(600):
            with contextlib.suppress(OSError):
                if self.metric("machi_feed_up") == 1:
                    return
            time.sleep(0.05)
        sys.exit("bench_ocpp: the daemon does not start")

    def ask(self, path):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def metric(self, name):
        found = re.search(rf"^{name}\{{.*\}} (\d+)", self.ask("/metrics"), re.M)
        return int(found[1]) if found else 0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text())[1]) / 1024

    def points(self):
        return sum(len(json.loads(self.ask(
            f"/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:EVChargingPoint:bench:CP-{n}:1?attrs=energyActiveImportRegister"
            "&options=temporalValues&timerel=after&timeAt=2020-01-01T00:00:00Z&lastN=10000"))
            ["energyActiveImportRegister"]["values"]) for n in range(0, STATIONS, 50))

    def end(self):
        self.daemon.kill()
        self.daemon.wait()
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def stations(peer, port, messages, period_ms):
    process = subprocess.Popen([peer, "stations", str(port), str(STATIONS), str(messages), str(period_ms)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    yield process
    process.stdin.close()
    process.wait()


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        sys.exit("bench_ocpp: the stations gave up")
    return [float(word) for word in line.split()]


def play(machi, peer, messages, period_ms):
    """Seconds, answers' p50 and p99, CPU of a message in microseconds, resident MiB."""
    city = City(machi)
    with stations(peer, city.port, messages, period_ms) as process:
        time.sleep(0.5)
        cpu = city.cpu_seconds()
        seconds, p50, p99 = go(process)
        cpu = city.cpu_seconds() - cpu
        resident = city.resident_mib()
        got, each = city.points(), messages // STATIONS
        # Each station's share is its own affair in a flood; in the mean it is this.
        if period_ms and got != each * STATIONS // 50 or not 0.5 < got / (each * STATIONS / 50) < 2:
            sys.exit(f"bench_ocpp: {got} points of 20 stations in the history, {each} each were sent")
    city.end()
    return seconds, p50, p99, cpu / messages * 1e6, resident


def bare(peer, messages, period_ms):
    server = subprocess.Popen([peer, "answers"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with stations(peer, int(server.stdout.readline()), messages, period_ms) as process:
        found = go(process)
    server.kill()
    server.wait()
    return found


def flood(machi, peer):
    ours = [play(machi, peer, FLOOD, 0) for _ in range(ROUNDS)]
    theirs = [bare(peer, BARE, 0) for _ in range(ROUNDS)]
    say(f"{WHAT}, durable with history", "machi", [FLOOD / one[0] for one in ours], "messages/s")
    say(f"{WHAT}, durable with history", "bare sockets", [BARE / one[0] for one in theirs], "messages/s")
    say(f"{WHAT}, the daemon's CPU", "machi", [one[3] for one in ours], "us/message")
    say(f"{WHAT}, resident", "machi", [one[4] for one in ours], "MiB")


def steady(machi, peer):
    ours = play(machi, peer, STATIONS * STEADY_SECONDS, 1000)
    theirs = bare(peer, STATIONS * STEADY_SECONDS, 1000)
    for name, at in (("p50", 1), ("p99", 2)):
        say(f"{WHAT}, one a second each, answered in, {name}", "machi", [ours[at]], "ms")
        say(f"{WHAT}, one a second each, answered in, {name}", "bare sockets", [theirs[at]], "ms")
    say(f"{WHAT}, one a second each, the daemon's CPU", "machi", [ours[3]], "us/message")


def main():
    machi, peer, parts = sys.argv[1], sys.argv[2], sys.argv[3:] or ["flood", "steady"]
    for part in parts:
        {"flood": flood, "steady": steady}[part](machi, peer)
    note("an answer of machi says that the values are on the disk; one of the bare sockets says nothing")


main()
