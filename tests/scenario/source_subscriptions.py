#!/usr/bin/env python3
"""Subscriptions over other context sources (GS CIM 009 V1.9.1, 5.8.1.4, 5.8.2.4, 5.8.5.4, 5.8.6): a hub, sources that are
registered at it, and a receiver that subscribes at the hub.

Usage: source_subscriptions.py MACHI SOURCE_ROOT
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

sys.dont_write_bytecode = True
from receiver import Receiver
from tap import Daemon, Machi, Tap, check, free_port, same, until

ROOT = "/ngsi-ld/v1"
DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
FEDERATION = ["federationOps"]
CHANGED = ["createSubscription", "updateSubscription", "deleteSubscription"]

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-source-subscriptions-"))
tap = Tap()
receiver = Receiver()


def create(daemon, kind, body, tenant=None):
    headers = {"NGSILD-Tenant": tenant} if tenant else {}
    status, answer = daemon.request("POST", f"{ROOT}/{kind}", body, headers)
    same(status, 201, answer)


def change(daemon, method, kind, id, body=None, tenant=None):
    headers = {"NGSILD-Tenant": tenant} if tenant else {}
    status, answer = daemon.request(method, f"{ROOT}/{kind}/{id}", body, headers)
    same(status, 204, answer)


def subscription(name, path, **members):
    notification = {"endpoint": {"uri": receiver.url(path)}, **members.pop("notification", {})}
    return {"id": f"urn:s:{name}", "type": "Subscription", "entities": [{"type": "Room"}],
            "notification": notification, **members}


def registration(source, name="source", port=None, **members):
    information = members.pop("information", [{"entities": [{"type": "Room"}]}])
    return {"id": f"urn:r:{name}", "type": "ContextSourceRegistration",
            "endpoint": f"http://127.0.0.1:{port or source.port}", "operations": FEDERATION,
            "information": information, **members}


def room(number, **attributes):
    return {"id": f"urn:room:{number}", "type": "Room",
            **{name: {"type": "Property", "value": value} for name, value in attributes.items()}}


def copies(source, tenant=None):
    headers = {"NGSILD-Tenant": tenant} if tenant else {}
    status, answer = source.request("GET", f"{ROOT}/subscriptions", headers=headers)
    return json.loads(answer) if status == 200 else []


def copied(source, count=1, tenant=None):
    until(lambda: len(copies(source, tenant)) == count, lambda: f"{copies(source, tenant)}, wanted {count}")
    return copies(source, tenant)


def bodies(path):
    with receiver.lock:
        return [json.loads(body) for _, body in receiver.got[path]]


def told(path, count):
    return receiver.wait(path, count)


@contextlib.contextmanager
def city(name, *options, sources=1):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Daemon(machi, work / f"{name}{number}", *options)) for number in range(sources + 1)]


@tap.case
def a_change_at_a_source_reaches_who_subscribed_at_the_hub():
    with city("plain") as (hub, source):
        create(hub, "csourceRegistrations", registration(source))
        create(hub, "subscriptions", subscription("plain", "/plain", notification={"format": "simplified"}))
        one = copied(source)[0]
        check(one["id"].startswith("urn:ngsi-ld:Subscription:machi:"), one)
        same(one["entities"], [{"type": "Room"}])
        same((one["notification"]["format"], one["notification"]["sysAttrs"]), ("normalized", True))
        check(f":{hub.port}/api/v1/sources/notifications/" in one["notification"]["endpoint"]["uri"], one)
        create(source, "entities", room(1, warmth=21))
        got = told("/plain", 1)[0]
        same((got["subscriptionId"], got["type"]), ("urn:s:plain", "Notification"))
        same(got["data"], [{"id": "urn:room:1", "type": "Room", "warmth": 21}])
        create(source, "entities", {**room(1), "id": "urn:hall:1", "type": "Hall"})
        create(hub, "entities", room(2, warmth=5))
        same(told("/plain", 2)[1]["data"][0]["id"], "urn:room:2")
        change(source, "PATCH", "entities", "urn:room:1/attrs", {"warmth": {"type": "Property", "value": 22}})
        same(told("/plain", 3)[2]["data"], [{"id": "urn:room:1", "type": "Room", "warmth": 22}])
        receiver.quiet("/plain", 3)


@tap.case
def what_is_deleted_at_a_source_is_told_as_deleted():
    triggers = ["entityCreated", "attributeDeleted", "entityDeleted"]
    with city("deleted") as (hub, source):
        create(hub, "csourceRegistrations", registration(source))
        create(hub, "subscriptions", subscription("gone", "/gone", notificationTrigger=triggers))
        copied(source)
        create(source, "entities", room(1, warmth=21, light=3))
        told("/gone", 1)
        change(source, "DELETE", "entities", "urn:room:1/attrs/light")
        same(told("/gone", 2)[1]["data"],
             [{"id": "urn:room:1", "type": "Room", "warmth": {"type": "Property", "value": 21},
               "light": "urn:ngsi-ld:null"}])
        change(source, "DELETE", "entities", "urn:room:1")
        last = told("/gone", 3)[2]["data"]
        same([sorted(one) for one in last], [["deletedAt", "id", "type"]])


@tap.case
def registrations_come_change_and_go():
    with city("registrations", sources=2) as (hub, first, second):
        create(hub, "subscriptions", subscription("late", "/late"))
        create(hub, "csourceRegistrations", registration(first, "late"))
        copied(first)
        change(hub, "PATCH", "csourceRegistrations", "urn:r:late",
               {"information": [{"entities": [{"type": "Room"}], "propertyNames": ["warmth"]}]})
        until(lambda: copies(first)[0].get("watchedAttributes") == ["warmth"], lambda: copies(first))
        create(first, "entities", room(1, warmth=1, light=2))
        got = told("/late", 1)[0]["data"]
        same([sorted(one) for one in got], [["id", "type", "warmth"]], "no more than was registered")
        change(hub, "PATCH", "csourceRegistrations", "urn:r:late", {"endpoint": f"http://127.0.0.1:{second.port}"})
        copied(second)
        copied(first, 0)
        change(hub, "DELETE", "csourceRegistrations", "urn:r:late")
        copied(second, 0)
        receiver.quiet("/late", 1)


@tap.case
def subscriptions_change_and_go():
    with city("changed", "--set", "sources.split_entities=false") as (hub, source):
        create(hub, "csourceRegistrations", registration(source))
        create(hub, "subscriptions", subscription("changed", "/changed", q="warmth>20", watchedAttributes=["warmth"]))
        one = copied(source)[0]
        same((one["q"], one["watchedAttributes"]), ("warmth>20", ["warmth"]))
        create(source, "entities", room(1, warmth=10))
        create(source, "entities", room(2, warmth=30))
        same(told("/changed", 1)[0]["data"][0]["id"], "urn:room:2")
        change(hub, "PATCH", "subscriptions", "urn:s:changed", {"q": "urn:ngsi-ld:null", "watchedAttributes": ["light"]})
        until(lambda: "q" not in copies(source)[0], lambda: copies(source))
        same(copies(source)[0]["watchedAttributes"], ["light"])
        change(hub, "PATCH", "subscriptions", "urn:s:changed", {"isActive": False})
        copied(source, 0)
        change(hub, "PATCH", "subscriptions", "urn:s:changed", {"isActive": True})
        again = copied(source)[0]
        check(again["id"] != one["id"], "a new token for a new copy")
        change(hub, "DELETE", "subscriptions", "urn:s:changed")
        copied(source, 0)
        create(hub, "subscriptions", subscription("here", "/here", localOnly=True))
        receiver.quiet("/here", 0, 1)
        same(copies(source), [])


@tap.case
def parts_of_an_entity_are_put_together_and_then_filtered():
    with city("split") as (hub, source):
        create(hub, "csourceRegistrations", registration(
            source, information=[{"entities": [{"type": "Room"}], "propertyNames": ["warmth"]}]))
        create(hub, "subscriptions", subscription("split", "/split", q="floor==3;warmth>20", splitEntities=True,
                                                  watchedAttributes=["warmth"],
                                                  notification={"attributes": ["warmth"], "format": "simplified"}))
        one = copied(source)[0]
        check("q" not in one and "attributes" not in one["notification"], one)
        create(hub, "entities", room(1, floor=3))
        create(hub, "entities", room(2, floor=2))
        create(source, "entities", room(1, warmth=19))
        create(source, "entities", room(2, warmth=25))
        change(source, "PATCH", "entities", "urn:room:1/attrs", {"warmth": {"type": "Property", "value": 22}})
        same(told("/split", 1)[0]["data"], [{"id": "urn:room:1", "type": "Room", "warmth": 22}])
        receiver.quiet("/split", 1)


@tap.case
def tenants_and_what_a_source_wants_are_kept_apart():
    with city("tenants") as (hub, source):
        create(hub, "csourceRegistrations", registration(source, tenant="there"), tenant="here")
        create(hub, "subscriptions", subscription("tenant", "/tenant"), tenant="here")
        copied(source, tenant="there")
        same(copies(source), [])
        create(source, "entities", room(1, warmth=1), tenant="there")
        same(told("/tenant", 1)[0]["data"][0]["id"], "urn:room:1")
        with receiver.lock:
            same(receiver.got["/tenant"][0][0].get("NGSILD-Tenant"), "here")


@tap.case
def nobody_tells_anything_by_a_token_that_is_none():
    with city("token", sources=0) as (hub,):
        body = {"id": "urn:n:1", "type": "Notification", "subscriptionId": "urn:x", "notifiedAt": "2026-01-01T00:00:00Z",
                "data": [room(1)]}
        for token in ("x", "0" * 48, "0" * 48 + ".nowhere", "."):
            same(hub.request("POST", f"/api/v1/sources/notifications/{token}", body)[0], 404)


@tap.case
def two_brokers_that_are_registered_at_each_other_do_not_go_round():
    with city("ring") as (one, other):
        create(one, "csourceRegistrations", registration(other))
        create(other, "csourceRegistrations", registration(one))
        create(one, "subscriptions", subscription("ring", "/ring"))
        copied(other)
        time.sleep(1.5)
        same((len(copies(one)), len(copies(other))), (1, 1))
        create(other, "entities", room(1, warmth=1))
        same(told("/ring", 1)[0]["subscriptionId"], "urn:s:ring")
        receiver.quiet("/ring", 1, 1)
        change(one, "DELETE", "subscriptions", "urn:s:ring")
        copied(other, 0)


@tap.case
def neither_a_dead_hub_nor_a_dead_source_leaves_a_copy_too_many():
    ports = free_port(), free_port()
    addresses = [f"127.0.0.1:{port}" for port in ports]
    with Daemon(machi, work / "killed-hub", listen=addresses[0]) as hub:
        # Nobody is there yet: it is made when somebody is.
        create(hub, "csourceRegistrations", registration(None, port=ports[1]))
        create(hub, "subscriptions", subscription("killed", "/killed"))
        time.sleep(0.3)
        with Daemon(machi, work / "killed-source", listen=addresses[1]) as source:
            for _ in range(3):
                copied(source)
                hub.kill()
                hub = Daemon(machi, work / "killed-hub", listen=addresses[0]).wait_until_ready()
            with hub:
                source.kill()
                with Daemon(machi, work / "killed-source", listen=addresses[1]) as source:
                    create(source, "entities", room(1, warmth=1))
                    told("/killed", 1)
                    same(len(copied(source)), 1)
                    # What is deleted while the source is away is deleted when it is back.
                    source.kill()
                    change(hub, "DELETE", "subscriptions", "urn:s:killed")
                    time.sleep(0.3)
                    hub.kill()
                    with Daemon(machi, work / "killed-hub", listen=addresses[0]) as hub, \
                            Daemon(machi, work / "killed-source", listen=addresses[1]) as source:
                        copied(source, 0)


class Source:
    """A context source that notes what it is asked and answers as it is told."""

    def __init__(self, answer):
        self.asked = []
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def serve(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                source.asked.append((self.command, self.path, dict(self.headers.items()), body))
                status, headers = answer(self.command, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PATCH = do_DELETE = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def wait(self, count):
        until(lambda: len(self.asked) >= count, lambda: self.asked)
        return self.asked


@tap.case
def a_source_is_sent_what_its_registration_says_and_keeps_its_own_id():
    def answer(method, body):
        return (201, {"Location": f"{ROOT}/subscriptions/urn:own%3A1"}) if method == "POST" else (204, {})

    source = Source(answer)
    address = f"127.0.0.1:{free_port()}"  # where the source is to notify the hub after the restart too
    with Daemon(machi, work / "own", listen=address) as hub:
        create(hub, "csourceRegistrations", registration(source, operations=CHANGED, contextSourceInfo=[
            {"key": "X-Token", "value": "secret"}], tenant="t", management={"localOnly": True}))
        create(hub, "subscriptions", subscription("own", "/own"))
        method, path, headers, body = source.wait(1)[0]
        same((method, path, headers["X-Token"], headers["NGSILD-Tenant"]),
             ("POST", f"{ROOT}/subscriptions", "secret", "t"))
        check(headers["Via"].startswith("1.1 machi-"), headers)
        same((body["localOnly"], body["entities"]), (True, [{"type": f"{DEFAULT}Room"}]))
        change(hub, "PATCH", "subscriptions", "urn:s:own", {"throttling": 5})
        method, path, _, body = source.wait(2)[1]
        same((method, path, body["throttling"]), ("PATCH", f"{ROOT}/subscriptions/urn:own:1", 5))
        hub.kill()
    with Daemon(machi, work / "own", listen=address) as hub:
        change(hub, "DELETE", "csourceRegistrations", "urn:r:source")
        # The kill may have come before the hub had written that the update was taken: then it says the same once more.
        _, before, *behind = source.wait(3)
        again = int(behind[0][0] == "PATCH")
        if again:
            same((behind[0][1], behind[0][3]), (before[1], before[3]))
        method, path, headers, _ = source.wait(3 + again)[2 + again]
        same((method, path, headers["X-Token"]), ("DELETE", f"{ROOT}/subscriptions/urn:own:1", "secret"))
        time.sleep(0.5)
        same(len(source.asked), 3 + again)


@tap.case
def what_a_source_does_not_support_is_not_asked_of_it():
    source = Source(lambda method, body: (201 if method == "POST" else 204, {}))
    with city("unsupported", sources=0) as (hub,):
        create(hub, "csourceRegistrations", registration(source, "none", operations=["retrieveEntity"]))
        create(hub, "csourceRegistrations", registration(source, "new", operations=["createSubscription"]))
        create(hub, "csourceRegistrations", registration(source, "anew", operations=CHANGED[::2], tenant="anew"))
        create(hub, "subscriptions", subscription("unsupported", "/unsupported"))
        source.wait(2)
        change(hub, "PATCH", "subscriptions", "urn:s:unsupported", {"throttling": 5})
        asked = source.wait(4)[2:]
        same([(method, headers.get("NGSILD-Tenant")) for method, _, headers, _ in asked],
             [("DELETE", "anew"), ("POST", "anew")])
        change(hub, "DELETE", "subscriptions", "urn:s:unsupported")
        same(source.wait(5)[4][0], "DELETE")
        time.sleep(0.5)
        same(len(source.asked), 5)


@tap.case
def a_source_that_has_it_already_is_updated_and_one_that_refuses_is_left_alone():
    taken, refusing = Source(lambda method, body: (409 if method == "POST" else 204, {})), Source(lambda *_: (403, {}))
    with city("refusing", sources=0) as (hub,):
        create(hub, "csourceRegistrations", registration(taken, "taken"))
        create(hub, "csourceRegistrations", registration(refusing, "refusing"))
        create(hub, "subscriptions", subscription("refused", "/refused"))
        same([method for method, *_ in taken.wait(2)], ["POST", "PATCH"])
        refusing.wait(1)
        time.sleep(2.5)
        same((len(taken.asked), len(refusing.asked)), (2, 1))
        hub.wait_for_log("urn:r:refusing")
        status = json.loads(hub.request("GET", f"{ROOT}/csourceRegistrations/urn:r:refusing")[1])
        same((status["status"], status["timesFailed"]), ("failed", 1))


@tap.case
def what_a_failed_update_was_to_take_out_the_next_one_takes_out():
    answers = {"POST": [201], "PATCH": [503, 204]}
    source = Source(lambda method, body: (answers[method].pop(0), {}))
    with city("failed", "--set", "sources.split_entities=false", sources=0) as (hub,):
        create(hub, "csourceRegistrations", registration(source))
        create(hub, "subscriptions", subscription("failed", "/failed", q="warmth>20"))
        same(source.wait(1)[0][3]["q"], "warmth>20")
        change(hub, "PATCH", "subscriptions", "urn:s:failed", {"q": "urn:ngsi-ld:null"})
        same([(method, body["q"]) for method, _, _, body in source.wait(3)[1:]], [("PATCH", "urn:ngsi-ld:null")] * 2)
        time.sleep(0.5)
        same(len(source.asked), 3)


status = tap.done()
receiver.close()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
