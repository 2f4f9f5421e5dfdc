#!/usr/bin/env python3
"""kill -9 while points are packed: by `machi pack`, by the daemon in the background, under load, by two at once.

Usage: pack_crash.py MACHI SOURCE_ROOT [KILLS [SEED]]. The test run does a few kills; `tests/scenario/pack_crash.py
build/machi . 30` does thirty of each kind.

Each connection has entities of its own and keeps an account of their points. Every point has a number that no other
has, as its value, and some time of a day, so that points come late and in no order. Series are deleted now and then.
A city is filled once and left alone until all of it may be packed; every kill then begins with a copy of it and of the
accounts. After each kill
- every point that was acknowledged is there, once, at its time;
- of what was under way every point is there once or not at all;
- nothing else is there, and `machi check` finds nothing;
and the same is so when the next one has packed the rest.
"""
import collections
import contextlib
import copy
import csv
import datetime
import http.client
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, ask, check, same

KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261128
WRITERS, ENTITIES_EACH, POINTS_A_BODY = 3, 4, 500
BODIES = 120  # at first: more points than it takes for the background to begin
SETTLED_SECONDS = 31  # what is younger stays in rows
BACKGROUND_SECONDS = 10  # how often the daemon looks whether there is something to pack
DAY = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
TEMPORAL = "/ngsi-ld/v1/temporal/entities"
SERIES_DELETED_PART = 0.02
EXIT_TRY_AGAIN = 75

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-pack-crash-"))
filled = work / "filled"
tap = Tap()


class Writer:
    """One connection and its entities; accounts outlive the kills."""

    def __init__(self, index):
        self.random = random.Random(SEED * 1000 + index)
        self.points = {f"urn:x:w{index}:{i}": {} for i in range(ENTITIES_EACH)}  # id: {number: time}
        self.number = index * 10**9
        self.bodies = 0
        self.under_way = None  # (id, points), points None for a deletion
        self.trouble = None

    def twin(self):
        """Another with the same account."""
        twin = copy.copy(self)
        twin.random, twin.points = copy.deepcopy(self.random), {id: dict(points) for id, points in self.points.items()}
        return twin

    def draw_points(self):
        points = {}
        for _ in range(POINTS_A_BODY):
            self.number += 1
            moment = DAY + datetime.timedelta(seconds=self.random.randrange(86400))
            points[self.number] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return points

    def step(self, connection):
        id = self.random.choice(sorted(self.points))
        if self.points[id] and self.random.random() < SERIES_DELETED_PART:
            self.under_way = id, None
            status, answer = ask(connection, "DELETE", f"{TEMPORAL}/{id}/attrs/a")
            check(status == 204, status, answer)
            self.points[id] = {}
        else:
            points = self.draw_points()
            body = {"id": id, "type": "T", "a": [{"type": "Property", "value": number, "observedAt": at}
                                                 for number, at in points.items()]}
            self.under_way = id, points
            status, answer = ask(connection, "POST", TEMPORAL, body)
            check(status in (201, 204), status, answer)
            self.points[id].update(points)
        self.under_way = None
        self.bodies += 1

    def run(self, daemon):
        with contextlib.closing(daemon.connect()) as connection:
            try:
                while True:
                    self.step(connection)
            except (OSError, http.client.HTTPException):
                pass  # the kill
            except Exception as trouble:  # told by the main thread
                self.trouble = trouble


chance = random.Random(SEED)


class City:
    """A folder and the writers whose points it has."""

    def __init__(self, folder, writers):
        self.folder, self.writers = folder, writers

    def twin(self, name):
        shutil.copytree(self.folder, work / name)
        return City(work / name, [writer.twin() for writer in self.writers])

    def found(self):
        """{id: {number: [times]}} of all that is there."""
        points = collections.defaultdict(lambda: collections.defaultdict(list))
        text = machi("history", "--data", self.folder, "--attrs", "a", "--columns", "id,time,value").out
        for id, at, number in list(csv.reader(io.StringIO(text)))[1:]:
            points[id][int(number)].append(at)
        return points

    def verify(self):
        points = self.found()
        for writer in self.writers:
            for id, wanted in writer.points.items():
                there = points.pop(id, {})
                settle(id, wanted, writer.under_way, there)
                lost, strange = wanted.keys() - there.keys(), there.keys() - wanted.keys()
                check(not lost, id, len(lost), "points lost, such as", min(lost, default=0))
                check(not strange, id, len(strange), "points from nowhere, such as", min(strange, default=0))
                for number, times in there.items():
                    same(times, [wanted[number]], f"{id}, point {number}")
            writer.under_way = None
        check(not points, "entities from nowhere", sorted(points))
        machi("check", "--data", self.folder)

    def pack(self):
        return subprocess.Popen([machi.program, "pack", "--data", str(self.folder)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)

    def points_unpacked(self):
        stats = json.loads(machi("stats", "--data", self.folder, "--json").out.splitlines()[0])
        same(stats["points"], sum(len(points) for writer in self.writers for points in writer.points.values()))
        return stats["pointsUnpacked"]

    def load(self, daemon, until):
        """Writers at work until until() says so; then the daemon is dead."""
        threads = [threading.Thread(target=writer.run, args=(daemon,)) for writer in self.writers]
        for thread in threads:
            thread.start()
        try:
            until()
        finally:
            daemon.kill()
            for thread in threads:
                thread.join()
        for writer in self.writers:
            check(writer.trouble is None, writer.trouble)

    def bodies(self):
        return sum(writer.bodies for writer in self.writers)

    def in_trouble(self):
        return any(writer.trouble for writer in self.writers)


def settle(id, wanted, under_way, there):
    """What was under way became so or not: the account takes over what is there, where it may be."""
    if under_way and under_way[0] == id and under_way[1] is None and not there:
        wanted.clear()
    elif under_way and under_way[0] == id and under_way[1] is not None:
        wanted.update({number: at for number, at in under_way[1].items() if number in there})


def killed_after(process, seconds):
    """Kills it at that moment if it still runs; says whether it did."""
    with process:
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
        check(status in (0, EXIT_TRY_AGAIN), status, process.stderr.read())
        return False


chance = random.Random(SEED)
first = City(filled, [Writer(index) for index in range(WRITERS)])


def fill():
    def enough():
        until = time.monotonic() + 240
        while first.bodies() < BODIES and not first.in_trouble():
            check(time.monotonic() < until, "too slow")
            time.sleep(0.05)

    with Daemon(machi, filled) as daemon:
        first.load(daemon, enough)
    first.verify()
    time.sleep(SETTLED_SECONDS)


def seconds_to_pack():
    city = first.twin("timed")
    begin = time.monotonic()
    machi("pack", "--data", city.folder)
    took = time.monotonic() - begin
    city.verify()
    shutil.rmtree(city.folder)
    return took


@tap.case
def a_pack_of_a_resting_city_is_killed():
    fill()
    check(first.points_unpacked() > 0, "nothing is left to pack")
    whole, killed = seconds_to_pack(), 0
    for number in range(2 * KILLS):
        city = first.twin(f"resting-{number}")
        killed += killed_after(city.pack(), chance.random() * whole)
        city.verify()
        killed += killed_after(city.pack(), chance.random() * whole)
        city.verify()
        machi("pack", "--data", city.folder)
        same(city.points_unpacked(), 0, "points that are not packed")
        city.verify()
        shutil.rmtree(city.folder)
    check(killed, "no pack was killed")


@tap.case
def two_packs_at_once_do_no_harm():
    city = first.twin("both")
    both = [city.pack(), city.pack()]
    outcomes = [process.wait(timeout=120) for process in both]
    for process in both:
        process.stderr.close()
    check(0 in outcomes and set(outcomes) <= {0, EXIT_TRY_AGAIN}, outcomes)
    same(city.points_unpacked(), 0, "points that are not packed")
    city.verify()


@tap.case
def a_pack_beside_the_daemon_is_killed_and_so_is_the_daemon():
    killed = 0

    def packs(city):
        nonlocal killed
        for _ in range(5):
            killed += killed_after(city.pack(), chance.random() * 0.5)
            check(not city.in_trouble(), "a writer is in trouble")

    for number in range(KILLS):
        city = first.twin(f"beside-{number}")
        with Daemon(machi, city.folder) as daemon:
            city.load(daemon, lambda city=city: packs(city))
        city.verify()
        machi("pack", "--data", city.folder)
        city.verify()
        shutil.rmtree(city.folder)
    check(killed, "no pack was killed")


@tap.case
def the_daemon_is_killed_while_it_packs_under_load():
    for number in range(KILLS):
        city = first.twin(f"background-{number}")
        with Daemon(machi, city.folder) as daemon:
            city.load(daemon, lambda: time.sleep(BACKGROUND_SECONDS + chance.random() * 2))
        city.verify()
        machi("pack", "--data", city.folder)
        city.verify()
        shutil.rmtree(city.folder)


@tap.case
def what_was_packed_is_served():
    city = first.twin("served")
    machi("pack", "--data", city.folder)
    with Daemon(machi, city.folder) as daemon:
        for writer in city.writers:
            for id, wanted in writer.points.items():
                if not wanted:
                    continue
                number, at = max(wanted.items(), key=lambda point: (point[1], point[0]))
                status, answer = daemon.request("GET", f"{TEMPORAL}/{id}?attrs=a&lastN=1")
                same(status, 200, answer)
                last = json.loads(answer)["a"]
                last = last[0] if isinstance(last, list) else last
                same((last["value"], last["observedAt"]), (number, at), id)
        daemon.stop()


shutil.rmtree(work)
sys.exit(tap.done())
