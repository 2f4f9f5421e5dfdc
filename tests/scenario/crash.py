#!/usr/bin/env python3
"""kill -9 at random moments, while several connections change entities by every operation that there is.

Usage: crash.py MACHI SOURCE_ROOT HISTORY [KILLS [SEED]]. HISTORY is the program made of history.c. The test run does a
few kills; `tests/scenario/crash.py build/machi . build/tests/scenario/history 100` does a hundred.

Each connection has entities of its own and keeps two accounts of them: how they must look, and every point that their
history must have. Every change carries a number that no other has. After each kill the daemon is started again, and
- what was acknowledged is there, entity by entity and point by point;
- what was under way is there whole or not at all, batches too;
- the history says nothing else than what was done, and its last point is the state;
- `machi check` finds nothing.
"""
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

KILLS = int(sys.argv[4]) if len(sys.argv) > 4 else 5
SEED = int(sys.argv[5]) if len(sys.argv) > 5 else 20261122
WRITERS, ENTITIES_EACH, ATTRIBUTES = 6, 6, "abc"
WRITES_BEFORE_KILL = 40  # the clock starts after so many: a slow machine has to come up first
CREATED, UPDATED, DELETED = 0, 1, 2
ROOT = "/ngsi-ld/v1/"
IRI = "https://uri.etsi.org/ngsi-ld/default-context/"
TENANTS = ("", "north")

machi = Machi(os.path.abspath(sys.argv[1]))
history_program = os.path.abspath(sys.argv[3])
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-crash-"))
tap = Tap()


def prop(number):
    return {"type": "Property", "value": number}


def entity(id, numbers):
    return {"id": id, "type": "T", **{name: prop(number) for name, number in numbers.items()}}


class Change:
    """What one request does to some entities: the states after it, and the points that it adds."""

    def __init__(self, before, after):
        self.before, self.after, self.points = before, after, []
        for id in after:
            old, new = before[id] or {}, after[id] or {}
            for name in ATTRIBUTES:
                if name in new and new[name] != old.get(name):
                    self.points.append((id, name, [UPDATED if name in old else CREATED, new[name]]))
                elif name in old and name not in new:
                    self.points.append((id, name, [DELETED, old[name]]))


class Writer:
    """One connection and its entities."""

    def __init__(self, index, random_source):
        self.random = random_source
        self.tenant = TENANTS[index % len(TENANTS)]
        self.ids = [f"urn:x:w{index}:{i}" for i in range(ENTITIES_EACH)]
        self.state = {id: None for id in self.ids}  # None: absent; else the number of each attribute
        self.points = {(id, name): [] for id in self.ids for name in ATTRIBUTES}  # of this round
        self.number = index * 10**9
        self.acknowledged = 0
        self.under_way = None
        self.trouble = None

    # ---- what there is to do: method, path, body, wanted status, states after ----

    def create(self, id, n):
        after = {"a": n, "b": n}
        return "POST", "entities", entity(id, after), 201, {id: after}

    def update_attributes(self, id, n):
        change = {"a": n, "b": n}
        return "PATCH", f"entities/{id}/attrs", {k: prop(v) for k, v in change.items()}, 204, {id: {**self.state[id], **change}}

    def append_attributes(self, id, n):
        change = {"a": n, "c": n}
        return "POST", f"entities/{id}/attrs", {k: prop(v) for k, v in change.items()}, 204, {id: {**self.state[id], **change}}

    def partial_update(self, id, n):
        name = self.random.choice(sorted(self.state[id]))
        return "PATCH", f"entities/{id}/attrs/{name}", {"value": n}, 204, {id: {**self.state[id], name: n}}

    def delete_attribute(self, id, n):
        name = self.random.choice(sorted(self.state[id]))
        rest = {k: v for k, v in self.state[id].items() if k != name}
        return "DELETE", f"entities/{id}/attrs/{name}", None, 204, {id: rest}

    def merge(self, id, n):
        after = {"a": n, **({"b": self.state[id]["b"]} if "b" in self.state[id] else {})}
        return "PATCH", f"entities/{id}", {"a": prop(n), "c": "urn:ngsi-ld:null"}, 204, {id: after}

    def replace(self, id, n):
        after = {"b": n, "c": n}
        return "PUT", f"entities/{id}", entity(id, after), 204, {id: after}

    def delete(self, id, n):
        return "DELETE", f"entities/{id}", None, 204, {id: None}

    def batch_upsert(self, id, n):
        ids = self.random.sample(self.ids, 3)
        after = {each: {"a": n, "c": n} for each in ids}
        status = 204 if all(self.state[each] is not None for each in ids) else 201
        return "POST", "entityOperations/upsert", [entity(*item) for item in after.items()], status, after

    def batch_upsert_update(self, id, n):
        ids = self.random.sample(self.ids, 3)
        after = {each: {**(self.state[each] or {}), "b": n} for each in ids}
        status = 204 if all(self.state[each] is not None for each in ids) else 201
        return "POST", "entityOperations/upsert?options=update", [entity(each, {"b": n}) for each in ids], status, after

    def batch_delete(self, id, n):
        ids = [each for each in self.ids if self.state[each] is not None][:3]
        return "POST", "entityOperations/delete", ids, 204, {each: None for each in ids}

    def choose(self):
        id = self.random.choice(self.ids)
        state = self.state[id]
        if state is None:
            return self.random.choice((self.create, self.batch_upsert, self.batch_upsert_update)), id
        if not state:
            return self.random.choice((self.update_attributes, self.replace)), id
        often = [self.update_attributes, self.append_attributes, self.partial_update, self.batch_upsert] * 3
        return self.random.choice(often + [self.delete_attribute, self.replace, self.delete, self.batch_delete,
                                           self.batch_upsert_update, self.merge]), id

    # ---- doing it ----

    def run(self, daemon):
        headers = {"Content-Type": "application/json", **({"NGSILD-Tenant": self.tenant} if self.tenant else {})}
        with contextlib.closing(daemon.connect()) as connection:
            while True:
                operation, id = self.choose()
                self.number += 1
                method, path, body, wanted, after = operation(id, self.number)
                self.under_way = Change({each: self.state[each] for each in after}, after)
                try:
                    connection.request(method, ROOT + path, None if body is None else json.dumps(body), headers)
                    answer = connection.getresponse()
                    said = answer.read()
                except (OSError, http.client.HTTPException):
                    return  # killed: nobody knows what came of it
                if answer.status != wanted:
                    self.trouble = f"{method} {path} {body}: {answer.status} {said!r}, wanted {wanted}"
                    self.under_way = None
                    return
                self.take()

    def take(self):
        """What was under way has happened."""
        self.state.update(self.under_way.after)
        for id, name, point in self.under_way.points:
            self.points[id, name].append(point)
        self.under_way = None
        self.acknowledged += 1

    def settle(self, found):
        """After a kill: what was under way has happened whole, or not at all."""
        if self.under_way:
            seen = {id: found[id] for id in self.under_way.after}
            if seen == self.under_way.after:
                self.take()
            else:
                same(seen, self.under_way.before, "what was under way is half there")
                self.under_way = None
        same({id: found[id] for id in self.ids}, self.state, "what was acknowledged")


def read_states(daemon, writer):
    headers = {"NGSILD-Tenant": writer.tenant} if writer.tenant else {}
    states = {}
    for id in writer.ids:
        status, data = daemon.request("GET", f"{ROOT}entities/{id}?format=simplified", headers=headers)
        check(status in (200, 404), status, data)
        states[id] = None
        if status == 200:
            found = json.loads(data)
            same((found.pop("id"), found.pop("type")), (id, "T"))
            states[id] = found
    return states


def check_history(data, writer, from_us):
    database = data / "tenants" / f"{writer.tenant}.db" if writer.tenant else data / "machi.db"
    asked = sorted(writer.points)
    lines = "".join(f"{id} {IRI}{name}\n" for id, name in asked)
    run = subprocess.run([history_program, database, str(from_us)], input=lines, capture_output=True, text=True,
                         timeout=120, check=False)
    check(run.returncode == 0, run.stderr)
    for (id, name), line in zip(asked, run.stdout.splitlines(), strict=True):
        said = json.loads(line)
        same(said["points"], writer.points[id, name], f"the history of {id} {name}")
        same(said["now"], (writer.state[id] or {}).get(name), f"the document's {id} {name}")


def make_tenants(daemon):
    for tenant in TENANTS[1:]:
        status, data = daemon.request("POST", f"{ROOT}entities", entity("urn:x:first", {"a": 0}), {"NGSILD-Tenant": tenant})
        check(status == 201, status, data)


def write_and_kill(daemon, writers, random_source):
    threads = [threading.Thread(target=writer.run, args=(daemon,)) for writer in writers]
    goal = sum(writer.acknowledged for writer in writers) + WRITES_BEFORE_KILL
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while sum(writer.acknowledged for writer in writers) < goal and any(thread.is_alive() for thread in threads):
        if time.monotonic() > until:
            break
        time.sleep(0.002)
    time.sleep(random_source.random() * 0.3)
    daemon.process.kill()
    daemon.process.wait()
    for thread in threads:
        thread.join()
    same([writer.trouble for writer in writers if writer.trouble], [])
    check(sum(writer.acknowledged for writer in writers) >= goal, "too few writes in a minute")


def one_round(number, data, writers, random_source):
    from_us = int(time.time() * 10**6)
    for writer in writers:
        for points in writer.points.values():
            points.clear()
    with Daemon(machi, data) as daemon:
        if number == 0:
            make_tenants(daemon)
        write_and_kill(daemon, writers, random_source)
    if number % 3 == 2:  # and again, while it comes up from the last time
        again = Daemon(machi, data)
        time.sleep(random_source.random() * 0.1)
        again.kill()
    with Daemon(machi, data) as daemon:
        for writer in writers:
            writer.settle(read_states(daemon, writer))
            check_history(data, writer, from_us)
        same(daemon.stop(), 0)
    if number % 5 == 4 or number == KILLS - 1:
        machi("check", "--data", data)


@tap.case
def kill_9_at_any_moment_loses_and_halves_nothing():
    random_source = random.Random(SEED)
    data = work / "city"
    writers = [Writer(i, random.Random(SEED + i)) for i in range(WRITERS)]
    for number in range(KILLS):
        try:
            one_round(number, data, writers, random_source)
        except AssertionError as trouble:
            raise AssertionError(f"round {number + 1} of {KILLS}: {trouble}") from None
    print(f"# {sum(writer.acknowledged for writer in writers)} changes acknowledged, {KILLS} kills")


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
