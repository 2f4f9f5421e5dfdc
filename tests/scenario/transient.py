#!/usr/bin/env python3
"""What goes by itself, and what goes in large numbers: the sweep of expired entities, and purges while the process dies,
drains or has others to serve.

Usage: transient.py MACHI SOURCE_ROOT. The promises under test: what has expired leaves the database with its history; a
purge that is cut short has purged some entities whole and left the others whole.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-transient-"))
tap = Tap()
ENTITIES = "/ngsi-ld/v1/entities"
MANY = 6000
PATIENCE_S = 120


def vehicle(number, **more):
    return {"id": f"urn:v:{number}", "type": "Vehicle", "n": {"type": "Property", "value": number},
            "name": {"type": "Property", "value": f"vehicle {number}"}, **more}


def fill(daemon):
    for first in range(0, MANY, 1000):
        batch = [vehicle(number) for number in range(first, first + 1000)]
        same(daemon.request("POST", "/ngsi-ld/v1/entityOperations/create", batch)[0], 201)


def number_in(data, sql):
    with contextlib.closing(sqlite3.connect(f"file:{data}/machi.db?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchone()[0]


def await_number(data, sql, good):
    until = time.monotonic() + PATIENCE_S
    while not good(number_in(data, sql)):
        check(time.monotonic() < until, f"{sql}: {number_in(data, sql)}")
        time.sleep(0.01)


def check_history(data):
    """Every vehicle is there with two points, or gone with two more that say so."""
    same(number_in(data, "SELECT count(*) FROM point WHERE kind = 0"), 2 * MANY, "creations")
    gone = MANY - number_in(data, "SELECT count(*) FROM entity")
    same(number_in(data, "SELECT count(*) FROM point WHERE kind = 2"), 2 * gone, "deletions")
    return gone


@tap.case
def the_daemon_removes_what_has_expired():
    data = work / "sweep"
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    with Daemon(machi, data, "--set", "sweep_interval=1") as daemon:
        same(daemon.request("POST", ENTITIES, vehicle(1, expiresAt=soon))[0], 201)
        short = {"type": "Property", "value": 5, "expiresAt": soon}
        same(daemon.request("POST", ENTITIES, vehicle(2, short=short))[0], 201)
        await_number(data, "SELECT count(*) FROM entity", lambda count: count == 1)
        await_number(data, "SELECT count(*) FROM point WHERE kind = 2", lambda count: count == 3)
        status, body = daemon.request("GET", f"{ENTITIES}?type=Vehicle&options=keyValues")
        same((status, json.loads(body)),
             (200, [{"id": "urn:v:2", "type": "Vehicle", "n": 2, "name": "vehicle 2"}]))
        check("machi_swept_entities_total 2" in daemon.request("GET", "/metrics")[1].decode())
        same(daemon.stop(), 0)
    machi("check", "--data", data)


@tap.case
def a_purge_that_dies_has_purged_whole_entities():
    data = work / "killed"
    with Daemon(machi, data) as daemon:
        fill(daemon)

        def purge():
            with contextlib.suppress(OSError, EOFError, Exception):
                daemon.request("DELETE", f"{ENTITIES}?type=Vehicle")

        purging = threading.Thread(target=purge)
        purging.start()
        await_number(data, "SELECT count(*) FROM entity", lambda count: count < MANY)
        daemon.kill()
        purging.join()
    machi("check", "--data", data)
    check(check_history(data) > 0)
    with Daemon(machi, data) as daemon:
        same(daemon.request("DELETE", f"{ENTITIES}?type=Vehicle")[0], 204)
        same(daemon.request("GET", f"{ENTITIES}?type=Vehicle")[1], b"[]")
        same(daemon.stop(), 0)
    same(check_history(data), MANY)
    machi("check", "--data", data)


@tap.case
def a_purge_in_a_draining_daemon_says_what_is_left():
    data = work / "drained"
    answers = []
    with Daemon(machi, data) as daemon:
        fill(daemon)
        purging = threading.Thread(target=lambda: answers.append(
            daemon.request("DELETE", f"{ENTITIES}?type=Vehicle")))
        purging.start()
        await_number(data, "SELECT count(*) FROM entity", lambda count: count < MANY)
        daemon.signal(signal.SIGTERM)
        purging.join()
        same(daemon.wait(), 0)
    gone = check_history(data)
    status, body = answers[0]
    if gone == MANY:  # it was faster
        same(status, 204)
        return
    same(status, 207)
    result = json.loads(body)
    same(len(result["success"]), gone)
    same(len(result["errors"]), MANY - gone)
    same(result["errors"][0]["error"]["status"], 409)
    with contextlib.closing(sqlite3.connect(f"file:{data}/machi.db?mode=ro", uri=True)) as database:
        left = {row[0] for row in database.execute("SELECT id FROM entity")}
    same(left, {error["entityId"] for error in result["errors"]})
    check(not left & set(result["success"]))


shutil.rmtree(work)
sys.exit(tap.done())
