#!/usr/bin/env python3
"""Snapshots over other context sources (GS CIM 009 V1.9.1, 4.3.7, 5.16.1.4 with 5.7.2.4): what a hub's snapshot holds of
sources that are registered at it, against what the cases put there.

Usage: source_snapshots.py MACHI SOURCE_ROOT
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, free_port, same

ROOT = "/ngsi-ld/v1"
READY_SECONDS = 60
CARS = 2300  # more than two pages

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-source-snapshots-"))
tap = Tap()


def want(daemon, status, method, path, body=None, headers=None):
    got, text = daemon.request(method, ROOT + path, body, headers or {})
    same(got, status, f"{method} {path}: {text}")
    return json.loads(text) if text else None


def car(number, **attributes):
    return {"id": f"urn:car:{number}", "type": "Car",
            **{name: {"type": "Property", "value": value} for name, value in attributes.items()}}


def register(hub, port, name, headers=None, **members):
    information = members.pop("information", [{"entities": [{"type": "Car"}]}])
    want(hub, 201, "POST", "/csourceRegistrations",
         {"id": f"urn:r:{name}", "type": "ContextSourceRegistration", "endpoint": f"http://127.0.0.1:{port}",
          "operations": ["federationOps"], "information": information, **members}, headers)


def snapshot(hub, name, *queries, headers=None, **members):
    """Makes one; returns it once it is there."""
    want(hub, 201, "POST", "/snapshots",
         {"id": f"urn:s:{name}", "type": "Snapshot",
          **({"snapshotQueries": [{"type": "Query", **query} for query in queries]} if queries else {}), **members}, headers)
    return made(hub, name, headers)


def made(hub, name, headers=None):
    until = time.monotonic() + READY_SECONDS
    while True:
        seen = want(hub, 200, "GET", f"/snapshots/urn:s:{name}", headers=headers)
        if seen["snapshotStatus"] != "preparing":
            return seen
        check(time.monotonic() < until, "it is never ready")
        time.sleep(0.02)


def cars(hub, name, options="simplified", headers=None):
    """All of a snapshot, by id."""
    found, offset = {}, 0
    while True:
        page = want(hub, 200, "GET", f"/entities?type=Car&limit=1000&offset={offset}&options={options}",
                    headers={**(headers or {}), "NGSILD-Snapshot": f"urn:s:{name}"})
        found.update({entity["id"]: entity for entity in page})
        if len(page) < 1000:
            return found
        offset += 1000


@contextlib.contextmanager
def city(name, *options, sources=1):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Daemon(machi, work / f"{name}{number}", *options)) for number in range(sources + 1)]


ALL = {"entities": [{"type": "Car"}]}


@tap.case
def it_holds_what_all_sources_have():
    with city("union", "--set", "log.requests=true", sources=2) as (hub, one, two):
        tenant = {"NGSILD-Tenant": "city"}
        want(hub, 201, "POST", "/entities", car(0, speed=10), tenant)
        for first in range(1, CARS, 500):
            batch = [car(number, speed=number % 90) for number in range(first, min(first + 500, CARS))]
            want(one, 201, "POST", "/entityOperations/create", batch)
        want(two, 201, "POST", "/entities", car(0, fuel=0.5))
        want(two, 201, "POST", "/entities", car(7, fuel=0.25))
        want(two, 201, "POST", "/entities", {"id": "urn:bike:1", "type": "Bike"})
        register(hub, one.port, "one", tenant)
        register(hub, two.port, "two", tenant)
        seen = snapshot(hub, "all", ALL, headers=tenant)
        same((seen["snapshotStatus"], seen["snapshotQueriesDetails"]), ("success", [{"resultStatus": "success"}]))
        expected = {f"urn:car:{number}": {"id": f"urn:car:{number}", "type": "Car", "speed": number % 90}
                    for number in range(1, CARS)}
        expected["urn:car:0"] = {"id": "urn:car:0", "type": "Car", "speed": 10, "fuel": 0.5}
        expected["urn:car:7"]["fuel"] = 0.25
        same(cars(hub, "all", headers=tenant), expected)
        same(want(hub, 200, "GET", "/entities?type=Bike", headers={**tenant, "NGSILD-Snapshot": "urn:s:all"}), [])
        # Local it is, whatever becomes of the sources.
        want(one, 204, "PATCH", "/entities/urn:car:3/attrs", car(3, speed=89))
        want(two, 204, "DELETE", "/entities/urn:car:0")
        same(cars(hub, "all", headers=tenant), expected)
        # The map that was used is gone, and the hub's own are as they were.
        check(re.search(r"method=DELETE path=/ngsi-ld/v1/entityMaps/\S+ status=204", hub.log()), hub.log())
        local = want(hub, 200, "GET", "/entities?type=Car&local=true&options=simplified", headers=tenant)
        same(local, [{"id": "urn:car:0", "type": "Car", "speed": 10}])


@tap.case
def times_types_and_names_are_those_of_the_source():
    with city("exact") as (hub, source):
        context = {"@context": [{"speed": "https://city.example/speed", "near": {"@id": "https://city.example/near"}},
                                "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"]}
        json_ld = {"Content-Type": "application/ld+json"}
        entity = {**car(1), **context, "speed": [
            {"type": "Property", "value": 27.35, "unitCode": "KMH", "observedAt": "2026-11-29T08:00:00Z"},
            {"type": "Property", "value": 9007199254740993, "datasetId": "urn:gps"}],
            "near": {"type": "Relationship", "object": ["urn:car:2", "urn:car:3"]},
            "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [103.85, 1.29]}},
            "name": {"type": "LanguageProperty", "languageMap": {"en": "car", "ja": "車"}}}
        want(source, 201, "POST", "/entities", entity, json_ld)
        register(hub, source.port, "source")
        at_source = want(source, 200, "GET", "/entities/urn:car:1?options=sysAttrs")
        want(hub, 201, "POST", "/snapshots",
             {"id": "urn:s:exact", "type": "Snapshot", "snapshotQueries": [{"type": "Query", **ALL, "q": "speed>27.3"}],
              **context}, json_ld)
        same(made(hub, "exact")["snapshotStatus"], "success")
        held = want(hub, 200, "GET", "/entities/urn:car:1?options=sysAttrs", headers={"NGSILD-Snapshot": "urn:s:exact"})
        same(held, at_source)


@tap.case
def queries_filter_and_show():
    with city("filter") as (hub, source):
        want(hub, 201, "POST", "/entities", car(1, speed=80))
        want(source, 201, "POST", "/entities", car(1, fuel=0.5, colour="red"))
        want(source, 201, "POST", "/entities", car(2, speed=20, fuel=0.9))
        want(source, 201, "POST", "/entities", car(3, speed=90, fuel=0.1))
        register(hub, source.port, "source")
        # Only both brokers together know that 1 is fast and has fuel.
        snapshot(hub, "q", {**ALL, "q": "speed>50;fuel>0.3", "splitEntities": True})
        same(cars(hub, "q"), {"urn:car:1": {"id": "urn:car:1", "type": "Car", "speed": 80, "fuel": 0.5, "colour": "red"}})
        snapshot(hub, "pick", {**ALL, "pick": ["fuel"]})
        same(cars(hub, "pick"), {f"urn:car:{number}": {"id": f"urn:car:{number}", "type": "Car", "fuel": fuel}
                                 for number, fuel in ((1, 0.5), (2, 0.9), (3, 0.1))})
        # Two queries that find the same fill it together; one that finds nothing makes it partial.
        seen = snapshot(hub, "two", {**ALL, "pick": ["fuel"]}, {**ALL, "omit": ["fuel", "colour"]},
                        {"entities": [{"type": "Car"}], "q": "speed>1000"})
        same([details["resultStatus"] for details in seen["snapshotQueriesDetails"]], ["success", "success", "empty"])
        same((seen["snapshotStatus"], cars(hub, "two")["urn:car:3"]),
             ("partial", {"id": "urn:car:3", "type": "Car", "fuel": 0.1, "speed": 90}))
        want(hub, 200, "GET", "/snapshots/urn:s:two")


def instances(first, last, **members):
    return [{"type": "Property", "value": number, "observedAt": f"2026-11-29T{number // 60:02}:{number % 60:02}:00Z",
             **members} for number in range(first, last)]


def values(hub, name, id, attribute):
    seen = want(hub, 200, "GET", f"/temporal/entities/{id}", headers={"NGSILD-Snapshot": f"urn:s:{name}"})
    found = seen.get(attribute, [])
    return sorted((one["value"], one["observedAt"], one.get("datasetId", ""))
                  for one in (found if isinstance(found, list) else [found]))


def same_values(got, wanted):
    same(([one for one in got if one not in wanted], [one for one in wanted if one not in got], len(got)),
         ([], [], len(wanted)), "too many, missing, count")


def expected(*lists):
    return sorted((one["value"], one["observedAt"], one.get("datasetId", "")) for one in sum(lists, []))


@tap.case
def evolutions_come_from_all_sources():
    asked = {"temporalQ": {"timerel": "between", "timeAt": "2026-11-29T00:10:00Z", "endTimeAt": "2026-11-29T06:00:00Z"}}
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(Daemon(machi, work / "time0"))
        # A source whose answers are partial (6.3.10), and one whose are not.
        one = stack.enter_context(Daemon(machi, work / "time1", "--set", "query.instances_max=50"))
        two = stack.enter_context(Daemon(machi, work / "time2"))
        want(hub, 201, "POST", "/temporal/entities",
             {"id": "urn:car:1", "type": "Car", "speed": instances(100, 200), "fuel": instances(0, 5)})
        want(one, 201, "POST", "/temporal/entities", {"id": "urn:car:1", "type": "Car", "speed": instances(200, 420)})
        want(two, 201, "POST", "/temporal/entities",
             {"id": "urn:car:1", "type": "Car", "speed": instances(150, 160, datasetId="urn:gps")})
        want(two, 201, "POST", "/temporal/entities", {"id": "urn:car:2", "type": "Car", "speed": instances(0, 60)})
        for source, name in ((one, "one"), (two, "two")):
            register(hub, source.port, name, operations=["queryTemporal"],
                     observationInterval={"startAt": "2000-01-01T00:00:00Z"})
        seen = snapshot(hub, "time", snapshotTemporalQueries=[{"type": "Query", **ALL, **asked}])
        same((seen["snapshotStatus"], seen["snapshotTemporalQueriesDetails"]), ("success", [{"resultStatus": "success"}]))
        same_values(values(hub, "time", "urn:car:1", "speed"),
             expected(instances(100, 360), instances(150, 160, datasetId="urn:gps")))
        same_values(values(hub, "time", "urn:car:2", "speed"), expected(instances(10, 60)))
        same_values(values(hub, "time", "urn:car:1", "fuel"), [])
        same(cars(hub, "time"), {})
        # The last of all brokers; and two queries of overlapping times hold each instance once.
        snapshot(hub, "last", snapshotTemporalQueries=[
            {"type": "Query", **ALL, "temporalQ": {**asked["temporalQ"], "lastN": 3}, "datasetId": ["@none"]}])
        same_values(values(hub, "last", "urn:car:1", "speed"), expected(instances(357, 360)))
        after = {"temporalQ": {"timerel": "after", "timeAt": "2026-11-29T04:00:00Z"}}
        snapshot(hub, "both", snapshotTemporalQueries=[{"type": "Query", **ALL, **times} for times in (asked, after)])
        same_values(values(hub, "both", "urn:car:1", "speed"),
             expected(instances(100, 420), instances(150, 160, datasetId="urn:gps")))
        before = {"temporalQ": {"timerel": "before", "timeAt": "2026-11-29T05:00:00Z"}}
        snapshot(hub, "before", snapshotTemporalQueries=[{"type": "Query", **ALL, **before, "q": "speed==290"}])
        same_values(values(hub, "before", "urn:car:1", "speed"), expected(instances(290, 291)))


@tap.case
def who_does_not_answer_is_named():
    with city("dead") as (hub, source):
        want(hub, 201, "POST", "/entities", car(1, speed=80))
        want(source, 201, "POST", "/entities", car(2, speed=20))
        register(hub, source.port, "alive")
        register(hub, free_port(), "dead")
        seen = snapshot(hub, "dead", ALL)
        same(sorted(cars(hub, "dead")), ["urn:car:1", "urn:car:2"])
        same(seen["snapshotStatus"], "success")
        details = seen["snapshotQueriesDetails"][0]
        same(details["resultStatus"], "success")
        check("urn:r:dead" in details["problemDetails"]["detail"], details)
        check("urn:r:alive" not in details["problemDetails"]["detail"], details)


@tap.case
def what_no_source_has_a_part_in_is_the_hubs_alone():
    with city("alone") as (hub, source):
        want(hub, 201, "POST", "/entities", car(1, speed=80))
        register(hub, free_port(), "bikes", information=[{"entities": [{"type": "Bike"}]}])
        seen = snapshot(hub, "alone", ALL)
        same((seen["snapshotQueriesDetails"], sorted(cars(hub, "alone"))), ([{"resultStatus": "success"}], ["urn:car:1"]))
        same(source.stop(), 0)


@tap.case
def one_that_was_being_made_is_made_anew():
    hub_port = free_port()
    with Daemon(machi, work / "again1") as source:
        for first in range(0, CARS, 500):
            want(source, 201, "POST", "/entityOperations/create",
                 [car(number, speed=1) for number in range(first, min(first + 500, CARS))])
        for stop in (lambda hub: hub.kill(), lambda hub: same(hub.stop(), 0)):
            shutil.rmtree(work / "again0", ignore_errors=True)
            with Daemon(machi, work / "again0", listen=f"127.0.0.1:{hub_port}") as hub:
                register(hub, source.port, "source")
                want(hub, 201, "POST", "/snapshots",
                     {"id": "urn:s:again", "type": "Snapshot", "snapshotQueries": [{"type": "Query", **ALL}]})
                stop(hub)
            with Daemon(machi, work / "again0", listen=f"127.0.0.1:{hub_port}") as hub:
                same(made(hub, "again")["snapshotStatus"], "success")
                same(len(cars(hub, "again")), CARS)


shutil.rmtree(work, ignore_errors=True)
sys.exit(tap.done())
