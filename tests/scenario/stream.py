#!/usr/bin/env python3
"""Changes at /api/v1/stream, as Server-Sent Events and over a WebSocket, as browsers read them.

Usage: stream.py MACHI SOURCE_ROOT. Clients of this script read events while entities change: what selectors let through,
what a client that comes back gets, what becomes of one that does not read, many at once, and the end of the daemon.
"""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import struct
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


TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"


class WebSocket:
    """A client by RFC 6455, with its frames in view."""

    def __init__(self, daemon, headers=None, **parameters):
        key = base64.b64encode(os.urandom(16)).decode()
        query = urllib.parse.urlencode({k: v for k, v in parameters.items() if v is not None})
        lines = {"Host": f"127.0.0.1:{daemon.port}", "Upgrade": "websocket", "Connection": "Upgrade",
                 "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", **(headers or {})}
        self.sock = socket.create_connection(("127.0.0.1", daemon.port), timeout=ARRIVES_SECONDS)
        self.file = self.sock.makefile("rb")
        self.sock.sendall(f"GET /api/v1/stream?{query} HTTP/1.1\r\n".encode() +
                          "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value).encode() + b"\r\n")
        self.status = int(self.file.readline().split()[1])
        self.headers = http.client.parse_headers(self.file)
        self.last_id, self.pings, self.first = None, 0, None
        if self.status == 101:
            wanted = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            same(self.headers["Sec-WebSocket-Accept"], base64.b64encode(wanted).decode())
            self.first = self.message()["event"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, opcode, payload=b""):
        masked = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
        size = struct.pack("!B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack("!BH", 0xfe, len(payload))
        self.sock.sendall(bytes([0x80 | opcode]) + size + MASK + masked)

    def frame(self):
        """(opcode, whether a message ends, payload); None: the connection has ended."""
        head = self.file.read(2)
        if len(head) < 2:
            return None
        size = head[1]
        check(size < 128, "a masked frame")
        if size == 126:
            size, = struct.unpack("!H", self.file.read(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.file.read(8))
        return head[0] & 15, bool(head[0] & 128), self.file.read(size)

    def message(self):
        """The next message, with pings answered; or the code with which the server closes."""
        text = b""
        while True:
            frame = self.frame()
            check(frame, "the connection has ended")
            opcode, ends, payload = frame
            if opcode == PING:
                self.pings += 1
                self.send(PONG, payload)
            elif opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0]
            elif opcode < CLOSE:
                same(opcode, 0 if text else TEXT)
                text += payload
                if ends:
                    break
        message = json.loads(text.decode())
        same(sorted(message), ["data", "event", "id"])
        check(self.last_id is None or int(message["id"]) >= int(self.last_id), "numbers go back")
        self.last_id = message["id"]
        return message

    def next(self):
        message = self.message()
        if message["event"] != "change":
            return message["event"], None
        same((message["data"]["type"], len(message["data"]["data"])), ("Notification", 1))
        return "change", message["data"]["data"][0]

    def entity(self):
        event, entity = self.next()
        same(event, "change")
        return entity

    def quiet(self):
        """What was made before a ping would come before its pong."""
        self.send(PING, b"quiet")
        same(self.frame(), (PONG, True, b"quiet"))

    def body(self):
        return self.file.read(int(self.headers["Content-Length"])).decode()

    def close(self):
        self.file.close()
        self.sock.close()


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
    slow.sendall(b"GET /api/v1/stream?type=Slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
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
    with Stream(daemon, type="Nothing") as stream, WebSocket(daemon, type="Nothing") as wired:
        began = time.monotonic()
        same(stream.answer.readline(), b":\n")
        check(10 < time.monotonic() - began < 25, "the beat came at", time.monotonic() - began)
        same(wired.frame(), (PING, True, b""))
        wired.send(PONG)
        wired.quiet()


def who_answers_no_ping_is_cut():
    with Daemon(machi, work / "dead", "--set", "http.idle_timeout=2 s") as first, WebSocket(first, type="Room") as wired:
        same(wired.frame(), (PING, True, b""))
        same(wired.frame(), None)


def many_at_once():
    wait_for("the end of all before", lambda: metric(daemon, "machi_streams_open") == 0)
    streams = [(WebSocket if i % 2 else Stream)(daemon, type="Many") for i in range(MANY)]
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


def sockets_hear_what_streams_hear():
    wait_for("the end of all before", lambda: metric(daemon, "machi_streams_open") == 0)
    with WebSocket(daemon, type="Wired") as wired, Stream(daemon, type="Wired") as stream:
        same((wired.first, wired.headers["Upgrade"]), ("open", "websocket"))
        same(metric(daemon, "machi_streams_open"), 2)
        for turn in range(3):
            put(daemon, "wired", turn, kind="Wired")
        for turn in range(3):
            same((wired.entity(), wired.last_id), (stream.entity(), stream.last_id), turn)
        wired.send(TEXT, b"what clients say is dropped")
        put(daemon, "wired", "x" * 300000, kind="Wired")
        same(wired.entity(), stream.entity())
        put(daemon, "wired", "x" * 900000, kind="Wired")
        same(wired.next(), ("reset", None))
        put(daemon, "other", 1, kind="Door")
        wired.quiet()
        wired.send(CLOSE, struct.pack("!H", 1000))
        same((wired.message(), wired.frame()), (1000, None))
    wait_for("their end", lambda: metric(daemon, "machi_streams_open") == 0)


def sockets_select_as_streams_do():
    east = {"NGSILD-Tenant": "east"}
    cases = [
        (dict(type="Room", q="level>5"), "urn:x:w2", lambda: (put(daemon, "w1", 5), put(daemon, "w2", 6))),
        (dict(type="Room", tenant="east"), "urn:x:w3", lambda: (put(daemon, "w3", 1), put(daemon, "w3", 1, headers=east))),
        (dict(headers=east, type="Room"), "urn:x:w4", lambda: (put(daemon, "w4", 1), put(daemon, "w4", 1, headers=east))),
    ]
    for parameters, wanted, change in cases:
        with WebSocket(daemon, **parameters) as wired:
            change()
            same(wired.entity()["id"], wanted, parameters)
            wired.quiet()
    for status, word, parameters in ((400, "color", dict(type="Room", color="red")), (400, "type", dict()),
                                     (400, "lastEventId", dict(type="Room", lastEventId="x")),
                                     (404, "nowhere", dict(type="Room", tenant="nowhere"))):
        with WebSocket(daemon, **parameters) as wired:
            same(wired.status, status, parameters)
            check(word in wired.body(), word)


def handshakes_are_looked_at():
    for status, headers in ((400, {"Connection": "close"}), (400, {"Sec-WebSocket-Key": "short"}),
                            (426, {"Sec-WebSocket-Version": "8"}), (200, {"Upgrade": "h2c"})):
        with WebSocket(daemon, headers, type="Room") as wired:
            same(wired.status, status, headers)
            if status == 426:
                same(wired.headers["Sec-WebSocket-Version"], "13")
            if status > 200:
                check("title" in json.loads(wired.body()), headers)


def pages_of_strangers_hear_nothing():
    """Browsers apply no CORS to WebSockets: the server has to look who asks."""
    host = f"127.0.0.1:{daemon.port}"
    with Daemon(machi, work / "cors", "--set", "http.cors_origins=https://city.example",
                "--set", "public_url=https://broker.example") as strict:
        own = f"127.0.0.1:{strict.port}"
        for server, origin, status in (
                (daemon, "https://evil.example", 403), (daemon, f"http://{host}", 101), (daemon, "null", 403),
                (daemon, f"http://{host}.evil.example", 403), (daemon, f"http://evil.example/{host}", 403),
                (strict, "https://city.example", 101), (strict, "https://broker.example", 101),
                (strict, f"http://{own}", 101), (strict, "http://city.example", 403), (strict, "null", 403)):
            with WebSocket(server, {"Origin": origin}, type="Room") as wired:
                same(wired.status, status, origin)
                if status == 403:
                    check("http.cors_origins" in wired.body(), origin)
    with Daemon(machi, work / "any", "--set", "http.cors_origins=*") as everybody:
        with WebSocket(everybody, {"Origin": "https://evil.example"}, type="Room") as wired:
            same(wired.status, 101)


def sockets_resume():
    with WebSocket(daemon, type="BackWired") as wired:
        put(daemon, "backwired", 1, kind="BackWired")
        same(wired.entity()["level"]["value"], 1)
        last = wired.last_id
    put(daemon, "backwired", 2, kind="BackWired")
    put(daemon, "backwired", 3, kind="BackWired")
    with WebSocket(daemon, type="BackWired", lastEventId=last) as wired:
        same((wired.first, [wired.entity()["level"]["value"] for _ in range(2)]), ("open", [2, 3]))
    with Stream(daemon, type="BackWired", lastEventId=last) as stream:  # also the other way
        same([stream.entity()["level"]["value"] for _ in range(2)], [2, 3])
    with WebSocket(daemon, type="NeverWired", lastEventId=last) as wired:
        same(wired.first, "reset")


def what_breaks_the_protocol_is_told():
    for data, code in ((b"\x81\x05Hello", 1002), (b"\x82\xfe\xff\xff" + MASK + b"x", 1009)):
        with WebSocket(daemon, type="Room") as wired:
            wired.sock.sendall(data)
            same((wired.message(), wired.frame()), (code, None))


def a_slow_socket_is_cut_and_others_go_on():
    wait_for("the end of all before", lambda: metric(daemon, "machi_streams_open") == 0)
    slow = WebSocket(daemon, type="SlowWired")
    with WebSocket(daemon, type="SlowWired") as wired:
        for turn in range(150):
            put(daemon, "slowwired", f"{turn} " + "x" * 60000, kind="SlowWired")
            check(wired.entity()["level"]["value"].startswith(f"{turn} "), turn)
        wait_for("the end of the slow one", lambda: metric(daemon, "machi_streams_open") == 1)
        put(daemon, "slowwired", "on", kind="SlowWired")
        same(wired.entity()["level"]["value"], "on")
    slow.close()


def sockets_that_go_are_noticed():
    wait_for("the end of all before", lambda: metric(daemon, "machi_streams_open") == 0)
    sockets = [WebSocket(daemon, type="GoneWired") for _ in range(5)]
    same(metric(daemon, "machi_streams_open"), 5)
    for wired in sockets:
        wired.close()
    wait_for("their end", lambda: metric(daemon, "machi_streams_open") == 0, 10)


def draining_ends_streams_and_a_restart_resets():
    with Daemon(machi, work / "restart") as first:
        wired = [WebSocket(first, type="Room") for _ in range(5)]
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
        for one in wired:
            same((one.entity()["level"]["value"], one.message(), one.frame()), (1, 1001, None))
            one.close()
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
                 sockets_hear_what_streams_hear, sockets_select_as_streams_do, handshakes_are_looked_at,
                 pages_of_strangers_hear_nothing, sockets_resume, what_breaks_the_protocol_is_told,
                 sockets_that_go_are_noticed, a_slow_socket_is_cut_and_others_go_on, many_at_once,
                 silence_has_signs_of_life, who_answers_no_ping_is_cut):
        tap.case(case)
    same(daemon.stop(), 0)
    check("ERROR" not in daemon.log().upper().replace("ERROR=0", ""), daemon.log()[-3000:])
tap.case(draining_ends_streams_and_a_restart_resets)
status = tap.done()
if not status:
    shutil.rmtree(work)
sys.exit(status)
