#!/usr/bin/env python3
"""Random orders, pages and entity maps against sorting in Python.

Usage: random_pages.py MACHI STORE [SEED]        STORE is sqlite or memory

Entities get random values of every type that GS CIM 009 V1.9.1 clause 4.23.2 ranks, and places. What a page must hold
is worked out here from the clause: types in its order, numbers by value, texts (of a to z, which ICU's root collation
orders as their codes) by code, places by haversine, equals by creation; what has no value comes last in either
direction. Each answer is one page at a random place. Entity maps are followed by their pointers while entities vanish:
what comes is what was there and still is, each once. The same seed asks the same questions.
"""
import importlib.util
import json
import math
import os
import random
import re
import sys
import urllib.parse

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
_spec = importlib.util.spec_from_file_location("run", os.path.join(HERE, "run.py"))
run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run)

ROOT = "/ngsi-ld/v1"
COUNT = 240
QUESTIONS = 300
MAPS = 6


def value_of(chance):
    kind = chance.randrange(10)
    if kind < 3:
        return chance.choice([chance.randrange(-5, 6), chance.randrange(-20, 20) / 4, 2**53 + chance.randrange(4)])
    if kind < 6:
        return "".join(chance.choice("abz") for _ in range(chance.randrange(4)))
    if kind == 6:
        return chance.random() < 0.5
    if kind == 7:
        return [chance.randrange(3) for _ in range(chance.randrange(3))]
    if kind == 8:
        text = chance.choice(["2020-01-0%dT00:00:00Z", "2020-01-0%d", "1%d:00:00Z"]) % chance.randrange(1, 4)
        name = {20: "DateTime", 10: "Date", 9: "Time"}[len(text)]
        return text if chance.random() < 0.5 else {"@type": name, "@value": text}
    return None


def entity(chance, number):
    made = {"id": f"urn:ngsi-ld:Thing:{number:04}", "type": "Thing"}
    for name in "abc":
        value = value_of(chance)
        if value is not None:
            made[name] = {"type": "Property", "value": value}
    if chance.random() < 0.8:
        made["spot"] = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [
            round(chance.uniform(-180, 180), 2), round(chance.uniform(-90, 90), 2)]}}
    return made


RANKS = ["number", "string", "object", "array", "boolean", "Time", "Date", "DateTime"]


def rank(value):
    """(place in the table of 4.23.2, what compares within it)"""
    if isinstance(value, bool):
        return RANKS.index("boolean"), value
    if isinstance(value, (int, float)):
        return RANKS.index("number"), value
    if isinstance(value, list):
        return RANKS.index("array"), value
    text = value["@value"] if isinstance(value, dict) else value
    for name, pattern in (("Time", r"\d\d:\d\d:\d\dZ"), ("Date", r"\d{4}-\d\d-\d\d"),
                          ("DateTime", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")):
        if re.fullmatch(pattern, text):
            return RANKS.index(name), text
    return RANKS.index("string"), text


def haversine(a, b):
    lon_a, lat_a, lon_b, lat_b = map(math.radians, (*a, *b))
    hav = (math.sin((lat_b - lat_a) / 2)**2 +
           math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2)**2)
    return 2 * math.asin(math.sqrt(min(hav, 1)))


def sort_all(entities, terms, place):
    """By the last key first: sorted() keeps equals as they are, also when it sorts in reverse."""
    result = list(entities)
    for name, direction in reversed(terms):
        down, by_distance = direction.endswith("desc"), direction.startswith("dist")
        groups, lacking = {}, []
        for one in result:
            if name not in one:
                lacking.append(one)
            elif by_distance:
                distance = round(haversine(place, one[name]["value"]["coordinates"]), 12)
                groups.setdefault(0, []).append((distance, one))
            else:
                at, value = rank(one[name]["value"])
                groups.setdefault(at, []).append((value, one))
        result = []
        for at in sorted(groups):
            result += [one for _, one in sorted(groups[at], key=lambda pair: pair[0], reverse=down)]
        result += lacking
    return result


def ask(port, path, headers=None):
    response, data = run.send(port, {"path": path, "headers": headers or {}})
    return response, json.loads(data)


def post(port, path, body):
    response, data = run.send(port, {"method": "POST", "path": path, "body": body})
    if response.status not in (201, 204):
        raise RuntimeError(f"{response.status}: {data[:300]!r}")


def pages_are_what_sorting_gives(port, chance, entities):
    for question in range(QUESTIONS):
        place = [round(chance.uniform(-180, 180), 1), round(chance.uniform(-89, 89), 1)]
        terms = []
        for name in chance.sample(["a", "b", "c", "spot"], chance.randrange(1, 4)):
            directions = ["dist-asc", "dist-desc"] if name == "spot" else ["asc", "desc"]
            terms.append((name, chance.choice(directions)))
        by = ",".join(name + (f";{direction}" if direction != "asc" or chance.random() < 0.5 else "")
                      for name, direction in terms)
        want = sort_all(entities, terms, place)
        q = chance.choice(["", "", "a", "b>0"])
        if q == "a":
            want = [one for one in want if "a" in one]
        elif q:
            want = [one for one in want if isinstance(one.get("b", {}).get("value"), (int, float)) and
                    not isinstance(one["b"]["value"], bool) and one["b"]["value"] > 0]
        offset, limit = chance.randrange(0, max(len(want), 1)), chance.randrange(1, 100)
        path = (f"{ROOT}/entities?type=Thing&local=true&options=keyValues&pick=id&count=true&limit={limit}"
                f"&offset={offset}&orderBy={urllib.parse.quote(by)}&orderFrom={json.dumps(place).replace(' ', '')}")
        if q:
            path += "&q=" + urllib.parse.quote(q)
        response, got = ask(port, path)
        got_ids = [one["id"] for one in got] if response.status == 200 else got
        wanted_ids = [one["id"] for one in want[offset:offset + limit]]
        if got_ids != wanted_ids or response.headers["NGSILD-Results-Count"] != str(len(want)):
            return f"question {question}: {path}: wanted {wanted_ids[:5]}… of {len(want)}, got {got_ids[:5]}"
    return None


def maps_are_followed_to_their_end(port, chance, entities):
    there = {one["id"] for one in entities}
    for number in range(MAPS):
        limit = chance.randrange(3, 40)
        path = f"{ROOT}/entities?type=Thing&pick=id&entityMap=true&limit={limit}"
        first, came, gone = set(there), [], set()
        while path:
            response, got = ask(port, path)
            if response.status not in (200, 201):
                return f"map {number}: {response.status} {got}"
            came += [one["id"] for one in got]
            path = None
            for link in response.headers.get_all("Link") or []:
                found = re.fullmatch(r'<([^>]+)>; rel="next".*', link)
                path = found[1] if found else path
            if path and len(got) != limit:
                return f"map {number}: a page in the middle has {len(got)} instead of {limit}"
            for victim in chance.sample(sorted(there), 2):
                run.send(port, {"method": "DELETE", "path": f"{ROOT}/entities/{victim}"})
                there.discard(victim)
                gone.add(victim)
        if len(came) != len(set(came)):
            return f"map {number}: something came twice"
        if not (first - gone) <= set(came) <= first:
            return f"map {number}: {len(came)} came of {len(first)}, of which {len(gone)} vanished"
    return None


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in ("sqlite", "memory"):
        sys.exit(__doc__)
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    server = run.Server(sys.argv[1], sys.argv[2])
    entities = [entity(chance, number) for number in range(COUNT)]
    post(server.port, f"{ROOT}/entityOperations/create", entities)
    troubles = []
    cases = [pages_are_what_sorting_gives, maps_are_followed_to_their_end]
    print(f"1..{len(cases) + 1}")
    for at, case in enumerate(cases, 1):
        trouble = case(server.port, chance, entities)
        print(f"{'not ok' if trouble else 'ok'} {at} - {case.__name__.replace('_', ' ')}")
        if trouble:
            print(f"# {trouble}")
            troubles.append(trouble)
    ended = server.stop()
    print(f"{'not ok' if ended else 'ok'} {len(cases) + 1} - the server ends well")
    if ended:
        print("# " + ended.replace("\n", "\n# "))
    sys.exit(1 if troubles or ended else 0)


if __name__ == "__main__":
    main()
