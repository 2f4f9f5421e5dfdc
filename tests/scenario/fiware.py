#!/usr/bin/env python3
"""A FIWARE installation moves over: what Orion notifies and what is copied from it.

Usage: fiware.py MACHI SOURCE_ROOT. No Orion is to be had from the distribution, so a stand-in answers as its manuals say:
GET /v2/entities with limit (1000 at most), offset, type, attrs and the headers Fiware-Service and Fiware-ServicePath
(doc/manuals/user/pagination.md, service_path.md), notifications as "Notification Messages" of the NGSIv2 specification
has them, with the header Ngsiv2-AttrsFormat. What arrives is held against what the stand-in has.
"""
import contextlib
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
from tap import Daemon, Machi, Tap, check, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-fiware-"))
tap = Tap()
JSON = {"Content-Type": "application/json"}


class Orion:
    def __init__(self):
        self.entities = []  # (service, path, entity), in the order of their creation
        self.asked = []
        self.fault = None
        orion = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                orion.asked.append((url.path, query, self.headers))
                code, headers, body = (orion.fault and orion.fault(query)) or orion.answer(url.path, query, self.headers)
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(code)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, path, query, headers):
        limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
        if path != "/v2/entities":
            return 404, {}, {"error": "NotFound"}
        if not 1 <= limit <= 1000:
            return 400, {}, {"error": "BadRequest", "description": "Bad pagination limit"}
        service = headers.get("Fiware-Service", "").lower()
        scope = headers.get("Fiware-ServicePath", "/#")
        found = [self.shown(path_, entity, query.get("attrs", "*").split(",")) for service_, path_, entity in self.entities
                 if service_ == service and self.is_below(path_, scope) and
                 ("type" not in query or entity["type"] in query["type"].split(","))]
        return 200, {}, found[offset:offset + limit]

    @staticmethod
    def is_below(path, scope):
        if not scope.endswith("#"):
            return path == scope
        above = scope[:-1].rstrip("/")
        return path == (above or "/") or path.startswith(above + "/")

    @staticmethod
    def shown(path, entity, attrs):
        shown = {name: value for name, value in entity.items() if name in ("id", "type") or "*" in attrs or name in attrs}
        if "servicePath" in attrs:
            shown["servicePath"] = {"type": "Text", "value": path, "metadata": {}}
        return shown


def attribute(type_, value, **metadata):
    return {"type": type_, "value": value,
            "metadata": {name: {"type": "DateTime" if name == "TimeInstant" else "Text", "value": value_}
                         for name, value_ in metadata.items()}}


def lamp(number, power=None):
    return {"id": f"lamp{number}", "type": "Streetlight",
            "powerState": attribute("Text", "on" if number % 2 else "off"),
            "power": attribute("Number", number / 4 if power is None else power, unitCode="WTT",
                               TimeInstant=f"2026-01-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z"),
            "location": attribute("geo:point", f"{40 + number / 10000:.4f}, -3.7"),
            "refStreetlightGroup": attribute("Text", f"group{number % 10}"),
            "note": attribute("StructuredValue", {"by": f"n{number}", "list": [number]})}


def configuration(name, **settings):
    path = work / f"{name}.yaml"
    path.write_text(json.dumps({"feeds": [{"name": "orion", "ngsiv2": settings}]}))
    return path


def status(daemon):
    return json.loads(daemon.request("GET", "/api/v1/feeds/orion")[1])


def entity(daemon, identity, query=""):
    code, body = daemon.request("GET", f"/ngsi-ld/v1/entities/{urllib.parse.quote(identity)}{query}")
    return json.loads(body) if code == 200 else {}


def all_entities(daemon, type_):
    found, offset = [], 0
    while True:
        code, body = daemon.request("GET", f"/ngsi-ld/v1/entities?type={type_}&options=keyValues&limit=500&offset={offset}")
        same(code, 200, body)
        page = json.loads(body)
        found += page
        offset += len(page)
        if len(page) < 500:
            return {one["id"]: one for one in found}


def notify(daemon, data, headers=None, feed="orion", **members):
    body = {"subscriptionId": "5aeb0ee97d4ef10a12a0262f", "data": data, **members} if isinstance(data, list) else data
    code, answer = daemon.request("POST", f"/api/v1/feeds/{feed}/messages", json.dumps(body), {**JSON, **(headers or {})})
    return code, json.loads(answer) if answer else None


def everything_is_copied_once():
    with Orion() as orion:
        orion.entities = [("city", "/madrid/centro" if number % 3 else "/", lamp(number)) for number in range(2345)]
        orion.entities += [("other", "/", lamp(9999))]
        config = configuration("copy", service="City", pull={"url": orion.url})
        with Daemon(machi, work / "copy", "--config", config) as daemon:
            until(lambda: status(daemon)["entities"]["created"] == 2345, lambda: status(daemon))
            same([int(query["offset"]) for _, query, _ in orion.asked], [0, 1000, 2000])
            found = all_entities(daemon, "Streetlight")
            same(len(found), 2345)
            for _, path, original in orion.entities[:2345]:
                got = found[f"urn:ngsi-ld:Streetlight:{original['id']}"]
                latitude, longitude = map(float, original["location"]["value"].split(","))
                same(got, {"id": got["id"], "type": "Streetlight", **({} if path == "/" else {"scope": path}),
                           "powerState": original["powerState"]["value"], "power": original["power"]["value"],
                           "location": {"type": "Point", "coordinates": [longitude, latitude]},
                           "refStreetlightGroup":
                               f"urn:ngsi-ld:StreetlightGroup:{original['refStreetlightGroup']['value']}",
                           "note": original["note"]["value"]})
            one = entity(daemon, "urn:ngsi-ld:Streetlight:lamp61")
            same(one["power"], {"type": "Property", "value": 15.25, "unitCode": "WTT", "observedAt": "2026-01-01T00:01:01Z"})
            same(sum(status(daemon)["dropped"].values()), 0)
            same(status(daemon)["state"], "up")
            time.sleep(0.5)
            same(len(orion.asked), 3, "copied once")
            daemon.kill()
        with Daemon(machi, work / "copy", "--config", config) as daemon:
            until(lambda: status(daemon)["entities"]["unchanged"] == 2345, lambda: status(daemon))
            same(status(daemon)["entities"]["changed"], 0)


def a_copy_is_made_again_and_narrowed():
    with Orion() as orion:
        room = {"id": "1", "type": "Room", "temperature": attribute("Number", 20)}
        orion.entities = [("", "/a/b", lamp(1)), ("", "/a", room), ("", "/c", {**room, "id": "2"}),
                          ("", "/a", {**room, "id": "3", "type": "Hall & Room"})]
        config = configuration("again", pull={"url": orion.url + "/v2/", "interval": "1 s", "service_path": "/a/#",
                                              "types": ["Room", "Hall & Room"], "headers": {"X-Auth-Token": "s3cret"}})
        with Daemon(machi, work / "again", "--config", config) as daemon:
            until(lambda: entity(daemon, "urn:ngsi-ld:Room:1"), "the room")
            until(lambda: entity(daemon, "urn:ngsi-ld:Hall%20%26%20Room:3"), "the hall")
            room["temperature"] = attribute("Number", 25)
            until(lambda: entity(daemon, "urn:ngsi-ld:Room:1")["temperature"]["value"] == 25, "the change")
            same(entity(daemon, "urn:ngsi-ld:Streetlight:lamp1"), {})
            same(entity(daemon, "urn:ngsi-ld:Room:2"), {})
            same({headers["X-Auth-Token"] for _, _, headers in orion.asked}, {"s3cret"})
            check(b"s3cret" not in daemon.request("GET", "/api/v1/feeds")[1])


def a_copy_goes_on_where_it_was_held_up():
    with Orion() as orion:
        orion.entities = [("", "/", lamp(number)) for number in range(95)]
        faults = [(500, {}, {"error": "InternalServerError"}), (503, {"Retry-After": "1"}, {}), (200, {}, b"[{"),
                  (200, {}, {"error": "odd"})]

        def fault(query):
            return faults.pop() if query["offset"] == "40" and faults else None

        orion.fault = fault
        config = configuration("held", pull={"url": orion.url, "page": 20, "interval": "1 s"})
        with Daemon(machi, work / "held", "--config", config) as daemon:
            until(lambda: len(all_entities(daemon, "Streetlight")) == 95, lambda: status(daemon))
            offsets = [int(query["offset"]) for _, query, _ in orion.asked]
            same(offsets[:9], [0, 20, 40, 40, 40, 40, 40, 60, 80])
            until(lambda: status(daemon)["state"] == "up", "up")


def notifications_of_every_format_are_taken():
    with Daemon(machi, work / "notify", "--config", configuration("notify", token="s3cret")) as daemon:
        token = {"X-Auth-Token": "s3cret"}
        same(notify(daemon, [lamp(1)])[0], 403)
        same(notify(daemon, [lamp(1)], {**token, "Ngsiv2-AttrsFormat": "normalized", "Fiware-ServicePath": "/madrid"}),
             (204, None))
        first = entity(daemon, "urn:ngsi-ld:Streetlight:lamp1")
        same((first["power"]["value"], first["scope"], first["location"]["type"]), (0.25, "/madrid", "GeoProperty"))
        # keyValues, told by the header and by how they look.
        for number, headers in ((2, {"Ngsiv2-AttrsFormat": "keyValues"}), (3, {})):
            same(notify(daemon, [{"id": f"lamp{number}", "type": "Streetlight", "power": number,
                                  "location": {"type": "Point", "coordinates": [1, 2]}}], {**token, **headers}), (204, None))
            got = entity(daemon, f"urn:ngsi-ld:Streetlight:lamp{number}")
            same((got["power"]["value"], got["location"]["type"]), (number, "GeoProperty"))
        # A single entity: simplifiedNormalized, simplifiedKeyValues.
        same(notify(daemon, lamp(4), {**token, "Ngsiv2-AttrsFormat": "simplifiedNormalized"}), (204, None))
        same(notify(daemon, {"id": "lamp5", "type": "Streetlight", "power": 5}, token), (204, None))
        same([entity(daemon, f"urn:ngsi-ld:Streetlight:lamp{n}")["power"]["value"] for n in (4, 5)], [1, 5])
        # "values" say nothing of whose they are.
        code, answer = notify(daemon, [[23, 70]], {**token, "Ngsiv2-AttrsFormat": "values"})
        same((code, answer["taken"], answer["dropped"]), (400, 0, {"invalid": 1}))
        check("neither ids nor names" in answer["detail"], answer)
        # The rest of a notification is taken.
        code, answer = notify(daemon, [lamp(6), {"type": "Streetlight"}], token)
        same((code, answer["taken"], answer["dropped"]), (400, 1, {"invalid": 1}))
        same(notify(daemon, [{**lamp(6), "alterationType": attribute("Text", "entityDelete")}], token), (204, None))
        check(entity(daemon, "urn:ngsi-ld:Streetlight:lamp6"))
        same(notify(daemon, {"other": 1}, token)[0], 400)
        same(daemon.request("POST", "/api/v1/feeds/orion/messages", "{", {**JSON, **token})[0], 400)
        # An older value does not push out a newer one.
        late = lamp(1, 99)
        late["power"]["metadata"]["TimeInstant"]["value"] = "2025-01-01T00:00:00.000Z"
        same(notify(daemon, [late], token), (204, None))
        same(entity(daemon, "urn:ngsi-ld:Streetlight:lamp1")["power"]["value"], 0.25)
        daemon.kill()
    with Daemon(machi, work / "notify", "--config", configuration("notify", token="s3cret")) as daemon:
        same(len(all_entities(daemon, "Streetlight")), 6)


def another_service_is_refused():
    with Daemon(machi, work / "service", "--config", configuration("service", service="smartcity")) as daemon:
        same(notify(daemon, [lamp(1)], {"Fiware-Service": "SmartCity"}), (204, None))
        for headers in ({"Fiware-Service": "smarttown"}, {}):
            code, answer = notify(daemon, [lamp(2)], headers)
            same(code, 403)
            check('"smartcity"' in answer["detail"], answer)
        same(list(all_entities(daemon, "Streetlight")), ["urn:ngsi-ld:Streetlight:lamp1"])


def notifications_do_not_wait_for_a_slow_copy():
    with Orion() as orion:
        release = threading.Event()

        def slow(_):
            release.wait(30)

        orion.fault = slow
        orion.entities = [("", "/", lamp(1))]
        with Daemon(machi, work / "slow", "--config", configuration("slow", pull={"url": orion.url})) as daemon:
            until(lambda: orion.asked, "the copy")
            begun = time.monotonic()
            same(notify(daemon, [lamp(2)]), (204, None))
            check(time.monotonic() - begun < 5, time.monotonic() - begun)
            release.set()
            until(lambda: entity(daemon, "urn:ngsi-ld:Streetlight:lamp1"), "the copy's end")


def notifications_can_be_tried():
    config = configuration("try", service="x", observed_at="dateObserved")
    message = json.dumps({"subscriptionId": "1", "data": [{"id": "a", "type": "T", "dateObserved": attribute(
        "DateTime", "2026-01-01T00:00:00.000Z"), "v": attribute("Number", 5)}]})
    done = machi("feed", "test", "-", "--config", config, stdin=message)
    same(json.loads(done.out)["v"], {"type": "Property", "value": 5, "observedAt": "2026-01-01T00:00:00Z"})
    for change, text in (({"pull": {}}, "expected \"url:\""), ({"pull": {"url": "orion"}}, "not a URL"),
                         ({"pull": {"url": "http://o/?a"}}, "without \"?\""),
                         ({"pull": {"url": "http://o", "service_path": "madrid"}}, "a service path"),
                         ({"pull": {"url": "http://o", "page": 5000}}, "from 1 to 1000"), ({"servise": "x"}, "did you mean")):
        done = machi("feed", "test", "-", "--config", configuration("mistake", **change), stdin="{}", status=None)
        check(done.status not in (0, 1) and text in done.err, f"{change}: {done.status} {done.err}")


for case in (everything_is_copied_once, a_copy_is_made_again_and_narrowed, a_copy_goes_on_where_it_was_held_up,
             notifications_of_every_format_are_taken, another_service_is_refused,
             notifications_do_not_wait_for_a_slow_copy, notifications_can_be_tried):
    tap.case(case)
shutil.rmtree(work)
sys.exit(tap.done())
