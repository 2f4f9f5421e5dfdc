#!/usr/bin/env python3
"""GTFS Realtime as an operator sees it: messages that protoc makes of its text format, fetched from a small server, as
entities; what is published, read back by protoc; servers that die, kill -9, leftovers.

Usage: gtfs_realtime.py MACHI SOURCE_ROOT. The timetable is tests/data/gtfs-tiny with its calendar moved to now. Real
recordings are taken from ../shared/data/gtfs-rt where they are at hand.
"""
import contextlib
import csv
import datetime
import http.server
import io
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Skip, Tap, check, free_port, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
root = pathlib.Path(sys.argv[2]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-gtfs-rt-"))
protoc = shutil.which("protoc")
recordings = next((path for path in (root / "../shared/data/gtfs-rt", root / "../../shared/data/gtfs-rt") if path.exists()),
                  root / "nowhere")
tap = Tap()
PATIENCE = 30
ROUNDS = 12
ENTITIES = "/ngsi-ld/v1/entities"
TODAY = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
NOON = int(datetime.datetime.strptime(TODAY + "12", "%Y%m%d%H").replace(tzinfo=datetime.timezone.utc).timestamp())
KEY = "s3cretKey"


# ---- messages ----

def proto():
    published = recordings / "gtfs-realtime.proto"
    return published if published.exists() else root / "src/gtfsrt/gtfs_realtime.proto"


def protoc_run(action, data):
    if not protoc:
        raise Skip("protoc is not installed (Debian: protobuf-compiler)")
    done = subprocess.run([protoc, f"-I{proto().parent}", f"--{action}=transit_realtime.FeedMessage", proto().name],
                          input=data, capture_output=True, check=False)
    check(done.returncode == 0, done.stderr.decode())
    return done.stdout


def message(*entities, at=None, differential=False):
    kind = " incrementality: DIFFERENTIAL" if differential else ""
    stamp = "" if at is None else f" timestamp: {at}"
    text = f'header {{ gtfs_realtime_version: "2.0"{kind}{stamp} }}\n' + "\n".join(entities)
    return protoc_run("encode", text.encode())


def vehicle(name, lon, lat=0.0, trip="plain", at=None, more=""):
    which = f'trip {{ trip_id: "{trip}" start_date: "{TODAY}" }}' if trip else ""
    return (f'entity {{ id: "v{name}" vehicle {{ {which} vehicle {{ id: "{name}" label: "Bus {name}" }} '
            f'position {{ latitude: {lat} longitude: {lon} bearing: 90 speed: 10 }} timestamp: {at or now()} {more} }} }}')


def update(name, trip, stops):
    return f'entity {{ id: "{name}" trip_update {{ trip {{ {trip} }} {stops} timestamp: {now()} }} }}'


def now():
    return int(time.time())


# ---- servers ----

class Source:
    """Serves messages by path, with an ETag for each; wants the key; remembers who asked how."""

    def __init__(self):
        self.port, self.files, self.asked, self.status = free_port(), {}, [], {}
        self.muted = threading.Event()
        self.server = None
        self.start()

    def start(self):
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                source.asked.append((self.path, dict(self.headers)))
                if path == "/mute":
                    source.muted.set()
                    time.sleep(60)
                body, number = source.files.get(path, (None, 0))
                status = source.status.get(path) or (404 if body is None else 200)
                if self.headers.get("X-Api-Key") != KEY:
                    status = 401
                etag = f'"{number}"'
                if status == 200 and self.headers.get("If-None-Match") == etag:
                    status = 304
                self.send_response(status)
                if status in (200, 304):
                    self.send_header("ETag", etag)
                body = body if status == 200 else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, allow_reuse_address, block_on_close = True, True, False

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def put(self, path, body):
        self.files[path] = (body, self.files.get(path, (None, 0))[1] + 1)

    def say(self, *entities, path="/all.pb"):
        """A message newer than the last one; its time must differ, which has seconds."""
        at = max(now(), getattr(self, "last", 0) + 1)
        self.last = at
        self.put(path, message(*entities, at=at))

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# ---- daemons ----

def timetable(data):
    """The tiny feed with a calendar for every day of these years, imported."""
    folder = work / "timetable"
    if not folder.exists():
        shutil.copytree(root / "tests/data/gtfs-tiny", folder, copy_function=shutil.copyfile)
        (folder / "calendar.txt").write_text(
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
            "W,1,1,1,1,1,1,1,20240101,20991231\n")
    machi("import", "gtfs", folder, "--feed", "tiny", "--data", data)


def feed(source, *paths, name="live", interval="1 s", more=""):
    urls = ", ".join(f"'http://127.0.0.1:{source.port}{path}?api_key={KEY}'" for path in paths or ("/all.pb",))
    return (f"  - name: {name}\n    gtfs_realtime:\n      timetable: tiny\n      urls: [{urls}]\n      interval: {interval}\n"
            f"      timeout: 5 s\n      headers: {{X-Api-Key: {KEY}}}\n{more}")


@contextlib.contextmanager
def running(name, *feeds, imported=True, env=None):
    data, config = work / name, work / f"{name}.yaml"
    config.write_text("feeds:\n" + "".join(feeds))
    if imported and not data.exists():
        timetable(data)
    with Daemon(machi, data, "--config", config, env=env) as daemon:
        yield daemon


def status(daemon, name="live"):
    code, body = daemon.request("GET", f"/api/v1/feeds/{name}")
    return json.loads(body) if code == 200 else {"state": code}


def is_up(daemon, name="live"):
    return until(lambda: status(daemon, name)["state"] == "up", f"{name} is up")


def entity(daemon, name):
    code, body = daemon.request("GET", f"{ENTITIES}/urn:ngsi-ld:{name}")
    return json.loads(body) if code == 200 else {}


def value(daemon, name, attribute):
    found = entity(daemon, name).get(attribute, {})
    return found.get("value", found.get("object", found.get("valueList")))


def position(daemon, name):
    return (value(daemon, f"Vehicle:live:{name}", "location") or {}).get("coordinates")


# ---- in ----

def positions_become_vehicles_with_their_trips():
    with Source() as source:
        source.say(vehicle("7", 0.005, at=now() - 3, more="current_status: IN_TRANSIT_TO current_stop_sequence: 2"),
                   vehicle("8", 0.02, trip="nosuch"), vehicle("9", 0.03, trip=None))
        with running("positions", feed(source)) as daemon:
            is_up(daemon)
            found = entity(daemon, "Vehicle:live:7")
            same(found["type"], "Vehicle")
            same(found["location"]["value"], {"type": "Point", "coordinates": [0.005, 0]})
            same(found["speed"]["value"], 36)
            same(found["positionBasis"]["value"], "observed")
            same(found["hasTrip"]["object"], "urn:ngsi-ld:GtfsTrip:tiny:plain")
            same(found["hasRoute"]["object"], "urn:ngsi-ld:GtfsRoute:tiny:1")
            same(found["nextStop"]["object"], "urn:ngsi-ld:GtfsStop:tiny:q")
            check("hasTrip" not in entity(daemon, "Vehicle:live:8"), "an unknown trip is no trip")
            counts = status(daemon)
            same([counts["trips"][key] for key in ("matched", "unknownTrip", "noTrip")], [1, 1, 1])
            same(counts["told"]["vehicles"], 3)
            metrics = daemon.request("GET", "/metrics")[1].decode()
            check('machi_gtfs_realtime_trips{feed="live",tenant="",kind="gtfs_realtime",result="matched"} 1\n' in metrics,
                  metrics)
            # Where it stands in a history: each place once, also where a message repeats itself.
            source.say(vehicle("7", 0.006))
            until(lambda: position(daemon, "7") == [0.006, 0], "the next place")
            same(entity(daemon, "Vehicle:live:8"), {}, "what a message does not name any more is gone")
            body = daemon.request("GET", "/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Vehicle:live:7?attrs=location&"
                                  "options=temporalValues&timerel=after&timeAt=2000-01-01T00:00:00Z")[1]
            same([at["coordinates"] for at, _ in json.loads(body)["location"]["values"]], [[0.005, 0], [0.006, 0]])
            until(lambda: status(daemon)["notModified"] >= 1, "a message that did not change is not sent again")
            same(status(daemon)["entities"]["deleted"], 2)
            # Keys are nobody's business.
            for text in (daemon.log(), daemon.request("GET", "/api/v1/feeds")[1].decode(), metrics):
                check(KEY not in text, "the key shows")
            same(status(daemon)["place"], f"http://127.0.0.1:{source.port}/all.pb")
            check(any(headers.get("If-None-Match") for _, headers in source.asked))
            check(all(f"api_key={KEY}" in path for path, _ in source.asked))


def trip_updates_become_delays_and_reports():
    plain = f'trip_id: "plain" start_date: "{TODAY}"'
    with Source() as source:
        source.say(update("u1", plain, "stop_time_update { stop_sequence: 2 departure { delay: 400 } }"),
                   update("u2", f'trip_id: "odd id/1" start_date: "{TODAY}" schedule_relationship: CANCELED', ""),
                   update("u3", f'trip_id: "x1" route_id: "1" start_date: "{TODAY}" start_time: "11:00:00" '
                          "schedule_relationship: ADDED",
                          f'stop_time_update {{ stop_id: "p" departure {{ time: {NOON} }} }}'
                          f'stop_time_update {{ stop_id: "q" arrival {{ time: {NOON + 600} }} }}'),
                   vehicle("7", 0.015))
        with running("updates", feed(source)) as daemon:
            is_up(daemon)
            plan = f"GtfsTripUpdate:live:plain:{TODAY}:08:00:00"
            same(value(daemon, plan, "scheduleRelationship"), "scheduled")
            calls = value(daemon, plan, "calls")
            # Departures of the stops behind have the delay too: q at 8:11 leaves 400 s later.
            day = datetime.datetime.strptime(TODAY, "%Y%m%d").replace(tzinfo=datetime.timezone.utc)
            leaves = day + datetime.timedelta(hours=8, minutes=11, seconds=400)
            by_stop = {call["stop"]: call for call in calls}
            same(by_stop["urn:ngsi-ld:GtfsStop:tiny:q"]["departure"], leaves.strftime("%Y-%m-%dT%H:%M:%SZ"))
            same(by_stop["urn:ngsi-ld:GtfsStop:tiny:s"]["arrivalDelay"], 400)
            same(value(daemon, f"GtfsTripUpdate:live:odd%20id%2F1:{TODAY}:10:00:00".replace("%", "%25"),
                       "scheduleRelationship"), "canceled")
            added = entity(daemon, f"GtfsTripUpdate:live:x1~added:{TODAY}:11:00:00")
            same(added["scheduleRelationship"]["value"], "added")
            same(added["hasStop"]["object"], ["urn:ngsi-ld:GtfsStop:tiny:p", "urn:ngsi-ld:GtfsStop:tiny:q"])
            same(value(daemon, "Vehicle:live:7", "delay"), 400)
            report = until(lambda: entity(daemon, "GtfsRealtimeReport:live"), "the report")
            same([report[key]["value"] for key in ("vehicles", "tripUpdates", "runsLate", "runsOnTime", "onTimeShare",
                                                   "meanDelay")], [1, 3, 1, 0, 0, 400])
            same(value(daemon, "GtfsRouteReport:live:1", "hasRoute"), "urn:ngsi-ld:GtfsRoute:tiny:1")
            same(status(daemon)["runs"], {"early": 0, "onTime": 0, "late": 1})
            # Copies of a trip leave the planned one alone.
            source.say(update("u4", f'{plain} schedule_relationship: DUPLICATED',
                              f'trip_properties {{ trip_id: "copy" start_date: "{TODAY}" start_time: "09:30:00" }} '
                              "stop_time_update { stop_sequence: 1 departure { delay: 60 } }"))
            copy = until(lambda: entity(daemon, f"GtfsTripUpdate:live:copy~duplicated:{TODAY}:09:30:00"), "the copy")
            same(copy["copyOf"]["object"], "urn:ngsi-ld:GtfsTrip:tiny:plain")
            same(copy["scheduleRelationship"]["value"], "duplicated")
            same(entity(daemon, plan), {})


def alerts_become_alerts():
    with Source() as source:
        source.say('entity { id: "a1" alert { active_period { start: 1 end: 4102444800 } cause: MAINTENANCE effect: DETOUR '
                   'informed_entity { route_id: "1" } informed_entity { stop_id: "p" } '
                   'header_text { translation { text: "Umleitung" language: "de" } translation { text: "Detour" '
                   'language: "en" } } } }')
        with running("alerts", feed(source)) as daemon:
            is_up(daemon)
            alert = entity(daemon, "Alert:live:a1")
            same([alert["cause"]["value"], alert["effect"]["value"]], ["maintenance", "detour"])
            same(alert["name"]["languageMap"], {"de": "Umleitung", "en": "Detour"})
            same(alert["hasRoute"]["object"], "urn:ngsi-ld:GtfsRoute:tiny:1")
            same(alert["hasStop"]["object"], "urn:ngsi-ld:GtfsStop:tiny:p")


# ---- troubles ----

def a_server_that_dies_is_asked_again():
    with Source() as source:
        source.say(vehicle("7", 0.001))
        with running("dies", feed(source)) as daemon:
            is_up(daemon)
            source.stop()
            until(lambda: status(daemon)["state"] == "waiting", "it is noticed")
            same(position(daemon, "7"), [0.001, 0], "what was told stays")
            check(KEY not in daemon.log() and KEY not in status(daemon)["lastError"], status(daemon)["lastError"])
            source.start()
            source.say(vehicle("7", 0.002))
            is_up(daemon)
            same(position(daemon, "7"), [0.002, 0])


def what_a_url_told_is_forgotten_when_it_fails_for_long():
    with Source() as source:
        source.say(vehicle("7", 0.001), path="/a.pb")
        source.say('entity { id: "a1" alert { informed_entity { route_id: "1" } } }', path="/b.pb")
        with running("forgotten", feed(source, "/a.pb", "/b.pb", more="      forget_after: 3 s\n")) as daemon:
            is_up(daemon)
            source.status["/a.pb"] = 500
            start = time.monotonic()
            until(lambda: entity(daemon, "Vehicle:live:7") == {}, "it is forgotten")
            check(time.monotonic() - start > 2, "not at once")
            time.sleep(2)
            check(entity(daemon, "Alert:live:a1"), "what does not change stays")
            source.status.clear()
            until(lambda: position(daemon, "7") == [0.001, 0], "it is back, with the message of before")


def one_url_that_fails_does_not_stop_the_others():
    with Source() as source:
        source.say(vehicle("7", 0.001), path="/good.pb")
        source.status["/bad.pb"] = 500
        with running("one", feed(source, "/bad.pb", "/good.pb", "/none.pb")) as daemon:
            until(lambda: position(daemon, "7") == [0.001, 0], "the good one")
            for step in range(2, 4):
                source.say(vehicle("7", step / 1000), path="/good.pb")
                until(lambda: position(daemon, "7") == [step / 1000, 0], "the good one again")
            same(status(daemon)["state"], "waiting")
            check("500" in status(daemon)["lastError"], status(daemon))
            asked = [path for path, _ in source.asked]
            bad, good = (sum(path.startswith(name) for path in asked) for name in ("/bad.pb", "/good.pb"))
            check(bad < good, f"{bad} times the bad one, {good} times the good one")


def what_cannot_be_read_is_counted():
    with Source() as source:
        source.put("/all.pb", b"<html>not a feed</html>")
        with running("unreadable", feed(source, more="      message_megabytes: 1\n")) as daemon:
            until(lambda: status(daemon).get("dropped", {}).get("malformed"), "no message")
            source.put("/all.pb", message(vehicle("7", 0.001), at=now(), differential=True))
            until(lambda: "DIFFERENTIAL" in status(daemon)["lastDrop"], "a kind that is not defined")
            source.put("/all.pb", b"\0" * 2_000_000)
            until(lambda: status(daemon)["dropped"]["oversized"], "too large")
            source.say(vehicle("7", 0.001), vehicle("8", 500.0))
            is_up(daemon)
            same(position(daemon, "7"), [0.001, 0])
            same(status(daemon)["placesRefused"], 1)
            source.put("/all.pb", message(vehicle("7", 0.009), at=now() - 3600))
            until(lambda: status(daemon)["old"] == 1, "an old message")
            same(position(daemon, "7"), [0.001, 0])


def what_an_earlier_run_left_is_removed_and_the_rest_stays():
    with Source() as source:
        source.say(vehicle("7", 0.001), vehicle("8", 0.002), path="/a.pb")
        source.say(update("u1", f'trip_id: "plain" start_date: "{TODAY}"', "delay: 10"), path="/b.pb")
        with running("left", feed(source, "/a.pb", "/b.pb")) as daemon:
            is_up(daemon)
            machi("--version")
            same(daemon.request("POST", ENTITIES, {"id": "urn:ngsi-ld:Vehicle:liver:1", "type": "Vehicle"})[0], 201)
            created = entity(daemon, "Vehicle:live:7")
            daemon.kill()
        source.say(vehicle("8", 0.003), path="/a.pb")
        source.status["/b.pb"] = 503
        with running("left", feed(source, "/a.pb", "/b.pb")) as daemon:
            until(lambda: position(daemon, "8") == [0.003, 0], "the first message")
            same(entity(daemon, "Vehicle:live:7")["location"], created["location"],
                 "not before all have told what there is")
            source.status.clear()
            source.say(update("u1", f'trip_id: "plain" start_date: "{TODAY}"', "delay: 10"), path="/b.pb")
            until(lambda: entity(daemon, "Vehicle:live:7") == {}, "the leftover goes")
            check(entity(daemon, f"GtfsTripUpdate:live:plain:{TODAY}:08:00:00"))
            check(entity(daemon, "Vehicle:liver:1"), "another feed's vehicle")


def what_somebody_deleted_is_told_whole():
    with Source() as source:
        source.say(vehicle("7", 0.001))
        with running("deleted", feed(source)) as daemon:
            is_up(daemon)
            same(daemon.request("DELETE", f"{ENTITIES}/urn:ngsi-ld:Vehicle:live:7")[0], 204)
            source.say(vehicle("7", 0.002))
            until(lambda: status(daemon)["dropped"]["absent"] == 1, "there is nothing to change")
            until(lambda: position(daemon, "7") == [0.002, 0], "it is there again, by the same message")
            same(value(daemon, "Vehicle:live:7", "hasTrip"), "urn:ngsi-ld:GtfsTrip:tiny:plain")


def a_timetable_that_comes_later_is_used():
    with Source() as source:
        source.say(vehicle("7", 0.001))
        with running("later", feed(source), imported=False) as daemon:
            until(lambda: position(daemon, "7") == [0.001, 0], "a vehicle without a trip")
            same(status(daemon)["state"], "waiting")
            check('no GTFS feed "tiny" has been imported' in status(daemon)["lastError"], status(daemon))
            check("hasTrip" not in entity(daemon, "Vehicle:live:7"))
            timetable(work / "later")
            until(lambda: value(daemon, "Vehicle:live:7", "hasTrip"), "the trip, though the message is the same")
            is_up(daemon)


def names_that_collide_are_refused():
    with Source() as source:
        source.say(vehicle("7", 0.001))
        config = work / "same.yaml"
        config.write_text("feeds:\n" + feed(source, name="tiny"))
        done = machi("config", "check", config, status=None)
        check(done.status != 0 and "names of their own" in done.err + done.out, done.err + done.out)
        check(KEY not in done.err + done.out)
        config.write_text("timetable:\n  - feed: other\nfeeds:\n" + feed(source, name="other"))
        done = machi("config", "check", config, status=None)
        check(done.status != 0 and "timetable" in done.err + done.out, done.err + done.out)
        data = work / "names"
        timetable(data)
        machi("import", "gtfs", work / "timetable", "--feed", "other", "--data", data)
        config.write_text("feeds:\n" + feed(source, name="other"))
        with Daemon(machi, data, "--config", config) as daemon:
            until(lambda: "needs another name" in status(daemon, "other").get("lastError", ""), "the refusal")
            same(entity(daemon, "Vehicle:other:7"), {})


def a_feed_stops_while_its_server_says_nothing():
    with Source() as source:
        with running("mute", feed(source, "/mute", more="")) as daemon:
            check(source.muted.wait(PATIENCE), "it asks")
            start = time.monotonic()
            same(daemon.stop(), 0)
            check(time.monotonic() - start < 4, f"{time.monotonic() - start:.1f} s to stop")


def a_feed_of_the_api_reaches_what_it_may():
    with Source() as source:
        source.say(vehicle("7", 0.001))
        document = {"name": "added", "gtfs_realtime": {
            "timetable": "tiny", "urls": [f"http://127.0.0.1:{source.port}/all.pb"], "headers": {"X-Api-Key": KEY}}}
        with running("api", feed(source)) as daemon:
            same(daemon.request("POST", "/api/v1/feeds", {**document, "map": {}})[0], 400)
            same(daemon.request("POST", "/api/v1/feeds", document)[0], 201)
            until(lambda: "may not be connected to" in status(daemon, "added").get("lastError", ""), "the refusal")
            same(daemon.request("DELETE", "/api/v1/feeds/added")[0], 204)
        with running("api", feed(source), env={"MACHI_OUTBOUND_ALLOW": "127.0.0.0/8"}) as daemon:
            same(daemon.request("POST", "/api/v1/feeds", document)[0], 201)
            is_up(daemon, "added")
            check(entity(daemon, "Vehicle:added:7"))


def places(daemon):
    code, body = daemon.request("GET", f"{ENTITIES}?type=Vehicle&idPattern=^urn:ngsi-ld:Vehicle:live:&limit=1000&"
                                "options=simplified")
    same(code, 200, body)
    return {found["id"].split(":")[-1]: found["location"]["coordinates"] for found in json.loads(body)}


def whatever_happens_the_store_says_what_the_last_message_says():
    chance = random.Random(4711)
    data, config = work / "whatever", work / "whatever.yaml"
    timetable(data)
    with Source() as source, contextlib.ExitStack() as stack:
        config.write_text("feeds:\n" + feed(source, "/a.pb", "/b.pb"))
        source.say(path="/b.pb")
        daemon = stack.enter_context(Daemon(machi, data, "--config", config))
        kills = 0
        for step in range(ROUNDS):
            wanted = {str(name): [round(chance.uniform(-1, 1), 4), round(chance.uniform(-1, 1), 4)]
                      for name in chance.sample(range(200), chance.randrange(1, 120))}
            split = chance.randrange(len(wanted) + 1)
            names = list(wanted)
            trouble = chance.choice(["none", "kill", "kill", "server", "bad", "delete"])
            for path, part in (("/a.pb", names[:split]), ("/b.pb", names[split:])):
                source.say(*(vehicle(name, *wanted[name], at=now() + step) for name in part), path=path)
            if trouble == "kill":
                time.sleep(chance.random())
                daemon.kill()
                kills += 1
                daemon = stack.enter_context(Daemon(machi, data, "--config", config))
            elif trouble == "server":
                source.stop()
                time.sleep(0.2)
                source.start()
            elif trouble == "bad":
                good = source.files["/a.pb"][0]
                source.put("/a.pb", good[:len(good) // 2] + b"\xff")
                time.sleep(1)
                source.put("/a.pb", good)
            elif trouble == "delete":
                for name in list(places(daemon))[:5]:
                    daemon.request("DELETE", f"{ENTITIES}/urn:ngsi-ld:Vehicle:live:{name}")
                time.sleep(chance.random() * 2)
                for path, part in (("/a.pb", names[:split]), ("/b.pb", names[split:])):
                    source.say(*(vehicle(name, *wanted[name], at=now() + step + 1) for name in part), path=path)
            until(lambda: places(daemon) == wanted, f"round {step}, {trouble}")
        print(f"# {ROUNDS} rounds, {kills} kills")
        same(daemon.stop(), 0)
        check("integrity" not in machi("check", "--data", data).err)


# ---- out ----

def fetch(daemon, name, headers=None, timetable="tiny"):
    with contextlib.closing(daemon.connect()) as connection:
        connection.request("GET", f"/api/v1/gtfs/{timetable}/{name}", headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def decoded(daemon, name):
    status, headers, body = fetch(daemon, name)
    same([status, headers["Content-Type"]], [200, "application/x-protobuf"])
    return " ".join(protoc_run("decode", body).decode().split())


def everything(at):
    plain = f'trip_id: "plain" start_date: "{TODAY}"'
    return (update("u1", plain, "stop_time_update { stop_sequence: 2 departure { delay: 400 } }"),
            update("u2", f'trip_id: "odd id/1" start_date: "{TODAY}" schedule_relationship: CANCELED', ""),
            update("u3", f'trip_id: "x1" route_id: "1" start_date: "{TODAY}" start_time: "11:00:00" '
                   "schedule_relationship: ADDED", f'stop_time_update {{ stop_id: "p" departure {{ time: {NOON} }} }}'),
            update("u4", f'{plain} schedule_relationship: DUPLICATED',
                   f'trip_properties {{ trip_id: "copy" start_date: "{TODAY}" start_time: "09:30:00" }} '
                   "stop_time_update { stop_sequence: 1 departure { delay: 60 } }"),
            vehicle("7", 0.015, at=at, more="occupancy_status: FEW_SEATS_AVAILABLE current_stop_sequence: 3"),
            'entity { id: "a1" alert { active_period { start: 1 end: 4102444800 } cause: MAINTENANCE effect: DETOUR '
            'informed_entity { route_id: "1" } header_text { translation { text: "Detour" language: "en" } } } }')


def what_is_known_is_published():
    with Source() as source:
        at = now() - 5
        source.say(*everything(at))
        with running("published", feed(source)) as daemon:
            is_up(daemon)
            # Of a stranger, too, and not of another timetable.
            for name, trip in (("mine", "urn:ngsi-ld:GtfsTrip:tiny:odd%20id%2F1"), ("other", "urn:ngsi-ld:GtfsTrip:else:1")):
                same(daemon.request("POST", ENTITIES, {
                    "id": f"urn:ngsi-ld:Vehicle:bus:{name}", "type": "Vehicle",
                    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [0.5, 0.25]}},
                    "positionBasis": {"type": "Property", "value": "observed"},
                    "hasTrip": {"type": "Relationship", "object": trip}})[0], 201)
            text = decoded(daemon, "vehicle_positions.pb")
            check(f'trip_id: "plain" start_date: "{TODAY}"' in text or 'trip_id: "plain"' in text, text)
            check("longitude: 0.015" in text and 'id: "7"' in text and "speed: 10" in text, text)
            check(f"timestamp: {at}" in text and "FEW_SEATS_AVAILABLE" in text, text)
            check('trip_id: "odd id/1"' in text and "longitude: 0.5" in text, text)
            check("alert" not in text and "trip_update" not in text and text.count("entity {") == 2, text)
            text = decoded(daemon, "trip_updates.pb")
            check(text.count("entity {") == 4 and "CANCELED" in text and "DUPLICATED" in text and "ADDED" in text, text)
            check("delay: 400" in text, text)
            text = decoded(daemon, "alerts.pb")
            check("cause: MAINTENANCE" in text and "effect: DETOUR" in text and 'route_id: "1"' in text, text)
            same(decoded(daemon, "realtime.pb").count(" entity {"), 7)
            # Machi takes its own message for what it was made of.
            same(daemon.request("DELETE", f"{ENTITIES}/urn:ngsi-ld:Vehicle:bus:mine")[0], 204)
            url = f"http://127.0.0.1:{daemon.port}/api/v1/gtfs/tiny/realtime.pb"
            time.sleep(1.1)  # a message is given again for a second
            with running("echo", feed(source).replace(f"http://127.0.0.1:{source.port}/all.pb?api_key={KEY}", url)) as echo:
                is_up(echo)
                for kind in ("Vehicle", "GtfsTripUpdate"):
                    query = f"{ENTITIES}?type={kind}&idPattern=^urn:ngsi-ld:{kind}:live:&limit=100&options=simplified"
                    ours, theirs = (sorted(json.loads(where.request("GET", query)[1]), key=lambda found: found["id"])
                                    for where in (daemon, echo))
                    check(len(ours) == (1 if kind == "Vehicle" else 4), ours)
                    same(theirs, ours)
                alert = json.loads(echo.request("GET", f"{ENTITIES}?type=Alert&options=simplified")[1])
                same([alert[0][key] for key in ("cause", "effect", "hasRoute")],
                     ["maintenance", "detour", "urn:ngsi-ld:GtfsRoute:tiny:1"])


def who_has_it_gets_it_not_again():
    with Source() as source:
        source.say(vehicle("7", 0.015))
        with running("tagged", feed(source)) as daemon:
            is_up(daemon)
            _, headers, _ = fetch(daemon, "realtime.pb")
            same([headers["Cache-Control"], headers["Vary"]], ["no-cache", "NGSILD-Tenant"])
            time.sleep(1.1)
            same(fetch(daemon, "realtime.pb", {"If-None-Match": headers["ETag"]})[0], 304)
            same(fetch(daemon, "realtime.pb", {"If-Modified-Since": headers["Last-Modified"]})[0], 304)
            source.say(vehicle("7", 0.016))
            until(lambda: fetch(daemon, "realtime.pb", {"If-None-Match": headers["ETag"]})[0] == 200, "what is new")
            same(fetch(daemon, "realtime.pb", timetable="nosuch")[0], 404)
            same(fetch(daemon, "gtfs.zip", timetable="nosuch")[0], 404)
            same(fetch(daemon, "gtfs.zip", {"NGSILD-Tenant": "nobody"})[0], 404)
            same(fetch(daemon, "realtime.pb?plan=true")[0], 400)
            same(fetch(daemon, "realtime.pb", timetable="a%2Fb")[0], 400)


def planned_vehicles_are_published_when_asked_for():
    with Source() as source:
        # The run of "odd id/1" leaves at 10:00 and takes half an hour.
        data, config = work / "planned", work / "planned.yaml"
        timetable(data)
        config.write_text(f"timetable:\n  - feed: tiny\n    interval: 1 s\n    start: {TODAY[:4]}-{TODAY[4:6]}-{TODAY[6:]}"
                          "T10:05:00Z\n")
        with Daemon(machi, data, "--config", config) as daemon:
            until(lambda: entity(daemon, f"Vehicle:tiny:odd%2520id%252F1:{TODAY}:10:00:00"), "a planned vehicle")
            same(decoded(daemon, "vehicle_positions.pb").count("entity {"), 0)
            until(lambda: "odd id/1" in decoded(daemon, "vehicle_positions.pb?planned=true"), "what is planned")


def timetables_are_published_as_zips():
    with Source() as source:
        with running("zip", feed(source)) as daemon:
            status, headers, body = fetch(daemon, "gtfs.zip")
            same([status, headers["Content-Type"]], [200, "application/zip"])
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                same(archive.testzip(), None)
                stops = {row["stop_id"]: row for row in csv.DictReader(io.TextIOWrapper(archive.open("stops.txt"), "utf-8"))}
                times = list(csv.DictReader(io.TextIOWrapper(archive.open("stop_times.txt"), "utf-8")))
            same([stops["q"]["stop_name"], stops["q"]["parent_station"]], ["Quay\nnorth", "hub"])
            same([row["stop_id"] for row in times if row["trip_id"] == "plain"], ["p", "q", "r", "s"])
            same(fetch(daemon, "gtfs.zip")[2], body, "the same bytes")
            same(fetch(daemon, "gtfs.zip", {"If-None-Match": headers["ETag"]})[0], 304)
            file = work / "out.zip"
            file.write_bytes(body)
            check("0 created, 0 changed" in (done := machi("import", "gtfs", file, "--feed", "tiny", "--data",
                                                          work / "zip")).out + done.err, done.out + done.err)
            same(fetch(daemon, "gtfs.zip", {"If-None-Match": headers["ETag"]})[0], 304, "nothing changed")
            # Another import changes it; another tenant has its own.
            changed = work / "changed"
            shutil.copytree(work / "timetable", changed)
            (changed / "agency.txt").write_text((changed / "agency.txt").read_text().replace("Blue", "Green"))
            machi("import", "gtfs", changed, "--feed", "tiny", "--data", work / "zip")
            status, again, body = fetch(daemon, "gtfs.zip", {"If-None-Match": headers["ETag"]})
            same(status, 200)
            check(again["ETag"] != headers["ETag"])
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                check(b"Green" in archive.read("agency.txt"))
            machi("import", "gtfs", work / "timetable", "--feed", "tiny", "--data", work / "zip", "--tenant", "north")
            until(lambda: fetch(daemon, "gtfs.zip", {"NGSILD-Tenant": "north"})[0] == 200, "the tenant's")
            same(fetch(daemon, "gtfs.zip", {"NGSILD-Tenant": "north"})[1]["ETag"], headers["ETag"])


def a_city_is_zipped_beside_other_answers():
    city = root / "data/singapore/gtfs.zip"
    data = work / "city"
    machi("import", "gtfs", city, "--feed", "singapore", "--data", data)
    with Daemon(machi, data) as daemon:
        answers, done = [], threading.Event()

        def ask():
            answers.append(fetch(daemon, "gtfs.zip", timetable="singapore"))
            done.set()

        threading.Thread(target=ask).start()
        longest = 0.0
        while not done.is_set():
            start = time.monotonic()
            same(daemon.request("GET", "/health")[0], 200)
            longest = max(longest, time.monotonic() - start)
        same(answers[0][0], 200)
        with zipfile.ZipFile(city) as theirs, zipfile.ZipFile(io.BytesIO(answers[0][2])) as ours:
            same(ours.read("stop_times.txt").count(b"\n"), theirs.read("stop_times.txt").strip().count(b"\n") + 1)
        check(longest < 0.5, f"an answer took {longest:.2f} s meanwhile")
        print(f"# longest answer beside it: {longest * 1000:.0f} ms")


def the_guides_say_what_works():
    text = (root / "docs/how-to/connect-gtfs-realtime.md").read_text()
    config = work / "guide.yaml"
    config.write_text(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    machi("config", "check", config)
    text = (root / "docs/how-to/publish-gtfs.md").read_text()
    named = re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE)
    same(len(named), 5)
    machi("import", "gtfs", root / "data/singapore/gtfs.zip", "--feed", "singapore", "--data", work / "guide")
    with Daemon(machi, work / "guide") as daemon:
        described = json.loads(daemon.request("GET", "/openapi.json")[1])["paths"]
        for name in named:
            status, headers, _ = fetch(daemon, name, timetable="singapore")
            same(status, 200, name)
            check(headers["Content-Type"] in described[f"/api/v1/gtfs/{{timetable}}/{name}"]["get"]["responses"]["200"]["content"])


def real_recordings_are_taken():
    if not recordings.exists():
        raise Skip("no recordings at ../shared/data/gtfs-rt")
    nyct = recordings / "nyct_wrong_way"
    with Source() as source:
        files = {"/bull.pb": recordings / "bullrunner-vehicle-positions.pb",
                 "/miway.pb": recordings / "miway_VehiclePositions.pb", "/g.pb": nyct / "g.pb", "/l.pb": nyct / "l.pb"}
        wanted = {}
        for path, file in files.items():
            source.put(path, file.read_bytes())
            text = protoc_run("decode", file.read_bytes()).decode()
            wanted[path] = text.count("\nentity {")
        with running("real", feed(source, *files)) as daemon:
            until(lambda: status(daemon).get("messages", 0) >= len(files) and status(daemon)["commits"] > 0, "messages")
            is_up(daemon)
            same(sum(status(daemon)["dropped"].values()), 0, status(daemon))
            count = until(lambda: status(daemon)["told"]["vehicles"], "the first report, behind the last message")
            same(len(json.loads(daemon.request("GET", f"{ENTITIES}?type=Vehicle&limit=1000&options=simplified")[1])), count)
            check(count >= wanted["/bull.pb"] + wanted["/miway.pb"], f"{count} vehicles of {wanted}")


CASES = [positions_become_vehicles_with_their_trips, trip_updates_become_delays_and_reports, alerts_become_alerts,
         whatever_happens_the_store_says_what_the_last_message_says, a_server_that_dies_is_asked_again,
         what_a_url_told_is_forgotten_when_it_fails_for_long, one_url_that_fails_does_not_stop_the_others,
         what_cannot_be_read_is_counted,
         what_an_earlier_run_left_is_removed_and_the_rest_stays, what_somebody_deleted_is_told_whole,
         a_timetable_that_comes_later_is_used, names_that_collide_are_refused,
         a_feed_stops_while_its_server_says_nothing, a_feed_of_the_api_reaches_what_it_may, what_is_known_is_published,
         who_has_it_gets_it_not_again, planned_vehicles_are_published_when_asked_for, timetables_are_published_as_zips,
         a_city_is_zipped_beside_other_answers, the_guides_say_what_works, real_recordings_are_taken]
try:
    for case in CASES:
        tap.case(case)
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(tap.done())
