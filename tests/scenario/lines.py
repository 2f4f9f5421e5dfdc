#!/usr/bin/env python3
"""InfluxDB line protocol into a running daemon, read back by the temporal API.

Usage: lines.py MACHI SOURCE_ROOT. What clients of InfluxDB 1.8 and 2 send (docs.influxdata.com): plain and gzipped
bodies, precisions, partial writes; then that it is history like any other, also packed and after a restart.
"""
import gzip
import json
import os
import pathlib
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-lines-"))
tap = Tap()
START = 1764000000  # 2025-11-24T16:00:00Z
CPU = "urn:ngsi-ld:cpu:host=a"


def write(text, path="/write", headers=None):
    body = text if isinstance(text, bytes) else text.encode()
    status, answer = daemon.request("POST", path, body, {"Content-Type": "text/plain", **(headers or {})})
    return status, json.loads(answer) if answer else None


def values(identity, attribute, headers=None, form="temporalValues"):
    status, answer = daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/{identity}?timerel=after"
                                    f"&timeAt=2020-01-01T00:00:00Z&format={form}", None, headers)
    same(status, 200, answer)
    entity = json.loads(answer)
    return entity[attribute]["values"] if attribute in entity else None


with Daemon(machi, work / "city") as daemon:
    @tap.case
    def lines_become_history():
        same(write(f"cpu,host=a usage_idle=27.35,cores=4i,up=true,state=\"on\" {START}000000000\n"
                   f"cpu,host=a usage_idle=28.5 {START + 10}000000000\n"), (204, None))
        same(values(CPU, "usage_idle"), [[27.35, "2025-11-24T16:00:00Z"], [28.5, "2025-11-24T16:00:10Z"]])
        same(values(CPU, "cores"), [[4, "2025-11-24T16:00:00Z"]])
        same(values(CPU, "up"), [[True, "2025-11-24T16:00:00Z"]])
        same(values(CPU, "state"), [["on", "2025-11-24T16:00:00Z"]])
        status, answer = daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/{CPU}")
        same((status, json.loads(answer)["type"]), (200, "cpu"))

    @tap.case
    def digits_stay():
        same(write(f"meter,id=urn:ngsi-ld:Meter:7 power=27.35 {START}", "/api/v1/write?precision=s"), (204, None))
        status, answer = daemon.request("GET", "/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Meter:7")
        check(status == 200 and '27.35' in (answer if isinstance(answer, str) else answer.decode()), answer)

    @tap.case
    def precisions_and_paths():
        for number, (precision, factor) in enumerate([("ns", 10**9), ("u", 10**6), ("ms", 10**3), ("s", 1)]):
            path = ["/write", "/api/v1/write", "/api/v2/write"][number % 3]
            same(write(f"p,n={number} v={number} {START * factor}", f"{path}?db=x&precision={precision}"), (204, None))
            same(values(f"urn:ngsi-ld:p:n={number}", "v"), [[number, "2025-11-24T16:00:00Z"]])
        same(write("p v=1 1", "/write?precision=d")[0], 400)

    @tap.case
    def gzipped_bodies():
        body = gzip.compress(b"".join(b"zip,n=1 v=%d %d\n" % (i, START + i) for i in range(1000)))
        same(write(body, "/write?precision=s", {"Content-Encoding": "gzip"}), (204, None))
        same(len(values("urn:ngsi-ld:zip:n=1", "v")), 1000)
        same(write(body[:-9], "/write", {"Content-Encoding": "gzip"})[0], 400)
        same(write(b"not gzip", "/write", {"Content-Encoding": "gzip"})[0], 400)
        same(write(body, "/write", {"Content-Encoding": "br"})[0], 400)
        bomb = gzip.compress(b" " * (80 << 20))
        same(write(bomb, "/write", {"Content-Encoding": "gzip"})[0], 413)

    @tap.case
    def good_lines_of_a_bad_request_are_stored():
        status, answer = write(f"part v=1 {START}\npart v=\nnonsense\npart v=2 {START + 1}\n", "/write?precision=s")
        same(status, 400)
        check("partial write" in answer["error"] and "line 2" in answer["error"] and "line 3" in answer["error"] and
              "dropped=2" in answer["error"], answer)
        same([v for v, _ in values("urn:ngsi-ld:part", "v")], [1, 2])

    @tap.case
    def tenants_are_kept_apart():
        status, _ = daemon.request("POST", "/ngsi-ld/v1/entities", {"id": "urn:x:1", "type": "T"}, {"NGSILD-Tenant": "east"})
        same(status, 201)
        same(write(f"east v=1 {START}", "/write?precision=s", {"NGSILD-Tenant": "east"}), (204, None))
        same(write(f"east v=2 {START}", "/write?precision=s&db=east"), (204, None))
        same(write(f"east v=3 {START}", "/write?precision=s&db=nosuch"), (204, None))
        same(sorted(v for v, _ in values("urn:ngsi-ld:east", "v", {"NGSILD-Tenant": "east"}) or []), [1, 2])
        same([v for v, _ in values("urn:ngsi-ld:east", "v")], [3])
        same(write("east v=1 1", "/write", {"NGSILD-Tenant": "nosuch"})[0], 404)

    @tap.case
    def clients_are_greeted():
        status, _ = daemon.request("GET", "/ping")
        same(status, 204)
        status, answer = daemon.request("POST", "/query?q=CREATE%20DATABASE%20telegraf", "", {"Content-Type": "text/plain"})
        same((status, json.loads(answer)), (200, {"results": [{"statement_id": 0}]}))

    @tap.case
    def many_things_survive_packing_and_a_restart():
        lines = "".join(f"m,n={n} a={n}.5,b={t}i {START + t}\n" for t in range(50) for n in range(200))
        for _ in range(3):
            same(write(lines, "/write?precision=s")[0], 204)
        before = values("urn:ngsi-ld:m:n=77", "a")
        same(len(before), 150)
        daemon.stop()
        machi("pack", "--data", work / "city")
        machi("check", "--data", work / "city")
        stats = json.loads(machi("stats", "--json", "--tenant", "east", "--data", work / "city").out)
        check(stats["points"] >= 2, stats)
        with Daemon(machi, work / "city") as again:
            globals()["daemon"] = again
            same(values("urn:ngsi-ld:m:n=77", "a"), before)

status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
