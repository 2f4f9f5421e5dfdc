#!/usr/bin/env python3
"""Subscriptions to registrations of context sources (GS CIM 009 V1.9.1, 5.11): very many registrations, and a daemon
that is killed at random moments. What single ones are told is in tests/http/etsi/.

Usage: registration_subscriptions.py MACHI SOURCE_ROOT [KILLS [SEED]]
"""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from receiver import ARRIVES_SECONDS, Receiver
from tap import Daemon, Machi, Tap, ask, check, same

KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261129
ROOT = "/ngsi-ld/v1"
MANY = 700  # more than go into one notification, and into two
WAIT_SECONDS = 5  # that nobody may wait for others, under sanitizers

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-registration-subscriptions-"))
tap = Tap()
receiver = Receiver()


def subscription(path, type="Room", **members):
    return {"type": "Subscription", "entities": [{"type": type}],
            "notification": {"endpoint": {"uri": receiver.url(path)}}, **members}


def subscribe(daemon, body):
    status, answer = daemon.request("POST", f"{ROOT}/csourceSubscriptions", body)
    same(status, 201, answer)


def source(name, type="Room", **members):
    return {"id": f"urn:x:source:{name}", "type": "ContextSourceRegistration", "endpoint": "http://source.example",
            "information": [{"entities": [{"type": type}]}], **members}


def notifications(path):
    """Those that came, each once: the same id says the same."""
    with receiver.lock:
        bodies = [json.loads(body) for _, body in receiver.got[path]]
    once = {}
    for body in bodies:
        same(once.setdefault(body["id"], body), body, "one id, two contents")
    return list(once.values())


def names(bodies):
    return [one["id"] for body in bodies for one in body["data"]]


def wait_until(look, said):
    deadline = time.monotonic() + ARRIVES_SECONDS
    while not look():
        check(time.monotonic() < deadline, said())
        time.sleep(0.05)


def all_told(path):
    wait_until(lambda: len(set(names(notifications(path)))) >= MANY,
               lambda: f"told of {len(set(names(notifications(path))))} of {MANY}")


with Daemon(machi, work / "many") as daemon:
    @tap.case
    def all_that_match_are_told_once_and_others_go_on_meanwhile():
        with contextlib.closing(daemon.connect()) as connection:
            for number in range(MANY):
                status, answer = ask(connection, "POST", f"{ROOT}/csourceRegistrations", source(number))
                same(status, 201, answer)
        same(daemon.request("POST", f"{ROOT}/csourceRegistrations", source("other", "Hall"))[0], 201)
        began = time.monotonic()
        subscribe(daemon, subscription("/many"))
        same(daemon.request("POST", f"{ROOT}/entities", {"id": "urn:x:room:1", "type": "Room"})[0], 201)
        check(time.monotonic() - began < WAIT_SECONDS, time.monotonic() - began)
        all_told("/many")
        bodies = notifications("/many")
        same(sorted(names(bodies)), sorted(f"urn:x:source:{number}" for number in range(MANY)))
        same({body["triggerReason"] for body in bodies}, {"newlyMatching"})
        check(len(bodies) > 2, len(bodies))

    @tap.case
    def figures_are_in_the_metrics():
        text = daemon.request("GET", "/metrics")[1].decode()
        for figure in ('machi_subscriptions_to_registrations{tenant=""} 1\n', 'machi_subscriptions{tenant=""} 0\n'):
            check(figure in text, [line for line in text.splitlines() if "subscriptions" in line])


@tap.case
def what_was_not_told_of_all_when_it_died_is_told_after_the_restart():
    release = threading.Event()
    receiver.behaviour["/late"] = lambda _: release.wait(60)
    for _ in range(KILLS):
        with Daemon(machi, work / "many") as daemon:
            subscribe(daemon, subscription("/late"))
            daemon.kill()
    del receiver.behaviour["/late"]
    release.set()
    with Daemon(machi, work / "many"):
        each = collections.defaultdict(set)

        def told():
            for body in notifications("/late"):
                each[body["subscriptionId"]].update(names([body]))
            return len(each) == KILLS and all(len(ids) == MANY for ids in each.values())

        wait_until(told, lambda: [len(ids) for ids in each.values()])
    with Daemon(machi, work / "many"):  # told once, it is not told again
        receiver.quiet("/late", len(receiver.got["/late"]), 1.5)
    machi("check", "--data", work / "many")


@tap.case
def a_restart_goes_on_where_it_was():
    with Daemon(machi, work / "again") as daemon:
        subscribe(daemon, subscription("/again", notification={
            "sysAttrs": True, "endpoint": {"uri": receiver.url("/again")}}))
        same(daemon.request("POST", f"{ROOT}/csourceRegistrations", source("a"))[0], 201)
        receiver.wait("/again", 1)
        same(daemon.stop(), 0)
    with Daemon(machi, work / "again") as daemon:
        same(daemon.request("DELETE", f"{ROOT}/csourceRegistrations/urn:x:source:a")[0], 204)
        first, second = receiver.wait("/again", 2)
        same((first["triggerReason"], second["triggerReason"]), ("newlyMatching", "noLongerMatching"))

        def counted():
            listed = json.loads(daemon.request("GET", f"{ROOT}/csourceSubscriptions")[1])
            return [one["notification"]["timesSent"] for one in listed]

        wait_until(lambda: counted() == [2], counted)


def try_change(connection, chance, number):
    """One change of one of five registrations; its path, and whether it is there afterwards. None: refused."""
    name = chance.randrange(5)
    path = f"{ROOT}/csourceRegistrations/urn:x:source:{name}"
    kind = chance.choice(("Room", "Room", "Hall"))
    method, target, body = chance.choice((
        ("POST", f"{ROOT}/csourceRegistrations", source(name, kind, description=str(number))),
        ("PATCH", path, {"description": str(number), "information": source(name, kind)["information"]}),
        ("DELETE", path, None)))
    status, answer = ask(connection, method, target, body)
    check(status in (201, 204, 404, 409), status, answer)


@tap.case
def changes_under_kills():
    """In the end each registration was last told as it is, or as gone, in the order of its changes."""
    chance = random.Random(SEED)
    number = 0
    with Daemon(machi, work / "kills") as daemon:
        subscribe(daemon, subscription("/kept"))
    for _ in range(KILLS):
        with Daemon(machi, work / "kills") as daemon:
            end = time.monotonic() + 0.3 + chance.random()
            with contextlib.closing(daemon.connect()) as connection:
                threading.Timer(max(0, end - time.monotonic()), daemon.kill).start()
                try:
                    while True:
                        number += 1
                        try_change(connection, chance, number)
                except (OSError, http.client.HTTPException):
                    pass
    check(number > 20 * KILLS, number)
    with Daemon(machi, work / "kills") as daemon:
        there = {one["id"]: one for one in json.loads(daemon.request(
            "GET", f"{ROOT}/csourceRegistrations?type=Room&limit=100")[1])}

        def as_told():
            last = {}
            for body in notifications("/kept"):
                last.update({one["id"]: (body["triggerReason"], one) for one in body["data"]})
            return {id: one for id, (reason, one) in last.items() if reason != "noLongerMatching"}

        wait_until(lambda: as_told() == there, lambda: f"told {as_told()}, there are {there}")
    before = collections.defaultdict(int)
    state = {}
    for body in notifications("/kept"):
        for one in body["data"]:
            reason = body["triggerReason"]
            same(reason == "newlyMatching", not state.get(one["id"], False), f"{one['id']} is told of as {reason}")
            state[one["id"]] = reason != "noLongerMatching"
            check(int(one["description"]) >= before[one["id"]], f"the order of {one['id']}")
            before[one["id"]] = int(one["description"])
    machi("check", "--data", work / "kills")


receiver.close()
shutil.rmtree(work)
sys.exit(tap.done())
