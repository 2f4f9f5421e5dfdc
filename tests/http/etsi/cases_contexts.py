"""Stored @contexts (clauses 5.13, 6.29, 6.30) and where @contexts come from (5.5.5, 6.3.5)."""
import urllib.parse

from table import CONTEXT, CORE, case, create, delete, entity, get, have, post, prop

STORED = "/jsonldContexts"
MINE = {"label": "https://mine.example/label", "Station": "https://mine.example/Station"}
BODY = {"@context": MINE}
KEEP = {"HERE": "headers.Location"}
AT = STORED + "/${LOCAL}"
CUT = "${CONTEXTS}/cut/etsi.jsonld"
CACHED = get(STORED, params={"details": "true", "kind": "Cached"}, context=None, keep={"LOCAL": "body.0.localId"})
HOSTED = get(STORED, params={"details": "true", "kind": "Hosted"}, context=None, keep={"LOCAL": "body.0.localId"})


def store(body=None, status=201, **more):
    return post(STORED, BODY if body is None else body, status, context=None, **more)


def stored(status=200, **more):
    return get(AT, status, context=None, **more)


def listed(status=200, params=None, **more):
    return get(STORED, status, context=None, params=params, **more)


def gone(status=204, **more):
    return delete(AT, status, context=None, **more)


def escaped(iri):
    return urllib.parse.quote(iri, safe="")


def tenant(name):
    return {"NGSILD-Tenant": name}


CASES = [
    case("050_01_01 050_01_02", "5.13.2, 6.29.3.1", "an @context is stored, its place comes back",
         store(answer={"Location": "~.*/ngsi-ld/v1/jsonldContexts/.+"}, empty=True), HOSTED,
         stored(body=BODY, content_type="application/json"), gone()),
    case("050_02_01", "5.5.4", "what is no JSON is InvalidRequest",
         post(STORED, None, 400, text='{"@context": {"label": ', context=None, problem="InvalidRequest"),
         listed(body=[])),
    case("050_02_02", "5.5.4", "a body without @context is BadRequestData", store(MINE, 400, problem="BadRequestData"),
         listed(body=[]), deviates="InvalidRequest; 5.5.4 has that for what is no JSON only"),
    case("050_04_01", "5.13.2, 5.5.7", "what is stored serves as the @context of requests", store(), HOSTED,
         listed(params={"details": "true"}, keep={"URL": "body.0.URL"}),
         create(entity("a", label=prop(1)), context="${URL}"),
         have("a", context="${URL}", body=entity("a", label=prop(1))),
         have("a", context=None, has=["https://mine.example/label"]), gone()),
    case("+5132_01_01 +5132_01_02 +5132_01_03", "5.13.2.4, 5.5.4", "what can be no @context is not stored",
         *[store({"@context": value}, 400, problem="BadRequestData", answer={"Location": None}) for value in (
             42, True, [42], [{"label": 5}])], listed(body=[])),
    case("051_01_01", "5.13.5", "a stored one is deleted", store(), HOSTED, gone(empty=True), stored(404),
         listed(body=[])),
    case("051_02_01", "5.13.5.4", "an unknown one is not found",
         delete(STORED + "/urn%3Angsi-ld%3AContext%3Anone", 404, context=None, problem="ResourceNotFound")),
    case("051_03_01", "5.13.5.4", "one that was fetched is deleted too", have("a", 404), CACHED, gone(empty=True),
         listed(params={"kind": "Cached"}, body=[])),
    case("051_04_01", "5.13.5.4", "an unknown one cannot be reloaded",
         delete(STORED + "/none", 404, context=None, params={"reload": "true"}, problem="ResourceNotFound"),
         deviates="400; the second of 5.13.5.4's rules, ResourceNotFound, comes before reload is looked at"),
    case("051_04_02 051_04_03", "5.13.5.4", "only one that was fetched is reloaded, and reload is a Boolean", store(),
         HOSTED,
         gone(400, params={"reload": "true"}, problem="BadRequestData"),
         gone(400, params={"reload": "xxx"}), stored(body=BODY), gone(params={"reload": "false"})),
    case("051_05_01 +5135_01_01", "5.13.5.4, 6.30.3.2", "what cannot be fetched again stays",
         have("a", 404, context=CUT), CACHED,
         gone(504, params={"reload": "true"}, problem="LdContextNotAvailable"),
         get(AT, context=None, params={"details": "true"}, values={"URL": CUT, "kind": "Cached"}), gone(), gone(404),
         deviates="503; table 6.30.3.2-2 has 504"),
    case("+5135_01_02", "5.13.5.4", "one that can be fetched again is", have("a", 404), CACHED,
         gone(empty=True, params={"reload": "true"}),
         listed(params={"details": "true", "kind": "Cached"}, has=["0.URL"], lacks=["1"])),
    case("052_01_01 052_02_01 052_05_01", "5.13.3, 6.29.3.2", "URLs or records, by kind", store(), have("a", 404),
         listed(values={"1": "~http.+"}, lacks=["2"]), listed(params={"details": "false"}, values={"1": "~http.+"}),
         listed(params={"kind": "Hosted"}, values={"0": "~http.+"}, lacks=["1"]),
         listed(params={"kind": "Cached"}, body=[CONTEXT]), listed(params={"kind": "ImplicitlyCreated"}, body=[]),
         listed(params={"details": "true", "kind": "Hosted"},
                has=["0." + name for name in ("URL", "localId", "createdAt")],
                values={"0.kind": "Hosted"}, lacks=["1"]),
         listed(params={"details": "true", "kind": "Cached"}, values={"0.kind": "Cached", "0.URL": CONTEXT})),
    case("052_03_01 052_04_01", "5.13.3", "of nothing the list is empty", listed(body=[]),
         listed(params={"details": "true"}, body=[])),
    case("052_07_01 052_07_02", "6.29.3.2", "neither another kind nor details that are no Boolean",
         listed(400, params={"kind": "Other"}, problem="BadRequestData"), listed(400, params={"details": "maybe"})),
    case("053_01_01", "5.13.4", "an @context comes back as it was stored",
         store({"@context": ["https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld", MINE]}), HOSTED,
         stored(body={"@context": ["https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld", MINE]},
                content_type="application/json"), gone()),
    case("053_02_01 053_04_01 053_06_01", "5.13.4.5, 5.13.3.5", "or what is known of it", store(), HOSTED,
         get(AT, context=None, params={"details": "true"}, values={"kind": "Hosted", "createdAt": "~.+Z",
                                                                   "localId": "${LOCAL}"},
             has=["URL"]), gone()),
    case("053_03_01", "5.13.4.4", "an unknown one is not served",
         get(STORED + "/none", 404, context=None, problem="ResourceNotFound"),
         get(STORED + "/none", 404, context=None, params={"details": "true"}, problem="ResourceNotFound")),
    case("053_05_01", "5.13.4.4", "one that was fetched is not served, but told of", have("a", 404), CACHED,
         stored(422, problem="OperationNotSupported"),
         get(AT, context=None, params={"details": "true"}, values={"kind": "Cached", "URL": CONTEXT})),
    case("+5134_01_01 +5134_01_02 +5134_01_03", "4.14, 5.13", "what a tenant stored is its own",
         create(entity("x"), headers=tenant("etsi1")),
         create(entity("x"), headers=tenant("etsi2")), store(headers=tenant("etsi1")),
         get(STORED, context=None, headers=tenant("etsi1"), params={"details": "true", "kind": "Hosted"},
             keep={"LOCAL": "body.0.localId"}),
         listed(headers=tenant("etsi2"), params={"kind": "Hosted"}, body=[]),
         listed(params={"kind": "Hosted"}, body=[]),
         stored(404, headers=tenant("etsi2")), gone(404, headers=tenant("etsi2")), gone(404),
         stored(headers=tenant("etsi1"), body=BODY), gone(headers=tenant("etsi1"))),
    case("+555_01_01", "5.5.4, 5.5.6", "what comes and is no @context is BadRequestData",
         *[create(entity("a"), status=400, context="${CONTEXTS}/" + name, problem="BadRequestData")
           for name in ("no_context.jsonld", "no_json.jsonld")], have("a", 404)),
    case("051_08_01 051_08_02 051_09_01", "5.13.5.4", "the core @context is built in, not stored",
         delete(STORED + "/" + escaped(CORE), 404, context=None, problem="ResourceNotFound"),
         delete(STORED + "/" + escaped(CORE), 404, context=None, params={"reload": "true"}, problem="ResourceNotFound"),
         create(entity("a", location={"type": "Point", "coordinates": [1, 2]})),
         have("a", has=["location.value.coordinates"]),
         deviates="served, 400 when deleted, reloaded; what is in no @context storage is ResourceNotFound"),
]
