"""Subscriptions to registrations and what they are told (clauses 5.3.2, 5.3.3, 5.11, 5.12, 6.12, 6.13).

That a subscription is told of nothing is seen by what another one hears that was there before it, or by what it is
told next: what is told of one registration comes in the order of its changes.
"""
from table import (CONTEXT, GEO, LD, NULL, SUBSCRIPTION, TERMS, case, delete, get, link, news, patch, point, post,
                   request, subscription, told)

WATCHES, SOURCES = "/csourceSubscriptions", "/csourceRegistrations"
INSTANT = r"~\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
PAST = "2000-01-01T00:00:00Z"
NEW, SAME, GONE = "newlyMatching", "updated", "noLongerMatching"
BETWEEN = {"timerel": "between", "timeAt": "2020-01-01T00:00:00Z", "endTimeAt": "2021-01-01T00:00:00Z"}
TIMES = {"startAt": "2020-06-01T00:00:00Z", "endAt": "2020-07-01T00:00:00Z"}
THERE = {"georel": "near;maxDistance==2000", "geometry": "Point", "coordinates": [8.5, 41.2]}


def source(name="r", *infos, **members):
    """A registration; infos: elements of its information."""
    body = {"id": "urn:ngsi-ld:ContextSourceRegistration:" + name, "type": "ContextSourceRegistration",
            "endpoint": "http://source.example", "information": list(infos or [of("Station")]), **members}
    return {key: value for key, value in body.items() if value is not None}


def of(kind, *properties, **members):
    return {"entities": [{"type": kind, **members}], **({"propertyNames": list(properties)} if properties else {})}


def register(*args, status=201, **members):
    return post(SOURCES, source(*args, **members), status)


def revise(name="r", status=204, **fragment):
    return patch(f"{SOURCES}/urn:ngsi-ld:ContextSourceRegistration:{name}", fragment, status)


def leave(name="r"):
    return delete(f"{SOURCES}/urn:ngsi-ld:ContextSourceRegistration:{name}")


def watch(path="/a", /, status=201, asked=None, **members):
    return post(WATCHES, subscription(path, **members), status, **(asked or {}))


def refused(**members):
    return watch(status=400, asked={"problem": "BadRequestData"}, **members)


def watched(name="s", /, status=200, **more):
    return get(f"{WATCHES}/urn:ngsi-ld:Subscription:{name}", status, **more)


def change(name="s", /, status=204, asked=None, **fragment):
    return patch(f"{WATCHES}/urn:ngsi-ld:Subscription:{name}", fragment, status, **(asked or {}))


def unchanged(status=400, problem="BadRequestData", **fragment):
    return change(status=status, asked={"problem": problem}, **fragment)


def hears(reason, *sources, **values):
    """One notification, of exactly these registrations."""
    return news(*sources, values={"triggerReason": reason, **values})


def only(ids, clause, title, members, *pairs, **more):
    """A subscription with these members is told of the second of each pair of registrations, and not of the first,
    which another one hears of."""
    steps = [watch("/all", name="all", entities=None, watchedAttributes=["load"], **({"temporalQ": members["temporalQ"]}
                                                                       if "temporalQ" in members else {})),
             watch(**members)]
    for number, (other, one) in enumerate(pairs):
        steps += [register(f"x{number}", *other[0], **other[1]), register(f"y{number}", *one[0], **one[1])]
    names = [f"{letter}{number}" for number in range(len(pairs)) for letter in "xy"]
    # Notifications of different registrations may overtake each other: how many there are says it.
    steps += [told("/all", *[news()] * len(names)), told("/a", *[news()] * len(pairs))]
    steps += [leave(name) for name in names]
    steps += [told("/all", *[news()] * (2 * len(names))), told("/a", *[news()] * (2 * len(pairs)))]
    return case(ids, clause, title, *steps, **more)


CREATED = [
    case("038_01 038_02 038_03 040_01", "5.11.2, 5.11.4, 5.2.12", "what is created is shown",
         watch(watchedAttributes=["load"], throttling=5, description="sources", geoQ=THERE, csf="load==1",
               temporalQ=BETWEEN, notification={"attributes": ["label", "load"]}, endpoint={"accept": LD},
               asked={"answer": {"Location": "/ngsi-ld/v1/csourceSubscriptions/" + SUBSCRIPTION}, "empty": True}),
         watched(subset={**subscription(), "watchedAttributes": ["load"], "throttling": 5, "geoQ": THERE,
                         "temporalQ": BETWEEN, "csf": "load==1", "description": "sources", "status": "active",
                         "notification": {"attributes": ["label", "load"],
                                          "endpoint": {"uri": "${TOLD}/a", "accept": LD}}}),
         watched(context=None, values={"entities": [{"type": TERMS + "Station"}],
                                       "watchedAttributes": [TERMS + "load"]})),
    case("038_02 038_04", "5.11.2.4, 5.8.1.4", "without an id it gets one; paused from the start",
         post(WATCHES, {key: value for key, value in subscription(isActive=False).items() if key != "id"}, 201,
              keep={"MADE": "headers.Location"}, answer={"Location": "~/ngsi-ld/v1/csourceSubscriptions/[a-z]+:.+"}),
         get("", at="${MADE}", values={"status": "paused", "type": "Subscription"})),
    case("038_05", "5.11.2.4, 5.8.1.4", "with its expiresAt it expires", watch(expiresAt="${SOON}"),
         watched(values={"status": "active"}), watched(until=True, values={"status": "expired"})),
    case("038_06 038_07 038_08 038_09", "5.11.2.4, 5.2.12", "what is no subscription is refused",
         post(WATCHES, {}, 400, problem="BadRequestData"),
         request("POST", WATCHES, text='{"type": "Subscription"', status=400, problem="InvalidRequest"),
         post(WATCHES, {**subscription(), "id": "invalidId"}, 400, problem="BadRequestData"), watch(),
         watch(status=409, asked={"problem": "AlreadyExists"}), refused(name="t", expiresAt=PAST)),
    case("5.2.12", "5.2.12, 5.2.21, 5.3.2", "restrictions on members", refused(throttling=5, timeInterval=5),
         refused(timeInterval=5, watchedAttributes=["load"]), refused(temporalQ={"timerel": "sometimes", "timeAt": PAST}),
         refused(temporalQ={"timerel": "between", "timeAt": PAST}), refused(temporalQ={}), refused(csf="(("),
         refused(entities=None), refused(endpoint={"accept": GEO}), refused(notification={"format": "other"})),
    case("6.12", "6.10, 6.12", "the two lists of subscriptions are apart", watch(),
         post("/subscriptions", subscription("/b"), 201), get(WATCHES, values={"0.notification.endpoint.uri": "${TOLD}/a"},
                                                             ids=[SUBSCRIPTION]),
         delete(f"/subscriptions/{SUBSCRIPTION}"), watched(), get("/subscriptions", ids=[])),
    case("4.14", "4.14", "a tenant's are its own",
         watch(asked={"headers": {"NGSILD-Tenant": "east"}}), watched(status=404),
         watched(headers={"NGSILD-Tenant": "east"}), register(), post(
             SOURCES, source("e"), 201, headers={"NGSILD-Tenant": "east"}), told("/a", hears(NEW, source("e")))),
]

READ = [
    case("040_02 040_03", "5.11.4.4", "retrieved by what is no URI, or not known",
         get(WATCHES + "/InvalidUri", 400, problem="BadRequestData"), watched(status=404, problem="ResourceNotFound")),
    case("041_01 041_02 041_03 041_04", "5.11.5, 5.5.9, 6.12.3.2", "listed, in pages",
         *[watch(name=name) for name in "stu"],
         *[get(WATCHES, params={"limit": str(limit), "offset": str(offset), "count": "true"}, count=3,
               ids=[f"urn:ngsi-ld:Subscription:{name}" for name in wanted])
           for limit, offset, wanted in ((1, 0, "s"), (2, 0, "st"), (2, 1, "tu"), (15, 0, "stu"))],
         get(WATCHES, 400, params={"limit": "-1"}, problem="BadRequestData")),
    case("042_01 042_02", "5.11.6.4", "deleted by what is no URI, or not known",
         delete(WATCHES + "/InvalidUri", 400, problem="BadRequestData"),
         delete(f"{WATCHES}/{SUBSCRIPTION}", 404, problem="ResourceNotFound")),
    case("042_03", "5.11.6.4", "deleted it is gone, and told of nothing more", watch(), watch("/b", name="t"),
         register(), told("/a", news()), told("/b", news()), delete(f"{WATCHES}/{SUBSCRIPTION}", empty=True),
         watched(status=404), leave(), told("/b", news(), news()), told("/a", news())),
]

UPDATED = [
    case("039_01", "5.11.3.4, 5.5.8", "members are replaced", watch(), change(
        entities=[{"type": "Tram"}], watchedAttributes=["load"], throttling=3, asked={"empty": True}),
         watched(values={"entities": [{"type": "Tram"}], "watchedAttributes": ["load"], "throttling": 3}),
         change(throttling=None, watchedAttributes=NULL), watched(lacks=["throttling", "watchedAttributes"])),
    case("039_02 039_03 039_04 039_05", "5.11.3.4", "an update of nothing, or by what is none",
         patch(WATCHES + "/InvalidUri", {"csf": "load==1"}, 400, problem="BadRequestData"),
         unchanged(404, "ResourceNotFound", csf="load==1"), watch(),
         *[unchanged(**wrong) for wrong in ({"entities": []}, {"csf": "load>>1"}, {"watchedAttributes": "load"},
                                            {"notification": None}, {"type": "Other"}, {"expiresAt": PAST},
                                            {"notification": {"endpoint": {"uri": "${TOLD}/a", "accept": GEO}}})],
         request("PATCH", f"{WATCHES}/{SUBSCRIPTION}", text='{"csf": ', status=400, problem="InvalidRequest"),
         watched(values={"entities": [{"type": "Station"}]}, lacks=["csf", "expiresAt"])),
    case("047_16", "5.11.3.4", "updated it is told of all that match", register("v", of("Tram")),
         register("b", of("Depot")), watch(), change(entities=[{"type": "Tram"}]),
         told("/a", hears(NEW, source("v", of("Tram")))), change(entities=[{"type": "Depot"}]),
         told("/a", news(), hears(NEW, source("b", of("Depot")))),
         change(entities=[{"type": "Tram"}, {"type": "Depot"}]),
         told("/a", news(), news(), hears(NEW, source("b", of("Depot")), source("v", of("Tram"))))),
]

TOLD = [
    case("047_01", "5.11.7, 5.11.2.4", "at intervals, from the start, whatever changes", register(),
         watch(timeInterval=1), told("/a", hears(NEW, source()), hears(NEW, source()), more=True)),
    case("047_02 047_03 047_08", "5.11.7, 5.3.3", "initially, and of each change", register(), watch(),
         told("/a", hears(NEW, source())), revise(description="new"),
         told("/a", news(), hears(SAME, source(description="new"))), leave(),
         told("/a", news(), news(), hears(GONE, source(description="new")))),
    case("047_04", "5.3.2", "the notification's structure", watch(), register(), told("/a", news(source(), headers={
        "Content-Type": "application/json", "Link": link(CONTEXT)}, lacks=["@context", "data.0.@context"], values={
            "id": "~[a-z]+:.+", "type": "ContextSourceNotification", "subscriptionId": SUBSCRIPTION,
            "notifiedAt": INSTANT, "triggerReason": NEW}))),
    case("6.3.8", "6.3.8, 5.2.15", "as JSON-LD, with receiverInfo as headers and system attributes",
         watch(endpoint={"accept": LD, "receiverInfo": [{"key": "X-Floor", "value": "3"}]},
               notification={"sysAttrs": True}), register(),
         told("/a", news(headers={"Content-Type": LD, "Link": None, "X-Floor": "3"}, values={
             "@context": CONTEXT, "data.0.createdAt": INSTANT, "data.0.modifiedAt": INSTANT}))),
    case("047_05", "5.11.7, 5.2.14.2", "what is counted and noted of success", watch(), register(),
         told("/a", news()), watched(until=True, values={
             "notification.timesSent": 1, "notification.status": "ok", "notification.lastNotification": INSTANT,
             "notification.lastSuccess": INSTANT}, lacks=["notification.lastFailure"])),
    case("047_06", "5.11.7, 5.2.14.2", "and of failure; that nothing matched at first was not told",
         watch("/refused"), register(),
         watched(until=True, values={"notification.status": "failed", "notification.lastFailure": INSTANT},
                 has=["notification.timesFailed"], lacks=["notification.lastSuccess"])),
    case("047_07", "5.8.6, 5.11.7", "paused it is told of nothing; resumed of all that match", watch(),
         watch("/b", name="t"), change(isActive=False), register(), told("/b", hears(NEW, source())), revise(
             description="1"), told("/b", news(), news()), told("/a"), change(isActive=True),
         told("/a", hears(NEW, source(description="1"))), leave(), told("/a", news(), news())),
    case("047_09", "5.11.7, 5.3.3", "what matches no longer after an update, and then again", register(), watch(),
         told("/a", hears(NEW, source())), revise(information=[of("Tram")]),
         told("/a", news(), hears(GONE, source())), revise(description="unheard"), revise(
             information=[of("Station", "load")]),
         told("/a", news(), news(), hears(NEW, source("r", of("Station", "load"), description="unheard")))),
    case("5.11.7", "5.11.7", "only the elements of information that match are told", watch(),
         register("r", of("Tram"), of("Station", "load"), {"propertyNames": ["label"]}, of("Depot", "load")),
         told("/a", hears(NEW, source("r", of("Station", "load"), {"propertyNames": ["label"]})))),
    case("5.9.2.4", "5.9.2.4, 5.11.7", "of a registration that expires", watch(), register(expiresAt="${SOON}"),
         told("/a", news(values={"triggerReason": NEW}), news(values={"triggerReason": GONE})),
         register(), told("/a", news(), news(), hears(NEW, source()))),
    case("5.11.2.4", "5.11.2.4, 5.2.12", "throttled they wait, and what is told for one reason comes as one",
         watch(throttling=1), register("a"), told("/a", hears(NEW, source("a"))), register("b"), register("c"),
         leave("a"), told("/a", news(), hears(NEW, source("b"), source("c")), hears(GONE, source("a")))),
    case("5.12", "4.9, 5.11.2.4", "secrets are for the source alone", watch(),
         register(contextSourceInfo=[{"key": "Authorization", "value": "Bearer abc"}, {"key": "X-Floor", "value": "3"}]),
         told("/a", news(values={"data.0.contextSourceInfo": [{"key": "Authorization", "value": "***"},
                                                             {"key": "X-Floor", "value": "3"}]}))),
]

OBSERVED = {"observationInterval": TIMES}
MANAGED = {"managementInterval": TIMES}
LATE = {"observationInterval": {"startAt": "2022-01-01T00:00:00Z"}}
PLACE = {"location": point(8.5, 41.2)}
FAR = {"location": point(20, 50)}


def one(*infos, **members):
    return infos, members


MATCHED = [
    only("047_08 047_10", "5.11.2.4, 5.2.21", "by observationInterval", {"temporalQ": BETWEEN},
         (one(of("Tram"), **OBSERVED), one(of("Station"), **OBSERVED))),
    case("047_10 047_11", "5.11.2.4, 5.2.21", "each interval by the timeproperty that it is for; without temporalQ none",
         watch(temporalQ=BETWEEN), watch("/m", name="m", temporalQ={**BETWEEN, "timeproperty": "modifiedAt"}),
         watch("/n", name="n"), register("o", **OBSERVED), register("l", **LATE), register("m", **MANAGED), register(),
         told("/n", hears(NEW, source())), told("/a", hears(NEW, source("o", **OBSERVED))),
         told("/m", hears(NEW, source("m", **MANAGED)))),
    only("047_12", "5.11.2.4, 5.12", "by watchedAttributes and notification.attributes together",
         {"watchedAttributes": ["load"], "notification": {"attributes": ["label"]}},
         (one(of("Station", "usage")), one(of("Station", "load"))), (one(of("Tram", "load")), one(of("Station", "label"))),
         (one(of("Station", "zone"), of("Tram")), one(of("Station")))),
    only("047_13", "5.11.2.4, 5.12", "either alone stands for all attributes", {"watchedAttributes": ["load"]},
         (one(of("Tram", "usage")), one(of("Station", "usage")))),
    only("047_13", "5.11.2.4, 5.12", "attributes alone too", {"notification": {"attributes": ["load"]}},
         (one(of("Tram", "usage")), one(of("Station", "usage")))),
    only("047_14 047_15", "5.11.2.4", "by place, whatever attributes are registered", {"geoQ": THERE},
         (one(of("Station", "load"), **FAR), one(of("Station", "load"), **PLACE)), (one(of("Tram")), one(of("Station")))),
    only("047_14", "5.11.2.4", "by another GeoProperty", {"geoQ": {**THERE, "geoproperty": "operationSpace"}},
         (one(of("Station"), operationSpace=FAR["location"]), one(of("Station"), operationSpace=PLACE["location"],
                                                                  **FAR))),
    only("5.12", "5.12", "by ids and patterns", {"entities": [{"type": "Station", "id": "urn:ngsi-ld:Station:a"}]},
         (one(of("Station", id="urn:ngsi-ld:Station:b")), one(of("Station", id="urn:ngsi-ld:Station:a"))),
         (one(of("Station", idPattern=".*b$")), one(of("Station", idPattern=".*a$")))),
    only("5.11.2.4", "5.11.2.4, 4.9, 4.19", "by csf and scopeQ",
         {"csf": 'contextSourceAlias=="north"', "scopeQ": "/city/#"},
         (one(of("Station"), contextSourceAlias="south"), one(of("Station"), contextSourceAlias="north")),
         (one(of("Station"), contextSourceAlias="north", scope="/sea"),
          one(of("Station"), contextSourceAlias="north", scope="/city/a"))),
    only("5.12", "5.12", "by datasetId, and not by q", {"datasetId": ["urn:x:a"], "q": "usage==1"},
         (one(of("Station"), datasetId=["urn:x:b"]), one(of("Station", "load"), datasetId=["urn:x:a", "urn:x:b"])),
         (one(of("Tram")), one(of("Station")))),
]

CASES = CREATED + READ + UPDATED + TOLD + MATCHED
