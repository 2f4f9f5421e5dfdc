#!/usr/bin/env python3
"""Feeds that poll services over HTTP: SensorThings and plain JSON, tables, and everything that a service may do wrong.

Usage: polling.py MACHI SOURCE_ROOT. The service is Python's http.server. What it says as SensorThings is held against
OGC 18-088 (SensorThings API Part 1: Sensing 1.1): the properties that 8.2 makes mandatory, the annotations of 9.2.1 and
the collections of 9.3.
"""
import base64
import contextlib
import email.utils
import gzip
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
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-polling-"))
tap = Tap()
KEY = "k3y-th4t-n0body-sees"


class Service:
    """Answers by functions: path -> f(request) -> (status, headers, body). Notes what it was asked."""

    def __init__(self, **routes):
        self.asked = []
        self.routes = {"/" + name: function for name, function in routes.items()}
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("Content-Length", 0))
                self.body = self.rfile.read(length)
                self.url = urllib.parse.urlsplit(self.path)
                self.query = dict(urllib.parse.parse_qsl(self.url.query))
                service.asked.append(self)
                self.at = time.monotonic()
                answer = (service.routes.get(self.url.path) or service.routes["/*"])(self)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            do_POST = do_PUT = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def paths(self):
        return [request.url.path for request in self.asked]


def configuration(name, *feeds):
    path = work / f"{name}.yaml"
    path.write_text(json.dumps({"feeds": feeds}))  # JSON is YAML
    return path


def feed(url, name="poll", map_=None, **settings):
    return {"name": name, "http": {"url": url, "interval": "1 s", "timeout": "5 s", **settings},
            "map": map_ or {"each": "$", "id": "urn:ngsi-ld:Room:{n}", "type": "Room",
                            "attributes": {"t": {"kind": "number", "column": "t"}}}}


def status(daemon, name="poll"):
    return json.loads(daemon.request("GET", f"/api/v1/feeds/{name}")[1])


def entity(daemon, identity):
    code, body = daemon.request("GET", f"/ngsi-ld/v1/entities/{identity}")
    return json.loads(body) if code == 200 else {}


def value(daemon, room):
    return entity(daemon, f"urn:ngsi-ld:Room:{room}").get("t", {}).get("value")


# ---- SensorThings ----

MANDATORY = {  # OGC 18-088, 8.2.1 to 8.2.8
    "Thing": ["name", "description"],
    "Location": ["name", "description", "encodingType", "location"],
    "Datastream": ["name", "description", "unitOfMeasurement", "observationType"],
    "Observation": ["phenomenonTime", "resultTime", "result"],
}
OM = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
THINGS, OBSERVATIONS, PAGE = 3, 25, 10


def conforms(kind, document):
    for name in MANDATORY[kind] + ["@iot.id", "@iot.selfLink"]:
        check(name in document, f"{kind} without {name}")
    if kind == "Datastream":
        same(sorted(document["unitOfMeasurement"]), ["definition", "name", "symbol"])
    if kind == "Location":
        same(document["encodingType"], "application/geo+json")
    for kin, name in (("Datastream", "Datastream"), ("Thing", "Thing")):
        if name in document:
            conforms(kin, document[name])
    for location in document.get("Locations", []):
        conforms("Location", location)


class SensorThings:
    def __init__(self):
        self.first = 0

    def observation(self, base, number):
        thing = number % THINGS
        location = {"@iot.id": thing, "@iot.selfLink": f"{base}/Locations({thing})", "name": "roof", "description": "a roof",
                    "encodingType": "application/geo+json",
                    "location": {"type": "Point", "coordinates": [139.7 + thing, 35.6]}}
        station = {"@iot.id": thing, "@iot.selfLink": f"{base}/Things({thing})", "name": f"Station {thing}",
                   "description": "a weather station", "Locations": [location]}
        stream = {"@iot.id": thing, "@iot.selfLink": f"{base}/Datastreams({thing})", "name": "air temperature",
                  "description": "in the shade", "observationType": OM,
                  "unitOfMeasurement": {"name": "degree Celsius", "symbol": "°C",
                                        "definition": "http://www.qudt.org/qudt/owl/1.0.0/unit/Instances.html#DegreeCelsius"},
                  "Thing": station}
        when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1767225600 + 60 * number))
        return {"@iot.id": number, "@iot.selfLink": f"{base}/Observations({number})", "phenomenonTime": when,
                "resultTime": when, "result": 20 + number / 10, "Datastream": stream}

    def __call__(self, request):
        base = f"http://127.0.0.1:{request.server.server_address[1]}/v1.1"
        same(request.query["$expand"], "Datastream($expand=Thing($expand=Locations))")
        skip = int(request.query.get("$skip", 0))
        page = [self.observation(base, self.first + number) for number in range(skip, min(skip + PAGE, OBSERVATIONS))]
        for one in page:
            conforms("Observation", one)
        answer = {"value": page}
        if skip + PAGE < OBSERVATIONS:
            answer["@iot.nextLink"] = f"{base}/Observations?" + urllib.parse.urlencode(
                {"$expand": request.query["$expand"], "$skip": skip + PAGE}, safe="$()=,")
        return 200, {}, answer


STATION = {"each": "$.value", "id": "urn:ngsi-ld:WeatherStation:{Datastream.Thing['@iot.id']}", "type": "WeatherStation",
           "observed_at": {"column": "phenomenonTime"},
           "attributes": {
               "name": {"kind": "text", "column": "Datastream.Thing.name", "observed_at": "none"},
               "temperature": {"kind": "number", "column": "result", "unit": "CEL",
                               "when": {"column": "Datastream.unitOfMeasurement.symbol", "in": ["°C"]}},
               "location": {"kind": "point", "longitude": "Datastream.Thing.Locations[0].location.coordinates[0]",
                            "latitude": "Datastream.Thing.Locations[0].location.coordinates[1]", "observed_at": "none"}}}
EXPAND = "?$expand=Datastream($expand=Thing($expand=Locations))"


def observations_of_sensorthings_become_entities():
    with Service(**{"v1.1/Observations": SensorThings()}) as service:
        config = configuration("things", feed(f"{service.url}/v1.1/Observations{EXPAND}", map_=STATION, interval="1 h",
                                              next="$['@iot.nextLink']"))
        with Daemon(machi, work / "things", "--config", config) as daemon:
            until(lambda: sum(status(daemon)["entities"].values()) == OBSERVATIONS and status(daemon)["state"] == "up",
                  lambda: status(daemon))
            same(len(service.asked), 3, "pages")
            same(status(daemon)["messages"], 3)
            # 24 is the last observation, of thing 0: at 24 minutes past, 22.4 degrees.
            station = entity(daemon, "urn:ngsi-ld:WeatherStation:0")
            same(station["temperature"], {"type": "Property", "value": 22.4, "unitCode": "CEL",
                                          "observedAt": "2026-01-01T00:24:00Z"})
            same(station["location"]["value"], {"type": "Point", "coordinates": [139.7, 35.6]})
            same(station["name"]["value"], "Station 0")
            # All of them are in the history: numbers 0, 3, … 24 of thing 0.
            code, body = daemon.request("GET", "/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:WeatherStation:0?"
                                        "options=temporalValues&timerel=after&timeAt=2000-01-01T00:00:00Z&attrs=temperature")
            same(code, 200, body)
            same([number for number, _ in json.loads(body)["temperature"]["values"]],
                 [round(20 + number / 10, 1) for number in range(0, 25, 3)])
            same(status(daemon)["place"], f"{service.url}/v1.1/Observations")


def what_is_as_it_was_costs_nothing():
    def tagged(request):
        if request.headers.get("If-None-Match") == '"v1"' and request.headers.get("If-Modified-Since"):
            return 304, {"ETag": '"v1"', "Content-Length": "0"}, b""
        return 200, {"ETag": '"v1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, [{"n": 1, "t": 1}]

    with Service(tagged=tagged) as service:
        with Daemon(machi, work / "tagged", "--config", configuration("tagged", feed(service.url + "/tagged"))) as daemon:
            until(lambda: len(service.asked) >= 3, "three polls")
            same(status(daemon)["messages"], 1)
            same(status(daemon)["state"], "up")
            check("If-None-Match" not in service.asked[0].headers)
            check(all("If-None-Match" in request.headers for request in service.asked[1:]))
            gaps = [b.at - a.at for a, b in zip(service.asked, service.asked[1:])]
            check(all(0.8 < gap < 3 for gap in gaps), gaps)


def what_is_given_again_is_stored_once():
    """Observations that are older than the latest come with every poll; each is in the history once."""
    rows = [{"n": 1, "t": number, "at": f"2026-01-01T00:00:{number:02d}Z"} for number in range(5)]
    answers = {"body": rows}
    with Service(rows=lambda _: (200, {}, answers["body"])) as service:
        timed = {"each": "$", "id": "urn:ngsi-ld:Room:{n}", "type": "Room",
                 "attributes": {"t": {"kind": "number", "column": "t", "observed_at": {"column": "at"}}}}
        config = configuration("again", feed(service.url + "/rows", map_=timed),
                               feed(service.url + "/rows", "update", {**timed, "id": "urn:ngsi-ld:Hall:{n}", "mode": "update"}))

        def history():
            code, body = daemon.request("GET", "/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Room:1?options=temporalValues&"
                                        "timerel=after&timeAt=2000-01-01T00:00:00Z")
            return [number for number, _ in json.loads(body)["t"]["values"]] if code == 200 else []

        def polled(times):
            asked = len(service.asked)
            until(lambda: len(service.asked) >= asked + 2 * times, "polls")

        with Daemon(machi, work / "again", "--config", config) as daemon:
            until(lambda: value(daemon, 1) == 4, "the values")
            polled(3)
            same(history(), [0, 1, 2, 3, 4])
            answers["body"] = b"[{"
            polled(2)
            answers["body"] = rows[2:] + [{"n": 1, "t": 9, "at": "2026-01-01T00:01:00Z"}, {"n": 1, "t": 7, "at": rows[0]["at"]}]
            until(lambda: value(daemon, 1) == 9, "what is new")
            polled(2)
            same(history(), [0, 7, 1, 2, 3, 4, 9], "the other value of the first moment, and the new one")
            # What was not stored is not known: it is taken when its entity is there.
            check(status(daemon, "update")["dropped"]["absent"] > 0)
            same(daemon.request("POST", "/ngsi-ld/v1/entities", {"id": "urn:ngsi-ld:Hall:1", "type": "Room"})[0], 201)
            until(lambda: entity(daemon, "urn:ngsi-ld:Hall:1").get("t", {}).get("value") == 9, "the entity")


def who_wants_to_be_left_alone_is():
    answers = [(429, {"Retry-After": "3"}, {}), (503, {"Retry-After": None}, {}), (200, {}, [{"n": 1, "t": 7}])]

    def busy(_):
        code, headers, body = answers[0] if len(answers) == 1 else answers.pop(0)
        if "Retry-After" in headers and headers["Retry-After"] is None:
            headers = {"Retry-After": email.utils.formatdate(time.time() + 3, usegmt=True)}
        return code, headers, body

    with Service(busy=busy) as service:
        with Daemon(machi, work / "busy", "--config", configuration("busy", feed(service.url + "/busy"))) as daemon:
            until(lambda: status(daemon)["state"] == "waiting", "waiting")
            check("answered with status 429 and wants to be left alone for 3 s" in status(daemon)["lastError"],
                  status(daemon)["lastError"])
            until(lambda: value(daemon, 1) == 7, "the value")
            first, second, third = [request.at for request in service.asked[:3]]
            check(2.9 < second - first < 5, second - first)
            check(1.9 < third - second < 5, third - second)  # a date has whole seconds
            until(lambda: status(daemon)["state"] == "up", "up again")


def mistakes_of_a_service_are_told_and_survived():
    state = {"answer": None}

    def slow(_):
        time.sleep(8)
        return 200, {}, []

    def endless(request):
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(20):
                request.wfile.write(b" " * 2**20)

    def dying(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"[{")

    faults = [
        ("status 500", lambda _: (500, {}, {"error": KEY})),
        ("status 404", lambda _: (404, {}, {})),
        ("did not answer in time", slow),
        ("larger than 16777216 bytes", endless),
        ("larger than 16777216 bytes", lambda _: (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 2**27))),
        ("cannot fetch", dying),
        ("redirects too often", lambda request: (302, {"Location": "/faulty"}, {})),
    ]
    with Service(faulty=lambda request: state["answer"](request)) as service:
        config = configuration("faulty", feed(f"{service.url}/faulty?key={KEY}", timeout="2 s", headers={"X-Api-Key": KEY}))
        state["answer"] = faults[0][1]
        with Daemon(machi, work / "faulty", "--config", config) as daemon:
            for text, answer in faults:
                state["answer"] = answer
                until(lambda: status(daemon)["state"] == "waiting" and text in status(daemon)["lastError"],
                      lambda: f"{text}: {status(daemon)}")
                # The next fault should not have to wait for the pauses of the one before.
                state["answer"] = lambda _: (200, {}, [{"n": 1, "t": 1}])
                until(lambda: status(daemon)["state"] == "up", f"up behind {text}")
            state["answer"] = lambda _: (200, {}, b"[{]")
            until(lambda: status(daemon)["dropped"]["malformed"] > 0, "broken JSON")
            same(status(daemon)["state"], "up")
            state["answer"] = lambda _: (200, {}, {"other": 1})
            until(lambda: status(daemon)["dropped"]["invalid"] > 0, "another form")
            same(status(daemon)["dropped"]["oversized"], 3)  # what is over a bound: of size, of redirects
            check(KEY in service.asked[-1].headers["X-Api-Key"] and KEY in service.asked[-1].path)
            shown = daemon.request("GET", "/api/v1/feeds")[1] + daemon.request("GET", "/metrics")[1]
            check(KEY.encode() not in shown, "the key is shown")
            same(daemon.stop(), 0)
            check(KEY not in daemon.log(), "the key is in the log")


def keys_stay_where_they_belong():
    seen = []

    def elsewhere(request):
        seen.append(dict(request.headers))
        return 200, {}, [{"n": 2, "t": 2}]

    with Service(elsewhere=elsewhere) as other:
        routes = {
            "redirect": lambda _: (302, {"Location": f"{other.url}/elsewhere"}, {}),
            "paged": lambda _: (200, {}, {"value": [{"n": 1, "t": 1}], "next": f"{other.url}/elsewhere"}),
        }
        with Service(**routes) as service:
            rows = {"id": "urn:ngsi-ld:Room:{n}", "type": "Room", "attributes": {"t": {"kind": "number", "column": "t"}}}
            config = configuration(
                "keys", feed(service.url + "/redirect", "redirect", headers={"X-Api-Key": KEY}),
                feed(service.url + "/paged", "paged", {"each": "$.value", **rows}, headers={"X-Api-Key": KEY}, next="next"))
            with Daemon(machi, work / "keys", "--config", config) as daemon:
                until(lambda: value(daemon, 2) == 2, "the redirect's value")
                check("X-Api-Key" not in seen[0], seen[0])
                until(lambda: "another origin" in status(daemon, "paged").get("lastError", ""), "the refusal")
                same(value(daemon, 1), 1)
            same({request.headers["X-Api-Key"] for request in service.asked}, {KEY})


def a_user_of_the_url_is_sent_and_not_shown():
    with Service(elsewhere=lambda _: (200, {}, [{"n": 1, "t": 1}])) as other:
        with Service(room=lambda _: (302, {"Location": f"{other.url}/elsewhere"}, {})) as service:
            config = configuration("user", feed(service.url.replace("//", f"//reader:{KEY}@") + "/room"))
            with Daemon(machi, work / "user", "--config", config) as daemon:
                until(lambda: value(daemon, 1) == 1, "the value")
                same(service.asked[0].headers["Authorization"],
                     "Basic " + base64.b64encode(f"reader:{KEY}".encode()).decode())
                check("Authorization" not in other.asked[0].headers)
                same(status(daemon)["place"], service.url + "/room")
                check(KEY not in daemon.log())


def pages_are_bounded():
    def page(request):
        number = int(request.query.get("page", 0))
        return 200, {}, {"@odata.nextLink": f"?page={number + 1}", "value": [{"n": number, "t": number}]}

    def loop(_):
        return 200, {}, {"@odata.nextLink": "/loop", "value": [{"n": 0, "t": 0}]}

    rows = {"each": "value", "id": "urn:ngsi-ld:Room:{n}", "type": "Room",
            "attributes": {"t": {"kind": "number", "column": "t"}}}
    with Service(pages=page, loop=loop) as service:
        config = configuration("pages", feed(service.url + "/pages", "pages", rows, next="['@odata.nextLink']", pages=7,
                                             interval="1 h"),
                               feed(service.url + "/loop", "loop", rows, next="['@odata.nextLink']", interval="1 h"))
        with Daemon(machi, work / "pages", "--config", config) as daemon:
            until(lambda: status(daemon, "pages")["state"] == "up", "up")
            same(service.paths().count("/pages"), 7)
            check("more than 7 pages" in status(daemon, "pages")["lastDrop"])
            until(lambda: value(daemon, 6) == 6, "the last page")
            until(lambda: "its own next page" in status(daemon, "loop").get("lastError", ""), "the loop")


def tables_and_lines_are_read_too():
    table = "n,t,note\r\n1,1.5,\"a, b\"\r\n2,warm,x\r\n3,3.5,\r\n".encode()
    routes = {
        "table.csv": lambda _: (200, {"Content-Type": "text/csv; charset=utf-8"}, table),
        "packed": lambda _: (200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, gzip.compress(table)),
        "lines": lambda _: (200, {"Content-Type": "application/x-ndjson"}, b'{"n": 5, "t": 5}\n\n{"n": 6, "t": 6}\n{\n'),
    }
    plain = {"id": "urn:ngsi-ld:Room:{n}", "type": "Room",
             "attributes": {"t": {"kind": "number", "column": "t"}, "note": {"kind": "text", "column": "note"}}}
    with Service(**routes) as service:
        config = configuration("tables", feed(service.url + "/table.csv", "table", plain, interval="1 h"),
                               feed(service.url + "/packed", "packed", {**plain, "id": "urn:ngsi-ld:Room:p{n}"},
                                    interval="1 h", format="csv"),
                               feed(service.url + "/lines", "lines", plain, interval="1 h"))
        with Daemon(machi, work / "tables", "--config", config) as daemon:
            until(lambda: value(daemon, 3) == 3.5 and value(daemon, "p3") == 3.5 and value(daemon, 6) == 6, "rows")
            same(entity(daemon, "urn:ngsi-ld:Room:1")["note"]["value"], "a, b")
            same(status(daemon, "table")["dropped"]["invalid"], 1)
            check('expected a number, not "warm"' in status(daemon, "table")["lastDrop"])
            same(status(daemon, "lines")["dropped"]["malformed"], 1)
            same(status(daemon, "lines")["messages"], 3)


def one_feed_polls_several_places_and_posts():
    def post(request):
        same((request.command, request.headers["Content-Type"], json.loads(request.body)),
             ("POST", "application/json", {"ask": "all"}))
        return 200, {}, [{"t": 9}]

    with Service(**{"rooms/a/state": post, "rooms/b/state": post}) as service:
        config = configuration("post", feed([service.url + "/rooms/a/state", service.url + "/rooms/b/state"],
                                            map_={"topic": "rooms/{room}/state", "each": "$",
                                                  "id": "urn:ngsi-ld:Room:{room}", "type": "Room",
                                                  "attributes": {"t": {"kind": "number", "column": "t"}}},
                                            body='{"ask": "all"}'))
        with Daemon(machi, work / "post", "--config", config) as daemon:
            until(lambda: (value(daemon, "a"), value(daemon, "b")) == (9, 9), "both")


def a_stop_does_not_wait_for_a_slow_service():
    def silent(_):
        time.sleep(20)

    with Service(silent=silent) as service:
        config = configuration("silent", feed(service.url + "/silent", timeout="10 min"))
        with Daemon(machi, work / "silent", "--config", config) as daemon:
            until(lambda: service.asked, "the request")
            begun = time.monotonic()
            same(daemon.request("POST", "/api/v1/feeds/poll/pause", "{}", {"Content-Type": "application/json"})[0], 204)
            check(time.monotonic() - begun < 5, "the pause took", time.monotonic() - begun)
            same(daemon.request("POST", "/api/v1/feeds/poll/resume", "{}", {"Content-Type": "application/json"})[0], 204)
            until(lambda: len(service.asked) == 2, "the next request")
            begun = time.monotonic()
            same(daemon.stop(), 0)
            check(time.monotonic() - begun < 5, "the stop took", time.monotonic() - begun)


LAMP = "urn:ngsi-ld:Lamp:"


def lamps(service, **send):
    put = {"method": "PUT", "url": service.url + "/lamps/{lamp}/power", "body": '{"on": {value}, "by": "{id}"}', "timeout": "1 s",
           "headers": {"X-Api-Key": KEY}}
    return [{"type": "Lamp", "id": LAMP + "{lamp}", "attribute": "power", "values": {"on": "true", "off": "false"},
             "send": {**put, **send}},
            {"type": "Lamp", "id": LAMP + "{lamp}", "attribute": "level", "minimum": 0, "maximum": 100,
             "send": {"method": "GET", "url": service.url + "/level?lamp={lamp}&to={value}"}}]


def command(daemon, lamp, **values):
    body = {name: {"type": "Property", "value": value} for name, value in values.items()}
    path = f"/ngsi-ld/v1/entities/{LAMP}{urllib.parse.quote(lamp, safe='')}/attrs"
    if daemon.request("POST", path, body)[0] == 404:
        same(daemon.request("POST", "/ngsi-ld/v1/entities", {"id": LAMP + lamp, "type": "Lamp", **body})[0], 201)


def ended(daemon, lamp, attribute="power"):
    def look():
        found = entity(daemon, LAMP + urllib.parse.quote(lamp, safe="")).get(attribute + "Status", {})
        return found if found.get("value") in ("OK", "ERROR") else None
    found = until(look, f"{attribute} of {lamp} ends")
    return found["value"], found.get("reason", {}).get("value")


def commands_are_requests():
    def slow(_):
        time.sleep(3)
        return 200, {}, {}

    routes = {"lamps/a/power": lambda _: (204, {"Content-Length": "0"}, b""), "lamps/sad/power": lambda _: (500, {}, {"key": KEY}),
              "lamps/b%2Fc/power": lambda _: (200, {}, b"x" * 3_000_000), "lamps/slow/power": slow,
              "lamps/away/power": lambda _: (307, {"Location": "/lamps/a/power"}, {}), "level": lambda _: (200, {}, {})}
    with Service(**routes) as service:
        rows = {"id": "urn:ngsi-ld:Room:{n}", "type": "Room", "attributes": {"t": {"kind": "number", "column": "t"}}}
        config = configuration("commands", {"name": "lamps", "webhook": {}, "map": rows, "commands": lamps(service)})
        with Daemon(machi, work / "commands", "--config", config) as daemon:
            command(daemon, "a", power="on")
            same(ended(daemon, "a"), ("OK", None))
            told = service.asked[0]
            same((told.command, told.headers["X-Api-Key"], told.headers["Content-Type"], json.loads(told.body)),
                 ("PUT", KEY, "application/json", {"on": True, "by": LAMP + "a"}))
            command(daemon, "a", level=40)
            same(ended(daemon, "a", "level"), ("OK", None))
            same((service.asked[1].command, service.asked[1].path, service.asked[1].body), ("GET", "/level?lamp=a&to=40", b""))
            # What is no success is none; a redirect is not followed, and a large answer is no failure.
            command(daemon, "sad", power="on")
            same(ended(daemon, "sad"), ("ERROR", f"{service.url}/lamps/ answered with status 500"))
            command(daemon, "away", power="on")
            same(ended(daemon, "away"), ("ERROR", f"{service.url}/lamps/ answered with status 307"))
            same(service.paths().count("/lamps/a/power"), 1)
            command(daemon, "b%2Fc", power="off")
            same(ended(daemon, "b%2Fc"), ("OK", None))
            # No entity leads to another place.
            command(daemon, "..", power="on")
            same(ended(daemon, "..")[0], "ERROR")
            check("no part of a URL" in ended(daemon, "..")[1], ended(daemon, ".."))
            # Nobody answers: it is told once. What is posted meanwhile does not wait.
            asked = len(service.asked)
            command(daemon, "slow", power="on")
            until(lambda: len(service.asked) > asked, "the request")
            begun = time.monotonic()
            same(daemon.request("POST", "/api/v1/feeds/lamps/messages", {"n": 1, "t": 1}, {"Content-Type": "application/json"})[0], 204)
            check(time.monotonic() - begun < 1.5, time.monotonic() - begun)
            check("did not answer in time" in ended(daemon, "slow")[1], ended(daemon, "slow"))
            same(len(service.asked), asked + 1)
            shown = daemon.request("GET", "/api/v1/feeds")[1] + daemon.request("GET", "/metrics")[1] + daemon.log().encode()
            check(KEY.encode() not in shown, "the key is shown")


def commands_do_not_wait_for_a_slow_page():
    def slow(_):
        time.sleep(8)
        return 200, {}, []

    with Service(slow=slow, **{"*": lambda _: (200, {}, {})}) as service:
        config = configuration("hurry", {**feed(service.url + "/slow", timeout="30 s"), "commands": lamps(service)})
        with Daemon(machi, work / "hurry", "--config", config) as daemon:
            until(lambda: service.asked, "the poll")
            begun = time.monotonic()
            command(daemon, "a", power="on")
            same(ended(daemon, "a"), ("OK", None))
            check(time.monotonic() - begun < 4, time.monotonic() - begun)


def commands_that_could_lead_elsewhere_are_refused():
    with Service() as service:
        for change, text in (({"url": "http://{lamp}/power"}, "names behind its host only"),
                             ({"url": "http://{lamp}.lan:80/power"}, "names behind its host only"),
                             ({"url": "ftp://lamps.lan/{lamp}"}, "not a URL"), ({"url": "http://lamps.lan/{lamb}"}, '"{lamb}"'),
                             ({"method": "TRACE"}, "POST, PUT"), ({"headers": {"Host": "x"}}, "cannot be set"),
                             ({"timeout": "2 min"}, "at most 60 s")):
            document = {"name": "lamps", "webhook": {}, "commands": lamps(service, **change),
                        "map": {"id": "urn:x:{n}", "type": "T", "attributes": {"t": {"kind": "number", "column": "t"}}}}
            done = machi("feed", "test", "-", "--config", configuration("elsewhere", document), stdin="{}", status=None)
            check(done.status not in (0, 1) and text in done.err, f"{change}: {done.status} {done.err}")


def feeds_of_the_api_reach_what_the_policy_allows():
    with Service(rooms=lambda _: (200, {}, [{"n": 1, "t": 1}])) as service:
        document = json.dumps(feed(service.url + "/rooms"))
        headers = {"Content-Type": "application/json"}
        with Daemon(machi, work / "denied") as daemon:
            same(daemon.request("POST", "/api/v1/feeds", document, headers)[0], 201)
            until(lambda: "may not be connected to" in status(daemon).get("lastError", ""), "the refusal")
            same(service.asked, [])
        with Daemon(machi, work / "denied", env={"MACHI_OUTBOUND_ALLOW": "127.0.0.0/8"}) as daemon:
            until(lambda: value(daemon, 1) == 1, "the value")


def mistakes_in_the_settings_are_named():
    good = feed("http://127.0.0.1:1/x")
    for change, text in (({"url": "ftp://x/"}, "not a URL"), ({"url": []}, "expected \"url:\""),
                         ({"headers": {"Host": "x"}}, "header Host cannot be set"),
                         ({"headers": {"X-Key": f"{KEY}\n"}}, "X-Key has control characters"),
                         ({"method": "DELETE"}, "GET or POST"), ({"method": "GET", "body": "x"}, "a GET has no body"),
                         ({"next": "a..b"}, "no name"), ({"next": "a", "format": "csv"}, "only JSON"),
                         ({"pages": 0}, "from 1 to"), ({"format": "xml"}, "json, csv or ndjson"),
                         ({"timeout": "1 h"}, "at most 600 s"), ({"intervall": "1 s"}, "did you mean \"interval\"")):
        document = {**good, "http": {**good["http"], **change}}
        with_mistake = work / "mistake.yaml"
        with_mistake.write_text(json.dumps({"feeds": [document]}))
        done = machi("feed", "test", "-", "--config", with_mistake, stdin="[]", status=None)
        check(done.status not in (0, 1) and text in done.err, f"{change}: {done.status} {done.err}")
        check(KEY not in done.err, done.err)


for case in (observations_of_sensorthings_become_entities, what_is_as_it_was_costs_nothing,
             what_is_given_again_is_stored_once, who_wants_to_be_left_alone_is,
             mistakes_of_a_service_are_told_and_survived, keys_stay_where_they_belong,
             a_user_of_the_url_is_sent_and_not_shown, pages_are_bounded,
             tables_and_lines_are_read_too, one_feed_polls_several_places_and_posts,
             a_stop_does_not_wait_for_a_slow_service, commands_are_requests, commands_do_not_wait_for_a_slow_page,
             commands_that_could_lead_elsewhere_are_refused, feeds_of_the_api_reach_what_the_policy_allows,
             mistakes_in_the_settings_are_named):
    tap.case(case)
shutil.rmtree(work)
sys.exit(tap.done())
