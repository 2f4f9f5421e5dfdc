"""Update, append, partial update, delete and replace attributes (clauses 5.6.2 to 5.6.5, 5.6.19, 6.6, 6.7)."""
from table import (LD, NULL, case, attrs, create, delete, entity, geo, get, have, lang, patch, point, post, prop, put,
                   raw, rel, request, vocab)

D1, D2, D3 = "urn:ngsi-ld:Dataset:1", "urn:ngsi-ld:Dataset:2", "urn:ngsi-ld:Dataset:3"
NEAR = rel("urn:ngsi-ld:Depot:1", observedAt="2024-05-01T12:00:04Z", measuredBy=rel("urn:ngsi-ld:Person:Bo"))
BOTH = {"label": prop("Tram 5"), "near": NEAR,
        "load": [prop(55, measuredBy=prop("axle"), datasetId=D1), prop(54.5, measuredBy=prop("scale"), datasetId=D2)]}
DEFAULT = {"label": prop("Tram 5"), "near": {**NEAR, "datasetId": D3},
           "load": [prop(55, measuredBy=prop("axle")), prop(54.5, measuredBy=prop("scale"), datasetId=D2)]}
ONE_OF_EACH = {"label": prop("Tower"), "inCity": rel("urn:ngsi-ld:City:Ulm"), "location": geo(point(9.99, 48.4)),
               "street": lang({"fr": "Rue du Lac", "en": "Lake Street"})}
NULLS = {"label": prop(NULL), "inCity": rel(NULL), "location": geo(NULL), "street": lang({"@none": NULL})}


def instances(attribute, with_default):
    """The attribute twice: with a datasetId, and as the default or with another datasetId."""
    other = dict(attribute) if with_default else {**attribute, "datasetId": D2}
    return [other, {**attribute, "datasetId": D1}]


def nulls(ids, clause, title, ask, start, fragment, left):
    """For each kind of attribute: Null deletes it, or its instance, and nothing else."""
    steps = []
    for name in ONE_OF_EACH:
        steps += [create(entity("a", **start)), ask(name, fragment(name), 204),
                  have("a", body=entity("a", **left(name))),
                  delete("/entities/urn:ngsi-ld:Station:a")]
    return case(ids, clause, title, steps)


def without(members, name):
    return {key: value for key, value in members.items() if key != name}


def update(name, fragment, status):
    return patch(attrs("a"), {name: fragment}, status, ld=True, empty=True)


def partial(name, fragment, status):
    return patch(attrs("a", "/" + name), fragment, status, ld=True, empty=True)


def merge(name, fragment, status):
    return patch("/entities/urn:ngsi-ld:Station:a", {**entity("a"), name: fragment}, status, ld=True, empty=True)


def null_cases(ids, clause, what, ask):
    pairs = {name: instances(value, False) for name, value in ONE_OF_EACH.items()}
    defaults = {name: instances(value, True) for name, value in ONE_OF_EACH.items()}
    whole, one, default = ids
    return [
        nulls(whole, clause, f"{what}: Null deletes the attribute", ask, ONE_OF_EACH, NULLS.get,
              lambda name: without(ONE_OF_EACH, name)),
        nulls(one, clause, f"{what}: Null with a datasetId deletes that instance", ask, pairs,
              lambda name: {**NULLS[name], "datasetId": D1}, lambda name: {**pairs, name: pairs[name][0]}),
        nulls(default, clause, f"{what}: Null without a datasetId deletes the default instance only", ask, defaults,
              NULLS.get, lambda name: {**defaults, name: defaults[name][1]}),
    ]


def subs(kind, start, fragment, end):
    """A partial update replaces the value and leaves what else belongs to the attribute."""
    return [create(entity("a", thing={**start, "measuredBy": prop("eye")})), partial("thing", fragment, 204),
            have("a", body=entity("a", thing={"type": kind, **end, "measuredBy": prop("eye")}))]


CASES = [
    # Append
    case("010_01_01", "5.6.3", "a new attribute is appended", create(entity("a", **BOTH)),
         post(attrs("a"), {"operator": prop(23)}, 204, ld=True, empty=True),
         have("a", body=entity("a", **BOTH, operator=prop(23)))),
    case("010_01_02 010_04_02", "5.6.3", "an instance with a new datasetId is appended, with noOverwrite too",
         create(entity("a", **BOTH)), post(attrs("a"), {"load": prop(1, datasetId=D3)}, 204, empty=True),
         post(attrs("a"), {"load": prop(2)}, 204, params={"options": "noOverwrite"}),
         have("a", values={"load": [prop(2)] + BOTH["load"] + [prop(1, datasetId=D3)]})),
    case("010_02_01 011_02_01 012_02_01 013_02_01", "5.6.2 to 5.6.5", "an entity without an id is BadRequestData",
         post("/entities//attrs", {"load": prop(1)}, 400, problem="BadRequestData"),
         patch("/entities//attrs", {"load": prop(1)}, 400, problem="BadRequestData"),
         patch("/entities//attrs/load", prop(1), 400, problem="BadRequestData"),
         delete("/entities//attrs/load", 400, problem="BadRequestData")),
    case("010_02_02 011_02_02 012_02_02 013_02_02 055_03_01", "5.6.2 to 5.6.5, 5.6.19",
         "an id that is no URI is BadRequestData",
         post("/entities/nouri/attrs", {"load": prop(1)}, 400, problem="BadRequestData"),
         patch("/entities/nouri/attrs", {"load": prop(1)}, 400, problem="BadRequestData"),
         patch("/entities/nouri/attrs/load", prop(1), 400, problem="BadRequestData"),
         put("/entities/nouri/attrs/load", prop(1), 400, problem="BadRequestData"),
         delete("/entities/nouri/attrs/load", 400, problem="BadRequestData")),
    case("010_03_01 011_03_01 012_03_01 013_03_01 055_03_02", "5.6.2 to 5.6.5, 5.6.19",
         "an unknown entity is not found",
         post(attrs("x"), {"load": prop(1)}, 404, problem="ResourceNotFound"),
         patch(attrs("x"), {"load": prop(1)}, 404, problem="ResourceNotFound"),
         patch(attrs("x", "/load"), prop(1), 404, problem="ResourceNotFound"),
         put(attrs("x", "/load"), prop(1), 404, problem="ResourceNotFound"),
         delete(attrs("x", "/load"), 404, problem="ResourceNotFound")),
    case("010_04_01", "5.6.3, 5.2.18, 6.3.6", "what noOverwrite leaves alone is told, with whole names",
         create(entity("a", **BOTH)),
         post(attrs("a"), {"load": prop(99, datasetId=D1), "operator": prop(23)}, 207,
              params={"options": "noOverwrite"}, content_type="application/json", values={
                  "updated": ["https://city.example/terms#operator"],
                  "notUpdated.0.attributeName": "https://city.example/terms#load", "notUpdated.0.reason": "~.+"}),
         have("a", body=entity("a", **BOTH, operator=prop(23)))),
    case("010_05_01 011_04_01", "5.5.4", "what is no JSON is InvalidRequest", create(entity("a")),
         request("POST", attrs("a"), text='{"load": }', status=400, problem="InvalidRequest"),
         request("PATCH", attrs("a"), text='{"load": }', status=400, problem="InvalidRequest")),
    case("010_06_01 010_10_01 010_11_01 010_08 010_09", "5.6.3", "attributes of every kind are appended",
         create(entity("a")),
         [post(attrs("a"), {name: value}, 204, ld=True) for name, value in (
             ("motto", lang({"en": "Hi", "fr": "Salut"})), ("facts", raw({"id": "x", "n": {"m": [1]}})),
             ("zone", vocab("residential")), ("observationSpace", geo(point(1, 2))),
             ("operationSpace", geo(point(3, 4))))],
         have("a", body=entity("a", motto=lang({"en": "Hi", "fr": "Salut"}), facts=raw({"id": "x", "n": {"m": [1]}}),
                               zone=vocab("residential"), observationSpace=geo(point(1, 2)),
                               operationSpace=geo(point(3, 4))))),
    case("010_07_01", "5.6.3, 4.18", "a scope is replaced, with noOverwrite added to",
         create(entity("a", scope="/City/North")), post(attrs("a"), {"scope": "/Works/Unit1"}, 204),
         have("a", values={"scope": "/Works/Unit1"}),
         post(attrs("a"), {"scope": "/City/North"}, 204, params={"options": "noOverwrite"}),
         have("a", values={"scope": ["/Works/Unit1", "/City/North"]})),
    case("+563_01_01 +562_01_01 +564_01_02 +565_01_01", "5.6.2 to 5.6.5, 4.17", "the type gates each of them",
         create(entity("a", label=prop("x"))),
         post(attrs("a"), {"label": prop("y")}, 404, params={"type": "Depot"}),
         patch(attrs("a"), {"label": prop("y")}, 404, params={"type": "Depot"}),
         patch(attrs("a", "/label"), {"value": "y"}, 404, params={"type": "Depot"}),
         delete(attrs("a", "/label"), 404, params={"type": "Depot"}), have("a", values={"label.value": "x"}),
         post(attrs("a"), {"label": prop("1")}, 204, params={"type": "Station"}),
         patch(attrs("a"), {"label": prop("2")}, 204, params={"type": "Station"}),
         patch(attrs("a", "/label"), {"value": "3"}, 204, params={"type": "Station|Depot"}),
         have("a", values={"label.value": "3"}), delete(attrs("a", "/label"), params={"type": "Station"}),
         have("a", lacks=["label"])),
    # Update
    case("011_01_01", "5.6.2", "without a datasetId the default instance is replaced", create(entity("a", **DEFAULT)),
         patch(attrs("a"), {"load": prop(99, measuredBy=prop("axle"))}, ld=True, empty=True),
         have("a", body=entity("a", **{**DEFAULT, "load": [prop(99, measuredBy=prop("axle")), DEFAULT["load"][1]]}))),
    case("011_01_02 011_01_03", "5.6.2", "with a datasetId that instance is, and what is new is appended",
         create(entity("a", **DEFAULT)),
         patch(attrs("a"), {"load": prop(99, datasetId=D2), "operator": rel("urn:ngsi-ld:Firm:1", datasetId=D3)},
               ld=True, empty=True),
         have("a", body=entity("a", **{**DEFAULT, "load": [DEFAULT["load"][0], prop(99, datasetId=D2)],
                                       "operator": rel("urn:ngsi-ld:Firm:1", datasetId=D3)}))),
    case("011_01_04", "5.6.2", "an attribute may become one of another kind", create(entity("a", **DEFAULT)),
         patch(attrs("a"), {"label": rel("urn:ngsi-ld:Brand:1")}, ld=True),
         have("a", body=entity("a", **{**DEFAULT, "label": rel("urn:ngsi-ld:Brand:1")}))),
    case("011_05_01", "5.6.2", "a scope is replaced", create(entity("a", scope="/City/North")),
         patch(attrs("a"), {"scope": "/Works/Unit1"}, empty=True), have("a", values={"scope": "/Works/Unit1"})),
    case("011_05_02", "5.6.2.4", "a scope is ignored where there was none", create(entity("a")),
         patch(attrs("a"), {"scope": "/Works/Unit1"}, 204), have("a", body=entity("a")),
         deviates="the suite wants 207; 5.6.2.4 says \"otherwise ignore it\", so nothing has failed"),
    case("011_06_01 011_06_02 011_06_03 011_06_04", "5.6.2, 4.16", "types are added, never taken away",
         create(entity("a")), patch(attrs("a"), {"type": "Station"}, ld=True), have("a", values={"type": "Station"}),
         patch(attrs("a"), {"type": "Depot"}, ld=True), have("a", values={"type": ["Station", "Depot"]}),
         patch(attrs("a"), {"type": ["Landmark", "Station"]}, ld=True),
         have("a", values={"type": ["Station", "Depot", "Landmark"]})),
    *null_cases(("011_07_01 011_07_02 011_07_03 011_07_04", "011_08_01 011_08_02 011_08_03 011_08_04",
                 "011_09_01 011_09_02 011_09_03 011_09_04"), "5.6.2, 4.5.0", "update", update),
    case("+558_01_01 +558_01_02 +558_01_03", "5.5.8 examples 1 to 3",
         "a partial update leaves the unit, an update takes it away, Null takes all",
         create(entity("a", load=prop(25, unitCode="CEL", observedAt="2022-03-14T01:59:26.535Z"))),
         patch(attrs("a", "/load"), prop(100, observedAt="2022-03-14T13:00:00.000Z")),
         have("a", values={"load": prop(100, unitCode="CEL", observedAt="2022-03-14T13:00:00.000Z")}),
         patch(attrs("a"), {"load": prop(101, observedAt="2022-03-14T13:00:00.000Z")}),
         have("a", values={"load": prop(101, observedAt="2022-03-14T13:00:00.000Z")}),
         patch(attrs("a"), {"load": prop(NULL)}), have("a", body=entity("a"))),
    case("+558_01_04", "5.5.8", "Null is no datasetId, and a new datasetId adds an instance",
         create(entity("a", load=prop(25))),
         patch(attrs("a", "/load"), {"datasetId": NULL}, 400, problem="BadRequestData"),
         patch(attrs("a"), {"load": prop(30, datasetId=D1)}),
         have("a", values={"load": [prop(25), prop(30, datasetId=D1)]})),
    # Partial update
    case("012_01_01 012_01_02", "5.6.4, 5.5.8", "members that are sent replace, others stay",
         create(entity("a", **BOTH)),
         patch(attrs("a", "/near"), {"type": "Relationship", "object": "urn:ngsi-ld:Depot:2"}, ld=True, empty=True),
         patch(attrs("a", "/load"), {"value": 60, "datasetId": D1}, ld=True, empty=True),
         have("a", body=entity("a", **{**BOTH, "near": {**NEAR, "object": "urn:ngsi-ld:Depot:2"},
                                       "load": [{**BOTH["load"][0], "value": 60}, BOTH["load"][1]]}))),
    case("012_02_03", "5.6.4.4", "the kind of an attribute cannot be changed", create(entity("a", **DEFAULT)),
         patch(attrs("a", "/load"), rel("urn:ngsi-ld:X:1"), 400, ld=True, problem="BadRequestData"),
         have("a", body=entity("a", **DEFAULT))),
    case("012_02_04", "6.3.5, 5.5.4", "nothing is no fragment of JSON-LD", create(entity("a", **DEFAULT)),
         patch(attrs("a", "/load"), {}, 400, context=None, headers={"Content-Type": LD}, problem="BadRequestData")),
    case("012_03_02 012_03_03 012_03_04", "5.6.4.4", "an instance that is not there is not found",
         create(entity("a", **BOTH)), patch(attrs("a", "/load"), {"value": 1}, 404, problem="ResourceNotFound"),
         patch(attrs("a", "/load"), {"value": 1, "datasetId": D3}, 404, problem="ResourceNotFound"),
         patch(attrs("a", "/operator"), {"value": 1}, 404, problem="ResourceNotFound")),
    case("012_04_01 012_08_01 012_09_01", "5.6.4, 4.5.18, 4.5.20, 4.5.24", "values of other kinds are replaced whole",
         subs("LanguageProperty", lang({"fr": "a", "nl": "b"}), lang({"de": "c"}), {"languageMap": {"de": "c"}}),
         delete("/entities/urn:ngsi-ld:Station:a"),
         subs("JsonProperty", raw({"id": "1", "b": 2}), raw({"id": "3"}), {"json": {"id": "3"}}),
         delete("/entities/urn:ngsi-ld:Station:a"),
         subs("VocabProperty", vocab("residential"), vocab("mixed"), {"vocab": "mixed"})),
    *null_cases(("012_05_01 012_05_02 012_05_03 012_05_04", "012_06_01 012_06_02 012_06_03 012_06_04",
                 "012_07_01 012_07_02 012_07_03 012_07_04"), "5.6.4, 4.5.0", "partial update", partial),
    case("+564_01_01", "5.6.4.4", "scope is no attribute to update in part", create(entity("a", scope="/City")),
         patch(attrs("a", "/scope"), {"value": "/Works"}, 400, problem="BadRequestData"),
         have("a", values={"scope": "/City"})),
    # Delete
    case("013_01_01 013_01_02 013_01_03", "5.6.5", "the default instance, one by its datasetId, all of them",
         create(entity("a", **DEFAULT)), delete(attrs("a", "/load"), params={"deleteAll": "false"}, empty=True),
         have("a", values={"load": DEFAULT["load"][1]}),
         delete(attrs("a", "/load"), params={"datasetId": D2, "deleteAll": "false"}, empty=True),
         have("a", lacks=["load"]), post(attrs("a"), {"load": DEFAULT["load"]}, 204),
         delete(attrs("a", "/load"), params={"deleteAll": "true"}, empty=True),
         have("a", body=entity("a", **without(DEFAULT, "load")))),
    case("013_02_03", "6.6.3, 6.3.2", "all attributes at once cannot be deleted: 405", create(entity("a", **DEFAULT)),
         delete(attrs("a", "/"), 405)),
    case("013_03_02 013_03_03", "5.6.5", "an attribute or instance that is not there is not found",
         create(entity("a", **BOTH)), delete(attrs("a", "/operator"), 404, problem="ResourceNotFound"),
         delete(attrs("a", "/load"), 404, params={"datasetId": D3}, problem="ResourceNotFound"),
         delete(attrs("a", "/load"), 404, problem="ResourceNotFound")),
    case("013_04 013_05 013_06 013_07_01 +565_01_01", "5.6.5", "the scope, core GeoProperties and VocabProperties go",
         create(entity("a", scope="/City", observationSpace=geo(point(1, 2)), operationSpace=geo(point(1, 2)),
                       zone=vocab("mixed"))),
         [delete(attrs("a", "/" + name), empty=True) for name in ("scope", "observationSpace", "operationSpace",
                                                                  "zone")],
         have("a", body=entity("a"))),
    # Replace
    case("055_01_01 055_01_02", "5.6.19, 6.7.3.3", "an attribute is replaced whole and keeps its createdAt",
         create(entity("a", **DEFAULT, scope="/City", operator=NEAR)),
         have("a", params={"options": "sysAttrs"}, keep={"BORN": "body.operator.createdAt"}),
         put(attrs("a", "/operator"), rel("urn:ngsi-ld:Firm:2"), empty=True),
         have("a", body=entity("a", **DEFAULT, scope="/City", operator=rel("urn:ngsi-ld:Firm:2"))),
         put(attrs("a", "/operator"), prop(True), empty=True), have("a", values={"operator": prop(True)}),
         have("a", params={"options": "sysAttrs"}, values={"operator.createdAt": "${BORN}"})),
    case("055_02_01 055_02_02", "5.6.19", "of several instances the one with its datasetId is replaced",
         create(entity("a", **DEFAULT)), put(attrs("a", "/load"), prop(60), empty=True),
         have("a", values={"load": [prop(60), DEFAULT["load"][1]]}),
         put(attrs("a", "/load"), prop(70, observedAt="2024-05-01T12:00:04Z", datasetId=D2)),
         have("a", values={"load": [prop(60), prop(70, observedAt="2024-05-01T12:00:04Z", datasetId=D2)]})),
    case("055_03_03 055_03_05", "5.6.19", "a name that is none, and scope, are BadRequestData",
         create(entity("a", scope="/City")), put(attrs("a", "/@invalid"), prop(1), 400),
         put(attrs("a", "/scope"), {"type": "Property", "value": "/Works"}, 400)),
    case("055_03_04", "5.6.19", "an attribute that is not there is not found", create(entity("a")),
         put(attrs("a", "/label"), prop(1), 404, problem="ResourceNotFound")),
]
