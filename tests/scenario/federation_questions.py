"""The questions that federation.py asks a network, and the histories it writes; for the rest: federation_operations.py.
Standard library only.
"""
import re

from federation_network import parameters, past_of, term
from federation_operations import NAMES, NOW, PAST, UNLIMITED, Operation, same_status
from federation_rules import Query, entity_of
from tap import check, same


def judge_entity(document, wanted):
    got = entity_of(document)
    same(got.kinds, wanted.kinds, f"types of {wanted.id}")
    same(set(got.attrs), set(wanted.attrs), f"attributes of {wanted.id}")
    for name, sets in wanted.attrs.items():
        same(set(got.attrs[name]), set(sets), f"datasetIds of {name} of {wanted.id}")
        for dataset, candidates in sets.items():
            check(got.attrs[name][dataset] in candidates,
                  f"{name} of {wanted.id}: {got.attrs[name][dataset]}, allowed {candidates}")


def judge_warnings(answer, failed, nodes):
    """6.3.17: 199 for those who did not answer; those that sources asked in their turn may be told of."""
    warnings = [each.split()[0] for each in answer.headers.get_all("NGSILD-Warning") or [] for each in each.split(",")]
    if failed:
        check("199" in warnings, f"{failed} did not answer and there is no NGSILD-Warning 199: {answer.headers}")
    elif all(node.answers for node in nodes):
        check(not warnings, f"warned of nothing: {warnings}")


class RetrieveEntity(Operation):
    name, method, changes = "retrieveEntity", "GET", False

    def make(self, chance):
        names = chance.names(self.where, self.id, self.kind) if chance.often(0.3) else None
        self.query = Query(frozenset([self.id]), None, attrs=frozenset(names) if names else None)
        selected = self.type_parameter(chance)
        self.query.kinds = self.selected
        self.path = f"/entities/{self.id}" + parameters(type=selected, attrs=",".join(names) if names else None)

    def expect(self, node):
        return node.query(self.query, "retrieveEntity")

    def judge(self, answer, expected, nodes):
        found, failed = expected
        if self.id in found and (found[self.id].sure or answer.status == 200):
            same(answer.status, 200, f"status: {answer}")
            judge_entity(answer.body, found[self.id])
        else:
            same(answer.status, 404, f"status: {answer}")
        judge_warnings(answer, failed, nodes)


class QueryEntity(Operation):
    name, method, changes = "queryEntity", "GET", False

    def make(self, chance):
        kinds = {self.kind}
        split = chance.one_of((None, True, True, False))
        if self.kind in UNLIMITED:
            kinds.add(chance.kind(self.where, UNLIMITED if split is False else NOW))
        elif split is False:
            split = True
        ids = sorted({chance.id(chance.one_of(sorted(kinds))) for _ in range(4)}) if chance.often(0.3) else None
        pattern = chance.one_of((":[0-2]$", "^urn:ngsi-ld:.*[13]$")) if not ids and chance.often(0.2) else None
        names, q = None, None
        if split is not None and chance.often(0.5):
            if self.kind in UNLIMITED or chance.often(0.5):
                q = ("near" if self.kind == "Half" else "temp", chance.random.randrange(80))
            if not q or chance.often(0.3) and kinds <= set(UNLIMITED):
                names = sorted({chance.one_of(NAMES[kind]) for kind in kinds})
        self.limit = chance.one_of((1, 2, 3, 1000, 1000))
        self.query = Query(frozenset(ids) if ids else None, frozenset(kinds), pattern,
                           frozenset(names) if names else None, q, split is not False)
        self.mapped = chance.often(0.2)
        given = {
            "type": ",".join(sorted(kinds)), "id": ",".join(ids) if ids else None, "splitEntities": split,
            "idPattern": pattern,
            "attrs": ",".join(names) if names else None, "q": f"{q[0]}>{q[1]}" if q else None, "limit": self.limit,
            "count": True, "entityMap": self.mapped or None}
        self.path = "/entities" + parameters(**given)

    def send(self, broker):
        """All pages, from one to the next (5.5.9.1), as one answer. With an entity map all but the first use it."""
        self.pages, first, path, headers = [], None, self.path, {}
        while path and len(self.pages) < 100:
            page = broker.get(path, **headers)
            if page.status not in (200, 201):
                return page
            first = first or page
            self.pages.append(page.body)
            if self.mapped:
                headers = {"NGSILD_EntityMap": first.headers["NGSILD-EntityMap"]}
            path = next((found[1] for each in page.headers.get_all("Link") or []
                         if (found := re.match(r'<[^>]*/ngsi-ld/v1(/[^>]*)>; *rel="next"', each))), None)
        return first

    def expect(self, node):
        return node.query(self.query)

    def judge(self, answer, expected, nodes):
        found, failed = expected
        same(answer.status, 201 if self.mapped else 200, f"status: {answer}")  # 6.4.3.2
        documents = [each for page in self.pages for each in page]
        ids = [each["id"] for each in documents]
        same(len(ids), len(set(ids)), f"some come twice over the pages: {sorted(ids)}")
        must = {id for id, entity in found.items() if entity.sure}
        check(must <= set(ids) <= set(found), f"entities: got {sorted(ids)}, wanted {sorted(found)} ({sorted(must)})")
        for document in documents:
            judge_entity(document, found[document["id"]])
        check(all(len(page) == self.limit for page in self.pages[:-1]) and len(self.pages[-1]) <= self.limit,
              f"pages of {[len(page) for page in self.pages]}, limit {self.limit} (5.5.9.3)")
        if must == set(found) and not (self.mapped and self.query.split and (self.query.q or self.query.attrs)):
            same(answer.headers.get("NGSILD-Results-Count"), str(len(found)), "NGSILD-Results-Count")
        judge_warnings(answer, failed, nodes)


class QueryBatch(Operation):
    """6.23."""
    name, method, changes, kinds = "queryBatch", "POST", False, ("Ring", "Away")

    def make(self, chance):
        self.path = "/entityOperations/query" + parameters(limit=1000)
        self.body = {"type": "Query", "entities": [{"type": self.kind}]}

    def expect(self, node):
        return node.query(Query(None, frozenset([self.kind])))

    def judge(self, answer, expected, nodes):
        found, _ = expected
        same(answer.status, 200, f"status: {answer}")
        same(sorted(each["id"] for each in answer.body), sorted(found), "entities")
        for document in answer.body:
            judge_entity(document, found[document["id"]])


class RetrieveTypes(Operation):
    """5.7.5 to 5.7.11: what is held here and what is registered, or what sources answer. Either is right."""
    name, method, changes = "retrieveEntityTypes", "GET", False

    def make(self, chance):
        self.path = "/types"

    def expect(self, node):
        return node.available(self.name)

    def judge(self, answer, expected, nodes):
        same(answer.status, 200, f"status: {answer}")
        self.bounds({term(each) for each in answer.body["typeList"]}, *map(set, expected), set(PAST))

    def bounds(self, told, own, registered, asked, merged, elsewhere):
        check(own | registered <= told or asked <= told, f"told {sorted(told)}, of here {sorted(own)}, registered "
              f"{sorted(registered)}, at sources {sorted(asked)}")
        check(told <= own | registered | merged | elsewhere, f"invented: {told - own - registered - merged}")


class RetrieveAttributes(RetrieveTypes):
    name = "retrieveAttrTypes"

    def make(self, chance):
        self.path = "/attributes"

    def judge(self, answer, expected, nodes):
        same(answer.status, 200, f"status: {answer}")
        names = (set().union(*kinds.values()) for kinds in expected)
        self.bounds({term(each) for each in answer.body["attributeList"]}, *names, {"temp", "note"})


# Temporal evolution


class Temporal(Operation):
    kinds, success = PAST, 204

    def attributes(self, chance):
        names = chance.random.sample(NAMES[self.kind], chance.random.randint(1, len(NAMES[self.kind])))
        return {name: [chance.instance(name, sets=False) for _ in range(chance.random.randint(1, 3))] for name in names}

    def expect(self, node):
        attrs = {name: value for name, value in (self.body or {}).items() if name not in ("id", "type")}
        return node.provide_past(self.name, self.id, self.kind, attrs)

    def judge(self, answer, outcome, registered):
        allowed = outcome.statuses(self.success)
        if self.name == "upsertTemporal" and outcome.updated and 201 in allowed:
            allowed = allowed | {204} if outcome.created else (allowed - {201}) | {204}
        same_status(answer, allowed)


class UpsertTemporal(Temporal):
    name, method, success = "upsertTemporal", "POST", 201

    def make(self, chance):
        self.path = "/temporal/entities"
        self.body = {"id": self.id, "type": self.kind, **self.attributes(chance)}


class AppendAttrsTemporal(Temporal):
    name, method = "appendAttrsTemporal", "POST"

    def make(self, chance):
        self.path = f"/temporal/entities/{self.id}/attrs"
        self.body = self.attributes(chance)


class DeleteAttrsTemporal(Temporal):
    name, method = "deleteAttrsTemporal", "DELETE"

    def make(self, chance):
        self.attribute = chance.one_of(NAMES[self.kind])
        self.path = f"/temporal/entities/{self.id}/attrs/{self.attribute}" + parameters(deleteAll=True)

    def expect(self, node):
        return node.provide_past(self.name, self.id, self.kind, {self.attribute: []})


class DeleteTemporal(Temporal):
    name, method = "deleteTemporal", "DELETE"

    def make(self, chance):
        self.path = f"/temporal/entities/{self.id}"


class RetrieveTemporal(Temporal):
    name, method, changes = "retrieveTemporal", "GET", False

    def make(self, chance):
        self.path = f"/temporal/entities/{self.id}"

    def expect(self, node):
        return node.query_past(Query(frozenset([self.id])), self.name, "")

    def judge(self, answer, expected, nodes):
        found, _ = expected
        wanted = in_order(found.get(self.id, {}))
        # An evolution of which all was deleted is there, or is not: no clause says.
        check(answer.status in ((200,) if wanted else (200, 404)), f"status: {answer}")
        if answer.status == 200:
            same(past_of(answer.body), wanted, f"evolution of {self.id}")


class QueryTemporal(Temporal):
    name, method, changes = "queryTemporal", "GET", False

    def make(self, chance):
        self.after = chance.one_of(("2026-01-01T00:00:00Z", chance.time()[:-5] + "0:00Z"))
        self.path = "/temporal/entities" + parameters(type=self.kind, timerel="after", timeAt=self.after, limit=1000)

    def expect(self, node):
        return node.query_past(Query(None, frozenset([self.kind])), self.name, self.after)

    def judge(self, answer, expected, nodes):
        found, _ = expected
        same(answer.status, 200, f"status: {answer}")
        same({each["id"]: past_of(each) for each in answer.body},
             {id: in_order(attrs) for id, attrs in found.items() if attrs}, "evolutions")


def in_order(attrs):
    return {name: sorted(instances, key=lambda each: each["observedAt"]) for name, instances in attrs.items()}
