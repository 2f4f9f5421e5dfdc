#!/usr/bin/env python3
"""Holds /openapi.json against ETSI's own description of the API, and prints TAP: openapi_etsi.py MACHI

openapi-etsi-1.8.1.json holds facts of ETSI's OpenAPI description for GS CIM 009 V1.8.1 (the newest there is): of every
operation the parameters, header fields, media types and statuses. Whatever is there must be here, but for what is
listed below with its reason. Where V1.8.1 and V1.9.1 differ, V1.9.1 counts.
"""
import json
import os
import re
import sys

sys.dont_write_bytecode = True
from openapi import Report, ask
from run import HERE, Server

ROOT = "/ngsi-ld/v1"
# Resources of later work; once one of their operations is served it is held to ETSI's description like the others.
LATER = {
    "/subscriptions": "subscriptions and notifications",
    "/csourceSubscriptions": "distributed operations",
    "/temporal": "temporal evolutions",
}
RENAMED = {"/entityMap/{}": "/entityMaps/{}"}  # clause 6.32 of V1.9.1
MEDIA = {"application/json+ld": "application/ld+json"}  # a slip of the description; clause 6.3.4 has the name
# (operation, what, name): reason. "*" stands for every operation.
KNOWN = {
    ("GET /entities", "query", "details"): "not in table 6.4.3.2-1; of /types and /attributes only",
    ("GET /entities/{}", "query", "details"): "not in table 6.5.3.1-1; of /types and /attributes only",
    ("*", "header", "Via"): "clause 6.3.18: travels between the brokers of a distributed operation",
    ("POST /entityOperations/delete", "header", "Link"): "a list of ids has no names that an @context could expand",
    ("GET /jsonldContexts", "media", "application/ld+json"): "clause 6.29.3.2: a list of URLs or of records, no JSON-LD",
}
# 207 tells of parts of a distributed operation that failed; here an entity is in one place.
DISTRIBUTED_207 = {"POST /entities", "PUT /entities/{}", "PATCH /entities/{}", "DELETE /entities/{}",
                   "PUT /entities/{}/attrs/{}", "PATCH /entities/{}/attrs/{}", "DELETE /entities/{}/attrs/{}"}


def plain(path):
    path = re.sub(r"\{\w+\}", "{}", path).removeprefix(ROOT)
    return RENAMED.get(path, path)


def ours(document):
    found = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            found[f"{method.upper()} {plain(path)}"] = operation
    return found


def parameters(document, operation, place):
    names = set()
    for parameter in operation["parameters"]:
        if "$ref" in parameter:
            parameter = document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
        if parameter["in"] == place:
            names.add(parameter["name"])
    return names


def media(content):
    return set(content.get("content", {}))


def answers(document, operation):
    """Statuses, and the media types of those that succeed."""
    types = set()
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            answer = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        types |= media(answer) if status.startswith("2") else set()
    return set(operation["responses"]), types


def missing(name, what, wanted, offered):
    for each in sorted(set(wanted) - set(offered)):
        if (name, what, each) not in KNOWN and ("*", what, each) not in KNOWN:
            yield f"{name}: {what} {each} is missing"


def compare(document, name, theirs, operation):
    statuses, types = answers(document, operation)
    success = {status for status in theirs["statuses"] if status.startswith("2")}
    if name in DISTRIBUTED_207:
        success.discard("207")
    yield from missing(name, "query", theirs["query"], parameters(document, operation, "query"))
    yield from missing(name, "header", theirs["headers"], parameters(document, operation, "header"))
    yield from missing(name, "status", success, statuses)
    if name not in DISTRIBUTED_207:  # whose other answers have no body
        yield from missing(name, "media", {MEDIA.get(each, each) for each in theirs["answer"]}, types)
    yield from missing(name, "body", {MEDIA.get(each, each) for each in theirs["body"]}, media(operation.get("requestBody", {})))
    if "default" not in statuses:
        yield f"{name}: errors are not described"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(os.path.join(HERE, "openapi-etsi-1.8.1.json"), encoding="utf-8") as file:
        etsi = json.load(file)
    server = Server(sys.argv[1], "memory")
    report = Report()
    try:
        document = json.loads(ask(server.port, "GET", "/openapi.json")[1])
    finally:
        ended = server.stop()
    served = ours(document)
    later = []
    for theirs in etsi:
        method, path = theirs["operation"].split()
        name = f"{method} {plain(path)}"
        if name in served:
            report.say(f"{name} is as ETSI describes it", list(compare(document, name, theirs, served[name])))
        elif any(path.startswith(resource) for resource in LATER):
            later.append(name)
        else:
            report.say(f"{name} is as ETSI describes it", ["it is not offered"])
    print(f"# left for later: {', '.join(later)}")
    for operation, what, each in KNOWN:
        if operation != "*":
            report.say(f"{operation} without {what} {each}: {KNOWN[operation, what, each]}", [])
    report.say("the server ends well", [ended] if ended else [])
    print(f"1..{report.count}")
    sys.exit(1 if report.failures else 0)


main()
