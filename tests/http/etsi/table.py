"""The words in which the tables beside this file are written: entities, requests, what must come back.

A case is case(ids, clause, title, steps…). ids are those of the test purposes of ETSI's NGSI-LD conformance suite whose
fact it checks (a fork's additions are marked with a plus in front). A step is a dictionary as in case.json (see
../run.py) with a few more things under "expect", which etsi.py explains.
"""
import json
import urllib.parse

API = "/ngsi-ld/v1"
CONTEXT = "${CONTEXTS}/etsi.jsonld"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
TERMS = "https://city.example/terms#"
NULL = "urn:ngsi-ld:null"
LD = "application/ld+json"
JSON = "application/json"
GEO = "application/geo+json"
# Why two tables do not follow the suite.
OMIT = "an omit without braces is for the first entities; table 6.4.3.2-1 takes it from each Entity of the answer"


def case(ids, clause, title, *steps, deviates=None, pending=None):
    """deviates: what the suite asks for and why the clause says otherwise. pending: why ordinary runs leave it out."""
    return {"ids": ids.split(), "clause": clause, "title": title, "steps": flat(steps), "deviates": deviates,
            "pending": pending}


def flat(steps):
    return [one for step in steps for one in ([step] if isinstance(step, dict) else flat(step))]


# Entities and attributes

def prop(value, /, **members):
    return {"type": "Property", "value": value, **members}


def rel(target, /, **members):
    return {"type": "Relationship", "object": target, **members}


def point(longitude, latitude):
    return {"type": "Point", "coordinates": [longitude, latitude]}


def geo(value, /, **members):
    return {"type": "GeoProperty", "value": value, **members}


def lang(words, /, **members):
    return {"type": "LanguageProperty", "languageMap": words, **members}


def raw(value, /, **members):
    return {"type": "JsonProperty", "json": value, **members}


def vocab(value, /, **members):
    return {"type": "VocabProperty", "vocab": value, **members}


def entity(name, kind="Station", /, **members):
    first = kind if isinstance(kind, str) else kind[0]
    return {"id": name if ":" in name else f"urn:ngsi-ld:{first}:{name}", "type": kind, **members}


# Requests

def link(context):
    return f'<{context}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def path_of(path, parameters):
    words = urllib.parse.urlencode({name.rstrip("_"): value for name, value in parameters.items()},
                                   quote_via=urllib.parse.quote, safe="")
    return API + path + ("?" + words if words else "")


def request(method, path, body=None, /, context=CONTEXT, ld=False, headers=None, text=None, params=None, **expect):
    """context: the @context, by Link or, with ld, inside the body; None for none. at: a whole path, kept by a step
    before. answer: headers that must come back."""
    sent = dict(headers or {})
    asked = {"method": method, "path": expect.pop("at", None) or path_of(path, params or {}), "headers": sent}
    if ld:
        sent.setdefault("Content-Type", LD)
        if context is not None:
            body = [{**one, "@context": context} for one in body] if isinstance(body, list) else {**body,
                                                                                                  "@context": context}
    elif context is not None:
        sent.setdefault("Link", link(context))
    if text is not None:
        asked["text"] = text
        sent.setdefault("Content-Type", JSON)
    elif body is not None:
        asked["text"] = json.dumps(body, ensure_ascii=False)
        sent.setdefault("Content-Type", JSON)
    if "chunked" in expect:
        asked["chunked"] = expect.pop("chunked")
    step = {"request": asked}
    if expect.pop("until", False):
        step["until"] = True
    if "keep" in expect:
        step["keep"] = expect.pop("keep")
    if "answer" in expect:
        expect["headers"] = expect.pop("answer")
    step["expect"] = expect
    return step


def get(path, /, status=200, context=CONTEXT, headers=None, params=None, **expect):
    return request("GET", path, context=context, headers=headers, params=params, status=status, **expect)


def delete(path, /, status=204, context=CONTEXT, headers=None, params=None, **expect):
    return request("DELETE", path, context=context, headers=headers, params=params, status=status, **expect)


def post(path, body, /, status, **more):
    return request("POST", path, body, status=status, **more)


def patch(path, body, /, status=204, **more):
    return request("PATCH", path, body, status=status, **more)


def put(path, body, /, status=204, **more):
    return request("PUT", path, body, status=status, **more)


def create(one, /, status=201, **more):
    return post("/entities", one, status, **more)


def refuse(one, /, problem="BadRequestData", **more):
    """An entity that cannot be created, and is not there afterwards if it has an id that can be asked for."""
    return post("/entities", one, 400, problem=problem, **more)


def have(name, /, status=200, **more):
    """The entity is retrieved by its id, with the test's @context."""
    return get("/entities/" + (name if ":" in name else f"urn:ngsi-ld:Station:{name}"), status, **more)


def attrs(name, rest=""):
    return "/entities/" + (name if ":" in name else f"urn:ngsi-ld:Station:{name}") + "/attrs" + rest


def query(status=200, path="/entities", context=CONTEXT, headers=None, expect=None, **params):
    """Parameters by name (a trailing underscore is taken off); what must come back under expect."""
    return request("GET", path, context=context, headers=headers, params=params, status=status, **(expect or {}))


# Subscriptions and what they are told

SUBSCRIPTIONS = "/subscriptions"
SUBSCRIPTION = "urn:ngsi-ld:Subscription:s"


def subscription(path="/a", /, name="s", **members):
    """Told at ${TOLD}/path. Members of notification and of its endpoint are given by these names."""
    endpoint = {"uri": "${TOLD}" + path, **members.pop("endpoint", {})}
    body = {"id": "urn:ngsi-ld:Subscription:" + name, "type": "Subscription", "entities": [{"type": "Station"}],
            "notification": {"endpoint": endpoint, **members.pop("notification", {})}, **members}
    return {key: value for key, value in body.items() if value is not None}


def subscribe(path="/a", /, status=201, asked=None, **members):
    """asked: what request() takes."""
    return post(SUBSCRIPTIONS, subscription(path, **members), status, **(asked or {}))


def subscribed(name="s", /, status=200, **more):
    return get(f"{SUBSCRIPTIONS}/urn:ngsi-ld:Subscription:{name}", status, **more)


def change(name="s", /, status=204, asked=None, **fragment):
    """Of a subscription."""
    return patch(f"{SUBSCRIPTIONS}/urn:ngsi-ld:Subscription:{name}", fragment, status, **(asked or {}))


def told(path, /, *notifications, more=False):
    return {"told": path, "expect": list(notifications), "more": more}


def news(*entities, **expect):
    """One notification; with entities, exactly these are its data."""
    return {**({"data": list(entities)} if entities else {}), **expect}
