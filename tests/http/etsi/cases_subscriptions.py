"""Subscriptions and what they are told (clauses 5.2.12 to 5.2.15, 5.2.22, 5.3.1, 5.8, 6.10, 6.11, 6.3.8).

That nothing is told is seen by what is told after it of the same entity, because its changes are told in order, or
through a second subscription that hears the same changes.
"""
from table import (CONTEXT, GEO, LD, NULL, SUBSCRIPTION, SUBSCRIPTIONS, TERMS, attrs, case, change, create, delete,
                   entity, geo, get, lang, link, news, patch, point, post, prop, raw, rel, request, subscribe,
                   subscribed, subscription, told, vocab)

A = "urn:ngsi-ld:Station:a"
HERE = entity("a", label=prop("North"), load=prop(4, unitCode="C62"), usage=prop("tourism"))
FR, DE = "urn:ngsi-ld:Dataset:fr", "urn:ngsi-ld:Dataset:de"
NAMES = [prop("Tower"), prop("Tour", datasetId=FR), prop("Turm", datasetId=DE)]
CITY = entity("p", "City", label=prop("Pisa"), inCountry=rel("urn:ngsi-ld:Country:Italy"))
AT_HOME = entity("a", inCity=rel(CITY["id"], objectType="City"))
ALL_KINDS = entity("a", label=prop("North"), location=geo(point(8.5, 41.2)), street=lang({"fr": "Grand Place",
                                                                                         "nl": "Grote Markt"}),
                   near=rel("urn:ngsi-ld:Station:x"), facts=raw({"id": "some-id", "null": None}), zone=vocab("mixed"))
INSTANT = r"~\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
PAST, FUTURE = "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"
NORMALIZED_NULL = ("the suite wants a whole attribute with the null as its value; 5.8.6 wants only the attribute's "
                   "name and the URI, unless a datasetId, system attributes or a previous value go with it")
ATTRIBUTES = ("the suite wants linked entities whole beside attributes; 5.2.14.1 has attributes as a synonym of pick, "
              "to which every entity of the payload is reduced")
CONFORMS = ("the suite wants the version that was wished for; 6.3.6 wants the one that the answer conforms to, and "
            "subscriptions are those of 1.9")


def load(value, name="a"):
    return patch(attrs(name), {"load": prop(value, unitCode="C62")})


def drop(name, status=204, **params):
    return delete(attrs("a", "/" + name), status, params=params)


def refused(**members):
    return subscribe(status=400, asked={"problem": "BadRequestData"}, **members)


def unchanged(status=400, problem="BadRequestData", **fragment):
    return change(status=status, asked={"problem": problem}, **fragment)


def notify(**members):
    """Members of notification."""
    return {"notification": members}


def applied(wish, version):
    return subscribed(headers={"Prefer": wish}, answer={"Preference-Applied": version})


def shows(before, now, keep, previous, **more):
    """An attribute of one kind is changed, or deleted, and told with what it was."""
    name, old = before
    return [create(entity("a", **{name: old})), subscribe(**notify(showChanges=True), **more), now,
            told("/a", news({"id": A, "type": "Station", name: {**keep, **previous}}))]


def updated(name, old, new, previous):
    return shows((name, old), patch(attrs("a"), {name: new}), new, previous)


def deleted(name, old, keep, previous):
    return shows((name, old), drop(name), keep, previous, notificationTrigger=["attributeDeleted"])


def told_null(name, how):
    """The attribute is deleted by writing the null, and told as if it were deleted by its name."""
    return case(how.pop("ids"), "5.8.6, 5.5.4", f"{name} deleted by a null: {how['title']}", create(ALL_KINDS),
                subscribe(watchedAttributes=[name], notificationTrigger=["attributeDeleted"]), how["step"],
                told("/a", news({**ALL_KINDS, name: NULL})), deviates=NORMALIZED_NULL)


CREATED = [
    case("028_01_01 030_03_01", "5.8.1, 5.8.3, 5.2.12", "what is created is shown",
         subscribe(watchedAttributes=["load"], q="load>3", throttling=5, description="busy", subscriptionName="load",
                   notification={"attributes": ["label", "load"], "format": "keyValues"}, endpoint={
                       "accept": LD, "receiverInfo": [{"key": "X-Floor", "value": "3"}], "timeout": 5000},
                   asked={"answer": {"Location": "/ngsi-ld/v1/subscriptions/" + SUBSCRIPTION}, "empty": True}),
         subscribed(subset={**subscription(), "watchedAttributes": ["load"], "q": "load>3", "throttling": 5,
                            "description": "busy", "subscriptionName": "load", "status": "active",
                            "notification": {
                                "attributes": ["label", "load"], "format": "keyValues", "endpoint": {
                                    "uri": "${TOLD}/a", "accept": LD, "timeout": 5000,
                                    "receiverInfo": [{"key": "X-Floor", "value": "3"}]}}}),
         subscribed(context=None, values={"entities": [{"type": TERMS + "Station"}],
                                          "watchedAttributes": [TERMS + "load"]})),
    case("028_01_01", "5.8.1.4", "the @context that it came with becomes its jsonldContext", subscribe(),
         subscribed(values={"jsonldContext": CONTEXT})),
    case("028_02_01 028_02_02", "5.8.1.4, 5.5.2", "no JSON is InvalidRequest, an empty object is BadRequestData",
         request("POST", SUBSCRIPTIONS, text='{"type": "Subscription"', status=400, problem="InvalidRequest"),
         post(SUBSCRIPTIONS, {}, 400, problem="BadRequestData")),
    case("028_03_01 028_03_02", "5.8.1.4, 5.2.12", "an id that is no URI",
         post(SUBSCRIPTIONS, {**subscription(), "id": "invalidId"}, 400, problem="BadRequestData"),
         post(SUBSCRIPTIONS, {**subscription(), "id": ""}, 400, problem="BadRequestData")),
    case("028_04_01", "5.8.1.4", "an id that is there already", subscribe(),
         subscribe(status=409, asked={"problem": "AlreadyExists"})),
    case("028_05_01 028_05_02", "5.2.12", "throttling beside timeInterval, and less than nothing",
         refused(throttling=5, timeInterval=5), refused(throttling=-1), refused(throttling=0)),
    case("028_06", "5.2.12, 4.5.5", "a datasetId", subscribe(datasetId=[FR, "@none"]),
         subscribed(values={"datasetId": [FR, "@none"]}), refused(name="t", datasetId=["no URI"])),
    case("028_07_01", "5.8.1.4", "a jsonldContext that is none is BadRequestData",
         refused(jsonldContext="${CONTEXTS}/no_context.jsonld"), refused(jsonldContext="${CONTEXTS}/no_json.jsonld")),
    case("028_07_02", "5.8.1.4, 6.3.2", "a jsonldContext that cannot be had is LdContextNotAvailable",
         subscribe(status=504, jsonldContext="${CONTEXTS}/missing/x", asked={"problem": "LdContextNotAvailable"}),
         subscribed(status=404),
         deviates="the suite wants 503; since V1.4 the status is 504 (table 6.3.2-1)"),
    case("028_08_01 028_08_02 028_08_03", "5.2.14.1, 4.21", "pick, omit and attributes that contradict each other",
         refused(**notify(pick=["label"], omit=["label"])), refused(**notify(pick=["label"], attributes=["label"])),
         refused(**notify(omit=["label"], attributes=["load"]))),
    case("+028_09_01 +028_09_02 +028_09_03 +028_09_04 +028_09_05 +028_09_06", "5.2.14.1",
         "restrictions on what is sent", refused(**notify(format="keyValues", showChanges=True)),
         refused(**notify(format="simplified", showChanges=True)), refused(**notify(attributes=[])),
         refused(**notify(pick=[])), refused(**notify(omit=[])),
         subscribe(**notify(format="normalized", showChanges=True))),
    case("+028_10_01 +028_10_02 +028_10_03 +028_10_04 +028_10_05", "5.2.22", "pairs of texts",
         subscribe(endpoint={"receiverInfo": [{"key": "Authorization", "value": "Bearer abc"}],
                             "notifierInfo": [{"key": "Prefer", "value": "body=json"}]}),
         *[refused(name="t", endpoint=wrong) for wrong in (
             {"receiverInfo": [{"key": "K", "value": 42}]}, {"notifierInfo": [{"key": "K", "value": {"a": 1}}]},
             {"receiverInfo": [{"key": "K"}]}, {"receiverInfo": [{"key": 5, "value": "v"}]})]),
    case("+5811_01_01 +5811_01_02 +5811_01_03", "5.8.1.4", "expired before it began, paused from the start, without id",
         refused(expiresAt=PAST), subscribe(isActive=False), subscribed(values={"status": "paused"}),
         post(SUBSCRIPTIONS, {**subscription(), "id": "urn:x:t"}, 201),
         post(SUBSCRIPTIONS, {key: value for key, value in subscription().items() if key != "id"}, 201,
              keep={"MADE": "headers.Location"}, answer={"Location": "~/ngsi-ld/v1/subscriptions/[a-z]+:.+"}),
         get("", at="${MADE}", values={"status": "active"})),
    case("+5811_02_01 +5811_02_02 +5811_02_03", "5.2.12", "triggers and csf",
         refused(notificationTrigger=["entityChanged"]),
         subscribe(notificationTrigger=["entityCreated", "entityUpdated", "entityDeleted", "attributeCreated",
                                        "attributeUpdated", "attributeDeleted"]), refused(name="t", csf="((")),
    case("+5811_02_04", "5.2.12, 5.2.14.2", "what is for output only is ignored",
         post(SUBSCRIPTIONS, {**subscription(**notify(timesSent=42, lastSuccess=PAST)), "status": "expired"}, 201),
         subscribed(values={"status": "active"}, lacks=["notification.lastSuccess", "notification.timesSent"])),
]

RETRIEVED = [
    case("030_01_01", "5.8.3.4", "an id that is no URI", get(SUBSCRIPTIONS + "/InvalidUri", 400,
                                                            problem="BadRequestData")),
    case("030_02_01", "5.8.3.4", "an id that is not known", subscribed(status=404, problem="ResourceNotFound")),
    case("+436_09_01", "4.3.6.8, 6.3.6", "a wish for an earlier version leaves a subscription as it is",
         subscribe(**notify(attributes=["label"])),
         subscribed(headers={"Prefer": "ngsi-ld=1.0"}, answer={"Preference-Applied": "ngsi-ld=1.9"},
                    values={"type": "Subscription", "entities": [{"type": "Station"}],
                            "notification.attributes": ["label"]}), deviates=CONFORMS),
    case("+436_10_01 +436_10_02 +436_10_03 +436_10_04 +436_10_05 +436_10_06", "6.3.6, RFC 7240",
         "the wish in all its spellings", subscribe(), *[applied(wish, "ngsi-ld=1.9") for wish in (
             "NGSI-LD=1.0", "Ngsi-Ld=1.0", 'ngsi-ld="1.0"', "ngsi-ld=1.0;q=0.1", "respond-async, ngsi-ld=1.0")],
         applied("respond-async", None), deviates=CONFORMS),
    case("031_01_01", "5.8.4", "all that there are", subscribe(), subscribe("/b", name="t", watchedAttributes=["load"]),
         subscribe("/c", name="u", isActive=False),
         get(SUBSCRIPTIONS, values={"2.status": "paused", "1.watchedAttributes": ["load"]},
             ids=[f"urn:ngsi-ld:Subscription:{name}" for name in "stu"])),
    case("031_02_01 031_02_02 031_02_03", "5.8.4, 5.5.9, 6.3.10", "in pages", *[subscribe(name=name) for name in "stu"],
         *[get(SUBSCRIPTIONS, params={"limit": str(limit), "offset": str(offset), "count": "true"}, count=3,
               ids=[f"urn:ngsi-ld:Subscription:{name}" for name in wanted],
               **({"answer": {"Link": [f'~<.*offset={at}.*>; *rel="{word}".*' for word, at in links]}}
                  if links else {}))
           for limit, offset, wanted, links in ((1, 1, "t", (("prev", 0), ("next", 2))), (1, 2, "u", (("prev", 1),)),
                                                (15, 0, "stu", ()))]),
    case("032_01_01 029_01_01", "6.10.3", "the list itself is neither deleted nor patched",
         delete(SUBSCRIPTIONS + "/", 405), patch(SUBSCRIPTIONS + "/", {"q": "load>1"}, 405)),
    case("032_01_02", "5.8.5.4", "deleted by what is no URI", delete(SUBSCRIPTIONS + "/InvalidUri", 400,
                                                                   problem="BadRequestData")),
    case("032_02_01", "5.8.5.4", "deleted by an id that is not known",
         delete(f"{SUBSCRIPTIONS}/{SUBSCRIPTION}", 404, problem="ResourceNotFound")),
    case("032_03_01", "5.8.5.4", "deleted it is gone, and told of nothing more", create(HERE), subscribe(),
         subscribe("/b", name="t"), load(5), told("/a", news()), told("/b", news()),
         delete(f"{SUBSCRIPTIONS}/{SUBSCRIPTION}", empty=True), subscribed(status=404), load(6),
         told("/b", news(), news()), told("/a", news())),
]

UPDATED = [
    case("029_01_02", "5.8.2.4", "an id that is no URI",
         patch(SUBSCRIPTIONS + "/InvalidUri", {"q": "load>1"}, 400, problem="BadRequestData")),
    case("029_02_01", "5.8.2.4", "an id that is not known", unchanged(404, "ResourceNotFound", q="load>1")),
    case("029_03_01", "5.8.2.4", "a fragment that is none", subscribe(),
         *[unchanged(**wrong) for wrong in ({"entities": []}, {"q": "load>>1"}, {"watchedAttributes": "load"},
                                            {"notification": {"endpoint": {"uri": "nowhere"}}}, {"type": "Other"})],
         subscribed(values={"entities": [{"type": "Station"}]}, lacks=["q"])),
    case("029_04_01", "5.8.2.4, 5.5.8", "what is mandatory cannot be removed", subscribe(),
         unchanged(notification={"endpoint": None, "format": "keyValues"}), unchanged(notification=None),
         unchanged(notification={"endpoint": {"uri": NULL}}), unchanged(notification=NULL),
         subscribed(values={"notification.endpoint.uri": "${TOLD}/a"})),
    case("029_05_01 029_05_02", "5.8.2.4, 5.5.7", "names are expanded", subscribe(),
         change(entities=[{"type": "Tram"}], watchedAttributes=["load"], asked={"empty": True}),
         subscribed(values={"entities": [{"type": "Tram"}], "watchedAttributes": ["load"]}),
         subscribed(context=None, values={"entities": [{"type": TERMS + "Tram"}],
                                          "watchedAttributes": [TERMS + "load"]})),
    case("029_06_01", "5.8.2, 5.5.8", "members are changed, the others stay", create(HERE),
         subscribe(description="a", q="load>100"), load(5), change(q="load>5", description="b"),
         subscribed(values={"q": "load>5", "description": "b", "notification.endpoint.uri": "${TOLD}/a"}), load(6),
         told("/a", news(values={"data.0.load.value": 6}))),
    case("029_07_01", "5.8.2.4", "activated", subscribe(isActive=False), change(isActive=True),
         subscribed(values={"status": "active"})),
    case("029_08_01", "5.8.2.4", "activated until later", subscribe(isActive=False),
         change(isActive=True, expiresAt=FUTURE), subscribed(values={"status": "active"})),
    case("029_09_01", "5.8.2.4", "paused", subscribe(), change(isActive=False),
         subscribed(values={"status": "paused"})),
    case("029_10_01", "5.8.2.4", "what has expired lives again with a later expiresAt", subscribe(expiresAt="${SOON}"),
         subscribed(values={"status": "expired"}, until=True), change(isActive=True),
         subscribed(values={"status": "expired"}), change(isActive=False), subscribed(values={"status": "expired"}),
         change(isActive=True), change(expiresAt="${LATER}"), subscribed(values={"status": "active"})),
    case("029_11_01", "5.8.2.4", "an expiresAt in the past", subscribe(), unchanged(expiresAt=PAST),
         unchanged(expiresAt=PAST, isActive=True), subscribed(values={"status": "active"})),
]

TOLD = [
    case("046_01_01 046_07_01", "5.8.6, 5.3.1", "the notification's structure", create(HERE),
         subscribe(entities=[{"id": A, "type": "Station"}]), load(5),
         told("/a", news({**HERE, "load": prop(5, unitCode="C62")}, values={
             "id": "~[a-z]+:.+", "type": "Notification", "subscriptionId": SUBSCRIPTION, "notifiedAt": INSTANT}))),
    case("+5212_01_01 +5212_01_02", "5.2.12, 5.8.6", "paused it is told of nothing, resumed of what comes then",
         subscribe(isActive=False), create(HERE), change(isActive=True), load(5),
         told("/a", news(values={"data.0.load.value": 5}))),
    case("046_02_01", "5.8.6", "at intervals, whatever changes", create(HERE), create(entity("b", load=prop(1))),
         subscribe(timeInterval=1, q="load>3"), told("/a", news(HERE), news(HERE), more=True)),
    case("046_03_01 046_04_01 046_05_01", "5.8.6, 4.9", "all attributes, of what is watched and matches", create(HERE),
         create(entity("b", load=prop(9))), subscribe(), subscribe("/w", name="w", watchedAttributes=["load"]),
         subscribe("/q", name="q", watchedAttributes=["load"], q="load>5", entities=[{"id": A, "type": "Station"}]),
         patch(attrs("a"), {"label": prop("South")}), load(5), load(9, "b"), load(6),
         told("/a", news(values={"data.0.label.value": "South", "data.0.load.value": 4}), news(), news(), news()),
         told("/w", news(), news(), news()),
         told("/q", news({**HERE, "label": prop("South"), "load": prop(6, unitCode="C62")}))),
    case("046_06_01", "5.8.6", "of a creation", subscribe(notificationTrigger=["entityCreated"]), create(HERE), load(5),
         delete("/entities/" + A), create(entity("a")), told("/a", news(HERE), news(entity("a")))),
    case("046_07_02 046_08_01", "5.8.6", "attributes that are named, or all", create(HERE),
         subscribe(**notify(attributes=["load"])), subscribe("/b", name="t"), load(5),
         told("/a", news(entity("a", load=prop(5, unitCode="C62")))),
         told("/b", news({**HERE, "load": prop(5, unitCode="C62")}))),
    case("046_07_03", "5.8.6, 5.5.7", "names that the subscription's @context does not have stay whole", create(HERE),
         post(SUBSCRIPTIONS, {**subscription(), "entities": [{"type": TERMS + "Station"}]}, 201, context=None), load(5),
         told("/a", news(has=["data.0"], values={"data.0.type": TERMS + "Station"}, headers={
             "Link": "~<https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.*>.*"}, lacks=["data.0.load"]))),
    case("046_08_02", "5.8.6, 4.5.4", "simplified by both its names", create(HERE),
         subscribe(**notify(format="keyValues")), subscribe("/b", name="t", **notify(format="simplified")),
         subscribe("/c", name="u", **notify(format="concise")), load(5), *[told(path, news(
             {"id": A, "type": "Station", "label": "North", "load": 5, "usage": "tourism"})) for path in ("/a", "/b")],
         told("/c", news({"id": A, "type": "Station", "label": "North", "load": {"value": 5, "unitCode": "C62"},
                          "usage": "tourism"}))),
    case("046_09_01", "5.2.15, 6.3.8", "receiverInfo as headers", create(HERE),
         subscribe(endpoint={"receiverInfo": [{"key": "X-Additional-Key", "value": "a b"}]}), load(5),
         told("/a", news(headers={"X-Additional-Key": "a b"}))),
    case("046_10_01", "6.3.8", "as JSON, with a Link to the @context", create(HERE), subscribe(), load(5),
         told("/a", news(headers={"Content-Type": "application/json", "Link": link(CONTEXT)},
                         lacks=["@context", "data.0.@context"]))),
    case("046_11_01 046_12_01", "5.8.6, 5.2.14.2", "what is counted and noted of success", create(HERE), subscribe(),
         load(5), told("/a", news()), subscribed(until=True, values={
             "notification.timesSent": 1, "notification.status": "ok", "notification.lastNotification": INSTANT,
             "notification.lastSuccess": INSTANT}, lacks=["notification.lastFailure"])),
    case("046_13_01", "5.8.6, 5.2.14.2", "and of failure", create(HERE), subscribe("/refused"), load(5),
         subscribed(until=True, values={"notification.status": "failed", "notification.lastFailure": INSTANT},
                    has=["notification.timesFailed"], lacks=["notification.lastSuccess"])),
    case("046_14_01", "6.3.8", "as JSON-LD, without a Link", create(HERE), subscribe(endpoint={"accept": LD}), load(5),
         told("/a", news(headers={"Content-Type": LD, "Link": None}, values={"@context": CONTEXT},
                         lacks=["data.0.@context"])),
         deviates="the suite looks for the @context in each entity; 5.5.7 has it at the top of the document alone"),
    case("046_15_01", "5.2.12", "throttled it waits", create(HERE), subscribe(throttling=300),
         subscribe("/b", name="t"),
         load(5), load(6), told("/b", news(), news()), told("/a", news(values={"data.0.load.value": 5}))),
    case("046_16_01 046_16_02", "4.17, 5.2.33", "a selection of types",
         subscribe(entities=[{"type": "(Station;Landmark)|Depot"}]), create(entity("x", "Tram")), create(entity("y")),
         create(entity("a", ["Station", "Landmark"], load=prop(1))),
         told("/a", news(entity("a", ["Station", "Landmark"], load=prop(1))))),
    case("046_17_01 046_18_01", "5.2.14.1", "system attributes where they are asked for", create(HERE),
         subscribe(**notify(sysAttrs=True)), subscribe("/b", name="t", **notify(sysAttrs=False)), load(5),
         told("/a", news(values={"data.0.createdAt": INSTANT, "data.0.modifiedAt": INSTANT,
                                 "data.0.load.createdAt": INSTANT, "data.0.load.modifiedAt": INSTANT})),
         told("/b", news(lacks=["data.0.createdAt", "data.0.modifiedAt", "data.0.load.createdAt"]))),
    case("046_19", "4.5.5, 5.8.6", "instances by their datasetId", create(entity("a", label=NAMES)),
         subscribe(datasetId=[FR]), subscribe("/b", name="t", datasetId=["@none", DE]),
         patch(attrs("a"), {"label": prop("Tower 2")}), patch(attrs("a"), {"label": prop("Tour 2", datasetId=FR)}),
         told("/a", news(entity("a", label=prop("Tour", datasetId=FR))),
              news(entity("a", label=prop("Tour 2", datasetId=FR)))),
         told("/b", *[news(entity("a", label=[prop("Tower 2"), prop("Turm", datasetId=DE)]))] * 2)),
    case("046_20", "5.8.6, 5.2.12", "names by the jsonldContext", create(HERE),
         subscribe(jsonldContext="${CONTEXTS}/parking.jsonld"), load(5),
         told("/a", news(headers={"Link": link("${CONTEXTS}/parking.jsonld")}, lacks=["data.0.load"]))),
    case("+49_01_01", "4.9", "q of a linked entity", create(entity("l", "Tram", load=prop(0.3))),
         create(entity("f", "Tram", load=prop(0.95))), subscribe(q="near{load}<0.5", **notify(join="flat")),
         create(entity("a", near=rel("urn:ngsi-ld:Tram:f", objectType="Tram"))),
         patch(attrs("a"), {"near": rel("urn:ngsi-ld:Tram:l", objectType="Tram")}),
         told("/a", news(entity("a", near=rel("urn:ngsi-ld:Tram:l", objectType="Tram")),
                         entity("l", "Tram", load=prop(0.3)))),
         deviates="the suite subscribes without join; that is refused as a query without it is (5.7.2.4)"),
    case("5.2.13", "5.2.13, 5.8.6", "by a GeoProperty that is named", subscribe(geoQ={
        "georel": "near;maxDistance==2000", "geometry": "Point", "coordinates": [1, 2], "geoproperty": "catchment"}),
         create(entity("b", location=geo(point(1, 2)))), create(entity("a", catchment=geo(point(1, 2)))),
         told("/a", news(entity("a", catchment=geo(point(1, 2)))))),
    case("046_42_01 046_43_01", "5.2.14.1, 4.21", "pick and omit", create(HERE),
         subscribe(**notify(pick=["id", "type", "load"])), subscribe("/b", name="t", **notify(omit=["label", "usage"])),
         load(5), told("/a", news(entity("a", load=prop(5, unitCode="C62")))),
         told("/b", news(entity("a", load=prop(5, unitCode="C62"))))),
    case("6.3.8", "6.3.8, 5.3.1", "as GeoJSON, with an @context unless it is wished elsewhere",
         create(entity("a", location=geo(point(1, 2)), load=prop(1))), subscribe(endpoint={"accept": GEO}),
         subscribe("/b", name="t", endpoint={"accept": GEO, "receiverInfo": [{"key": "Prefer", "value": "body=json"}]}),
         load(5), told("/a", news(headers={"Content-Type": GEO, "Link": None}, has=["data.@context"], values={
             "data.type": "FeatureCollection", "data.features.0.geometry": point(1, 2), "data.features.0.id": A})),
         told("/b", news(headers={"Content-Type": GEO, "Link": link(CONTEXT)}, lacks=["data.@context"]))),
]

DELETED = [
    case("046_21_01 046_21_02", "5.8.6", "of an entity that is deleted, only when",
         create(HERE), subscribe(notificationTrigger=["entityDeleted"]),
         subscribe("/b", name="t", notificationTrigger=["entityDeleted"], **notify(sysAttrs=True)),
         delete("/entities/" + A), told("/a", news({"id": A, "type": "Station", "deletedAt": INSTANT})),
         told("/b", news({"id": A, "type": "Station", "deletedAt": INSTANT, "createdAt": INSTANT,
                          "modifiedAt": INSTANT}))),
    case("046_22_01 046_22_02 046_22_03", "5.8.6, 4.5.4", "of an attribute, simplified; not of one that is not watched",
         create(HERE), subscribe(notificationTrigger=["attributeDeleted"], **notify(format="keyValues")),
         subscribe("/b", name="t", notificationTrigger=["attributeDeleted"], watchedAttributes=["label"],
                   **notify(format="keyValues")), drop("usage"), drop("label"),
         told("/a", news({"id": A, "type": "Station", "label": "North", "load": 4, "usage": NULL}),
              news({"id": A, "type": "Station", "label": NULL, "load": 4})),
         told("/b", news({"id": A, "type": "Station", "label": NULL, "load": 4}))),
    case("046_22_04", "5.8.6", "of an attribute, normalized", create(HERE),
         subscribe(notificationTrigger=["attributeDeleted"], watchedAttributes=["label"]), drop("label"),
         told("/a", news({**HERE, "label": NULL})), deviates=NORMALIZED_NULL),
    case("046_22_05", "5.8.6, 4.8", "of an attribute, with system attributes", create(HERE),
         subscribe(notificationTrigger=["attributeDeleted"], watchedAttributes=["label"], **notify(sysAttrs=True)),
         drop("label"), told("/a", news(values={"data.0.label.value": NULL, "data.0.label.deletedAt": INSTANT}))),
    case("046_22_06 046_22_07", "5.8.6, 4.5.5", "of an instance by its datasetId", create(entity("a", label=NAMES)),
         subscribe(notificationTrigger=["attributeDeleted"], watchedAttributes=["label"]),
         subscribe("/b", name="t", notificationTrigger=["attributeDeleted"], **notify(format="keyValues")),
         drop("label", datasetId=FR),
         told("/a", news(entity("a", label=[prop("Tower"), prop("Turm", datasetId=DE), prop(NULL, datasetId=FR)]))),
         told("/b", news({"id": A, "type": "Station",
                          "label": {"dataset": {"@none": "Tower", DE: "Turm", FR: NULL}}}))),
    case("046_22_08", "5.8.6, 4.5.5", "of all instances", create(entity("a", label=NAMES, load=prop(1))),
         subscribe(notificationTrigger=["attributeDeleted"], watchedAttributes=["label"]),
         drop("label", deleteAll="true"), told("/a", news(has=["data.0.label"], values={"data.0.load.value": 1}))),
    *[told_null(name, {"ids": f"{number}_0{at + 1}", "title": title, "step": step}) for number, name, null in (
        ("046_22_09", "label", prop(NULL)), ("046_22_10", "near", rel(NULL)),
        ("046_22_11", "street", lang({"@none": NULL}))) for at, (title, step) in enumerate((
            ("merged", patch("/entities/" + A, {name: null})), ("updated", patch(attrs("a"), {name: null})),
            ("in part", patch(attrs("a", "/" + name), {key: one for key, one in null.items() if key != "type"}))))],
    case("046_22_12", "5.8.6", "of a watched attribute that goes with its entity", create(HERE),
         subscribe(notificationTrigger=["attributeDeleted"], watchedAttributes=["label"]), delete("/entities/" + A),
         told("/a", news({"id": A, "type": "Station", "deletedAt": INSTANT}, has=["data.0.deletedAt"]))),
    case("046_22_13", "5.8.6", "and with system attributes", create(HERE),
         subscribe(notificationTrigger=["attributeDeleted"], watchedAttributes=["label"], **notify(sysAttrs=True)),
         delete("/entities/" + A), told("/a", news(has=["data.0.deletedAt", "data.0.createdAt", "data.0.modifiedAt"]))),
]

LINKED = [
    case("046_23_01 046_24_01 046_25_01 046_26_01", "4.5.23, 5.8.6", "with linked entities beside", create(CITY),
         create(AT_HOME), subscribe(**notify(join="flat")),
         subscribe("/b", name="t", **notify(join="flat", sysAttrs=True)),
         subscribe("/c", name="u", **notify(join="flat", format="keyValues")),
         subscribe("/d", name="v", **notify(join="flat", attributes=["inCity"])),
         post(attrs("a"), {"label": prop("x")}, 204),
         told("/a", news({**AT_HOME, "label": prop("x")}, CITY)),
         told("/b", news(has=["data.0.createdAt", "data.1.createdAt", "data.1.label.createdAt"])),
         told("/c", news({"id": A, "type": "Station", "label": "x", "inCity": CITY["id"]}, {
             "id": CITY["id"], "type": "City", "label": "Pisa", "inCountry": "urn:ngsi-ld:Country:Italy"})),
         told("/d", news(AT_HOME, {"id": CITY["id"], "type": "City"})), deviates=ATTRIBUTES),
    case("046_27_01 046_28_01 046_29_01 046_30_01", "4.5.23, 5.8.6", "with linked entities inside", create(CITY),
         create(AT_HOME), subscribe(**notify(join="inline")),
         subscribe("/b", name="t", **notify(join="inline", sysAttrs=True)),
         subscribe("/c", name="u", **notify(join="inline", format="keyValues")),
         subscribe("/d", name="v", **notify(join="inline", attributes=["inCity"])),
         post(attrs("a"), {"label": prop("x")}, 204),
         told("/a", news(entity("a", label=prop("x"), inCity={**AT_HOME["inCity"], "entity": CITY}))),
         told("/b", news(has=["data.0.createdAt", "data.0.inCity.entity.createdAt"])),
         told("/c", news({"id": A, "type": "Station", "label": "x", "inCity": {
             "id": CITY["id"], "type": "City", "label": "Pisa", "inCountry": "urn:ngsi-ld:Country:Italy"}})),
         told("/d", news(entity("a", inCity={**AT_HOME["inCity"], "entity": {"id": CITY["id"], "type": "City"}}))),
         deviates=ATTRIBUTES),
]

CHANGES = [
    case("046_31_01", "5.2.14.1", "with the previous value",
         *updated("label", prop("North"), prop("South"), {"previousValue": "North"})),
    case("046_31_02", "5.2.14.1", "with the previous object",
         *updated("near", rel("urn:ngsi-ld:X:1"), rel("urn:ngsi-ld:X:2"), {"previousObject": "urn:ngsi-ld:X:1"})),
    case("046_31_03", "5.2.14.1", "with the previous place",
         *updated("location", geo(point(1, 2)), geo(point(3, 4)), {"previousValue": point(1, 2)})),
    case("046_31_04", "5.2.14.1, 4.5.18", "with the previous languages", *updated(
        "street", lang({"fr": "Grand Place", "nl": "Grote Markt"}), lang({"fr": "Grand Place", "es": "Gran Lugar"}),
        {"previousLanguageMap": {"fr": "Grand Place", "nl": "Grote Markt"}})),
    case("046_32_01", "5.2.14.1, 4.5.24", "with the previous JSON",
         *updated("facts", raw({"id": "x", "null": None}), raw([1]), {"previousJson": {"id": "x", "null": None}})),
    case("046_33_01", "5.2.14.1, 4.5.20", "with the previous vocab",
         *updated("zone", vocab("mixed"), vocab("residential"), {"previousVocab": "mixed"})),
    case("046_34_01", "5.8.6", "a deleted Property", *deleted("label", prop("North"), prop(NULL),
                                                             {"previousValue": "North"})),
    case("046_34_02", "5.8.6", "a deleted Relationship", *deleted("near", rel("urn:ngsi-ld:X:1"), rel(NULL),
                                                                 {"previousObject": "urn:ngsi-ld:X:1"})),
    case("046_34_03", "5.8.6", "a deleted GeoProperty", *deleted("location", geo(point(1, 2)), geo(NULL),
                                                                {"previousValue": point(1, 2)})),
    case("046_34_04", "5.8.6", "a deleted LanguageProperty", *deleted(
        "street", lang({"fr": "a"}), lang({"@none": NULL}), {"previousLanguageMap": {"fr": "a"}})),
    case("046_35_01", "5.8.6", "a deleted JsonProperty", *deleted("facts", raw({"a": None}), raw(NULL),
                                                                 {"previousJson": {"a": None}})),
    case("046_36_01", "5.8.6", "a deleted VocabProperty", *deleted("zone", vocab("mixed"), vocab(NULL),
                                                                  {"previousVocab": "mixed"})),
    case("046_37_01 046_38_01 046_39_01", "5.8.6", "all that went with an entity", create(ALL_KINDS),
         subscribe(notificationTrigger=["entityDeleted"], **notify(showChanges=True)), delete("/entities/" + A),
         told("/a", news({
             "id": A, "type": "Station", "deletedAt": INSTANT, "label": prop(NULL, previousValue="North"),
             "location": geo(NULL, previousValue=point(8.5, 41.2)),
             "street": lang({"@none": NULL}, previousLanguageMap=ALL_KINDS["street"]["languageMap"]),
             "near": rel(NULL, previousObject="urn:ngsi-ld:Station:x"),
             "facts": raw(NULL, previousJson=ALL_KINDS["facts"]["json"]), "zone": vocab(NULL, previousVocab="mixed")})),
         deviates="the suite wants a bare null as languageMap here, but not in 046_34_04; 5.8.6 wants it below @none"),
    case("046_40_01 046_41_01", "5.2.14.1", "what is new has no previous value",
         subscribe(notificationTrigger=["entityCreated", "attributeCreated"], **notify(showChanges=True)),
         create(entity("a")), post(attrs("a"), {"label": prop("North")}, 204),
         told("/a", news(entity("a")), news(entity("a", label=prop("North"))))),
]

CASES = [*CREATED, *RETRIEVED, *UPDATED, *TOLD, *DELETED, *LINKED, *CHANGES]
