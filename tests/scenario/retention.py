#!/usr/bin/env python3
"""Rules of retention in a city: what goes, what stays, and that kill -9 in the midst of it loses nothing.

Usage: retention.py MACHI SOURCE_ROOT [KILLS [SEED]]. The test run does a few kills; `tests/scenario/retention.py
build/machi . 30` does thirty of each kind.

A city gets two days of minutes of some meters as line protocol; what follows begins with copies of it. Wherever a rule
keeps hours for ever, the hourly aggregates must be, at every moment and after every kill, what exact arithmetic over
the values that were written gives.
"""
import collections
import csv
import datetime
import fractions
import io
import json
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 2
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261129
METERS, FIELDS, HOURS = 6, ("power", "voltage"), 50
MINUTE, QUARTER, HOUR, DAY = 60, 900, 3600, 86400
LINES_A_BODY = 200  # so that there are batches enough for the background to begin
BACKGROUND_SECONDS = 90
TEMPORAL = "/ngsi-ld/v1/temporal/entities"
RULES = """\
history:
  rules:
    - type=meter keep=PT6H rollup=PT15M:P1D rollup=PT1H:forever
    - tenant=north type=meter keep=PT12H
"""

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-retention-"))
rules = work / "rules.yaml"
rules.write_text(RULES)
chance = random.Random(SEED)
tap = Tap()

END = int(time.time()) // MINUTE * MINUTE - 2 * MINUTE
START = END - HOURS * HOUR
# {tenant: {(id, field): {second: value in thousandths}}}
written = {"": collections.defaultdict(dict), "north": collections.defaultdict(dict)}


def iso(second):
    return datetime.datetime.fromtimestamp(second, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def meter(number):
    return f"urn:ngsi-ld:meter:{number}"


def fill(daemon):
    status, answer = daemon.request("POST", "/ngsi-ld/v1/entities", {"id": "urn:x:1", "type": "x"},
                                    {"NGSILD-Tenant": "north"})
    same(status, 201, answer)
    for tenant, headers in (("", {}), ("north", {"NGSILD-Tenant": "north"})):
        for number in range(METERS):
            lines = []
            for second in range(START + number, END, MINUTE):
                values = {field: chance.randrange(-5000, 5000) for field in FIELDS}
                fields = ",".join(f"{field}={value / 1000:.3f}" for field, value in values.items())
                lines.append(f"meter,id={meter(number)} {fields} {second}")
                for field, value in values.items():
                    written[tenant][meter(number), field][second] = value
            for at in range(0, len(lines), LINES_A_BODY):
                status, answer = daemon.request("POST", "/api/v1/write?precision=s",
                                                "\n".join(lines[at:at + LINES_A_BODY]).encode(),
                                                {"Content-Type": "text/plain", **headers})
                same(status, 204, answer)


def aggregates(daemon, id, field, period, tenant=""):
    """{start of the period: (count, sum, min, max, avg, stddev)}."""
    first = START // DAY * DAY
    methods = ("totalCount", "sum", "min", "max", "avg", "stddev")
    status, answer = daemon.request(
        "GET", f"{TEMPORAL}/{id}?attrs={field}&timerel=between&timeAt={iso(first)}&endTimeAt={iso(END + HOUR)}"
        f"&format=aggregatedValues&aggrMethods={','.join(methods)}&aggrPeriodDuration=PT{period // MINUTE}M",
        None, {"NGSILD-Tenant": tenant} if tenant else {})
    same(status, 200, answer)
    attribute = json.loads(answer)[field]
    found = collections.defaultdict(dict)
    for method in methods:
        for value, start, _ in attribute[method]:
            found[start][method] = value
    return {start: tuple(values[method] for method in methods) for start, values in found.items()}


def reckoned(points, period):
    """The same by exact arithmetic, each rounded once."""
    periods = collections.defaultdict(list)
    for second, value in points.items():
        periods[second // period * period].append(fractions.Fraction(value, 1000))
    answers = {}
    for start, values in periods.items():
        count, total = len(values), sum(values)
        variance = sum(value * value for value in values) / count - (total / count) ** 2
        answers[iso(start)] = (count, float(total), float(min(values)), float(max(values)), float(total / count),
                               math.sqrt(variance))
    return answers


def hold_against(found, wanted, what):
    same(sorted(found), sorted(wanted), f"periods of {what}")
    for start, numbers in wanted.items():
        same(found[start][:5], numbers[:5], f"{what} from {start}")
        check(math.isclose(found[start][5], numbers[5], rel_tol=1e-15, abs_tol=1e-15), what, start, "stddev",
              found[start][5], numbers[5])


def hours_are_right(daemon):
    for (id, field), points in written[""].items():
        hold_against(aggregates(daemon, id, field, HOUR), reckoned(points, HOUR), f"hours of {field} of {id}")


def instances(folder, tenant=""):
    """{(id, field): {second: value in thousandths}}."""
    found = collections.defaultdict(dict)
    more = ("--tenant", tenant) if tenant else ()
    for field in FIELDS:
        text = machi("history", "--data", folder, "--attrs", field, "--columns", "id,time,value", *more).out
        for id, at, value in list(csv.reader(io.StringIO(text)))[1:]:
            second = int(datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp())
            check(second not in found[id, field], id, field, at, "is there twice")
            found[id, field][second] = round(float(value) * 1000)
    return found


def cut(points, second):
    return {at: value for at, value in points.items() if at >= second}


def metric(daemon, name):
    status, answer = daemon.request("GET", "/metrics")
    same(status, 200)
    text = answer if isinstance(answer, str) else answer.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name) and line[len(name)] in " {")


def twin(name):
    shutil.copytree(work / "filled", work / name)
    return work / name


with Daemon(machi, work / "filled") as daemon:
    @tap.case
    def before_anything_goes():
        fill(daemon)
        hours_are_right(daemon)


@tap.case
def without_a_configuration_nothing_goes():
    folder = twin("kept")
    machi("pack", "--data", folder)
    same(instances(folder), written[""])


@tap.case
def what_is_older_goes_and_its_hours_stay():
    folder = twin("packed")
    began = time.time()
    out = machi("pack", "--data", folder, "--config", rules).out
    ended = time.time()
    check("default tenant: " in out and "older than they are kept" in out, out)
    # A moment at which the rules may have been looked at; one bucket earlier or later is another.
    cuts = {int(moment - 6 * HOUR) // QUARTER * QUARTER for moment in (began, ended)}
    found = instances(folder)
    check(any(found == {key: cut(points, second) for key, points in written[""].items()} for second in cuts),
          "instances that are left begin at", sorted({iso(min(points)) for points in found.values()}), "not at",
          [iso(second) for second in cuts])
    cuts = {int(moment - 12 * HOUR) for moment in (began, ended)}
    found = instances(folder, "north")
    for key, points in written["north"].items():
        same(found[key], cut(points, min(found[key])), key)
        check(min(cuts) <= min(found[key]) <= max(cuts) + MINUTE, key, iso(min(found[key])))
    with Daemon(machi, folder) as daemon:
        hours_are_right(daemon)
        # Quarters are there for a day; those before lie in hours, which a quarter cuts.
        for (id, field), points in written[""].items():
            found, wanted = aggregates(daemon, id, field, QUARTER), reckoned(points, QUARTER)
            first = min(found)
            check(abs(began - DAY - datetime.datetime.fromisoformat(first.replace("Z", "+00:00")).timestamp()) <= HOUR,
                  "quarters begin at", first)
            hold_against(found, {start: numbers for start, numbers in wanted.items() if start >= first}, "quarters")
        # Of the north nothing is left of what went.
        for (id, field), points in written["north"].items():
            found, wanted = aggregates(daemon, id, field, MINUTE, "north"), reckoned(points, MINUTE)
            hold_against(found, {start: numbers for start, numbers in wanted.items() if start >= min(found)}, "minutes")
    machi("check", "--data", folder)
    stats = json.loads(machi("stats", "--data", folder, "--json").out.splitlines()[0])
    check(stats["buckets"] > METERS * len(FIELDS) * (HOURS - 24), stats)


@tap.case
def late_points_count_in_their_buckets():
    folder, late = work / "packed", END - 40 * HOUR + 7
    with Daemon(machi, folder) as daemon:
        status, answer = daemon.request("POST", "/api/v1/write?precision=s", f"meter,id={meter(0)} power=99.5 {late}\n",
                                        {"Content-Type": "text/plain"})
        same(status, 204, answer)
        written[""][meter(0), "power"][late] = 99500
        hours_are_right(daemon)
    machi("pack", "--data", folder, "--config", rules)
    check(late not in instances(folder)[meter(0), "power"], "the late point stayed")
    with Daemon(machi, folder) as daemon:
        hours_are_right(daemon)
    machi("check", "--data", folder)
    del written[""][meter(0), "power"][late]


def kill_and_look(folder, process):
    process.kill()
    process.wait()
    machi("check", "--data", folder)
    with Daemon(machi, folder) as daemon:
        hours_are_right(daemon)


@tap.case
def killed_while_it_packs_and_lets_go():
    began = time.monotonic()
    machi("pack", "--data", twin("timed"), "--config", rules)
    seconds = time.monotonic() - began
    for number in range(KILLS):
        folder = twin(f"killed{number}")
        process = subprocess.Popen([machi.program, "pack", "--data", str(folder), "--config", str(rules)],
                                   stdout=subprocess.DEVNULL)
        time.sleep(seconds * chance.random())
        kill_and_look(folder, process)
        machi("pack", "--data", folder, "--config", rules)
        with Daemon(machi, folder) as daemon:
            hours_are_right(daemon)
        shutil.rmtree(folder)


@tap.case
def the_daemon_lets_go_by_itself_and_may_be_killed():
    for number in range(KILLS):
        folder = twin(f"daemon{number}")
        daemon = Daemon(machi, folder, "--config", rules)
        with daemon:
            deadline = time.monotonic() + BACKGROUND_SECONDS
            while metric(daemon, "machi_history_expired_points_total") == 0:
                check(time.monotonic() < deadline, "nothing went in", BACKGROUND_SECONDS, "seconds")
                time.sleep(0.05)
            hours_are_right(daemon)
            daemon.kill()
        machi("check", "--data", folder)
        with Daemon(machi, folder) as again:
            hours_are_right(again)
        shutil.rmtree(folder)


shutil.rmtree(work)
sys.exit(tap.done())
