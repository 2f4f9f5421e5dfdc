#!/usr/bin/env python3
"""Feeds as operators and devices see them: MQTT by Debian's mosquitto, webhooks, the API, the command line, kill -9.

Usage: feeds.py MACHI SOURCE_ROOT. The promise under test: a message of QoS 1 that the broker took is in the history,
whatever happened to the daemon; what becomes nothing is counted, with the reason.
"""
import gzip
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
from mqtt import Broker, Publisher
from tap import Daemon, Machi, Tap, check, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-feeds-"))
tap = Tap()
DEVICES, SOAK_SECONDS, KILLS = 20, 12, 4
UNSAVED_SECONDS = 3
ENTITIES = "/ngsi-ld/v1/entities"

MAP = """
      id: urn:ngsi-ld:Room:{room}
      type: Room
      attributes:
        temperature: {kind: number, column: t, unit: CEL, observed_at: {column: at}}
"""


def configuration(name, *feeds):
    path = work / f"{name}.yaml"
    path.write_text("feeds:\n" + "".join(feeds))
    return path


def rooms(port, name="rooms", **more):
    extra = "".join(f"      {key}: {value}\n" for key, value in more.items())
    return (f"  - name: {name}\n    mqtt:\n      url: mqtt://127.0.0.1:{port}\n      topic: city/{{room}}/state\n{extra}"
            f"    map:{MAP}")


def status(daemon, name="rooms"):
    code, body = daemon.request("GET", f"/api/v1/feeds/{name}")
    return json.loads(body) if code == 200 else {"state": code}


def is_up(daemon, name="rooms"):
    return until(lambda: status(daemon, name)["state"] == "up", f"{name} is up")


def entity(daemon, name):
    code, body = daemon.request("GET", f"{ENTITIES}/urn:ngsi-ld:Room:{name}")
    return json.loads(body) if code == 200 else {}


def temperature(daemon, name):
    return entity(daemon, name).get("temperature", {}).get("value")


def history(daemon, name):
    code, body = daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Room:{name}?options=temporalValues&"
                                "timerel=after&timeAt=2000-01-01T00:00:00Z")
    same(code, 200, body)
    return json.loads(body)["temperature"]["values"]


def at(second):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1767225600 + second // 1000)) + f".{second % 1000:03d}Z"


def the_first_value_arrives():
    with Broker(work, "first") as broker:
        config = configuration("first", rooms(broker.port))
        check(len(config.read_text().splitlines()) <= 10, "ten lines of YAML")
        with Daemon(machi, work / "first", "--config", config) as daemon:
            is_up(daemon)
            publisher = Publisher(broker.port)
            publisher.publish("city/kitchen/state", {"t": 21.5, "at": "2026-01-01T00:00:00Z"})
            until(lambda: temperature(daemon, "kitchen") == 21.5, "the value")
            same(entity(daemon, "kitchen")["temperature"],
                 {"type": "Property", "value": 21.5, "unitCode": "CEL", "observedAt": "2026-01-01T00:00:00Z"})
            same(daemon.stop(), 0)


def what_becomes_nothing_is_counted_with_the_reason():
    with Broker(work, "counts") as broker:
        config = configuration("counts", rooms(broker.port),
                               f"  - name: strict\n    mqtt:\n      url: mqtt://127.0.0.1:{broker.port}\n      topic: strict/#\n"
                               "    map:\n      topic: strict/{room}\n      mode: update\n      id: urn:ngsi-ld:Room:{room}\n"
                               "      type: Room\n      skip: [{column: t, in: ['-1']}]\n      attributes:\n"
                               "        t: {kind: number, column: t}\n")
        with Daemon(machi, work / "counts", "--config", config) as daemon:
            is_up(daemon), is_up(daemon, "strict")
            publisher = Publisher(broker.port)
            for topic, payload in (("city/a/state", b"{"), ("city/a/state", {"t": "warm"}), ("strict/a/b", {"t": 1}),
                                   ("strict/nobody", {"t": 1}), ("strict/a", {"t": -1}), ("city/a/state", b"x" * 2_000_000)):
                publisher.publish(topic, payload)
            until(lambda: status(daemon)["messages"] == 3 and status(daemon, "strict")["messages"] == 3 and
                  status(daemon, "strict")["dropped"]["absent"] == 1, "messages")
            same(status(daemon)["dropped"], {"malformed": 1, "unmapped": 0, "skipped": 0, "invalid": 1, "absent": 0,
                                             "refused": 0, "oversized": 1})
            same(status(daemon, "strict")["dropped"], {"malformed": 0, "unmapped": 1, "skipped": 1, "invalid": 0,
                                                       "absent": 1, "refused": 0, "oversized": 0})
            metrics = daemon.request("GET", "/metrics")[1].decode()
            check('machi_feed_dropped_total{feed="rooms",tenant="",kind="mqtt",reason="invalid"} 1\n' in metrics, metrics)
            check('machi_feed_up{feed="strict",tenant="",kind="mqtt"} 1\n' in metrics, metrics)
            # Nothing of it is redelivered: all of it was acknowledged.
            publisher.publish("city/a/state", {"t": 1, "at": at(0)})
            until(lambda: temperature(daemon, "a") == 1, "the value behind")
            same(status(daemon)["messages"], 4)


def a_paused_feed_stays_so_and_misses_nothing():
    with Broker(work, "paused") as broker:
        config = configuration("paused", rooms(broker.port))
        with Daemon(machi, work / "paused", "--config", config) as daemon:
            is_up(daemon)
            url = f"http://127.0.0.1:{daemon.port}"
            machi("feed", "pause", "rooms", "--url", url)
            machi("feed", "pause", "rooms", "--url", url, status=1)
            machi("feed", "pause", "nobody", "--url", url, status=1)
            same(status(daemon)["state"], "paused")
            same(daemon.stop(), 0)
        publisher = Publisher(broker.port)
        publisher.publish("city/a/state", {"t": 1, "at": at(1)})
        with Daemon(machi, work / "paused", "--config", config) as daemon:
            same(status(daemon)["state"], "paused")
            publisher.publish("city/a/state", {"t": 2, "at": at(2)})
            url = f"http://127.0.0.1:{daemon.port}"
            check("paused" in machi("feed", "list", "--url", url).out)
            machi("feed", "status", "rooms", "--url", url, status=1)
            machi("feed", "resume", "rooms", "--url", url)
            until(lambda: temperature(daemon, "a") == 2, "the values that waited")
            same([value for value, _ in history(daemon, "a")], [1, 2])
            check("state: up" in machi("feed", "status", "rooms", "--url", url).out)


def late_values_go_into_the_history_alone():
    with Broker(work, "late") as broker, Daemon(machi, work / "late", "--config", configuration("late", rooms(broker.port))) as daemon:
        is_up(daemon)
        publisher = Publisher(broker.port)
        for second, value in ((10, 1), (30, 3), (20, 2), (20, 2), (10, 1), (30, 3), (20, 4)):
            publisher.publish("city/a/state", {"t": value, "at": at(second * 1000)})
        until(lambda: status(daemon)["messages"] == 7 and status(daemon)["entities"]["late"] == 2, "the late ones")
        same(temperature(daemon, "a"), 3)
        same([value for value, _ in history(daemon, "a")], [1, 2, 4, 3])


def feeds_are_added_by_the_api_and_stay():
    with Broker(work, "added") as broker:
        document = f"name: added\nmqtt:\n  url: mqtt://127.0.0.1:{broker.port}\n  topic: city/{{room}}/state\nmap:" + MAP
        config = configuration("added", "  - {name: fixed, webhook: {}, map: {id: 'urn:x:{a}', type: T, attributes: "
                               "{v: {kind: number, column: v}}}}\n")
        with Daemon(machi, work / "added", "--config", config,
                    env={"MACHI_OUTBOUND_ALLOW": "127.0.0.0/8"}) as daemon:
            yaml = {"Content-Type": "application/yaml"}
            same(daemon.request("POST", "/api/v1/feeds", document, {"Content-Type": "text/plain"})[0], 415)
            code, body = daemon.request("POST", "/api/v1/feeds", document.replace("kind: number", "kind: nummer"), yaml)
            same(code, 400)
            check("feed:9:" in json.loads(body)["detail"] and "did you mean" in json.loads(body)["detail"], body)
            same(daemon.request("POST", "/api/v1/feeds", document, yaml)[0], 201)
            same(daemon.request("POST", "/api/v1/feeds", document, yaml)[0], 409)
            is_up(daemon, "added")
            daemon.kill()
        with Daemon(machi, work / "added", "--config", config,
                    env={"MACHI_OUTBOUND_ALLOW": "127.0.0.0/8"}) as daemon:
            is_up(daemon, "added")
            Publisher(broker.port).publish("city/a/state", {"t": 5, "at": at(0)})
            until(lambda: temperature(daemon, "a") == 5, "the value")
            same([feed["name"] for feed in json.loads(daemon.request("GET", "/api/v1/feeds")[1])["feeds"]],
                 ["added", "fixed"])
            same(daemon.request("DELETE", "/api/v1/feeds/fixed")[0], 409)
            same(daemon.request("DELETE", "/api/v1/feeds/added")[0], 204)
            same(daemon.request("GET", "/api/v1/feeds/added")[0], 404)
        # Without the operator's leave a feed of the API does not reach this machine's own addresses.
        with Daemon(machi, work / "denied", "--config", config) as daemon:
            same(daemon.request("POST", "/api/v1/feeds", document, {"Content-Type": "application/yaml"})[0], 201)
            until(lambda: "may not be connected to" in status(daemon, "added").get("lastError", ""), "the refusal")


def webhooks_are_answered_when_they_are_durable():
    config = configuration("hook", "  - name: hook\n    webhook: {token: s3cret}\n    map:\n      each: $.data\n"
                           "      id: urn:ngsi-ld:Room:{n}\n      type: Room\n      attributes:\n"
                           "        temperature: {kind: number, column: t}\n")
    data = work / "hook"
    path = "/api/v1/feeds/hook/messages"
    token = {"Authorization": "Bearer s3cret"}
    with Daemon(machi, data, "--config", config) as daemon:
        same(daemon.request("POST", path, {"data": []})[0], 403)
        same(daemon.request("POST", path, "{}", {"Content-Type": "text/plain"})[0], 415)
        same(daemon.request("POST", path, {"data": []}, {"Authorization": "Bearer s3creT"})[0], 403)
        same(daemon.request("POST", "/api/v1/feeds/nobody/messages", {})[0], 404)
        same(daemon.request("POST", path, {"data": [{"n": 1, "t": 1}, {"n": 2, "t": 2}]}, token)[0], 204)
        daemon.kill()
    with Daemon(machi, data, "--config", config) as daemon:
        same([temperature(daemon, "1"), temperature(daemon, "2")], [1, 2])
        code, body = daemon.request("POST", path, {"data": [{"n": 3, "t": 3}, {"n": 4, "t": "warm"}]}, token)
        same(code, 400)
        check('expected a number, not "warm"' in json.loads(body)["detail"], body)
        same(temperature(daemon, "3"), 3)


def webhooks_tell_what_became_nothing():
    room = ("      id: urn:ngsi-ld:Room:{n}\n      type: Room\n      skip: [{column: t, in: ['-1']}]\n      attributes:\n"
            "        temperature: {kind: number, column: t}\n")
    config = configuration("told", "  - name: told\n    webhook: {}\n    map:\n      each: $\n      mode: update\n" + room,
                           "  - name: plain\n    webhook: {}\n    map:\n" + room)
    json_type, csv = {"Content-Type": "application/json"}, {"Content-Type": "text/csv"}

    with Daemon(machi, work / "told", "--config", config) as daemon:
        def post(name, body, headers):
            body = body if isinstance(body, (bytes, str)) else json.dumps(body)
            code, answer = daemon.request("POST", f"/api/v1/feeds/{name}/messages", body, headers)
            return code, json.loads(answer) if answer else None

        same(post("plain", {"n": 1, "t": 1}, json_type), (204, None))
        # Of five rows one is updated; two are of rooms that are not there, one is no number, one is left out by a rule.
        code, answer = post("told", [{"n": 1, "t": 2}, {"n": 8, "t": 2}, {"n": 9, "t": 2}, {"n": 1, "t": "warm"},
                                     {"n": 1, "t": -1}], json_type)
        same((code, answer["taken"], answer["dropped"]), (400, 1, {"skipped": 1, "invalid": 1, "absent": 2}))
        check("3 of 4 rows were left out" in answer["detail"] and '"warm"' in answer["detail"], answer)
        same(temperature(daemon, "1"), 2)
        code, answer = post("told", [{"n": 9, "t": 2}], json_type)
        same((code, answer["taken"], answer["dropped"]), (400, 0, {"absent": 1}))
        check("urn:ngsi-ld:Room:9" in answer["detail"], answer)
        # What a rule leaves out is no mistake of who posts.
        same(post("told", [{"n": 1, "t": -1}], json_type), (204, None))
        same(post("told", [], json_type), (204, None))
        # Each is told of its own, however many are taken in one batch.
        answers = {}
        threads = [threading.Thread(target=lambda n=n: answers.update({n: post("told", [{"n": n, "t": n}], json_type)}))
                   for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same({n: code for n, (code, _) in answers.items()}, {n: 204 if n == 1 else 400 for n in range(20)})

        same(post("plain", "n,t\n10,1\n11,2\n", csv), (204, None))
        code, answer = post("plain", "n,t\n12,1\n13,warm\n14,\"1\n", csv)
        same((code, answer["taken"], answer["dropped"]), (400, 1, {"malformed": 1, "invalid": 1}))
        same(post("plain", '{"n": 15, "t": 1}\n{"n": 16, "t": 2}\n', {"Content-Type": "application/x-ndjson"}), (204, None))
        same(post("plain", gzip.compress(b'{"n": 17, "t": 17}'), {**json_type, "Content-Encoding": "gzip"}), (204, None))
        same([temperature(daemon, n) for n in (10, 11, 12, 15, 16, 17)], [1, 2, 1, 1, 2, 17])
        code, answer = post("plain", b"{}", {**json_type, "Content-Encoding": "gzip"})
        same(code, 400)
        same(daemon.request("POST", "/api/v1/feeds/plain/write", b"room n=1 1\n", json_type)[0], 501)


def a_feed_is_tried_without_a_daemon():
    config = configuration("try", rooms(1883))
    message = work / "message.json"
    message.write_text('{"t": 1, "at": "2026-01-01T00:00:00Z"}')
    done = machi("feed", "test", message, "--config", config, "--topic", "city/a/state")
    same(json.loads(done.out)["id"], "urn:ngsi-ld:Room:a")
    done = machi("feed", "test", message, "--config", config, "--topic", "city/a/b/state", status=65)
    same(done.out, "")
    check('column "room" is empty but part of the id' in done.err, done.err)
    mapping = work / "map.yaml"
    mapping.write_text("id: urn:x:{t}\ntype: T\nattributes: {at: {kind: time, column: at}}\n")
    same(json.loads(machi("feed", "test", "-", "--map", mapping, stdin=message.read_text()).out)["id"], "urn:x:1")
    machi("feed", "test", message, "--map", work / "nowhere.yaml", status=66)
    machi("feed", "test", message, status=64)


class Load:
    """Publishes without a pause, noting what the broker took, and goes on when it comes back."""

    def __init__(self, broker):
        self.broker, self.stopping = broker, False
        self.taken = {device: [] for device in range(DEVICES)}
        self.times = {}
        self.number = 0
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        publisher = None
        while not self.stopping:
            device, number = self.number % DEVICES, self.number
            try:
                publisher = publisher or Publisher(self.broker.port)
                publisher.publish(f"city/{device}/state", {"t": number, "at": at(number)})
                self.taken[device].append(number)
                self.times[number] = time.monotonic()
            except (OSError, AssertionError):
                publisher = None
                time.sleep(0.05)
            self.number += 1

    def stop(self):
        self.stopping = True
        self.thread.join()


def nothing_is_lost_when_both_sides_are_killed():
    data, random_ = work / "soak", random.Random(7)
    with Broker(work, "soak") as broker:
        config = configuration("soak", rooms(broker.port))
        with Daemon(machi, data, "--config", config) as daemon:
            is_up(daemon)
        load = Load(broker)
        end = time.monotonic() + SOAK_SECONDS
        kills = 0
        while time.monotonic() < end or kills < KILLS:
            with Daemon(machi, data, "--config", config) as daemon:
                time.sleep(random_.uniform(0.3, 2))
                daemon.kill()
                kills += 1
        load.stop()
        with Daemon(machi, data, "--config", config) as daemon:
            is_up(daemon)
            last = {device: numbers[-1] for device, numbers in load.taken.items()}
            until(lambda: all(temperature(daemon, device) >= number for device, number in last.items()), "the last values")
            for device, numbers in load.taken.items():
                got = [value for value, _ in history(daemon, device)]
                same([number for number in numbers if number not in set(got)], [], "lost")
                # No number was published twice: what the broker sent again is not there again.
                same(got, sorted(set(got)), "the order, and each once")
            # The broker goes without a word; what it saved before comes, and what is sent to it afterwards.
            broker.kill()
            until(lambda: status(daemon)["state"] == "waiting", "the broker is missed")
            broker.start()
            is_up(daemon)
            Publisher(broker.port).publish("city/0/state", {"t": -1, "at": at(10**9)})
            until(lambda: temperature(daemon, 0) == -1, "the value behind")
        print(f"# {kills} kills, {sum(map(len, load.taken.values()))} messages")


def a_broker_that_is_killed_under_load_loses_no_more_than_it_had_not_saved():
    """mosquitto saves what it holds for us once a second: what it took later and had not delivered is lost with it."""
    with Broker(work, "killed") as broker, Daemon(machi, work / "killed", "--config", configuration("killed", rooms(broker.port))) as daemon:
        is_up(daemon)
        load, kills = Load(broker), []
        for _ in range(KILLS):
            time.sleep(1.5)
            kills.append(time.monotonic())
            broker.kill()
            time.sleep(0.2)
            broker.start()
            is_up(daemon)
        until(lambda: load.number > 10 and time.monotonic() > kills[-1] + UNSAVED_SECONDS + 1, "the load goes on")
        load.stop()
        last = {device: numbers[-1] for device, numbers in load.taken.items()}
        until(lambda: all(temperature(daemon, device) >= number for device, number in last.items()), "the last values")
        lost = 0
        for device, numbers in load.taken.items():
            got = [value for value, _ in history(daemon, device)]
            same(got, sorted(set(got)), "in order, none twice")
            for number in set(numbers) - set(got):
                lost += 1
                before = [round(kill - load.times[number], 3) for kill in kills]
                check(any(0 <= seconds < UNSAVED_SECONDS for seconds in before), number, "was lost by us; seconds before each kill:", before)
        print(f"# {len(kills)} kills, {sum(map(len, load.taken.values()))} messages, {lost} lost by mosquitto")


for case in (the_first_value_arrives, what_becomes_nothing_is_counted_with_the_reason,
             a_paused_feed_stays_so_and_misses_nothing, late_values_go_into_the_history_alone,
             feeds_are_added_by_the_api_and_stay, webhooks_are_answered_when_they_are_durable, webhooks_tell_what_became_nothing,
             a_feed_is_tried_without_a_daemon, nothing_is_lost_when_both_sides_are_killed,
             a_broker_that_is_killed_under_load_loses_no_more_than_it_had_not_saved):
    tap.case(case)
shutil.rmtree(work)
sys.exit(tap.done())
