"""TAP for scenario tests, and a machi to run: commands, daemons, HTTP. Standard library only."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import traceback

START_SECONDS = 30  # a sanitizer build on a busy machine
STOP_SECONDS = 30
PATIENCE_SECONDS = 60  # for what a test waits for


class Skip(Exception):
    pass


class Tap:
    def __init__(self):
        self.cases = 0
        self.failed = 0

    def case(self, function):
        self.cases += 1
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok {self.cases} - {name}")
        except Skip as reason:
            print(f"ok {self.cases} - {name} # SKIP {reason}")
        except Exception:  # a test's failure is what this is for
            self.failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {self.cases} - {name}")
        sys.stdout.flush()

    def done(self):
        print(f"1..{self.cases}")
        return 1 if self.failed else 0


def check(condition, *why):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in why) or "not so")


def same(got, wanted, what=""):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def until(condition, what="it did not happen", seconds=PATIENCE_SECONDS):
    """What the condition gives, as soon as that is something. what: a text, or what makes one."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        check(time.monotonic() < end, f"not in {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)


class Run:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


class Machi:
    """The program under test; every call is a process of its own."""

    def __init__(self, program):
        self.program = program

    def __call__(self, *arguments, status=0, stdin="", env=None, **more):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MACHI_")}
        environment.update(env or {})
        done = subprocess.run([self.program, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                              timeout=120, env=environment, **more)
        if status is not None:
            check(done.returncode == status,
                  f"machi {' '.join(map(str, arguments))}: status {done.returncode}, wanted {status}\n{done.stderr}")
        return Run(done)


class Daemon:
    """machi serve on a free port; a context manager that ends it in any case."""

    def __init__(self, machi, data, *options, env=None, listen="127.0.0.1:0", mode="open"):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MACHI_")}
        environment.update(env or {})
        self.log_path = f"{data}.log"
        with open(self.log_path, "ab") as log:
            self.log_from = log.tell()
            self.process = subprocess.Popen(
                [machi.program, "serve", "--data", str(data), "--listen", listen, "--set", f"access.mode={mode}", *map(str, options)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=environment)
        self.port = None

    def __enter__(self):
        try:
            return self.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *_):
        self.kill()

    def log(self):
        with open(self.log_path, "rb") as log:
            log.seek(self.log_from)
            return log.read().decode()

    def wait_until_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            # logfmt: url=http://127.0.0.1:4711/…, JSON: "url":"http://…"
            found = re.search(r'url"?[=:]"?http://[^ "]*:(\d+)/', self.log())
            if found:
                self.port = int(found[1])
                return self
            check(self.process.poll() is None, f"the daemon ended early:\n{self.log()}")
            time.sleep(0.02)
        raise AssertionError(f"not ready in {START_SECONDS} s:\n{self.log()}")

    def wait_for_log(self, text, seconds=START_SECONDS):
        until = time.monotonic() + seconds
        while text not in self.log():
            check(time.monotonic() < until, f"not in the log: {text}\n{self.log()}")
            time.sleep(0.02)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        return self.process.wait(timeout=STOP_SECONDS)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def request(self, method, path, body=None, headers=None):
        with contextlib.closing(self.connect()) as connection:
            return ask(connection, method, path, body, headers)


def ask(connection, method, path, body=None, headers=None):
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
