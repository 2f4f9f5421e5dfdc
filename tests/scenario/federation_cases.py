"""Distributed operations in fixed cases, with what is expected written by hand from the clauses. For federation.py.

Three brokers serve them, each case with a type of its own, so that what is registered for one does not concern another.
"""
import json
import threading
import time

from federation_network import PATIENT_MS, Source, parameters, term
from tap import check, same

ALL = ["redirectionOps", "createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch", "queryBatch"]

ROOMS = "urn:ngsi-ld:ContextSourceRegistration:Rooms"


def prop(value, second=0, **more):
    return {"type": "Property", "value": value, "observedAt": f"2026-01-01T00:00:{second:02}Z", **more}


def entity(kind, number=1, **attrs):
    return {"id": name(kind, number), "type": kind, **attrs}


def name(kind, number=1):
    return f"urn:ngsi-ld:{kind}:{number}"


def info(kind, *attrs, **more):
    return [{"entities": [{"type": kind, **more}], **({"propertyNames": list(attrs)} if attrs else {})}]


def values(document):
    """{attribute: value} of an entity."""
    return {key: each["value"] for key, each in document.items() if key not in ("id", "type")}


class Cases:
    """Brokers A, B and C, and the words for what is done to them."""

    def __init__(self, network):
        self.network = network
        self.brokers = [network[each] for each in "ABC"]

    def link(self, where, source, kind, mode="inclusive", attrs=(), operations=ALL, management=None, **more):
        """A registration, of a broker or of a Source."""
        id = f"urn:ngsi-ld:ContextSourceRegistration:{kind}:{time.monotonic_ns()}"
        select = {key: more.pop(key) for key in ("id", "idPattern") if key in more}
        select = select or {"idPattern": f"^urn:ngsi-ld:{kind}:"}  # requests by id alone concern no other case
        management = {"timeout": PATIENT_MS, "cooldown": 1, **(management or {})}
        return where.register(id, source.endpoint, info(kind, *attrs, **select), mode, getattr(source, "alias", None),
                              operations=operations, management=management, **more)

    @staticmethod
    def ask(broker, wanted, method, path, body=None, **headers):
        answer = broker.request(method, path, body, **headers)
        allowed = wanted if isinstance(wanted, tuple) else (wanted,)
        check(answer.status in allowed, f"{method} {path}: status {answer.status}, wanted {wanted}: {answer}")
        return answer

    def held(self, broker, id):
        """Attributes of an entity as a broker holds it itself (6.3.18), or None."""
        answer = self.ask(broker, (200, 404), "GET", f"/entities/{id}?local=true")
        return values(answer.body) if answer.status == 200 else None

    def seen(self, broker, id):
        answer = self.ask(broker, (200, 404), "GET", f"/entities/{id}")
        return values(answer.body) if answer.status == 200 else None


def parts(result):
    """UpdateResult (5.2.18)."""
    return [term(each) for each in result["updated"]], [term(each["attributeName"]) for each in result["notUpdated"]]


def rings_and_trees(tap, cases):
    a, b, c = cases.brokers

    @tap.case
    def a_ring_goes_round_once():
        """4.3.6.4, 6.3.18: the Via header ends the round; everybody is asked once for each request."""
        for where, source in ((a, b), (b, c), (c, a)):
            cases.link(where, source, "Ring")
        id = name("Ring")
        for operation, wanted, method, path, body in (
                ("createEntity", 201, "POST", "/entities", entity("Ring", t=prop(1, 1))),
                ("retrieveEntity", 200, "GET", f"/entities/{id}", None),
                ("queryEntities", 200, "GET", "/entities?type=Ring", None),
                ("updateAttributes", 204, "PATCH", f"/entities/{id}/attrs", {"t": prop(2, 2)}),
                ("mergeEntity", 204, "PATCH", f"/entities/{id}", {"t": prop(3, 3)}),
                ("deleteEntity", 204, "DELETE", f"/entities/{id}", None)):
            before = [each.asked() for each in (a, b, c)]
            cases.ask(a, wanted, method, path, body)
            time.sleep(0.05)
            after = [each.asked() for each in (a, b, c)]
            same([y - x for x, y in zip(before, after)], [1, 1, 1], f"requests seen for {operation}")
            if method in ("POST", "PATCH"):
                same([cases.held(each, id) for each in (a, b, c)], [{"t": body["t"]["value"]}] * 3, operation)
        same([cases.held(each, id) for each in (a, b, c)], [None] * 3)

    @tap.case
    def brokers_that_ask_each_other_at_once_do_not_wait_for_each_other():
        """The ring again, from all sides: nobody may hold what the others need in order to answer."""
        troubles = []

        def write(broker, first):
            try:
                for number in range(first, first + 12):
                    body = json.dumps(entity("Ring", number, t=prop(number)))
                    status, answer = broker.daemon.request("POST", "/ngsi-ld/v1/entities", body)
                    same(status, 201, str(answer))
            except Exception as trouble:  # told by the main thread
                troubles.append(f"{broker.name}: {trouble!r}")

        threads = [threading.Thread(target=write, args=(broker, 100 * index + 100 * side + 1000))
                   for index, broker in enumerate((a, b, c)) for side in (0, 10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(troubles, [])
        for each in (a, b, c):
            same(len(cases.ask(each, 200, "GET", "/entities?type=Ring&local=true&limit=1000").body), 72, each.name)

    @tap.case
    def a_tree_is_three_levels_deep():
        id = name("Tree")
        cases.link(a, b, "Tree")
        cases.link(b, c, "Tree")
        cases.ask(c, 201, "POST", "/entities", entity("Tree", t=prop(1, 1)))
        same(cases.seen(a, id), {"t": 1})
        cases.ask(a, (204, 207), "PATCH", f"/entities/{id}/attrs", {"t": prop(2, 2), "u": prop(3, 3)})
        same([cases.held(each, id) for each in (a, b, c)], [None, None, {"t": 2, "u": 3}])
        same(cases.ask(a, 200, "GET", f"/entities/{id}?attrs=u").body["u"]["value"], 3)
        same(cases.ask(a, 404, "GET", f"/entities/{id}?local=true").status, 404)
        same(cases.ask(a, 404, "GET", f"/entities/{id}?attrs=v").status, 404)
        cases.ask(a, 204, "DELETE", f"/entities/{id}")
        same(cases.seen(c, id), None)

    @tap.case
    def local_only_ends_the_cascade():
        """5.2.34, 5.5.13."""
        cases.link(a, b, "Near", management={"localOnly": True})
        cases.link(b, c, "Near")
        cases.ask(c, 201, "POST", "/entities", entity("Near", t=prop(1)))
        same((cases.seen(a, name("Near")), cases.seen(b, name("Near"))), (None, {"t": 1}))

    @tap.case
    def redirections_in_a_circle_are_told():
        """6.3.17: 508 where the single source is registered to redirect back; no endless cascade in any case."""
        for where, source in ((a, b), (b, a)):
            cases.link(where, source, "Circle", "redirect")
        before = [each.asked() for each in (a, b)]
        cases.ask(a, 508, "POST", "/entities", entity("Circle", t=prop(1)))
        after = [each.asked() for each in (a, b)]
        check(all(y - x <= 1 for x, y in zip(before, after)), f"requests: {before} {after}")


def modes(tap, cases):
    a, b, c = cases.brokers

    @tap.case
    def an_exclusive_attribute_is_written_and_read_through_the_hub():
        """4.3.6.3, 5.6.1.4, 5.6.4.4, 5.6.5.4, 5.9.2.4."""
        id = name("Door")
        cases.link(a, b, "Door", "exclusive", ["lock"], id=id)
        cases.ask(a, 409, "POST", "/csourceRegistrations", {
            "id": "urn:ngsi-ld:ContextSourceRegistration:Door:2", "type": "ContextSourceRegistration",
            "endpoint": c.endpoint, "mode": "exclusive", "information": info("Door", "lock", id=id)})
        cases.ask(a, 201, "POST", "/entities", entity("Door", t=prop(1, 1), lock=prop("open", 1)))
        same((cases.held(a, id), cases.held(b, id)), ({"t": 1}, {"lock": "open"}))
        same(cases.seen(a, id), {"t": 1, "lock": "open"})
        for method, path in (("PATCH", "attrs/lock"), ("PUT", "attrs/lock")):
            cases.ask(a, 204, method, f"/entities/{id}/{path}", prop(method, 2))
            same((cases.held(a, id), cases.held(b, id)), ({"t": 1}, {"lock": method}))
        for method in ("PATCH", "POST"):
            cases.ask(a, 204, method, f"/entities/{id}/attrs", {"lock": prop(method, 3), "t": prop(method, 3)})
            same((cases.held(a, id), cases.held(b, id)), ({"t": method}, {"lock": method}))
        found = cases.ask(a, 200, "GET", "/entities?type=Door&q=lock==%22POST%22&splitEntities=true").body
        same([values(each) for each in found], [{"t": "POST", "lock": "POST"}])
        cases.ask(a, 204, "DELETE", f"/entities/{id}/attrs/lock")
        same((cases.held(a, id), cases.held(b, id)), ({"t": "POST"}, {}))
        cases.ask(a, 404, "DELETE", f"/entities/{id}/attrs/lock")  # 6.3.17: of the single source
        cases.ask(a, 201, "POST", "/entities", entity("Door", 2, lock=prop("mine")))  # another entity stays here
        same((cases.held(a, name("Door", 2)), cases.held(b, name("Door", 2))), ({"lock": "mine"}, None))

    @tap.case
    def what_is_registered_bounds_what_is_changed():
        """4.3.6.1, 5.12: a source registered for Rooms keeps its Cars, whether the request names a type or not."""
        id = name("Car")
        a.register(ROOMS, b.endpoint, info("Room"), alias=b.alias, operations=ALL)
        cases.ask(b, 201, "POST", "/entities", entity("Car", t=prop(1)))
        requests = (("PATCH", f"/entities/{id}/attrs", {"t": prop(2, 2)}), ("DELETE", f"/entities/{id}", None),
                    ("POST", f"/entities/{id}/attrs", {"u": prop(2, 2)}), ("DELETE", f"/entities/{id}/attrs/t", None),
                    ("PATCH", f"/entities/{id}", {"t": prop(2, 2)}), ("PATCH", f"/entities/{id}/attrs/t", prop(2, 2)),
                    ("PUT", f"/entities/{id}/attrs/t", prop(2, 2)), ("GET", f"/entities/{id}", None))
        try:
            for method, path, body in requests:
                for selected in ("?type=Car", ""):
                    cases.ask(a, (404, 207), method, path + selected, body)
                    same(cases.held(b, id), {"t": 1}, f"{method} {path}{selected}")
        finally:
            cases.ask(a, 204, "DELETE", f"/csourceRegistrations/{ROOMS}")  # it concerns requests by id alone
        with Source(lambda *_: (204, None)) as source:
            cases.link(a, source, "Van")
            cases.ask(a, 404, "DELETE", f"/entities/{name('Van')}?type=Truck")
            same(source.requests, [], "asked for another type than it is registered for")
            cases.ask(a, 204, "DELETE", f"/entities/{name('Van')}")
            same(term(source.requests[0][2].get("type", "")), "Van", "the type registered")

    @tap.case
    def a_whole_entity_is_redirected():
        id = name("Away")
        cases.link(a, b, "Away", "redirect")
        cases.ask(a, 201, "POST", "/entities", entity("Away", t=prop(1, 1)))
        same((cases.held(a, id), cases.held(b, id), cases.seen(a, id)), (None, {"t": 1}, {"t": 1}))
        cases.ask(a, 409, "POST", "/csourceRegistrations", {  # 5.9.2.4
            "id": "urn:ngsi-ld:ContextSourceRegistration:Away:2", "type": "ContextSourceRegistration",
            "endpoint": c.endpoint, "mode": "exclusive", "information": info("Away", "t", id=id)})
        cases.ask(a, 204, "PATCH", f"/entities/{id}/attrs?type=Away", {"t": prop(2, 2), "u": prop(2, 2)})
        cases.ask(a, 204, "PUT", f"/entities/{id}", entity("Away", t=prop(3, 3)))
        same((cases.held(a, id), cases.held(b, id)), (None, {"t": 3}))
        same([values(each) for each in cases.ask(a, 200, "GET", "/entities?type=Away").body], [{"t": 3}])
        answer = cases.ask(a, 201, "POST", "/entityOperations/upsert", [entity("Away", 2, t=prop(4)),
                                                                       entity("Here", 2, t=prop(5))])
        same(sorted(answer.body), [name("Away", 2), name("Here", 2)])
        same((cases.held(a, name("Away", 2)), cases.held(b, name("Away", 2))), (None, {"t": 4}))
        cases.ask(a, 204, "DELETE", f"/entities/{id}")
        same(cases.held(b, id), None)
        cases.ask(a, 404, "DELETE", f"/entities/{id}")

    @tap.case
    def overlapping_redirections_are_all_served():
        id = name("Twice")
        cases.link(a, b, "Twice", "redirect")
        cases.link(a, c, "Twice", "redirect")
        cases.ask(a, 201, "POST", "/entities", entity("Twice", t=prop(1, 1)))
        same([cases.held(each, id) for each in (a, b, c)], [None, {"t": 1}, {"t": 1}])
        cases.ask(c, 204, "PATCH", f"/entities/{id}/attrs", {"t": prop(2, 2)})
        same(cases.seen(a, id), {"t": 2})  # 4.5.5.3
        cases.ask(b, 204, "DELETE", f"/entities/{id}")
        answer = cases.ask(a, (204, 207), "PATCH", f"/entities/{id}/attrs", {"t": prop(3, 3)})
        same((cases.held(b, id), cases.held(c, id)), (None, {"t": 3}), str(answer))

    @tap.case
    def auxiliary_sources_fill_in_what_is_missing():
        """5.7.1.4, 5.7.2.4; never written to (4.3.6.2)."""
        id = name("Aid")
        cases.link(a, b, "Aid", "auxiliary", operations=["retrieveOps"])
        cases.ask(b, 201, "POST", "/entities", entity("Aid", t=prop(9, 9), u=prop(8, 8)))
        same(cases.seen(a, id), {"t": 9, "u": 8})
        cases.ask(a, 201, "POST", "/entities", entity("Aid", t=prop(1, 1)))
        same(cases.seen(a, id), {"t": 1, "u": 8})
        same([values(each) for each in cases.ask(a, 200, "GET", "/entities?type=Aid").body], [{"t": 1, "u": 8}])
        cases.ask(a, 204, "DELETE", f"/entities/{id}")
        same(cases.held(b, id), {"t": 9, "u": 8})

    @tap.case
    def instances_merge_by_their_dataset_and_time():
        """4.5.5.1, 4.5.5.3."""
        id = name("View")
        cases.link(a, b, "View")
        cases.ask(b, 201, "POST", "/entities",
                  entity("View", t=[prop(1, 1), prop(2, 2, datasetId="urn:d:b")], s=prop(1, 9)))
        cases.ask(a, 201, "POST", "/entities?local=true",
                  entity("View", t=[prop(3, 3), prop(4, 4, datasetId="urn:d:a")], s=prop(2, 8)))
        found = cases.ask(a, 200, "GET", f"/entities/{id}").body
        same({each.get("datasetId"): each["value"] for each in found["t"]}, {None: 3, "urn:d:a": 4, "urn:d:b": 2})
        same(found["s"]["value"], 1)
        found = cases.ask(a, 200, "GET", f"/entities/{id}?datasetId=urn:d:b").body
        same((found["t"]["value"], "s" in found), (2, False))

    @tap.case
    def the_latest_change_counts_where_nothing_was_observed():
        """4.5.5.3: otherwise the one with the most recent modifiedAt."""
        cases.link(a, b, "Late")
        for number, order in enumerate(((a, b), (b, a))):
            for value, broker in enumerate(order):
                time.sleep(0.02)
                cases.ask(broker, 201, "POST", "/entities?local=true",
                          entity("Late", number, t={"type": "Property", "value": value}))
            found = cases.ask(a, 200, "GET", f"/entities/{name('Late', number)}").body
            same(found["t"], {"type": "Property", "value": 1}, f"of {number}, without sysAttrs")

    @tap.case
    def sources_have_more_than_a_page():
        """5.7.2.4: the whole answer is merged, whatever a source gives at once (20 entities)."""
        cases.link(a, b, "Page")
        many = [entity("Page", number, t=prop(number)) for number in range(53)]
        cases.ask(b, 201, "POST", "/entityOperations/create", many)
        cases.ask(a, 201, "POST", "/entityOperations/create?local=true", many[50:] + [entity("Page", 53, t=prop(53))])
        for limit in (1000, 9):
            pages = [cases.ask(a, 200, "GET", "/entities" + parameters(
                type="Page", limit=limit, offset=offset or None, count=True)) for offset in range(0, 54, limit)]
            ids = [each["id"] for page in pages for each in page.body]
            same((len(ids), len(set(ids))), (54, 54), f"pages of {limit}")
            same({page.headers["NGSILD-Results-Count"] for page in pages}, {"54"})
        found = cases.ask(a, 200, "GET", "/entities?type=Page&q=t>49&splitEntities=true&limit=3&offset=3&count=true")
        same((len(found.body), found.headers["NGSILD-Results-Count"]), (1, "4"))

    @tap.case
    def filters_wait_for_the_other_half():
        """4.3.6.7, 5.7.2.4."""
        cases.link(a, b, "Split")
        for number in range(7):
            cases.ask(a, 201, "POST", "/entities?local=true", entity("Split", number, t=prop(number * 10)))
            cases.ask(b, 201, "POST", "/entities", entity("Split", number, u=prop(number)))

        def found(**more):
            answer = cases.ask(a, 200, "GET", "/entities" + parameters(type="Split", **more))
            return {int(each["id"][-1]): values(each) for each in answer.body}, answer

        whole = {number: {"t": number * 10, "u": number} for number in range(7)}
        same(found()[0], whole)
        same(found(q="t>30", splitEntities=True)[0], {n: whole[n] for n in (4, 5, 6)})
        same(found(q="t>30", splitEntities=False)[0], {n: {"t": n * 10} for n in (4, 5, 6)})
        same(found(q="t>30;u<6", splitEntities=True)[0], {n: whole[n] for n in (4, 5)})
        same(found(q="t>30;u<6", splitEntities=False)[0], {})
        same(found(attrs="u", splitEntities=True)[0], {n: {"u": n} for n in range(7)})
        same(found(q="u>4", attrs="t", splitEntities=True)[0], {n: {"t": n * 10} for n in (5, 6)}, "filtered, then cut")
        same(found(q="u>4", pick="id,t", splitEntities=True)[0], {n: {"t": n * 10} for n in (5, 6)})
        for split in (True, False):
            pages = [found(limit=3, offset=offset or None, count=True, splitEntities=split) for offset in (0, 3, 6)]
            same([len(page) for page, _ in pages], [3, 3, 1])
            same({n: each for page, _ in pages for n, each in page.items()}, whole)
            same({answer.headers["NGSILD-Results-Count"] for _, answer in pages}, {"7"}, f"6.3.13, split {split}")
        pages = [found(limit=2, offset=offset or None, q="u>1", splitEntities=True)[0] for offset in (0, 2, 4)]
        same([len(page) for page in pages], [2, 2, 1])
        same({n for page in pages for n in page}, {2, 3, 4, 5, 6})
        same(len(found(limit=0, count=True)[0]), 0)

    @tap.case
    def tenants_are_sources_of_their_own():
        """4.14, 4.3.6.4: the same process, another tenant."""
        cases.ask(b, 201, "POST", "/entities", entity("Tenant", 2, t=prop(2)), NGSILD_Tenant="north")
        alias = cases.ask(b, 200, "GET", "/info/sourceIdentity", NGSILD_Tenant="north").body["contextSourceAlias"]
        check(alias != b.alias, alias)
        a.register("urn:ngsi-ld:ContextSourceRegistration:Tenant", b.endpoint,
                   info("Tenant", idPattern="^urn:ngsi-ld:Tenant:"), alias=alias, operations=ALL, tenant="north")
        cases.ask(a, 201, "POST", "/entities", entity("Tenant", t=prop(1)))
        same(cases.held(b, name("Tenant")), None)
        found = cases.ask(b, 200, "GET", "/entities?type=Tenant", NGSILD_Tenant="north").body
        same(sorted(each["id"] for each in found), [name("Tenant"), name("Tenant", 2)])
        same(cases.seen(a, name("Tenant", 2)), {"t": 2})

    @tap.case
    def types_and_attributes_are_found_out():
        """5.7.5 to 5.7.11: from the registry, or from the source."""
        cases.link(a, b, "Kinds", attrs=["known"])
        cases.ask(b, 201, "POST", "/entities", entity("Kinds", known=prop(1)))
        check("Kinds" in map(term, a.get("/types").body["typeList"]), a.get("/types"))
        check("known" in map(term, a.get("/attributes").body["attributeList"]), a.get("/attributes"))
        found = [each for each in a.get("/types?details=true").body if term(each["typeName"]) == "Kinds"]
        same([term(each) for each in found[0]["attributeNames"]], ["known"])
        check(term(a.get("/types/Kinds").body["typeName"]) == "Kinds", a.get("/types/Kinds"))
        check(term(a.get("/attributes/known").body["attributeName"]) == "known", a.get("/attributes/known"))
        same(cases.ask(a, 404, "GET", "/types/Kinds?local=true").status, 404)


def maps_and_histories(tap, cases):
    a, b, c = cases.brokers

    @tap.case
    def an_entity_map_remembers_who_knew_what():
        """5.7.2.4, 5.14, 4.5.25, 6.32, 6.34."""
        registration = cases.link(a, b, "Mapped")
        cases.ask(a, 201, "POST", "/entities?local=true", entity("Mapped", 1, t=prop(1)))
        cases.ask(b, 201, "POST", "/entities", entity("Mapped", 2, t=prop(2)))
        both = {name("Mapped", 1): ["@none"], name("Mapped", 2): [registration]}
        answer = cases.ask(a, (200, 201), "GET", "/entities?type=Mapped&entityMap=true")
        same(sorted(each["id"] for each in answer.body), sorted(both))
        location = answer.headers["NGSILD-EntityMap"]
        path = location[location.index("/entityMaps/"):]
        document = cases.ask(a, 200, "GET", path).body
        same((document["type"], document["entityMap"]), ("EntityMap", both))
        cases.ask(b, 201, "POST", "/entities", entity("Mapped", 3, t=prop(3)))  # after the map
        cases.ask(b, 204, "DELETE", f"/entities/{name('Mapped', 2)}")
        answer = cases.ask(a, (200, 201), "GET", "/entities?type=Mapped", NGSILD_EntityMap=location)
        same([each["id"] for each in answer.body], [name("Mapped", 1)], "the entities of the map alone")
        cases.ask(a, 204, "PATCH", path, {"expiresAt": "2099-01-01T00:00:00Z"})
        cases.ask(a, 204, "DELETE", path)
        cases.ask(a, 404, "GET", path)
        answer = cases.ask(a, (200, 201), "GET", "/entities" + parameters(
            type="Mapped", entityMap=True, id=f"{name('Mapped', 1)},{name('Mapped', 3)}"))
        same(sorted(each["id"] for each in answer.body), [name("Mapped", 1), name("Mapped", 3)], "of those named")
        document = cases.ask(a, 201, "GET", "/entityMaps?type=Mapped").body
        same(document["entityMap"], {name("Mapped", 1): ["@none"], name("Mapped", 3): [registration]})

    @tap.case
    def histories_are_told_together():
        """5.6.11 to 5.6.16, 5.7.3, 5.7.4."""
        id, begun = name("Past"), {"startAt": "2000-01-01T00:00:00Z"}
        operations = ["upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal", "updateAttrInstanceTemporal",
                      "deleteAttrInstanceTemporal", "deleteTemporal", "retrieveTemporal", "queryTemporal"]
        cases.link(a, b, "Past", operations=operations, observationInterval=begun)
        cases.link(a, c, "Past", "redirect", ["far"], operations, observationInterval=begun)
        path = f"/temporal/entities/{id}"

        def evolution(broker, local=None):
            answer = cases.ask(broker, (200, 404), "GET", path + parameters(local=local))
            found = answer.body if answer.status == 200 else {}
            return {key: sorted(each["value"] for each in (many if isinstance(many, list) else [many]))
                    for key, many in found.items() if key not in ("id", "type")}

        cases.ask(b, 201, "POST", "/temporal/entities", entity("Past", t=[prop(1, 1)]))
        cases.ask(a, (201, 204), "POST", "/temporal/entities",
                  entity("Past", t=[prop(2, 2)], far=[prop(3, 3), prop(4, 4)]))
        same([evolution(each, True) for each in (a, b, c)], [{"t": [2]}, {"t": [1, 2]}, {"far": [3, 4]}])
        same(evolution(a), {"t": [1, 2], "far": [3, 4]})
        cases.ask(a, 204, "POST", path + "/attrs", {"t": [prop(5, 5)], "far": [prop(6, 6)]})
        same([evolution(each, True) for each in (a, b, c)], [{"t": [2, 5]}, {"t": [1, 2, 5]}, {"far": [3, 4, 6]}])
        found = cases.ask(a, 200, "GET", path).body["far"]
        instances = {each["value"]: each["instanceId"] for each in found}
        cases.ask(a, 204, "PATCH", f"{path}/attrs/far/{instances[3]}", {"far": prop(7, 7)})
        cases.ask(a, 204, "DELETE", f"{path}/attrs/far/{instances[4]}")
        same(evolution(c), {"far": [6, 7]})
        cases.ask(a, 404, "DELETE", f"{path}/attrs/far/{instances[4]}")
        found = cases.ask(a, 200, "GET", "/temporal/entities" + parameters(
            type="Past", timerel="after", timeAt="2026-01-01T00:00:05Z")).body
        same([(each["id"], "far" in each, "t" in each) for each in found], [(id, True, True)])
        cases.ask(a, 204, "DELETE", f"{path}/attrs/far?deleteAll=true")
        same(evolution(a), {"t": [1, 2, 5]})


PARTS = (rings_and_trees, modes, maps_and_histories)
