"""Discovery of entity types and attributes (clauses 5.7.5 to 5.7.10, 5.2.24 to 5.2.28, 6.25 to 6.28)."""
import urllib.parse

from table import TERMS, case, create, delete, entity, geo, get, lang, point, prop, rel

STATION, TRAM = TERMS + "Station", TERMS + "Tram"
URI = "~urn:.+"
CITY = [create(entity("a", label=prop("North"), inCity=rel("urn:ngsi-ld:City:1"), location=geo(point(8, 40)))),
        create(entity("b", label=lang({"en": "South"}), load=prop(3))), create(entity("c", "Tram", load=prop(1)))]
DETAILS = {"details": "true"}


def of_type(name, *attributes):
    return {"id": TERMS + name, "type": "EntityType", "typeName": name, "attributeNames": list(attributes)}


def of_attribute(name, *types, iri=None):
    return {"id": iri or TERMS + name, "type": "Attribute", "attributeName": name, "typeNames": list(types)}


def escaped(iri):
    return urllib.parse.quote(iri, safe="")


LOCATION = "https://uri.etsi.org/ngsi-ld/location"

CASES = [
    case("022_01_01 +577_01_01", "5.7.5, 5.2.24", "the list of types, with the names of the @context", *CITY,
         get("/types", body={"id": URI, "type": "EntityTypeList", "typeList": ["Station", "Tram"]})),
    case("022_01_02", "5.7.5, 5.5.7", "without an @context the names are whole", *CITY,
         get("/types", context=None, values={"typeList": [STATION, TRAM]})),
    case("022_01_03", "5.7.5", "of nothing the list is empty", get("/types", values={"typeList": []})),
    case("023_01_01 023_01_02", "5.7.6, 5.2.25", "types in detail", *CITY,
         get("/types", params=DETAILS, any_order=[of_type("Station", "inCity", "label", "load", "location"),
                                                  of_type("Tram", "load")]),
         get("/types", params=DETAILS, context=None, any_order=[
             {"id": STATION, "type": "EntityType", "typeName": STATION, "attributeNames": [
                 TERMS + "inCity", TERMS + "label", TERMS + "load", "location"]},
             {"id": TRAM, "type": "EntityType", "typeName": TRAM, "attributeNames": [TERMS + "load"]}])),
    case("024_01_01 024_01_02 +577_01_02", "5.7.7, 5.2.26, 5.2.28",
         "one type with its attributes and how many there are", *CITY,
         get("/types/Tram", body={"id": TRAM, "type": "EntityTypeInfo", "typeName": "Tram", "entityCount": 1,
                                  "attributeDetails": [{"id": TERMS + "load", "type": "Attribute",
                                                        "attributeName": "load",
                                                        "attributeTypes": ["Property"]}]}),
         get("/types/Station", values={"entityCount": 2}, has=["attributeDetails.3"], lacks=["attributeDetails.4"]),
         get("/types/" + escaped(TRAM), values={"typeName": "Tram", "entityCount": 1}),
         get("/types/" + escaped(TRAM), context=None, values={"typeName": TRAM,
                                                              "attributeDetails.0.attributeName": TERMS + "load"})),
    case("024_01_03", "5.7.7, 5.2.28", "an attribute of several kinds lists them", *CITY,
         get("/types/Station", subset={"attributeDetails": [
             {"attributeName": "inCity", "attributeTypes": ["Relationship"]},
             {"attributeName": "label", "attributeTypes": ["Property", "LanguageProperty"]},
             {"attributeName": "load", "attributeTypes": ["Property"]},
             {"attributeName": "location", "attributeTypes": ["GeoProperty"]}]})),
    case("024_02_01 024_02_02 +577_01_03", "5.7.7.4", "a type that no entity has is not found", *CITY,
         get("/types/Depot", 404, problem="ResourceNotFound"),
         get("/types/Tram", 404, context=None, problem="ResourceNotFound"),
         get("/types/" + escaped("https://city.example/terms#None"), 404, problem="ResourceNotFound")),
    case("025_01_01 025_01_02", "5.7.8, 5.2.27", "the list of attributes", *CITY,
         get("/attributes", body={"id": URI, "type": "AttributeList",
                                  "attributeList": ["inCity", "label", "load", "location"]}),
         get("/attributes", context=None, values={"attributeList": [
             TERMS + "inCity", TERMS + "label", TERMS + "load", "location"]})),
    case("026_01_01 026_01_02", "5.7.9, 5.2.28", "attributes in detail", *CITY,
         get("/attributes", params=DETAILS, any_order=[
             of_attribute("inCity", "Station"), of_attribute("label", "Station"),
             of_attribute("load", "Station", "Tram"),
             of_attribute("location", "Station", iri=LOCATION)])),
    case("027_01_01 027_01_02 +5710_01_01 +5710_01_02", "5.7.10, 5.2.28",
         "one attribute: how often, in which types, of which kinds",
         *CITY, get("/attributes/load", body={"id": TERMS + "load", "type": "Attribute", "attributeName": "load",
                                              "attributeCount": 2, "attributeTypes": ["Property"],
                                              "typeNames": ["Station", "Tram"]}),
         get("/attributes/label", values={"attributeTypes": ["Property", "LanguageProperty"], "attributeCount": 2}),
         get("/attributes/" + escaped(TERMS + "load"), context=None, values={"attributeName": TERMS + "load",
                                                                             "typeNames": [STATION, TRAM]})),
    case("027_02_01 027_02_02 +5710_01_03", "5.7.10.4", "an attribute that no entity has is not found", *CITY,
         get("/attributes/rank", 404, problem="ResourceNotFound"),
         get("/attributes/load", 404, context=None, problem="ResourceNotFound")),
    case("+577_01_04", "4.5.1, 4.8, 5.7.8", "what is no attribute is not discovered",
         create(entity("a", scope="/City", expiresAt="2099-01-01T00:00:00Z", label=prop(1))),
         get("/attributes", values={"attributeList": ["label"]}),
         *[get("/attributes/" + name, 404, problem="ResourceNotFound") for name in ("scope", "createdAt",
                                                                                    "modifiedAt")]),
    case("+577_01_05", "5.7.5 to 5.7.10", "what is gone is no longer discovered", *CITY,
         delete("/entities/urn:ngsi-ld:Tram:c"), get("/types", values={"typeList": ["Station"]}),
         get("/attributes/load", values={"attributeCount": 1, "typeNames": ["Station"]}),
         get("/types/Tram", 404, problem="ResourceNotFound")),
    case("+577_01_06", "4.16, 5.7.5", "an entity of two types counts for both",
         create(entity("a", ["Station", "Landmark"], label=prop(1))),
         get("/types", values={"typeList": ["Landmark", "Station"]}),
         get("/types/Landmark", values={"entityCount": 1}), get("/attributes/label",
                                                                values={"typeNames": ["Landmark", "Station"]})),
    case("+577_01_07", "4.14", "each tenant has its own", create(entity("a"), headers={"NGSILD-Tenant": "etsi1"}),
         get("/types", headers={"NGSILD-Tenant": "etsi1"}, values={"typeList": ["Station"]}),
         get("/types", values={"typeList": []})),
    case("+577_01_08", "6.3.20", "a parameter that is not known is refused", *[
        get(path, 400, params={"nope": "1"}, problem="InvalidRequest") for path in ("/types", "/attributes")],
         get("/types", 400, params={"details": "maybe"}, problem="InvalidRequest")),
]
