"""Delete, merge and replace an entity, and purge (clauses 5.6.6, 5.6.17, 5.6.18, 5.6.21, 6.4.3.3, 6.5)."""
from cases_attributes import merge, null_cases
from cases_batch import BODY, IN_CITY
from table import (API, case, create, delete, entity, get, have, patch, post, prop, put, query, rel, request)

NAME = "/entities/urn:ngsi-ld:Station:a"


def purge(status=204, expect=None, **params):
    return delete("/entities", status, params=params, **(expect or {}))


def too_wide(**params):
    return [purge(400, {"problem": "BadRequestData"}, **params), have("a")]


CASES = [
    case("002_01_01", "5.6.6", "an entity is deleted", create(entity("a", **BODY)), delete(NAME, empty=True),
         have("a", 404), query(type="Station", expect={"body": []})),
    case("002_02_01 018_02_01", "5.6.6, 5.7.1", "an id that is no URI is BadRequestData",
         delete("/entities/nouri", 400, problem="BadRequestData"),
         get("/entities/nouri", 400, problem="BadRequestData")),
    case("002_03_01", "5.6.6", "an unknown id is not found", delete(NAME, 404, problem="ResourceNotFound")),
    case("+566_01_01", "5.6.6.4, 4.17", "the type gates the delete", create(entity("a")),
         delete(NAME, 404, params={"type": "Depot"}), have("a"), delete(NAME, params={"type": "Station"}),
         have("a", 404)),
    # Merge
    case("056_01_01 056_01_02 056_01_03 056_01_04", "5.6.17, 5.5.12, 6.5.3.4", "an entity is merged",
         create(entity("a", **BODY)), patch(NAME, entity("a"), ld=True, empty=True),
         have("a", body=entity("a", **BODY)),
         patch(NAME, entity("a", label=prop("South"), crowded=prop(True)), ld=True, empty=True),
         patch(NAME, entity("a", load=prop(1, observedAt="2024-03-01T00:00:00.000Z")), ld=True),
         patch(NAME, IN_CITY, ld=True),
         have("a", body=entity("a", label=prop("South"), crowded=prop(True), **IN_CITY,
                               load=prop(1, unitCode="C62", observedAt="2024-03-01T00:00:00.000Z")))),
    case("056_02_01 056_02_02 056_02_03 054_02_01 054_02_02 054_02_03", "5.6.17, 5.6.18, 6.3.2",
         "merge and replace: no URI is BadRequestData, an unknown one not found",
         patch("/entities/nouri", {"label": prop(1)}, 400, problem="BadRequestData"),
         put("/entities/nouri", entity("a"), 400, problem="BadRequestData"),
         patch(NAME, {"label": prop(1)}, 404, problem="ResourceNotFound"),
         put(NAME, entity("a"), 404, problem="ResourceNotFound")),
    case("056_02_02 054_02_02", "5.6.17, 5.6.18, 6.3.2", "without an id it is a wrong verb on the collection",
         patch("/entities/", {"label": prop(1)}, 405), put("/entities/", entity("a"), 405),
         deviates="the suite wants 400; /entities/ is the resource /entities, which has no PATCH or PUT: 405 (6.3.2)"),
    *null_cases(("056_03_01 056_03_02 056_03_03 056_03_04", "056_04_01 056_04_02 056_04_03 056_04_04",
                 "056_05_01 056_05_02 056_05_03 056_05_04"), "5.6.17, 4.5.0", "merge", merge),
    # Replace
    case("054_01_01", "5.6.18, 6.5.3.3", "an entity is replaced and keeps its createdAt", create(entity("a", **BODY)),
         have("a", params={"options": "sysAttrs"}, keep={"BORN": "body.createdAt"}),
         put(NAME, entity("a", **IN_CITY, operator=prop("x")), empty=True),
         have("a", body=entity("a", **IN_CITY, operator=prop("x"))),
         have("a", params={"options": "sysAttrs"}, values={"createdAt": "${BORN}"})),
    case("054_03_01", "5.6.18, 4.18", "scopes are replaced with the entity", create(entity("a", scope="/City/North")),
         put(NAME, entity("a", scope=["/City/South", "/Works"]), empty=True),
         have("a", body=entity("a", scope=["/City/South", "/Works"]))),
    # Purge
    case("060_01_01", "5.6.21.4", "without any condition all would go: BadRequestData", create(entity("a")),
         too_wide()),
    case("060_02_01", "5.6.21.3", "keep and drop exclude each other", create(entity("a", **BODY)),
         too_wide(type="Station", keep="label", drop="load")),
    case("060_03_01", "5.6.21", "entities of a type go", create(entity("a")), create(entity("b")),
         create(entity("c", "Depot")), purge(204, {"empty": True}, type="Station"),
         query(type="Station", expect={"body": []}),
         query(type="Depot", expect={"ids": ["urn:ngsi-ld:Depot:c"]})),
    case("060_03_02", "5.6.21", "entities that a query matches go", create(entity("a", label=prop("North"))),
         create(entity("b", label=prop("South"))), purge(q='label=="North"'), have("a", 404), have("b")),
    case("060_03_03 +060_06_05", "5.6.21.4 e", "in local scope all go", create(entity("a")),
         create(entity("c", "Depot")),
         purge(local="true"), query(local="true", expect={"body": []})),
    case("060_03_04", "5.6.21", "an id beside the type narrows it", create(entity("a")), create(entity("b")),
         purge(id="urn:ngsi-ld:Station:a", type="Station"), have("a", 404), have("b")),
    case("060_04_01", "5.6.21", "drop takes attributes away", create(entity("a", **BODY)),
         purge(204, {"empty": True}, type="Station", drop="label"),
         have("a", lacks=["label"], has=["load", "crowded"])),
    case("060_05_01", "5.6.21", "keep takes all others away", create(entity("a", **BODY)),
         purge(type="Station", id="urn:ngsi-ld:Station:a", keep="label"),
         have("a", body=entity("a", label=BODY["label"]))),
    case("060_05_01", "5.6.21.4", "keep is no condition: with ids alone it is too wide", create(entity("a", **BODY)),
         too_wide(id="urn:ngsi-ld:Station:a", keep="label"),
         deviates="the suite purges by an id and keep alone; 5.6.21.4 asks for a type, attributes, q, geo or local"),
    case("+060_06_01 +060_06_02 +060_06_04", "5.6.21.4", "ids, patterns and system attributes are no conditions",
         create(entity("a", **BODY)), too_wide(id="urn:ngsi-ld:Station:a"), too_wide(idPattern=".*"),
         too_wide(q='modifiedAt>"2020-01-01T00:00:00Z"')),
    case("+060_06_03 +5621_01_02", "5.6.21.4, 6.4.3.3, 6.3.20", "attrs is no parameter of a purge",
         create(entity("a", **BODY)), purge(400, attrs="createdAt"), purge(400, type="Station", attrs="near{label}"),
         have("a")),
    case("+5621_01_01", "5.6.21.4", "Linked Entities in a query are BadRequestData", create(entity("a", **BODY)),
         too_wide(type="Station", q='near{label}=="x"')),
]
