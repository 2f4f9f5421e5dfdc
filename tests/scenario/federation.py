#!/usr/bin/env python3
"""Five brokers that have registered each other, in all four modes, in a ring and in a tree, against a model.

Usage: federation.py MACHI SOURCE_ROOT [SECONDS [SEED]]. The test run takes less than a minute;
`tests/scenario/federation.py build/machi . 600` goes on for ten.

First the model against examples counted out by hand (federation_examples.py), and fixed cases with what is expected
written by hand (federation_cases.py, federation_troubles.py). Then operations by chance: each is sent to one of five
processes and carried out by the model (federation_model.py), which is written from the clauses alone. Compared are the
status, what is told of each attribute or entity, the merged answers, and after every change what each broker holds
itself (local=true). In the last third one broker is killed and another hangs.

After a difference the model takes over what the brokers hold, so that one mistake is told once.
"""
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import federation_cases
import federation_examples
import federation_operations as operations
import federation_questions as questions
import federation_troubles
from federation_network import Network
from federation_rules import BATCHES, GROUPS, TEMPORAL, Info, Registration
from tap import Machi, Tap, check

SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 12
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20261129
# What is thrown at the brokers, and how often
OPERATIONS = {
    operations.CreateEntity: 8, operations.UpdateEntity: 5, operations.AppendAttrs: 5, operations.UpdateAttrs: 5,
    operations.ReplaceAttrs: 4, operations.DeleteAttrs: 4, operations.MergeEntity: 5, operations.ReplaceEntity: 4,
    operations.DeleteEntity: 3, operations.PurgeEntity: 1, operations.CreateBatch: 5, operations.UpsertBatch: 6,
    operations.UpdateBatch: 4, operations.MergeBatch: 4, operations.DeleteBatch: 2, questions.RetrieveEntity: 10,
    questions.QueryEntity: 12, questions.QueryBatch: 3, questions.RetrieveTypes: 1, questions.RetrieveAttributes: 1,
    questions.UpsertTemporal: 5, questions.AppendAttrsTemporal: 3, questions.DeleteAttrsTemporal: 1,
    questions.DeleteTemporal: 1, questions.RetrieveTemporal: 4, questions.QueryTemporal: 3,
}
DIFFERENCES_TOLD, CHARACTERS_TOLD = 12, 1500
HANG_MS, COOLDOWN_MS = 400, 3600 * 1000
ALL = ("redirectionOps", *BATCHES)

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-federation-"))
tap = Tap()


def register_all(network):
    """A ring for one kind of entities; for the others a tree: A above B and C, B above D, C and A above E."""
    nodes = network.nodes

    def register(where, source, infos, mode="inclusive", operations=ALL, **more):
        infos = infos if isinstance(infos, list) else [infos]
        name = f"urn:ngsi-ld:ContextSourceRegistration:{where}-{source}-{infos[0].kind}"
        network.register(where, Registration(name, nodes[source], infos, mode, operations, **more))

    def all_of(kind, *attrs):
        return Info(kind, pattern=f"^urn:ngsi-ld:{kind}:", attrs=frozenset(attrs) or None)

    for where, source in zip("ABCDE", "BCDEA"):
        register(where, source, all_of("Ring"))
    register("A", "B", all_of("Shared"))
    register("B", "D", all_of("Shared"), operations=("redirectionOps",))  # batches come one by one
    register("A", "C", Info("Shared", operations.LOCKED, attrs=frozenset(["lock"])), "exclusive", ("redirectionOps",))
    register("A", "E", all_of("Shared", "extra", "note"), "auxiliary", ("retrieveOps",))
    register("A", "D", all_of("Away"), "redirect")
    register("D", "E", all_of("Away"), operations=GROUPS["federationOps"])
    register("A", "D", all_of("Twice"), "redirect")
    register("A", "E", all_of("Twice"), "redirect", tuple(
        each for each in (*GROUPS["redirectionOps"], *BATCHES) if each not in ("mergeEntity", "deleteAttrs")))
    register("A", "C", [all_of("Half", "near"), all_of("Half", "far")])
    register("C", "E", all_of("Half", "far"), "redirect", ("redirectionOps",))
    register("B", "C", Info("Half"), operations=("federationOps",), local_only=True)
    register("A", "B", all_of("Past"), operations=TEMPORAL, temporal=True)
    register("B", "D", all_of("Past"), operations=TEMPORAL, temporal=True)
    register("A", "E", all_of("PastAway"), "redirect", TEMPORAL, temporal=True)


class Contest:
    """The brokers against the model."""

    def __init__(self, network, seed):
        self.network = network
        self.chance = operations.Chance(random.Random(seed))
        self.differences, self.done = {}, 0

    def run(self, seconds):
        until = time.monotonic() + seconds
        kinds, weights = list(OPERATIONS), list(OPERATIONS.values())
        while time.monotonic() < until and len(self.differences) < DIFFERENCES_TOLD:
            kind = self.chance.random.choices(kinds, weights)[0]
            places = [where for where in self.network.alive if any(where in operations.PLACES[k] for k in kind.kinds)]
            self.one(kind(self.chance, self.chance.one_of(places)))
            self.done += 1

    def one(self, operation):
        where, nodes = operation.where, self.network.nodes
        before = {name: str(node.entities.get(operation.id) or node.past.get(operation.id))
                  for name, node in nodes.items()}
        answer = operation.send(self.network[where])
        expected = operation.expect(nodes[where])
        context = {each.id for each in nodes[where].registrations} if operation.changes else nodes.values()
        try:
            operation.judge(answer, expected, context)
        except AssertionError as trouble:
            self.differ(operation, "answer", str(trouble), before)
        if operation.changes:
            self.compare(operation, answer, before)

    def compare(self, operation, answer, before):
        """What each broker holds."""
        past = operation.kinds is operations.PAST
        for name in self.network.alive:
            node = self.network.nodes[name]
            if past:
                got = self.network.past(name, operations.PAST)
                wanted = {id: questions.in_order(attrs) for id, (_, attrs) in node.past.items() if any(attrs.values())}
            else:
                got, wanted = self.network.state(name, operations.NOW), node.entities
            if got != wanted:
                unlike = [f"{id}: is {got.get(id)}, should be {wanted.get(id)}"
                          for id in sorted(set(got) | set(wanted)) if got.get(id) != wanted.get(id)]
                self.differ(operation, f"state of {name}", "\n".join([f"answer {answer}", *unlike]), before)
                if past:
                    node.past = {id: (id.split(":")[2], attrs) for id, attrs in got.items()}
                else:
                    node.entities = got

    def differ(self, operation, what, trouble, before):
        """Told once for each operation, kind of entity and place."""
        key = operation.name, operation.kind, operation.where, what
        if key not in self.differences:
            state = "\n".join(f"  before at {name}: {held}" for name, held in before.items() if held != "None")
            self.differences[key] = f"{operation.name} of {operation.id} at {operation.where}, {what}\n" \
                                    f"  {operation.curl()}\n  {trouble[:CHARACTERS_TOLD]}\n{state}"

    def judge(self):
        check(not self.differences, f"seed {SEED}, {self.done} operations, {len(self.differences)} differences:\n\n"
              + "\n\n".join(self.differences.values()))


def fixed_cases():
    with Network(machi, work / "cases", "ABC") as network:
        for part in (*federation_cases.PARTS, *federation_troubles.PARTS):
            part(tap, federation_cases.Cases(network))


def by_chance():
    """One network for both halves."""
    with Network(machi, work / "chance", "ABCDE") as network:
        register_all(network)
        contest = Contest(network, SEED)

        @tap.case
        def what_happens_by_chance_is_what_the_model_says():
            contest.run(SECONDS * 2 / 3)
            print(f"# seed {SEED}, {contest.done} operations")
            contest.judge()

        @tap.case
        def it_still_is_when_one_is_killed_and_one_hangs():
            contest.differences = {}
            network.lose("D", timeout=HANG_MS, cooldown=COOLDOWN_MS)
            network["D"].daemon.kill()
            network.lose("E", timeout=HANG_MS, cooldown=COOLDOWN_MS)
            network["E"].freeze()
            contest.run(SECONDS / 3)
            print(f"# seed {SEED}, {contest.done} operations")
            contest.judge()


try:
    federation_examples.run(tap)
    fixed_cases()
    by_chance()
    status = tap.done()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
