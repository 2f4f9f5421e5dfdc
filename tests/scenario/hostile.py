#!/usr/bin/env python3
"""What a stranger may send to a running daemon, and what becomes of it and of everybody else.

Usage: hostile.py MACHI SOURCE_ROOT. Sources: RFC 9112 (which heads are to be refused and when the connection is to be
closed), RFC 8259, GS CIM 009 V1.9.1 clauses 5.5.2 and 6.3. Each case asks for three things: the status that these say,
within a bound of time; other clients served meanwhile; and no memory kept. All bounds are generous: they tell "bounded"
from "for ever" on a slow machine with sanitizers, not fast from slow.
"""
import contextlib
import json
import math
import os
import pathlib
import resource
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-hostile-"))
tap = Tap()
API = "/ngsi-ld/v1"
ENTITIES = API + "/entities"
ANSWER_SECONDS = 60  # for anything that is sent whole
OTHERS_SECONDS = 30  # for somebody else's small request meanwhile
IDLE = 2000  # connections that only stand there
MEMORY_KEPT_MIB = 400  # sanitizers keep what was freed for a while (quarantine)


def read_all(client):
    """Everything until the end of the connection, and whether it came to that."""
    answer = b""
    try:
        while chunk := client.recv(65536):
            answer += chunk
    except TimeoutError:
        return answer, False
    except ConnectionError:
        pass
    return answer, True


def raw(daemon, request, seconds=ANSWER_SECONDS):
    with contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=seconds)) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(request)
        return read_all(client)


def others_are_served(daemon):
    begun = time.monotonic()
    same(daemon.request("GET", "/health")[0], 200)
    check(time.monotonic() - begun < OTHERS_SECONDS, "others had to wait")


def memory_mib(daemon):
    for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def cpu_seconds(daemon):
    fields = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def hostile_daemon(name, *options):
    with Daemon(machi, work / name, "--set", "http.loops=2", *options) as daemon:
        yield daemon
        others_are_served(daemon)
        same(daemon.stop(), 0)
        check("Sanitizer" not in daemon.log() and "runtime error" not in daemon.log(), daemon.log())


POST = f"POST {ENTITIES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
ENTITY = '{"id":"urn:x:1","type":"T"}'

# request, statuses allowed, whether the connection must be closed, whether the answer must be a problem document
HEADS = (
    ("GET /health\r\n\r\n", {400}, True, False),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", {400}, True, False),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}, True, False),
    ("GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n", {505}, True, False),
    ("GET /health HTTP/1.1\r\n\r\n", {400}, False, True),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: u\r\n\r\n", {400}, False, True),
    ("GET /hea lth HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}, True, True),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n", {400}, True, True),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", {400}, True, True),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", {400}, True, True),
    ("GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}, False, True),
    ("CONNECT t:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}, False, True),
    ("TRACE /health HTTP/1.1\r\nHost: localhost\r\n\r\n", {405}, False, True),
    ("G(T /health HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 405, 501}, False, True),
    ("A" * 3000 + " /health HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 405, 501}, False, True),
    ("GET /" + "a" * 8000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n", {414}, False, True),
    ("GET /" + "a" * 200000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n", {414}, True, False),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + "a" * 12500 + "\r\n\r\n", {431}, False, True),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + "a" * 500000 + "\r\n\r\n", {431}, True, False),
    ("GET /health HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"X{i}: y\r\n" for i in range(20000)) + "\r\n", {431}, True, False),
    ("GET /health?" + "&".join("a=b" for _ in range(500)) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}, False, True),
    (POST + "Content-Length: 27\r\nContent-Length: 27\r\n\r\n" + ENTITY, {400}, True, True),
    (POST + "Content-Length: 27\r\nContent-Length: 3\r\n\r\n" + ENTITY, {400}, True, True),
    (POST + "Content-Length: 27, 27\r\n\r\n" + ENTITY, {400}, True, False),
    (POST + "Content-Length: -1\r\n\r\n" + ENTITY, {400}, True, False),
    (POST + "Content-Length: +27\r\n\r\n" + ENTITY, {400}, True, False),
    (POST + "Content-Length: 0x1b\r\n\r\n" + ENTITY, {400}, True, False),
    (POST + "Content-Length: 99999999999999999999999\r\n\r\n" + ENTITY, {413}, True, False),
    (POST + "Content-Length: 9999999999999999\r\n\r\n" + ENTITY, {413}, True, True),
    (POST + "Content-Length : 27\r\n\r\n" + ENTITY, {400}, True, True),
    (POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}, True, True),
    (POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", {400}, True, True),
    (POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", {400}, True, True),
    (POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {501}, True, True),
    (POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", {501}, True, True),
    (POST + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", {400}, True, False),
    (POST + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", {413}, True, False),
    (POST + "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n", {501}, True, True),
    (POST + "Transfer-Encoding: chunked\r\n\r\n" + "0" * 100000, {400}, True, True),
    (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + "y" * 100000, {431}, True, False),
    # Clause 6.3.4: just the status.
    (POST + "\r\n", {411}, False, False),
)
MARK = "GET /health?smuggled HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@tap.case
def heads_that_can_be_read_in_two_ways_are_refused():
    with hostile_daemon("heads") as daemon:
        for request, statuses, closes, problem in HEADS:
            # Where the end of the request is in doubt, what follows must not be taken for a request.
            answer, ended = raw(daemon, (request + MARK).encode())
            check(ended, "the connection stays open", request[:100])
            check(answer.startswith(b"HTTP/1.1 ") and int(answer[9:12]) in statuses, request[:100], answer[:200])
            check(not (closes and b" 200 OK" in answer), "what followed was taken for a request:", request[:100])
            if not closes and statuses != {411}:
                check(b" 200 OK" in answer, "what followed was not answered:", request[:100], answer[:300])
            if problem:
                head, _, body = answer.partition(b"\r\n\r\n")
                check(b"Content-Type: application/json" in head, request[:100], head)
                document = json.JSONDecoder().raw_decode(body.decode())[0]
                same(document["status"], int(answer[9:12]))
                check(document["type"].startswith("https://uri.etsi.org/ngsi-ld/errors/") and document["title"] and
                      document["detail"], document)
        others_are_served(daemon)
        same(daemon.request("GET", ENTITIES + "?type=T&local=true")[1], b"[]")


@tap.case
def garbage_that_is_no_http_ends_its_connection_alone():
    with hostile_daemon("garbage") as daemon:
        for garbage in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300 + b"\r\n\r\n", b"\0" * 100000,
                        b"\xff" * 100000, b"\r\n" * 100000, b"SSH-2.0-x\r\n\r\n"):
            with contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=ANSWER_SECONDS)) as client:
                with contextlib.suppress(OSError):  # closed already
                    client.sendall(garbage)
                    client.shutdown(socket.SHUT_WR)
                answer, ended = read_all(client)
                check(ended and b" 200 " not in answer, garbage[:20], answer[:100])
        others_are_served(daemon)


@tap.case
def a_thousand_requests_in_one_go_are_answered_in_order():
    count = 1000
    with hostile_daemon("pipeline") as daemon:
        last = "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: last\r\nConnection: close\r\n\r\n"
        requests = "".join(f"GET {ENTITIES}/urn:x:{i} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r{i}\r\n\r\n" for i in range(count))
        answer, ended = raw(daemon, (requests + last).encode())
        check(ended)
        ids = [line.split(b": ")[1].decode() for line in answer.split(b"\r\n") if line.startswith(b"X-Request-Id")]
        same(ids, [f"r{i}" for i in range(count)] + ["last"])


def value(text):
    return '{"id":"urn:x:1","type":"T","a":{"type":"Property","value":%s}}' % text


def ring(count, step):
    angles = [2 * math.pi * i * step / count for i in range(count)]
    points = [[round(80 * math.cos(a), 6), round(80 * math.sin(a), 6)] for a in angles]
    return points + points[:1]


MALFORMED = (  # InvalidRequest: no JSON, or one that JSON-LD does not allow
    "", "[", "[" * 4000000, value("[" * 100000 + "]" * 100000), value('{"a":' * 100000 + "1" + "}" * 100000), value("1") + "x",
    value("NaN"), value("01"), value("1" * 1000000), value("1e400"), value("-" * 100000), value('"\\ud800"'), value('"\\x"'),
    value('"' + "x" * 100000), "{" * 100000, b'\xef\xbb\xbf{"id":"urn:x:1","type":"T"}', ENTITY.encode("utf-16"),
    b'{"id":"urn:x:1","type":"T","a":{"type":"Property","value":"\xff\xfe"}}',
    b'{"id":"urn:x:1","type":"T","a":{"type":"Property","value":"\xc0\x80"}}',
    b'{"id":"urn:x:1","type":"T","a":{"type":"Property","value":"\xed\xa0\x80"}}',
    b'{"id":"urn:x:1","type":"T","a":{"type":"Property","value":"a\0b"}}',
    # A name that comes twice: which of the values counts is nowhere said, so the object is refused.
    '{"id":"urn:x:1","id":"urn:x:2","type":"T"}', '{"id":"urn:x:1","type":"T","a":1,"a":2}', value('{"x":1,"x":2}'),
    value('{"x":1,"\\u0078":2}'), value("{" + ",".join('"a":1' for _ in range(300000)) + "}"))
BAD_DATA = (
    "null", "7", "[]", '{"id":"urn:x:1","@id":"urn:x:1","type":"T"}', '{"id":"' + "x" * 100000 + '","type":"T"}',
    '{"id":"urn:x:1","type":"T","a":1,"https://uri.etsi.org/ngsi-ld/default-context/a":2}',
    '{"id":"urn:x:1","type":"T",' + ",".join(f'"a{i}":1' for i in range(200000)) + "}",
    '{"id":"urn:x:1","type":[' + ",".join(f'"T{i}"' for i in range(100000)) + "]}",
    '{"id":"urn:x:1","type":"T","a":[' + ",".join('{"type":"Property","value":1,"datasetId":"urn:d:%d"}' % i
                                                  for i in range(20000)) + "]}",
    '{"id":"urn:x:1","type":"T","' + "a" * 5000000 + ' ":1}',
    *('{"id":"urn:x:1","type":"T","location":{"type":"GeoProperty","value":%s}}' % json.dumps({"type": kind, "coordinates": at})
      for kind, at in (("Point", [1000, 0]), ("Point", [0, 91]), ("Point", []), ("Point", [0]), ("Point", ["0", "0"]),
                       ("LineString", [[0, 0]]), ("Polygon", []), ("Polygon", [[]]), ("Polygon", [[[0, 0], [1, 1], [0, 0]]]),
                       ("Polygon", [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]]), ("Polygon", [ring(1001, 500)]),
                       ("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 1]]]), ("Circle", [0, 0]), ("Point", [1e308, -1e308]))))


@tap.case
def bodies_from_hell_are_refused_in_bounded_time_and_memory():
    with hostile_daemon("bodies", "--set", "http.body_max=8MiB") as daemon:
        def send(body, statuses, kind=None):
            begun = time.monotonic()
            status, answer = daemon.request("POST", ENTITIES, body)
            shown = (body if isinstance(body, str) else repr(body))[:100]
            check(status in statuses, shown, status, answer[:300])
            check(time.monotonic() - begun < ANSWER_SECONDS, "too slow:", shown)
            if kind:
                same(json.loads(answer)["type"], "https://uri.etsi.org/ngsi-ld/errors/" + kind, shown)

        for body in MALFORMED:
            send(body, {400}, "InvalidRequest")
        for body in BAD_DATA:
            send(body, {400}, "BadRequestData")
        before = memory_mib(daemon)
        for _ in range(3):
            # Too much for a request's memory (http.request_memory_max) once it is read, though not too long.
            send(value("[" + "0," * 3900000 + "0]"), {413}, "InvalidRequest")
            send('"' + "x" * 9000000 + '"', {413}, "InvalidRequest")
        others_are_served(daemon)
        check(memory_mib(daemon) < before + MEMORY_KEPT_MIB, before, memory_mib(daemon))
        # What is only odd is kept, byte for byte.
        for number, text in enumerate(('"\\u0000"', "1e-400", "123456789012345678901234567890", '"' + "x" * 4000000 + '"',
                                       "[" * 40 + "]" * 40, '{"":{"":""}}', '"\\uD83D\\uDE00"')):
            same(daemon.request("POST", ENTITIES, value(text).replace("urn:x:1", f"urn:ok:{number}"))[0], 201, text[:50])
            status, answer = daemon.request("GET", f"{ENTITIES}/urn:ok:{number}")
            same((status, json.loads(answer)["a"]["value"]), (200, json.loads(text)), text[:50])
        same(daemon.request("GET", f"{ENTITIES}?type=T&limit=0&count=true")[0], 200)


def make_places(daemon, count=500):
    places = [{"id": f"urn:q:{i}", "type": "Q", "n": {"type": "Property", "value": i},
               "s": {"type": "Property", "value": "a" * 300 + "b"},
               "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [i % 180, i % 80]}}}
              for i in range(count)]
    same(daemon.request("POST", f"{API}/entityOperations/create", places)[0], 201)


def q(text):
    return {"q": text}


def geo(geometry, coordinates, georel="within"):
    return {"geoQ": {"geometry": geometry, "coordinates": coordinates, "georel": georel}}


QUERIES = (  # members of a Query, and the statuses allowed
    (q("(" * 100000 + "n==1" + ")" * 100000), {400, 403}), (q("(" * 1000000), {400, 403}), (q(")"), {400}), (q("!" * 100000), {400}),
    (q("|".join(f"n=={i}" for i in range(100000))), {403}), (q(";".join(f"n>{i}" for i in range(100000))), {403}),
    (q("n==" + ",".join(map(str, range(100000)))), {403}), (q("a" + ".b" * 100000 + "==1"), {400, 403}),
    (q("a[" + "b." * 100000 + "c]==1"), {400, 403}), (q('s=="' + "x" * 1000000 + '"'), {200, 403}),
    (q('s=="' + "x" * 1000000), {400}), (q("n==" + "9" * 100000), {400, 403}), (q("n==1.." * 10000), {400, 403}),
    (q('s~="(a+)+$"'), {200}), (q('s~="(a|aa)*$"'), {200}), (q('s~="((((a*)*)*)*)*c"'), {200}),
    (q('s~="((a{1,100}){1,100}){1,100}"'), {400, 403}), (q('s~="' + "(a?)" * 50 + "a" * 50 + '"'), {200}),
    (q('s~="' + "(" * 10000 + '"'), {400, 403}), (q("|".join(f's~="(a*)*{i}b"' for i in range(50))), {200}),
    ({"scopeQ": "(" * 100000 + "/a" + ")" * 100000}, {400, 403}), ({"scopeQ": "/a" * 100000}, {200, 403}),
    ({"scopeQ": ",".join(f"/a{i}/+/#" for i in range(20000))}, {403}),
    (geo("Polygon", [ring(20000, 1)]), {200}), (geo("Polygon", [ring(1001, 500)]), {400}),
    (geo("Polygon", [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]]), {400}), (geo("Point", [1000, 0]), {400}),
    (geo("Point", [1, 1], "near;maxDistance==1e400"), {400}), (geo("Point", [1, 1], "near;maxDistance==-1"), {400}),
    (geo("LineString", [[i * 7 % 180, i * 13 % 90] for i in range(100000)], "near;maxDistance==10"), {403}),
    (geo("LineString", [[i * 7 % 180, i * 13 % 90] for i in range(9000)], "near;maxDistance==10"), {200}),
    (geo("MultiPoint", [[i % 180, i % 90] for i in range(50000)], "intersects"), {200}),
    (geo("Point", json.loads("[" * 50 + "]" * 50)), {400}), (geo("Nothing", [1, 1]), {400}))


@tap.case
def absurd_questions_are_bounded():
    with hostile_daemon("questions") as daemon:
        make_places(daemon)
        before = memory_mib(daemon)
        for members, statuses in QUERIES:
            shown = json.dumps(members)[:100]
            begun = time.monotonic()
            status, answer = daemon.request("POST", f"{API}/entityOperations/query",
                                            {"type": "Query", "entities": [{"type": "Q"}], **members})
            check(status in statuses, shown, status, answer[:300])
            check(time.monotonic() - begun < ANSWER_SECONDS, "too slow:", shown)
        for entities in ([{"type": "(" * 100000 + "Q" + ")" * 100000}], [{"type": ",".join(f"T{i}" for i in range(100000))}],
                         [{"type": "Q", "idPattern": "(a{1000}){1000}"}], [{"type": "Q", "idPattern": "("}],
                         [{"type": "Q", "idPattern": "(a)\\1"}], [{"type": "Q", "idPattern": "x" * 100000}]):
            status, answer = daemon.request("POST", f"{API}/entityOperations/query", {"type": "Query", "entities": entities})
            check(status in (400, 403), entities[0], status, answer[:300])
        same(daemon.request("GET", f"{ENTITIES}?type=Q&idPattern=(((.%2B)%2B)%2B)%2B%24&limit=1")[0], 200)
        for parameters in ("limit=99999999999999999999", "limit=-1", "limit=1e3", "offset=x", "count=maybe", "limit=1&limit=2"):
            same(daemon.request("GET", f"{ENTITIES}?type=Q&{parameters}")[0], 400, parameters)
        check(memory_mib(daemon) < before + MEMORY_KEPT_MIB, before, memory_mib(daemon))


CONTEXTS = (
    {"a": "a:b"}, {"a": "b:x", "b": "c:x", "c": "a:x"}, {f"p{i}": f"p{i + 1}:x" for i in range(10000)},
    {f"p{i}": f"urn:{i}" for i in range(100000)}, [{f"p{i}": f"urn:{i}"} for i in range(10000)], json.loads("[" * 50 + "]" * 50),
    [f"http://127.0.0.1:9/{i}" for i in range(1000)], 5, {"a": {"@id": {"@id": "x"}}}, {"@vocab": 7}, {"a": ["b"]})


@tap.case
def contexts_that_loop_or_swell_are_refused():
    with hostile_daemon("contexts") as daemon:
        for context in CONTEXTS:
            begun = time.monotonic()
            status, answer = daemon.request("POST", ENTITIES, {"id": "urn:x:1", "type": "T", "@context": context},
                                            {"Content-Type": "application/ld+json"})
            same(status, 400, f"{json.dumps(context)[:100]} {answer[:200]}")
            check(time.monotonic() - begun < ANSWER_SECONDS, "too slow:", json.dumps(context)[:100])


@tap.case
def slow_clients_are_cut_and_hold_up_nobody():
    # The bounds: silence of idle_timeout; and whoever sends or takes under 1 KiB/s has twice that and no more.
    with hostile_daemon("slow", "--set", "http.idle_timeout=1 s") as daemon:
        make_places(daemon)
        stop = threading.Event()
        ended = []

        def drip(head, byte):
            with contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=0.1)) as client:
                with contextlib.suppress(OSError):
                    client.sendall(head)
                while not stop.is_set():
                    try:
                        client.sendall(byte)
                        if client.recv(1000) == b"":
                            break
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                ended.append(not stop.is_set())

        threads = [threading.Thread(target=drip, args=(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ", b"a")) for _ in range(20)]
        threads += [threading.Thread(target=drip, args=((POST + "Content-Length: 100000\r\n\r\n").encode(), b" ")) for _ in range(20)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 90
        while len(ended) < len(threads) and time.monotonic() < until:
            others_are_served(daemon)
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        same(sum(ended), len(threads), "clients that were cut")


def connections_open(daemon):
    for line in daemon.request("GET", "/metrics")[1].decode().splitlines():
        if line.startswith("machi_http_connections_open "):
            return int(float(line.split()[1]))
    raise AssertionError("no count of connections")


@tap.case
def clients_that_ask_and_do_not_take_are_let_go():
    with hostile_daemon("unread", "--set", "http.idle_timeout=1 s") as daemon:
        make_places(daemon)
        ask_much = f"GET {ENTITIES}?type=Q&limit=500 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 60
        with contextlib.ExitStack() as stack:
            for _ in range(10):
                client = stack.enter_context(contextlib.closing(socket.socket()))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", daemon.port))
                client.sendall(ask_much)  # more than the system's buffers hold
            until = time.monotonic() + 60
            while connections_open(daemon) > 2:
                check(time.monotonic() < until, connections_open(daemon), "connections are still open")
                time.sleep(0.1)


@tap.case
def thousands_of_idle_connections_cost_little():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = IDLE + 200
    if soft < room:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(room, hard), hard))
    count = min(IDLE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    with hostile_daemon("idle", "--set", "http.connections_max=10000") as daemon:
        before = memory_mib(daemon)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=30)))
                       for _ in range(count)]
            for client in clients[::2]:  # half of them in the middle of a head
                client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
            others_are_served(daemon)
            same(daemon.request("POST", ENTITIES, ENTITY)[0], 201)
            used = memory_mib(daemon) - before
            # Each has its pool (http.header_max, 16 KiB) and a little more.
            check(used < count * 64 / 1024 + 50, f"{used:.0f} MiB for {count} connections")
            begun, cpu = time.monotonic(), cpu_seconds(daemon)
            time.sleep(1)
            check(cpu_seconds(daemon) - cpu < 0.7 * (time.monotonic() - begun) + 0.3, "idle connections keep it busy")
            for client in clients[::2]:
                client.sendall(b"\r\n")
            for client in clients[::2]:
                check(client.recv(1000).startswith(b"HTTP/1.1 200"), "an idle client came too late")


@tap.case
def nothing_hostile_turns_in_circles():
    """After everything that does not end by itself, the daemon must be at rest."""
    with hostile_daemon("rest") as daemon:
        unfinished = [b"GET /", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX", b"\r\n" * 10, (POST + "Content-Length: 9\r\n\r\n{").encode(),
                      (POST + "Transfer-Encoding: chunked\r\n\r\n" + "0" * 30000).encode(),
                      (POST + "Transfer-Encoding: chunked\r\n\r\n5;" + "x" * 30000).encode(),
                      (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + "x" * 30000).encode(),
                      (POST + "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n").encode(),
                      b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 15000]
        with contextlib.ExitStack() as stack:
            for request in unfinished * 5:
                client = stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=30)))
                with contextlib.suppress(OSError):
                    client.sendall(request)
            others_are_served(daemon)
            # A loop that turned in circles would take all of a processor: some second of several must be a calm one.
            for _ in range(10):
                cpu, begun = cpu_seconds(daemon), time.monotonic()
                time.sleep(1)
                if cpu_seconds(daemon) - cpu < 0.5 * (time.monotonic() - begun):
                    break
            else:
                check(False, "the daemon does not come to rest")


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
