#!/usr/bin/env python3
"""Distributed operations: what asking many context sources at once takes beside asking one, and what it costs those who
have none.

Usage: bench_sources.py MACHI [PART …]: all parts, or those named (empty fan).

Input: a hub and ten sources, daemons on this machine, each source with 1,000 weather stations of about 900 bytes; the hub
has one inclusive registration for each. "near": as they are, so that all of them share the processors, which one source
alone has for itself. "far": every request to a source takes 20 ms more, as over the network of a city. "by ids":
each is registered for what its ids look like too; else a first page that more sources fill than it shows is completed by
a second look. Entities are whole on their source (splitEntities=false).
"""
import asyncio
import contextlib
import http.client
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from bench_notify import Process, free_port, note, say, station  # noqa: E402

ROOT = "/ngsi-ld/v1"
SOURCES, ENTITIES = 10, 1000
ROUNDS, ASKS = 5, 20
DELAY_S = 0.02
WRK_S = 4


class Far:
    """Passes bytes on; what comes from the client waits a while first."""

    def __init__(self, ports):
        self.ports = {}
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self.run, args=(ports, ready), daemon=True).start()
        ready.wait()

    def run(self, ports, ready):
        asyncio.set_event_loop(self.loop)
        for port in ports:
            server = self.loop.run_until_complete(asyncio.start_server(
                lambda reader, writer, to=port: self.serve(reader, writer, to), "127.0.0.1", 0))
            self.ports[port] = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    async def pass_on(self, reader, writer, delay):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 18):
                if delay:
                    await asyncio.sleep(delay)
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    async def serve(self, reader, writer, to):
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(self.pass_on(reader, back, DELAY_S), self.pass_on(there, writer, 0))


def start(machi):
    return Process(port := free_port(), machi, "serve", "--open", "--set", "store=memory", "--listen", f"127.0.0.1:{port}",
                   "--set", "query.page_max=1000")


def fill(source, number):
    first = number * ENTITIES
    source.ask("POST", f"{ROOT}/entityOperations/upsert",
               json.dumps([{**station(n), "number": {"type": "Property", "value": n % ENTITIES}}
                           for n in range(first, first + ENTITIES)]))


def register(hub, number, port, by_ids):
    registered = {"type": "WeatherObserved"}
    if by_ids:
        registered["idPattern"] = f"^urn:ngsi-ld:WeatherObserved:bench:{number:04}"
    hub.ask("POST", f"{ROOT}/csourceRegistrations",
            json.dumps({"id": f"urn:ngsi-ld:ContextSourceRegistration:{number}", "type": "ContextSourceRegistration",
                        "endpoint": f"http://127.0.0.1:{port}", "information": [{"entities": [registered]}]}))


def asked_ms(port, path):
    """Milliseconds of each of ASKS requests over one connection."""
    times = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for _ in range(ASKS + 2):
            begin = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            times.append((time.perf_counter() - begin) * 1000)
            if answer.status != 200 or answer.headers.get("NGSILD-Warning"):
                sys.exit(f"bench_sources: {path}: {answer.status} {answer.headers} {body[:200]}")
    return times[2:], len(json.loads(body))


def compare(what, hub, sources, path):
    hub_p50, source_p50, ratio = [], [], []
    for _ in range(ROUNDS):
        alone = max(statistics.median(asked_ms(port, path)[0]) for port in sources)
        times, count = asked_ms(hub, path)
        hub_p50.append(statistics.median(times))
        source_p50.append(alone)
        ratio.append(hub_p50[-1] / alone)
    say(what, f"hub, {count} entities of {SOURCES} sources", hub_p50, "ms p50")
    say(what, "the slowest source alone", source_p50, "ms p50")
    say(what, "hub / the slowest source", ratio, "")


def fan(machi):
    sources = [start(machi) for _ in range(SOURCES)]
    hubs = {place: start(machi) for place in ("near", "far", "far, by ids")}
    try:
        far = Far([source.port for source in sources])
        for number, source in enumerate(sources):
            fill(source, number)
            for place, hub in hubs.items():
                register(hub, number, source.port if place == "near" else far.ports[source.port], "ids" in place)
        for place, hub in hubs.items():
            ports = [source.port for source in sources] if place == "near" else list(far.ports.values())
            for what, query in (("some of each (q)", "q=number>=990&limit=1000"), ("first page of 100", "limit=100")):
                compare(f"{place}: {what}", hub.port, ports,
                        f"{ROOT}/entities?type=WeatherObserved&splitEntities=false&{query}")
    finally:
        for process in [*sources, *hubs.values()]:
            process.end()


def rate(port, path):
    text = subprocess.run(["wrk", "-t1", "-c16", f"-d{WRK_S}s", f"http://127.0.0.1:{port}{path}"],
                          capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def empty(machi):
    """No registrations: a request that could be distributed beside the same one limited to this broker, which never
    looks for registrations. The parameter itself takes longer to read than the look."""
    daemon = start(machi)
    try:
        fill(daemon, 0)
        path = f"{ROOT}/entities/{station(7)['id']}"
        may, local, ratio = [], [], []
        for _ in range(ROUNDS):
            may.append(rate(daemon.port, path))
            local.append(rate(daemon.port, path + "?local=true"))
            ratio.append(may[-1] / local[-1])
        say("GET one entity, no registrations", "may be distributed", may, "requests/s")
        say("GET one entity, no registrations", "local=true", local, "requests/s")
        say("GET one entity, no registrations", "may be / local", ratio, "")
    finally:
        daemon.end()


def main():
    machi, *parts = sys.argv[1:]
    note(f"{SOURCES} sources of {ENTITIES} entities; {ROUNDS} rounds of {ASKS} requests, interleaved")
    if not parts or "empty" in parts:
        empty(machi)
    if not parts or "fan" in parts:
        fan(machi)


if __name__ == "__main__":
    main()
