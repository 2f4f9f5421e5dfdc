"""Query Entities by GET and POST (clauses 5.7.2, 6.4.3.2, 6.23, 4.9, 4.10, 4.17, 4.19, 4.21, 4.23)."""
import json

from table import (GEO, JSON, OMIT, TERMS, case, create, entity, geo, get, lang, point, post, prop, query, rel, vocab)

EIFFEL = entity("e", label=prop("Eiffel"), usage=prop("tourism"), load=prop(4, unitCode="C62"), crowded=prop(False))
PISA = entity("p", label=prop("Pisa"), load=prop(6), crowded=prop(True), inCity=rel("urn:ngsi-ld:City:Pisa"))
THIRD = entity("t", label=prop("Pisa"), load=prop(7), crowded=prop(False))
E, P, T = EIFFEL["id"], PISA["id"], THIRD["id"]
TOWERS = [create(EIFFEL), create(PISA), create(THIRD)]
A, B, C = (f"urn:ngsi-ld:Station:{name}" for name in "abc")
MANY = "urn:ngsi-ld:Station:"
FR, DE, ES = (f"urn:ngsi-ld:Dataset:{tag}" for tag in ("fr", "de", "es"))
NAMES = {"label": [prop("Tower"), prop("Tour", datasetId=FR), prop("Turm", datasetId=DE)],
         "near": [rel("urn:ngsi-ld:X:en"), rel("urn:ngsi-ld:X:fr", datasetId=FR),
                  rel("urn:ngsi-ld:X:es", datasetId=ES)]}


def ids(*wanted, **params):
    return query(expect={"ids": list(wanted)}, **params)


def found(q, *wanted):
    return query(q=q, count="true", expect={"ids": list(wanted), "count": len(wanted)})


def refused(**params):
    return query(400, expect={"problem": "BadRequestData"}, **params)


def near(georel, geometry, coordinates, *wanted, **params):
    return query(type="Station", georel=georel, geometry=geometry, coordinates=json.dumps(coordinates), count="true",
                 expect={"ids": list(wanted), "count": len(wanted)}, **params)


def bad_geo(georel, geometry="Point", coordinates="[8,40]"):
    return refused(type="Station", georel=georel, geometry=geometry, coordinates=coordinates)


def asked(body, *wanted, status=200, **more):
    if status != 200:
        return post("/entityOperations/query", body, status, problem="BadRequestData", **more)
    return post("/entityOperations/query", body, 200, ids=list(wanted), **more)


def page(limit, offset, wanted, before, after):
    """Pages of three: the Link names the one before and the one after, or not."""
    links = [f'~<.*offset={offset}.*>;\\s*rel="{word}".*' for word, offset in (("prev", before), ("next", after))
             if offset is not None]
    step = query(type="Station", idPattern=MANY + ".*", limit=str(limit), offset=str(offset), count="true",
                 expect={"ids": wanted, "count": 3})
    if links:
        step["expect"]["headers"] = {"Link": links}
    return step


def square(west, south, east, north):
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


CASES = [
    case("019_01_01", "5.7.2", "by ids and type", *TOWERS, ids(E, T, id=f"{E},{T}", type="Station"),
         ids(E, T, id=f"{E},{T}", type=TERMS + "Station", context=None)),
    case("019_01_02", "5.7.2, 4.17", "by types, whole names too", *TOWERS, create(entity("d", "Depot")),
         create(entity("t", "Tram")), ids("urn:ngsi-ld:Depot:d", "urn:ngsi-ld:Tram:t", type="Depot,Tram"),
         ids("urn:ngsi-ld:Depot:d", "urn:ngsi-ld:Tram:t", type=f"{TERMS}Depot,{TERMS}Tram", context=None)),
    case("019_01_03", "5.7.2", "by a pattern of ids", *TOWERS, ids(E, P, T, type="Station", idPattern=MANY + ".*"),
         ids(P, T, type="Station", idPattern="Station:[pt]$")),
    case("019_01_04", "5.7.2", "attrs selects entities and attributes", *TOWERS, create(entity("a")),
         query(attrs="usage,inCity", expect={"body": [
             {"id": E, "type": "Station", "usage": EIFFEL["usage"]},
             {"id": P, "type": "Station", "inCity": PISA["inCity"]}]})),
    case("019_01_06 +019_34_01 +019_34_02 +019_34_03 +019_34_04", "4.19", "by scope",
         create(entity("a", scope="/City/Gardens/North")), create(entity("b",
                                                                         scope=["/City/Gardens/North",
                                                                                "/Works/Unit1"])),
         create(entity("c")), *[ids(*wanted, type="Station", scopeQ=text) for text, wanted in (
             ("/City/Gardens/North", (A, B)), ("/City/+/North", (A, B)), ("/Works/#", (B,)), ("/#", (A, B)),
             ("/City/Gardens/North;/Works/Unit1", (B,)), ("/City/Gardens/North,/Works/Unit1", (A, B)),
             ("(/City/Gardens/North;/Works/Unit1)", (B,)), ("(/City/Gardens/North;/Works/Unit1)|/City/Gardens/North",
                                                            (A, B)),
             ("/Works/Unit1|/Nowhere", (B,)), ("(/City/Gardens/North;/Nowhere)", ()))]),
    case("019_02_01 019_02_02 019_02_03 019_02_04 019_02_06", "5.7.2, 5.2.23, 6.23",
         "by POST: selectors and attributes",
         *TOWERS, create(entity("d", "Depot")), asked({"type": "Query", "entities": [{"id": E, "type": "Station"}]}, E),
         asked({"type": "Query", "entities": [{"type": "Depot"}]}, "urn:ngsi-ld:Depot:d"),
         asked({"type": "Query", "entities": [{"idPattern": "Station:[ep]$", "type": "Station"}]}, E, P),
         asked({"type": "Query", "attrs": ["usage", "inCity"]}, E, P),
         asked({"type": "Query", "entities": [{"id": E, "type": "Station"}, {"id": T, "type": "Station"}]}, E, T)),
    case("019_02_05", "6.23.3.1, 4.5.16.3", "by POST as a FeatureCollection",
         create(entity("a", location=geo(point(1, 2)))),
         create(entity("d", "Depot")),
         post("/entityOperations/query", {"type": "Query", "entities": [{"type": "Station,Depot"}]}, 200,
              headers={"Accept": GEO}, values={"type": "FeatureCollection", "features": [
                  {"id": A, "type": "Feature", "geometry": point(1, 2),
                   "properties": {"type": "Station", "location": geo(point(1, 2))}},
                  {"id": "urn:ngsi-ld:Depot:d", "type": "Feature", "geometry": None,
                   "properties": {"type": "Depot"}}]})),
    case("019_03_01 019_03_02 019_03_03 019_03_04 019_03_05", "5.7.2.4",
         "bad ids, patterns, names, relations, and too wide",
         *TOWERS, refused(id="nouri1,nouri2", type="Station"), refused(idPattern="x**(", type="Station"),
         refused(attrs="id,type"), bad_geo("invalid"), refused(id=f"{E},{P}")),
    case("019_04_01", "6.3.7", "simplified", *TOWERS, query(id=f"{E},{T}", type="Station", options="keyValues", expect={
        "body": [{"id": E, "type": "Station", "label": "Eiffel", "usage": "tourism", "load": 4, "crowded": False},
                 {"id": T, "type": "Station", "label": "Pisa", "load": 7, "crowded": False}]})),
    case("019_05_01 +4516_01_03", "6.3.7, 4.5.16.3", "GeoJSON, with one @context for all",
         create(entity("a", location=geo(point(1, 2)))), query(type="Station", headers={"Accept": GEO},
                                                               expect={"body": {
             "type": "FeatureCollection", "@context": "~any", "features": [
                 {"id": A, "type": "Feature", "geometry": point(1, 2),
                  "properties": {"type": "Station", "location": geo(point(1, 2))}}]}})),
    case("019_06_01", "6.3.10", "a limit", *TOWERS, ids(E, P, id=f"{E},{P},{T}", type="Station", limit="2")),
    case("019_07_01 019_07_02", "6.3.13", "a count", *TOWERS, query(type="Station", count="true", expect={"count": 3}),
         query(type="Station", count="true", q="load==6", expect={"count": 1, "ids": [P]})),
    case("+019_31_01 +019_31_02 +019_31_03 +019_31_04", "4.12, 5.5.9, 6.3.10", "pages name their neighbours",
         *TOWERS, page(1, 0, [E], None, 1), page(1, 1, [P], 0, 2), page(1, 2, [T], 1, None),
         page(2, 0, [E, P], None, 2)),
    case("+019_31_05", "4.13", "a limit of zero with a count gives the number alone", *TOWERS,
         page(0, 0, [], None, None)),
    case("019_08_01 019_08_02 019_08_03 019_08_04 019_08_05", "4.17", "the type selection language",
         create(entity("a")),
         create(entity("b", "Depot") | {"id": B}), create(entity("c", ["Station", "Landmark"])),
         ids(A, C, type="Station"), ids(C, type="(Station;Landmark)"), ids(A, B, C, type="Station,Depot"),
         ids(B, C, type="Depot,Landmark"), ids(C, type="(Station;Depot),Landmark"), ids(A, B, C, type="Station|Depot")),
    case("019_09_01 019_09_02 019_09_03 019_09_04 019_09_05 019_09_06 019_09_07", "4.9",
         "comparisons, and, or, parentheses",
         *TOWERS, found('label=="Eiffel"', E), found('label=="Pisa";crowded==false', T),
         found('label=="Pisa"|crowded==false', E, P, T), found('(label=="Pisa"|label=="Eiffel");crowded==false', E, T),
         found("load==4", E), found("load>=4;load<7", E, P)),
    case("019_09_08 019_09_09 019_09_10", "4.9", "Relationships by URI", *TOWERS,
         found("inCity==urn:ngsi-ld:City:Pisa", P),
         found("inCity==urn:ngsi-ld:City:Ulm"), found("inCity==urn:ngsi-ld:City:Pisa|inCity==urn:ngsi-ld:City:Ulm", P),
         found('inCity=="urn:ngsi-ld:City:Pisa"', P)),
    case("+019_28_01 +019_28_02 +019_28_03 +019_28_04 +019_28_05 +019_28_06", "4.9", "ranges, lists, patterns", *TOWERS,
         found("load==4..6", E, P), found("load!=4..6", T), found('label=="Eiffel","Pisa"', E, P, T),
         found('label!="Eiffel","Big"', P, T), found('label!~="^Eiffel"', P, T), found('label~="^Ei"', E),
         refused(type="Station", q="load>4..5")),
    case("019_10_01 019_10_02 019_10_03 019_10_04 019_10_05 019_10_06 019_10_07 019_10_08", "4.10",
         "points of entities",
         create(entity("a", location=geo(point(13.3986, 52.5547)))),
         create(entity("b", location=geo(point(13.4, 52.45)))),
         create(entity("c", location=geo(point(13.9, 52.4)))),
         near("equals", "Point", [13.3986, 52.5547], A), near("near;maxDistance==15000", "Point", [13.39, 52.53], A, B),
         near("near;minDistance==15000", "Point", [13.39, 52.53], C),
         near("within", "Polygon", square(13.3, 52.4, 13.5, 52.6), A, B),
         near("disjoint", "Polygon", square(13.3, 52.4, 13.5, 52.6), C),
         near("disjoint", "Point", [13.3986, 52.5547], B, C), near("contains", "Point", [13.3986, 52.5547], A),
         near("intersects", "Point", [13.3986, 52.5547], A)),
    case("019_11_01 019_11_02 019_11_03 019_11_04 019_11_05 019_11_06 019_11_07 019_11_08", "4.10", "areas of entities",
         create(entity("a", location=geo({"type": "Polygon", "coordinates": square(0, 0, 10, 10)}))),
         create(entity("b", location=geo({"type": "Polygon", "coordinates": square(20, 0, 30, 10)}))),
         near("equals", "Polygon", square(0, 0, 10, 10), A), near("intersects", "Polygon", square(9, 9, 12, 12), A),
         near("contains", "Polygon", square(2, 2, 4, 4), A), near("contains", "Polygon", square(9, 9, 12, 12)),
         near("disjoint", "Polygon", square(12, 0, 15, 3), A, B), near("within", "Polygon", square(-1, -1, 11, 11), A),
         near("overlaps", "Polygon", square(9, 9, 12, 12), A), near("overlaps", "Polygon", square(2, 2, 4, 4)),
         near("contains", "Point", [25, 5], B)),
    case("019_01_05", "4.10, 5.7.2", "a place without a type, whole names in the answer",
         create(entity("a", location=geo(point(13.4, 52.5)))),
         query(georel="equals", geometry="Point", coordinates="[13.4, 52.5]", context=None, expect={"body": [
             {"id": A, "type": TERMS + "Station", "location": geo(point(13.4, 52.5))}]})),
    case("+019_30_01 +019_30_02 +019_30_03 +019_30_04 +019_30_05 +019_30_13 +019_30_14", "4.10",
         "georel keeps to the grammar",
         *[bad_geo(text) for text in ("near;maxDistance==0", "near;maxDistance==-100",
                                      "near;maxDistance==5;maxDistance==1",
                                      "near", "touches", "near;maxDistance==inf", "near;maxDistance==1e400")]),
    case("+019_30_06", "4.10", "what lies in the hole of a polygon is not within it",
         create(entity("a", location=geo(point(5, 5)))), create(entity("b", location=geo(point(2, 2)))),
         near("within", "Polygon", square(0, 0, 10, 10) + square(4, 4, 6, 6), B)),
    case("+019_30_07 +019_30_08", "4.10", "geoproperty names the place, location is the default",
         create(entity("a", location=geo(point(0, 0)), observationSpace=geo(point(8, 40)))),
         create(entity("b", location=geo(point(0, 0)))),
         near("near;maxDistance==2000", "Point", [8, 40], A, geoproperty="observationSpace"),
         near("near;maxDistance==2000", "Point", [8, 40])),
    case("+019_30_09 +019_30_10 +019_30_11 +019_30_12", "4.10", "near is in metres, from the whole of a geometry",
         create(entity("a", location=geo(point(10, 60.009)))),
         create(entity("b", location=geo({"type": "LineString", "coordinates": [[1, 85], [0, 85.6]]}))),
         near("near;maxDistance==2000", "LineString", [[0, 60], [10, 60]], A),
         near("near;maxDistance==2000", "LineString", [[0, 61], [10, 61]]),
         near("near;maxDistance==20000", "Point", [0, 85], B), near("near;maxDistance==5000", "Point", [0, 85])),
    case("019_12_01 019_12_02 019_12_03 019_12_04 019_12_05 019_12_06 019_12_07", "4.5.5, 5.7.2.4",
         "instances by datasetId",
         create(entity("a", **NAMES)), *[query(type="Station", expect={"body": [entity("a", **left)]},
                                               **params) for params, left in (
             ({"attrs": "label"}, {"label": NAMES["label"]}),
             ({"datasetId": FR}, {"label": NAMES["label"][1], "near": NAMES["near"][1]}),
             ({"datasetId": f"{FR},{ES}"}, {"label": NAMES["label"][1], "near": NAMES["near"][1:]}),
             ({"datasetId": "@none"}, {"label": NAMES["label"][0], "near": NAMES["near"][0]}),
             ({"attrs": "label", "datasetId": "@none"}, {"label": NAMES["label"][0]}),
             ({"attrs": "label", "datasetId": DE}, {"label": NAMES["label"][2]}),
             ({"attrs": "label", "datasetId": ES}, {}))]),
    case("019_17_01 019_17_02 019_17_03 019_17_04 019_17_05 019_17_06", "4.21, 5.7.2.4", "pick and omit", *TOWERS,
         create(entity("t", "Tram", operator=prop(1))),
         query(type="Station,Tram", pick="label",
               expect={"body": [{"label": prop("Eiffel")}] + 2 * [{"label": prop("Pisa")}] + [{}]}),
         query(type="Station,Tram", pick="id", expect={"body": [{"id": E}, {"id": P}, {"id": T},
                                                                {"id": "urn:ngsi-ld:Tram:t"}]}),
         query(type="Tram,Depot", omit="id", expect={"body": [{"type": "Tram", "operator": prop(1)}]}),
         query(type="Station,Tram", pick="id,inCity", expect={"body": [
             {"id": E}, {"id": P, "inCity": PISA["inCity"]}, {"id": T}, {"id": "urn:ngsi-ld:Tram:t"}]}),
         query(type="Tram", omit="type,operator", expect={"body": [{"id": "urn:ngsi-ld:Tram:t"}]}),
         deviates="019_17_01 leaves out an entity of which nothing remains; table 6.4.3.2-1 reduces, it drops none"),
    case("019_18_01 019_18_02 019_18_03 019_18_04 019_18_05 019_18_06 019_18_07 019_18_08 019_18_09", "4.21",
         "pick and omit keep to the grammar", refused(type="Station", pick="label", omit="label"),
         refused(type="Station", pick="label", attrs="usage"), refused(type="Station", omit="label", attrs="usage"),
         *[refused(type="Station", pick=text) for text in (
             "id;label", "id,near{label", "id,near{{label}", "id,,label", "id,near{,label}", "id,near{}")]),
    case("+019_33_01 +019_33_02 +019_33_03 +019_33_04 +019_33_05", "5.7.2.4", "a projection deeper than the join",
         refused(type="Station", pick="near{operator{label}}", join="inline", joinLevel="1"),
         refused(type="Station", omit="near{operator{label}}", join="inline", joinLevel="1"),
         refused(type="Station", pick="near{operator{label}}"),
         refused(type="Station", pick="near{" * 11 + "label" + "}" * 11, join="inline", joinLevel="10"),
         refused(type="Station", omit="near{" * 11 + "label" + "}" * 11, join="inline", joinLevel="10")),
    case("019_25", "5.7.2.4 e", "local scope needs nothing else", *TOWERS, ids(E, P, T, local="true")),
    case("+019_26_01 +019_26_02", "6.4.3.2", "* is every type, and local", *TOWERS, create(entity("d", "Depot")),
         ids(E, P, T, "urn:ngsi-ld:Depot:d", type="*"), query(400, type="*", local="false")),
    case("+019_27_01 +019_27_02", "5.7.2.4", "geometryProperty needs GeoJSON",
         refused(type="Station", geometryProperty="location"),
         query(type="Station", geometryProperty="location", headers={"Accept": GEO})),
    case("+019_29_01 +019_29_02 +019_29_03", "4.9 example 9", "into compound values", *TOWERS,
         create(entity("a", address=prop({"city": "Berlin", "street": "U"}))), found('address[city]=="Berlin"', A),
         found('address[postcode]=="Berlin"'), found("address[city]", A)),
    case("+019_29_04 +019_29_05 +019_29_06 +019_29_07", "4.9", "into languages",
         create(entity("a", colour=lang({"fr": "rouge", "en": "red"}))), found('colour[en]=="red"', A),
         found('colour[en]=="rouge"'), found('colour[*]=="rouge"', A), found('colour[*]!="red"')),
    case("+019_29_08 +019_29_09 +019_29_10", "4.9 examples 13, 14", "into Linked Entities",
         create(entity("a", near=rel(B))), create(entity("b", "Depot", label=prop("Pisa")) | {"id": B}),
         ids(A, q='near{label}=="Pisa"', type="Station", join="inline", joinLevel="1"),
         ids(A, q='near{Depot:label}=="Pisa"', type="Station", join="inline", joinLevel="1"),
         ids(q='near{Tram:label}=="Pisa"', type="Station", join="inline", joinLevel="1")),
    case("+019_29_11", "4.9", "a Relationship is not greater than anything", *TOWERS, found('inCity>"urn:a"')),
    case("+019_29_12 +019_29_13", "4.9 example 12", "expandValues makes terms of a vocabulary",
         create(entity("a", zone=vocab("residential"))),
         ids(A, q="zone==residential", type="Station", expandValues="zone"),
         ids(q="zone==residential", type="Station"), ids(A, q=f'zone=="{TERMS}residential"', type="Station")),
    case("+019_32_01 +019_32_02 +019_32_03", "5.2.23", "POST takes q, pick and omit", *TOWERS,
         asked({"type": "Query", "entities": [{"type": "Station"}], "q": "load>6"}, T),
         post("/entityOperations/query", {"type": "Query", "entities": [{"type": "Station"}], "pick": ["load"]}, 200,
              body=[{"load": prop(4, unitCode="C62")}, {"load": prop(6)}, {"load": prop(7)}]),
         post("/entityOperations/query", {"type": "Query", "entities": [{"type": "Station"}], "omit": ["load"]}, 200,
              lacks=["0.load", "1.load", "2.load"], has=["0.label", "1.label", "2.label"])),
    case("+019_32_04 +019_32_05 +019_32_06 +019_32_07 +019_32_08 +019_32_09", "5.2.23", "POST keeps to the data type",
         *[asked({"type": "Query", "entities": [{"type": "Station"}], **body}, status=400) for body in (
             {"entities": []}, {"attrs": []}, {"q": 42}, {"join": "inline", "joinLevel": 0}, {"type": "NotQuery"},
             {"temporalQ": {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}})]),
    case("+5233_01_01 +5233_01_02 +5233_01_03 +5233_01_04 +5233_01_05 +5233_01_06", "5.2.33", "selectors", *TOWERS,
         *[asked({"type": "Query", "entities": [one]}, *wanted, status=status) for one, wanted, status in (
             ({"type": "Station", "id": [E, T]}, (E, T), 200),
             ({"type": "Station", "id": E, "idPattern": "p$"}, (E,), 200),
             ({"id": E}, (), 400), ({"type": "Station", "id": "no uri"}, (), 400),
             ({"type": "Station", "id": [E, 5]}, (), 400), ({"type": "Station", "idPattern": "p$"}, (P,), 200))]),
    case("+5722_01_01 +5722_01_02", "5.7.2.4", "system attributes do not narrow", refused(attrs="createdAt"),
         refused(q='modifiedAt>"2020-01-01T00:00:00Z"')),
    case("+5722_01_03 +5722_01_04", "5.7.2.4", "Linked Entities in q need a join deep enough",
         refused(type="Station", q='near{label}=="x"'),
         refused(type="Station", q='near{operator{label}}=="x"', join="inline", joinLevel="1")),
    case("+5722_01_05", "5.7.2.4", "csf is accepted, and must be a query",
         refused(type="Station", csf="))bad(("), query(type="Station", csf='name=="x"')),
    # Ordering
    case("019_19_01 019_19_02 019_19_06 019_19_07 019_19_08 +019_27_03", "4.23", "by attributes, members, either way",
         create(entity("b", label=prop("Bb"))), create(entity("a", label=prop("Aa"))),
         create(entity("c", label=prop("Cc"))),
         *[ids(*wanted, type="Station", local="true", orderBy=text) for text, wanted in (
             ("label", (A, B, C)), ("id", (A, B, C)), ("label;asc", (A, B, C)), ("label;desc", (C, B, A)),
             ("type,label", (A, B, C)), ("createdAt", (B, A, C)), ("label.createdAt", (B, A, C)))],
         ids(A, B, C, type="Station", orderBy="label"), refused(type="Station", orderBy="label", local="false")),
    case("019_19_03 019_19_04 019_19_05 019_19_09", "4.23", "by sub-attributes and several at once",
         create(entity("b", label=prop("Bb", measuredBy=prop(2)))),
         create(entity("a", label=prop("Aa", measuredBy=prop(1)))),
         create(entity("c", label=prop("Cc", measuredBy=prop(3)))),
         ids(A, B, C, type="Station", local="true", orderBy="label.measuredBy"),
         ids(C, B, A, type="Station", local="true", orderBy="type;asc,label.measuredBy;desc,label;asc")),
    case("+423_01_01 +423_01_02 +5243_01_01 +5243_01_02 +5243_01_03 +5243_01_04", "4.23.3, 5.2.43", "by distance",
         create(entity("c", location=geo(point(10, 45)))), create(entity("a", location=geo(point(8.01, 40.01)))),
         create(entity("b", location=geo(point(9, 41)))),
         ids(A, B, C, type="Station", local="true", orderBy="location;dist-asc", orderFrom="[8,40]"),
         ids(C, B, A, type="Station", local="true", orderBy="location;dist-desc", orderFrom="[8,40]"),
         refused(type="Station", local="true", orderBy="location;dist-asc"),
         *[asked({"type": "Query", "entities": [{"type": "Station"}], "ordering": order}, *wanted, status=status,
                 params={"local": "true"})
           for order, wanted, status in (
               ({"orderBy": ["location;dist-asc"], "coordinates": [8, 40], "geometry": "Point"}, (A, B, C), 200),
               ({"orderBy": ["location;dist-asc"]}, (), 400),
               ({"orderBy": ["location;dist-asc"], "coordinates": "8,40"}, (), 400),
               ({"orderBy": ["id;asc"], "geometry": 5}, (), 400))]),
    case("+423_01_03 +423_01_04", "4.23.2", "numbers before texts before nothing, and into compound values",
         create(entity("c", address=prop({"city": "Ulm"}))), create(entity("b", rank=prop("abc"),
                                                                           address=prop({"city": "Bonn"}))),
         create(entity("a", rank=prop(5), address=prop({"city": "Aachen"}))),
         ids(A, B, C, type="Station", local="true", orderBy="rank"),
         ids(C, B, A, type="Station", local="true", orderBy="address[city];desc")),
    case("+4233_01_01 +4233_01_02", "4.23.1, 4.23.3",
         "texts in the order of the root collation, or one that is asked for",
         create(entity("c", label=prop("b"))), create(entity("b", label=prop("á"))),
         create(entity("a", label=prop("A"))),
         ids(A, B, C, type="Station", local="true", orderBy="label"),
         ids(A, B, C, type="Station", local="true", orderBy="label", collation="und"),
         refused(type="Station", local="true", orderBy="label", collation="!!nope"),
         deviates="the fork orders by code points unless asked; 4.23.1 makes ICU's root collation the default"),
    case("+5243_01_05", "4.23.3 example 7, 5.2.43", "a collation of a language is taken",
         create(entity("b", label=prop("Öl"))), create(entity("a", label=prop("Of"))),
         asked({"type": "Query", "entities": [{"type": "Station"}],
                "ordering": {"orderBy": ["label"], "collation": "de-u-co-phonebk"}}, B, A, params={"local": "true"}),
         deviates="the fork refuses collations; example 7 asks for this one (ö sorts as oe)"),
    # Linked Entities
    case("019_13_01 019_13_02 019_13_03 019_13_04 019_14_01 019_15_01", "4.5.23, 5.7.2", "Linked Entities of a query",
         create(entity("a", inCity=rel("urn:ngsi-ld:City:1"))), create(entity("b", inCity=rel("urn:ngsi-ld:City:2"))),
         create(entity("1", "City")), create(entity("2", "City")),
         query(type="Station", join="inline", joinLevel="1", expect={"body": [
             entity("a", inCity=rel("urn:ngsi-ld:City:1", entity=entity("1", "City"))),
             entity("b", inCity=rel("urn:ngsi-ld:City:2", entity=entity("2", "City")))]}),
         query(type="Station", join="flat", joinLevel="1", expect={"any_order": [
             entity("a", inCity=rel("urn:ngsi-ld:City:1")), entity("b", inCity=rel("urn:ngsi-ld:City:2")),
             entity("1", "City"), entity("2", "City")]}),
         query(type="Station", join="inline", joinLevel="1", options="keyValues", expect={"body": [
             entity("a", inCity=entity("1", "City")), entity("b", inCity=entity("2", "City"))]}),
         query(type="Station", join="flat", joinLevel="1", options="keyValues", expect={"any_order": [
             entity("a", inCity="urn:ngsi-ld:City:1"), entity("b", inCity="urn:ngsi-ld:City:2"),
             entity("1", "City"), entity("2", "City")]}),
         query(type="Station", join="inline", joinLevel="1", options="sysAttrs", expect={
             "has": ["0.inCity.entity.createdAt", "1.inCity.entity.createdAt"]}),
         query(type="Station", join="flat", joinLevel="1", options="sysAttrs", expect={
             "has": ["0.createdAt", "1.createdAt", "2.createdAt", "3.createdAt"]})),
    case("019_16_01 019_16_02 019_16_03 019_16_04", "4.5.23", "two levels",
         create(entity("a", inCity=rel("urn:ngsi-ld:City:1"))),
         create(entity("1", "City", inCountry=rel("urn:ngsi-ld:Country:2"))),
         create(entity("2", "Country", label=prop("F"))),
         query(type="Station", join="inline", joinLevel="2", expect={"values": {
             "0.inCity.entity.inCountry.entity": entity("2", "Country", label=prop("F"))}}),
         query(type="Station", join="flat", joinLevel="2", expect={"ids_any": [A, "urn:ngsi-ld:City:1",
                                                                               "urn:ngsi-ld:Country:2"]}),
         query(type="Station", join="inline", joinLevel="2", options="keyValues", expect={"values": {
             "0.inCity.inCountry": entity("2", "Country", label="F")}}),
         query(type="Station", join="flat", joinLevel="2", options="keyValues", expect={
             "ids_any": [A, "urn:ngsi-ld:City:1", "urn:ngsi-ld:Country:2"]})),
    case("019_20_01 019_20_02 019_20_03 019_20_04 019_21_01 019_21_02 019_21_03 019_21_04", "4.5.23, 4.21",
         "pick and omit reach into Linked Entities",
         create(entity("a", label=prop("N"), inCity=rel("urn:ngsi-ld:City:1"))),
         create(entity("1", "City", label=prop("U"), usage=prop(1))),
         query(type="Station", join="inline", joinLevel="1", pick="id,label",
               expect={"body": [{"id": A, "label": prop("N")}]}),
         query(type="Station", join="inline", joinLevel="1", pick="id,inCity{id,label}", expect={"body": [
             {"id": A, "inCity": rel("urn:ngsi-ld:City:1", entity={"id": "urn:ngsi-ld:City:1", "label": prop("U")})}]}),
         query(type="Station", join="flat", joinLevel="1", pick="id,inCity{id,label}", expect={"any_order": [
             {"id": A, "inCity": rel("urn:ngsi-ld:City:1")}, {"id": "urn:ngsi-ld:City:1", "label": prop("U")}]}),
         query(type="Station", join="inline", joinLevel="1", omit="label", expect={"body": [entity("a", inCity=rel(
             "urn:ngsi-ld:City:1", entity=entity("1", "City", usage=prop(1))))]}),
         query(type="Station", join="inline", joinLevel="1", omit="inCity{label}",
               expect={"body": [entity("a", label=prop("N"), inCity=rel(
             "urn:ngsi-ld:City:1", entity=entity("1", "City", usage=prop(1))))]}),
         query(type="Station", join="inline", joinLevel="1", omit="label,inCity{label}",
               expect={"body": [entity("a", inCity=rel(
             "urn:ngsi-ld:City:1", entity=entity("1", "City", usage=prop(1))))]}),
         query(type="Station", join="flat", joinLevel="1", omit="label,inCity{label}", expect={"any_order": [
             entity("a", inCity=rel("urn:ngsi-ld:City:1")), entity("1", "City", usage=prop(1))]}),
         deviates=OMIT),
    case("019_22_01 019_22_02 019_22_03 019_22_04 019_23_01 019_23_03", "4.5.23, 4.21", "and two levels",
         create(entity("a", inCity=rel("urn:ngsi-ld:City:1"))),
         create(entity("1", "City", label=prop("U"), inCountry=rel("urn:ngsi-ld:Country:2"))),
         create(entity("2", "Country", label=prop("F"), motto=prop("M"))),
         query(type="Station", join="inline", joinLevel="2", pick="id,inCity{id,label,inCountry{id,motto}}",
               expect={"body": [
             {"id": A, "inCity": rel("urn:ngsi-ld:City:1", entity={
                 "id": "urn:ngsi-ld:City:1", "label": prop("U"), "inCountry": rel(
                     "urn:ngsi-ld:Country:2", entity={"id": "urn:ngsi-ld:Country:2", "motto": prop("M")})})}]}),
         query(type="Station", join="flat", joinLevel="2", pick="id,inCity{id,label}", expect={
             "ids_any": [A, "urn:ngsi-ld:City:1"]}),
         query(type="Station", join="inline", joinLevel="2", omit="type,inCity{label,inCountry{motto}}", expect={
             "has": ["0.inCity.entity.inCountry.entity.label"],
             "lacks": ["0.type", "0.inCity.entity.label", "0.inCity.entity.inCountry.entity.motto"]}),
         deviates=OMIT),
    case("019_24_01 019_24_02 019_24_03 019_24_04", "5.2.23, 6.23", "Linked Entities by POST",
         create(entity("a", inCity=rel("urn:ngsi-ld:City:1"))), create(entity("1", "City")),
         post("/entityOperations/query", {"type": "Query", "entities": [{"type": "Station"}], "join": "inline"}, 200,
              body=[entity("a", inCity=rel("urn:ngsi-ld:City:1", entity=entity("1", "City")))]),
         asked({"type": "Query", "entities": [{"type": "Station"}], "join": "flat"}, A, "urn:ngsi-ld:City:1"),
         post("/entityOperations/query", {"type": "Query", "entities": [{"type": "Station"}], "join": "inline"}, 200,
              params={"options": "keyValues"}, body=[entity("a", inCity=entity("1", "City"))])),
]
