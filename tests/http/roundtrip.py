#!/usr/bin/env python3
"""What is sent comes back equal: random entities against a real `machi serve`, as TAP.

Usage: roundtrip.py MACHI STORE [SEED]      STORE is sqlite or memory.

Goal (GS CIM 009 V1.9.1 clauses 4.5.2, 4.5.18, 4.5.21, 4.5.24, 4.6): numbers come back digit by digit as they were
written (27.35, 1.50, 1e400, integers of any length), texts character by character, members in their order, whatever the
kind of attribute, the representation and the way in: created, created in a batch, replaced, appended, updated.
Method: documents made from a seed, read back as text and compared with numbers left as their digits and objects as
lists of members. The seed is in the output; the same seed makes the same documents.
"""
import http.client
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run import Server  # noqa: E402

ENTITIES = 150
ROOT = "/ngsi-ld/v1"
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz ABC 0123456789",
    "\"\\/\b\f\n\r\t\u0001\u001f\u007f<>&'=;()%{}[]",
    "éßñžΩЖшאבعกขค中文日本語한국어",
    "\u00a0\u200b\u200d\u202e\ufeff\ufffd\uffff\U0001f600\U0001f1f9\U0010ffff\u0301",
]
NUMBERS = ["0", "-0", "-0.0", "1", "-1", "27.35", "1.50", "0.10", "100", "1e2", "1E+2", "1e-2", "0.1e1", "-2.5E-07",
           "9007199254740991", "9007199254740993", "-9223372036854775808", "18446744073709551616",
           "123456789012345678901234567890", "3.141592653589793238462643383279", "1e308", "-1e-308", "4.9e-324",
           "0.000000000000000000000000000001", "1.7976931348623157e308", "2.5e+000", "-1e-400"]


class Raw(str):
    """A number's digits."""


def number(rng):
    if rng.random() < 0.5:
        return Raw(rng.choice(NUMBERS))
    digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 24))).lstrip("0") or "0"
    text = rng.choice(["", "-"]) + digits
    if rng.random() < 0.5:
        text += "." + "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 20)))
    if rng.random() < 0.3:
        text += rng.choice("eE") + rng.choice(["", "+", "-"]) + str(rng.randint(0, 250))
    return Raw(text)


def text(rng, longest=40):
    letters = rng.choice(ALPHABETS)
    return "".join(rng.choice(letters) for _ in range(rng.randint(0, longest)))


def value(rng, depth=0):
    kind = rng.randrange(4 if depth > 4 else 6)
    if kind < 2:
        return number(rng)
    if kind == 2:
        return text(rng)
    if kind == 3:
        return rng.choice([True, False])
    if kind == 4:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    members = {}
    for _ in range(rng.randint(0, 5)):
        key = text(rng, 8)
        if not key.startswith("@"):
            members.setdefault(key, value(rng, depth + 1))
    return list(members.items()) if members else []


def pairs(*members):
    return list(members)


def is_object(node):
    return isinstance(node, list) and bool(node) and all(isinstance(item, tuple) for item in node)


def write(node, rng):
    """JSON text; texts now plain, now escaped."""
    if isinstance(node, Raw):
        return str(node)
    if isinstance(node, str):
        return json.dumps(node, ensure_ascii=rng.random() < 0.5)
    if isinstance(node, bool):
        return "true" if node else "false"
    if is_object(node):
        return "{" + ",".join(json.dumps(key) + ":" + write(item, rng) for key, item in node) + "}"
    return "[" + ",".join(write(item, rng) for item in node) + "]"


def read(data):
    """Objects as lists of members (an empty one as an empty list), numbers as their digits."""
    return json.loads(data, parse_int=Raw, parse_float=Raw, parse_constant=Raw, object_pairs_hook=list)


def geometry(rng):
    def coordinate(most):
        return Raw(("-" if rng.random() < 0.5 else "") + str(rng.randrange(most)) + rng.choice(["", ".5", ".10", ".123456789"]))
    return pairs(("type", "Point"), ("coordinates", [coordinate(180), coordinate(90)]))


def attribute(rng):
    """One attribute, normalized, and its simplified value."""
    kind = rng.choice(["Property", "Property", "Property", "LanguageProperty", "ListProperty", "JsonProperty",
                       "GeoProperty", "Relationship"])
    if kind == "LanguageProperty":
        tags = rng.sample(["en", "fr-CH", "zh-Hant", "de", "@none"], rng.randint(1, 4))
        held = [(tag, text(rng) if rng.random() < 0.7 else [text(rng), text(rng)]) for tag in tags]
        member, simple = "languageMap", pairs(("languageMap", held))
    elif kind == "ListProperty":
        held = [value(rng, 2) for _ in range(rng.randint(1, 5))]
        member, simple = "valueList", held
    elif kind == "JsonProperty":
        held = value(rng)
        member, simple = "json", pairs(("json", held))
    elif kind == "GeoProperty":
        held = simple = geometry(rng)
        member = "value"
    elif kind == "Relationship":
        held = simple = "urn:x:" + str(rng.randrange(10**9))
        member = "object"
    else:
        held = simple = value(rng)
        member = "value"
    members = [("type", kind), (member, held)]
    if rng.random() < 0.3:
        members.append(("observedAt", "2026-01-31T12:00:00.123456Z"))
    if rng.random() < 0.2:
        members.append(("note", pairs(("type", "Property"), ("value", value(rng)))))
    head, rest = members[0], members[1:]
    rng.shuffle(rest)
    return [head] + rest, simple


def entity(rng, at):
    names = rng.sample([f"a{i}" for i in range(20)] + ["กขค", "naïve", "Ж_1"], rng.randint(1, 8))
    head = [("id", f"urn:x:e:{at}"), ("type", "T")]
    made = [(name, *attribute(rng)) for name in names]
    return head + [(name, full) for name, full, _ in made], head + [(name, simple) for name, _, simple in made]


class Client:
    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, status=200):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, ROOT + path, body.encode() if body is not None else None,
                           {"Content-Type": "application/json"} if body is not None else {})
        response = connection.getresponse()
        data = response.read()
        if response.status != status:
            raise ValueError(f"{method} {path}: {response.status} instead of {status}: {data[:300]!r}; sent {body and body[:2000]}")
        return data.decode()


def send(client, rng, full, way):
    """Brings the entity into the broker in one of several ways."""
    path, body = f"/entities/{full[0][1]}", write(full, rng)
    bare = write(full[:2] + [("zero", pairs(("type", "Property"), ("value", Raw("0"))))], rng)
    if way == "create":
        client.ask("POST", "/entities", body, 201)
    elif way == "batch":
        client.ask("POST", "/entityOperations/create", f"[{body}]", 201)
    elif way == "upsert":
        client.ask("POST", "/entityOperations/upsert", f"[{body}]", 201)
    elif way == "replace":
        client.ask("POST", "/entities", bare, 201)
        client.ask("PUT", path, body, 204)
    else:
        client.ask("POST", "/entities", write(full[:2], rng), 201)
        verb = "POST" if way == "append" else "PATCH"
        client.ask(verb, path + "/attrs", write(full[2:], rng), 204)


def first_difference(wanted, got, where="body"):
    if type(wanted) is list and type(got) is list and len(wanted) == len(got):
        for at, (one, other) in enumerate(zip(wanted, got)):
            trouble = first_difference(one, other, f"{where}[{at}]")
            if trouble:
                return trouble
        return None
    if type(wanted) is tuple and type(got) is tuple:
        return (None if wanted[0] == got[0] else f"{where}: member {wanted[0]!r}, got {got[0]!r}") or \
            first_difference(wanted[1], got[1], f"{where}.{wanted[0]}")
    same = wanted == got and isinstance(wanted, Raw) == isinstance(got, Raw) and isinstance(wanted, bool) == isinstance(got, bool)
    return None if same else f"{where}: sent {wanted!r}, got {got!r}"


def differing(client, rng, at):
    full, simple = entity(rng, at)
    way = rng.choice(["create", "batch", "upsert", "replace", "append", "update"])
    send(client, rng, full, way)
    path = f"/entities/{full[0][1]}"
    again = read(client.ask("GET", path + "?format=concise"))
    trouble = first_difference(full, read(client.ask("GET", path))) or \
        first_difference(simple, read(client.ask("GET", path + "?options=keyValues"))) or \
        first_difference([full], read(client.ask("GET", f"/entities?type=T&id={full[0][1]}")))
    if trouble:
        return f"{way}: {trouble}"
    # What was read concisely, sent as another entity, says the same.
    copy = [("id", full[0][1] + ":copy")] + again[1:]
    client.ask("POST", "/entities", write(copy, rng), 201)
    return first_difference([copy[0]] + full[1:], read(client.ask("GET", f"/entities/{copy[0][1]}")))


def too_large(client):
    for digits in ("1e400", "-1e309", "1" + "0" * 400):
        body = write([("id", "urn:x:large"), ("type", "T"), ("a", Raw(digits))], random.Random(1))
        if "too large" not in client.ask("POST", "/entities", body, 400):
            return f"{digits}: the answer does not say that it is too large"
    return None


def case(title, trouble):
    case.count += 1
    print(f"{'ok' if not trouble else 'not ok'} {case.count} - {title}", flush=True)
    if trouble:
        case.failed = True
        print("# " + trouble[:3000].replace("\n", "\n# "), flush=True)


case.count, case.failed = 0, False


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in ("sqlite", "memory"):
        sys.exit(__doc__)
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20261122
    rng = random.Random(seed)
    server = Server(sys.argv[1], sys.argv[2])
    client = Client(server.port)
    print(f"# seed {seed}")
    trouble = None
    try:
        for at in range(ENTITIES):
            trouble = differing(client, rng, at)
            if trouble:
                trouble = f"entity {at}: {trouble}"
                break
    except (ValueError, OSError, http.client.HTTPException) as error:
        trouble = f"entity {at}: {type(error).__name__}: {error}"
    case(f"{ENTITIES} random entities come back equal ({sys.argv[2]})", trouble)
    try:
        trouble = too_large(client)
    except (ValueError, OSError, http.client.HTTPException) as error:
        trouble = f"{type(error).__name__}: {error}"
    case("numbers beyond every double are refused", trouble)
    case("the server ends well", server.stop())
    print(f"1..{case.count}")
    sys.exit(case.failed)


if __name__ == "__main__":
    main()
