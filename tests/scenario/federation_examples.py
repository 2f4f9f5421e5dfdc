"""The model of distributed operations against examples of the standard and others counted out by hand: a model that is
wrong proves nothing. For federation.py.
"""
from federation_model import Node
from federation_rules import (BATCHES, CONFLICT, TEMPORAL, TIMEOUT, Info, Query, Registration, entity_of, newest)
from tap import check, same

ALL = ("redirectionOps", *BATCHES)
ROOM = frozenset(["Room"])


def prop(value, second=0, **more):
    return {"type": "Property", "value": value, "observedAt": f"2026-01-01T00:00:{second:02}Z", **more}


def sets(**attrs):
    """Attributes as the model has them."""
    return entity_of(attrs).attrs


def link(where, source, mode="inclusive", operations=ALL, attrs=None, **more):
    options = {name: more.pop(name) for name in ("local_only", "temporal") if name in more}
    info = Info(more.pop("kind", "Room"), attrs=frozenset(attrs) if attrs else None, **more)
    name = f"urn:{where.name}{source.name}"
    where.registrations.append(Registration(name, source, [info], mode, operations, **options))


def nodes(names):
    return [Node(name) for name in names]


def values(node, id="urn:r"):
    """{attribute: value of the default instance}, or None."""
    entity = node.entities.get(id)
    return entity and {name: each[None]["value"] for name, each in entity.attrs.items()}


def seen(answer, id="urn:r"):
    entity = answer[0].get(id)
    return entity and {name: each[None][0]["value"] for name, each in entity.attrs.items()}


def create(node, id="urn:r", **attrs):
    return node.provide("createEntity", id, ROOM, sets(**attrs))


def of_conflicting_instances_the_newest_is_told():
    """4.5.5.3."""
    old, new, other = prop(1, 1), prop(2, 2), prop(3, 2)
    same(newest([old, new]), [new])
    same(newest([new, old, other]), [new, other])  # any of them
    same(newest([{"value": 1, "modifiedAt": "a"}, {"value": 2, "modifiedAt": "b"}]), [{"value": 2, "modifiedAt": "b"}])
    same(newest([old, {"value": 5, "modifiedAt": "z"}]), [old])


def the_examples_of_patches():
    """5.5.8, examples 1 to 3; 5.5.12, examples 1 and 2."""
    before = {"temperature": prop(25, 1, unitCode="CEL"), "address": {"type": "Property", "value": {
        "street": "Straße des 17. Juni", "city": "Berlin", "country": "Germany"}}}
    change = prop(100, 2)

    def after(act):
        node, = nodes("A")
        create(node, **before)
        act(node)
        return node.entities["urn:r"].attrs

    merged = {**change, "unitCode": "CEL"}
    same(after(lambda n: n.attribute("updateAttrs", "urn:r", None, "temperature", change))["temperature"][None], merged)
    same(after(lambda n: n.provide("updateEntity", "urn:r", None, sets(temperature=change)))["temperature"][None],
         change)
    same(after(lambda n: n.provide("mergeEntity", "urn:r", None, sets(temperature=change)))["temperature"][None],
         merged)
    address = {"type": "Property", "value": {"street": "Pariser Platz", "country": "urn:ngsi-ld:null"}}
    same(after(lambda n: n.provide("mergeEntity", "urn:r", None, sets(address=address)))["address"][None]["value"],
         {"street": "Pariser Platz", "city": "Berlin"})


def what_matches():
    """5.12."""
    check(Info("Room").takes("urn:x", ROOM) and Info("Room").takes("urn:x", None))
    check(not Info("Room").takes("urn:x", frozenset(["Car"])))
    same([Info("Room", pattern="^urn:a").takes(id, ROOM) for id in ("urn:a1", "urn:b")], [True, False])
    check(Info("Room", id="urn:a", pattern="^urn:b").takes("urn:a", ROOM))  # 5.2.8: id takes precedence
    same(Info("Room").names(["t"]), {"t"})
    same(Info("Room", attrs=frozenset("tu")).names(["t", "v"]), {"t"})
    everything = Query(None, ROOM)
    same(everything.narrowed(Info("Room", id="urn:a")).ids, {"urn:a"})
    same(Query(frozenset(["urn:b"]), ROOM).narrowed(Info("Room", id="urn:a")), None)
    same(Query(None, ROOM, "^urn:b").narrowed(Info("Room", id="urn:a")), None)
    same(Query(None, ROOM, attrs=frozenset("v")).narrowed(Info("Room", attrs=frozenset("tu"))), None)
    same(Query(None, ROOM, q=("t", 1)).narrowed(Info("Room")).q, None)  # 5.7.2.4: split entities
    same(Query(None, ROOM, q=("t", 1), split=False).narrowed(Info("Room")).q, ("t", 1))


def a_ring_goes_round_once():
    """4.3.6.4: A asks B, B asks C, and C does not ask A again."""
    a, b, c = ring = nodes("ABC")
    for where, source in zip(ring, (b, c, a)):
        link(where, source)
    same(create(a, t=prop(1)).statuses(201), {201})
    same([values(each) for each in ring], [{"t": 1}] * 3)
    same(create(b, t=prop(1)).statuses(201), {CONFLICT, 207})
    del c.entities["urn:r"]
    same(create(b, t=prop(1)).statuses(201), {207})
    same(a.provide("updateEntity", "urn:r", None, sets(t=prop(5, 5))).statuses(), {204})
    same(a.delete("urn:r").statuses(), {204})
    same([values(each) for each in ring], [None] * 3)
    same(a.delete("urn:r").statuses(), {404, 207})


def modes_in_their_order():
    """5.6.1.4: exclusive first, then redirect, then inclusive; what is proxied stays out of the way."""
    hub, lock, far, friend = nodes("HLFI")
    link(hub, friend)
    link(hub, lock, "exclusive", id="urn:r", attrs=["lock"])
    link(hub, far, "redirect", attrs=["far"])
    link(hub, far, "auxiliary", ("retrieveOps",))
    same(create(hub, t=prop(1), lock=prop(2), far=prop(3)).statuses(201), {201})
    same([values(each) for each in (hub, lock, far, friend)], [{"t": 1}, {"lock": 2}, {"far": 3}, {"t": 1}])
    same(seen(hub.query(Query(frozenset(["urn:r"])))), {"t": 1, "lock": 2, "far": 3})
    same(hub.attribute("deleteAttrs", "urn:r", None, "lock", None).statuses(), {204})
    same(hub.attribute("deleteAttrs", "urn:r", None, "lock", None).statuses(), {404})  # 6.3.17
    same(hub.provide("replaceEntity", "urn:r", ROOM, sets(t=prop(7, 7), far=prop(8, 8))).statuses(), {204})
    same([values(each) for each in (hub, far, friend)], [{"t": 7}, {"far": 8}, {"t": 7}])


def what_a_source_does_not_support_or_answer():
    """5.6.2.4, 6.3.17."""
    hub, far = nodes("HF")
    link(hub, far, "redirect", ("createEntity", "retrieveEntity"), attrs=["far"])
    create(hub, t=prop(1), far=prop(2))

    def update(**attrs):
        return hub.provide("updateEntity", "urn:r", None, sets(**attrs)).statuses()

    same(update(far=prop(3)), {CONFLICT})
    same(update(far=prop(3), t=prop(4)), {207})
    same((values(hub), values(far)), ({"t": 4}, {"far": 2}))
    hub.registrations[0].operations = ALL
    far.answers = False
    same(update(far=prop(3)), {TIMEOUT, 502})
    same(update(far=prop(3), t=prop(5)), {207})
    same(hub.query(Query(frozenset(["urn:r"])), "retrieveEntity")[1], {"urn:HF"})


def auxiliary_fills_in():
    """5.7.1.4, 5.7.2.4."""
    hub, aid = nodes("HX")
    link(hub, aid, "auxiliary", ("retrieveOps",))
    create(aid, t=prop(9, 9), u=prop(8, 8))
    create(aid, "urn:s", t=prop(7, 7))
    create(hub, t=prop(1, 1))
    answer = hub.query(Query(None, ROOM))
    same((seen(answer), seen(answer, "urn:s")), ({"t": 1, "u": 8}, {"t": 7}))
    same(values(aid), {"t": 9, "u": 8})


def filters_and_split_entities():
    """4.3.6.7, 5.7.2.4: of an entity in two halves, whole it fits q; its other half alone does not."""
    hub, other = nodes("HO")
    link(hub, other)
    hub.provide("createEntity", "urn:r", ROOM, sets(t=prop(50)), local=True)
    create(other, u=prop(2))
    same(seen(hub.query(Query(None, ROOM, q=("t", 10)))), {"t": 50, "u": 2})
    same(seen(hub.query(Query(None, ROOM, q=("t", 10), split=False))), {"t": 50})
    same(seen(hub.query(Query(None, ROOM, q=("t", 60)))), None)
    same(seen(hub.query(Query(None, ROOM, attrs=frozenset("u")))), {"u": 2})


def bounds_are_kept():
    """4.3.6.1, 5.5.13: only what is registered; with localOnly only what the source holds itself."""
    hub, middle, leaf = nodes("HML")
    link(hub, middle, attrs=["t"])
    link(middle, leaf)
    create(hub, t=prop(1), u=prop(2))
    same([values(each) for each in (hub, middle, leaf)], [{"t": 1, "u": 2}, {"t": 1}, {"t": 1}])
    middle.provide("updateEntity", "urn:r", None, sets(u=prop(9, 9), t=prop(3, 3)))
    same(seen(hub.query(Query(None, ROOM))), {"t": 3, "u": 2})
    leaf.provide("updateEntity", "urn:r", None, sets(t=prop(4, 4)))
    same(seen(hub.query(Query(None, ROOM))), {"t": 4, "u": 2})
    hub.registrations[0].local_only = True
    same(seen(hub.query(Query(None, ROOM))), {"t": 3, "u": 2})


def batches_at_sources():
    """5.6.7.4, 5.6.8.4: a batch, else one by one, else Conflict."""
    hub, whole, single = nodes("HWS")
    link(hub, whole, attrs=["t"])
    link(hub, single, "exclusive", ("createEntity", "replaceEntity"), id="urn:r", attrs=["lock"])
    room = entity_of({"id": "urn:r", "type": "Room", "t": prop(1), "lock": prop(2)})
    other = entity_of({"id": "urn:s", "type": "Room", "t": prop(3)})
    outcomes = hub.batch("createBatch", [room, other])
    check(all(each.statuses(201) == {201} for each in outcomes.values()), outcomes)
    same([values(each) for each in (hub, whole, single)], [{"t": 1}, {"t": 1}, {"lock": 2}])
    room.attrs["lock"] = {None: prop(5, 5)}
    same(hub.batch("upsertBatch", [room])["urn:r"].codes, set())
    same(values(single), {"lock": 5})
    same(hub.batch("mergeBatch", [room])["urn:r"].codes, {CONFLICT})
    outcomes = hub.batch("deleteBatch", [entity_of({"id": "urn:s"}), entity_of({"id": "urn:x"})])
    same((outcomes["urn:s"].good, outcomes["urn:x"].good, outcomes["urn:x"].missing), (True, False, True))


def histories():
    """5.6.11.4, 5.7.3.4."""
    hub, other = nodes("HO")
    link(hub, other, operations=TEMPORAL, temporal=True)
    hub.provide_past("upsertTemporal", "urn:r", "Room", {"t": [prop(1, 1)]})
    other.provide_past("upsertTemporal", "urn:r", "Room", {"t": [prop(2, 2)], "u": [prop(3, 3)]})
    found, _ = hub.query_past(Query(frozenset(["urn:r"])), "retrieveTemporal", "")
    same(found, {"urn:r": {"t": [prop(1, 1), prop(2, 2)], "u": [prop(3, 3)]}})
    found, _ = hub.query_past(Query(None, ROOM), "queryTemporal", "2026-01-01T00:00:02Z")
    same(found, {"urn:r": {"t": [prop(2, 2)], "u": [prop(3, 3)]}})
    hub.provide_past("deleteTemporal", "urn:r", "Room", {})
    same((hub.past, other.past), ({}, {}))


EXAMPLES = [of_conflicting_instances_the_newest_is_told, the_examples_of_patches, what_matches, a_ring_goes_round_once,
            modes_in_their_order, what_a_source_does_not_support_or_answer, auxiliary_fills_in,
            filters_and_split_entities, bounds_are_kept, batches_at_sources, histories]


def run(tap):
    @tap.case
    def the_model_counts_as_by_hand():
        for example in EXAMPLES:
            example()
