"""Retrieve Entity (clauses 5.7.1, 6.5.3.1): representations, projection, languages, GeoJSON, Linked Entities."""
from table import (GEO, LD, OMIT, TERMS, case, create, entity, geo, get, have, lang, point, prop, raw, rel, request,
                   vocab)

BODY = {"label": prop("Tower"), "usage": prop("tourism"),
        "load": prop(4, unitCode="C62", observedAt="2020-09-09T16:40:00.000Z"), "crowded": prop(False)}
SHORT = {"label": "Tower", "usage": "tourism", "load": 4, "crowded": False}
GPS = "urn:ngsi-ld:Dataset:gps"
STREET = {"street": lang({"fr": "Grand-Place", "nl": "Grote Markt"})}
PLACES = {"label": prop("Tower"), "location": geo(point(13.4, 52.5)), "observationSpace": geo(point(11.1, 11.2))}
A, PARIS, FRANCE = "urn:ngsi-ld:Station:a", "urn:ngsi-ld:City:Paris", "urn:ngsi-ld:Country:France"
IN_PARIS = entity("a", inCity=rel(PARIS))
CITY = entity(PARIS, "City", label=prop("Paris"), inCountry=rel(FRANCE))
COUNTRY = entity(FRANCE, "Country", label=prop("France"), motto=prop("L, É, F"))


def formats(expected, **params):
    return have("a", params=params, body={"id": A, "type": "Station", **expected})


def wrong(**params):
    return have("a", 400, params=params, problem="InvalidRequest")


def projected(members, **params):
    return have("a", params=params, body=members)


def no_projection(**params):
    return have("a", 400, params=params, problem="BadRequestData")


def speaks(wish, tag, words, name="a"):
    return have(name, params={"lang": wish}, values={"street": {"type": "Property", "value": words, "lang": tag}})


def feature(geometry, properties, **params):
    return have("a", headers={"Accept": GEO}, params=params, body={
        "id": A, "type": "Feature", "geometry": geometry, "properties": {"type": "Station", **properties},
        "@context": "~any"})


def linked(*more, **params):
    return have("a", params={"joinLevel": "1", **params}, **more[0])


INLINE_CITY = {**CITY, "inCountry": rel(FRANCE)}

CASES = [
    case("018_01_01 018_06_01 018_06_02", "5.7.1, 6.3.5",
         "an entity is retrieved, with whole names without the @context",
         create(entity("a", **BODY)), have("a", body=entity("a", **BODY)),
         have("a", context=None, headers={"Accept": LD}, body={
             "id": A, "type": TERMS + "Station", "@context": "~any",
             **{TERMS + key: one for key, one in BODY.items()}})),
    case("018_01_02", "5.7.1", "attrs names attributes by IRI as well", create(entity("a", **BODY)),
         have("a", params={"attrs": f"{TERMS}load,{TERMS}usage"}, context=None, body={
             "id": A, "type": TERMS + "Station", TERMS + "load": BODY["load"], TERMS + "usage": BODY["usage"]})),
    case("018_03_01", "5.7.1.4", "an unknown entity is not found", have("a", 404, problem="ResourceNotFound")),
    case("018_03_02", "5.7.1.4", "an entity without any of the attributes is not found", create(entity("a", **BODY)),
         have("a", 404, params={"attrs": "nowhere_at_all"}, problem="ResourceNotFound")),
    case("018_04_01 018_15_01 018_15_02 018_15_03 018_15_04 018_15_05 018_15_06", "6.3.7",
         "format and options say the representation", create(entity("a", **BODY)),
         [formats(SHORT, **params) for params in (
             {"format": "keyValues"}, {"format": "simplified"}, {"options": "keyValues"}, {"options": "simplified"})],
         formats(BODY, format="normalized"), formats(BODY, options="normalized"),
         formats({**SHORT, "load": {"value": 4, "unitCode": "C62", "observedAt": "2020-09-09T16:40:00.000Z"}},
                 options="concise")),
    case("018_15_07", "6.3.7", "format wins over options", create(entity("a", **BODY)),
         formats(SHORT, format="keyValues", options="normalized"),
         formats(BODY, format="normalized", options="keyValues")),
    case("018_16_01 018_16_02 018_16_03 018_16_04", "6.3.20", "a format that no one knows is InvalidRequest",
         create(entity("a", **BODY)), wrong(format="pretty"), wrong(options="pretty"),
         wrong(options="keyValues,pretty"),
         wrong(format="keyValues", options="pretty")),
    case("018_17_01 018_17_02 018_17_03 018_17_04 018_17_05 018_17_06", "4.21",
         "pick takes members, omit leaves them out",
         create(entity("a", **BODY)), projected({"label": BODY["label"]}, pick="label"),
         projected({"id": A}, pick="id"), projected({"id": A, "label": BODY["label"]}, pick="id,label"),
         projected({**entity("a", **BODY), "label": None} and {k: v for k,
                                                               v in entity("a", **BODY).items() if k != "label"},
                   omit="label"),
         projected({k: v for k, v in entity("a", **BODY).items() if k != "id"}, omit="id"),
         projected({k: v for k, v in entity("a", **BODY).items() if k not in ("type", "label")}, omit="type,label")),
    case("018_18_01 018_18_02 018_18_03", "6.5.3.1, 4.21", "pick, omit and attrs do not go together",
         create(entity("a", **BODY)), no_projection(pick="label", omit="label"),
         no_projection(pick="label", attrs="usage"), no_projection(omit="label", attrs="usage")),
    case("018_18_04 018_18_05 018_18_06 018_18_07 018_18_08 018_18_09", "4.21", "projections keep to the grammar",
         create(entity("a", **BODY)), [no_projection(pick=text) for text in (
             "id;label", "id,near{label", "id,near{{label}", "id,,label", "id,near{,label}", "id,near{}")]),
    case("+421_01_01 +421_01_02", "4.21", "| is as good as a comma, and nothing between two is nothing",
         create(entity("a", **BODY)), projected({"label": BODY["label"], "load": BODY["load"]}, pick="label|load"),
         no_projection(pick="label||load")),
    case("+5711_01_01", "5.7.1.4, 4.17", "the type gates the retrieval", create(entity("a")),
         have("a", 404, params={"type": "Depot"}, problem="ResourceNotFound"), have("a", params={"type": "Station"})),
    case("+5711_01_02", "5.7.1.4", "geometryProperty needs GeoJSON", create(entity("a", **PLACES)),
         have("a", 400, params={"geometryProperty": "location"}, problem="BadRequestData"),
         have("a", params={"geometryProperty": "location"}, headers={"Accept": GEO})),
    case("+5711_01_03", "5.7.1.4", "a projection into Linked Entities needs join", create(entity("a", **BODY)),
         no_projection(pick="near{label}")),
    # GeoJSON
    case("018_05_01 018_05_02 018_05_03 018_05_04", "4.5.16, 4.5.17, 6.3.15", "an entity as a Feature",
         create(entity("a", **PLACES)), feature(point(13.4, 52.5), PLACES),
         feature(point(13.4, 52.5), {"label": "Tower", "location": point(13.4, 52.5),
                                     "observationSpace": point(11.1, 11.2)},
                 options="keyValues"),
         feature(point(11.1, 11.2), PLACES, geometryProperty="observationSpace"),
         feature(None, PLACES, geometryProperty="operationSpace")),
    case("+4516_01_01 +4517_01", "4.5.16.1, 4.5.17.1", "of several places the default instance is the geometry",
         create(entity("a", load=prop(5), location=[geo(point(9, 9), datasetId=GPS), geo(point(1, 2))])),
         have("a", headers={"Accept": GEO}, values={"type": "Feature", "id": A, "geometry": point(1, 2),
                                                    "properties.type": "Station"}, lacks=["properties.id"]),
         have("a", headers={"Accept": GEO}, params={"options": "keyValues"}, values={
             "geometry": point(1, 2), "properties.load": 5,
             "properties.location": {"dataset": {"@none": point(1, 2), GPS: point(9, 9)}}})),
    case("+4516_01_02", "4.5.16.1", "without a geometry there is null", create(entity("a", load=prop(5))),
         have("a", headers={"Accept": GEO}, values={"geometry": None}),
         have("a", headers={"Accept": GEO}, params={"geometryProperty": "load"}, values={"geometry": None})),
    case("018_08_01 018_08_02 018_09_01 018_09_02", "4.7", "core GeoProperties in both representations",
         create(entity("a", observationSpace=geo(point(1, 2)), operationSpace=geo(point(3, 4)))),
         have("a", body=entity("a", observationSpace=geo(point(1, 2)), operationSpace=geo(point(3, 4)))),
         formats({"observationSpace": point(1, 2), "operationSpace": point(3, 4)}, options="keyValues")),
    case("+454_01", "4.5.4", "the simplified form of every kind of attribute",
         create(entity("a", load=[prop(55), prop(11, datasetId=GPS)], motto=lang({"en": "hi"}), facts=raw({"a": 1}),
                       zone=vocab("residential"), wear={"type": "ListProperty", "valueList": [1.2, 3.4]},
                       inCity=rel(PARIS), route={"type": "ListRelationship",
                                                 "objectList": ["urn:ngsi-ld:Road:1", "urn:ngsi-ld:Road:2"]})),
         formats({"load": {"dataset": {"@none": 55, GPS: 11}}, "motto": {"languageMap": {"en": "hi"}},
                  "facts": {"json": {"a": 1}}, "zone": {"vocab": "residential"}, "wear": [1.2, 3.4], "inCity": PARIS,
                  "route": ["urn:ngsi-ld:Road:1", "urn:ngsi-ld:Road:2"]}, options="keyValues")),
    case("+6311_01_01 +6311_01_02", "6.3.11, 4.22", "expiresAt is shown with sysAttrs only",
         create(entity("a", expiresAt="2100-01-01T00:00:00Z", load=prop(7, expiresAt="2100-01-01T00:00:00Z"))),
         have("a", lacks_text=["expiresAt"]), have("a", params={"options": "sysAttrs"}, values={
             "expiresAt": "~2100-01-01T00:00:00.*Z", "load.expiresAt": "~2100-01-01T00:00:00.*Z"},
             has=["createdAt", "load.createdAt"])),
    # Languages
    case("018_07_01 018_07_02 018_07_03 018_07_04", "4.15", "a LanguageProperty becomes a Property in one language",
         create(entity("a", **STREET)), speaks("fr", "fr", "Grand-Place"), speaks("fr-CH,fr", "fr", "Grand-Place"),
         speaks("nl", "nl", "Grote Markt"), speaks("*", "~fr|nl", "~Gr.*"),
         speaks("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", "fr", "Grand-Place")),
    case("018_07_05 018_07_06", "4.15, 4.5.4", "simplified it is the text alone", create(entity("a", **STREET)),
         formats({"street": "Grand-Place"}, options="keyValues", lang="fr"),
         formats({"street": "~Gr.*"}, options="keyValues", lang="*")),
    case("+415_01_01 +415_01_02 +415_01_03 +415_01_04 +415_01_05", "4.15, RFC 4647, RFC 3282",
         "weights rank, tags ignore case, longer and shorter tags meet, and there is always some language",
         create(entity("a", **STREET)), create(entity("b", street=lang({"de": "Platz", "en-US": "Main Square"}))),
         speaks("fr;q=0.2,nl;q=0.9", "nl", "Grote Markt"), speaks("FR", "fr", "Grand-Place"),
         speaks("nl-BE", "nl", "Grote Markt"), speaks("en", "en-US", "Main Square", "b"),
         speaks("pt", "~fr|nl", "~Gr.*")),
    # Linked Entities
    case("018_10_01 018_10_02 018_10_03 018_10_04", "4.5.23",
         "Linked Entities within or beside, normalized or simplified",
         create(IN_PARIS), create(CITY), linked({"body": entity("a", inCity=rel(PARIS, entity=INLINE_CITY))},
                                                join="inline"),
         linked({"body": [IN_PARIS, CITY]}, join="flat"),
         linked({"body": {"id": A, "type": "Station", "inCity": {
             "id": PARIS, "type": "City", "label": "Paris", "inCountry": FRANCE}}}, join="inline", options="keyValues"),
         linked({"body": [{"id": A, "type": "Station", "inCity": PARIS},
                          {"id": PARIS, "type": "City", "label": "Paris", "inCountry": FRANCE}]},
                join="flat", options="keyValues")),
    case("018_11_01 018_12_01", "4.5.23, 6.3.11", "stamps of Linked Entities with sysAttrs", create(IN_PARIS),
         create(CITY),
         linked({"has": ["inCity.entity.createdAt"]}, join="inline", options="sysAttrs"),
         linked({"has": ["0.createdAt", "1.createdAt"]}, join="flat", options="sysAttrs")),
    case("018_13_01 018_13_02 018_13_03 018_13_04", "4.5.23", "two levels", create(IN_PARIS), create(CITY),
         create(COUNTRY),
         linked({"body": entity("a", inCity=rel(PARIS, entity={**CITY, "inCountry": rel(FRANCE, entity=COUNTRY)}))},
                join="inline", joinLevel="2"),
         linked({"body": [IN_PARIS, CITY, COUNTRY]}, join="flat", joinLevel="2"),
         linked({"values": {"inCity.inCountry": {"id": FRANCE, "type": "Country", "label": "France",
                                                 "motto": "L, É, F"}}},
                join="inline", joinLevel="2", options="keyValues"),
         linked({"values": {"2.id": FRANCE, "1.inCountry": FRANCE}}, join="flat", joinLevel="2", options="keyValues")),
    case("018_14_01 018_14_02", "4.5.23", "a Linked Entity that is not there is left out", create(IN_PARIS),
         linked({"body": IN_PARIS}, join="inline"), linked({"ids": [A]}, join="flat"),
         deviates="the suite wants one object for join=flat, too; with flat the answer is an array (4.5.23.3)"),
    case("018_19_01 018_19_02 018_19_03 018_19_04", "4.5.23, 4.21",
         "omit and pick reach one level into Linked Entities",
         create({**IN_PARIS, "label": prop("North")}), create(CITY),
         linked({"body": {"id": A, "label": prop("North")}}, join="inline", pick="id,label"),
         linked({"body": {"id": A, "inCity": rel(PARIS, entity={"id": PARIS, "label": prop("Paris")})}}, join="inline",
                pick="id,inCity{id,label}"),
         linked({"lacks": ["label", "inCity.entity.label"], "has": ["inCity.entity.inCountry", "type"]}, join="inline",
                omit="label,inCity{label}"),
         linked({"lacks": ["label", "inCity.entity.label"]}, join="inline", omit="label"), deviates=OMIT),
    case("018_20_01 018_20_02 018_20_03 018_20_04 018_21_01 018_21_03", "4.5.23, 4.21", "and two levels",
         create(IN_PARIS), create(CITY), create(COUNTRY),
         linked({"body": {"id": A, "inCity": rel(PARIS, entity={
             "id": PARIS, "label": prop("Paris"), "inCountry": rel(FRANCE,
                                                                   entity={"id": FRANCE,
                                                                           "motto": COUNTRY["motto"]})})}},
             join="inline", joinLevel="2", pick="id,inCity{id,label,inCountry{id,motto}}"),
         linked({"body": [{"id": A, "inCity": rel(PARIS)}, {"id": PARIS, "label": prop("Paris"),
                                                            "inCountry": rel(FRANCE)},
                          {"id": FRANCE, "motto": COUNTRY["motto"]}]},
                join="flat", joinLevel="2", pick="id,inCity{id,label,inCountry{id,motto}}"),
         linked({"body": {"id": A, "inCity": rel(PARIS, entity={"id": PARIS, "label": prop("Paris")})}}, join="inline",
                joinLevel="2", pick="id,inCity{id,label}"),
         linked({"lacks": ["type", "inCity.entity.label", "inCity.entity.inCountry.entity.motto"],
                 "has": ["inCity.entity.inCountry.entity.label"]}, join="inline", joinLevel="2",
                omit="type,inCity{label,inCountry{motto}}"),
         linked({"lacks": ["inCity.entity.label"], "has": ["inCity.entity.inCountry.entity.label"]}, join="inline",
                joinLevel="2", omit="inCity{label}"),
         linked({"has": ["1.inCountry", "2.label"], "lacks": ["1.label"]}, join="flat", joinLevel="2",
                omit="inCity{label}"),
         deviates=OMIT),
    case("018_09_01 018_09_02", "4.7", "an operationSpace comes back as it is, simplified too",
         create(entity("a", operationSpace=geo(point(8, 40)))),
         have("a", body=entity("a", operationSpace=geo(point(8, 40)))),
         have("a", params={"options": "keyValues"}, body=entity("a", operationSpace=point(8, 40)))),
    case("018_12_01", "4.5.23, 4.5.2", "flat Linked Entities carry their times",
         create(IN_PARIS), create(CITY),
         linked({"has": ["0.createdAt", "1.createdAt"]}, join="flat", joinLevel="1", options="sysAttrs")),
    case("+5714_01_01 +5714_01_02 +5714_01_03", "5.7.1.4, 5.2.39",
         "a retrieval makes an entity map, or uses a live one",
         create(entity("a")), have("a", params={"entityMap": "true"}, body=entity("a"),
                                   answer={"NGSILD-EntityMap": "~.*/ngsi-ld/v1/entityMaps/.+"},
                                   keep={"MAP": "headers.NGSILD-EntityMap"}),
         request("GET", "", status=200, at="${MAP}", values={"type": "EntityMap", "entityMap": {A: ["@none"]}}),
         have("a", headers={"NGSILD-EntityMap": "${MAP}"}, body=entity("a"), answer={"NGSILD-EntityMap": "${MAP}"}),
         have("a", headers={"NGSILD-EntityMap": "urn:ngsi-ld:EntityMap:none"}, body=entity("a"),
              answer={"NGSILD-EntityMap": "~.*/ngsi-ld/v1/entityMaps/.+"}),
         request("DELETE", "", status=204, at="${MAP}"), request("GET", "", status=404, at="${MAP}")),
]
