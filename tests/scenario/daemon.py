#!/usr/bin/env python3
"""The daemon's life: readiness, signals, draining, kill -9, backups while it serves.

Usage: daemon.py MACHI SOURCE_ROOT. The promise under test: what was answered with 2xx is there afterwards, whatever
happened to the process; and no answer stops in its middle.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Skip, Tap, ask, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-daemon-"))
tap = Tap()
ENTITIES = "/ngsi-ld/v1/entities"


def bus(number, **more):
    return {"id": f"urn:ngsi-ld:Vehicle:{number}", "type": "Vehicle", "n": {"type": "Property", "value": number}, **more}


def ids_of(data):
    lines = machi("export", "--data", data).out.splitlines()
    return {json.loads(line)["id"] for line in lines}


class Writers:
    """Threads that create entities over kept-alive connections and note what came of each."""

    def __init__(self, daemon, count, first=0):
        self.daemon = daemon
        self.lock = threading.Lock()
        self.acknowledged, self.unanswered, self.cut, self.refused = set(), set(), [], []
        self.stopping = False
        self.threads = [threading.Thread(target=self.work, args=(first + i * 10**6,)) for i in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def wait_for(self, count):
        until = time.monotonic() + 60
        while len(self.acknowledged) < count:
            check(time.monotonic() < until, f"only {len(self.acknowledged)} of {count} writes in time")
            time.sleep(0.005)

    def work(self, number):
        while not self.stopping:
            connection = self.daemon.connect()
            with contextlib.closing(connection):
                try:
                    connection.connect()
                except OSError:
                    return  # nobody listens any more
                while not self.stopping and self.write(connection, number):
                    number += 1
                number += 1

    def write(self, connection, number):
        entity = bus(number)
        try:
            connection.request("POST", ENTITIES, json.dumps(entity), {"Content-Type": "application/json"})
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
            with self.lock:
                self.unanswered.add(entity["id"])
            return False
        except http.client.HTTPException as trouble:  # part of an answer's head
            with self.lock:
                self.cut.append(f"{entity['id']}: {trouble!r}")
            return False
        try:
            answer.read()
        except (http.client.HTTPException, OSError) as trouble:
            with self.lock:
                self.cut.append(f"{entity['id']}: {trouble!r}")
            return False
        with self.lock:
            if answer.status == 201:
                self.acknowledged.add(entity["id"])
            else:
                self.refused.append((entity["id"], answer.status))
        return answer.getheader("Connection", "").lower() != "close"


@tap.case
def the_way_up_and_down_is_told():
    with Daemon(machi, work / "life", "--set", "log.format=json") as daemon:
        same(daemon.request("GET", "/ready")[0], 200)
        same(daemon.request("GET", "/health")[0], 200)
        same(daemon.request("POST", ENTITIES, bus(1))[0], 201)
        same(daemon.stop(), 0)
        lines = [json.loads(line) for line in daemon.log().splitlines()]
        same([line["msg"] for line in lines], ["ready", "draining", "stopped"])
        check(all(line["time"].endswith("Z") and line["level"] == "info" for line in lines))
    same(ids_of(work / "life"), {"urn:ngsi-ld:Vehicle:1"})


@tap.case
def systemd_hears_of_it():
    path = str(work / "notify")
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(path)
        manager.settimeout(30)

        def next_message(wanted):
            while True:
                message = manager.recv(4096).decode()
                if message.startswith(wanted):
                    return message

        with Daemon(machi, work / "unit", env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}) as daemon:
            check("STATUS=Serving http://127.0.0.1:" in next_message("READY=1"))
            next_message("WATCHDOG=1")
            daemon.signal(signal.SIGHUP)
            check("MONOTONIC_USEC=" in next_message("RELOADING=1"))
            next_message("READY=1")
            daemon.signal(signal.SIGTERM)
            next_message("STOPPING=1")
            same(daemon.wait(), 0)


@tap.case
def a_reload_takes_what_it_can_and_names_the_rest():
    config = work / "reload.yaml"
    config.write_text("log:\n  level: warning\n")
    # The line "ready" is of level info: the daemon is found by its port.
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon = Daemon(machi, work / "reload", "--config", config, listen=f"127.0.0.1:{port}")
    daemon.port = port
    try:
        until = time.monotonic() + 30
        while True:
            try:
                if daemon.request("GET", "/ready")[0] == 200:
                    break
            except OSError:
                pass
            check(time.monotonic() < until and daemon.process.poll() is None, daemon.log())
            time.sleep(0.05)
        same(daemon.log(), "")
        config.write_text("log:\n  level: debug\n  requests: true\nhttp:\n  loops: 7\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log('msg="configuration reloaded"')
        check('msg="a changed setting needs a restart" setting=http.loops' in daemon.log(), daemon.log())
        check("setting=log.level" in daemon.log() and "setting=log.requests" in daemon.log(), daemon.log())
        daemon.request("GET", "/health?token=secret", headers={"Authorization": "Bearer secret"})
        daemon.wait_for_log("path=/health")
        check("secret" not in daemon.log(), "a secret is in the log")
        config.write_text("log: {level: debug, requests: true}\nhttp: {loops: 7}\ntimetable: [{feed: sg}]\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log('msg="timetable feeds restarted" feeds=1')
        check(b'machi_timetable_vehicles{feed="sg"' in daemon.request("GET", "/metrics")[1])
        config.write_text("log:\n  levle: debug\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log("the old one stays")
        check("log.levle" in daemon.log() and "reload.yaml:2:3" in daemon.log(), daemon.log())
        check(b'machi_timetable_vehicles{feed="sg"' in daemon.request("GET", "/metrics")[1], "the feed stopped")
        same(daemon.request("GET", "/ready")[0], 200)
    finally:
        daemon.kill()


@tap.case
def page_lengths_change_with_a_reload():
    config = work / "pages.yaml"
    config.write_text("query: {page_default: 2, page_max: 3}\n")
    with Daemon(machi, work / "pages", "--config", config) as daemon:
        for number in range(6):
            same(daemon.request("POST", ENTITIES, bus(number))[0], 201)
        same(len(json.loads(daemon.request("GET", f"{ENTITIES}?type=Vehicle")[1])), 2)
        same(daemon.request("GET", f"{ENTITIES}?type=Vehicle&limit=4")[0], 403)
        config.write_text("query: {page_default: 4, page_max: 5}\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log('msg="configuration reloaded"')
        check("setting=query.page_default" in daemon.log() and "needs a restart" not in daemon.log(), daemon.log())
        same(len(json.loads(daemon.request("GET", f"{ENTITIES}?type=Vehicle")[1])), 4)
        same(len(json.loads(daemon.request("GET", f"{ENTITIES}?type=Vehicle&limit=5")[1])), 5)
        same(daemon.request("GET", f"{ENTITIES}?type=Vehicle&limit=6")[0], 403)


@tap.case
def hostile_requests_stay_inside_their_log_line():
    with Daemon(machi, work / "hostile", "--set", "log.requests=true") as daemon:
        daemon.request("GET", "/a%0alevel=error%20msg=forged")
        daemon.request("GET", "/b", headers={"X-Request-Id": 'x" level=error msg="forged'})
        daemon.wait_for_log("path=/b")
        same(daemon.stop(), 0)
        for line in daemon.log().splitlines():
            check(line.startswith("time=") and line.count(" level=") == 1, line)


@tap.case
def browsers_are_told_what_the_settings_say():
    ask_first = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT",
                 "Access-Control-Request-Headers": "x-other"}
    with Daemon(machi, work / "cors", "--set", "http.cors_origins=https://a.example, https://b.example", "--set",
                "http.cors_methods=GET, HEAD", "--set", "http.cors_headers=Link, NGSILD-Tenant", "--set",
                "http.cors_max_age=1 h") as daemon:
        with contextlib.closing(daemon.connect()) as connection:
            connection.request("OPTIONS", ENTITIES, headers=ask_first)
            answer = connection.getresponse()
            answer.read()
            same(answer.status, 204)
            same([answer.getheader(f"Access-Control-{name}") for name in ("Allow-Origin", "Allow-Methods", "Allow-Headers",
                                                                          "Max-Age")],
                 ["https://a.example", "GET, HEAD", "Link, NGSILD-Tenant", "3600"])
    for setting in ("http.cors_methods=GET POST", "http.cors_headers=a,,b", "http.cors_max_age=2 d"):
        check(setting.split("=")[0] in machi("serve", "--data", work / "cors", "--set", setting, status=78).err, setting)


@tap.case
def daemons_live_side_by_side():
    with Daemon(machi, work / "east") as east, Daemon(machi, work / "west") as west:
        same(east.request("POST", ENTITIES, bus(1))[0], 201)
        same(west.request("GET", f"{ENTITIES}/urn:ngsi-ld:Vehicle:1")[0], 404)
        same(east.request("GET", f"{ENTITIES}/urn:ngsi-ld:Vehicle:1")[0], 200)


@tap.case
def the_other_internet_protocol_works():
    try:
        with contextlib.closing(socket.socket(socket.AF_INET6)) as probe:
            probe.bind(("::1", 0))
    except OSError as reason:
        raise Skip(f"no IPv6 here: {reason}")
    with Daemon(machi, work / "six", listen="[::1]:0") as daemon:
        with contextlib.closing(http.client.HTTPConnection("::1", daemon.port, timeout=30)) as connection:
            same(ask(connection, "GET", "/ready")[0], 200)
        check(f"http://[::1]:{daemon.port}/" in daemon.log(), daemon.log())


@tap.case
def commands_and_daemon_share_a_folder():
    data = work / "shared"
    with Daemon(machi, data) as daemon:
        same(daemon.request("POST", ENTITIES, bus(1))[0], 201)
        same(json.loads(machi("get", "urn:ngsi-ld:Vehicle:1", "--data", data).out)["n"]["value"], 1)
        machi("put", "--data", data, stdin=json.dumps(bus(2)))
        same(daemon.request("GET", f"{ENTITIES}/urn:ngsi-ld:Vehicle:2")[0], 200)
        machi("check", "--data", data)
        run = machi("restore", "--from", work / "any", "--data", data, status=66)
        machi("backup", "--data", data, "--to", work / "shared.tar")
        run = machi("restore", "--from", work / "shared.tar", "--data", data, status=75)
        check("in use" in run.err, run.err)
        same(len(ids_of(data)), 2)


@tap.case
def a_backup_while_writing_has_all_that_was_acknowledged_before():
    data = work / "busy"
    with Daemon(machi, data) as daemon, Writers(daemon, 4) as writers:
        writers.wait_for(100)
        with writers.lock:
            before = set(writers.acknowledged)
        machi("backup", "--data", data, "--to", work / "busy.tar.zst")
        writers.wait_for(len(before) + 50)  # writing goes on
        same(writers.refused, [])
    machi("restore", "--from", work / "busy.tar.zst", "--data", work / "busy-back")
    machi("check", "--data", work / "busy-back")
    copied = ids_of(work / "busy-back")
    same(before - copied, set(), "missing in the backup")
    check(copied <= ids_of(data) and len(copied) < len(ids_of(data)), len(copied))


@tap.case
def draining_under_load_loses_and_cuts_nothing():
    for turn in range(3):
        data = work / f"drain{turn}"
        with Daemon(machi, data) as daemon, Writers(daemon, 8) as writers:
            writers.wait_for(150)
            begun = time.monotonic()
            same(daemon.stop(), 0)
            check(time.monotonic() - begun < 15, "draining took too long")
        same(writers.cut, [], "answers that stopped in their middle")
        same([answer for answer in writers.refused if answer[1] != 503], [])
        kept = ids_of(data)
        same(writers.acknowledged - kept, set(), "acknowledged and lost")
        # A request that got no answer at all met a connection that was closing; it must not have been carried out.
        same(kept - writers.acknowledged, set(), f"carried out without an answer ({len(writers.unanswered)} unanswered)")


@tap.case
def slow_requests_are_answered_before_the_end():
    data = work / "slow"
    body = json.dumps(bus(1)).encode()
    with Daemon(machi, data) as daemon:
        with contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=30)) as client:
            head = (f"POST {ENTITIES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode()
            client.sendall(head + body[:10])
            time.sleep(0.3)
            daemon.signal(signal.SIGTERM)
            daemon.wait_for_log("msg=draining")
            time.sleep(0.3)
            client.sendall(body[10:])
            answer = b""
            while chunk := client.recv(4096):
                answer += chunk
        check(answer.startswith(b"HTTP/1.1 201"), answer)
        same(daemon.wait(), 0)
    same(ids_of(data), {"urn:ngsi-ld:Vehicle:1"})


@tap.case
def a_request_that_never_ends_does_not_hold_the_end_up():
    with Daemon(machi, work / "stuck", "--set", "http.drain_timeout=1 s") as daemon:
        with contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=30)) as client:
            client.sendall(f"POST {ENTITIES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode())
            time.sleep(0.2)
            begun = time.monotonic()
            same(daemon.stop(), 0)
            check(time.monotonic() - begun < 8, "the drain's bound was not kept")


@tap.case
def a_second_signal_ends_the_wait():
    with Daemon(machi, work / "twice", "--set", "http.drain_timeout=600 s") as daemon:
        with contextlib.closing(socket.create_connection(("127.0.0.1", daemon.port), timeout=30)) as client:
            client.sendall(f"POST {ENTITIES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode())
            time.sleep(0.2)
            daemon.signal(signal.SIGINT)
            daemon.wait_for_log("msg=draining")
            time.sleep(0.2)
            daemon.signal(signal.SIGINT)
            same(daemon.wait(), -signal.SIGINT)


@tap.case
def kill_9_loses_nothing_that_was_acknowledged():
    data = work / "killed"
    acknowledged = set()
    for turn in range(3):
        with Daemon(machi, data) as daemon, Writers(daemon, 8, first=turn * 10**9) as writers:
            writers.wait_for(100)
            daemon.process.kill()
            daemon.process.wait()
        same(writers.cut, [], "half answers")
        same(writers.refused, [])
        acknowledged |= writers.acknowledged
        with Daemon(machi, data) as daemon:
            same(daemon.request("GET", "/ready")[0], 200)
            same(acknowledged - ids_of(data), set(), "acknowledged and lost")
            same(daemon.stop(), 0)
        machi("check", "--data", data)


@tap.case
def memory_keeps_nothing():
    with Daemon(machi, work / "memory", "--set", "store=memory") as daemon:
        same(daemon.request("POST", ENTITIES, bus(1))[0], 201)
        same(daemon.request("GET", f"{ENTITIES}/urn:ngsi-ld:Vehicle:1")[0], 200)
    check(not (work / "memory").exists(), "a folder was made")


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
