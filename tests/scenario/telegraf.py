#!/usr/bin/env python3
"""What Telegraf sends, byte for byte, into a running daemon that knows nothing of it.

Usage: telegraf.py MACHI SOURCE_ROOT. Source: Telegraf 1.x, plugins/outputs/influxdb/http.go (POST /query with CREATE
DATABASE as a form, then POST /write?db=…) and plugins/outputs/influxdb_v2/http.go (POST /api/v2/write?bucket=…&org=…).
Its bodies come from a reader, whose length Go's net/http does not know: HTTP/1.1 chunks, each a write of up to 32 KiB,
hexadecimal digits in lower case, "Accept-Encoding: gzip" behind the plugin's headers. Answers: 204 is written, 200 is
what it wants of a query; a connection that says "close" is dialled again.
"""
import gzip
import json
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-telegraf-"))
tap = Tap()
AGENT = "Telegraf/1.30.0 Go/1.22.0"
COPY_BYTES = 32 * 1024  # of io.Copy
START_NS = 1764000000 * 10**9  # 2025-11-24T16:00:00Z


def go_chunks(body):
    for at in range(0, len(body), COPY_BYTES):
        part = body[at:at + COPY_BYTES]
        yield b"%x\r\n" % len(part) + part + b"\r\n"
    yield b"0\r\n\r\n"


def go_request(target, headers, body, chunked=True, pause=0):
    """Status, headers and body of the answer."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = (f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\nUser-Agent: {AGENT}\r\n{framing}\r\n" +
            "".join(f"{name}: {value}\r\n" for name, value in sorted(headers.items())) + "Accept-Encoding: gzip\r\n\r\n")
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=60) as client:
        client.sendall(head.encode())
        for part in go_chunks(body) if chunked else [body]:
            client.sendall(part)
            time.sleep(pause)
        answer = client.makefile("rb")
        status = int(answer.readline().split()[1])
        fields = dict(line.decode().strip().split(": ", 1) for line in iter(answer.readline, b"\r\n"))
        return status, fields, answer.read(int(fields.get("Content-Length", 0)))


def write(target, body, pause=0, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return go_request(target, {"Content-Type": "text/plain; charset=utf-8", **headers}, body, pause=pause)


def cpu_lines(host, count, first=0):
    """What inputs.cpu gives, serialized by Telegraf: tags, then fields, nanoseconds."""
    return b"".join(b"cpu,cpu=cpu-total,host=%s usage_idle=%d.%02d,usage_user=1.5,cores=4i %d\n" %
                    (host.encode(), 50 + i % 50, i % 100, START_NS + (first + i) * 10**10) for i in range(count))


def count_of(host):
    identity = urllib.parse.quote(f"urn:ngsi-ld:cpu:cpu=cpu-total:host={host}", safe=":=")
    query = "timerel=after&timeAt=2020-01-01T00:00:00Z&format=aggregatedValues&aggrMethods=totalCount&attrs=usage_idle"
    status, answer = daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/{identity}?{query}&aggrPeriodDuration=PT0S")
    same(status, 200, answer)
    return json.loads(answer)["usage_idle"]["totalCount"][0][0]


FEED = {
    "name": "hosts", "influx": {"token": "s3cret"},
    "maps": [{"topic": "cpu", "id": "urn:ngsi-ld:Host:{host}", "type": "Host", "observed_at": {"column": "time"},
              "skip": [{"column": "cpu", "not_in": ["cpu-total"]}],
              "attributes": {"idle": {"kind": "number", "column": "usage_idle", "unit": "P1"},
                             "cores": {"kind": "integer", "column": "cores", "observed_at": "none"}}},
             {"topic": "system", "id": "urn:ngsi-ld:Host:{host}", "type": "Host", "observed_at": {"column": "time"},
              "attributes": {"uptime": {"kind": "text", "column": "uptime_format"},
                             "busy": {"kind": "boolean", "column": "busy"},
                             "load": {"kind": "number", "column": "load1"}}}]}
config = work / "machi.yaml"
config.write_text(json.dumps({"feeds": [FEED]}))


def entity(identity):
    status, answer = daemon.request("GET", f"/ngsi-ld/v1/entities/{identity}")
    return json.loads(answer) if status == 200 else {}


with Daemon(machi, work / "city", "--config", config) as daemon:
    @tap.case
    def it_asks_for_its_database():
        form = urllib.parse.urlencode({"q": 'CREATE DATABASE "telegraf"'}).encode()
        status, fields, body = go_request("/query", {"Content-Type": "application/x-www-form-urlencoded"}, form,
                                          chunked=False)
        same(status, 200, body)
        check("results" in json.loads(body), body)
        check(fields["Content-Type"].startswith("application/json"), fields)
        # Some libraries send it in chunks, too.
        same(go_request("/query", {"Content-Type": "application/x-www-form-urlencoded"}, form)[0], 200)

    @tap.case
    def outputs_influxdb_writes():
        same(write("/write?db=telegraf", cpu_lines("plain", 10))[0], 204)
        same(write("/write?consistency=any&db=telegraf&rp=autogen", cpu_lines("plain", 10, 10),
                   Authorization="Basic dGVsZWdyYWY6c2VjcmV0")[0], 204)
        same(count_of("plain"), 20)

    @tap.case
    def gzipped_as_is_its_default():
        same(write("/write?db=telegraf", gzip.compress(cpu_lines("packed", 10)), Content_Encoding="gzip")[0], 204)
        # A large batch: many chunks.
        lines = cpu_lines("many", 5000)
        same(write("/write?db=telegraf", gzip.compress(lines, 0), Content_Encoding="gzip")[0], 204)
        check(len(lines) > 4 * COPY_BYTES, len(lines))
        same((count_of("packed"), count_of("many")), (10, 5000))

    @tap.case
    def outputs_influxdb_v2_writes():
        same(write("/api/v2/write?bucket=telegraf&org=city", cpu_lines("second", 10), Authorization="Token s3cret")[0],
             204)
        same(write("/api/v2/write?bucket=telegraf&org=city", gzip.compress(cpu_lines("second", 10, 10)),
                   Authorization="Token s3cret", Content_Encoding="gzip")[0], 204)
        same(count_of("second"), 20)

    @tap.case
    def a_slow_one_is_waited_for():
        same(write("/write?db=telegraf", cpu_lines("slow", 2000), pause=0.3)[0], 204)
        same(count_of("slow"), 2000)

    @tap.case
    def it_is_told_of_bad_lines_in_json():
        status, fields, body = write("/write?db=telegraf", cpu_lines("bad", 3) + b"cpu usage_idle=\n")
        same(status, 400)
        check("partial write" in json.loads(body)["error"], body)
        same(count_of("bad"), 3)
        check(fields["Connection"] == "close", fields)

    @tap.case
    def what_is_too_large_is_413():
        packed = gzip.compress(b"cpu,host=bomb v=1\n" * (66 * 2**20 // 18))
        status, _, body = write("/write?db=telegraf", packed, Content_Encoding="gzip")
        same(status, 413)
        check("error" in json.loads(body), body)

    @tap.case
    def entities_need_a_content_length():
        """Clause 6.3.4 of NGSI-LD: 411, and nothing is created."""
        entity = b'{"id": "urn:ngsi-ld:Building:1", "type": "Building", "name": {"type": "Property", "value": "A"}}'
        same(go_request("/ngsi-ld/v1/entities", {"Content-Type": "application/json"}, entity)[0], 411)
        status, _ = daemon.request("GET", "/ngsi-ld/v1/entities/urn:ngsi-ld:Building:1")
        same(status, 404)

    @tap.case
    def a_feed_makes_entities_of_lines():
        """As outputs.influxdb with urls = [".../api/v1/feeds/hosts"] and outputs.influxdb_v2, which join their own paths."""
        form = urllib.parse.urlencode({"q": 'CREATE DATABASE "telegraf"'}).encode()
        same(go_request("/api/v1/feeds/hosts/query", {"Content-Type": "application/x-www-form-urlencoded"}, form,
                        chunked=False)[0], 200)
        lines = cpu_lines("alpha", 3) + b"disk,host=alpha free=1i %d\n" % START_NS
        same(write("/api/v1/feeds/hosts/write?db=telegraf", lines, Authorization="Bearer s3cret")[0], 204)
        same(entity("urn:ngsi-ld:Host:alpha")["idle"],
             {"type": "Property", "value": 52.02, "unitCode": "P1", "observedAt": "2025-11-24T16:00:20Z"})
        same(entity("urn:ngsi-ld:Host:alpha")["cores"], {"type": "Property", "value": 4})
        system = b'system,host=alpha uptime_format="3 days, 4\\"00",busy=t,load1=0.5 1764000030\n'
        same(write("/api/v1/feeds/hosts/api/v2/write?bucket=b&org=o&precision=s", gzip.compress(system),
                   Content_Encoding="gzip", Authorization="Token s3cret")[0], 204)
        host = entity("urn:ngsi-ld:Host:alpha")
        same((host["uptime"]["value"], host["busy"]["value"], host["load"]["value"]), ('3 days, 4"00', True, 0.5))
        same(host["load"]["observedAt"], "2025-11-24T16:00:30Z")
        same(host["idle"]["value"], 52.02)
        # One other core's line, left out by the rule.
        same(write("/api/v1/feeds/hosts/write", b"cpu,cpu=cpu0,host=alpha usage_idle=1 %d\n" % (START_NS + 10**12),
                   Authorization="Bearer s3cret")[0], 204)
        same(entity("urn:ngsi-ld:Host:alpha")["idle"]["value"], 52.02)

    @tap.case
    def a_feed_tells_of_bad_lines():
        target, token = "/api/v1/feeds/hosts/write", {"Authorization": "Bearer s3cret"}
        status, _, body = write(target, cpu_lines("beta", 2) + b"system,host=beta load1=\ndisk v=1\n", **token)
        same(status, 400)
        error = json.loads(body)["error"]
        check(error.startswith("partial write: line 3: ") and error.endswith("; dropped=1"), error)
        same(entity("urn:ngsi-ld:Host:beta")["idle"]["value"], 51.01)
        same(write(target, cpu_lines("beta", 1))[0], 401)
        same(write(target + "?precision=w", cpu_lines("beta", 1), **token)[0], 400)
        same(write(target, b"cpu v=1\n" * 20001, **token)[0], 413)
        same(write("/api/v1/feeds/nobody/write", b"cpu v=1\n", **token)[0], 404)
        same(write(target, b"", **token)[0], 204)

    @tap.case
    def a_feed_takes_large_batches():
        lines = b"".join(b"cpu,cpu=cpu-total,host=h%d usage_idle=%d %d\n" % (i % 500, i, START_NS + i * 10**9)
                         for i in range(10000))
        same(write("/api/v1/feeds/hosts/write", lines, Authorization="Bearer s3cret")[0], 204)
        same(entity("urn:ngsi-ld:Host:h499")["idle"]["value"], 9999)

status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
