#!/usr/bin/env python3
"""Stored @contexts through a city's life: kill -9 after 201, restarts, a source that goes away, addresses not allowed.

Usage: contexts.py MACHI SOURCE_ROOT. The promises under test: a hosted @context that was acknowledged is there after
kill -9; a remote one that was fetched once serves on, also after a restart, when its source is gone; nobody who talks to
the server can make it talk to its own network.
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

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-contexts-"))
tap = Tap()
CONTEXTS = "/ngsi-ld/v1/jsonldContexts"
ENTITIES = "/ngsi-ld/v1/entities"
ALLOWED = ("--set", "outbound.allow=127.0.0.1")


def link(url):
    return {"Link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}


class Source:
    """A server of one @context; the "ETag" lets it answer 304."""

    def __init__(self, max_age):
        self.asked = []
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                known = self.headers.get("If-None-Match") == '"one"'
                source.asked.append(304 if known else 200)
                body = b"" if known else b'{"@context": {"speed": "https://example.org/speed"}}'
                self.send_response(source.asked[-1])
                self.send_header("ETag", '"one"')
                self.send_header("Cache-Control", f"max-age={max_age}")
                self.send_header("Content-Type", "application/ld+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/c.jsonld"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def uses(daemon, url):
    """The status of a request that needs the @context."""
    return daemon.request("GET", f"{ENTITIES}?type=T", headers=link(url))[0]


def added(daemon, body):
    """Stores an @context and gives its place."""
    with contextlib.closing(daemon.connect()) as connection:
        connection.request("POST", CONTEXTS, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        same(answer.status, 201)
        return answer.getheader("Location")


@tap.case
def a_hosted_context_survives_kill_9():
    data = work / "hosted"
    places = []
    for round_number in range(3):
        with Daemon(machi, data) as daemon:
            for place in places:
                check(daemon.request("GET", place)[0] == 200, f"{place} is gone in round {round_number}")
            for number in range(5):
                body = {"@context": {"speed": f"https://example.org/{round_number}/{number}"}}
                places.append(added(daemon, body))
            daemon.kill()
    with Daemon(machi, data) as daemon:
        same(len(json.loads(daemon.request("GET", CONTEXTS)[1])), 15)
        for place in places:
            same(uses(daemon, f"http://elsewhere.invalid{place}"), 200)
        # What was deleted stays deleted.
        same(daemon.request("DELETE", places[0])[0], 204)
        daemon.kill()
    with Daemon(machi, data) as daemon:
        same(daemon.request("GET", places[0])[0], 404)
        same(daemon.request("GET", places[1])[0], 200)
        same(daemon.stop(), 0)
    machi("check", "--data", data)


@tap.case
def a_cached_context_outlives_its_source_and_a_restart():
    data = work / "cached"
    source = Source(max_age=0)
    with Daemon(machi, data, *ALLOWED) as daemon:
        same(uses(daemon, source.url), 200)
        same(daemon.stop(), 0)
    same(source.asked, [200])
    with Daemon(machi, data, *ALLOWED) as daemon:
        # It has expired meanwhile or not; if it was asked for, then only whether it has changed.
        same(uses(daemon, source.url), 200)
        check(source.asked[1:] in ([], [304]), source.asked)
        daemon.kill()
    source.stop()
    with Daemon(machi, data, *ALLOWED) as daemon:
        same(uses(daemon, source.url), 200)
        same(json.loads(daemon.request("GET", f"{CONTEXTS}?kind=Cached")[1]), [source.url])
        same(daemon.stop(), 0)
    # Without a network at all, too.
    with Daemon(machi, data, "--set", "context.fetch=false") as daemon:
        same(uses(daemon, source.url), 200)
        same(daemon.stop(), 0)


@tap.case
def many_who_want_one_context_share_its_fetch():
    source = Source(max_age=3600)
    with Daemon(machi, work / "shared", *ALLOWED) as daemon:
        statuses = []
        threads = [threading.Thread(target=lambda: statuses.append(uses(daemon, source.url))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(statuses, [200] * 20)
        same(source.asked, [200])
        same(daemon.stop(), 0)
    source.stop()


@tap.case
def the_servers_own_network_is_not_reachable_unless_allowed():
    source = Source(max_age=3600)
    port = source.server.server_address[1]
    with Daemon(machi, work / "denied") as daemon:
        for host in ("127.0.0.1", "localhost", "127.1", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"):
            status, body = daemon.request("GET", f"{ENTITIES}?type=T", headers=link(f"http://{host}:{port}/c.jsonld"))
            check(status in (400, 504), f"{host}: {status}")
        same(status, 504)
        check(b"LdContextNotAvailable" in body, body)
        # Neither the metadata service of a cloud nor a private network is waited for.
        for host in ("169.254.169.254", "10.0.0.1", "192.168.0.1"):
            status, body = daemon.request("GET", f"{ENTITIES}?type=T", headers=link(f"http://{host}/latest"))
            same(status, 504)
            check(b"may not be connected to" in body, body)
        same(source.asked, [])
        same(daemon.stop(), 0)
    with Daemon(machi, work / "named", "--set", "outbound.allow=localhost") as daemon:
        same(uses(daemon, f"http://localhost:{port}/c.jsonld"), 200)
        same(uses(daemon, f"http://127.0.0.1:{port}/c.jsonld"), 504)
        same(daemon.stop(), 0)
    source.stop()


@tap.case
def a_mistake_in_the_list_is_named_at_the_start():
    done = machi("serve", "--data", work / "mistake", "--listen", "127.0.0.1:0", "--set", "outbound.allow=10.0.0.1/8",
                 status=None)
    check(done.status != 0, "it serves")
    check("outbound.allow" in done.err and "10.0.0.1/8" in done.err, done.err)


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
