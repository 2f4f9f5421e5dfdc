"""What sources are asked word by word, what becomes of their answers, and what happens when there is none: fixed cases,
with what is expected written by hand from the clauses. For federation.py. The sources are mostly a few lines of this
test.
"""
import time

from federation_cases import entity, name, parts, prop, values
from federation_network import ROOT, Source, term, timed
from tap import check, same

CONFLICT = "https://uri.etsi.org/ngsi-ld/errors/Conflict"
HANG_MS = 700


def warnings(answer):
    return [each.split()[0] for each in answer.headers.get_all("NGSILD-Warning") or []]


def words(tap, cases):
    """What a source is asked, and what becomes of its answers."""
    a = cases.brokers[0]

    @tap.case
    def a_source_is_asked_within_its_registration():
        """4.3.6.1, 6.3.18, 6.3.19, 5.5.13."""
        with Source(lambda *_: (200, [])) as source:
            cases.link(a, source, "Word", attrs=["t", "u"], management={"localOnly": True}, tenant="west",
                       contextSourceInfo=[
                           {"key": "X-Key", "value": "secret"}, {"key": "X-Mine", "value": "urn:ngsi-ld:request"},
                           {"key": "Content-Length", "value": "7"}, {"key": "NGSILD-Tenant", "value": "east"}])
            cases.ask(a, 200, "GET", "/entities?type=Word,Other&splitEntities=true&q=t>1", X_Mine="mine",
                      Via="1.1 somebody")
            (method, path, asked, headers, _), = source.requests
            same((method, path), ("GET", ROOT + "/entities"))
            same(term(asked["type"]), "Word", "only types that are registered")
            check("q" not in asked, f"5.7.2.4: filters are removed before forwarding: {asked}")
            same(sorted(term(each) for each in (asked.get("attrs") or asked.get("pick") or "").split(",")
                        if each not in ("id", "type")), ["t", "u"])
            same(asked["local"], "true")
            same([headers[each] for each in ("X-Key", "X-Mine", "NGSILD-Tenant")], ["secret", "mine", "west"])
            check("somebody" in headers["Via"] and a.alias in headers["Via"], headers["Via"])
            source.answer = lambda *_: (204, None)
            cases.ask(a, 201, "POST", "/entities", entity("Word", t=prop(1), v=prop(2)))
            method, path, asked, headers, body = source.requests[-1]
            same((method, path, term(body["type"]), body["id"]), ("POST", ROOT + "/entities", "Word", name("Word")))
            same({term(key) for key in body} - {"@context"}, {"id", "type", "t"})

    @tap.case
    def who_was_on_the_way_is_not_asked_again():
        """5.12, 6.3.18; with local=true nobody is."""
        with Source(lambda *_: (200, [])) as source:
            source.alias = "fourth"
            cases.link(a, source, "Way")
            cases.ask(a, 200, "GET", "/entities?type=Way", Via="1.1 first, 1.1 fourth")
            cases.ask(a, 200, "GET", "/entities?type=Way&local=true")
            same(source.requests, [])
            cases.ask(a, 200, "GET", "/entities?type=Way", Via="1.1 first, 1.1 fourth2")
            same(len(source.requests), 1)

    @tap.case
    def a_source_of_other_datasets_is_not_asked():
        """5.12: both name datasetIds, and have none in common."""
        with Source(lambda *_: (200, [])) as source:
            cases.link(a, source, "Dataset", datasetId=["urn:d:a", "urn:d:b"])
            for asked, count in (("urn:d:c", 0), ("@none", 0), ("urn:d:c,urn:d:a", 1)):
                source.requests.clear()
                cases.ask(a, 200, "GET", f"/entities?type=Dataset&datasetId={asked}")
                same(len(source.requests), count, asked)

    @tap.case
    def answers_that_are_none_are_warned_of():
        """6.3.17."""
        id = name("Warn")
        with Source() as source:
            cases.link(a, source, "Warn", management={"timeout": HANG_MS})
            cases.ask(a, 201, "POST", "/entities?local=true", entity("Warn", t=prop(1)))
            for told, wanted in (((404, {"type": "x", "title": "no"}), []), ((200, b"<html>"), ["111"]),
                                 ((200, {"no": "entity"}), ["111"]), ((403, {"title": "no"}), ["299"]),
                                 ((500, b""), ["299"]), (None, ["199"])):
                source.answer = lambda *_, told=told: told
                time.sleep(0.01)  # the cooldown
                answer = cases.ask(a, 200, "GET", f"/entities/{id}")
                same((values(answer.body), warnings(answer)), ({"t": 1}, wanted), str(told))
            time.sleep(0.01)
            source.answer = lambda *_: (200, [])
            same(warnings(cases.ask(a, 200, "GET", "/entities?type=Warn")), [])
            source.answer = lambda *_: (500, b"")
            answer = cases.ask(a, 200, "GET", "/entities?type=Warn")
            same((len(answer.body), warnings(answer)), (1, ["299"]))

    @tap.case
    def what_has_expired_is_left_out():
        """4.5.5.2, 4.5.5.3, 5.7.1.4."""
        id = name("Milk")
        past, soon = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
        with Source() as source:
            cases.link(a, source, "Milk")
            cases.ask(a, 201, "POST", "/entities?local=true", entity("Milk", t=prop(1, 1)))
            for document, wanted in ((entity("Milk", t=prop(2, 2), u=prop(2), expiresAt=past), {"t": 1}),
                                     (entity("Milk", t=prop(2, 2, expiresAt=past), u=prop(3)), {"t": 1, "u": 3}),
                                     (entity("Milk", t=prop(2, 2), expiresAt=soon), {"t": 2})):
                source.answer = lambda *_, document=document: (200, document)
                found = cases.ask(a, 200, "GET", f"/entities/{id}").body
                check("expiresAt" not in found, "4.5.5.3: one version of the entity has none")
                same(values(found), wanted)
            found = cases.ask(a, 200, "GET", f"/entities/{id}?options=sysAttrs").body
            same((found["t"].get("expiresAt"), "expiresAt" in found), (soon, False), "4.5.5.2; shown as 6.3.11 says")

    @tap.case
    def errors_of_the_only_source_are_told():
        """6.3.17."""
        id = name("Only")
        with Source() as source:
            registration = cases.link(a, source, "Only", "redirect", management={"timeout": HANG_MS})
            for told, wanted in ((404, 404), (403, 502), (500, 502), (401, 502), (204, 204)):
                source.answer = lambda *_, told=told: (told, None if told == 204 else {"type": "x", "title": "no"})
                for method, path, body in (("PATCH", f"/entities/{id}/attrs?type=Only", {"t": prop(1)}),
                                           ("DELETE", f"/entities/{id}?type=Only", None),
                                           ("PATCH", f"/entities/{id}/attrs/t?type=Only", prop(1)),
                                           ("DELETE", f"/entities/{id}/attrs/t?type=Only", None),
                                           ("PUT", f"/entities/{id}", entity("Only", t=prop(1)))):
                    time.sleep(0.005)  # the cooldown
                    cases.ask(a, wanted, method, path, body)
            source.answer = lambda *_: (500, {"type": "x", "title": "no"})
            answer = cases.ask(a, 207, "POST", "/entityOperations/upsert", [entity("Only", t=prop(1)),
                                                                           entity("Fine", t=prop(1))])
            same((answer.body["success"], [each["entityId"] for each in answer.body["errors"]]), ([name("Fine")], [id]))
            same(answer.body["errors"][0].get("registrationId", registration), registration)

    @tap.case
    def the_registration_keeps_account():
        """5.2.9, table 5.2.9-2."""
        with Source(lambda *_: (200, [])) as source:
            registration = cases.link(a, source, "Count")

            def account():
                return cases.ask(a, 200, "GET", f"/csourceRegistrations/{registration}").body

            cases.ask(a, 200, "GET", "/entities?type=Count")
            one = account()
            same((one["timesSent"], one.get("timesFailed", 0), one["status"]), (1, 0, "ok"))
            check("lastSuccess" in one and "lastFailure" not in one, one)
            source.answer = lambda *_: (500, b"")
            cases.ask(a, 200, "GET", "/entities?type=Count")
            two = account()
            same((two["timesSent"], two["timesFailed"], two["status"]), (2, 1, "failed"))
            check("lastFailure" in two, two)

    @tap.case
    def batches_are_taken_apart_where_they_must_be():
        """5.6.7.4, 5.6.8.4, 5.6.10.4."""
        two = [entity("Apart", 1, t=prop(1)), entity("Apart", 2, t=prop(2))]
        with Source(lambda *_: (201, None)) as source:
            cases.link(a, source, "Apart", "redirect", operations=["createEntity", "replaceEntity"])
            cases.ask(a, 201, "POST", "/entityOperations/create", two)
            same(sorted((method, path, body["id"]) for method, path, _, _, body in source.requests),
                 [("POST", ROOT + "/entities", each["id"]) for each in two])
            source.requests.clear()
            exists = {"type": "https://uri.etsi.org/ngsi-ld/errors/AlreadyExists", "title": "there"}
            source.answer = lambda method, *_: (409, exists) if method == "POST" else (204, None)
            cases.ask(a, 204, "POST", "/entityOperations/upsert", two[:1])
            same([(method, path) for method, path, *_ in source.requests],
                 [("POST", ROOT + "/entities"), ("PUT", ROOT + f"/entities/{two[0]['id']}")])
            answer = cases.ask(a, 207, "POST", "/entityOperations/delete", [two[0]["id"]])
            same((answer.body["success"], answer.body["errors"][0]["error"]["type"]), ([], CONFLICT))


def troubles(tap, cases):
    a, b, c = cases.brokers

    @tap.case
    def what_is_not_supported_is_a_conflict():
        """5.6.x: the whole of it 409, a part of it 207 with details."""
        id = name("Shut")
        registration = cases.link(a, b, "Shut", "exclusive", ["lock"], ["createEntity", "retrieveEntity"], id=id)
        cases.ask(a, 201, "POST", "/entities", entity("Shut", t=prop(1), lock=prop(1)))
        for method, path, body in (("PATCH", f"/entities/{id}/attrs", {"lock": prop(2)}),
                                   ("POST", f"/entities/{id}/attrs", {"lock": prop(2)}),
                                   ("PATCH", f"/entities/{id}", {"lock": prop(2)}),
                                   ("PATCH", f"/entities/{id}/attrs/lock", prop(2)),
                                   ("PUT", f"/entities/{id}/attrs/lock", prop(2)),
                                   ("DELETE", f"/entities/{id}/attrs/lock", None)):
            same(cases.ask(a, 409, method, path, body).body["type"], CONFLICT, f"{method} {path}")
        for method in ("PATCH", "POST"):
            body = cases.ask(a, 207, method, f"/entities/{id}/attrs", {"lock": prop(2), "t": prop(method)}).body
            same(parts(body), (["t"], ["lock"]))
            same([each.get("registrationId") for each in body["notUpdated"]], [registration])
            same(cases.seen(a, id), {"t": method, "lock": 1})
        cases.ask(a, 207, "DELETE", f"/entities/{id}")
        same((cases.held(a, id), cases.held(b, id)), (None, {"lock": 1}))

    @tap.case
    def inclusive_sources_that_fail_leave_a_part():
        """6.3.17: 207."""
        id = name("Part")
        with Source(lambda *_: (500, {"type": "x", "title": "no"})) as source:
            registration = cases.link(a, source, "Part")
            cases.link(a, b, "Part")
            body = cases.ask(a, 207, "POST", "/entities", entity("Part", t=prop(1))).body
            same(body["success"], [id])
            same([each["entityId"] for each in body["errors"]], [id])
            same(body["errors"][0].get("registrationId", registration), registration)
            same((cases.held(a, id), cases.held(b, id)), ({"t": 1}, {"t": 1}))

    @tap.case
    def what_a_source_did_in_part_is_done_in_part():
        """4.3.6.1, 5.6.2.5, 5.6.3.5: B answers 207, as somebody behind it failed; that is not hidden by A."""
        id = name("Chain")
        with Source(lambda *_: (500, {"type": "x", "title": "no"})) as source:
            cases.link(a, b, "Chain")
            cases.link(b, source, "Chain", attrs=["t"])
            for method, path, body in (("POST", "/entities", entity("Chain", t=prop(1), u=prop(1))),
                                       ("PATCH", f"/entities/{id}/attrs", {"t": prop(2, 2), "u": prop(2, 2)}),
                                       ("PATCH", f"/entities/{id}", {"t": prop(3, 3)}),
                                       ("PUT", f"/entities/{id}", entity("Chain", t=prop(4, 4))),
                                       ("PATCH", f"/entities/{id}/attrs/t", prop(5, 5)),
                                       ("DELETE", f"/entities/{id}/attrs/t", None), ("DELETE", f"/entities/{id}", None),
                                       ("POST", "/entityOperations/upsert", [entity("Chain", t=prop(1))])):
                answer = cases.ask(a, 207, method, path, body)
                check(answer.body.get("errors") or answer.body.get("notUpdated"), answer)
            same((cases.held(a, id), cases.held(b, id)), ({"t": 1}, {"t": 1}))

    @tap.case
    def attributes_that_went_nowhere_are_told():
        """5.6.2.5, 5.6.3.5: all, or only some. A does not hold the entity, B is registered for t."""
        id = name("Lack")
        cases.link(a, b, "Lack", attrs=["t"])
        cases.ask(b, 201, "POST", "/entities", entity("Lack", t=prop(1)))
        for method in ("PATCH", "POST"):
            answer = cases.ask(a, 207, method, f"/entities/{id}/attrs", {"t": prop(method, 2), "u": prop(2, 2)})
            same(parts(answer.body), (["t"], ["u"]))
            same((cases.held(a, id), cases.held(b, id)), (None, {"t": method}))

    @tap.case
    def a_hanging_source_costs_its_time_once():
        """5.2.34: timeout and cooldown; 6.3.17."""
        id, calm = name("Hang"), {"timeout": HANG_MS, "cooldown": 600000}
        with Source(lambda *_: None) as source:
            cases.link(a, source, "Hang", management=calm)
            cases.ask(a, 201, "POST", "/entities?local=true", entity("Hang", t=prop(1)))
            seconds, answer = timed(cases.ask, a, 200, "GET", f"/entities/{id}")
            same((values(answer.body), warnings(answer)), ({"t": 1}, ["199"]))
            check(HANG_MS / 1000 * 0.8 < seconds < HANG_MS / 1000 * 3, f"{seconds} s")
            again, answer = timed(cases.ask, a, 200, "GET", f"/entities/{id}")
            same((values(answer.body), warnings(answer)), ({"t": 1}, ["199"]))
            check(again < seconds / 2, f"{again} s while it cools down, {seconds} s before")
            cases.ask(a, 207, "PATCH", f"/entities/{id}/attrs", {"t": prop(2)})
            same(cases.held(a, id), {"t": 2})
            cases.link(a, source, "Hung", "redirect", management=calm)
            seconds, _ = timed(cases.ask, a, 504, "PATCH", f"/entities/{name('Hung')}/attrs?type=Hung", {"t": prop(1)})
            check(seconds < HANG_MS / 1000 * 3, f"{seconds} s")

    @tap.case
    def several_hanging_sources_cost_the_time_of_one():
        """Sources are asked side by side: what each may take is not added up."""
        with Source(lambda *_: None) as source:
            for _ in range(4):
                cases.link(a, source, "Many", management={"timeout": HANG_MS})
            seconds, answer = timed(cases.ask, a, 200, "GET", "/entities?type=Many")
            check(seconds < HANG_MS / 1000 * 3, f"{seconds} s")
            check("199" in warnings(answer), answer)

    @tap.case
    def a_killed_broker_is_warned_of():
        """6.3.17. The last case: C does not come back."""
        calm = {"timeout": HANG_MS, "cooldown": 600000}
        cases.link(a, c, "Lost", management=calm)
        cases.link(a, c, "Gone", "exclusive", ["lock"], id=name("Gone"), management=calm)
        cases.ask(a, 201, "POST", "/entities", entity("Lost", t=prop(1)))
        cases.ask(a, 201, "POST", "/entities", entity("Gone", t=prop(1), lock=prop(1)))
        c.daemon.kill()
        for path in (f"/entities/{name('Lost')}", "/entities?type=Lost"):
            seconds, answer = timed(cases.ask, a, 200, "GET", path)
            found = answer.body if isinstance(answer.body, list) else [answer.body]
            same(([values(each) for each in found], warnings(answer)), ([{"t": 1}], ["199"]))
            check(seconds < HANG_MS / 1000 * 3, f"{seconds} s")
        body = cases.ask(a, 207, "PATCH", f"/entities/{name('Lost')}/attrs", {"t": prop(2)}).body
        check(body.get("updated") or body.get("success"), body)
        cases.ask(a, (502, 504), "PATCH", f"/entities/{name('Gone')}/attrs", {"lock": prop(2)})
        body = cases.ask(a, 207, "PATCH", f"/entities/{name('Gone')}/attrs", {"lock": prop(2), "t": prop(2)}).body
        same(parts(body), (["t"], ["lock"]))
        same(warnings(cases.ask(a, 404, "GET", f"/entities/{name('Lost', 2)}")), ["199"])


PARTS = (words, troubles)
