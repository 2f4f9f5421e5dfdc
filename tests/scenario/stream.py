#!/usr/bin/env python3
"""Changes as Server-Sent Events at /api/v1/stream, as browsers read them.

Usage: stream.py MACHI SOURCE_ROOT. Clients of this script read events while entities change: what selectors let through,
what a client that comes back gets, what becomes of one that does not read, many at once, and the end of the daemon.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

ARRIVES_SECONDS = 30
QUIET_SECONDS = 0.3
MANY = 200
ROOT = "/ngsi-ld/v1"
VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-stream-"))
tap = Tap()


class Stream:
    """An EventSource, with its buffers in view."""

    def __init__(self, daemon, headers=None, path="/api/v1/stream", **parameters):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=ARRIVES_SECONDS)
        query = urllib.parse.urlencode({k: v for k, v in parameters.items() if v is not None})
        self.connection.request("GET", f"{path}?{query}", headers=headers or {})
        self.answer = self.connection.getresponse()
        self.last_id = None
        self.comments = 0
        if self.answer.status == 200:
            same(self.answer.getheader("Content-Type"), "text/event-stream; charset=utf-8")
            same(self.read_block(), {"retry": "3000", "id": self.last_id})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read_block(self):
        """One block as its fields; None: the stream has ended."""
        fields = {}
        while True:
            line = self.answer.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if not line:
                if fields:
                    return fields
                continue
            if line.startswith(":"):
                self.comments += 1
                continue
            name, _, value = line.partition(": ")
            fields[name] = value
            if name == "id":
                check(self.last_id is None or int(value) >= int(self.last_id), "numbers go back")
                self.last_id = value

    def next(self):
        """(event, entity of the notification or None)"""
        fields = self.read_block()
        check(fields, "the stream has ended")
        if fields["event"] != "change":
            return fields["event"], None
        body = json.loads(fields["data"])
        same(body["type"], "Notification")
        same(len(body["data"]), 1)
        return "change", body["data"][0]

    def entity(self):
        event, entity = self.next()
        same(event, "change")
        return entity

    def quiet(self):
        """Nothing comes: a change made now by the caller must not be heard."""
        self.connection.sock.settimeout(QUIET_SECONDS)
        try:
            line = self.answer.readline()
            check(False, "heard", line)
        except TimeoutError:
            pass

    def close(self):
        self.answer.close()
        self.connection.close()


def put(daemon, name, value, kind="Room", headers=None, attribute="level", **more):
    entity = {"id": f"urn:x:{name}", "type": kind, attribute: {"type": "Property", "value": value}, **more}
    status, body = daemon.request("POST", f"{ROOT}/entityOperations/upsert", [entity], headers)
    check(status in (201, 204), status, body)


def refused(daemon, word, status=400, headers=None, **parameters):
    with contextlib.closing(Stream(daemon, headers, **parameters)) as stream:
        body = stream.answer.read().decode()
        same(stream.answer.status, status, body)
        check(word in body, f"{word} is not named in {body}")


def metric(daemon, name):
    text = daemon.request("GET", "/metrics")[1].decode()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


def wait_for(what, condition, seconds=ARRIVES_SECONDS):
    until = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < until, "in vain for", what)
        time.sleep(0.05)


def changes_are_heard():
    with Stream(daemon, type="Room") as stream:
        put(daemon, "heard", 1)
        put(daemon, "other", 1, kind="Door")
        put(daemon, "heard", 2)
        first, second = stream.entity(), stream.entity()
        same((first["id"], first["type"], first["level"]["value"]), ("urn:x:heard", "Room", 1))
        same(second["level"]["value"], 2)
        same(stream.answer.getheader("Cache-Control"), "no-store")


def selectors_select():
    place = {"location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [8, 50]}}}
    cases = [
        (dict(id="urn:x:a,urn:x:b"), "urn:x:b", lambda: (put(daemon, "c", 1), put(daemon, "b", 1))),
        (dict(idPattern="^urn:x:p.$"), "urn:x:p1", lambda: (put(daemon, "q1", 1), put(daemon, "p1", 1))),
        (dict(attrs="speed"), "urn:x:s", lambda: (put(daemon, "s", 1), put(daemon, "s", 9, attribute="speed"))),
        (dict(type="Room", q="level>5"), "urn:x:r2", lambda: (put(daemon, "r1", 5), put(daemon, "r2", 6))),
        (dict(type="Room", q='level=="a b+c"'), "urn:x:r3", lambda: put(daemon, "r3", "a b+c")),
        (dict(type="Room,Hall"), "urn:x:h", lambda: put(daemon, "h", 1, kind="Hall")),
        (dict(type="Room", scopeQ="/a/#"), "urn:x:r5",
         lambda: (put(daemon, "r4", 1, scope="/b"), put(daemon, "r5", 1, scope="/a/c"))),
        (dict(type="Room", georel="near;maxDistance==10", geometry="Point", coordinates="[8,50]"), "urn:x:g",
         lambda: (put(daemon, "r6", 1), put(daemon, "g", 1, **place))),
        (dict(type="*", pick="id,level"), "urn:x:z", lambda: put(daemon, "z", 1, kind="Zebra")),
    ]
    for parameters, wanted, change in cases:
        with Stream(daemon, **parameters) as stream:
            change()
            same(stream.entity()["id"], wanted, parameters)
            stream.quiet()


def representations():
    for name, parameters, wanted in (("a", {"options": "keyValues"}, 7), ("b", {"options": "concise,sysAttrs"}, None),
                                     ("c", {"format": "simplified"}, 7)):
        with Stream(daemon, type="Shown", **parameters) as stream:
            put(daemon, f"shown-{name}", 7, kind="Shown")
            entity = stream.entity()
            if wanted is None:
                check("createdAt" in entity and "type" not in entity["level"], entity)
            else:
                same(entity["level"], wanted)


def triggers():
    with Stream(daemon, type="Room", trigger="entityDeleted,entityCreated") as stream:
        put(daemon, "t", 1)
        put(daemon, "t", 2)
        same(daemon.request("DELETE", f"{ROOT}/entities/urn:x:t")[0], 204)
        same(stream.entity()["level"]["value"], 1)
        check("deletedAt" in stream.entity(), "no deletedAt")


def names_by_a_context():
    status, _ = daemon.request("POST", f"{ROOT}/jsonldContexts", {"@context": {"Kammer": VOCAB + "Room"}})
    same(status, 201)
    url = json.loads(daemon.request("GET", f"{ROOT}/jsonldContexts?kind=Hosted")[1])[0]
    link = f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    for arguments in ({"context": url}, {"headers": {"Link": link}}):
        with Stream(daemon, type="Kammer", **arguments) as stream:
            put(daemon, f"k-{min(arguments)}", 1)
            same(stream.entity()["type"], "Kammer")
            check(url in stream.answer.getheader("Link"), "Link")


def tenants_are_apart():
    status, _ = daemon.request("POST", f"{ROOT}/entities", {"id": "urn:x:1", "type": "Room"}, {"NGSILD-Tenant": "east"})
    same(status, 201)
    east = {"NGSILD-Tenant": "east"}
    with Stream(daemon, type="Room", tenant="east") as by_name, Stream(daemon, east, type="Room") as by_header, \
            Stream(daemon, type="Room") as west:
        put(daemon, "e", 1, headers=east)
        same(by_name.entity()["id"], "urn:x:e")
        same(by_header.entity()["id"], "urn:x:e")
        west.quiet()
    refused(daemon, "nowhere", 404, type="Room", tenant="nowhere")


def wrong_parameters_are_named():
    refused(daemon, "type")
    refused(daemon, "color", type="Room", color="red")
    refused(daemon, "q", type="Room", q="level>>")
    refused(daemon, "scopeQ", type="Room", scopeQ="/a/#/b")
    refused(daemon, "parameter attrs", attrs="a b")
    refused(daemon, "parameter trigger", type="Room", trigger="sunrise")
    refused(daemon, "parameter options", type="Room", options="rot13")
    refused(daemon, "idPattern", idPattern="(")
    refused(daemon, "parameter id", id="no uri")
    refused(daemon, "geometry", type="Room", georel="near;maxDistance==10", geometry="Blob", coordinates="[1,1]")
    refused(daemon, "coordinates", type="Room", georel="near;maxDistance==10", geometry="Point", coordinates="[1")
    refused(daemon, "georel", type="Room", geometry="Point", coordinates="[1,1]")
    refused(daemon, "lastEventId", type="Room", lastEventId="x")
    refused(daemon, "Last-Event-ID", headers={"Last-Event-ID": "x"}, type="Room")
    refused(daemon, "context", type="Room", context="no uri")
    refused(daemon, "tenant", type="Room", tenant="")


def head_opens_none():
    with contextlib.closing(daemon.connect()) as connection:
        connection.request("HEAD", "/api/v1/stream?type=Room")
        answer = connection.getresponse()
        same((answer.status, answer.read()), (200, b""))
        connection.request("GET", "/health")  # the connection goes on
        same(connection.getresponse().status, 200)


def a_write_that_fails_is_not_heard():
    """In a batch of writes one is taken back: it is not heard, and the others once each."""
    with Stream(daemon, type="Once") as stream:
        def writer(name):
            for turn in range(10):
                put(daemon, f"once-{name}-{turn}", turn, kind="Once")
                same(daemon.request("POST", f"{ROOT}/entities", {"id": f"urn:x:once-{name}-{turn}", "type": "Once"})[0],
                     409)

        threads = [threading.Thread(target=writer, args=[name]) for name in range(4)]
        for thread in threads:
            thread.start()
        heard = [stream.entity()["id"] for _ in range(40)]
        for thread in threads:
            thread.join()
        same(len(set(heard)), 40)
        stream.quiet()


def one_that_comes_back_misses_nothing():
    with Stream(daemon, type="Back") as stream:
        put(daemon, "back", 1, kind="Back")
        same(stream.entity()["level"]["value"], 1)
        last = stream.last_id
    put(daemon, "back", 2, kind="Back")
    put(daemon, "back", 3, kind="Back")
    for arguments in ({"headers": {"Last-Event-ID": last}}, {"lastEventId": last},
                      {"headers": {"Last-Event-ID": last}, "lastEventId": "1"}):
        with Stream(daemon, type="Back", **arguments) as stream:
            same([stream.entity()["level"]["value"] for _ in range(2)], [2, 3])
    with Stream(daemon, type="Back", lastEventId=last) as stream:
        stream.entity()
        put(daemon, "back", 4, kind="Back")
        same([stream.entity()["level"]["value"] for _ in range(2)], [3, 4])


def one_that_heard_nothing_yet_comes_back():
    with Stream(daemon, type="Silent") as stream:
        last = stream.last_id
    put(daemon, "silent", 1, kind="Silent")
    with Stream(daemon, type="Silent", lastEventId=last) as stream:
        same(stream.entity()["level"]["value"], 1)


class ResetStream(Stream):
    """One whose first block is the reset."""

    def read_block(self):
        fields = super().read_block()
        if fields and fields.get("event") == "reset" and "retry" in fields:
            self.reset = True
            del fields["event"], fields["data"]
        return fields


def what_is_not_held_is_reset():
    with Stream(daemon, type="Full", attrs="level") as stream:
        last = stream.last_id
    for turn in range(20):  # more than the megabyte that is held
        put(daemon, "full", f"{turn} " + "x" * 100000, kind="Full")
    with ResetStream(daemon, type="Full", attrs="level", lastEventId=last) as stream:
        check(stream.reset, "no reset")
        put(daemon, "full", "now", kind="Full")
        same(stream.entity()["level"]["value"], "now")
    with ResetStream(daemon, type="NeverAsked", lastEventId=last) as stream:
        check(stream.reset, "no reset")
    with ResetStream(daemon, type="Full", lastEventId="99999999999999999") as stream:
        check(stream.reset, "no reset for a number that was never given")


def an_event_too_large_is_a_reset():
    with Stream(daemon, type="Large") as stream:
        put(daemon, "large", "x" * 900000, kind="Large")
        same(stream.next(), ("reset", None))
        put(daemon, "large", 1, kind="Large")
        same(stream.entity()["level"]["value"], 1)


def a_slow_reader_is_cut_and_others_go_on():
    slow = socket.create_connection(("127.0.0.1", daemon.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(b"GET /api/v1/stream?type=Slow HTTP/1.1\r\nHost: x\r\n\r\n")
    slow.settimeout(ARRIVES_SECONDS)
    check(slow.recv(16).startswith(b"HTTP/1.1 200"), "no answer")
    with Stream(daemon, type="Slow") as stream:
        wait_for("both", lambda: metric(daemon, "machi_streams_open") == 2)
        for turn in range(150):
            put(daemon, "slow", f"{turn} " + "x" * 60000, kind="Slow")
            check(stream.entity()["level"]["value"].startswith(f"{turn} "), turn)
        wait_for("the end of the slow one", lambda: metric(daemon, "machi_streams_open") == 1)
        put(daemon, "slow", "on", kind="Slow")
        same(stream.entity()["level"]["value"], "on")
    slow.close()


def clients_that_go_are_noticed():
    wait_for("the end of all before", lambda: metric(daemon, "machi_streams_open") == 0)
    streams = [Stream(daemon, type="Gone") for _ in range(5)]
    same(metric(daemon, "machi_streams_open"), 5)
    for stream in streams:
        stream.close()
    wait_for("their end", lambda: metric(daemon, "machi_streams_open") == 0, 10)


def silence_has_signs_of_life():
    with Stream(daemon, type="Nothing") as stream:
        began = time.monotonic()
        same(stream.answer.readline(), b":\n")
        check(10 < time.monotonic() - began < 25, "the beat came at", time.monotonic() - began)


def many_at_once():
    wait_for("the end of all before", lambda: metric(daemon, "machi_streams_open") == 0)
    streams = [Stream(daemon, type="Many") for _ in range(MANY)]
    others = [Stream(daemon, type="Many", q=f"level=={i}") for i in range(20)]
    same(metric(daemon, "machi_streams_open"), MANY + 20)
    for turn in range(10):
        put(daemon, "many", turn, kind="Many")
    for stream in streams:
        same([stream.entity()["level"]["value"] for _ in range(10)], list(range(10)))
    for value, stream in enumerate(others[:10]):
        same(stream.entity()["level"]["value"], value)
    for stream in streams + others:
        stream.close()
    wait_for("their end", lambda: metric(daemon, "machi_streams_open") == 0)


def draining_ends_streams_and_a_restart_resets():
    with Daemon(machi, work / "restart") as first:
        streams = [Stream(first, type="Room") for _ in range(5)]
        put(first, "r", 1)
        for stream in streams:
            same(stream.entity()["level"]["value"], 1)
        last = streams[0].last_id
        began = time.monotonic()
        same(first.stop(), 0)
        check(time.monotonic() - began < 10, "draining took", time.monotonic() - began)
        for stream in streams:
            same(stream.read_block(), None)  # the end, in good order
            stream.close()
    with Daemon(machi, work / "restart") as second:
        with ResetStream(second, {"Last-Event-ID": last}, type="Room") as stream:
            check(stream.reset, "no reset after a restart")
            check(int(stream.last_id) > int(last), "numbers start again")
            put(second, "r", 2)
            same(stream.entity()["level"]["value"], 2)


with Daemon(machi, work / "city") as daemon:
    for case in (changes_are_heard, selectors_select, representations, triggers, names_by_a_context, tenants_are_apart,
                 wrong_parameters_are_named, head_opens_none, a_write_that_fails_is_not_heard,
                 one_that_comes_back_misses_nothing, one_that_heard_nothing_yet_comes_back, what_is_not_held_is_reset,
                 an_event_too_large_is_a_reset, clients_that_go_are_noticed, a_slow_reader_is_cut_and_others_go_on,
                 many_at_once, silence_has_signs_of_life):
        tap.case(case)
    same(daemon.stop(), 0)
    check("ERROR" not in daemon.log().upper().replace("ERROR=0", ""), daemon.log()[-3000:])
tap.case(draining_ends_streams_and_a_restart_resets)
status = tap.done()
if not status:
    shutil.rmtree(work)
sys.exit(status)
