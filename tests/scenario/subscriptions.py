#!/usr/bin/env python3
"""Subscriptions and what they are owed, against a receiver that misbehaves on purpose.

Usage: subscriptions.py MACHI SOURCE_ROOT [KILLS [SEED]]. The receiver is an HTTP server of this script: slow, silent,
answering 500, 302 or garbage, gone and back again. Then the daemon is killed at random moments while entities change;
whatever was acknowledged must have been told in the end, in the order of each entity's changes.
"""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from receiver import ARRIVES_SECONDS, Receiver
from tap import Daemon, Machi, Skip, Tap, ask, check, free_port, same

KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261129
ROOT = "/ngsi-ld/v1"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-subscriptions-"))
tap = Tap()


class Subscriber:
    """A client of MQTT 3.1.1 that hears one topic with QoS 0."""

    def __init__(self, port, topic):
        deadline = time.monotonic() + ARRIVES_SECONDS
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), ARRIVES_SECONDS)
                break
            except OSError:
                check(time.monotonic() < deadline, "no broker")
                time.sleep(0.05)
        self.send(0x10, b"\0\4MQTT\4\2\0\x3c" + self.text("told"))
        same(self.packet()[0] >> 4, 2)  # CONNACK
        self.send(0x82, b"\0\1" + self.text(topic) + b"\0")
        same(self.packet()[0] >> 4, 9)  # SUBACK

    @staticmethod
    def text(text):
        return len(text).to_bytes(2, "big") + text.encode()

    def send(self, head, body):
        check(len(body) < 128)
        self.socket.sendall(bytes([head, len(body)]) + body)

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            check(part, "the broker has gone")
            data += part
        return data

    def packet(self):
        head, length, shift = self.read(1)[0], 0, 0
        while True:
            byte = self.read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return head, self.read(length)

    def next(self):
        while True:
            head, body = self.packet()
            if head >> 4 == 3:  # PUBLISH
                return body[2 + int.from_bytes(body[:2], "big"):]

    def close(self):
        self.socket.close()


def subscription(path, **members):
    notification = {"endpoint": {"uri": receiver.url(path or "/")}, **members.pop("notification", {})}
    return {"type": "Subscription", "entities": [{"type": "Room"}], "notification": notification, **members}


def subscribe(body, headers=None):
    connection = daemon.connect()
    with contextlib.closing(connection):
        connection.request("POST", f"{ROOT}/subscriptions", json.dumps(body),
                           {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        same(answer.status, 201, text)
        return answer.getheader("Location")


def put(id, headers=None, type="Room", **attributes):
    body = {"id": id, "type": type, **{name: {"type": "Property", "value": value} for name, value in attributes.items()}}
    status, answer = daemon.request("POST", f"{ROOT}/entityOperations/upsert?options=update", [body], headers)
    check(status in (201, 204), status, answer)


def drop(location, headers=None):
    same(daemon.request("DELETE", location, None, headers)[0], 204)


receiver = Receiver()

with Daemon(machi, work / "city") as daemon:
    @tap.case
    def a_change_is_told():
        location = subscribe(subscription("/told", id="urn:x:told", watchedAttributes=["temperature"]))
        same(location, f"{ROOT}/subscriptions/urn:x:told")
        put("urn:x:room:1", temperature=21.5, humidity=40)
        put("urn:x:room:1", humidity=41)  # not watched
        put("urn:x:room:1", temperature=21.5)  # says the same
        put("urn:x:hall:1", type="Hall", temperature=3)
        put("urn:x:room:1", temperature=22)
        first, second = receiver.wait("/told", 2)
        receiver.quiet("/told", 2)
        same((first["type"], first["subscriptionId"], len(first["data"])), ("Notification", "urn:x:told", 1))
        same(first["data"][0], {"id": "urn:x:room:1", "type": "Room",
                                "temperature": {"type": "Property", "value": 21.5},
                                "humidity": {"type": "Property", "value": 40}})
        same(second["data"][0]["temperature"]["value"], 22)
        check(first["id"] != second["id"] and first["id"].startswith("urn:"), first["id"], second["id"])
        headers = receiver.got["/told"][0][0]
        same(headers["Content-Type"], "application/json")
        check("json-ld#context" in headers["Link"], headers)
        drop(location)
        put("urn:x:room:1", temperature=23)
        receiver.quiet("/told", 2)

    @tap.case
    def it_is_shown_listed_and_updated():
        location = subscribe(subscription("/shown", q="temperature>20", description="warm rooms",
                                          notification={"attributes": ["temperature"], "format": "keyValues"}))
        put("urn:x:room:2", temperature=30, humidity=1)
        same(receiver.wait("/shown", 1)[0]["data"], [{"id": "urn:x:room:2", "type": "Room", "temperature": 30}])
        time.sleep(0.1)
        status, answer = daemon.request("GET", location)
        shown = json.loads(answer)
        same((status, shown["status"], shown["q"], shown["entities"]), (200, "active", "temperature>20", [{"type": "Room"}]))
        same((shown["notification"]["timesSent"], shown["notification"]["status"]), (1, "ok"))
        check("lastSuccess" in shown["notification"] and "lastFailure" not in shown["notification"], shown)
        status, answer = daemon.request("PATCH", location, {"q": "temperature>40", "isActive": True})
        same(status, 204, answer)
        put("urn:x:room:2", temperature=35)
        receiver.quiet("/shown", 1)
        put("urn:x:room:2", temperature=45)
        receiver.wait("/shown", 2)
        same(daemon.request("PATCH", location, {"isActive": False})[0], 204)
        same(json.loads(daemon.request("GET", location)[1])["status"], "paused")
        put("urn:x:room:2", temperature=46)
        receiver.quiet("/shown", 2)
        # 5.5.8, 5.4: null, and NGSI-LD Null, remove.
        same(daemon.request("PATCH", location, {"description": "urn:ngsi-ld:null", "q": None, "isActive": True,
                                                "jsonldContext": "urn:ngsi-ld:null"})[0], 204)
        shown = json.loads(daemon.request("GET", location)[1])
        check("description" not in shown and "q" not in shown and shown["status"] == "active", shown)
        put("urn:x:room:2", temperature=1)
        receiver.wait("/shown", 3)
        status, answer = daemon.request("PATCH", location, {"notification": "urn:ngsi-ld:null"})
        check(status == 400 and b"notification" in answer, status, answer)
        status, answer = daemon.request("GET", f"{ROOT}/subscriptions?limit=1&count=true")
        same((status, len(json.loads(answer))), (200, 1))
        drop(location)
        same(daemon.request("GET", location)[0], 404)
        same(daemon.request("DELETE", location)[0], 404)

    @tap.case
    def what_is_wrong_is_named():
        for change, word in (({"type": "Other"}, "type"), ({"entities": []}, "entities"),
                             ({"notification": {"endpoint": {"uri": "ftp://x/"}}}, "uri"),
                             ({"q": "temperature>>1"}, "q"), ({"throttling": 0}, "throttling"),
                             ({"timeInterval": 5, "throttling": 1}, "throttling"),
                             ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
                             ({"notificationTrigger": ["often"]}, "notificationTrigger")):
            status, answer = daemon.request("POST", f"{ROOT}/subscriptions", {**subscription("/wrong"), **change})
            same(status, 400, answer)
            check(word in json.loads(answer)["detail"], word, "is not named by", answer)
        body = subscription("/wrong", id="urn:x:twice")
        location = subscribe(body)
        same(daemon.request("POST", f"{ROOT}/subscriptions", body)[0], 409)
        drop(location)
        same(daemon.request("PATCH", f"{ROOT}/subscriptions/urn:x:none", {"q": "a"})[0], 404)

    @tap.case
    def creations_and_deletions_are_told_where_asked_for():
        location = subscribe(subscription("/life", notificationTrigger=["entityCreated", "entityDeleted"]))
        put("urn:x:room:3", temperature=1)
        put("urn:x:room:3", temperature=2)
        same(daemon.request("DELETE", f"{ROOT}/entities/urn:x:room:3")[0], 204)
        born, gone = receiver.wait("/life", 2)
        receiver.quiet("/life", 2)
        same(born["data"][0]["temperature"]["value"], 1)
        same(sorted(gone["data"][0]), ["deletedAt", "id", "type"])
        drop(location)

    @tap.case
    def an_inline_context_is_hosted_for_the_link_header():
        # 5.13.1: where notifications are plain JSON their @context needs a URL, so the broker makes one.
        own = {"Zimmer": "https://uri.etsi.org/ngsi-ld/default-context/Room",
               "warm": "https://uri.etsi.org/ngsi-ld/default-context/temperature"}
        json_ld = {"Content-Type": "application/ld+json"}
        body = {**subscription("/hosted"), "entities": [{"type": "Zimmer"}], "@context": [own, CORE]}
        first, second = subscribe(body, json_ld), subscribe({**body, "isActive": False}, json_ld)
        shown = [json.loads(daemon.request("GET", each)[1])["jsonldContext"] for each in (first, second)]
        same(shown[0], shown[1])  # the same value is hosted once
        base, path = shown[0].split("/ngsi-ld/")
        same(base, f"http://127.0.0.1:{daemon.port}")
        status, answer = daemon.request("GET", f"/ngsi-ld/{path}")
        same((status, json.loads(answer)["@context"]), (200, [own, CORE]))
        listed = json.loads(daemon.request("GET", f"{ROOT}/jsonldContexts?kind=ImplicitlyCreated")[1])
        same(listed, [shown[0]])
        put("urn:x:room:hosted", temperature=19)
        same(receiver.wait("/hosted", 1)[0]["data"][0]["type"], "Zimmer")
        same(receiver.wait("/hosted", 1)[0]["data"][0]["warm"], {"type": "Property", "value": 19})
        check(receiver.got["/hosted"][0][0]["Link"].startswith(f"<{shown[0]}>;"), receiver.got["/hosted"][0][0])
        for each in (first, second):
            drop(each)
        # A notification in JSON-LD holds its @context, which stays as it is.
        inside = {"endpoint": {"uri": receiver.url("/inside"), "accept": "application/ld+json"}}
        location = subscribe({**body, "notification": inside}, json_ld)
        check("jsonldContext" not in json.loads(daemon.request("GET", location)[1]))
        put("urn:x:room:hosted", temperature=20)
        same(receiver.wait("/inside", 1)[0]["@context"], [own, CORE])
        drop(location)

    @tap.case
    def tenants_are_apart():
        location = subscribe(subscription("/north"), {"NGSILD-Tenant": "north"})
        put("urn:x:room:4", temperature=1)
        put("urn:x:room:4", {"NGSILD-Tenant": "north"}, temperature=2)
        same(receiver.wait("/north", 1)[0]["data"][0]["temperature"]["value"], 2)
        receiver.quiet("/north", 1)
        same(receiver.got["/north"][0][0]["NGSILD-Tenant"], "north")
        drop(location, {"NGSILD-Tenant": "north"})

    @tap.case
    def a_receiver_that_fails_gets_it_again():
        tries = []

        def fail_twice(handler):
            tries.append(time.monotonic())
            if len(tries) > 2:
                return False
            handler.answer(500)
            return True

        receiver.behaviour["/fails"] = fail_twice
        location = subscribe(subscription("/fails", notification={"endpoint": {
            "uri": receiver.url("/fails"), "receiverInfo": [{"key": "Authorization", "value": "Bearer sesame"}]}}))
        put("urn:x:room:5", temperature=1)
        put("urn:x:room:5", temperature=2)
        values = [body["data"][0]["temperature"]["value"] for body in receiver.wait("/fails", 2)]
        same(values, [1, 2])
        check(tries[1] - tries[0] > 0.5 and tries[2] - tries[1] > 1, "no growing while between", tries)
        same(receiver.got["/fails"][0][0]["Authorization"], "Bearer sesame")
        time.sleep(0.1)
        shown = json.loads(daemon.request("GET", location)[1])["notification"]
        same((shown["timesFailed"], shown["timesSent"], shown["status"]), (2, 4, "ok"))
        drop(location)

    @tap.case
    def a_redirect_elsewhere_is_not_followed():
        receiver.behaviour["/away"] = lambda handler: handler.answer(307, Location="http://127.0.0.2:1/") or True
        location = subscribe(subscription("/away"))
        put("urn:x:room:6", temperature=1)
        deadline = time.monotonic() + ARRIVES_SECONDS
        while True:
            shown = json.loads(daemon.request("GET", location)[1])["notification"]
            if shown.get("timesFailed"):
                break
            check(time.monotonic() < deadline, shown)
            time.sleep(0.05)
        same(shown["status"], "failed")
        drop(location)

    @tap.case
    def a_silent_receiver_holds_nobody_up():
        release, other = threading.Event(), Receiver()
        other.behaviour["/silent"] = lambda handler: release.wait(60) and handler.answer(200) or True
        silent = [subscribe(subscription("/silent", entities=[{"type": "Lamp"}],
                                         notification={"endpoint": {"uri": other.url("/silent"), "timeout": 2000}}))
                  for _ in range(20)]
        quick = subscribe(subscription("/quick", entities=[{"type": "Lamp"}]))
        began = time.monotonic()
        for number in range(50):
            put(f"urn:x:lamp:{number}", type="Lamp", on=number)
        receiver.wait("/quick", 50, 20)
        check(time.monotonic() - began < 10, "the quick one waited", time.monotonic() - began, "s")
        release.set()
        for location in (*silent, quick):
            drop(location)
        other.close()

    @tap.case
    def many_that_fail_together_open_the_breaker_once():
        broken, together, good, other = [], threading.Event(), threading.Event(), Receiver()

        def break_off(handler):
            if good.is_set():
                return False
            broken.append(handler.path)
            together.wait(60)
            handler.close_connection = True
            return True

        other.behaviour["/broken"] = break_off
        locations = [subscribe(subscription("/broken", entities=[{"type": "Broken"}], notification={
            "endpoint": {"uri": other.url("/broken"), "timeout": 60000}})) for _ in range(2)]
        for number in range(16):
            put(f"urn:x:broken:{number}", type="Broken", on=number)
        deadline = time.monotonic() + ARRIVES_SECONDS
        while len(broken) < 12:  # of 32; those whose hashes meet wait for each other
            check(time.monotonic() < deadline, len(broken), "under way")
            time.sleep(0.01)
        together.set()
        while b"\nmachi_notifications_receivers_silent 1\n" not in daemon.request("GET", "/metrics")[1]:
            check(time.monotonic() < deadline, "the breaker does not open")
        good.set()
        other.wait("/broken", 32, 20)  # it would be left alone for a minute
        for location in locations:
            drop(location)
        other.close()

    @tap.case
    def throttling_keeps_the_latest():
        location = subscribe(subscription("/slow", throttling=1))
        for value in range(20):
            put("urn:x:room:7", temperature=value)
            time.sleep(0.01)
        bodies = receiver.wait("/slow", 2)
        receiver.quiet("/slow", 2, 1.3)
        same([body["data"][0]["temperature"]["value"] for body in bodies], [0, 19])
        drop(location)

    @tap.case
    def what_waits_for_throttling_is_told_together():
        # 5.8.6: all that changed, in one message; no entity waits for the others' turns.
        location = subscribe(subscription("/together", entities=[{"type": "Tram"}], throttling=1))
        last, rounds = 0, 0
        until = time.monotonic() + 4
        while time.monotonic() < until:
            last += 1
            for number in range(5):
                put(f"urn:x:tram:{number}", type="Tram", n=last)
            time.sleep(0.05)
        deadline = time.monotonic() + ARRIVES_SECONDS
        told = {}
        while set(told.values()) != {last} or len(told) < 5:
            check(time.monotonic() < deadline, told, last)
            time.sleep(0.1)
            bodies, told = receiver.wait("/together", 1), {}
            for body in bodies:
                ids = [entity["id"] for entity in body["data"]]
                same(len(ids), len(set(ids)))
                for entity in body["data"]:
                    check(entity["n"]["value"] > told.get(entity["id"], 0), bodies)
                    told[entity["id"]] = entity["n"]["value"]
        # One a period, but for the two that each begin one: the first, and what is left at the end.
        rounds = len(bodies)
        check(rounds <= 4 + 3 + (time.monotonic() - until), rounds)
        check(max(len(body["data"]) for body in bodies) == 5, [len(body["data"]) for body in bodies])
        same(len({body["id"] for body in bodies}), rounds)
        drop(location)

    @tap.case
    def an_expired_one_is_over():
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        location = subscribe(subscription("/over", expiresAt=soon))
        put("urn:x:room:8", temperature=1)
        receiver.wait("/over", 1)
        time.sleep(2.5)
        put("urn:x:room:8", temperature=2)
        receiver.quiet("/over", 1)
        same(json.loads(daemon.request("GET", location)[1])["status"], "expired")
        drop(location)

    @tap.case
    def an_interval_tells_of_all_that_match():
        for number in range(5):
            put(f"urn:x:meter:{number}", type="Meter", power=number)
        location = subscribe({"type": "Subscription", "entities": [{"type": "Meter"}], "timeInterval": 1, "q": "power>1",
                              "notification": {"format": "keyValues", "endpoint": {"uri": receiver.url("/interval")}}})
        began = time.monotonic()
        bodies = receiver.wait("/interval", 3)
        check(2 < time.monotonic() - began < 8, time.monotonic() - began)
        same([entity["power"] for entity in bodies[0]["data"]], [2, 3, 4])
        check(bodies[0]["id"] != bodies[1]["id"], bodies[:2])
        drop(location)
        count = len(receiver.got["/interval"])
        time.sleep(1.5)
        check(len(receiver.got["/interval"]) <= count + 1, "it goes on")

    @tap.case
    def linked_entities_come_along():
        status, answer = daemon.request("POST", f"{ROOT}/entities", {
            "id": "urn:x:floor:1", "type": "Floor", "level": {"type": "Property", "value": 3}})
        same(status, 201, answer)
        location = subscribe(subscription("/joined", entities=[{"type": "Desk"}], notification={"join": "inline"}))
        status, answer = daemon.request("POST", f"{ROOT}/entities", {
            "id": "urn:x:desk:1", "type": "Desk", "on": {"type": "Relationship", "object": "urn:x:floor:1",
                                                         "objectType": "Floor"}})
        same(status, 201, answer)
        desk = receiver.wait("/joined", 1)[0]["data"][0]
        same(desk["on"]["entity"]["level"]["value"], 3)
        drop(location)

    @tap.case
    def it_is_told_over_mqtt():
        program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        if not program:
            raise Skip("mosquitto is not installed")
        port = free_port()
        broker = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with contextlib.closing(Subscriber(port, "city/rooms")) as subscriber:
                location = subscribe(subscription("", entities=[{"type": "Mqtt"}], notification={
                    "format": "keyValues", "endpoint": {
                        "uri": f"mqtt://127.0.0.1:{port}/city/rooms", "receiverInfo": [{"key": "zone", "value": "7"}],
                        "notifierInfo": [{"key": "MQTT-QoS", "value": "1"},
                                         {"key": "MQTT-Version", "value": "mqtt3.1.1"}]}}))
                for value in range(3):
                    put("urn:x:mqtt:1", type="Mqtt", temperature=value)
                messages = [json.loads(subscriber.next()) for _ in range(3)]
                same([message["body"]["data"][0]["temperature"] for message in messages], [0, 1, 2])
                same(sorted(messages[0]), ["body", "metadata"])
                same((messages[0]["metadata"]["Content-Type"], messages[0]["metadata"]["zone"]),
                     ("application/json", "7"))
                check("json-ld#context" in messages[0]["metadata"]["Link"], messages[0]["metadata"])
                drop(location)
        finally:
            broker.kill()
            broker.wait()

    @tap.case
    def figures_are_in_the_metrics():
        text = daemon.request("GET", "/metrics")[1].decode()
        found = {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith("machi_notif")}
        check(found["machi_notifications_delivered_total"] > 60, found)
        for figure in ('machi_subscriptions{tenant=""} 0\n', 'machi_subscriptions_unusable{tenant=""} 0\n'):
            check(figure in text, [line for line in text.splitlines() if 'subscriptions' in line])


@tap.case
def a_tenant_that_nobody_asks_for_pays_what_it_owes_after_a_restart():
    north, data = {"NGSILD-Tenant": "north"}, work / "unasked"
    global daemon
    release = threading.Event()
    receiver.behaviour["/unasked"] = lambda _: release.wait(60)  # not told until the daemon is gone
    with Daemon(machi, data) as daemon:
        subscribe(subscription("/unasked"), north)
        put("urn:x:room:1", north, temperature=1)
    del receiver.behaviour["/unasked"]
    with Daemon(machi, data):
        same(receiver.wait("/unasked", 1)[0]["data"][0]["temperature"]["value"], 1)
    release.set()


def changes_under_kills():
    """Every acknowledged change of each entity is told, in its order, whatever dies."""
    chance = random.Random(SEED)
    told = "/kept"
    acknowledged = collections.defaultdict(list)
    number = 0
    global daemon
    with Daemon(machi, work / "kills") as daemon:
        subscribe(subscription(told, notification={"format": "keyValues"}))
    for _ in range(KILLS):
        with Daemon(machi, work / "kills") as daemon:
            end = time.monotonic() + 0.3 + chance.random()
            with contextlib.closing(daemon.connect()) as connection:
                threading.Timer(max(0, end - time.monotonic()), daemon.kill).start()
                try:
                    while True:
                        number += 1
                        id = f"urn:x:kept:{chance.randrange(5)}"
                        status, _ = ask(connection, "POST", f"{ROOT}/entityOperations/upsert?options=update",
                                        [{"id": id, "type": "Room", "n": {"type": "Property", "value": number}}])
                        check(status in (201, 204), status)
                        acknowledged[id].append(number)
                except (OSError, http.client.HTTPException):
                    pass
    total = sum(map(len, acknowledged.values()))
    check(total > 20 * KILLS, total)
    with Daemon(machi, work / "kills") as daemon:
        deadline = time.monotonic() + ARRIVES_SECONDS
        while True:
            with receiver.lock:
                bodies = [json.loads(body) for _, body in receiver.got[told]]
            seen = collections.defaultdict(list)
            ids = {}
            for body in bodies:
                entity = body["data"][0]
                same(ids.setdefault(body["id"], entity), entity, "one id, two contents")
                if entity["n"] not in seen[entity["id"]]:
                    seen[entity["id"]].append(entity["n"])
            missing = {id: sorted(set(values) - set(seen[id])) for id, values in acknowledged.items()
                       if set(values) - set(seen[id])}
            if not missing:
                break
            check(time.monotonic() < deadline, "not told:", missing)
            time.sleep(0.1)
    for id, values in seen.items():
        same(values, sorted(values), f"the order of {id}")
    machi("check", "--data", work / "kills")


tap.case(changes_under_kills)
receiver.close()
shutil.rmtree(work)
sys.exit(tap.done())
