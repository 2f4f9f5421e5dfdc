"""Batch operations (clauses 5.6.7 to 5.6.10, 5.6.20, 5.5.11, 6.14 to 6.17, 6.31)."""
from table import CONTEXT, JSON, LD, NULL, case, create, entity, get, have, post, prop, query, rel, request

A, B, C = (f"urn:ngsi-ld:Station:{name}" for name in "abc")
OPERATIONS = "/entityOperations/"
BODY = {"label": prop("North"), "load": prop(4, unitCode="C62", observedAt="2024-02-29T16:40:00.000Z"),
        "crowded": prop(False)}
MEASURED = {"load": prop(5, unitCode="C62", measuredBy=rel("urn:ngsi-ld:Device:7"))}
IN_CITY = {"inCity": rel("urn:ngsi-ld:City:Ulm")}


def batch(operation, many, status, **more):
    return post(OPERATIONS + operation, many, status, **{"ld": True, **more})


def both(members, kind="Station"):
    return [{**entity("a", **members), "type": kind}, {**entity("b", **members), "type": kind}]


def two(**members):
    return [create(one) for one in both(members)]


def there(many, **more):
    return query(id=",".join(one["id"] for one in many), type="Station", expect={"any_order": many}, **more)


def outcome(success, errors):
    """A BatchOperationResult of these ids."""
    return {"values": {"success": success, **{f"errors.{at}.entityId": one for at, one in enumerate(errors)}},
            "has": [f"errors.{at}.error.{member}" for at in range(len(errors)) for member in ("type", "title")],
            "lacks": [f"errors.{len(errors)}"], "content_type": JSON}


def bad(ids, operation):
    many = "[]" if operation != "delete" else "[]"
    return case(ids, "5.6.7 to 5.6.10, 5.5.4",
                f"{operation}: what is no JSON is InvalidRequest, an empty array BadRequestData",
                request("POST", OPERATIONS + operation, text='[{"id": "x" "type"]', headers={"Content-Type": LD},
                        context=None, status=400, problem="InvalidRequest"),
                request("POST", OPERATIONS + operation, text=many, headers={"Content-Type": LD}, context=None,
                        status=400,
                        problem="BadRequestData"),
                request("POST", OPERATIONS + operation, text="[null]", headers={"Content-Type": LD}, context=None,
                        status=400, problem="BadRequestData"))


def null_value(ids, operation):
    return case(ids, "5.5.4", f"{operation}: JSON null in a value is that entity's error",
                create(entity("a", label=prop("x"))),
                batch(operation, [entity("a", label=prop(None))], 207,
                      values={"errors.0.error.type": "~.*BadRequestData", "errors.0.entityId": A}),
                have("a", values={"label.value": "x"}))


CASES = [
    case("003_01_01 003_01_02 003_01_03 003_01_04", "5.6.7, 6.14", "entities are created, and their ids come back",
         *[[batch("create", both(members), 201, body=[A, B]), there(both(members)),
            post(OPERATIONS + "delete", [A, B], 204)] for members in ({}, BODY, IN_CITY, MEASURED)]),
    case("003_02_01", "5.6.7, 5.2.16", "those that can be are, others are told", create(entity("c")),
         batch("create", [entity("a"), entity("b"), entity("c")], 207, **outcome([A, B], [C])), there(both({}))),
    bad("003_03_01 003_03_02 +567_01_01", "create"), bad("006_03_01 006_03_02", "delete"),
    bad("005_04_01", "update"), bad("004_06_01", "upsert"), bad("057_03_01 +5620_01_01 +5620_01_02", "merge"),
    case("+567_01_01", "5.6.7.4", "a null among entities fails all of them",
         post(OPERATIONS + "create", [entity("a"), None], 400, problem="BadRequestData"), have("a", 404)),
    case("003_04_01 003_04_02", "6.3.5", "the @context comes from the Link with JSON",
         batch("create", both(BODY), 201, ld=False), have("a", has=["crowded"]),
         have("a", context=None, has=["https://city.example/terms#crowded"])),
    case("003_05_01 003_05_02", "6.3.5, 5.5.5", "without a Link it is the core @context",
         batch("create", both(BODY), 201, ld=False, context=None), have("a", context=None, has=["crowded"]),
         have("a", has=["ngsi-ld:default-context/crowded"])),
    case("003_06_01", "6.3.5", "JSON with an @context inside fails all of them",
         post(OPERATIONS + "create", [{**entity("a"), "@context": CONTEXT}, entity("b")], 400, context=None,
              problem="BadRequestData"), have("b", 404, context=None),
         deviates="207 with that entity's error; 6.3.5 asks for an HTTP error response, as its 003_09_01 does too"),
    case("003_07_01 003_07_02", "6.3.5", "the @context comes from each entity with JSON-LD",
         batch("create", both(BODY), 201), have("a", has=["crowded"]),
         have("a", context=None, has=["https://city.example/terms#crowded"])),
    case("003_08_01", "6.3.5, 5.6.7", "JSON-LD without an @context is the entity's error",
         post(OPERATIONS + "create", [entity("a")], 207, context=None, headers={"Content-Type": LD},
              values={"errors.0.error.type": "~.*BadRequestData"})),
    case("003_09_01", "6.3.5", "JSON-LD with a Link fails all of them",
         post(OPERATIONS + "create", [{**entity("a"), "@context": CONTEXT}], 400, headers={"Content-Type": LD},
              problem="BadRequestData"), have("a", 404)),
    case("003_10_01", "5.5.11.1", "the second of the same id exists already",
         batch("create", [entity("a"), entity("b"), entity("a")], 207, **outcome([A, B], [A]))),
    # Upsert
    case("004_01_01 004_01_02 004_01_03", "5.6.8, 6.15", "new entities are created, and their ids come back",
         *[[batch("upsert", both(members), 201, body=[A, B]), there(both(members)),
            post(OPERATIONS + "delete", [A, B], 204)] for members in (BODY, IN_CITY, MEASURED)]),
    case("004_02_01 004_02_02 004_02_03", "5.6.8", "old ones are replaced, the ids of the new come back",
         *[[two(operator=prop("old")), batch("upsert", [entity("c", **members)] + both(members), 201, body=[C],
                                             params={"options": "replace"}),
            there([entity("c", **members)] + both(members)), post(OPERATIONS + "delete", [A, B, C], 204)]
           for members in (BODY, IN_CITY, MEASURED)]),
    case("004_03_01 004_03_02 004_03_03 004_03_04", "5.6.8", "if all were old, nothing comes back",
         *[[two(operator=prop("old")), batch("upsert", both(members), 204, empty=True), there(both(members)),
            post(OPERATIONS + "delete", [A, B], 204)] for members in (BODY, IN_CITY, MEASURED, {"scope": "/City"})]),
    case("004_03_05 004_08_01", "5.6.8, 4.16", "types are replaced too", two(),
         batch("upsert", both({}, ["Station", "Depot"]), 204), there(both({}, ["Station", "Depot"])),
         batch("upsert", both({}, "Depot"), 204), have("a", values={"type": "Depot"})),
    case("004_04_01 004_04_02 004_04_03", "5.6.8", "with update what is not sent stays",
         create(entity("a", operator=prop(1))),
         batch("upsert", both(BODY), 201, params={"options": "update"}, body=[B]),
         there([entity("a", operator=prop(1), **BODY), entity("b", **BODY)])),
    case("004_05_01", "5.6.8", "an entity without a type is the one error",
         batch("upsert", [entity("a"), entity("b"), {"id": C}], 207, **outcome([A, B], [C])), there(both({}))),
    null_value("004_06_02", "upsert"),
    case("004_07_01 +466_01_01", "5.5.11.2, 4.6.6", "the later of the same id wins, and is created once",
         batch("upsert", [entity("a", load=prop(1), operator=prop(1)), entity("b"), entity("a", load=prop(2))], 201,
               body=[A, B]), have("a", body=entity("a", load=prop(2)))),
    # Update
    case("005_01_01 005_01_02 005_01_03", "5.6.9, 6.16", "attributes are replaced or appended",
         *[[two(**BODY), batch("update", both(members), 204, empty=True), there(both({**BODY, **members})),
            post(OPERATIONS + "delete", [A, B], 204)] for members in (BODY, IN_CITY, MEASURED)]),
    case("005_02_01 005_02_02 005_02_03", "5.6.9, 5.6.3", "with noOverwrite what is there stays, and is told",
         two(**BODY), batch("update", both({"load": prop(9)}), 207, params={"options": "noOverwrite"}),
         there(both(BODY)),
         batch("update", both(IN_CITY), 204, params={"options": "noOverwrite"}), there(both({**BODY, **IN_CITY})),
         batch("update", both({"load": prop(9), "operator": prop(1)}), 207, params={"options": "noOverwrite"}),
         there(both({**BODY, **IN_CITY, "operator": prop(1)}))),
    case("005_03_01", "5.6.9", "unknown entities are told", two(**BODY),
         batch("update", both(MEASURED) + [entity("c", **MEASURED)], 207, **outcome([A, B], [C])),
         there(both({**BODY, **MEASURED})), have("c", 404)),
    null_value("005_04_02", "update"),
    case("005_05_01", "5.6.9, 4.16", "types are added", two(), batch("update", both({}, "Depot"), 204),
         there(both({}, ["Station", "Depot"]))),
    # Delete
    case("006_01_01", "5.6.10, 6.17", "entities are deleted", two(**BODY),
         post(OPERATIONS + "delete", [A, B], 204, context=None, headers={"Content-Type": LD}, empty=True),
         query(type="Station", expect={"body": []})),
    case("006_02_01", "5.6.10", "unknown ones are told", create(entity("a")),
         post(OPERATIONS + "delete", [A, B], 207, **outcome([A], [B])), have("a", 404)),
    case("006_04_01", "5.5.11.4", "the second of the same id is not there any more", create(entity("a")),
         post(OPERATIONS + "delete", [A, A], 207, **outcome([A], [A]))),
    # Merge
    case("057_01_01 057_01_02 057_01_03 057_01_04", "5.6.20, 6.31", "entities are merged", two(**BODY),
         batch("merge", both({}), 204, empty=True), there(both(BODY)),
         batch("merge", both({"label": prop("South"), "crowded": prop(True)}), 204),
         batch("merge", both({"load": prop(1, observedAt="2024-03-01T00:00:00.000Z")}), 204),
         batch("merge", both(IN_CITY), 204),
         there(both({"label": prop("South"), "crowded": prop(True), **IN_CITY,
                     "load": prop(1, unitCode="C62", observedAt="2024-03-01T00:00:00.000Z")}))),
    case("057_02_01", "5.6.20", "unknown entities are told", two(**BODY),
         batch("merge", both(IN_CITY) + [entity("c", **IN_CITY)], 207, **outcome([A, B], [C])),
         there(both({**BODY, **IN_CITY}))),
    null_value("057_03_02", "merge"),
    case("+5620_01_03", "5.6.20, 5.5.12", "Null deletes the attribute", two(**BODY),
         batch("merge", [{**entity("a"), "label": NULL}], 204, empty=True),
         have("a", lacks=["label"], has=["load"], lacks_text=[NULL])),
]
