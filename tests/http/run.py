#!/usr/bin/env python3
"""Runs the HTTP cases beside it against a real `machi serve` and prints TAP.

Usage: run.py MACHI STORE [CASE...]        STORE is sqlite or memory; without CASE: all of them.

A case is a folder with README.md (which clause, what it shows) and case.json, a list of steps. A step is
  {"request": {"method", "path", "headers", "body" (JSON) or "text", "chunked": true}, "expect": {...}}
where "expect" may hold: "status"; "headers", each an exact text, "~" and a regular expression, a list of which every
element is one value of that header, or null for a header that must be absent; "body", JSON that the answer equals, in
which a text "~…" is a regular expression and "~any" stands for anything; "subset", JSON whose members the answer has;
"text", an exact body; "bytes", its length. "GET" is the method when none is given. In all texts ${CONTEXTS} is the
address of a server that serves the folder contexts/ (slowly below /slow/, not at all below /missing/), and ${SHARED}
one case's values taken by "keep": {"NAME": "body.path.to.member" or "headers.Name"}.

A request step with "within_s" is sent again until it gets what is expected, or the time is over: for what goes on in
the background.

A step may also be {"serve": {"/path": {"status", "headers", "body" (JSON), "text"}}}: from then on the server of contexts
answers so there (304 when the request's If-None-Match is its ETag; null: the connection is closed without an answer);
or {"asked": {"/path": n}}: that server was asked n times for it. ${MINE} is a
path of the case's own, ${QUOTED} the URL of ${MINE}/c.jsonld there as a path segment, ${BIG} a MiB of text.

Every case gets a server and a folder of its own, so cases never see each other.
"""
import http.client
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
START_S = 60  # sanitizer builds on a busy machine
REQUEST_S = 60
BIG = "x" * (1 << 20)


class ContextHandler(http.server.BaseHTTPRequestHandler):
    """Serves contexts/NAME; /slow/NAME after a while; what steps say; anything else is 404."""
    asked = []
    pages = {}

    def page(self, page):
        if page is None:
            self.close_connection = True
            return
        headers = page.get("headers", {})
        same = "ETag" in headers and self.headers.get("If-None-Match") == headers["ETag"]
        body = page.get("text", json.dumps(page["body"]) if "body" in page else "").encode()
        self.send_response(304 if same else page.get("status", 200))
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Type" not in headers:
            self.send_header("Content-Type", "application/ld+json")
        self.send_header("Content-Length", "0" if same else str(len(body)))
        self.end_headers()
        if not same:
            self.wfile.write(body)

    def do_GET(self):
        ContextHandler.asked.append(self.path)
        path = self.path
        if path in ContextHandler.pages:
            self.page(ContextHandler.pages[path])
            return
        if path.startswith("/slow/"):
            time.sleep(0.3)
            path = path[len("/slow"):]
        name = os.path.join(HERE, "contexts", os.path.basename(path))
        if "/missing/" in self.path or not os.path.isfile(name):
            self.send_error(404)
            return
        with open(name, "rb") as file:
            body = file.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/ld+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server:
    """One `machi serve` on a free port with a folder of its own."""

    def __init__(self, machi, store):
        self.folder = tempfile.TemporaryDirectory(prefix="machi-http-")
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        self.command = [
            machi, "serve", "--open", "--data", os.path.join(self.folder.name, "city"), "--listen", "127.0.0.1:0",
            "--set", f"store={store}", "--set", "http.loops=2", "--set", "query.instances_max=12", "--set", "http.body_max=1MiB",
            "--set", "http.cors_origins=https://city.example", "--set", "outbound.allow=127.0.0.1"]
        self.start()

    def start(self):
        self.log.truncate(0)
        self.log.seek(0)
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=subprocess.STDOUT)
        self.port = self.wait_ready()

    def wait_ready(self):
        """The port that the system chose stands in the log once all is up."""
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"machi ended with {self.process.returncode}: {self.read_log()}")
            found = re.search(r"msg=ready url=http://127\.0\.0\.1:(\d+)/", self.read_log())
            if found:
                return int(found[1])
            time.sleep(0.02)
        raise RuntimeError("machi is not ready: " + self.read_log())

    def read_log(self):
        with open(self.log.name, errors="replace") as file:
            return file.read()[-4000:]

    def stop(self):
        """Ends it as an operator would; what it says about leaks or races counts."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "no end within a minute"
        log = self.read_log()
        self.log.close()
        self.folder.cleanup()
        return None if code == 0 else f"machi ended with {code}: {log}"


def fill(node, values):
    if isinstance(node, str):
        return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), node)
    if isinstance(node, list):
        return [fill(item, values) for item in node]
    if isinstance(node, dict):
        return {fill(key, values): fill(value, values) for key, value in node.items()}
    return node


def text_fits(wanted, got):
    return re.fullmatch(wanted[1:], got, re.DOTALL) is not None if wanted.startswith("~") else wanted == got


def same(wanted, got, subset, where="body"):
    """None, or a sentence that says where the two differ."""
    if wanted == "~any":
        return None
    if isinstance(wanted, str) and isinstance(got, str):
        return None if text_fits(wanted, got) else f"{where}: wanted {wanted!r}, got {got!r}"
    if isinstance(wanted, dict) and isinstance(got, dict):
        extra = [] if subset else sorted(set(got) - set(wanted))
        if extra:
            return f"{where}: unexpected members {extra}"
        for key, value in wanted.items():
            if key not in got:
                return f"{where}: no member {key!r}"
            trouble = same(value, got[key], subset, f"{where}.{key}")
            if trouble:
                return trouble
        return None
    if isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            return f"{where}: wanted {len(wanted)} items, got {len(got)}: {json.dumps(got)[:300]}"
        for at, (one, other) in enumerate(zip(wanted, got)):
            trouble = same(one, other, subset, f"{where}[{at}]")
            if trouble:
                return trouble
        return None
    if isinstance(wanted, bool) != isinstance(got, bool) or wanted != got:
        return f"{where}: wanted {wanted!r}, got {got!r}"
    return None


def headers_fit(wanted, response):
    for name, value in wanted.items():
        got = response.headers.get_all(name) or []
        if value is None:
            if got:
                return f"header {name} must be absent, is {got}"
        elif isinstance(value, list):
            for one in value:
                if not any(text_fits(one, other) for other in got):
                    return f"header {name}: no value {one!r} among {got}"
        elif len(got) != 1 or not text_fits(value, got[0]):
            return f"header {name}: wanted {value!r}, got {got}"
    return None


def send(port, request):
    body = request.get("text")
    headers = dict(request.get("headers", {}))
    if "body" in request:
        body = json.dumps(request["body"])
        headers.setdefault("Content-Type", "application/json")
    method = request.get("method", "GET")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_S)
    connection.putrequest(method, request["path"], skip_accept_encoding=True)
    data = body.encode() if body is not None else b""
    for name, value in headers.items():
        connection.putheader(name, value)
    if request.get("chunked"):
        connection.putheader("Transfer-Encoding", "chunked")
        data = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    elif body is not None:
        connection.putheader("Content-Length", str(len(data)))
    connection.endheaders()
    connection.send(data)
    response = connection.getresponse()
    return response, response.read()


def judge(expect, response, data):
    if "status" in expect and response.status != expect["status"]:
        return f"status: wanted {expect['status']}, got {response.status} {data[:400]!r}"
    trouble = headers_fit(expect.get("headers", {}), response)
    if trouble:
        return trouble
    if not response.headers.get("X-Request-Id"):
        return "no X-Request-Id"
    if "text" in expect and not text_fits(expect["text"], data.decode()):
        return f"body: wanted {expect['text']!r}, got {data[:400]!r}"
    if "bytes" in expect and len(data) != expect["bytes"]:
        return f"body: wanted {expect['bytes']} bytes, got {len(data)}"
    for kind in ("body", "subset"):
        if kind in expect:
            try:
                got = json.loads(data)
            except ValueError:
                return f"body: no JSON: {data[:400]!r}"
            trouble = same(expect[kind], got, kind == "subset")
            if trouble:
                return trouble
    return None


def keep(wishes, values, response, data):
    for name, path in wishes.items():
        kind, _, rest = path.partition(".")
        if kind == "headers":
            values[name] = response.headers[rest]
        else:
            node = json.loads(data)
            for part in rest.split("."):
                node = node[int(part)] if isinstance(node, list) else node[part]
            values[name] = node


def asked_fits(wanted):
    for path, times in wanted.items():
        if ContextHandler.asked.count(path) != times:
            return f"{path} was asked for {ContextHandler.asked.count(path)} times, not {times}"
    return None


def run_case(machi, store, name, values):
    with open(os.path.join(HERE, name, "case.json"), encoding="utf-8") as file:
        steps = json.load(file)
    if not os.path.isfile(os.path.join(HERE, name, "README.md")):
        return "the case has no README.md"
    server = Server(machi, store)
    trouble = None
    try:
        for at, step in enumerate(steps):
            step = fill(step, values)
            ContextHandler.pages.update(step.get("serve", {}))
            trouble = asked_fits(step.get("asked", {}))
            if trouble:
                trouble = f"step {at + 1}: {trouble}"
                break
            if "request" not in step:
                continue
            end = time.monotonic() + step.get("within_s", 0)
            while True:
                response, data = send(server.port, step["request"])
                trouble = judge(step.get("expect", {}), response, data)
                if not trouble or time.monotonic() >= end:
                    break
                time.sleep(0.05)
            if trouble:
                request = step["request"]
                trouble = f"step {at + 1} ({request.get('method', 'GET')} {request['path']}): {trouble}"
                break
            keep(step.get("keep", {}), values, response, data)
    except (OSError, http.client.HTTPException, KeyError) as error:
        trouble = f"step {at + 1}: {type(error).__name__}: {error}"
    ended = server.stop()
    return trouble or ended


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in ("sqlite", "memory"):
        sys.exit(__doc__)
    machi, store = sys.argv[1:3]
    names = sys.argv[3:] or sorted(name for name in os.listdir(HERE)
                                   if os.path.isfile(os.path.join(HERE, name, "case.json")))
    contexts = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ContextHandler)
    threading.Thread(target=contexts.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{contexts.server_address[1]}"
    failures = 0
    print(f"1..{len(names)}")
    for at, name in enumerate(names):
        try:
            mine = f"/{name}/{store}"
            quoted = urllib.parse.quote(f"{base}{mine}/c.jsonld", safe="")
            trouble = run_case(machi, store, name, {"CONTEXTS": base, "MINE": mine, "QUOTED": quoted, "BIG": BIG})
        except RuntimeError as error:
            trouble = str(error)
        failures += trouble is not None
        print(f"{'ok' if trouble is None else 'not ok'} {at + 1} - {name.replace('_', ' ')}", flush=True)
        if trouble:
            print("\n".join("# " + line for line in trouble.splitlines()), flush=True)
    contexts.shutdown()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
