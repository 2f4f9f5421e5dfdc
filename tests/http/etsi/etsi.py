#!/usr/bin/env python3
"""Runs the tables beside it against a real `machi serve` and prints TAP, a line for each case.

Usage: etsi.py MACHI STORE [--pending] [GROUP | ID…]     STORE is sqlite or memory
       etsi.py --list                                      what is checked, where the suite is not followed and why

Each table (group) gets one server; after each case everything that it made is deleted. Beyond what ../run.py knows,
"expect" may hold: "problem", the last part of the type of a problem document with a title and a detail; "ids" and
"ids_any", the ids of the entities of an array in that order or in any; "count", the header NGSILD-Results-Count; "has"
and "lacks", members named by dots that are or are not there; "values", the body's members by dots and what they equal;
"any_order", a list that the body equals in some order; "content_type"; "lacks_text", what the bytes do not contain;
"empty", no body. A step with "until" is asked again until it fits.

A step may also be {"told": path, "expect": […]}: what came to ${TOLD}/path in this case, each as "expect" says, where
"data" is what the notification's data equals and "headers" are those of the request; in that order and nothing more,
unless "more" is there. ${SOON} and ${LATER} are times, two seconds and an hour ahead.
"""
import collections
import datetime
import http.server
import importlib
import json
import os
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import run  # noqa: E402  pylint: disable=wrong-import-position

GROUPS = sorted(name[6:-3] for name in os.listdir(HERE) if name.startswith("cases_") and name.endswith(".py"))
PROBLEMS = "https://uri.etsi.org/ngsi-ld/errors/"
PATIENCE_S = 30  # for what happens in its own time
OURS = ("problem", "ids", "ids_any", "count", "has", "lacks", "values", "any_order", "content_type", "lacks_text",
        "empty")


def cases_of(group):
    return importlib.import_module("cases_" + group).CASES


def find(body, dots):
    """(is it there, what it is); a path that begins with a URI is one member."""
    for part in [dots] if "://" in dots else dots.split("."):
        if isinstance(body, list) and part.isdigit() and int(part) < len(body):
            body = body[int(part)]
        elif isinstance(body, dict) and part in body:
            body = body[part]
        else:
            return False, None
    return True, body


def judge_array(expect, body):
    got = [one.get("id") if isinstance(one, dict) else one for one in body] if isinstance(body, list) else body
    if "ids" in expect and got != expect["ids"]:
        return f"ids: wanted {expect['ids']}, got {got}"
    if "ids_any" in expect and (not isinstance(body, list) or sorted(map(str, got)) != sorted(expect["ids_any"])):
        return f"ids: wanted {sorted(expect['ids_any'])} in any order, got {got}"
    if "any_order" in expect:
        rest = list(body) if isinstance(body, list) else [body]
        for wanted in expect["any_order"]:
            at = next((at for at, one in enumerate(rest) if run.same(wanted, one, False) is None), None)
            if at is None:
                return f"body: {json.dumps(wanted)} is not among {json.dumps(rest)}"
            del rest[at]
        if rest:
            return f"body: unexpected {json.dumps(rest)}"
    return None


def judge_members(expect, body):
    for dots in expect.get("has", []):
        if not find(body, dots)[0]:
            return f"body: no {dots} in {json.dumps(body)[:400]}"
    for dots in expect.get("lacks", []):
        if find(body, dots)[0]:
            return f"body: {dots} must not be in {json.dumps(body)[:400]}"
    for dots, wanted in expect.get("values", {}).items():
        there, got = find(body, dots)
        if not there:
            return f"body: no {dots} in {json.dumps(body)[:400]}"
        trouble = run.same(wanted, got, False, dots)
        if trouble:
            return trouble
    if "problem" in expect:
        if body.get("type") != PROBLEMS + expect["problem"] or not body.get("title") or not body.get("detail"):
            return f"problem: wanted {expect['problem']} with title and detail, got {json.dumps(body)}"
    return None


def judge(expect, response, data):
    """None, or a sentence that says what is wrong with the answer."""
    trouble = run.judge({key: value for key, value in expect.items() if key not in OURS}, response, data)
    if trouble:
        return trouble
    if expect.get("empty") and data:
        return f"body: wanted none, got {data[:200]!r}"
    kind = (response.headers.get("Content-Type") or "").split(";")[0]
    if "content_type" in expect and kind != expect["content_type"]:
        return f"Content-Type: wanted {expect['content_type']}, got {kind}"
    if "count" in expect and response.headers.get("NGSILD-Results-Count") != str(expect["count"]):
        return f"count: wanted {expect['count']}, got {response.headers.get('NGSILD-Results-Count')}"
    for words in expect.get("lacks_text", []):
        if words.encode() in data:
            return f"body: must not contain {words!r}: {data[:400]!r}"
    if any(key in expect for key in ("problem", "ids", "ids_any", "has", "lacks", "values", "any_order")):
        try:
            body = json.loads(data)
        except ValueError:
            return f"body: no JSON: {data[:200]!r}"
        return judge_array(expect, body) or judge_members(expect, body)
    return None


def fetch(port, method, path, headers=None):
    response, data = run.send(port, {"method": method, "path": path, "headers": headers or {}})
    return response.status, data


def sweep(port, tenants):
    """Deletes what a case made: subscriptions, registrations, entities, of the tenants that it named too, and stored
    @contexts."""
    lists = ("subscriptions?limit=1000", "csourceSubscriptions?limit=1000",
             "entities?local=true&limit=1000", "csourceRegistrations?type=*&limit=1000",
             *(f"csourceRegistrations?type=*&limit=1000&timeproperty={name}&timerel=between&timeAt=1970-01-01T00:00:00Z"
               "&endTimeAt=2200-01-01T00:00:00Z" for name in ("observedAt", "modifiedAt")))
    for tenant in tenants:
        headers = {"NGSILD-Tenant": tenant} if tenant else {}
        for path in lists:
            status, data = fetch(port, "GET", "/ngsi-ld/v1/" + path, headers)
            for one in json.loads(data) if status == 200 else []:
                name = urllib.parse.quote(one["id"], safe="")
                fetch(port, "DELETE", f"/ngsi-ld/v1/{path.split('?', maxsplit=1)[0]}/{name}", headers)
        status, data = fetch(port, "GET", "/ngsi-ld/v1/jsonldContexts?details=true", headers)
        for one in json.loads(data) if status == 200 else []:
            fetch(port, "DELETE", "/ngsi-ld/v1/jsonldContexts/" + urllib.parse.quote(one["localId"], safe=""), headers)


def judge_told(step, values):
    """None, or a sentence that says what is wrong with what was told; it may take a while to come."""
    path, wanted = urllib.parse.urlsplit(values["TOLD"]).path + step["told"], step["expect"]
    with ContextHandler.lock:
        ContextHandler.lock.wait_for(lambda: len(ContextHandler.told[path]) >= len(wanted), PATIENCE_S)
        told = list(ContextHandler.told[path])
    if len(told) < len(wanted) or len(told) > len(wanted) and not step["more"]:
        return f"wanted {len(wanted)} notifications, got {len(told)}: {[data.decode() for _, data in told]}"
    for expect, (request, data) in zip(wanted, told):
        trouble = run.headers_fit(expect.get("headers", {}), request)
        body = json.loads(data)
        if "data" in expect:
            trouble = trouble or run.same(expect["data"], body["data"], False, "data")
        trouble = trouble or judge_members(expect, body)
        if trouble:
            return trouble + f"\ntold: {data.decode()[:1500]}"
    return None


def ask_until(port, step):
    """The answer and what is wrong with it, asked again for a while where the step says so."""
    end = time.monotonic() + (PATIENCE_S if step.get("until") else 0)
    while True:
        response, data = run.send(port, step["request"])
        trouble = judge(step["expect"], response, data)
        if not trouble or time.monotonic() >= end:
            return response, data, trouble
        time.sleep(0.02)


def run_steps(port, steps, values):
    for at, step in enumerate(steps):
        step = run.fill(step, values)
        if "told" in step:
            trouble = judge_told(step, values)
            if trouble:
                return f"step {at + 1} (told {step['told']}): {trouble}"
            continue
        asked = step["request"]
        where = f"step {at + 1} ({asked['method']} {urllib.parse.unquote(asked['path'])}): "
        try:
            response, data, trouble = ask_until(port, step)
            if trouble:
                return where + trouble + "\nsent: " + str(asked.get("text", ""))[:600]
            run.keep(step.get("keep", {}), values, response, data)
        except (OSError, run.http.client.HTTPException, KeyError, ValueError) as error:
            return where + f"{type(error).__name__}: {error}"
    return None


def ahead(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def run_group(machi, store, group, cases, values, say):
    server = run.Server(machi, store)
    for number, case in enumerate(cases):
        own = {**values, "TOLD": f"{values['CONTEXTS']}/told/{group}/{number}", "SOON": ahead(2), "LATER": ahead(3600)}
        trouble = run_steps(server.port, case["steps"], own)
        tenants = {step["request"]["headers"].get("NGSILD-Tenant") for step in case["steps"] if "told" not in step}
        tenants.add(None)
        try:
            sweep(server.port, tenants)
        except (OSError, run.http.client.HTTPException, ValueError) as error:
            trouble = trouble or f"cleaning up: {type(error).__name__}: {error}"
        say(case, trouble)
    ended = server.stop()
    if ended:
        say({"ids": [group], "title": "the server ends well", "clause": ""}, ended)


class ContextHandler(run.ContextHandler):
    """As run.py's, over a connection that may be cut: /cut/NAME is served once, then never again. It is told things
    too, and refuses them where the path ends in /refused."""
    served = set()
    lock = threading.Condition()
    told = collections.defaultdict(list)  # path: [(request, body)]

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        with ContextHandler.lock:
            ContextHandler.told[self.path].append((self, data))
            ContextHandler.lock.notify_all()
        self.send_response(500 if self.path.endswith("/refused") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        if self.path.startswith("/cut/"):
            if self.path in ContextHandler.served:
                self.send_error(503)
                return
            ContextHandler.served.add(self.path)
        super().do_GET()


def chosen(names, pending):
    for group in GROUPS:
        cases = [case for case in cases_of(group)
                 if not names or group in names or any(one.lstrip("+").startswith(tuple(names)) for one in case["ids"])]
        yield group, [case for case in cases if pending or not case["pending"]]


def list_all():
    for group in GROUPS:
        for case in cases_of(group):
            marks = (["deviates: " + case["deviates"]] if case["deviates"] else []) + (
                ["pending: " + case["pending"]] if case["pending"] else [])
            print(f"{group}: {' '.join(case['ids'])} [{case['clause']}] {case['title']}"
                  + "".join("\n    " + mark for mark in marks))


def main():
    if sys.argv[1:] == ["--list"]:
        list_all()
        return
    words = [word for word in sys.argv[1:] if word != "--pending"]
    if len(words) < 2 or words[1] not in ("sqlite", "memory"):
        sys.exit(__doc__)
    work = [(group, cases) for group, cases in chosen(words[2:], "--pending" in sys.argv) if cases]
    contexts = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ContextHandler)
    threading.Thread(target=contexts.serve_forever, daemon=True).start()
    values = {"CONTEXTS": f"http://127.0.0.1:{contexts.server_address[1]}"}
    lines = []

    def say(case, trouble):
        lines.append(trouble)
        print(f"{'not ok' if trouble else 'ok'} {len(lines)} - {' '.join(case['ids'])} {case['title']}", flush=True)
        if trouble:
            print("\n".join("# " + line for line in f"[{case['clause']}] {trouble}".splitlines()), flush=True)

    for group, cases in work:
        run_group(words[0], words[1], group, cases, values, say)
    print(f"1..{len(lines)}")
    contexts.shutdown()
    sys.exit(1 if any(lines) else 0)


if __name__ == "__main__":
    main()
