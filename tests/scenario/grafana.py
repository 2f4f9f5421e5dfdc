#!/usr/bin/env python3
"""What Grafana's Prometheus data source asks, over the history of attributes.

Usage: grafana.py MACHI SOURCE_ROOT. The requests are those that the data source sends (health check, metric browser,
panels), answers are held against Prometheus's API documentation and values computed here.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import urllib.parse

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-grafana-"))
tap = Tap()
START = 1795321200  # 2026-11-22T04:20:00Z
STEPS = 60
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def at(seconds):
    minutes, seconds = divmod(20 * 60 + seconds, 60)
    return f"2026-11-22T{4 + minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}Z"


def temperature(room, step):
    return 20 + room + step % 10 / 10


def fill(daemon, headers=None):
    for step in range(STEPS):
        batch = [{"id": f"urn:ngsi-ld:Room:{room}", "type": "Room",
                  "temperature": {"type": "Property", "value": temperature(room, step), "unitCode": "CEL",
                                  "observedAt": at(60 * step)},
                  "energy": {"type": "Property", "value": step * (room + 1), "observedAt": at(60 * step)},
                  "name": {"type": "Property", "value": f"Room {room}"}} for room in range(3)]
        status, body = daemon.request("POST", "/ngsi-ld/v1/entityOperations/upsert?options=update", batch, headers)
        check(status in (201, 204), status, body)


def ask(path, post=False, prefix="", headers=None, **parameters):
    text = urllib.parse.urlencode(parameters, doseq=True)  # "+" for blanks, as Go does
    if post:
        status, body = daemon.request("POST", prefix + path, text, {**FORM, **(headers or {})})
    else:
        status, body = daemon.request("GET", f"{prefix}{path}?{text}", None, headers)
    return status, json.loads(body)


def data(path, **parameters):
    status, answer = ask(path, **parameters)
    same((status, answer["status"]), (200, "success"), answer)
    return answer["data"]


def vector(query, seconds, **more):
    found = data("/api/v1/query", query=query, time=START + seconds, **more)
    same(found["resultType"], "vector")
    return {one["metric"].get("id", ""): float(one["value"][1]) for one in found["result"]}


with Daemon(machi, work / "data") as daemon:
    fill(daemon)

    @tap.case
    def the_health_check():
        found = data("/api/v1/query", query="1+1", time=4)
        same(found, {"resultType": "scalar", "result": [4, "2"]})
        check(data("/api/v1/status/buildinfo")["version"].startswith("2."))

    @tap.case
    def instants():
        rooms = {f"urn:ngsi-ld:Room:{room}": temperature(room, 30) for room in range(3)}
        for post in (False, True):
            for prefix in ("", "/prometheus"):
                same(vector('temperature{type="Room"}', 1830, post=post, prefix=prefix), rooms)
        found = data("/api/v1/query", query='temperature{id="urn:ngsi-ld:Room:1"}', time=at(1830))
        same(found["result"], [{"metric": {"__name__": "temperature", "attribute": "temperature", "type": "Room",
                                           "id": "urn:ngsi-ld:Room:1", "unitCode": "CEL"},
                                "value": [START + 1830, "21"]}])
        same(vector("temperature", 60 * STEPS + 240), {r: temperature(int(r[-1]), STEPS - 1) for r in rooms})
        same(vector("temperature", 60 * STEPS + 241), {})
        same(vector("temperature", -1), {})

    @tap.case
    def panels():
        found = data("/api/v1/query_range", query="temperature", start=START, end=START + 3540, step=60, post=True)
        same(found["resultType"], "matrix")
        same(len(found["result"]), 3)
        for one in found["result"]:
            room = int(one["metric"]["id"][-1])
            same([[when, float(value)] for when, value in one["values"]],
                 [[START + 60 * step, temperature(room, step)] for step in range(STEPS)])
        found = data("/api/v1/query_range", query="sum by (type) (rate(energy[5m]))", start=START + 600,
                     end=START + 3000, step="1m")
        same(len(found["result"]), 1)
        same(found["result"][0]["metric"], {"type": "Room"})
        for _, value in found["result"][0]["values"]:
            check(abs(float(value) - 6 / 60) < 1e-12, value)
        found = data("/api/v1/query_range", query="max_over_time(temperature[10m])", start=START + 1200,
                     end=START + 1200, step="15s")
        same({one["metric"]["id"][-1]: float(one["values"][0][1]) for one in found["result"]},
             {"0": 20.9, "1": 21.9, "2": 22.9})
        same(vector("topk(1, temperature) + 0", 600), {"urn:ngsi-ld:Room:2": temperature(2, 10)})
        same(vector("avg(temperature) - avg(temperature offset 10m)", 1200), {"": 0.0})

    @tap.case
    def the_metric_browser():
        same(data("/api/v1/label/__name__/values"), ["energy", "temperature"])
        same(data("/api/v1/label/__name__/values", **{"match[]": '{unitCode="CEL"}'}), ["temperature"])
        same(data("/api/v1/label/id/values"), [f"urn:ngsi-ld:Room:{room}" for room in range(3)])
        same(data("/api/v1/labels"), ["__name__", "attribute", "id", "type", "unitCode"])
        same(data("/api/v1/labels", **{"match[]": "energy"}, post=True), ["__name__", "attribute", "id", "type"])
        found = data("/api/v1/series", **{"match[]": ['energy{id=~".*0"}', "nothing"]})
        same(found, [{"__name__": "energy", "attribute": "energy", "id": "urn:ngsi-ld:Room:0", "type": "Room"}])
        same(data("/api/v1/metadata"), {})

    @tap.case
    def refusals():
        for parameters in ({"query": "sum("}, {}, {"query": "a", "time": "x"}):
            status, answer = ask("/api/v1/query", **parameters)
            same((status, answer["status"], answer["errorType"]), (400, "error", "bad_data"))
            check(answer["error"].startswith('invalid parameter "'), answer)
        ranged = {"query": "temperature", "start": START, "end": START + 60, "step": 1}
        for change in ({"start": ""}, {"end": START - 1}, {"step": 0}, {"step": "x"}, {"query": "temperature[5m]"},
                       {"end": START + 100000}):
            status, answer = ask("/api/v1/query_range", **{**ranged, **change})
            same((status, answer["errorType"]), (400, "bad_data"), answer)
        status, answer = ask("/api/v1/query", query="temperature * on (type) temperature", time=START + 60)
        same((status, answer["errorType"]), (422, "execution"), answer)
        status, answer = ask("/api/v1/query", query="temperature", headers={"NGSILD-Tenant": "nobody"})
        same((status, answer["errorType"]), (404, "not_found"), answer)
        status, answer = ask("/api/v1/series")
        same((status, answer["errorType"]), (400, "bad_data"))
        status, answer = ask("/api/v1/series", **{"match[]": "rate(a[5m])"})
        same((status, answer["errorType"]), (400, "bad_data"))

    @tap.case
    def tenants():
        other = {"NGSILD-Tenant": "other"}
        same(daemon.request("POST", "/ngsi-ld/v1/entities", {"id": "urn:x:1", "type": "X"}, other)[0], 201)
        same(vector("temperature", 60, headers=other), {})
        fill(daemon, other)
        same(len(vector("temperature", 60, headers=other)), 3)

    @tap.case
    def packed_or_not():
        before = data("/api/v1/query_range", query="temperature", start=START, end=START + 3600, step=15)
        daemon.stop()
        machi("pack", "--data", work / "data")
        with Daemon(machi, work / "data") as again:
            globals()["daemon"] = again
            same(data("/api/v1/query_range", query="temperature", start=START, end=START + 3600, step=15), before)


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
