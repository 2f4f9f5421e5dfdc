#!/usr/bin/env python3
"""Evolutions over several brokers: temporal_sources.py MACHI SOURCE_ROOT.

The same instances are given to a broker alone, and spread at random over a front and two sources that are registered
there: whatever is asked, the front is to say what the one that has all says (GS CIM 009 V1.9.1, 5.7.3.4, 5.7.4.4).
Changes go where registrations say (5.6.11 to 5.6.16), and a source that is dead is a warning (6.3.17).
"""
import contextlib
import datetime
import itertools
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import urllib.parse

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, free_port, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-temporal-sources-"))
tap = Tap()
ROOT = "/ngsi-ld/v1"
TEMPORAL = f"{ROOT}/temporal/entities"
START = datetime.datetime(2026, 3, 1)
SEED = int(os.environ.get("MACHI_SEED", "20260301"))
COMBINATIONS = int(os.environ.get("MACHI_COMBINATIONS", "40"))
ALWAYS = {"startAt": "2000-01-01T00:00:00Z", "endAt": "2100-01-01T00:00:00Z"}
READ = ["retrieveTemporal", "queryTemporal"]
CHANGE = ["upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal", "updateAttrInstanceTemporal",
          "deleteAttrInstanceTemporal", "deleteTemporal"]
METHODS = "avg,min,max,sum,sumsq,stddev,totalCount,distinctCount"


class Answer:
    def __init__(self, answer):
        self.status, self.headers = answer.status, answer.headers
        text = answer.read()
        self.body = json.loads(text) if text else None


def ask(daemon, method, path, body=None, headers=None):
    with contextlib.closing(daemon.connect()) as connection:
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return Answer(connection.getresponse())


def get(daemon, path, **parameters):
    return ask(daemon, "GET", f"{path}?{urllib.parse.urlencode(parameters)}")


def iso(minutes):
    return (START + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def register(front, source, **more):
    registration = {"type": "ContextSourceRegistration", "endpoint": f"http://127.0.0.1:{source.port}",
                    "information": [{"entities": [{"type": "Sensor"}]}], "observationInterval": ALWAYS,
                    "managementInterval": ALWAYS, "operations": READ}
    registration.update(more)
    answer = ask(front, "POST", f"{ROOT}/csourceRegistrations", registration)
    same(answer.status, 201, answer.body)
    return answer.headers["Location"].rsplit("/", 1)[1]


@contextlib.contextmanager
def brokers(name, *more, options=()):
    """A front, and as many others as there are lists of options."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Daemon(machi, work / f"{name}-{number}", *with_options))
               for number, with_options in enumerate([options, *more])]


def plain(node):
    """Without what a broker makes up by itself."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()
                if key not in ("instanceId", "createdAt", "modifiedAt")}
    return node


def by_id(entities):
    return sorted(plain(entities), key=lambda entity: entity["id"])


# ---- the same instances here and there ----

def instance_of(chance, attribute, minute):
    if attribute == "temperature":
        found = {"type": "Property", "value": round(chance.uniform(-20, 40), 2), "unitCode": "CEL"}
    elif attribute == "count":
        found = {"type": "Property", "value": chance.randint(0, 10)}
    elif attribute == "status":
        found = {"type": "Property", "value": chance.choice(["ok", "off", "broken"]),
                 "accuracy": {"type": "Property", "value": chance.randint(1, 3)}}
    elif attribute == "near":
        found = {"type": "Relationship", "object": f"urn:ngsi-ld:Street:{chance.randint(1, 3)}"}
    elif attribute == "label":
        found = {"type": "LanguageProperty", "languageMap": {"en": chance.choice("abc"), "de": chance.choice("xyz")}}
    else:
        place = [round(chance.uniform(10, 12), 3), round(chance.uniform(48, 50), 3)]
        found = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": place}}
    found["observedAt"] = iso(minute)
    return found


ATTRIBUTES = ["temperature", "count", "status", "near", "label", "location"]


def spread(chance, holders, alone, entities=5, instances=30):
    """Gives every instance to one of the holders, or to several of them, and each once to the one that has all."""
    for number in range(entities):
        name = f"urn:ngsi-ld:Sensor:{number}"
        # Who has something of it: all, some, one.
        some = chance.sample(range(len(holders)), chance.randint(1, len(holders)))
        shares = {holder: {} for holder in some}
        whole = {}
        for attribute in ATTRIBUTES:
            minutes = chance.sample(range(3000), instances)
            for minute in minutes:
                instance = instance_of(chance, attribute, minute)
                if attribute == "temperature" and chance.random() < 0.4:
                    instance["datasetId"] = "urn:ngsi-ld:Dataset:" + chance.choice("ab")
                whole.setdefault(attribute, []).append(instance)
                for holder in chance.sample(some, 1 if chance.random() < 0.8 else len(some)):
                    shares[holder].setdefault(attribute, []).append(instance)
        for holder, share in shares.items():
            put(holders[holder], name, share)
        put(alone, name, whole)


def put(daemon, name, attributes, kind="Sensor"):
    answer = ask(daemon, "POST", f"{TEMPORAL}?local=true", {"id": name, "type": kind, **attributes})
    check(answer.status in (201, 204), answer.status, answer.body)


RANGES = [{"timerel": "before", "timeAt": iso(1500)}, {"timerel": "after", "timeAt": iso(1500)},
          {"timerel": "between", "timeAt": iso(700), "endTimeAt": iso(2200)},
          {"timerel": "after", "timeAt": iso(0)}]
FORMS = [{}, {"format": "temporalValues"}, {"lastN": 1}, {"lastN": 4, "format": "temporalValues"}, {"lastN": 1000}]
FORMS += [{"format": "aggregatedValues", "aggrMethods": METHODS, "aggrPeriodDuration": period, "attrs": "count"}
          for period in ("PT1H", "P1D", "PT0S", "PT7M")]
FORMS += [{"format": "aggregatedValues", "aggrMethods": "totalCount,distinctCount", "aggrPeriodDuration": "PT12H"},
          {"format": "aggregatedValues", "aggrMethods": "avg,max", "attrs": "temperature", "lastN": 5}]
SHOWN = [{}, {"attrs": "temperature,near"}, {"pick": "id,type,count"}, {"omit": "location"}, {"datasetId": "@none"},
         {"datasetId": "urn:ngsi-ld:Dataset:a,@none", "lastN": 3}, {"lang": "de"}]
FILTERS = [{}, {"q": "temperature>30"}, {"q": 'status=="broken";count>8'}, {"q": "status.accuracy==2"},
           {"georel": "near;maxDistance==30000", "geometry": "Point", "coordinates": "[11,49]"},
           {"id": "urn:ngsi-ld:Sensor:1,urn:ngsi-ld:Sensor:3"}, {"idPattern": ".*:[02]$"}, {"attrs": "count"}]


def some_of(chance, *lists, most=COMBINATIONS):
    """So many of all combinations: each run asks the same, and MACHI_SEED others, MACHI_COMBINATIONS more."""
    combined = [[*them] for them in itertools.product(*lists)]
    combined = [them for them in combined if len(set().union(*them)) == sum(map(len, them))]
    return [{key: value for part in them for key, value in part.items()}
            for them in chance.sample(combined, min(most, len(combined)))]


def pages(daemon, path, limit, **parameters):
    found = []
    for offset in itertools.count(0, limit):
        answer = get(daemon, path, limit=limit, offset=offset, **parameters)
        same(answer.status, 200, answer.body)
        found += answer.body
        # The pointer to the next page stands in a Link of its own.
        if not any('rel="next"' in link for link in answer.headers.get_all("Link") or []):
            return found
    return None


@tap.case
def several_brokers_say_what_one_says_that_has_all():
    chance = random.Random(SEED)
    with brokers("merge", (), (), ()) as (front, first, second, alone):
        spread(chance, [front, first, second], alone)
        register(front, first)
        register(front, second)
        compared = 0
        for asked in some_of(chance, RANGES, FORMS, SHOWN):
            for number in range(5):
                path = f"{TEMPORAL}/urn:ngsi-ld:Sensor:{number}"
                there, here = get(alone, path, **asked), get(front, path, **asked)
                same(here.status, there.status, f"{path} {asked}: {here.body}")
                if there.status == 200:
                    same(plain(here.body), plain(there.body), f"{path} {asked}")
                same(here.headers["NGSILD-Warning"], None)
                compared += there.status == 200
        check(compared > COMBINATIONS, compared)


@tap.case
def queries_over_several_brokers():
    chance = random.Random(SEED + 1)
    with brokers("query", (), (), ()) as (front, first, second, alone):
        spread(chance, [front, first, second], alone, entities=7, instances=12)
        register(front, first)
        register(front, second)
        for asked in some_of(chance, RANGES, FORMS, FILTERS):
            asked = {"type": "Sensor", "count": "true"} | asked
            there, here = get(alone, TEMPORAL, **asked), get(front, TEMPORAL, **asked)
            same(here.status, there.status, f"{asked}: {here.body}")
            if there.status != 200:
                continue
            same(by_id(here.body), by_id(there.body), asked)
            same(here.headers["NGSILD-Results-Count"], there.headers["NGSILD-Results-Count"], asked)
        asked = {"type": "Sensor", **RANGES[3], "lastN": 2}
        whole = get(alone, TEMPORAL, **asked).body
        same(by_id(pages(front, TEMPORAL, 2, **asked)), by_id(whole), "pages of two")
        same(len({entity["id"] for entity in pages(front, TEMPORAL, 3, **asked)}), len(whole))
        # By a body, and limited to what the front has itself.
        body = {"type": "Query", "entities": [{"type": "Sensor"}],
                "temporalQ": {"timerel": "after", "timeAt": iso(0)}}
        posted = ask(front, "POST", f"{ROOT}/temporal/entityOperations/query", body)
        same(by_id(posted.body), by_id(get(alone, TEMPORAL, type="Sensor", **RANGES[3]).body), "by a body")
        local = get(front, TEMPORAL, type="Sensor", local="true", **RANGES[3]).body
        check(0 < len(local) < len(whole) or by_id(local) != by_id(whole), "local=true is the front alone")


@tap.case
def scopes_and_values_without_a_time():
    """A scope holds until the next one, whoever says it (C.5.16); what has no time is a value (C.5.5)."""
    chance = random.Random(SEED + 6)
    with brokers("scopes", (), ()) as (front, source, alone):
        for number in range(6):
            name, kinds = f"urn:ngsi-ld:Sensor:{number}", ([], [])
            for minute in chance.sample(range(3000), 8):
                kinds[chance.randint(0, 1)].append({"type": "Property", "value": chance.choice(["/a", "/a/b", "/c"]),
                                                    "observedAt": iso(minute)})
            counts = [instance_of(chance, "count", minute) for minute in chance.sample(range(3000), 20)]
            brand = {"brand": [{"type": "Property", "value": chance.choice("xy")}]}
            put(front, name, brand | {"count": counts[:10]} | ({"scope": kinds[0]} if kinds[0] else {}))
            put(source, name, {"count": counts[10:]} | ({"scope": kinds[1]} if kinds[1] else {}))
            put(alone, name, brand | {"count": counts, "scope": kinds[0] + kinds[1]})
        register(front, source)
        for span, scopes, q in itertools.product((RANGES[0], RANGES[3]), ("/a", "/a/b", "/c,/a", "/#"),
                                                 ({}, {"q": 'brand=="x"'}, {"q": "count>7"})):
            for form in ({}, {"format": "aggregatedValues", "aggrMethods": "sum,totalCount", "attrs": "count"}):
                asked = {"type": "Sensor", "scopeQ": scopes, **span, **form, **q}
                there, here = get(alone, TEMPORAL, **asked), get(front, TEMPORAL, **asked)
                same((here.status, by_id(here.body)), (there.status, by_id(there.body)), asked)


@tap.case
def many_entities_page_by_page():
    """Parts of one entity lie far apart in the pages of their brokers, and are on one page here."""
    chance = random.Random(SEED + 5)
    with brokers("pages", (), ()) as (front, first, second):
        wholes = {}
        for number in range(260):
            name = f"urn:ngsi-ld:Sensor:{number:03}"
            instances = [instance_of(chance, "count", minute) for minute in chance.sample(range(3000), 4)]
            wholes[name] = {"count": instances, "level": [instance_of(chance, "count", 77)]}
        for daemon, share in ((front, 1), (first, 3), (second, 3)):
            for name in chance.sample(list(wholes), len(wholes)):
                some = chance.sample(wholes[name]["count"], share)
                if chance.random() < (0.2 if daemon is front else 0.9):
                    put(daemon, name, {"count": some} | ({"level": wholes[name]["level"]} if daemon is front else {}))
                    wholes[name].setdefault("held", set()).update(map(json.dumps, some))
        register(front, first)
        register(front, second)
        held = {name: {json.loads(instance)["observedAt"] for instance in whole["held"]}
                for name, whole in wholes.items() if "held" in whole}
        asked = {"type": "Sensor", **RANGES[3], "attrs": "count"}
        for limit, more in ((40, {"pick": "id,count"}), (1000, {"pick": "id,count"}), (33, {"attrs": "count"})):
            wanted = {key: value for key, value in (asked | more).items() if not ("pick" in more and key == "attrs")}
            found = pages(front, TEMPORAL, limit, **wanted)
            same(sorted(entity["id"] for entity in found), sorted(held), f"each once, {limit} at a time")
            for entity in found:
                same({instance["observedAt"] for instance in entity["count"]}, held[entity["id"]], entity["id"])
        same(get(front, TEMPORAL, limit=1, count="true", **asked).headers["NGSILD-Results-Count"], str(len(held)))


@tap.case
def sources_that_filter_themselves():
    """Where no entity is spread, filters go along (splitEntities=false)."""
    chance = random.Random(SEED + 2)
    with brokers("unsplit", (), (), ()) as (front, first, second, alone):
        for daemon, numbers in ((front, (0, 1)), (first, (2, 3, 4)), (second, (5, 6))):
            for number in numbers:
                share = {attribute: [instance_of(chance, attribute, minute) for minute in chance.sample(range(3000), 15)]
                         for attribute in ATTRIBUTES}
                for holder in (daemon, alone):
                    put(holder, f"urn:ngsi-ld:Sensor:{number}", share)
        register(front, first)
        register(front, second)
        for asked in some_of(chance, RANGES, FORMS, FILTERS):
            asked = {"type": "Sensor", "count": "true"} | asked
            there, here = get(alone, TEMPORAL, **asked), get(front, TEMPORAL, splitEntities="false", **asked)
            same(here.status, there.status, f"{asked}: {here.body}")
            if there.status == 200:
                same(by_id(here.body), by_id(there.body), asked)


MAPS = f"{ROOT}/temporal/entityMaps"


def map_of(daemon, answer):
    return ask(daemon, "GET", answer.headers["NGSILD-EntityMap"]).body


def pages_of_map(daemon, limit, split, **asked):
    """By the pointers to further pages alone, which name the map."""
    answer = get(daemon, TEMPORAL, limit=limit, entityMap="true", splitEntities=split, **asked)
    same(answer.status, 201, f"{asked}: {answer.body}")
    found = answer.body
    while True:
        further = [link for link in answer.headers.get_all("Link") or [] if 'rel="next"' in link]
        if not further:
            return found
        check("entityMapId=" in further[0], further)
        answer = ask(daemon, "GET", further[0].split(">")[0].lstrip("<"))
        same((answer.status, answer.headers["NGSILD-Warning"]), (200, None), answer.body)
        check(len(answer.body) <= limit, "no more than the limit")
        found += answer.body


@tap.case
def entity_maps_over_several_brokers():
    """5.14.5.4: a source that makes maps has one of its own, linked; of another the evolutions are asked for."""
    chance = random.Random(SEED + 7)
    with brokers("maps", (), (), ()) as (front, first, second, alone):
        spread(chance, [front, first, second], alone, entities=9, instances=12)
        linked = register(front, first, operations=[*READ, "createEntityMapQueryTemporal"])
        asked_for = register(front, second)
        shows = [{}, {"lastN": 2, "format": "temporalValues"}, FORMS[5]]
        for asked in some_of(chance, RANGES, shows, FILTERS[:6] + [{"attrs": "temperature,near"}]):
            asked = {"type": "Sensor"} | asked
            there = get(alone, TEMPORAL, **asked)
            same(there.status, 200, there.body)
            same(by_id(pages_of_map(front, 2, "true", **asked)), by_id(there.body), asked)
        # Which holds what is what a query of each alone says.
        asked = {"type": "Sensor", **RANGES[2]}
        made = get(front, MAPS, **asked, limit=1)
        same(made.status, 201, made.body)
        holders = {}
        for name, daemon in (("@none", front), (linked, first), (asked_for, second)):
            for entity in get(daemon, TEMPORAL, local="true", **asked).body:
                holders.setdefault(entity["id"], set()).add(name)
        same({name: set(them) for name, them in made.body["entityMap"].items()}, holders)
        same(set(made.body["linkedMaps"]), {linked})
        theirs = ask(first, "GET", f"{ROOT}/entityMaps/{made.body['linkedMaps'][linked]}")
        same(set(theirs.body["entityMap"]), {name for name, them in holders.items() if linked in them})
        same(map_of(front, made), made.body)
        # Of one entity.
        name = min(name for name, them in holders.items() if "@none" not in them or len(them) > 1)
        one = get(front, f"{TEMPORAL}/{name}", entityMap="true", **RANGES[2])
        same({name: set(them) for name, them in map_of(front, one)["entityMap"].items()}, {name: holders[name]})
        with_map = ask(front, "GET", f"{TEMPORAL}/{name}?{urllib.parse.urlencode(RANGES[2])}",
                       headers={"NGSILD-EntityMap": one.headers["NGSILD-EntityMap"]})
        same(plain(with_map.body), plain(one.body))


@tap.case
def entity_maps_stay_one_set():
    chance = random.Random(SEED + 8)
    with brokers("one-set", (), ()) as (front, source, later):
        for number in range(12):
            put(source if number % 3 else front, f"urn:ngsi-ld:Sensor:{number:02}",
                {"count": [instance_of(chance, "count", minute) for minute in chance.sample(range(3000), 5)]})
        register(front, source)
        asked = {"type": "Sensor", **RANGES[3]}
        made = get(front, TEMPORAL, entityMap="true", limit=4, **asked)
        named = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}

        def page(offset, **more):
            return ask(front, "GET", f"{TEMPORAL}?" + urllib.parse.urlencode(asked | {"offset": offset, "limit": 4} | more),
                       headers=named)

        ids = list(map_of(front, made)["entityMap"])
        same([entity["id"] for entity in made.body], ids[:4])
        same(len(ids), 12)
        # One more and one less, at the source: the places of all others stay.
        put(source, "urn:ngsi-ld:Sensor:new", {"count": [instance_of(chance, "count", 5)]})
        gone = next(name for name in ids[4:8] if int(name[-2:]) % 3)
        same(ask(source, "DELETE", f"{TEMPORAL}/{gone}").status, 204)
        found = page(4, count="true")
        same([entity["id"] for entity in found.body], [name for name in ids[4:8] if name != gone])
        same(found.headers["NGSILD-Results-Count"], "11")
        same([entity["id"] for entity in page(8).body], ids[8:])
        same([entity["id"] for entity in page(99).body], ids[-1:])
        check(gone not in map_of(front, made)["entityMap"], "gone from the map")
        # Another query over the same map leaves it as it is, and a source that fails does too.
        same(page(0, q="count>99").body, [])
        source.kill()
        failed = page(4)
        check(failed.headers["NGSILD-Warning"] is not None, failed.headers)
        same(failed.body, [])
        # What is here comes first, and nobody else is asked for it.
        own = page(0)
        same((own.headers["NGSILD-Warning"], [entity["id"] for entity in own.body]), (None, ids[:4]))
        same(list(map_of(front, made)["entityMap"]), [name for name in ids if name != gone])
        # A registration of one that cannot be asked at all makes a map of what can.
        register(front, later, operations=["retrieveTemporal"])
        same(set(get(front, MAPS, **asked).body["entityMap"]), {name for name in ids if int(name[-2:]) % 3 == 0})


def walk(daemon, path, **asked):
    """All instances of all attributes, range by range (6.3.10): {attribute: {time: value}}."""
    found, ranges = {}, 0
    while True:
        answer = get(daemon, path, **asked)
        check(answer.status in (200, 206, 404), answer.status, answer.body)
        if answer.status == 404:
            return found, ranges
        for name, instances in answer.body.items():
            for instance in instances if isinstance(instances, list) else []:
                found.setdefault(name, {})[instance["observedAt"]] = plain(instance)
        if answer.status == 200:
            return found, ranges
        ranges += 1
        check(ranges < 200, "no end of ranges")
        end = answer.headers["Content-Range"].split("/")[0].split("Z-")[1]
        if "lastN" in asked:
            asked.update(timerel="before", timeAt=end)
        else:
            asked.update(timerel="after", timeAt=end)


@tap.case
def sources_that_answer_with_a_range():
    chance = random.Random(SEED + 3)
    few = ("--set", "query.instances_max=7")
    with brokers("ranges", few, few, ()) as (front, first, second, alone):
        spread(chance, [front, first, second], alone, entities=3, instances=60)
        register(front, first)
        register(front, second)
        partial = 0
        for number in range(3):
            path = f"{TEMPORAL}/urn:ngsi-ld:Sensor:{number}"
            for asked in ({"timerel": "after", "timeAt": iso(0)},
                          {"timerel": "before", "timeAt": iso(9000), "lastN": 1000}):
                there, _ = walk(alone, path, **asked)
                here, ranges = walk(front, path, **asked)
                same(here, there, f"{path} {asked}")
                partial += ranges
            for form in FORMS:
                if form.get("format") != "aggregatedValues":
                    continue
                for span in RANGES:
                    there, here = get(alone, path, **span, **form), get(front, path, **span, **form)
                    same((here.status, plain(here.body)), (there.status, plain(there.body)), f"{path} {form} {span}")
        check(partial > 20, partial)
        for wanted in FILTERS:
            form = {"format": "aggregatedValues", "aggrMethods": "totalCount,max", "aggrPeriodDuration": "PT3H"}
            asked = {"type": "Sensor", **RANGES[2], **form, **wanted}
            there, here = get(alone, TEMPORAL, **asked), get(front, TEMPORAL, **asked)
            same((here.status, by_id(here.body)), (there.status, by_id(there.body)), asked)


@tap.case
def times_that_several_have():
    """One instance of a time: the one that was modified last (4.5.5.3)."""
    name = "urn:ngsi-ld:Sensor:1"

    def series(*pairs):
        return {"speed": [{"type": "Property", "value": value, "observedAt": iso(minute)} for minute, value in pairs]}

    with brokers("times", ()) as (front, source):
        put(front, name, series((1, 11), (2, 12)))
        put(source, name, series((2, 22), (3, 23)))
        register(front, source, observationInterval={"startAt": iso(0), "endAt": iso(10)})
        path = f"{TEMPORAL}/{name}"
        values = [[11, iso(1)], [22, iso(2)], [23, iso(3)]]
        same(get(front, path, format="temporalValues", **RANGES[3]).body["speed"]["values"], values)
        # A time that the source was not registered for; and one that is not said.
        here = get(front, path, format="temporalValues", timerel="before", timeAt=iso(20)).body
        same(here["speed"]["values"], [[11, iso(1)], [12, iso(2)]])
        same(get(front, path, format="temporalValues").body["speed"]["values"], values)


@tap.case
def what_brokers_say_of_themselves_survives():
    """instanceId, stamps and deletions of others."""
    with brokers("stamps", ()) as (front, source):
        same(ask(source, "POST", f"{ROOT}/entities", {"id": "urn:ngsi-ld:Sensor:9", "type": "Sensor",
                                                      "level": {"type": "Property", "value": 1},
                                                      "near": {"type": "Relationship", "object": "urn:a:b"},
                                                      "scope": "/a"}).status, 201)
        same(ask(source, "DELETE", f"{ROOT}/entities/urn:ngsi-ld:Sensor:9/attrs/near").status, 204)
        register(front, source)
        path = f"{TEMPORAL}/urn:ngsi-ld:Sensor:9"
        same(get(front, path, options="sysAttrs").body, get(source, path, options="sysAttrs").body, "with stamps")
        for timeproperty in ("createdAt", "modifiedAt", "deletedAt"):
            asked = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z", "timeproperty": timeproperty,
                     "options": "sysAttrs"}
            there, here = get(source, path, **asked), get(front, path, **asked)
            same(here.status, there.status, timeproperty)
            same(here.body, there.body, timeproperty)
        same(ask(source, "DELETE", f"{ROOT}/entities/urn:ngsi-ld:Sensor:9").status, 204)
        same(get(front, path, options="sysAttrs").body, get(source, path, options="sysAttrs").body, "deleted")
        check("deletedAt" in get(front, path, options="sysAttrs").body)


# ---- changes ----

def shown(daemon, name, local=True):
    answer = get(daemon, f"{TEMPORAL}/{name}", format="temporalValues", **({"local": "true"} if local else {}))
    if answer.status == 404:
        return None
    same(answer.status, 200, answer.body)
    return {key: [value[0] for value in member["values"]] for key, member in answer.body.items()
            if isinstance(member, dict)}


def one(value, minute=5):
    return [{"type": "Property", "value": value, "observedAt": iso(minute)}]


@tap.case
def changes_go_where_registrations_say():
    name, kind = "urn:ngsi-ld:Car:1", {"entities": [{"type": "Car"}]}
    with brokers("write", (), (), ()) as (front, exclusive, redirect, inclusive):
        register(front, exclusive, mode="exclusive", operations=READ + CHANGE,
                 information=[{"entities": [{"id": name, "type": "Car"}], "propertyNames": ["speed"]}])
        register(front, redirect, mode="redirect", operations=READ + CHANGE,
                 information=[{**kind, "propertyNames": ["fuel"]}])
        register(front, inclusive, operations=READ + CHANGE, information=[{**kind, "propertyNames": ["colour", "fuel"]}])
        body = {"id": name, "type": "Car", "speed": one(1), "fuel": one(2), "colour": one(3), "wheels": one(4)}
        answer = ask(front, "POST", TEMPORAL, body)
        same(answer.status, 201, answer.body)
        same(answer.headers["Location"], f"{TEMPORAL}/{name}")
        same(shown(exclusive, name), {"speed": [1]})
        same(shown(redirect, name), {"fuel": [2]})
        same(shown(inclusive, name), {"colour": [3]})
        same(shown(front, name), {"colour": [3], "wheels": [4]})
        same(shown(front, name, local=False), {"speed": [1], "fuel": [2], "colour": [3], "wheels": [4]})
        same(ask(front, "POST", TEMPORAL, body | {"wheels": one(5, 6)}).status, 204)
        more = {"speed": one(10, 9), "colour": one(30, 9)}
        same(ask(front, "POST", f"{TEMPORAL}/{name}/attrs", more).status, 204)
        same(shown(exclusive, name), {"speed": [1, 1, 10]})
        same(shown(front, name), {"colour": [3, 3, 30], "wheels": [4, 5]})
        # One instance, by the id that its broker gave.
        found = get(front, f"{TEMPORAL}/{name}", attrs="speed", timerel="after", timeAt=iso(8)).body["speed"][-1]
        place = f"{TEMPORAL}/{name}/attrs/speed/{found['instanceId']}"
        same(ask(front, "PATCH", place, {"speed": one(11, 9)}).status, 204)
        same(shown(exclusive, name), {"speed": [1, 1, 11]})
        same(ask(front, "DELETE", place).status, 204)
        same(shown(exclusive, name), {"speed": [1, 1]})
        same(ask(front, "DELETE", place).status, 404)
        same(ask(front, "DELETE", f"{TEMPORAL}/{name}/attrs/fuel?deleteAll=true").status, 204)
        same(shown(redirect, name), {})
        same(ask(front, "DELETE", f"{TEMPORAL}/{name}/attrs/colour").status, 204)
        same(shown(inclusive, name), {})
        same(shown(front, name), {"wheels": [4, 5]})
        same(ask(front, "DELETE", f"{TEMPORAL}/{name}").status, 204)
        for daemon in (front, exclusive, inclusive):
            same(shown(daemon, name), None)
        same(ask(front, "DELETE", f"{TEMPORAL}/{name}").status, 404)


@tap.case
def an_instance_is_in_one_place():
    """What several brokers number alike is told apart by instanceId (5.2.5: it identifies an instance)."""
    name = "urn:ngsi-ld:Car:4"
    with brokers("instance", ()) as (front, source):
        put(front, name, {"speed": one(1, 1)}, "Car")
        put(source, name, {"speed": one(2, 2)}, "Car")
        register(front, source, operations=READ + CHANGE, information=[{"entities": [{"type": "Car"}]}])
        first, second = get(front, f"{TEMPORAL}/{name}").body["speed"]
        check(first["instanceId"] != second["instanceId"], first)
        same((first["value"], second["value"]), (1, 2))
        place = f"{TEMPORAL}/{name}/attrs/speed"
        same(ask(front, "PATCH", f"{place}/{second['instanceId']}", {"speed": one(3, 3)}).status, 204)
        same((shown(front, name), shown(source, name)), ({"speed": [1]}, {"speed": [3]}))
        same(ask(front, "DELETE", f"{place}/{first['instanceId']}").status, 204)
        same((shown(front, name), shown(source, name)), ({}, {"speed": [3]}))
        same(ask(front, "DELETE", f"{place}/{first['instanceId']}").status, 404)
        same(ask(front, "DELETE", f"{place}/urn:ngsi-ld:Instance:other").status, 404)


@tap.case
def changes_in_the_words_of_the_source():
    """What a source wants names by (jsonldContext, 4.3.6.6)."""
    allowed, name = ("--set", "outbound.allow=127.0.0.1"), "urn:ngsi-ld:Car:3"
    with brokers("words", allowed, options=allowed) as (front, source):
        ours, theirs = {"speed": "https://e.org/speed"}, {"tempo": "https://e.org/speed", "Wagen": "https://e.org/Car"}
        place = ask(source, "POST", f"{ROOT}/jsonldContexts", {"@context": theirs}).headers["Location"]
        url = f"http://127.0.0.1:{source.port}{place}"
        kind = {"entities": [{"id": name, "type": "https://e.org/Car"}], "propertyNames": ["https://e.org/speed"]}
        register(front, source, mode="exclusive", operations=READ + CHANGE, information=[kind],
                 contextSourceInfo=[{"key": "jsonldContext", "value": url}])
        ld = {"Content-Type": "application/ld+json"}
        words = {"@context": ours | {"Car": "https://e.org/Car"}}
        body = {"id": name, "type": "Car", "speed": one(1)} | words
        same(ask(front, "POST", TEMPORAL, body, ld).status, 201)
        same(ask(front, "POST", f"{TEMPORAL}/{name}/attrs", {"speed": one(2, 6)} | words, ld).status, 204)
        whole = {"Link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
        there = ask(source, "GET", f"{TEMPORAL}/{name}", headers=whole).body
        same((there["type"], [one["value"] for one in there["tempo"]]), ("Wagen", [1, 2]))
        instance = f"attrs/https%3A%2F%2Fe.org%2Fspeed/{there['tempo'][1]['instanceId']}"
        same(ask(front, "PATCH", f"{TEMPORAL}/{name}/{instance}", {"speed": one(3, 6)} | words, ld).status, 204)
        here = get(front, f"{TEMPORAL}/{name}", format="temporalValues", attrs="https://e.org/speed", **RANGES[3]).body
        same([value for value, _ in here["https://e.org/speed"]["values"]], [1, 3])
        same(ask(front, "DELETE", f"{TEMPORAL}/{name}/{instance}").status, 204)
        here = get(front, TEMPORAL, type="https://e.org/Car", format="temporalValues", **RANGES[3]).body
        same([value for value, _ in here[0]["https://e.org/speed"]["values"]], [1])


@tap.case
def changes_that_are_not_supported_or_fail():
    name = "urn:ngsi-ld:Car:2"
    with brokers("conflict", ()) as (front, source):
        registration = register(front, source, mode="exclusive", operations=READ, information=[
            {"entities": [{"id": name, "type": "Car"}], "propertyNames": ["speed"]}])
        body = {"id": name, "type": "Car", "speed": one(1), "wheels": one(4)}
        answer = ask(front, "POST", TEMPORAL, body)
        same(answer.status, 207, answer.body)
        same(answer.body["success"], [name])
        same(answer.body["errors"][0]["registrationId"], registration)
        check(answer.body["errors"][0]["error"]["type"].endswith("Conflict"), answer.body)
        same(shown(front, name), {"wheels": [4]})
        answer = ask(front, "POST", f"{TEMPORAL}/{name}/attrs", {"speed": one(1)})
        same(answer.status, 409, answer.body)
        answer = ask(front, "POST", f"{TEMPORAL}/{name}/attrs", {"speed": one(1), "doors": one(2)})
        same(answer.status, 207, answer.body)
        same(len(answer.body["updated"]), 1)
        same(answer.body["notUpdated"][0]["registrationId"], registration)
        # Limited to the front, which then has all to itself.
        same(ask(front, "POST", f"{TEMPORAL}?local=true", body).status, 204)
        same(shown(front, name), {"wheels": [4, 4], "speed": [1], "doors": [2]})


# ---- sources that are not there ----

@tap.case
def a_dead_source_is_a_warning():
    chance = random.Random(SEED + 4)
    with brokers("dead", (), ()) as (front, source, alone):
        spread(chance, [front], alone, entities=2, instances=5)
        dead = free_port()
        registration = register(front, source, endpoint=f"http://127.0.0.1:{dead}")
        for _ in range(2):  # the second time it is left alone
            here = get(front, f"{TEMPORAL}/urn:ngsi-ld:Sensor:0", **RANGES[3])
            same(here.status, 200, here.body)
            check(here.headers["NGSILD-Warning"].startswith(f"199 {registration} "), here.headers["NGSILD-Warning"])
            same(plain(here.body), plain(get(alone, f"{TEMPORAL}/urn:ngsi-ld:Sensor:0", **RANGES[3]).body))
            here = get(front, TEMPORAL, type="Sensor", **RANGES[3])
            same(here.status, 200, here.body)
            check(registration in here.headers["NGSILD-Warning"])
            same(len(here.body), 2)
        missing = get(front, f"{TEMPORAL}/urn:ngsi-ld:Sensor:77", **RANGES[3])
        same(missing.status, 404)
        check(registration in missing.headers["NGSILD-Warning"])
        answer = ask(front, "DELETE", f"{TEMPORAL}/urn:ngsi-ld:Sensor:1")
        same(answer.status, 204, answer.body)  # it was registered for reading alone


try:
    status = tap.done()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
