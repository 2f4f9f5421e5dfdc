#!/usr/bin/env python3
"""What a context source is asked, word by word, and what is made of its answers, with a source that says what it is told.

Usage: sources.py MACHI SOURCE_ROOT. Clauses: GS CIM 009 V1.9.1, 4.3.6.1 (no more than is registered), 4.3.6.4 (loops),
4.3.6.5, 4.3.6.6 and 6.3.19 (extra information), 4.5.5, 6.3.17 (warnings, errors, cool-down), 6.3.18 (local, Via).
"""
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

ROOT = "/ngsi-ld/v1"
V = "https://uri.etsi.org/ngsi-ld/default-context/"
CONTEXT_REL = 'rel="http://www.w3.org/ns/json-ld#context"'

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-sources-"))
tap = Tap()


class Source:
    """Answers by path with what it is told, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.answers = [], {}
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                source.asked.append({"method": self.command, "path": path, "query": dict(urllib.parse.parse_qsl(query)),
                                     "headers": {k.lower(): v for k, v in self.headers.items()},
                                     "body": json.loads(body) if body else None})
                answer = source.answers.get((self.command, path)) or source.answers.get(self.command) or (404, {}, {})
                status, content, headers = answer(self) if callable(answer) else answer
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text) if status != 204 else 0))
                self.end_headers()
                if status != 204:
                    self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def last(self):
        check(self.asked, "the source was not asked")
        return self.asked[-1]


def ask(method, path, body=None, headers=None):
    """Status, body as JSON or None, headers."""
    headers = {**({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)) as connection:
        connection.request(method, ROOT + path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers


class Registered:
    """A registration of a source of its own, for as long as a case runs."""

    count = 0

    def __init__(self, information=None, mode="inclusive", operations=("redirectionOps", "federationOps"), **members):
        Registered.count += 1
        self.source = Source()
        self.id = f"urn:ngsi-ld:ContextSourceRegistration:{Registered.count}"
        self.body = {"id": self.id, "type": "ContextSourceRegistration", "mode": mode, "operations": list(operations),
                     "endpoint": self.source.url, "information": information or [{"entities": [{"type": "Vehicle"}]}],
                     **members}

    def __enter__(self):
        status, answer, _ = ask("POST", "/csourceRegistrations", self.body)
        same(status, 201, answer)
        return self.source

    def __exit__(self, *_):
        ask("DELETE", f"/csourceRegistrations/{self.id}")


def shown(id):
    return ask("GET", f"/csourceRegistrations/{id}")[1]


daemon = Daemon(machi, work / "hub", "--set", "outbound.allow=127.0.0.0/8").__enter__()
VEHICLE = {"id": "urn:v:1", "type": "Vehicle", "speed": {"type": "Property", "value": 5},
           "colour": {"type": "Property", "value": "red"}}


@tap.case
def no_more_is_asked_than_is_registered():
    info = [{"entities": [{"type": "Vehicle", "idPattern": "urn:v:.*"}], "propertyNames": ["speed", "doors"]}]
    with Registered(info) as source:
        source.answers["GET"] = (200, [VEHICLE], {})
        status, body, _ = ask("GET", "/entities?type=Vehicle,Boat&attrs=speed,colour&splitEntities=false")
        asked = source.last()
        same((asked["path"], asked["query"]["type"], asked["query"]["attrs"], asked["query"]["idPattern"]),
             (f"{ROOT}/entities", "Vehicle", "speed", "urn:v:.*"))
        # What it says beyond that is left out.
        same(body, [{"id": "urn:v:1", "type": "Vehicle", "speed": {"type": "Property", "value": 5}}])
        source.answers["GET"] = (200, [{**VEHICLE, "id": "urn:w:1"}, {**VEHICLE, "type": "Boat"}], {})
        same(ask("GET", "/entities?type=Vehicle,Boat&splitEntities=false")[1], [])


@tap.case
def filters_stay_here_when_entities_may_be_split():
    with Registered() as source:
        source.answers["GET"] = (200, [VEHICLE], {})
        query = "/entities?type=Vehicle&q=speed==5&scopeQ=/a&georel=near;maxDistance==1&geometry=Point&coordinates=[0,0]"
        same(ask("GET", query)[1], [])
        check(not {"q", "scopeQ", "georel"} & set(source.last()["query"]), source.last())
        ask("GET", query + "&splitEntities=false")
        same((source.last()["query"]["q"], source.last()["query"]["georel"]), ("speed==5", "near;maxDistance==1"))
        # Put together first: the condition holds for what is here and there together.
        same(ask("POST", "/entities?local=true", {"id": "urn:v:1", "type": "Vehicle", "doors": 4})[0], 201)
        found = ask("GET", "/entities?type=Vehicle&q=speed==5;doors==4&options=keyValues")[1]
        same(found, [{"id": "urn:v:1", "type": "Vehicle", "doors": 4, "speed": 5, "colour": "red"}])
        same(ask("DELETE", "/entities/urn:v:1?local=true")[0], 204)


@tap.case
def extra_information_goes_along():
    pairs = [{"key": "Authorization", "value": "Bearer x"}, {"key": "X-User", "value": "urn:ngsi-ld:request"},
             {"key": "X-Absent", "value": "urn:ngsi-ld:request"}, {"key": "Host", "value": "elsewhere"},
             {"key": "NGSILD-Tenant", "value": "wrong"}, {"key": "accept", "value": "application/ld+json"},
             {"key": "ngsildConformance", "value": "1.5"}]
    with Registered(contextSourceInfo=pairs, tenant="right") as source:
        ask("GET", "/entities/urn:v:1", headers={"X-User": "abcd"})
        headers = source.last()["headers"]
        same({name: headers.get(name) for name in ("authorization", "x-user", "x-absent", "ngsild-tenant", "accept",
                                                   "prefer")},
             {"authorization": "Bearer x", "x-user": "abcd", "x-absent": None, "ngsild-tenant": "right",
              "accept": "application/ld+json", "prefer": "ngsi-ld=1.5"})
        check(headers["host"].startswith("127.0.0.1:"), headers)
        check("ngsildconformance" not in headers, headers)


@tap.case
def a_context_of_the_source_is_spoken():
    names = Source()
    names.answers["GET"] = (200, {"@context": {"v": V + "speed", "Car": V + "Vehicle", "farbe": V + "colour"}}, {})
    url = names.url + "/names.jsonld"
    with Registered(contextSourceInfo=[{"key": "jsonldContext", "value": url}]) as source:
        source.answers["GET"] = (200, [{"id": "urn:v:1", "type": "Car", "v": {"type": "Property", "value": 7}}],
                                 {"Link": f'<{url}>; {CONTEXT_REL}; type="application/ld+json"'})
        body = ask("GET", "/entities?type=Vehicle&q=speed>1;colour&attrs=speed&splitEntities=false&options=keyValues")[1]
        asked = source.last()
        same((asked["query"]["type"], asked["query"]["q"], asked["query"]["attrs"]), ("Car", "v>1;farbe", "v"))
        check(f"<{url}>" in asked["headers"]["link"], asked)
        same(body, [{"id": "urn:v:1", "type": "Vehicle", "speed": 7}])
        source.answers["POST"] = (201, b"", {"Location": f"{ROOT}/entities/urn:v:9"})
        same(ask("POST", "/entities", {"id": "urn:v:9", "type": "Vehicle", "speed": 1,
                                       "colour": {"type": "Property", "value": "red", "speed": 2}})[0], 201)
        asked = source.last()
        same(asked["body"], {"id": "urn:v:9", "type": "Car", "v": 1,
                             "farbe": {"type": "Property", "value": "red", "v": 2}})
        same(asked["headers"]["content-type"], "application/json")
        source.answers["PATCH"] = (204, b"", {})
        same(ask("PATCH", "/entities/urn:v:9/attrs/speed", {"value": 3})[0], 204)
        same(source.last()["path"], f"{ROOT}/entities/urn:v:9/attrs/v")
        ask("DELETE", "/entities/urn:v:9?local=true")


@tap.case
def the_clients_context_goes_along():
    with Registered([{"entities": [{"type": "urn:t:Car"}]}]) as source:
        source.answers["POST"] = (201, b"", {})
        body = {"@context": [{"Car": "urn:t:Car", "v": "urn:n:v"}], "id": "urn:c:1", "type": "Car", "v": 1}
        same(ask("POST", "/entities", body, {"Content-Type": "application/ld+json"})[0], 201)
        asked = source.last()
        same(asked["headers"]["content-type"], "application/ld+json")
        same(asked["body"], body)
        ask("DELETE", "/entities/urn:c:1?local=true")


@tap.case
def loops_end():
    alias = ask("GET", "/info/sourceIdentity")[1]["contextSourceAlias"]
    with Registered(contextSourceAlias="other") as source:
        source.answers["GET"] = (200, [], {})
        ask("GET", "/entities?type=Vehicle", headers={"Via": "1.1 first, HTTP/1.1 second (a comment)"})
        same(source.last()["headers"]["via"], f"1.1 first, HTTP/1.1 second (a comment), 1.1 {alias}")
        count = len(source.asked)
        # One that was passed is not asked again (5.12), and what has been here is a loop (6.3.17).
        same(ask("GET", "/entities?type=Vehicle", headers={"Via": "1.1 other"})[0], 200)
        same(len(source.asked), count)
        status, problem, _ = ask("GET", "/entities?type=Vehicle", headers={"Via": f"1.1 first, 1.1 {alias}"})
        same((status, problem["status"]), (508, 508))
        same(ask("GET", "/entities?type=Vehicle&local=true", headers={"Via": f"1.1 {alias}"})[0], 200)
        same(len(source.asked), count)
        source.answers["GET"] = (508, {"title": "loop"}, {})
        status, body, headers = ask("GET", "/entities?type=Vehicle")
        same((status, body), (200, []))
        check(headers["NGSILD-Warning"].startswith("199 "), headers)


@tap.case
def local_only_is_said():
    with Registered(management={"localOnly": True}) as source:
        source.answers["GET"] = (200, [], {})
        ask("GET", "/entities?type=Vehicle")
        same(source.last()["query"]["local"], "true")
        ask("GET", "/entities/urn:v:1")
        same(source.last()["query"]["local"], "true")


@tap.case
def what_is_wrong_with_an_answer_is_told():
    with Registered() as source:
        for answer, code in (((200, b"<html>", {}), "111"), ((200, {"no": "list"}, {}), "111"),
                             ((200, [VEHICLE, {"id": "no URI", "type": "Vehicle"}], {}), "111"),
                             ((403, {"title": "no"}, {}), "299"), ((500, b"", {}), "299")):
            source.answers["GET"] = answer
            status, body, headers = ask("GET", "/entities?type=Vehicle&options=keyValues")
            same(status, 200)
            check(headers["NGSILD-Warning"].startswith(code + " urn:ngsi-ld:ContextSourceRegistration:"), answer,
                  headers)
            same(len(body), isinstance(answer[1], list))
        source.answers["GET"] = (404, {}, {})
        status, _, headers = ask("GET", "/entities/urn:v:1")
        same((status, headers["NGSILD-Warning"]), (404, None))


@tap.case
def a_silent_source_costs_its_timeout_once():
    registered = Registered(management={"timeout": 300, "cooldown": 60000})
    with registered as source:
        def hang(handler):
            time.sleep(3)
            return 200, [], {}

        source.answers["GET"] = hang
        begin = time.monotonic()
        status, _, headers = ask("GET", "/entities?type=Vehicle")
        check(0.25 < time.monotonic() - begin < 2.5, time.monotonic() - begin)
        same(status, 200)
        check(headers["NGSILD-Warning"].startswith("199 "), headers)
        count = len(source.asked)
        status, _, headers = ask("GET", "/entities?type=Vehicle")
        same((status, len(source.asked)), (200, count))
        check(headers["NGSILD-Warning"].startswith("199 "), headers)
        figures = shown(registered.id)
        same((figures["status"], figures["timesFailed"] >= 1), ("failed", True))


@tap.case
def failures_of_changes_are_the_clients():
    with Registered([{"entities": [{"id": "urn:v:1", "type": "Vehicle"}], "propertyNames": ["speed"]}],
                    "exclusive", management={"timeout": 300, "cooldown": 1}) as source:
        for answer, status in (((404, {"detail": "gone"}, {}), 404), ((403, {}, {}), 502), ((508, {}, {}), 508),
                               ((409, {"type": "https://uri.etsi.org/ngsi-ld/errors/AlreadyExists"}, {}), 409)):
            source.answers["PATCH"] = answer
            got, problem, _ = ask("PATCH", "/entities/urn:v:1/attrs", {"speed": 1})
            same((got, problem["status"]), (status, status), answer)

        def hang(handler):
            time.sleep(2)
            return 204, b"", {}

        source.answers["PATCH"] = hang
        same(ask("PATCH", "/entities/urn:v:1/attrs", {"speed": 1})[0], 504)
        source.answers["PATCH"] = (207, {"updated": [], "notUpdated": [{"attributeName": "speed", "reason": "why"}]}, {})
        time.sleep(0.1)
        same(ask("POST", "/entities?local=true", {"id": "urn:v:1", "type": "Vehicle", "doors": 4})[0], 201)
        status, result, _ = ask("PATCH", "/entities/urn:v:1/attrs", {"speed": 1, "doors": 5})
        same((status, result["updated"], result["notUpdated"][0]["attributeName"], result["notUpdated"][0]["reason"]),
             (207, [V + "doors"], V + "speed", "why"))
        ask("DELETE", "/entities/urn:v:1?local=true")


@tap.case
def pages_of_a_source_are_read_to_their_end():
    many = [{"id": f"urn:v:{n:04}", "type": "Vehicle", "n": {"type": "Property", "value": n}} for n in range(2500)]
    with Registered() as source:
        def page(handler):
            query = dict(urllib.parse.parse_qsl(handler.path.partition("?")[2]))
            offset, limit = int(query.get("offset", 0)), int(query["limit"])
            return 200, many[offset:offset + limit], {"NGSILD-Results-Count": str(len(many))}

        source.answers["GET"] = page
        status, body, headers = ask("GET", "/entities?type=Vehicle&q=n>=2498&count=true")
        same((status, [one["id"] for one in body], headers["NGSILD-Results-Count"]),
             (200, ["urn:v:2498", "urn:v:2499"], "2"))
        ids = []
        for offset in range(0, 2500, 1000):
            ids += [one["id"] for one in
                    ask("GET", f"/entities?type=Vehicle&limit=1000&offset={offset}&pick=id&splitEntities=false")[1]]
        same(ids, [one["id"] for one in many])


@tap.case
def an_address_that_is_not_allowed_is_not_asked():
    with Daemon(machi, work / "strict", "--set", "sources.allow=192.0.2.1") as strict:
        source = Source()
        same(strict.request("POST", f"{ROOT}/csourceRegistrations",
                            {"id": "urn:r:1", "type": "ContextSourceRegistration", "endpoint": source.url,
                             "information": [{"entities": [{"type": "Vehicle"}]}]})[0], 201)
        same(strict.request("GET", f"{ROOT}/entities?type=Vehicle")[0], 200)
        same(source.asked, [])


same(daemon.stop(), 0)
shutil.rmtree(work, ignore_errors=True)
sys.exit(tap.done())
