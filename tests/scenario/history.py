#!/usr/bin/env python3
"""machi history: everything that was is written out, once, in order, to the digit, in both forms.

Usage: history.py MACHI SOURCE_ROOT. The account is kept here, as lists of what was sent; Python's csv and json modules
read what comes out. The temporal evolutions that the JSON form writes are sent to a second city, which must then have
the same history.
"""
import csv
import datetime
import io
import json
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

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-history-"))
city = work / "city"
tap = Tap()

TEMPORAL = "/ngsi-ld/v1/temporal/entities"
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
SETTLED_SECONDS = 31  # what is younger is not packed
PAGE = 1000  # of lines of JSON; of what is read at once in some cases: series are longer, and of one time too
METER, CLOCK, LABEL = "urn:ngsi-ld:Meter:1", "urn:ngsi-ld:Clock:1", "urn:ngsi-ld:Label:1"
NUMBERS = ("0", "-0.5", "1.10", "230.0", "1e3", "12345678901234567890", "0.48200000000000004", "5e-324", "99999.999")
TEXTS = ("plain", "a,b", 'say "so"', "two\nlines", "", " padded ", "Zürich", "5")


def at(minutes):
    return (START + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def point(value, time, more=""):
    """An instance as text: the number's digits are the test's business."""
    return f'{{"type":"Property","value":{value},"observedAt":"{time}"{more}}}'


def evolution(id, kind, **attributes):
    members = "".join(f',"{name}":[{",".join(points)}]' for name, points in attributes.items())
    return f'{{"id":"{id}","type":"{kind}"{members}}}'


def send(daemon, body):
    status, answer = daemon.request("POST", TEMPORAL, body.encode())
    check(status in (201, 204), status, answer)


def rows(*options, data=city):
    """Data rows as lists; a field that is empty and one that is an empty text are told apart by Python no more than by
    others."""
    read = list(csv.reader(io.StringIO(machi("history", "--data", data, *options).out, newline="")))
    return read[0], read[1:]


account = {}  # (id, attribute, dataset): [(time, value)]


def remember(id, attribute, points, dataset=""):
    """In the order of time, those of one time as they came."""
    account[id, attribute, dataset] = sorted(account.get((id, attribute, dataset), []) + points,
                                             key=lambda point: point[0])


def expected(wanted=lambda id, attribute, dataset: True, within=lambda time: True):
    return {key: [point for point in points if within(point[0])] for key, points in account.items()
            if wanted(*key) and any(within(point[0]) for point in points)}


def grouped(table):
    found, last = {}, None
    for id, attribute, dataset, time, value in table:
        key = id, attribute, dataset
        check(key == last or key not in found, key, "comes in two pieces")
        found.setdefault(key, []).append((time, value))
        last = key
    return found


def fill(daemon):
    chance = random.Random(20261128)
    numbers = [(at(i), NUMBERS[i] if i < len(NUMBERS) else f"{chance.randrange(10**5)}.{chance.randrange(1, 10)}")
               for i in range(2 * PAGE + PAGE // 2)]
    remember(METER, "power", numbers)
    late = numbers[:]
    chance.shuffle(late)  # they may come in any order
    for i in range(0, len(late), 1000):
        send(daemon, evolution(METER, "Meter", power=[point(value, time) for time, value in late[i:i + 1000]]))
    # More of one time than a page holds, between others. They keep the order in which they came.
    same_time = [(at(7), str(i)) for i in range(PAGE + PAGE // 4)]
    others = [(at(6), "-1"), (at(8), "-2")]
    remember(CLOCK, "tick", same_time + others)
    for i in range(0, len(same_time), 1000):
        send(daemon, evolution(CLOCK, "Clock", tick=[point(value, time) for time, value in same_time[i:i + 1000]]))
    send(daemon, evolution(CLOCK, "Clock", tick=[point(value, time) for time, value in others]))
    texts = [(at(i), text) for i, text in enumerate(TEXTS)]
    remember(LABEL, "text", texts)
    remember(LABEL, "text", [(at(0), "other")], "urn:x:second")
    remember(LABEL, "flag", [(at(0), "true"), (at(1), '[1,2.50,"x"]'), (at(2), '{"a":{"b":[]}}')])
    remember(LABEL, "link", [(at(0), METER)])
    send(daemon, evolution(
        LABEL, "Label", text=[point(json.dumps(text), time) for time, text in texts] +
        [point('"other"', at(0), ',"datasetId":"urn:x:second"')],
        flag=[point("true", at(0), ',"unitCode":"C62"'), point('[1,2.50,"x"]', at(1)), point('{"a":{"b":[]}}', at(2))],
        link=[f'{{"type":"Relationship","object":"{METER}","observedAt":"{at(0)}"}}']))


@tap.case
def everything_comes_out_once_in_order_and_to_the_digit():
    with Daemon(machi, city) as daemon:
        fill(daemon)
        header, table = rows()  # while the daemon serves
        same(",".join(header), "id,attribute,datasetId,time,value")
        same(grouped(table), expected())
        daemon.stop()
    same(grouped(rows()[1]), expected())
    same(grouped(rows("--page", PAGE)[1]), expected())
    same(grouped(rows("--page", 1, "--id", LABEL)[1]), expected(lambda id, *_: id == LABEL))


@tap.case
def types_ids_and_attributes_choose():
    same(grouped(rows("--type", "Meter,Label")[1]), expected(lambda id, *_: id != CLOCK))
    same(grouped(rows("--id", f"{CLOCK},urn:ngsi-ld:Nobody:1")[1]), expected(lambda id, *_: id == CLOCK))
    same(grouped(rows("--attrs", "flag,power")[1]), expected(lambda _, name, *__: name in ("flag", "power")))
    nothing = machi("history", "--data", city, "--type", "Nothing")
    same(nothing.out, "id,attribute,datasetId,time,value\n")
    check("no such history" in nothing.err, nothing.err)


@tap.case
def from_counts_and_to_does_not():
    cuts = [at(0), at(1), at(7), at(8), at(PAGE), at(PAGE + 1), at(2 * PAGE + 77)]
    pieces = {}
    for begin, end in zip([None, *cuts], [*cuts, None]):
        options = [*(["--from", begin] if begin else []), *(["--to", end] if end else [])]
        piece = grouped(rows(*options)[1])
        same(piece, expected(within=lambda time, b=begin, e=end: (not b or time >= b) and (not e or time < e)), options)
        for key, points in piece.items():
            pieces.setdefault(key, []).extend(points)
    same(pieces, expected())
    same(grouped(rows("--from", "2026-03-02", "--to", "2026-03-03")[1]),
         expected(within=lambda time: time.startswith("2026-03-02")))


@tap.case
def columns_are_chosen():
    header, table = rows("--id", LABEL, "--attrs", "flag", "--columns", "value,unitCode,type,observedAt,deletedAt")
    same(header, ["value", "unitCode", "type", "observedAt", "deletedAt"])
    same(table[0], ["true", "C62", "Label", at(0), ""])
    for columns, words in ("id,colour", 'no column "colour"'), ("id,id", "named twice"), ("", "no column"):
        check(words in machi("history", "--data", city, "--columns", columns, status=None).err, columns)


@tap.case
def the_lines_of_json_make_the_same_history_elsewhere():
    lines = machi("history", "--data", city, "--format", "json").out.splitlines()
    check(len(lines) >= 3 + 2 + 3, len(lines))
    for line in lines:
        check(set(json.loads(line)) - {"id", "type", "@context"} <= {"power", "tick", "text", "flag", "link"}, line[:200])
    with Daemon(machi, work / "other") as daemon:
        for line in lines:
            send(daemon, line)
        daemon.stop()
    same(grouped(rows(data=work / "other")[1]), expected())


@tap.case
def packing_changes_nothing():
    everything = "id,type,attribute,datasetId,observedAt,createdAt,modifiedAt,deletedAt,unitCode,value"
    before = machi("history", "--data", city, "--columns", everything).out
    lines = machi("history", "--data", city, "--format", "json", "--sys-attrs").out
    time.sleep(SETTLED_SECONDS)
    machi("pack", "--data", city)
    same(json.loads(machi("stats", "--data", city, "--json").out)["pointsUnpacked"], 0)
    check(machi("history", "--data", city, "--columns", everything).out == before, "the table is another one")
    check(machi("history", "--data", city, "--format", "json", "--sys-attrs").out == lines, "the lines are others")
    same(grouped(rows()[1]), expected())
    same(grouped(rows("--page", PAGE)[1]), expected())


@tap.case
def changes_of_the_current_state_and_deletions_are_history():
    data = work / "current"
    id = "urn:ngsi-ld:Lamp:1"
    with Daemon(machi, data) as daemon:
        for method, path, body, wanted in (
                ("POST", "", {"id": id, "type": "Lamp", "level": {"type": "Property", "value": 1}}, 201),
                ("PATCH", f"/{id}/attrs", {"level": {"type": "Property", "value": 2}}, 204),
                ("DELETE", f"/{id}/attrs/level", None, 204)):
            status, answer = daemon.request(method, f"/ngsi-ld/v1/entities{path}", body)
            same(status, wanted, answer)
        daemon.stop()
    header, table = rows("--attrs", "level", "--columns", "value,observedAt,createdAt,modifiedAt,deletedAt", data=data)
    same([row[0] for row in table], ["1", "2", ""])
    same([row[1] for row in table], ["", "", ""])
    check(table[0][2] and not table[1][4] and table[2][4] >= table[1][3] >= table[0][3], table)
    last = json.loads(machi("history", "--data", data, "--attrs", "level", "--format", "json", "--sys-attrs").out)
    check(any("deletedAt" in one for one in last["level"]), last)
    same(rows("--timeproperty", "deletedAt", "--columns", "attribute,value", data=data)[1], [["level", ""]])
    same(rows("--timeproperty", "observedAt", data=data)[1], [])


@tap.case
def an_output_that_nobody_reads_any_more_is_no_mistake():
    with subprocess.Popen([machi.program, "history", "--data", str(city)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        same(process.stderr.read(), b"")
        same(process.wait(timeout=60), 0)


@tap.case
def mistakes_are_told():
    for options, words in ((["--from", "yesterday"], "--from takes a time"), (["--format", "arrow"], "csv, json"),
                           (["--timeproperty", "someday"], "observedAt")):
        check(words in machi("history", "--data", city, *options, status=None).err, options)
    machi("history", "--data", work / "nowhere", status=66)


shutil.rmtree(work)
sys.exit(tap.done())
