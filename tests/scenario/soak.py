#!/usr/bin/env python3
"""kill -9 of the daemon and of the receiver at random moments, while many entities change and subscriptions are owed.

Usage: soak.py MACHI SOURCE_ROOT [SECONDS [SEED]]. The test run soaks for a few seconds;
`tests/scenario/soak.py build/machi . 600` does it for ten minutes.

Writers in two tenants change entities of their own by several operations. Every change gives n a number that only
grows, and sometimes w the same number. soak_receiver.py, a process of its own, keeps what it is told before it answers;
over MQTT it hears through a broker, which is not killed. In the end, when nothing is owed any more:
- each change that was acknowledged has been told to each subscription that it concerns;
- of one entity, a subscription hears its changes in their order;
- what came twice has the same id and the same bytes;
- nothing was told that was not sent, and nothing is a dead letter.
A change whose answer was lost may have been made or not. Of what is throttled only the latest need be told.
"""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Skip, Tap, ask, check, free_port, same

SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 12
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261129
TENANTS = ("", "north")
WRITERS_EACH = 2
KINDS = ("Even",) * 8 + ("Odd",) * 8  # of the entities of a writer; the first of each tenant has a Rare one too
HOW = ("upsert", "upsert", "PATCH", "PATCH", "POST", "PUT") * 4 + ("DELETE",)
CHANGES_BEFORE_KILL, TOLD_BEFORE_KILL = 40, 40  # the clock starts after so many: a slow machine has to get on first
BACKLOG_MAX = 2000  # owed beyond it, the writers wait
LIMIT_SECONDS = 240  # for what must happen in the end
ROOT = "/ngsi-ld/v1"
HOST = "127.0.0.2"  # nobody else listens there, and no connection of the daemon begins there

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-soak-"))
kept = work / "kept"
mosquitto = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
tap = Tap()

SUBSCRIPTIONS = {
    "all": {"entities": [{"type": "Even"}, {"type": "Odd"}]},
    "even": {"entities": [{"type": "Even"}], "format": "keyValues"},
    "watched": {"entities": [{"type": "Odd"}], "watchedAttributes": ["w"], "format": "concise"},
    "rare": {"entities": [{"type": "Rare"}], "throttling": 0.05, "format": "keyValues"},
    "mqtt": {"entities": [{"type": "Even"}], "format": "keyValues"},
}
if not mosquitto:
    del SUBSCRIPTIONS["mqtt"]


# What is throttled gives way to what comes after it: how much of it will come nobody can count.
EVERY_CHANGE = [name for name, parts in SUBSCRIPTIONS.items() if "throttling" not in parts]


def is_owed(name, kind, n, w):
    """Whether a change of an entity of that type is told to the subscription of that name."""
    parts = SUBSCRIPTIONS[name]
    return {"type": kind} in parts["entities"] and ("watchedAttributes" not in parts or n == w)


def headers_of(tenant):
    return {"NGSILD-Tenant": tenant} if tenant else {}


class Writer:
    """One connection and its entities. What it notes outlives the kills."""

    def __init__(self, index):
        self.random = random.Random(SEED * 1000 + index)
        self.tenant = TENANTS[index % len(TENANTS)]
        kinds = (*KINDS, "Rare") if index < len(TENANTS) else KINDS
        self.kinds = {f"urn:x:w{index}:{i}": kind for i, kind in enumerate(kinds)}
        self.number = 0
        self.w = {}  # of the entities that are there for sure
        self.sent = {id: {} for id in self.kinds}  # id: {n: w}
        self.acknowledged = {id: [] for id in self.kinds}
        self.count = self.owed = self.lost = 0
        self.trouble = None

    def entity(self, id, n):
        w = n if id not in self.w or self.random.random() < 0.3 else self.w[id]
        self.sent[id][n] = w
        return {"id": id, "type": self.kinds[id], "n": {"type": "Property", "value": n},
                "w": {"type": "Property", "value": w}}

    def one_step(self, connection):
        id = self.random.choice(sorted(self.kinds))
        self.number += 1
        how = self.random.choice(HOW)
        if how == "upsert" or id not in self.w:
            ids = sorted({id, *self.random.sample(sorted(self.kinds), self.random.choice((0, 0, 3)))})
            self.send(connection, ids, "POST", "entityOperations/upsert?options=update",
                      [self.entity(each, self.number) for each in ids])
        elif how == "DELETE":
            self.send(connection, [id], how, f"entities/{id}", None)
        elif how == "PUT":
            self.send(connection, [id], how, f"entities/{id}", self.entity(id, self.number))
        else:
            body = self.entity(id, self.number)
            self.send(connection, [id], how, f"entities/{id}/attrs", {name: body[name] for name in "nw"})

    def send(self, connection, ids, method, path, body):
        for id in ids:  # until it is answered nobody knows
            self.w.pop(id, None)
        self.lost += 1
        status, answer = ask(connection, method, f"{ROOT}/{path}", body, headers_of(self.tenant))
        self.lost -= 1
        check(status in (201, 204), method, path, body, status, answer)
        self.count += 1
        for id in ids if body else []:
            n, w = self.number, self.sent[id][self.number]
            self.w[id] = w
            self.acknowledged[id].append(n)
            self.owed += sum(is_owed(name, self.kinds[id], n, w) for name in EVERY_CHANGE)

    def run(self, city):
        while not city.ending.is_set():
            try:
                with contextlib.closing(city.daemon.connect()) as connection:
                    while not city.ending.is_set():
                        city.may_write.wait()
                        self.one_step(connection)
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # killed
            except Exception as trouble:  # told by the main thread
                self.trouble = trouble
                return


class Account:
    """What the receiver has kept, read as it grows."""

    def __init__(self):
        self.file = None
        self.rest = b""
        self.cut = None
        self.told = collections.defaultdict(dict)  # (tenant, name): {notification's id: bytes}
        self.seen = collections.defaultdict(set)  # (tenant, name, entity): its numbers
        self.newest = {}  # (tenant, name, entity): number
        self.arrived = self.twice = self.cuts = 0
        self.counted = 0  # of those of which every change comes, each once
        self.disorder, self.different, self.invented = [], [], []

    def read(self, sent):
        if not self.file:
            self.file = open(kept, "rb")
        *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
        for line in lines:
            if line == b"#":
                self.cuts += self.cut is not None
                self.cut = None
            elif line:
                check(self.cut is None, "not cut by a kill, and no record:", self.cut)
                self.take(line, sent)

    def take(self, line, sent):
        where, _, data = line.partition(b"\t")
        try:
            body = json.loads(data)
        except ValueError:
            self.cut = line
            return
        self.arrived += 1
        found = re.fullmatch(r"/?soak/(\w*)-(\w+)", where.decode())
        if not found or found[2] not in SUBSCRIPTIONS:
            self.invented.append(line)
            return
        path = found[1], found[2]
        if found[2] == "mqtt":
            body = body["body"]
        if body["id"] in self.told[path]:
            self.twice += 1
            if self.told[path][body["id"]] != data:
                self.different.append((self.told[path][body["id"]], data))
            return
        self.told[path][body["id"]] = data
        self.counted += path[1] in EVERY_CHANGE
        self.judge(path, body, sent)

    def judge(self, path, body, sent):
        entity = body["data"][0]
        n, w = (entity[name]["value"] if isinstance(entity[name], dict) else entity[name] for name in "nw")
        kind, numbers = sent[path[0]].get(entity["id"], (None, {}))
        if (len(body["data"]) != 1 or body["subscriptionId"] != f"urn:x:{path[1]}" or entity["type"] != kind
                or numbers.get(n) != w or not is_owed(path[1], kind, n, w)):
            self.invented.append((path, body))
        key = *path, entity["id"]
        if n <= self.newest.get(key, 0):
            self.disorder.append((key, self.newest[key], n))
        self.newest[key] = max(n, self.newest.get(key, 0))
        self.seen[key].add(n)

    def missing(self, writers):
        """What was acknowledged, concerns a subscription and was not told."""
        found = []
        for writer in writers:
            for id, kind in writer.kinds.items():
                for name in SUBSCRIPTIONS:
                    owed = {n for n in writer.acknowledged[id] if is_owed(name, kind, n, writer.sent[id][n])}
                    if "throttling" in SUBSCRIPTIONS[name]:
                        owed = {n for n in list(owed)[:1] if self.newest.get((writer.tenant, name, id), 0) < max(owed)}
                    found += [(writer.tenant, name, id, n) for n in owed - self.seen[writer.tenant, name, id]]
        return found


class City:
    """Both sides, and what kills them."""

    def __init__(self):
        self.random = random.Random(SEED)
        self.writers = [Writer(i) for i in range(WRITERS_EACH * len(TENANTS))]
        self.sent = {tenant: {id: (kind, writer.sent[id]) for writer in self.writers if writer.tenant == tenant
                              for id, kind in writer.kinds.items()} for tenant in TENANTS}
        self.account = Account()
        self.ending, self.may_write = threading.Event(), threading.Event()
        self.daemon = self.receiver = self.broker = None
        self.port, self.mqtt_port = free_port(), free_port()
        self.lives, self.daemon_kills, self.receiver_kills = 0, 0, 0

    def start_broker(self):
        config = work / "mosquitto.conf"
        config.write_text(f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        self.broker = subprocess.Popen([mosquitto, "-c", str(config)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)

    def start_receiver(self):
        self.lives += 1
        self.receiver = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("soak_receiver.py")), str(kept), HOST, str(self.port),
             str(SEED + self.lives), *([str(self.mqtt_port)] if mosquitto else [])], stdout=subprocess.PIPE)

    def wait_for_receiver(self):
        same(self.receiver.stdout.readline(), b"ready\n", "the receiver")

    def start_daemon(self):
        self.daemon = Daemon(machi, work / "city")
        self.daemon.wait_until_ready()

    def kill_receiver(self):
        check(self.receiver.poll() is None, "the receiver ended by itself:", self.receiver.poll())
        self.receiver.kill()
        self.receiver.wait()
        self.receiver.stdout.close()
        self.receiver_kills += 1

    def kill_daemon(self):
        check(self.daemon.process.poll() is None, "the daemon ended by itself:", self.daemon.log()[-4000:])
        self.daemon.kill()
        self.daemon_kills += 1

    def subscribe(self):
        for tenant in TENANTS:
            first = {"id": "urn:x:first", "type": "T"}  # it makes the tenant
            same(self.daemon.request("POST", f"{ROOT}/entities", first, headers_of(tenant))[0], 201)
            for name, parts in SUBSCRIPTIONS.items():
                topic = f"soak/{tenant}-{name}"
                endpoint = {"uri": f"http://{HOST}:{self.port}/{topic}"}
                if name == "mqtt":
                    version = "mqtt3.1.1" if tenant else "mqtt5.0"
                    endpoint = {"uri": f"mqtt://127.0.0.1:{self.mqtt_port}/{topic}", "notifierInfo": [
                        {"key": "MQTT-QoS", "value": "1"}, {"key": "MQTT-Version", "value": version}]}
                notification = {"format": parts.get("format", "normalized"), "endpoint": endpoint}
                status, answer = self.daemon.request("POST", f"{ROOT}/subscriptions", {
                    "id": f"urn:x:{name}", "type": "Subscription", "notification": notification,
                    **{key: value for key, value in parts.items() if key != "format"}}, headers_of(tenant))
                same(status, 201, answer)

    def figures(self):
        return sum(writer.count for writer in self.writers), sum(writer.owed for writer in self.writers)

    def look(self):
        """Reads what has come, and holds the writers while too much has not."""
        self.account.read(self.sent)
        troubles = [writer.trouble for writer in self.writers if writer.trouble]
        if troubles:
            raise troubles[0]
        if self.figures()[1] - self.account.counted > BACKLOG_MAX:
            self.may_write.clear()
        else:
            self.may_write.set()
        time.sleep(0.01)

    def wait_until(self, so, what, seconds=LIMIT_SECONDS):
        until = time.monotonic() + seconds
        while not so():
            check(time.monotonic() < until, what, "not in time")
            self.look()

    def pause(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()

    def let_it_flow(self):
        changes, told = self.figures()[0] + CHANGES_BEFORE_KILL, self.account.arrived + TOLD_BEFORE_KILL
        self.wait_until(lambda: self.figures()[0] >= changes and self.account.arrived >= told,
                        f"{changes} changes and {told} notifications")
        self.pause(self.random.random())

    def kill_something(self):
        chance = self.random.random()
        down = self.random.choice((0, 0, 0.2, 2.5))
        if chance < 0.6:
            self.kill_daemon()
        if chance > 0.4:
            self.kill_receiver()
            if chance > 0.6 or self.random.random() < 0.5:
                self.pause(down)
            self.start_receiver()
        if chance < 0.6:
            if self.random.random() < 0.3:  # and again, while it comes up
                self.daemon = Daemon(machi, work / "city")
                self.pause(self.random.random() * 0.1)
                self.kill_daemon()
            self.start_daemon()
        if chance > 0.4:
            self.wait_for_receiver()

    def soak(self):
        threads = [threading.Thread(target=writer.run, args=(self,), daemon=True) for writer in self.writers]
        for thread in threads:
            thread.start()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            self.let_it_flow()
            self.kill_something()
        self.ending.set()
        self.may_write.set()
        for thread in threads:
            thread.join(LIMIT_SECONDS)
            check(not thread.is_alive(), "a writer does not end")

    def owes_nothing(self):
        text = self.daemon.request("GET", "/metrics")[1].decode()
        return "\nmachi_notifications_subscriptions_owed 0\n" in text

    def drain(self):
        self.wait_until(self.owes_nothing, "nothing owed")
        if mosquitto:  # what the broker has it may still have to say
            until = time.monotonic() + LIMIT_SECONDS
            while self.account.missing(self.writers) and time.monotonic() < until:
                self.pause(0.2)
        same(self.daemon.stop(), 0, self.daemon.log()[-4000:])
        self.kill_receiver()
        self.account.read(self.sent)

    def close(self):
        self.ending.set()
        self.may_write.set()
        if self.daemon:
            self.daemon.kill()
        for process in filter(None, (self.receiver, self.broker)):
            process.kill()
            process.wait()


city = City()
print(f"# {SECONDS:g} s, seed {SEED}", flush=True)


@tap.case
def it_runs_and_drains_under_kills():
    if mosquitto:
        city.start_broker()
    city.start_receiver()
    city.wait_for_receiver()
    city.start_daemon()
    city.subscribe()
    city.soak()
    city.drain()
    changes, owed = city.figures()
    account = city.account
    print(f"# {city.daemon_kills} kills of the daemon, {city.receiver_kills - 1} of the receiver, {changes} changes "
          f"acknowledged, {sum(writer.lost for writer in city.writers)} not answered, {owed} notifications owed (beside what is throttled), "
          f"{account.arrived} arrived, {account.twice} of them again, {account.cuts} cut in the file")


@tap.case
def what_was_acknowledged_has_been_told():
    missing = city.account.missing(city.writers)
    check(not missing, len(missing), "are missing:", missing[:20])
    check(city.figures()[1] > 0)


@tap.case
def each_entity_is_told_of_in_order():
    same(city.account.disorder[:20], [])


@tap.case
def what_came_again_is_the_same():
    same(city.account.different[:5], [])


@tap.case
def nothing_is_invented():
    same(city.account.invented[:5], [])


@tap.case
def nothing_is_a_dead_letter_and_the_folder_is_whole():
    for tenant in TENANTS:
        of_tenant = ["--tenant", tenant] if tenant else []
        same(machi("notifications", "list", "--json", "--data", work / "city", *of_tenant).out, "")
    machi("check", "--data", work / "city")


@tap.case
def mqtt_takes_part():
    if not mosquitto:
        raise Skip("mosquitto is not installed")
    for tenant in TENANTS:
        check(city.account.told[tenant, "mqtt"], tenant or "the default tenant", "was told nothing over MQTT")


city.close()
status = tap.done()
if status == 0:
    shutil.rmtree(work, ignore_errors=True)
else:
    print(f"# what is left: {work}")
sys.exit(status)
