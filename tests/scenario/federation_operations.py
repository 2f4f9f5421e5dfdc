"""The operations that federation.py throws at a network: each makes itself up by chance, is sent to a broker, is
carried out by the model, and judges the one by the other. Standard library only.
"""
import datetime
import json

from federation_network import parameters, term
from federation_rules import NULL, Entity, Query, entity_of
from tap import check, same

IDS_EACH = 5
PAST = ("Past", "PastAway")
# Which attributes a kind has, and at which nodes it is written and asked for
NAMES = {"Ring": ("temp", "note", "ref"), "Shared": ("temp", "note", "extra"), "Away": ("temp", "note"),
         "Twice": ("temp", "note"), "Half": ("near", "far", "own"), "Past": ("temp", "note"), "PastAway": ("temp",)}
PLACES = {"Ring": "ABCDE", "Shared": "ABDE", "Away": "ADE", "Twice": "ADE", "Half": "ABCE", "Past": "ABD",
          "PastAway": "AE"}
NOW = tuple(kind for kind in PLACES if kind not in PAST)
LOCKED = "urn:ngsi-ld:Shared:0"  # its attribute lock is claimed by one source, C, for A alone
LOCK_PLACES = "AC"
KEPT = {"Half": "near"}  # never taken away alone: C can always say that the entity is there
UNLIMITED = ("Ring", "Away", "Twice")  # kinds whose registrations name no attributes
ATTRIBUTE_ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


class Chance:
    """Makes things up. Every instance has a time of its own, so that no conflict is left open (4.5.5.3)."""

    def __init__(self, random):
        self.random, self.ticks = random, 0

    def time(self):
        self.ticks += 1
        return (datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=self.ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def one_of(self, many):
        return self.random.choice(list(many))

    def often(self, share):
        return self.random.random() < share

    def kind(self, where, kinds=NOW):
        return self.one_of(kind for kind in kinds if where in PLACES[kind])

    def id(self, kind):
        return f"urn:ngsi-ld:{kind}:{self.random.randrange(IDS_EACH)}"

    def instance(self, name, sets=True):
        if name == "ref":
            instance = {"type": "Relationship", "object": f"urn:ngsi-ld:Ring:{self.random.randrange(IDS_EACH)}"}
        else:
            instance = {"type": "Property", "value": self.random.randrange(100)}
            if self.often(0.2):
                instance["unitCode"] = self.one_of(("CEL", "FAH"))
        instance["observedAt"] = self.time()
        if sets and self.often(0.2):
            instance["datasetId"] = "urn:ngsi-ld:dataset:1"
        return instance

    def names(self, where, id, kind, whole=False):
        """Some attributes; whole: of an entity, which has what it must have."""
        names = self.random.sample(NAMES[kind], self.random.randint(1, len(NAMES[kind])))
        if whole and kind in KEPT and KEPT[kind] not in names:
            names.append(KEPT[kind])
        if id == LOCKED and where in LOCK_PLACES and self.often(0.6):
            names.append("lock")
        return names

    def fragment(self, where, id, kind, whole=False):
        document = {}
        for name in self.names(where, id, kind, whole):
            document[name] = self.instance(name)
            if "datasetId" in document[name] and self.often(0.5):
                document[name] = [document[name], self.instance(name, sets=False)]
        if whole and all(isinstance(each, dict) and "datasetId" in each for each in document.values()):
            document[next(iter(document))].pop("datasetId")
        return document

    def entity(self, where, id, kind):
        return {"id": id, "type": kind, **self.fragment(where, id, kind, whole=True)}


class Operation:
    """One request. Subclasses set method, path and body, and know what the model calls it."""
    name = success = None
    kinds = NOW
    changes = True

    def __init__(self, chance, where):
        self.where, self.kind = where, chance.kind(where, self.kinds)
        self.id = chance.id(self.kind)
        self.body = None
        self.make(chance)

    def make(self, chance):
        raise NotImplementedError

    def type_parameter(self, chance):
        """The selector of types is optional in all of them."""
        self.selected = frozenset([self.kind]) if chance.often(0.5) else None
        return self.kind if self.selected else None

    def send(self, broker):
        return broker.request(self.method, self.path, self.body)

    def curl(self):
        data = f" -H 'Content-Type: application/json' -d '{json.dumps(self.body)}'" if self.body is not None else ""
        return f"curl -X {self.method} \"${self.where}/ngsi-ld/v1{self.path}\"{data}"

    def judge(self, answer, outcome, registered):
        same_status(answer, outcome.statuses(self.success))
        if answer.status == 207:
            judge_parts(answer, outcome, self.id, registered)
        judge_problem(answer, outcome)


def absences(answer):
    """Ids of which a BatchOperationResult says that somebody does not have them: 404 and nothing else. No clause says
    whether that is an error where others have them (5.6.18.4 makes none of it here, 5.6.9.4 does)."""
    errors = answer.body.get("errors", []) if answer.status == 207 and isinstance(answer.body, dict) else []
    others = {each["entityId"] for each in errors if not each["error"].get("type", "").endswith("/ResourceNotFound")}
    return {each["entityId"] for each in errors} - others if not others else set()


def same_status(answer, allowed):
    if answer.status == 207 and allowed & {201, 204} and absences(answer):
        return
    check(answer.status in allowed, f"status {answer.status}, allowed {sorted(allowed)}: {answer}")


def judge_problem(answer, outcome):
    """6.3.2, 5.5.2."""
    if answer.status in (404, 409) and isinstance(answer.body, dict):
        wanted = {404: ("ResourceNotFound",), 409: ("AlreadyExists", "Conflict")}[answer.status]
        check(answer.body.get("type") in [ATTRIBUTE_ERRORS + each for each in wanted], f"type of error: {answer}")


def judge_parts(answer, outcome, id, registered):
    """The body of 207: UpdateResult (5.2.18) or BatchOperationResult (5.2.16)."""
    body = answer.body
    check(isinstance(body, dict), f"207 without details: {answer}")
    if "updated" in body or "notUpdated" in body:
        updated, refused = ({term(each) for each in body["updated"]},
                            {term(each["attributeName"]) for each in body["notUpdated"]})
        check(updated <= outcome.done, f"updated {updated}, but only {outcome.done}: {answer}")
        check(outcome.done - outcome.failed - outcome.left <= updated, f"not all of {outcome.done} is told: {answer}")
        check(outcome.lost <= refused, f"not told: {outcome.lost - refused}: {answer}")
        check(all(each["reason"] for each in body["notUpdated"]), answer)
        errors = body["notUpdated"]
    else:
        errors = body["errors"]
        if id is not None:
            check(bool(errors) and all(each["entityId"] == id for each in errors), answer)
            check(body["success"] in ([id], []) and (outcome.good or not body["success"]), answer)
        check(all(each["error"].get("type") or each["error"].get("title") for each in errors), answer)
    told = {each["registrationId"] for each in errors if "registrationId" in each}
    check(told <= registered, f"registrationId {told - registered} is of no registration here: {answer}")


class WithFragment(Operation):
    """Several attributes of an entity (5.6.1, 5.6.2, 5.6.3, 5.6.17, 5.6.18)."""
    success, whole = 204, False
    more = None

    def expect(self, node):
        entity = entity_of(self.body)
        return node.provide(self.name, self.id, entity.kinds or self.selected, entity.attrs, self.more)


class CreateEntity(WithFragment):
    name, success = "createEntity", 201

    def make(self, chance):
        self.method, self.path = "POST", "/entities"
        self.body = chance.entity(self.where, self.id, self.kind)

    def judge(self, answer, outcome, registered):
        super().judge(answer, outcome, registered)
        if answer.status in (201, 207):
            location = answer.headers.get("Location") or ""
            check(location.endswith("/entities/" + self.id), f"Location: {location}")


class UpdateEntity(WithFragment):
    name, method = "updateEntity", "PATCH"

    def make(self, chance):
        self.path = f"/entities/{self.id}/attrs" + parameters(type=self.type_parameter(chance))
        self.body = chance.fragment(self.where, self.id, self.kind)


class AppendAttrs(WithFragment):
    name, method = "appendAttrs", "POST"

    def make(self, chance):
        keep = chance.often(0.4)
        self.more = {"overwrite": not keep}
        self.path = f"/entities/{self.id}/attrs" + parameters(type=self.type_parameter(chance),
                                                              options="noOverwrite" if keep else None)
        self.body = chance.fragment(self.where, self.id, self.kind)


class MergeEntity(WithFragment):
    name, method = "mergeEntity", "PATCH"

    def make(self, chance):
        self.path = f"/entities/{self.id}" + parameters(type=self.type_parameter(chance))
        self.body = chance.fragment(self.where, self.id, self.kind)
        for name in list(self.body):
            if name not in KEPT.values() and name != "ref" and chance.often(0.2):
                self.body[name] = {"type": "Property", "value": NULL}


class ReplaceEntity(WithFragment):
    name, method = "replaceEntity", "PUT"

    def make(self, chance):
        self.path = f"/entities/{self.id}" + parameters(type=self.type_parameter(chance))
        self.body = chance.entity(self.where, self.id, self.kind)


class OneAttribute(Operation):
    """5.6.4, 5.6.5, 5.6.19."""
    success, dataset, everything = 204, None, False

    def make(self, chance):
        self.attribute = chance.one_of(chance.names(self.where, self.id, self.kind))
        if self.attribute == KEPT.get(self.kind) and self.name == "deleteAttrs":
            self.attribute = "far"
        selected = self.type_parameter(chance)
        if self.name == "deleteAttrs":
            self.everything = chance.often(0.3)
            self.dataset = "urn:ngsi-ld:dataset:1" if not self.everything and chance.often(0.2) else None
            self.path = parameters(type=selected, datasetId=self.dataset, deleteAll=True if self.everything else None)
        else:
            self.body = chance.instance(self.attribute)
            self.dataset = self.body.get("datasetId")
            self.path = parameters(type=selected)
        self.path = f"/entities/{self.id}/attrs/{self.attribute}{self.path}"

    def expect(self, node):
        fragment = {k: v for k, v in (self.body or {}).items() if k != "datasetId"}
        return node.attribute(self.name, self.id, self.selected, self.attribute, fragment, self.dataset,
                              self.everything)


class UpdateAttrs(OneAttribute):
    name, method = "updateAttrs", "PATCH"


class ReplaceAttrs(OneAttribute):
    name, method = "replaceAttrs", "PUT"


class DeleteAttrs(OneAttribute):
    name, method = "deleteAttrs", "DELETE"


class DeleteEntity(Operation):
    name, method, success = "deleteEntity", "DELETE", 204

    def make(self, chance):
        self.path = f"/entities/{self.id}" + parameters(type=self.type_parameter(chance))

    def expect(self, node):
        return node.delete(self.id, self.selected)


class PurgeEntity(Operation):
    """5.6.21. Where attributes are registered, only attributes are purged: whether a source of attributes is to give up
    its whole entities the clause does not say."""
    name, method, success = "purgeEntity", "DELETE", 204

    def make(self, chance):
        limited = self.kind == "Half" or self.kind == "Shared" and self.where == "A"
        self.ids = frozenset([self.id, chance.id(self.kind)]) if chance.often(0.7) else None
        self.keep = self.drop = None
        if limited or chance.often(0.5):
            names = [name for name in NAMES[self.kind] if name != KEPT.get(self.kind)]
            if self.kind != "Half" and chance.often(0.5):
                self.keep = [chance.one_of(names)]
            else:
                self.drop = ["far"] if self.kind == "Half" else [chance.one_of(names)]
        self.path = "/entities" + parameters(type=self.kind, id=",".join(sorted(self.ids)) if self.ids else None,
                                             keep=",".join(self.keep) if self.keep else None,
                                             drop=",".join(self.drop) if self.drop else None)

    def expect(self, node):
        return node.purge(Query(self.ids, frozenset([self.kind])), self.keep, self.drop)

    def judge(self, answer, outcome, registered):
        same_status(answer, {207, 204} if outcome.codes else {204})
        if answer.status == 207:
            judge_parts(answer, outcome, None, registered)


class Batch(Operation):
    """5.6.7, 5.6.8, 5.6.9, 5.6.10, 5.6.20."""
    method, success, more, options = "POST", 204, None, None

    def make(self, chance):
        kinds = [chance.kind(self.where) for _ in range(chance.random.randint(1, 3))]
        self.ids = sorted({chance.id(kind) for kind in kinds})
        self.body = [self.element(chance, id, id.split(":")[2]) for id in self.ids]
        self.path = f"/entityOperations/{self.resource}" + parameters(options=self.options)

    def element(self, chance, id, kind):
        return chance.entity(self.where, id, kind)

    def expect(self, node):
        return node.batch(self.name, [entity_of(each) for each in self.body], self.more)

    def judge(self, answer, outcomes, registered):
        clean = all(not (o.codes or o.missing or o.left or o.lost) for o in outcomes.values())
        broken = [id for id, o in outcomes.items() if o.codes or o.missing and not o.good]
        allowed = {207} if broken else self.successes(outcomes) | (set() if clean else {207})
        same_status(answer, allowed)
        if answer.status != 207:
            self.judge_success(answer, outcomes)
            return
        body = answer.body
        errors = {each["entityId"] for each in body["errors"]}
        check(set(broken) <= errors, f"errors of {sorted(broken)} are not all told: {answer}")
        for id, outcome in outcomes.items():
            if not (outcome.codes or outcome.missing or outcome.left or outcome.lost or id in absences(answer)):
                check(id in body["success"] and id not in errors, f"{id} went well: {answer}")
            if not outcome.good and not outcome.left:
                check(id not in body["success"], f"{id} came to nothing: {answer}")
        check(set(body["success"]) | errors <= set(outcomes), f"invented: {answer}")
        judge_parts(answer, None, None, registered)

    def successes(self, outcomes):
        return {self.success}

    def judge_success(self, answer, outcomes):
        pass


class CreateBatch(Batch):
    name, resource, success = "createBatch", "create", 201

    def judge_success(self, answer, outcomes):
        same(sorted(answer.body), sorted(outcomes), "created")


class UpsertBatch(Batch):
    name, resource = "upsertBatch", "upsert"

    def make(self, chance):
        self.options = chance.one_of((None, "update", "replace"))
        self.more = {"update": self.options == "update"}
        super().make(chance)

    def successes(self, outcomes):
        """201 when something was created, 204 when all was there (6.15.3.1); where some brokers had the entity and some
        had not, either."""
        if any(o.created and not o.updated for o in outcomes.values()):
            return {201}
        return {201, 204} if any(o.created for o in outcomes.values()) else {204}

    def judge_success(self, answer, outcomes):
        told = set(answer.body or ())
        check({id for id, o in outcomes.items() if o.created and not o.updated} <= told, f"not all created: {answer}")
        check(told <= {id for id, o in outcomes.items() if o.created}, f"told as created, but was there: {answer}")


class UpdateBatch(Batch):
    name, resource = "updateBatch", "update"

    def make(self, chance):
        self.options = "noOverwrite" if chance.often(0.3) else None
        self.more = {"overwrite": not self.options}
        super().make(chance)


class MergeBatch(Batch):
    name, resource = "mergeBatch", "merge"


class DeleteBatch(Batch):
    name, resource = "deleteBatch", "delete"

    def element(self, chance, id, kind):
        return id

    def expect(self, node):
        return node.batch(self.name, [Entity(id, frozenset(), {}) for id in self.ids])
