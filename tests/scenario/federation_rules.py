"""The words of the model of distributed operations (federation_model.py): registrations, queries, entities and how they
merge, what an operation has come to. Written from the clauses of GS CIM 009 V1.9.1 alone; every rule names its clause.

Attributes are Properties or Relationships; an instance is a dict as it stands in JSON, an attribute a dict
{datasetId or None: instance}, and each instance says when it was observed.

Where a clause leaves freedom, the model says what is allowed rather than what it would do:
- of instances in conflict with the same observedAt any may be given (4.5.5.3): they are kept side by side;
- the answer to an operation is a set of status codes;
- an entity of which a source can tell nothing but its name, as none of the attributes registered is there, may be told
  of or not.
"""
import dataclasses
import json
import re

TIMEOUT, NOT_FOUND, CONFLICT = 504, 404, 409
NULL = "urn:ngsi-ld:null"

# 4.20, table 4.20-2, as far as operations on entities go
GROUPS = {
    "retrieveOps": ("retrieveEntity", "queryEntity"),
    "updateOps": ("updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs"),
    "federationOps": ("retrieveEntity", "queryEntity", "queryBatch", "retrieveEntityTypes",
                      "retrieveEntityTypeDetails",
                      "retrieveEntityTypeInfo", "retrieveAttrTypes", "retrieveAttrTypeDetails", "retrieveAttrTypeInfo",
                      "retrieveEntityMap", "updateEntityMap", "deleteEntityMap", "createEntityMapQueryEntity"),
    "redirectionOps": ("createEntity", "updateEntity", "appendAttrs", "updateAttrs", "deleteAttrs", "deleteEntity",
                       "mergeEntity", "replaceEntity", "replaceAttrs", "retrieveEntity", "queryEntity", "purgeEntity",
                       "retrieveEntityTypes", "retrieveEntityTypeDetails", "retrieveEntityTypeInfo",
                       "retrieveAttrTypes", "retrieveAttrTypeDetails", "retrieveAttrTypeInfo", "retrieveEntityMap",
                       "updateEntityMap", "deleteEntityMap", "createEntityMapQueryEntity"),
}
BATCHES = ("createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch", "queryBatch")
TEMPORAL = ("upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal", "deleteTemporal", "retrieveTemporal",
            "queryTemporal")


@dataclasses.dataclass
class Info:
    """RegistrationInfo with one EntityInfo (5.2.10, 5.2.8). No attributes: all of them."""
    kind: str
    id: str = None
    pattern: str = None
    attrs: frozenset = None

    def takes(self, id, kinds):
        """Whether it is about an entity. kinds may be unknown (5.12: "if present")."""
        if kinds and self.kind not in kinds:
            return False
        return id == self.id if self.id else not self.pattern or bool(re.search(self.pattern, id))

    def names(self, names):
        """Which of these attributes it is about (5.12: none registered are all)."""
        return set(names) if self.attrs is None else set(names) & self.attrs

    def json(self):
        entity = {"type": self.kind}
        entity.update({"id": self.id} if self.id else {"idPattern": self.pattern} if self.pattern else {})
        return {"entities": [entity], **({"propertyNames": sorted(self.attrs)} if self.attrs else {})}


@dataclasses.dataclass
class Registration:
    """CSourceRegistration (5.2.9) of a source, which is a node."""
    id: str
    source: "Node"
    infos: list
    mode: str = "inclusive"
    operations: tuple = ("federationOps",)  # 4.20: where none are named
    local_only: bool = False
    temporal: bool = False  # 5.2.9, observationInterval

    def supports(self, operation):
        return any(operation == name or operation in GROUPS.get(name, ()) for name in self.operations)


@dataclasses.dataclass
class Outcome:
    """What an operation has come to at one entity, at home and at all sources together."""
    good: bool = False  # something was done somewhere
    missing: bool = False  # somebody did not find it
    codes: set = dataclasses.field(default_factory=set)  # the errors that went by; each may be answered
    done: set = dataclasses.field(default_factory=set)  # attributes
    failed: set = dataclasses.field(default_factory=set)
    created: bool = False
    updated: bool = False
    left: set = dataclasses.field(default_factory=set)  # attributes not appended, as they are there (5.6.3)
    shared: bool = False  # more than one place, or places that are equals, had to do with it

    def add(self, other, shared=True):
        for name in ("good", "missing", "created", "updated", "shared"):
            setattr(self, name, getattr(self, name) or getattr(other, name))
        for name in ("codes", "done", "failed", "left"):
            getattr(self, name).update(getattr(other, name))
        self.shared = self.shared or shared
        return self

    @property
    def lost(self):
        """Attributes that went nowhere."""
        return self.failed - self.done

    def statuses(self, success=204):
        """The codes allowed (6.3.17, and the tables of 6.4 to 6.7): all went well; something did: 207; nothing did:
        an error, or 207 where the entity is spread over equals. That a source does not have the entity is no abnormal
        behaviour, and may be left out of the answer where others had it."""
        if self.left and not self.codes:
            return {207}
        if not self.codes and not self.missing and not self.lost:
            return {success}
        if self.good:
            return {207} if self.codes or self.lost else {success, 207}
        return self.codes | ({NOT_FOUND} if self.missing else set()) | ({207} if self.shared else set())


def proxied(outcome):
    """What becomes of the answer of the one source that holds the data (6.3.17): 404 stays, no answer is 504, all else
    is 502; 6.4.3.1 allows to hand on that the entity exists."""
    if outcome.codes & {TIMEOUT}:
        outcome.codes |= {502}
    elif outcome.codes and not outcome.good:
        outcome.codes |= {502}
    return outcome


def no_answer(names):
    return Outcome(codes={TIMEOUT, 502}, failed=set(names))


def refused(names):
    """5.6.x: a proxied registration that does not support the operation is an error of type Conflict."""
    return Outcome(codes={CONFLICT}, failed=set(names))


@dataclasses.dataclass
class Entity:
    id: str
    kinds: frozenset
    attrs: dict  # name: {datasetId: instance}, or in answers {datasetId: [instance, …]}
    sure: bool = True

    def __str__(self):
        return json.dumps({name: [{**i, **({"datasetId": d} if d else {})} for d, i in sets.items()]
                           for name, sets in self.attrs.items()})

    def copy(self):
        return Entity(self.id, self.kinds, {name: dict(sets) for name, sets in self.attrs.items()}, self.sure)

    def only(self, names):
        attrs = {name: dict(sets) for name, sets in self.attrs.items() if name in names}
        return Entity(self.id, self.kinds, attrs, self.sure)


def entity_of(document):
    """From normalized JSON."""
    attrs = {}
    for name, value in document.items():
        if name in ("id", "type", "@context", "scope"):
            continue
        sets = attrs[name] = {}
        for instance in value if isinstance(value, list) else [value]:
            sets[instance.get("datasetId")] = {k: v for k, v in instance.items() if k != "datasetId"}
    kinds = document.get("type", ())
    return Entity(document.get("id"), frozenset([kinds] if isinstance(kinds, str) else kinds), attrs)


def newest(candidates):
    """4.5.5.3: the most recent observedAt, otherwise the most recent modifiedAt; of equals any."""
    unlike = []
    for candidate in candidates:
        if candidate not in unlike:
            unlike.append(candidate)
    for member in ("observedAt", "modifiedAt"):
        best = max((each.get(member, "") for each in unlike), default="")
        if best:
            return [each for each in unlike if each.get(member) == best]
    return unlike


def merge_patch(target, patch):
    """5.5.12, adapted from RFC 7396."""
    merged = dict(target)
    for member, value in patch.items():
        if value == NULL:
            merged.pop(member, None)
        elif isinstance(value, dict) and isinstance(merged.get(member), dict):
            merged[member] = merge_patch(merged[member], value)
        else:
            merged[member] = value
    return merged


def merge(into, entity):
    """4.5.5.3, of answers."""
    held = into.setdefault(entity.id, Entity(entity.id, entity.kinds, {}, entity.sure))
    held.kinds |= entity.kinds
    held.sure |= entity.sure
    for name, sets in entity.attrs.items():
        mine = held.attrs.setdefault(name, {})
        for dataset, candidates in sets.items():
            mine[dataset] = newest(mine.get(dataset, []) + candidates)


def merge_auxiliary(into, entity):
    """5.7.1.4, 5.7.2.4: only attributes that are nowhere else."""
    present = set(into[entity.id].attrs) if entity.id in into else set()
    merge(into, entity.only(set(entity.attrs) - present))


@dataclasses.dataclass
class Query:
    """What 5.7.1 and 5.7.2 ask for. q is (attribute, least value)."""
    ids: frozenset = None
    kinds: frozenset = None
    pattern: str = None
    attrs: frozenset = None
    q: tuple = None
    split: bool = True

    def names(self, entity):
        """id, type and idPattern fit."""
        return ((self.ids is None or entity.id in self.ids) and (not self.kinds or bool(entity.kinds & self.kinds))
                and (not self.pattern or bool(re.search(self.pattern, entity.id))))

    def filters(self, entity):
        """attrs: at least one of them is there. q: any instance does (4.9)."""
        if self.attrs is not None and not set(entity.attrs) & self.attrs:
            return False
        if self.q:
            instances = [each for sets in entity.attrs.get(self.q[0], {}).values() for each in sets]
            return any(isinstance(each.get("value"), (int, float)) and each["value"] > self.q[1] for each in instances)
        return True

    def narrowed(self, info):
        """What of it a source is asked (4.3.6.1: the registration's bounds are kept); None: nothing (5.12)."""
        if self.kinds and info.kind not in self.kinds:
            return None
        ids = self.ids
        if info.id:
            ids = frozenset([info.id]) & (ids if ids is not None else frozenset([info.id]))
        elif info.pattern and ids is not None:
            ids = frozenset(id for id in ids if re.search(info.pattern, id))
        if ids is not None and self.pattern:
            ids = frozenset(id for id in ids if re.search(self.pattern, id))
        if ids is not None and not ids:
            return None
        if info.attrs and self.attrs and not info.attrs & self.attrs:
            return None
        kinds = frozenset([info.kind])
        if self.split:  # 5.7.2.4: the filters are removed before forwarding
            return Query(ids, kinds, self.pattern, info.attrs, None, True)
        attrs = info.attrs & self.attrs if info.attrs and self.attrs else info.attrs or self.attrs
        return Query(ids, kinds, self.pattern, attrs, self.q, False)
