"""Brokers as processes and the same brokers as a model, side by side; and a source made of a few lines that can be told
to answer anything. For federation.py. Standard library only.
"""
import contextlib
import http.client
import http.server
import json
import re
import signal
import socketserver
import threading
import time
import urllib.parse

from federation_model import Node
from federation_rules import entity_of
from tap import Daemon, check, same

ROOT = "/ngsi-ld/v1"
DEFAULT_CONTEXT = "https://uri.etsi.org/ngsi-ld/default-context/"
LONG_AGO = "2000-01-01T00:00:00Z"
PATIENT_MS = 20000  # for a source that is well, however busy the machine is


class Answer:
    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data

    @property
    def body(self):
        return json.loads(self.data) if self.data else None

    def __repr__(self):
        warnings = self.headers.get_all("NGSILD-Warning") or []
        return f"{self.status} {self.data.decode(errors='replace')[:2000]}" + "".join(f" [{w}]" for w in warnings)


def term(name):
    """Names in answers may be expanded (5.5.7)."""
    return name.removeprefix(DEFAULT_CONTEXT)


def parameters(**given):
    """A query string of what is not None."""
    pairs = [(name.rstrip("_"), str(value).lower() if isinstance(value, bool) else value)
             for name, value in given.items() if value is not None]
    return "?" + urllib.parse.urlencode(pairs, safe=",:;>*", quote_via=urllib.parse.quote) if pairs else ""


class Broker:
    """One machi serve. Its connection is kept."""

    def __init__(self, machi, folder, name, *options, timeout=60):
        self.name, self.timeout = name, timeout
        self.daemon = Daemon(machi, folder / name, "--set", "http.loops=1", *options)
        self.connection = None
        self.alias = None

    def wait(self):
        self.daemon.wait_until_ready()
        self.alias = self.get("/info/sourceIdentity").body["contextSourceAlias"]
        return self

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.daemon.port}"

    def request(self, method, path, body=None, **headers):
        """headers: with _ for -."""
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=self.timeout)
        if body is not None:
            headers.setdefault("Content_Type", "application/json")
        try:
            self.connection.request(method, ROOT + path, json.dumps(body) if body is not None else None,
                                    {key.replace("_", "-"): value for key, value in headers.items()})
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as trouble:
            self.connection.close()
            self.connection = None
            check(self.daemon.process.poll() is None, f"{self.name} ended at {method} {path} {json.dumps(body)}:\n"
                  f"{self.daemon.log()[-6000:]}")
            raise AssertionError(f"{self.name}: {method} {path}: {trouble!r}") from trouble

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def asked(self):
        """How many requests it has answered, but those for its metrics (GET /metrics) and its name."""
        text = self.daemon.request("GET", "/metrics")[1].decode()
        counts = re.findall(r'machi_api_requests_total\{operation="(\w+)",code="\w+"\} (\d+)', text)
        check(counts, "no machi_api_requests_total in /metrics")
        return sum(int(count) for operation, count in counts if operation not in ("metrics", "retrieveIdentity"))

    def register(self, id, endpoint, information, mode="inclusive", alias=None, status=201, **more):
        document = {"id": id, "type": "ContextSourceRegistration", "endpoint": endpoint, "information": information,
                    "mode": mode, **({"contextSourceAlias": alias} if alias else {}), **more}
        answer = self.request("POST", "/csourceRegistrations", document)
        same(answer.status, status, f"registration {document}: {answer}")
        return id

    def freeze(self):
        self.daemon.signal(signal.SIGSTOP)

    def close(self):
        if self.connection:
            self.connection.close()
        self.daemon.kill()


class Network(contextlib.ExitStack):
    """Brokers by name, at .brokers, and their models at .nodes. Every other one keeps its entities in memory."""

    def __init__(self, machi, folder, names):
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self.brokers = {name: Broker(machi, folder, name, "--set", f"store={'memory' if index % 2 else 'sqlite'}")
                        for index, name in enumerate(names)}
        self.nodes = {name: Node(name) for name in names}
        self.alive = list(names)

    def __enter__(self):
        for broker in self.brokers.values():
            self.callback(broker.close)
        try:
            for broker in self.brokers.values():
                broker.wait()
        except BaseException:
            self.close()
            raise
        return self

    def __getitem__(self, name):
        return self.brokers[name]

    def register(self, where, registration, **management):
        """In the model and in the broker."""
        source = self.brokers[registration.source.name]
        management = {"timeout": PATIENT_MS, "cooldown": 1, **management}
        more = {"observationInterval": {"startAt": LONG_AGO}} if registration.temporal else {}
        if registration.local_only:
            management["localOnly"] = True
        self.nodes[where].registrations.append(registration)
        self.brokers[where].register(registration.id, source.endpoint, [info.json() for info in registration.infos],
                                     registration.mode, source.alias, operations=list(registration.operations),
                                     management=management, **more)

    def lose(self, name, **management):
        """Those who have registered it lose patience; then it does not answer any more."""
        for where, node in self.nodes.items():
            for registration in node.registrations:
                if registration.source is self.nodes[name] and where in self.alive:
                    local = {"localOnly": True} if registration.local_only else {}
                    answer = self.brokers[where].request("PATCH", f"/csourceRegistrations/{registration.id}",
                                                         {"management": {**management, **local}})
                    same(answer.status, 204, f"PATCH of {registration.id}: {answer}")
        self.nodes[name].answers = False
        self.alive.remove(name)

    def state(self, name, kinds):
        """What a broker holds itself (6.3.18), as the model has it."""
        answer = self.brokers[name].get("/entities" + parameters(local=True, type=",".join(kinds), limit=1000))
        same(answer.status, 200, f"{name}: local entities: {answer}")
        return {each["id"]: entity_of(each) for each in answer.body}

    def past(self, name, kinds):
        answer = self.brokers[name].get("/temporal/entities" + parameters(
            local=True, type=",".join(kinds), limit=1000, timerel="after", timeAt=LONG_AGO))
        same(answer.status, 200, f"{name}: local history: {answer}")
        return {each["id"]: past_of(each) for each in answer.body}


def past_of(document):
    """{attribute: [instance, …]} by their time."""
    attrs = {}
    for name, sets in entity_of(document).attrs.items():
        del sets  # entity_of() has one instance for each datasetId
        instances = document[name] if isinstance(document[name], list) else [document[name]]
        attrs[name] = sorted(({k: v for k, v in each.items() if k != "instanceId"} for each in instances),
                             key=lambda each: each["observedAt"])
    return attrs


class Source:
    """A context source that notes what it is asked and answers what it is told: answer(method, path, body) returns
    (status, document or bytes), or None for never."""

    def __init__(self, answer=None):
        self.answer = answer or (lambda *_: (404, {"type": "https://uri.etsi.org/ngsi-ld/errors/ResourceNotFound",
                                                   "title": "no"}))
        self.requests = []  # (method, path, parameters, headers, body)
        self.ending = threading.Event()
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def handle_any(self):
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                split = urllib.parse.urlsplit(self.path)
                body = json.loads(data) if data else None
                source.requests.append((self.command, urllib.parse.unquote(split.path),
                                        dict(urllib.parse.parse_qsl(split.query)), self.headers, body))
                told = source.answer(self.command, urllib.parse.unquote(split.path), body)
                if told is None:
                    source.ending.wait()
                    return
                status, document = told
                data = document if isinstance(document, bytes) else b"" if document is None else \
                    json.dumps(document).encode()
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data if status != 204 else b"")
                self.wfile.flush()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()


def timed(function, *arguments, **more):
    """(seconds, what it returned)"""
    begun = time.monotonic()
    result = function(*arguments, **more)
    return time.monotonic() - begun, result
