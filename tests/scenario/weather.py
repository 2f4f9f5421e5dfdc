#!/usr/bin/env python3
"""Bad weather at the daemon's start and under it: files that are damaged, foreign or newer, a second daemon, a broken
configuration, a clock of requests while the database cannot be read.

Usage: weather.py MACHI SOURCE_ROOT. What is promised: a sentence that names the place and an exit status of
docs/reference/exit-codes.md, or an answer of 5xx; never a crash, and never an acknowledgement that is lost.
(kill -9: crash.py; a full disk: tests/http/full_disk.py; folders that may not be written: cli.py.)
"""
import contextlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, ask, check, free_port, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-weather-"))
tap = Tap()
ENTITIES = "/ngsi-ld/v1/entities"
PAGE = 4096
DATA_ERROR, UNAVAILABLE, BUSY, CONFIGURATION = 65, 69, 75, 78


def entity(number, size=2000):
    return {"id": f"urn:x:{number}", "type": "T", "n": {"type": "Property", "value": number},
            "text": {"type": "Property", "value": str(number).zfill(size)}}


def city(name, count=400):
    """A folder with entities 0 to count - 1, all of them in the database file itself."""
    data = work / name
    machi("put", "--data", data, stdin="\n".join(json.dumps(entity(i)) for i in range(count)))
    check(not (data / "machi.db-wal").exists(), "the log was not copied back")
    return data


def serve(data, status, *words):
    """The daemon does not come up, and says why."""
    run = machi("serve", "--data", data, "--listen", f"127.0.0.1:{free_port()}", status=status)
    for word in words:
        check(str(word) in run.err, f"{word} is not in: {run.err}")
    check("Sanitizer" not in run.err, run.err)


def overwrite(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def live_through(data, what):
    """A damaged city either does not come up (65 with the file's name), or answers: what is damaged 5xx, the rest well.
    What it acknowledges is there after it was started again, if it can be started."""
    run = Daemon(machi, data)
    try:
        try:
            run.wait_until_ready()
        except AssertionError:
            same(run.process.poll(), DATA_ERROR, f"{what}: {run.log()}")
            check("machi.db" in run.log() and "machi check" in run.log(), what, run.log())
            return None
        taken = set()
        with contextlib.closing(run.connect()) as connection:
            for number in range(0, 400, 7):
                status, body = ask(connection, "GET", f"{ENTITIES}/urn:x:{number}")
                check(status in (200, 404) or status >= 500, what, status, body)
                if status == 200:
                    same(json.loads(body)["n"]["value"], number, f"{what}: another entity's content")
            for number in range(1000, 1010):
                status, body = ask(connection, "POST", ENTITIES, entity(number))
                check(status == 201 or status >= 500, what, status, body)
                if status == 201:
                    taken.add(number)
            for path in ("?type=T&limit=100", "?q=n>10&limit=100", "?idPattern=urn:x:.*&limit=1000&local=true"):
                status, body = ask(connection, "GET", ENTITIES + path)
                check(status == 200 or status >= 500, what, path, status, body[:300])
            same(ask(connection, "GET", "/health")[0], 200)
        same(run.stop(), 0)
        check("Sanitizer" not in run.log(), what, run.log())
    finally:
        run.kill()
    again = Daemon(machi, data)
    try:
        try:
            again.wait_until_ready()
        except AssertionError:
            same(again.process.poll(), DATA_ERROR, f"{what}: {again.log()}")
            return taken
        for number in taken:
            status, body = again.request("GET", f"{ENTITIES}/urn:x:{number}")
            check(status != 404, f"{what}: {number} was acknowledged and is gone")
        same(again.stop(), 0)
    finally:
        again.kill()
    return taken


@tap.case
def a_city_has_one_daemon():
    data = work / "one"
    with Daemon(machi, data) as daemon:
        serve(data, BUSY, data, "another machi serve")
        same(daemon.request("POST", ENTITIES, entity(1))[0], 201)
        machi("get", "urn:x:1", "--data", data)  # commands go beside it
        daemon.process.kill()
        daemon.process.wait()
    with Daemon(machi, data) as daemon:  # and the lock died with the process
        same(daemon.request("GET", f"{ENTITIES}/urn:x:1")[0], 200)
        same(daemon.stop(), 0)


@tap.case
def a_port_in_use_is_named():
    with Daemon(machi, work / "first") as daemon:
        run = machi("serve", "--data", work / "second", "--listen", f"127.0.0.1:{daemon.port}", status=UNAVAILABLE)
        check(str(daemon.port) in run.err and "--listen" in run.err, run.err)


@tap.case
def a_database_that_is_none_or_foreign_is_refused():
    for name, content, status in (("text", b"this is no database, but it is long enough to be looked at " * 100, DATA_ERROR),
                                  ("zeros", bytes(3 * PAGE), DATA_ERROR),
                                  ("header", b"SQLite format 3\0" + b"\xff" * 5000, DATA_ERROR)):
        data = work / name
        data.mkdir()
        (data / "machi.db").write_bytes(content)
        serve(data, status, data / "machi.db")
        same((data / "machi.db").read_bytes(), content, "the file was changed")
    other = work / "other"
    other.mkdir()
    with contextlib.closing(sqlite3.connect(other / "machi.db")) as database:
        database.execute("create table mine(x)")
    serve(other, UNAVAILABLE, other / "machi.db", "another program")
    folder = work / "folder"
    (folder / "machi.db").mkdir(parents=True)
    run = machi("serve", "--data", folder, "--listen", f"127.0.0.1:{free_port()}", status=None)
    check(run.status in (73, 74, 77) and str(folder / "machi.db") in run.err, run.status, run.err)


@tap.case
def a_newer_database_is_refused_and_left_alone():
    data = city("newer", 3)
    with contextlib.closing(sqlite3.connect(data / "machi.db")) as database:
        version = database.execute("pragma user_version").fetchone()[0]
        database.execute(f"pragma user_version = {version + 100}")
    serve(data, UNAVAILABLE, data / "machi.db", version, version + 100, "newer")
    with contextlib.closing(sqlite3.connect(data / "machi.db")) as database:
        same(database.execute("pragma user_version").fetchone()[0], version + 100)
        same(database.execute("select count(*) from entity").fetchone()[0], 3)


@tap.case
def a_newer_database_of_a_tenant_harms_nobody_else():
    data = city("newer-tenant", 3)
    machi("put", "--data", data, "--tenant", "north", stdin=json.dumps(entity(1)))
    with contextlib.closing(sqlite3.connect(data / "tenants/north.db")) as database:
        database.execute("pragma user_version = 10000")
    with Daemon(machi, data) as daemon:
        same(daemon.request("GET", f"{ENTITIES}/urn:x:1")[0], 200)
        status, body = daemon.request("GET", f"{ENTITIES}/urn:x:1", headers={"NGSILD-Tenant": "north"})
        check(status >= 500, status, body)
        status, body = daemon.request("POST", ENTITIES, entity(9), headers={"NGSILD-Tenant": "north"})
        check(status >= 500, status, body)
        daemon.wait_for_log("10000")
        same(daemon.request("POST", ENTITIES, entity(7))[0], 201)
        same(daemon.stop(), 0)


@tap.case
def a_cut_database_is_found():
    data = city("cut")
    database = data / "machi.db"
    whole = database.read_bytes()
    for part in (50, 100, PAGE - 1, PAGE, PAGE * 5 + 7, len(whole) // 2, len(whole) - PAGE):
        for log in data.glob("machi.db-*"):
            log.unlink()
        database.write_bytes(whole[:part])
        check(machi("check", "--data", data, status=1).out, "the check says nothing")
        live_through(data, f"cut at {part} of {len(whole)}")


@tap.case
def overwritten_pages_are_survived():
    data = city("pages")
    database = data / "machi.db"
    whole = database.read_bytes()
    source = random.Random(20261122)
    for turn in range(12):
        for log in data.glob("machi.db-*"):
            log.unlink()
        database.write_bytes(whole)
        for _ in range(1 + turn % 4):
            page = source.randrange(1, len(whole) // PAGE)
            at = page * PAGE + source.choice((0, 0, source.randrange(PAGE)))
            overwrite(database, at, source.choice((b"\xff" * 64, bytes(64), source.randbytes(64))))
        live_through(data, f"overwritten, turn {turn}")


@tap.case
def a_garbage_log_is_not_taken_for_changes():
    data = city("log")
    database = data / "machi.db"
    with Daemon(machi, data) as daemon:
        for number in range(1000, 1020):
            same(daemon.request("POST", ENTITIES, entity(number))[0], 201)
        daemon.process.kill()
        daemon.process.wait()
    log = data / "machi.db-wal"
    good = log.read_bytes()
    check(len(good) > 20 * PAGE, "no log")
    whole = database.read_bytes()
    source = random.Random(7)
    damages = [source.randbytes(len(good)), b"", b"\0" * len(good), good[:31], good[:32 + 24 + PAGE // 2],
               good[:len(good) // 2] + source.randbytes(len(good) - len(good) // 2), good + source.randbytes(5 * PAGE + 3)]
    for turn, damage in enumerate(damages):
        for path in data.glob("machi.db-*"):
            path.unlink()
        database.write_bytes(whole)
        log.write_bytes(damage)
        if turn % 2:
            (data / "machi.db-shm").write_bytes(source.randbytes(32768))
        with Daemon(machi, data) as daemon:
            there = [daemon.request("GET", f"{ENTITIES}/urn:x:{number}")[0] for number in range(1000, 1020)]
            # The log is a row of commits: its good beginning counts, and nothing behind it.
            same(sorted(there), there, f"turn {turn}: not a beginning of what was written")
            same(daemon.request("GET", f"{ENTITIES}/urn:x:5")[0], 200)
            same(daemon.request("POST", ENTITIES, entity(2000))[0], 201)
            same(daemon.stop(), 0)
        if turn == len(damages) - 1:
            same(there, [200] * 20, "the good log with garbage behind it")
        machi("check", "--data", data)


@tap.case
def every_mistake_in_the_configuration_has_its_place():
    path = work / "broken.yaml"
    for text, place, words in (
            (b"lisen: x\n", "1:1", ("lisen", '"listen"')),
            (b"http:\n  lops: 2\n", "2:3", ("http.lops", '"loops"')),
            (b"http:\n  loops: 2\n  loops: 3\n", "3:3", ("loops", "second time")),
            (b"http:\n  loops: two\n", "2:10", ("http.loops", "whole number")),
            (b"http:\n  loops: 65\n", "2:10", ("http.loops", "from 0 to 64")),
            (b"http:\n  loops: [2]\n", "2:10", ("http.loops", "a list")),
            (b"http: 2\n", "1:7", ("http", "section")),
            (b"http:\n  body_max: 8 MB\n", "2:13", ("http.body_max", "size from")),
            (b"http:\n  idle_timeout: 60 parsecs\n", "2:17", ("http.idle_timeout", "time from")),
            (b"log:\n  level: loud\n", "2:10", ("log.level", "one of error")),
            (b"listen: 127.0.0.1\n", "1:9", ("listen", "ADDRESS:PORT")),
            (b"store: postgres\n", "1:8", ("store", "sqlite")),
            (b"context:\n  fetch: maybe\n", "2:10", ("context.fetch", "true or false")),
            (b"timetable:\n  - speed: 2\n", "2:5", ("timetable[0].feed", "missing")),
            (b"data: \"\"\n", "1:7", ("data",)),
            (b"http:\n\tloops: 1\n", "2:1", ()),
            (b"log: {level: info\n", "2:1", ()),
            (b"a: &x b\n", "1:4", ("anchors",)),
            (b"log: !!map {level: info}\n", "1:6", ("tags",)),
            (b"log: {level: info}\n---\nlog: {}\n", "2:1", ("second document",)),
            (b"- listen\n", "1:1", ("key: value",)),
            (b"a: " + b"[" * 5000, "1:", ("deeper",)),
            (b"listen: \"\xff\"\n", "", ("byte 9", "UTF-8")),
            (b"\0\0\0", "", ("control characters",)),
            (b"#" * 2000000, "", ("larger than",))):
        path.write_bytes(text)
        for arguments in (["config", "check", path], ["serve", "--config", path, "--data", work / "never"]):
            run = machi(*arguments, status=None)
            check(run.status in (CONFIGURATION, DATA_ERROR), text[:60], run.status, run.err)
            check(f"{path}:{place}" in run.err or not place, text[:60], run.err)
            check(str(path) in run.err and all(word in run.err for word in words), text[:60], run.err)
    check(not (work / "never").exists(), "a folder was made")


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
