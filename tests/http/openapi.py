#!/usr/bin/env python3
"""Holds /openapi.json against the server that serves it, and prints TAP: openapi.py MACHI

What is described must be served (no 404 for the path, no 405, no "not offered"), with every parameter described known;
methods that are not described must not be; every operation of table 6.2-1 of GS CIM 009 V1.9.1 must be known, be it as
OperationNotSupported; every reference inside the document must lead somewhere.
"""
import http.client
import json
import re
import sys

from run import Server

METHODS = ("get", "post", "put", "patch", "delete")
# Table 6.2-1, written down from the standard's text.
TABLE = {
    "/entities": "POST GET DELETE", "/entities/{i}": "GET DELETE PATCH PUT", "/entities/{i}/attrs": "POST PATCH",
    "/entities/{i}/attrs/{a}": "PATCH DELETE PUT", "/subscriptions": "POST GET", "/subscriptions/{i}": "GET PATCH DELETE",
    "/types": "GET", "/types/{t}": "GET", "/attributes": "GET", "/attributes/{a}": "GET",
    "/csourceRegistrations": "POST GET", "/csourceRegistrations/{i}": "GET PATCH DELETE",
    "/csourceSubscriptions": "POST GET", "/csourceSubscriptions/{i}": "GET PATCH DELETE",
    "/entityOperations/create": "POST", "/entityOperations/upsert": "POST", "/entityOperations/update": "POST",
    "/entityOperations/delete": "POST", "/entityOperations/query": "POST", "/entityOperations/merge": "POST",
    "/temporal/entities": "POST GET", "/temporal/entities/{i}": "GET DELETE", "/temporal/entities/{i}/attrs": "POST",
    "/temporal/entities/{i}/attrs/{a}": "DELETE", "/temporal/entities/{i}/attrs/{a}/{n}": "PATCH DELETE",
    "/temporal/entityMaps": "GET POST", "/temporal/entityOperations/query": "POST", "/jsonldContexts": "POST GET",
    "/jsonldContexts/{i}": "GET DELETE", "/entityMaps": "GET POST", "/entityMaps/{i}": "GET PATCH DELETE",
    "/info/sourceIdentity": "GET", "/snapshots": "POST DELETE", "/snapshots/{i}": "GET PATCH DELETE",
    "/snapshots/{i}/clone": "POST",
}


class Report:
    def __init__(self):
        self.count = self.failures = 0

    def say(self, name, troubles):
        self.count += 1
        self.failures += bool(troubles)
        print(f"{'not ok' if troubles else 'ok'} {self.count} - {name}")
        for trouble in troubles:
            print("# " + trouble)


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


def concrete(path):
    return re.sub(r"\{\w+\}", "urn:ngsi-ld:none:1", path)


def walk(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def check_references(document):
    troubles = []
    for node in walk(document):
        if isinstance(node, dict) and "$ref" in node:
            at = document
            for part in node["$ref"].split("/")[1:]:
                at = at.get(part) if isinstance(at, dict) else None
            if at is None:
                troubles.append(f"{node['$ref']} leads nowhere")
    return troubles


def check_served(port, document):
    troubles = []
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                body = "{}" if "requestBody" in item[method] else None
                status, text = ask(port, method.upper(), concrete(path), body)
                if status in (405, 422, 501) or "there is nothing at" in text:
                    troubles.append(f"{method} {path} is described and answered {status} {text}")
            else:
                status, text = ask(port, method.upper(), concrete(path))
                if status not in (405, 422):
                    troubles.append(f"{method} {path} is not described and answered {status} {text}")
    return troubles


def check_parameters(port, document):
    troubles = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = "{}" if "requestBody" in operation else None
            for parameter in operation["parameters"]:
                if parameter.get("in") != "query":
                    continue
                status, text = ask(port, method.upper(), f"{concrete(path)}?{parameter['name']}=1", body)
                if "has no parameter" in text or "does not offer the parameter" in text:
                    troubles.append(f"{method} {path}: {parameter['name']} is described and answered {status} {text}")
    return troubles


def check_table(port):
    troubles = []
    for path, methods in TABLE.items():
        for method in methods.split():
            status, text = ask(port, method, "/ngsi-ld/v1" + concrete(path))
            if status == 405 or "there is nothing at" in text:
                troubles.append(f"{method} {path} of table 6.2-1 is answered {status} {text}")
    return troubles


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    server = Server(sys.argv[1], "memory")
    report = Report()
    try:
        status, text = ask(server.port, "GET", "/openapi.json")
        document = json.loads(text)
        ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
        report.say("the description is served", [] if status == 200 and document["openapi"] == "3.0.3" else [text[:200]])
        report.say("every operation has a name of its own", [] if len(ids) == len(set(ids)) else [str(ids)])
        report.say("every reference leads somewhere", check_references(document))
        report.say("what is described is served, and nothing else", check_served(server.port, document))
        report.say("every parameter described is known", check_parameters(server.port, document))
        report.say("every operation of the standard's table is known", check_table(server.port))
    finally:
        ended = server.stop()
    report.say("the server ends well", [ended] if ended else [])
    print(f"1..{report.count}")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
