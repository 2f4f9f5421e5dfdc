#!/usr/bin/env python3
"""MQTT into durable entities and history: messages a second, and how late they are to be seen.

Usage: bench_mqtt.py MACHI PEER [PART …]: all parts, or those named (qos1 qos0 late).

Input: 1,000 devices in turn, each message {"t": number, "at": time} to city/DEVICE/state, mapped to one Property with
observedAt. mosquitto, the publisher, the daemon and the client that looks share the machine's processors. Beside the
figures: a bare subscriber in the place of the daemon, which only counts and acknowledges: what mosquitto gives at most.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from script import free_port, note, say

DEVICES = 1000
COUNT = {"1": 200_000, "0": 300_000}
ROUNDS = 3
LATE_RATE, LATE_SECONDS = 10_000, 20
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
TICKS = os.sysconf("SC_CLK_TCK")


def wait_for(port, what):
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit(f"bench_mqtt: {what} does not listen")


class City:
    """A broker and a daemon in a folder of their own."""

    def __init__(self, machi, qos, with_daemon=True):
        self.folder = tempfile.mkdtemp(prefix="bench-mqtt-")
        self.broker_port, self.port = free_port(), free_port()
        pathlib.Path(self.folder, "conf").write_text(
            f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "max_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\nuser root\n")
        self.broker = subprocess.Popen([MOSQUITTO, "-c", self.folder + "/conf"], stderr=subprocess.DEVNULL)
        wait_for(self.broker_port, "mosquitto")
        self.daemon = None
        if not with_daemon:
            return
        pathlib.Path(self.folder, "machi.yaml").write_text(f"""
data: {self.folder}/city
listen: 127.0.0.1:{self.port}
feeds:
  - name: bench
    mqtt:
      url: mqtt://127.0.0.1:{self.broker_port}
      topic: city/{{device}}/state
      qos: {qos}
    map:
      id: urn:ngsi-ld:Device:{{device}}
      type: Device
      attributes:
        temperature: {{kind: number, column: t, unit: CEL, observed_at: {{column: at}}}}
""")
        self.daemon = subprocess.Popen([machi, "serve", "--open", "--config", self.folder + "/machi.yaml"],
                                       stderr=open(self.folder + "/log", "w"))
        wait_for(self.port, "machi")
        while self.metric("machi_feed_up") != 1:
            time.sleep(0.02)

    def ask(self, path):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def metric(self, name):
        found = re.search(rf"^{name}\{{.*\}} (\d+)", self.ask("/metrics"), re.M)
        return int(found[1]) if found else 0

    def stored(self):
        return self.metric("machi_feed_entities_created_total") + self.metric("machi_feed_entities_changed_total")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def end(self):
        for process in (self.daemon, self.broker):
            if process:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)


def flood(machi, peer, qos):
    city = City(machi, qos)
    count = COUNT[qos]
    begin, cpu = time.monotonic(), city.cpu_seconds()
    publisher = subprocess.Popen([peer, "publish", str(city.broker_port), qos, str(count), str(DEVICES), "0"],
                                 stdout=subprocess.PIPE, text=True)
    while city.stored() < count:
        time.sleep(0.02)
        if time.monotonic() - begin > 120:
            sys.exit(f"bench_mqtt: {city.stored()} of {count} messages after 120 s")
    seconds, cpu = time.monotonic() - begin, city.cpu_seconds() - cpu
    publisher.wait()
    points = json.loads(city.ask("/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Device:device7?options=temporalValues&"
                                 "timerel=after&timeAt=2020-01-01T00:00:00Z&lastN=10000"))["temperature"]["values"]
    if len(points) != count // DEVICES:
        sys.exit(f"bench_mqtt: {len(points)} points of a device in the history, {count // DEVICES} were sent")
    city.end()
    return count / seconds, cpu / count * 1e6


def bare(machi, peer, qos):
    city = City(machi, qos, with_daemon=False)
    count = COUNT[qos]
    counter = subprocess.Popen([peer, "count", str(city.broker_port), qos, str(count)], stdout=subprocess.PIPE, text=True)
    counter.stdout.readline()
    begin = time.monotonic()
    subprocess.run([peer, "publish", str(city.broker_port), qos, str(count), str(DEVICES), "0"], check=True,
                   stdout=subprocess.DEVNULL)
    counter.stdout.readline()
    seconds = time.monotonic() - begin
    city.end()
    return count / seconds


def rates(machi, peer, qos):
    ours, theirs, cpu = [], [], []
    for _ in range(ROUNDS):
        rate, micros = flood(machi, peer, qos)
        ours.append(rate)
        cpu.append(micros)
        theirs.append(bare(machi, peer, qos))
    say(f"MQTT QoS {qos}, durable with history, {DEVICES:,} devices", "machi", ours, "messages/s")
    say(f"MQTT QoS {qos}, durable with history, {DEVICES:,} devices", "bare subscriber", theirs, "messages/s")
    say(f"MQTT QoS {qos}, the daemon's CPU", "machi", cpu, "us/message")


def late(machi, peer):
    city = City(machi, "1")
    publisher = subprocess.Popen([peer, "publish", str(city.broker_port), "1", str(LATE_RATE * LATE_SECONDS), str(DEVICES),
                                  str(LATE_RATE)], stdout=subprocess.PIPE, text=True)
    connection = http.client.HTTPConnection("127.0.0.1", city.port, timeout=60)
    time.sleep(2)
    ages, seen, device = [], "", 0
    end = time.monotonic() + LATE_SECONDS - 4
    while time.monotonic() < end:
        # A device is asked until its next value is there: sent every 0.1 s, so the age of a new one is its way here.
        connection.request("GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:Device:device{device % DEVICES}")
        at = json.loads(connection.getresponse().read())["temperature"]["observedAt"]
        now = time.time()
        if seen and at != seen:
            moment = time.mktime(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0" + at[19:-1])
            ages.append((now - moment) * 1000)
            device, seen = device + 137, ""
            continue
        seen = at
    publisher.wait()
    ages.sort()
    say(f"sent until seen at {LATE_RATE:,} messages/s, p50", "machi", [ages[len(ages) // 2]], "ms")
    say(f"sent until seen at {LATE_RATE:,} messages/s, p99", "machi", [ages[len(ages) * 99 // 100]], "ms")
    note(f"{len(ages)} values were waited for; the slowest took {ages[-1]:.1f} ms")
    city.end()


def main():
    machi, peer, parts = sys.argv[1], sys.argv[2], sys.argv[3:] or ["qos1", "qos0", "late"]
    if not pathlib.Path(MOSQUITTO).exists():
        note("mosquitto is not installed; nothing was measured")
        return
    for part in parts:
        if part == "late":
            late(machi, peer)
        else:
            rates(machi, peer, part[-1])


main()
