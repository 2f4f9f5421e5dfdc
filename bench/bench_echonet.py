#!/usr/bin/env python3
"""ECHONET Lite: what a thousand smart meters, asked each minute, cost the daemon.

Usage: bench_echonet.py MACHI PEER [PART …]: all parts, or those named (minute second).

Input: 1,000 nodes on addresses of the loopback interface, each a node profile and a low-voltage smart meter: 11 values a
round with history (power, energy both ways, currents, states), power another each time. Two requests a node and round.
The daemon, the nodes and the clock that looks share the machine's processors. Beside the figures: a bare asker, which
sends the same questions at the same pace and throws the answers away: what the system takes for the datagrams alone.
Part second: the same nodes asked each second, for what a request costs when there is no pause between them.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from script import free_port, note, say

NODES = 1000
TICKS = os.sysconf("SC_CLK_TCK")
LIMIT_PERCENT = 5.0


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("0.0.0.0", 0))
        return one.getsockname()[1]


class City:
    """Nodes and a daemon in a folder of its own."""

    def __init__(self, machi, peer, interval_s):
        self.folder = tempfile.mkdtemp(prefix="bench-echonet-")
        self.udp_port, self.port = free_udp_port(), free_port()
        self.nodes = subprocess.Popen([peer, "nodes", str(self.udp_port), str(NODES)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.nodes.stdout.readline()
        addresses = ", ".join(f"127.1.{i >> 8}.{i & 255}" for i in range(1, NODES + 1))
        pathlib.Path(self.folder, "machi.yaml").write_text(f"""
data: {self.folder}/city
listen: 127.0.0.1:{self.port}
feeds:
  - name: bench
    echonet: {{nodes: [{addresses}], discover: false, interval: {interval_s} s, port: {self.udp_port}}}
""")
        self.daemon = subprocess.Popen([machi, "serve", "--open", "--config", self.folder + "/machi.yaml"],
                                       stderr=open(self.folder + "/log", "w"))
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        sys.exit("bench_echonet: machi does not listen")

    def ask(self, path):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def messages(self):
        return json.loads(self.ask("/api/v1/feeds/bench"))["messages"]

    def meters(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", "/ngsi-ld/v1/entities?type=ACMeasurement&limit=0&count=true")
            answer = connection.getresponse()
            answer.read()
            return int(answer.getheader("NGSILD-Results-Count") or 0)

    def wait_until_known(self):
        begin = time.monotonic()
        while self.meters() < NODES:
            time.sleep(0.2)
            if time.monotonic() - begin > 120:
                sys.exit(f"bench_echonet: {self.meters()} of {NODES} meters after 120 s")
        return time.monotonic() - begin

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self):
        text = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024

    def measure(self, seconds):
        """CPU seconds, answers taken and seconds that passed."""
        begin, cpu, messages = time.monotonic(), self.cpu_seconds(), self.messages()
        time.sleep(seconds)
        return self.cpu_seconds() - cpu, self.messages() - messages, time.monotonic() - begin

    def points(self, number):
        """How many values of a meter's power are in the history."""
        meters = json.loads(self.ask("/ngsi-ld/v1/entities?type=ACMeasurement&limit=1000&attrs=totalActivePower"))
        one = sorted(meter["id"] for meter in meters)[number]
        return len(json.loads(self.ask(f"/ngsi-ld/v1/temporal/entities/{one}?options=temporalValues&attrs=totalActivePower&"
                                       "timerel=after&timeAt=2020-01-01T00:00:00Z&lastN=1000"))["totalActivePower"]["values"])

    def end(self):
        self.daemon.kill()
        self.daemon.wait()
        self.nodes.communicate("")
        shutil.rmtree(self.folder)


def bare(peer, port, seconds):
    done = subprocess.run([peer, "ask", str(port), str(NODES), str(seconds)], capture_output=True, text=True, check=True)
    answers = int(re.search(r"answers (\d+)", done.stdout)[1])
    return float(re.search(r"cpu ([\d.]+)", done.stdout)[1]), answers


def minute(machi, peer):
    city = City(machi, peer, 60)
    note(f"{NODES:,} nodes and meters known and read {city.wait_until_known():.1f} s after the start")
    time.sleep(90)  # the second round is spread over one and a half minutes; from then on all is even
    shares, costs = [], []
    for _ in range(3):
        cpu, answers, seconds = city.measure(60)
        if not 1.9 * NODES <= answers <= 2.1 * NODES:
            sys.exit(f"bench_echonet: {answers} answers in {seconds:.0f} s, {2 * NODES} were to be had")
        shares.append(100 * cpu / seconds)
        costs.append(1e6 * cpu / answers)
    points = city.points(NODES // 2)
    if not 4 <= points <= 7:
        sys.exit(f"bench_echonet: {points} points of a meter in the history after some five minutes")
    memory = city.memory_mib()
    city.daemon.kill()
    city.daemon.wait()
    cpu, answers = bare(peer, city.udp_port, 60)
    what = f"ECHONET Lite, {NODES:,} meters each minute, durable with history"
    say(f"{what}: of a core", "machi", shares, "%")
    say(f"{what}: of a core", "bare asker", [100 * cpu / 60], "%")
    say(f"{what}: CPU", "machi", costs, "us/answer")
    say(f"{what}: CPU", "bare asker", [1e6 * cpu / answers], "us/answer")
    say(f"{what}: memory", "machi", [memory], "MiB")
    city.end()
    if max(shares) > LIMIT_PERCENT:
        sys.exit(f"bench_echonet: more than {LIMIT_PERCENT} % of a core")


def second(machi, peer):
    city = City(machi, peer, 1)
    city.wait_until_known()
    time.sleep(5)
    rates, costs = [], []
    for _ in range(3):
        cpu, answers, seconds = city.measure(10)
        rates.append(answers / seconds)
        costs.append(1e6 * cpu / answers)
    say(f"ECHONET Lite, {NODES:,} meters each second ({2 * NODES:,} answers/s are to be had)", "machi", rates, "answers/s")
    say(f"ECHONET Lite, {NODES:,} meters each second: CPU", "machi", costs, "us/answer")
    city.end()


def main():
    machi, peer, parts = sys.argv[1], sys.argv[2], sys.argv[3:] or ["minute", "second"]
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    for part in parts:
        {"minute": minute, "second": second}[part](machi, peer)


main()
