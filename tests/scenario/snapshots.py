#!/usr/bin/env python3
"""Snapshots as a client meets them: its endpoint is told what becomes of one, subscriptions on one tell of it alone, and
whatever moment the daemon is killed at, a snapshot is whole in the end or was never promised.

Usage: snapshots.py MACHI SOURCE_ROOT [KILLS [SEED]]
"""
import datetime
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from receiver import Receiver
from tap import Daemon, Machi, Tap, check, same

KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 6
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261129
CARS = 2000
ROOT = "/ngsi-ld/v1"
READY_SECONDS = 60

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-snapshots-"))
tap = Tap()
receiver = Receiver()


def snapshot(name, **members):
    return {"id": f"urn:s:{name}", "type": "Snapshot",
            "snapshotQueries": [{"type": "Query", "entities": [{"type": "Car"}]}], **members}


def car(number, speed):
    return {"id": f"urn:car:{number}", "type": "Car", "speed": {"type": "Property", "value": speed}}


def want(status, method, path, body=None, headers=None):
    got, text = daemon.request(method, ROOT + path, body, headers)
    same(got, status, f"{method} {path}: {text}")
    return json.loads(text) if text else None


def ready(name, headers=None):
    until = time.monotonic() + READY_SECONDS
    while True:
        seen = want(200, "GET", f"/snapshots/urn:s:{name}", headers=headers)
        if seen["snapshotStatus"] != "preparing":
            return seen
        check(time.monotonic() < until, "it is never ready")
        time.sleep(0.02)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


with Daemon(machi, work / "told") as daemon:
    city = {"NGSILD-Tenant": "city"}

    @tap.case
    def its_endpoint_is_told():
        want(201, "POST", "/entities", car(1, 10), city)
        want(201, "POST", "/snapshots",
             snapshot("told", endpoint=receiver.url("/status"), snapshotPriority=3, snapshotLifetime="PT1H",
                      receiverInfo=[{"key": "X-Secret", "value": "xyz"}]), city)
        first = receiver.wait("/status", 1)[0]
        headers = receiver.got["/status"][0][0]
        same((headers["X-Secret"], headers["NGSILD-Tenant"], headers["Content-Type"]), ("xyz", "city", "application/json"))
        check(first.pop("id").startswith("urn:") and moment(first.pop("notifiedAt")) < moment(first["expiresAt"]), first)
        same(first, {"type": "SnapshotNotification", "snapshotId": "urn:s:told", "snapshotPriority": 3,
                     "snapshotStatus": "success", "snapshotQueriesDetails": [{"resultStatus": "success"}],
                     "expiresAt": ready("told", city)["expiresAt"]})
        updated = want(200, "PATCH", "/snapshots/urn:s:told",
                       {"snapshotLifetime": "PT2H", "endpoint": receiver.url("/elsewhere")}, city)
        second = receiver.wait("/elsewhere", 1)[0]
        same((second["expiresAt"], second["snapshotStatus"]), (updated["expiresAt"], "success"))
        want(204, "DELETE", "/snapshots/urn:s:told", headers=city)
        third = receiver.wait("/elsewhere", 2)[1]
        check(moment(third["expiresAt"]) < moment(third["notifiedAt"]) and third["snapshotReady"] is False, third)
        receiver.quiet("/status", 1)

    @tap.case
    def subscriptions_on_a_snapshot_tell_of_it():
        both = {**city, "NGSILD-Snapshot": "urn:s:heard"}
        want(201, "POST", "/snapshots", snapshot("heard"), city)
        same(ready("heard", city)["snapshotStatus"], "success")
        want(201, "POST", "/subscriptions",
             {"id": "urn:x:1", "type": "Subscription", "entities": [{"type": "Car"}],
              "notification": {"endpoint": {"uri": receiver.url("/heard")}}}, both)
        want(204, "PATCH", "/entities/urn:car:1/attrs", {"speed": {"type": "Property", "value": 11}}, city)
        want(204, "PATCH", "/entities/urn:car:1/attrs", {"speed": {"type": "Property", "value": 12}}, both)
        told = receiver.wait("/heard", 1)
        headers = receiver.got["/heard"][0][0]
        same((headers["NGSILD-Snapshot"], headers["NGSILD-Tenant"]), ("urn:s:heard", "city"))
        same(told[0]["data"][0]["speed"]["value"], 12)
        receiver.quiet("/heard", 1)
        same(want(200, "GET", "/subscriptions/urn:x:1", headers=both)["notification"]["status"], "ok")

    @tap.case
    def what_a_deleted_one_owes_goes_with_it():
        both = {**city, "NGSILD-Snapshot": "urn:s:heard"}
        receiver.behaviour["/silent"] = lambda handler: (time.sleep(1), handler.answer(500)) and True
        want(201, "POST", "/subscriptions",
             {"id": "urn:x:2", "type": "Subscription", "entities": [{"type": "Car"}],
              "notification": {"endpoint": {"uri": receiver.url("/silent")}}}, both)
        for speed in range(20):
            want(204, "PATCH", "/entities/urn:car:1/attrs", {"speed": {"type": "Property", "value": speed}}, both)
        want(204, "DELETE", "/snapshots/urn:s:heard", headers=city)
        want(404, "GET", "/entities/urn:car:1", headers=both)
        until = time.monotonic() + READY_SECONDS
        while list((work / "told" / "snapshots").glob("*.db")):
            check(time.monotonic() < until, "its file stays")
            for _ in range(8):  # every loop lets go of it at its next answer
                want(200, "GET", "/entities/urn:car:1", headers=city)
            time.sleep(0.1)
        same(daemon.stop(), 0)


@tap.case
def kills_leave_no_half_ones():
    global daemon
    chance = random.Random(SEED)
    data = work / "killed"
    with Daemon(machi, data) as daemon:
        for at in range(0, CARS, 500):
            want(201, "POST", "/entityOperations/create", [car(number, number) for number in range(at, at + 500)])
        want(201, "POST", "/snapshots", snapshot("source"))
        ready("source")
    expected = {"source"}
    for kill in range(KILLS):
        with Daemon(machi, data) as daemon:
            for made in (f"made{kill}", f"copy{kill}"):
                if made.startswith("copy"):
                    want(201, "POST", "/snapshots/urn:s:source/clone", {"id": f"urn:s:{made}", "type": "Snapshot"})
                else:
                    want(201, "POST", "/snapshots", snapshot(made))
                expected.add(made)
            if len(expected) > 5:
                gone = sorted(expected - {"source"})[0]
                want(204, "DELETE", f"/snapshots/urn:s:{gone}")
                expected.discard(gone)
            time.sleep(chance.random() * 0.5)
            daemon.kill()
        with Daemon(machi, data) as daemon:
            for name in expected:
                same(ready(name)["snapshotStatus"], "success", name)
                headers = {"NGSILD-Snapshot": f"urn:s:{name}"}
                found = want(200, "GET", "/entities?type=Car&limit=1000&options=keyValues", headers=headers)
                found += want(200, "GET", "/entities?type=Car&limit=1000&offset=1000&options=keyValues", headers=headers)
                same([one["speed"] for one in found], list(range(CARS)), name)
            files = list((data / "snapshots").glob("*.db"))
            same(len(files), len(expected), f"after kill {kill} of seed {SEED}")
            same(daemon.stop(), 0)
        for at, file in enumerate(files):  # each is a database like a tenant's
            city = work / f"checked{kill}.{at}"
            city.mkdir()
            shutil.copy(file, city / "machi.db")
            machi("check", "--data", city)


receiver.close()
shutil.rmtree(work, ignore_errors=True)
sys.exit(tap.done())
