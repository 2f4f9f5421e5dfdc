#!/usr/bin/env python3
"""Dead letters: notifications given up after two tries, seen, replayed and dropped by command and over HTTP.

Usage: dead_letters.py MACHI SOURCE_ROOT. The receiver refuses until it is told to be good; what is replayed must arrive
once, also while newer notifications of the same subscription flow.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from receiver import ARRIVES_SECONDS, Receiver
from tap import Daemon, Machi, Tap, check, same

ROOT = "/ngsi-ld/v1"
DEAD = "/api/v1/notifications/dead"
CITY = ["--set", "notifications.tries_max=2"]

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-dead-letters-"))
city = work / "city"
tap = Tap()
receiver = Receiver()


def refuse(handler):
    handler.answer(503)
    return True


def subscribe(id, path, type, tenant=None, **members):
    body = {"type": "Subscription", "id": id, "entities": [{"type": type}],
            "notification": {"format": "keyValues", "endpoint": {"uri": receiver.url(path)}}, **members}
    status, answer = daemon.request("POST", f"{ROOT}/subscriptions", body, tenant and {"NGSILD-Tenant": tenant})
    same(status, 201, answer)


def put(id, type, value, tenant=None):
    put_all({id: value}, type, tenant)


def put_all(values, type, tenant=None):
    """In one transaction: what is owed is then sent side by side and fails together, so that it dies after one wait."""
    body = [{"id": id, "type": type, "n": {"type": "Property", "value": value}} for id, value in values.items()]
    status, answer = daemon.request("POST", f"{ROOT}/entityOperations/upsert?options=update", body,
                                    tenant and {"NGSILD-Tenant": tenant})
    check(status in (201, 204), status, answer)


def dead(query="", tenant=None, status=200):
    got, answer = daemon.request("GET", DEAD + query, headers=tenant and {"NGSILD-Tenant": tenant})
    same(got, status, answer)
    return json.loads(answer)


def change(verb, body, tenant=None, status=200):
    got, answer = daemon.request("POST", f"{DEAD}/{verb}", body, tenant and {"NGSILD-Tenant": tenant})
    same(got, status, answer)
    return json.loads(answer)


def wait_dead(count, query="", tenant=None):
    until = time.monotonic() + ARRIVES_SECONDS
    while True:
        letters = dead(query, tenant)["dead"]
        if len(letters) == count:
            return letters
        check(time.monotonic() < until, count, "dead letters wanted, there are", len(letters))
        time.sleep(0.05)


def values(path, count):
    return [body["data"][0]["n"] for body in receiver.wait(path, count)]


def listed(*options, status=0):
    return [json.loads(line) for line in machi("notifications", "list", "--data", city, "--json", *options,
                                               status=status).out.splitlines()]


class Flow:
    """Changes that urn:x:busy is told of, one after the other."""

    def __init__(self, first=100):
        self.first, self.sent, self.stop = first, [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            value = self.first + len(self.sent)
            put(f"urn:x:busy:{value % 7}", "Busy", value)
            self.sent.append(value)
            time.sleep(0.005)

    def until_told(self, wanted, seconds):
        until = time.monotonic() + seconds
        while not wanted <= set(values("/busy", 0)):
            check(time.monotonic() < until, "not told:", wanted)
            time.sleep(0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


busy = []  # what /busy must have been told in the end, each once
for path in ("/a", "/b", "/north", "/busy", "/over", "/drop", "/offline"):
    receiver.behaviour[path] = refuse

with Daemon(machi, city, *CITY) as daemon:
    @tap.case
    def what_cannot_be_delivered_is_listed():
        subscribe("urn:x:a", "/a", "A")
        subscribe("urn:x:b", "/b", "B")
        subscribe("urn:x:north", "/north", "A", "north")
        put_all({f"urn:x:a:{value}": value for value in range(3)}, "A")
        put("urn:x:b:1", "B", 7)
        put("urn:x:north:1", "A", 8, "north")
        letters = wait_dead(3, "?subscription=urn:x:a")
        wait_dead(1, "?subscription=urn:x:b")
        wait_dead(1, "", "north")
        for letter in letters:
            same((letter["subscription"], letter["tries"], letter["why"]), ("urn:x:a", 2, "it was tried too often"))
            check(letter["madeAt"] < letter["deadAt"], letter)
            same(letter["entity"], letter["notification"]["data"][0]["id"])
        first = dead("?limit=3")
        same((len(first["dead"]), first["next"]), (3, first["dead"][2]["number"]))
        rest = dead(f"?limit=3&after={first['next']}")
        same((len(rest["dead"]), "next" in rest), (1, False))

    @tap.case
    def commands_list_and_show_them_while_the_daemon_serves():
        letters = dead()["dead"]
        same([letter["number"] for letter in listed("--tenant", "north")], [dead("", "north")["dead"][0]["number"]])
        same(len(listed()), 5)
        mine = listed("--subscription", "urn:x:a")
        same([letter["entity"] for letter in mine],
             [letter["entity"] for letter in letters if letter["subscription"] == "urn:x:a"])
        same(mine[0]["tenant"], "")
        text = machi("notifications", "list", "--data", city).out
        check("default tenant" in text and "north" in text and "urn:x:a:1" in text, text)
        one = machi("notifications", "show", "--data", city, letters[0]["number"]).out
        same(json.loads(one), letters[0]["notification"])
        one = machi("notifications", "show", "--json", "--data", city, letters[0]["number"]).out
        same(json.loads(one), letters[0])

    @tap.case
    def what_is_wrong_is_named():
        for arguments, status, word in ((["show", "4711"], 1, "4711"), (["show", "x"], 64, '"x"'),
                                        (["replay", "4711"], 1, "4711"), (["drop", "0"], 64, '"0"'),
                                        (["replay"], 64, "--all"), (["drop", "--all", "1"], 64, "--all"),
                                        (["list", "--tenant", "south"], 1, "south"),
                                        (["replay", "--all", "--tenant", "south"], 1, "south"),
                                        (["list", "--subscription", "urn:x:none"], 1, "urn:x:none"),
                                        (["drop", "--subscription", "urn:x:none"], 1, "urn:x:none")):
            run = machi("notifications", *arguments, "--data", city, status=status)
            check(word in run.err, arguments, "does not name", word, run.err)
        machi("notifications", "list", "--data", work / "nowhere", status=66)
        for query, status, word in (("?limit=0", 400, "limit"), ("?limit=x", 400, "limit"), ("?after=-1", 400, "after"),
                                    ("?offset=1", 400, "offset"), ("?subscription=urn:x:none", 404, "urn:x:none")):
            check(word in dead(query, status=status)["detail"], query)
        check("south" in dead("", "south", 404)["detail"])
        for body, status, word in (({}, 400, "one member"), ({"all": False}, 400, "all"), ({"some": 1}, 400, "some"),
                                   ({"all": True, "numbers": [1]}, 400, "one member"), ({"numbers": []}, 400, "numbers"),
                                   ({"numbers": [1, 0]}, 400, "numbers[1]"), ({"numbers": [4711]}, 404, "4711"),
                                   ({"subscription": "x"}, 400, "URI"), ("nonsense", 400, ""),
                                   ({"subscription": "urn:x:none"}, 404, "urn:x:none")):
            for verb in ("replay", "drop"):
                check(word in change(verb, body, status=status)["detail"], verb, body)
        check("south" in change("replay", {"all": True}, "south", 404)["detail"])
        same(daemon.request("POST", f"{DEAD}/drop", '{"all":true}', {"Content-Type": "text/plain"})[0], 415)
        same(len(dead()["dead"]), 4)

    @tap.case
    def replayed_over_http_they_arrive_once():
        del receiver.behaviour["/a"]
        numbers = [letter["number"] for letter in dead("?subscription=urn:x:a")["dead"]]
        began = time.monotonic()
        same(change("replay", {"numbers": [numbers[1], 4711, numbers[1]]}), {"replayed": 1, "left": 0, "missing": [4711]})
        same(values("/a", 1), [1])
        check(time.monotonic() - began < 20, "the notifier was not woken")
        same(change("replay", {"subscription": "urn:x:a"}), {"replayed": 2, "left": 0, "missing": []})
        same(sorted(values("/a", 3)), [0, 1, 2])
        receiver.quiet("/a", 3)
        same(dead("?subscription=urn:x:a")["dead"], [])
        same(change("replay", {"numbers": numbers}, status=404)["status"], 404)

    @tap.case
    def what_fails_again_is_dead_again():
        letter = dead("?subscription=urn:x:b")["dead"][0]
        same(change("replay", {"all": True})["replayed"], 1)
        until = time.monotonic() + ARRIVES_SECONDS
        while True:
            again = dead("?subscription=urn:x:b")["dead"]
            if again:
                break
            check(time.monotonic() < until, "it did not die")
            time.sleep(0.05)
        same((again[0]["number"], again[0]["tries"]), (letter["number"], 2))
        check(again[0]["deadAt"] > letter["deadAt"], again[0], letter)
        del receiver.behaviour["/b"]
        # By another process: the daemon finds it when it looks at all outboxes, see below.
        same(machi("notifications", "replay", letter["number"], "--data", city).out, "1 replayed\n")

    @tap.case
    def replays_while_others_flow_arrive_once():
        subscribe("urn:x:busy", "/busy", "Busy")
        put_all({f"urn:x:busy:{value}": value for value in range(3)}, "Busy")
        wait_dead(3, "?subscription=urn:x:busy")
        receiver.behaviour["/busy"] = lambda handler: time.sleep(0.02)  # and is good
        with Flow() as flow:
            receiver.wait("/busy", 20)
            same(change("replay", {"subscription": "urn:x:busy"})["replayed"], 3)
            flow.until_told(set(range(3)), ARRIVES_SECONDS)
        busy.extend([*range(3), *flow.sent])
        receiver.wait("/busy", len(busy))
        receiver.quiet("/busy", len(busy))
        same(sorted(values("/busy", len(busy))), sorted(busy))

    @tap.case
    def those_of_an_expired_subscription_are_left():
        subscribe("urn:x:over", "/over", "Over")
        put("urn:x:over:1", "Over", 1)
        number = wait_dead(1, "?subscription=urn:x:over")[0]["number"]
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        same(daemon.request("PATCH", f"{ROOT}/subscriptions/urn:x:over", {"expiresAt": soon})[0], 204)
        until = time.monotonic() + ARRIVES_SECONDS
        while json.loads(daemon.request("GET", f"{ROOT}/subscriptions/urn:x:over")[1])["status"] != "expired":
            check(time.monotonic() < until, "it does not expire")
            time.sleep(0.1)
        same(change("replay", {"numbers": [number]}), {"replayed": 0, "left": 1, "missing": []})
        run = machi("notifications", "replay", number, "--data", city, status=1)
        check("expired" in run.err and "0 replayed" in run.out, run.out, run.err)
        same(len(dead("?subscription=urn:x:over")["dead"]), 1)

    @tap.case
    def dropped_they_are_gone():
        subscribe("urn:x:drop", "/drop", "Drop")
        put_all({f"urn:x:drop:{value}": value for value in range(3)}, "Drop")
        letters = wait_dead(3, "?subscription=urn:x:drop")
        same(change("drop", {"numbers": [letters[0]["number"]]}), {"dropped": 1, "missing": []})
        run = machi("notifications", "drop", letters[0]["number"], letters[1]["number"], "--data", city, status=1)
        check(str(letters[0]["number"]) in run.err and run.out == "1 dropped\n", run.out, run.err)
        same([letter["number"] for letter in dead("?subscription=urn:x:drop")["dead"]], [letters[2]["number"]])
        run = machi("notifications", "drop", "--subscription", "urn:x:drop", "--data", city)
        same(run.out, "1 dropped\n")
        same(dead("?subscription=urn:x:drop")["dead"], [])
        same(change("drop", {"all": True}, "north"), {"dropped": 1, "missing": []})

    @tap.case
    def replayed_by_command_they_arrive_while_the_daemon_serves():
        receiver.behaviour["/busy"] = refuse
        put_all({f"urn:x:busy:{value}": value - 100 for value in (1, 2)}, "Busy")
        wait_dead(2, "?subscription=urn:x:busy")
        receiver.behaviour["/busy"] = lambda handler: time.sleep(0.02)
        with Flow(1000000) as flow:  # the lane never rests, and has read beyond them
            flow.until_told({1000010}, ARRIVES_SECONDS)
            same(machi("notifications", "replay", "--subscription", "urn:x:busy", "--data", city).out, "2 replayed\n")
            flow.until_told({-98, -99}, 90)
        busy.extend([-98, -99, *flow.sent])
        receiver.wait("/busy", len(busy))
        receiver.quiet("/busy", len(busy))
        same(sorted(values("/busy", len(busy))), sorted(busy))
        same([body["data"][0]["n"] for body in receiver.wait("/b", 1, 90)], [7])
        receiver.quiet("/b", 1)

    daemon.stop()

with Daemon(machi, city, "--set", "notifications.keep=1s") as daemon:
    subscribe("urn:x:offline", "/offline", "Offline")
    # More than the replay changes in one transaction.
    put_all({f"urn:x:offline:{value}": value for value in range(300)}, "Offline")
    wait_dead(300, "?subscription=urn:x:offline&limit=1000")
    daemon.stop()

receiver.behaviour.pop("/offline")


@tap.case
def replayed_without_a_daemon_they_go_out_with_the_next():
    run = machi("notifications", "replay", "--all", "--subscription", "urn:x:offline", "--json", "--data", city)
    same(json.loads(run.out), {"replayed": 300, "left": 0, "missing": 0})
    same(listed("--subscription", "urn:x:offline"), [])
    with Daemon(machi, city, *CITY) as served:
        same(sorted(values("/offline", 300)), list(range(300)))
        receiver.quiet("/offline", 300)
        text = served.request("GET", "/metrics")[1].decode()
        dead_now = [line for line in text.splitlines() if line.startswith("machi_notifications_dead{")]
        check('machi_notifications_dead{tenant=""} 1' in dead_now, dead_now)  # that of urn:x:over
    machi("check", "--data", city)


receiver.close()
shutil.rmtree(work)
sys.exit(tap.done())
