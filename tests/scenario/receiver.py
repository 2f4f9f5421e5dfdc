"""A receiver of notifications that misbehaves on purpose, for scenario tests. Standard library only."""
import collections
import http.server
import json
import socketserver
import threading
import time

from tap import check, same

ARRIVES_SECONDS = 30


class Receiver:
    """Takes notifications by path; what it does with them is said by path too."""

    def __init__(self, port=0):
        self.lock = threading.Condition()
        self.got = collections.defaultdict(list)  # path: [(headers, body)]
        self.behaviour = {}  # path: function of the handler, returns whether it answered
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with receiver.lock:
                    behave = receiver.behaviour.get(self.path)
                if behave and behave(self):
                    return
                with receiver.lock:
                    receiver.got[self.path].append((dict(self.headers.items()), body))
                    receiver.lock.notify_all()
                self.answer(200)

            def answer(self, status, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.wfile.flush()

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def wait(self, path, count, seconds=ARRIVES_SECONDS):
        """The bodies that have come, at least count."""
        with self.lock:
            self.lock.wait_for(lambda: len(self.got[path]) >= count, seconds)
            check(len(self.got[path]) >= count, path, "got", len(self.got[path]), "of", count)
            return [json.loads(body) for _, body in self.got[path]]

    def quiet(self, path, count, seconds=0.5):
        time.sleep(seconds)
        with self.lock:
            same(len(self.got[path]), count, f"{path}: {self.got[path]}")

    def close(self):
        self.server.shutdown()
        self.server.server_close()
