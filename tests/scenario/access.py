#!/usr/bin/env python3
"""Who may do what, with the real program over HTTP and by its commands.

Usage: access.py MACHI SOURCE_ROOT. The promises under test: nobody who is not known reads or changes anything beyond
what docs/reference/access.md names; a role, a token's scopes and its tenants are never passed by; a browser's cookie
alone changes nothing; what people change is in the audit log before it is changed, whatever happens.
"""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, free_port, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
root = pathlib.Path(sys.argv[2])
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-access-"))
tap = Tap()
ENTITIES = "/ngsi-ld/v1/entities"
SESSION = "/api/v1/session"
ADMIN = "a town by the sea"
PUBLIC = {("GET", "/health"), ("GET", "/ready"), ("GET", "/ping"), ("GET", SESSION), ("POST", SESSION),
          ("GET", "/ngsi-ld/v1/jsonldContexts/{contextId}"), ("POST", "/api/v1/sources/notifications/{token}"),
          ("GET", "/ocpp/{feed}/{station}")}


def accounts(name, *options, **more):
    return Daemon(machi, work / name, *options, mode="accounts", **more)


def ask(daemon, method, path, body=None, headers=None):
    """Status, headers, JSON or text."""
    with contextlib.closing(daemon.connect()) as connection:
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        try:
            return answer.status, answer.headers, json.loads(text)
        except ValueError:
            return answer.status, answer.headers, text


class Session:
    """A browser's: its cookie and its token against forged requests."""

    def __init__(self, daemon, name, password, wanted=None):
        self.daemon = daemon
        status, headers, told = ask(daemon, "POST", SESSION, {"name": name, "password": password})
        check(status == 200, f"{name} cannot sign in: {status} {told}")
        self.set_cookie = headers["Set-Cookie"]
        self.cookie = self.set_cookie.split(";")[0]
        self.csrf = told["csrfToken"]
        self.told = told
        if wanted:
            same(self.ask("POST", f"{SESSION}/password", {"current": password, "new": wanted})[0], 204)

    def ask(self, method, path, body=None, **headers):
        return ask(self.daemon, method, path, body, {"Cookie": self.cookie, "X-CSRF-Token": self.csrf, **headers})


def administrator(daemon, name):
    password = machi("account", "reset", "admin", "--data", work / name).out.strip()
    until(lambda: ask(daemon, "POST", SESSION, {"name": "admin", "password": password})[0] == 200, seconds=5)
    return Session(daemon, "admin", password, ADMIN)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def token(session, *scopes, **more):
    status, _, told = session.ask("POST", "/api/v1/tokens", {"title": "test", "scopes": list(scopes), **more})
    same(status, 201, str(told))
    return told["token"]


def vehicle(number, kind="Vehicle"):
    return {"id": f"urn:ngsi-ld:{kind}:{number}", "type": kind, "speed": {"type": "Property", "value": number}}


@tap.case
def the_first_start_prints_a_password_once():
    words = [machi.program, "serve", "--data", str(work / "first"), "--listen", f"127.0.0.1:{free_port()}"]
    for start in range(2):
        with open(work / "first.log", "wb") as log:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log)
            try:
                until(lambda: "msg=ready" in (work / "first.log").read_text(), seconds=60)
            finally:
                process.terminate()
            out = process.communicate(timeout=60)[0].decode()
        same(bool(re.search(r'"admin".*: [a-z0-9]{5}-[a-z0-9]{5}-[a-z0-9]{5}-[a-z0-9]{6}\n', out)), start == 0, out)
        check("-" not in out or out.split(": ")[-1].strip() not in (work / "first.log").read_text(), "it is in the log")
    same(oct((work / "first/access.db").stat().st_mode & 0o777), "0o600")


@tap.case
def nobody_unknown_gets_beyond_the_door():
    with accounts("door", "--set", "console.city=Kampot") as daemon:
        session = administrator(daemon, "door")
        status, _, described = session.ask("GET", "/openapi.json")
        same(status, 200)
        wrong = [{}, bearer("machi_" + "x" * 43), bearer("nonsense"), {"Cookie": "machi=" + "x" * 43}, {"Cookie": ";;=;machi"},
                 {"Authorization": "Basic " + base64.b64encode(b"admin:" + ADMIN.encode()).decode()}, {"Authorization": "Bearer"},
                 {"X-Auth-Token": ""}]
        seen = 0
        for path, methods in described["paths"].items():
            for method in methods:
                if method.upper() not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                    continue
                place = re.sub(r"{[^}]*}", "x", path)
                by_feed = path.startswith("/api/v1/feeds/{feed}/") and path.split("/")[-1] in ("messages", "write", "query")
                for headers in wrong:
                    status, _, told = ask(daemon, method.upper(), place, None if method == "get" else "{}", headers)
                    if (method.upper(), path) in PUBLIC or by_feed:
                        check(status != 401 or by_feed or path == SESSION, method, path, status)
                        check(status >= 300 or not by_feed or path.endswith("query"), method, path, status)
                    else:
                        same(status, 401, f"{method} {path} {headers} {told}")
                    seen += 1
        check(seen > 500, f"only {seen} were tried")
        status, headers, told = ask(daemon, "GET", "/ngsi-ld/v1/types")
        same((status, headers["WWW-Authenticate"]), (401, 'Bearer realm="machi"'))
        status, _, told = ask(daemon, "GET", SESSION)
        same((status, told["account"], told["permissions"], told["city"]), (200, None, [], "Kampot"))
        check(b"Vehicle" not in daemon.request("GET", "/")[1], "the page holds something of the city")
        check("Bearer" not in daemon.log() and ADMIN not in daemon.log(), "a secret is in the log")


@tap.case
def every_operation_says_what_it_needs():
    """A viewer reads the city; what changes something is refused him, and he hears which permission he lacks."""
    with accounts("viewer") as daemon:
        session = administrator(daemon, "viewer")
        same(session.ask("POST", ENTITIES, vehicle(1))[0], 201)
        _, _, made = session.ask("POST", "/api/v1/accounts", {"name": "sophea", "role": "viewer"})
        hers = Session(daemon, "sophea", made["oneTimePassword"], "she looks at the city")
        same(hers.ask("GET", f"{ENTITIES}/urn:ngsi-ld:Vehicle:1")[0], 200)
        _, _, described = session.ask("GET", "/openapi.json")
        refused = 0
        for path, methods in described["paths"].items():
            for method in methods:
                if method.upper() not in ("POST", "PUT", "PATCH", "DELETE") or (method.upper(), path) in PUBLIC:
                    continue
                # Hers alone, and what only reads although it is posted.
                if path.startswith((SESSION, "/api/v1/tokens")) or "uery" in path or "entityMaps" in path or path.startswith("/api/v1/query") \
                        or path in ("/api/v1/series", "/api/v1/labels"):
                    continue
                status, _, told = hers.ask(method.upper(), re.sub(r"{[^}]*}", "x", path), {})
                same(status, 403, f"{method} {path} {told}")
                check("needs" in told["detail"], told)
                refused += 1
        check(refused > 40, refused)
        same(session.ask("GET", f"{ENTITIES}?type=Vehicle")[2][0]["speed"]["value"], 1)
        for path in ("/metrics", "/api/v1/accounts", "/api/v1/audit", "/ngsi-ld/v1/subscriptions"):
            same(hers.ask("GET", path)[0], 403, path)


@tap.case
def a_cookie_alone_changes_nothing():
    with accounts("forged") as daemon:
        session = administrator(daemon, "forged")
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            check(word in session.set_cookie, session.set_cookie)
        check("Secure" not in session.set_cookie, "a cookie that plain HTTP would not send")
        cookie = {"Cookie": session.cookie}
        same(ask(daemon, "POST", ENTITIES, vehicle(1), cookie)[0], 403)
        same(ask(daemon, "POST", ENTITIES, vehicle(1), {**cookie, "X-CSRF-Token": "x" * 43})[0], 403)
        same(ask(daemon, "POST", "/api/v2/write", "m,id=a v=1", {**cookie, "Content-Type": "text/plain"})[0], 403)
        same(session.ask("POST", ENTITIES, vehicle(1), Origin="https://evil.example")[0], 403)
        same(session.ask("POST", ENTITIES, vehicle(1), Origin=f"http://127.0.0.1:{daemon.port}")[0], 201)
        same(ask(daemon, "POST", SESSION, {"name": "admin", "password": ADMIN}, {"Origin": "https://evil.example"})[0], 403)
        same(ask(daemon, "POST", SESSION, '{"name":"admin"}', {"Content-Type": "text/plain"})[0], 400)
    with accounts("tls", "--set", "public_url=https://city.example") as daemon:
        session = administrator(daemon, "tls")
        check(session.set_cookie.startswith("__Host-machi=") and "; Secure" in session.set_cookie, session.set_cookie)
        same(session.ask("GET", "/ngsi-ld/v1/types")[0], 200)


@tap.case
def wrong_passwords_wait_and_say_how_long():
    with accounts("locked") as daemon:
        administrator(daemon, "locked")
        for _ in range(5):
            status, _, told = ask(daemon, "POST", SESSION, {"name": "admin", "password": "not the one"})
            same(status, 401)
        status, headers, told = ask(daemon, "POST", SESSION, {"name": "admin", "password": ADMIN})
        same(status, 429)
        check(0 < int(headers["Retry-After"]) <= 61, headers["Retry-After"])
        machi("account", "reset", "admin", "--data", work / "locked")
        audit = machi("audit", "--json", "--data", work / "locked").out
        check('"action":"lockOut"' in audit and '"account":"(machine)' in audit, audit)


@tap.case
def an_officer_commands_what_is_his_alone():
    with accounts("officer") as daemon:
        session = administrator(daemon, "officer")
        for kind in ("Vehicle", "EVChargingStation", "Mixed"):
            same(session.ask("POST", ENTITIES, vehicle(1, kind))[0], 201)
        same(session.ask("POST", ENTITIES, {**vehicle(2, "EVChargingStation"), "type": ["EVChargingStation", "Vehicle"]})[0], 201)
        password = machi("account", "add", "dara", "--role", "officer", "--services", "energy", "--data", work / "officer").out.strip()
        his = Session(daemon, "dara", password, "power to the city")
        station, mixed = (f"{ENTITIES}/urn:ngsi-ld:EVChargingStation:{n}" for n in (1, 2))
        same(his.ask("PATCH", f"{station}/attrs", {"speed": 7})[0], 204)
        same(his.ask("PATCH", f"{station}/attrs/speed", {"value": 8})[0], 204)
        same(his.ask("PATCH", station, {"speed": {"value": 9}})[0], 204)
        same(his.ask("GET", f"{station}?format=keyValues")[2]["speed"], 9)
        for path in (f"{ENTITIES}/urn:ngsi-ld:Vehicle:1", f"{ENTITIES}/urn:ngsi-ld:Mixed:1", mixed):
            status, _, told = his.ask("PATCH", f"{path}/attrs", {"speed": 7})
            same(status, 403, path)
            check("services" in told["detail"], told)
        same(his.ask("PATCH", f"{ENTITIES}/urn:ngsi-ld:EVChargingStation:9/attrs", {"speed": 7})[0], 404)
        same(his.ask("DELETE", station)[0], 403)
        same(his.ask("POST", f"{station}/attrs", {"speed": 7})[0], 403)
        same(his.ask("PUT", station, {"speed": 7})[0], 403)


@tap.case
def tokens_open_what_their_scopes_say():
    with accounts("tokens") as daemon:
        session = administrator(daemon, "tokens")
        reads, writes = token(session, "city:read"), token(session, "city:read", "city:write")
        same(ask(daemon, "POST", ENTITIES, vehicle(1), bearer(reads))[0], 403)
        same(ask(daemon, "POST", ENTITIES, vehicle(1), bearer(writes))[0], 201)
        for headers in (bearer(reads), {"Authorization": f"Token {reads}"}, {"X-Auth-Token": reads},
                        {"Authorization": "Basic " + base64.b64encode(f"any:{reads}".encode()).decode()}):
            same(ask(daemon, "GET", f"{ENTITIES}/urn:ngsi-ld:Vehicle:1", None, headers)[0], 200, str(headers))
        same(ask(daemon, "POST", "/write", "m,id=a v=1", bearer(writes))[0], 204)
        same(ask(daemon, "GET", "/api/v1/query?query=up", None, bearer(reads))[0], 200)
        same(ask(daemon, "POST", "/api/v1/accounts", {"name": "x"}, bearer(writes))[0], 403)
        # A token makes none that may do more than itself, and none for others.
        same(ask(daemon, "POST", "/api/v1/tokens", {"title": "t", "scopes": ["accounts:write"]}, bearer(writes))[0], 403)
        same(ask(daemon, "POST", "/api/v1/tokens", {"title": "t", "scopes": ["city:eat"]}, bearer(writes))[0], 400)
        same(ask(daemon, "DELETE", SESSION, None, bearer(writes))[0], 409)
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        brief = token(session, "city:read", expiresAt=soon)
        same(ask(daemon, "GET", "/ngsi-ld/v1/types", None, bearer(brief))[0], 200)
        until(lambda: ask(daemon, "GET", "/ngsi-ld/v1/types", None, bearer(brief))[0] == 401, seconds=10)
        _, _, listed = session.ask("GET", "/api/v1/tokens")
        check(all("token" not in one for one in listed["tokens"]), "a token is shown again")
        same(session.ask("DELETE", f"/api/v1/tokens/{listed['tokens'][0]['id']}")[0], 204)
        same(ask(daemon, "GET", "/ngsi-ld/v1/types", None, bearer(reads))[0], 401)
        machi("token", "remove", listed["tokens"][1]["id"], "--data", work / "tokens")
        until(lambda: ask(daemon, "GET", "/ngsi-ld/v1/types", None, bearer(writes))[0] == 401, seconds=3)
        # The stream is closed to strangers too, and open to a token.
        same(ask(daemon, "GET", "/api/v1/stream?type=*")[0], 401)


@tap.case
def tenants_are_kept_apart():
    with accounts("tenants") as daemon:
        session = administrator(daemon, "tenants")
        for name in ("", "north", "south"):
            headers = {"NGSILD-Tenant": name} if name else {}
            same(session.ask("POST", ENTITIES, vehicle(1), **headers)[0], 201)
        northern = token(session, "city:read", "city:write", "feeds:read", "system:read", tenants=["north"])
        asked = lambda method, path, tenant, body=None, **more: ask(
            daemon, method, path, body, {**bearer(northern), **({"NGSILD-Tenant": tenant} if tenant else {}), **more})[0]
        same(asked("GET", f"{ENTITIES}?type=Vehicle", "north"), 200)
        for tenant in ("", "south", "nort", "north2"):
            same(asked("GET", f"{ENTITIES}?type=Vehicle", tenant), 403, tenant)
            same(asked("POST", ENTITIES, tenant, vehicle(2)), 403, tenant)
            same(asked("GET", "/api/v1/notifications/dead", tenant), 403, tenant)
        same(asked("GET", "/api/v1/query?query=up", "south"), 403)
        for tenant in ("south", ""):
            same(asked("POST", f"/api/v2/write?bucket={tenant or 'x'}", "", "m,id=a v=1"), 401, tenant)
            same(asked("GET", f"/api/v1/stream?type=*&tenant={tenant}" if tenant else "/api/v1/stream?type=*", ""), 403, tenant)
        same(asked("POST", "/api/v2/write?bucket=north", "", "m,id=a v=1"), 204)
        # What belongs to all of them.
        for path in ("/metrics", "/api/v1/feeds"):
            same(asked("GET", path, ""), 403, path)
        # A token of hers for another tenant is not to be had.
        same(ask(daemon, "POST", "/api/v1/tokens", {"title": "t", "scopes": ["city:read"]}, bearer(northern))[0], 403)
        same(ask(daemon, "POST", "/api/v1/tokens", {"title": "t", "scopes": ["city:read"], "tenants": ["south"]}, bearer(northern))[0], 403)
        same(ask(daemon, "POST", "/api/v1/tokens", {"title": "t", "scopes": ["city:read"], "tenants": ["north"]}, bearer(northern))[0], 201)


@tap.case
def feeds_ask_for_their_own_token_or_one_of_the_house():
    config = work / "feeds.yaml"
    mapping = "map: {id: 'urn:ngsi-ld:Room:{room}', type: Room, attributes: {t: {kind: number, column: t}}}"
    config.write_text(f"feeds:\n  - {{name: own, webhook: {{token: CHANGE-ME}}, {mapping}}}\n  - {{name: bare, webhook: {{}}, {mapping}}}\n")
    with accounts("feeds", "--config", config) as daemon:
        session = administrator(daemon, "feeds")
        reads, writes = token(session, "city:read"), token(session, "city:write")
        post = lambda feed, headers: ask(daemon, "POST", f"/api/v1/feeds/{feed}/messages", {"room": 1, "t": 2}, headers)[0]
        same([post("own", bearer(one)) for one in ("CHANGE-ME", "wrong", writes, reads)], [204, 403, 204, 403])
        same([post("bare", headers) for headers in ({}, bearer("any"), bearer(writes), bearer(reads))], [403, 403, 204, 403])


@tap.case
def snapshots_ask_the_daemon_itself():
    """Its own requests are known to it, and nobody else has their secret."""
    with accounts("itself") as daemon:
        session = administrator(daemon, "itself")
        same(session.ask("POST", ENTITIES, vehicle(1))[0], 201)
        status, headers, _ = session.ask("POST", "/ngsi-ld/v1/snapshots", {
            "id": "urn:s:1", "type": "Snapshot", "snapshotQueries": [{"type": "Query", "entities": [{"type": "Vehicle"}]}]})
        same(status, 201)

        def whole():
            return session.ask("GET", f"{ENTITIES}?type=Vehicle", **{"NGSILD-Snapshot": "urn:s:1"})[2] or None
        found = until(lambda: isinstance(whole(), list) and whole(), seconds=30)
        same(found[0]["id"], "urn:ngsi-ld:Vehicle:1")


@tap.case
def what_was_changed_is_in_the_audit_log_whatever_happens():
    """Acknowledged or not: whatever is in the city has a row, on the disk before it."""
    daemon = accounts("killed").wait_until_ready()
    try:
        session = administrator(daemon, "killed")
        acknowledged = []

        def write(worker):
            for number in range(10000):
                try:
                    if session.ask("POST", ENTITIES, vehicle(f"{worker}-{number}"), **{"X-Request-Id": f"w{worker}-{number}"})[0] != 201:
                        return
                except (OSError, http.client.HTTPException):
                    return
                acknowledged.append(f"w{worker}-{number}")
        threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(acknowledged) > 100, seconds=30)
        daemon.kill()
        for thread in threads:
            thread.join()
    finally:
        daemon.kill()
    with contextlib.closing(sqlite3.connect(work / "killed/access.db")) as database:
        rows = {row[0] for row in database.execute("select request_id from audit where action='createEntity'")}
    missing = [one for one in acknowledged if one not in rows]
    check(not missing, f"{len(missing)} of {len(acknowledged)} were changed without a row")
    stored = json.loads("[" + ",".join(machi("export", "--data", work / "killed").out.splitlines()) + "]")
    missing = [one["id"] for one in stored if "w" + one["id"].rsplit(":", 1)[1] not in rows]
    check(not missing, f"in the city without a row: {missing[:5]}")


@tap.case
def open_is_for_this_machine_alone():
    run = machi("serve", "--open", "--data", work / "public", "--listen", f"0.0.0.0:{free_port()}", status=78)
    check("loopback" in run.err, run.err)
    with Daemon(machi, work / "open", mode="open") as daemon:
        same(ask(daemon, "POST", ENTITIES, vehicle(1))[0], 201)
        same(ask(daemon, "GET", ENTITIES + "?type=Vehicle", None, {"Host": "evil.example"})[0], 403)
        same(ask(daemon, "POST", ENTITIES, vehicle(2), {"Origin": "https://evil.example"})[0], 403)
        same(ask(daemon, "POST", "/write", "m,id=a v=1", {"Origin": "https://evil.example", "Content-Type": "text/plain"})[0], 403)
        status, _, told = ask(daemon, "GET", SESSION)
        same((told["mode"], told["account"]), ("open", None))
        same(ask(daemon, "POST", SESSION, {"name": "a", "password": "b"})[0], 409)
        daemon.stop()
    audit = [json.loads(line) for line in machi("audit", "--json", "--data", work / "open").out.splitlines()]
    check(any(one["account"] == "(open)" and one["action"] == "createEntity" and one["status"] == 201 for one in audit), audit)


@tap.case
def a_proxy_is_believed_where_it_is_named():
    for named in (False, True):
        options = ["--set", "access.proxies=127.0.0.1"] if named else []
        with accounts(f"proxy{named}", *options) as daemon:
            administrator(daemon, f"proxy{named}")
            ask(daemon, "POST", SESSION, {"name": "x", "password": "y"}, {"X-Forwarded-For": "198.51.100.9, 203.0.113.5"})
            daemon.stop()
        audit = machi("audit", "--json", "--action", "signIn", "--data", work / f"proxy{named}").out
        same('"peer":"203.0.113.5"' in audit, named, audit)


@tap.case
def accounts_are_backed_up_and_brought_back():
    with accounts("kept") as daemon:
        session = administrator(daemon, "kept")
        secret = token(session, "city:read")
        machi("backup", "--data", work / "kept", "--to", work / "kept.tar")
    machi("restore", "--from", work / "kept.tar", "--data", work / "back")
    check("access.db: good" in machi("check", "--data", work / "back").out)
    with accounts("back") as daemon:
        same(ask(daemon, "GET", "/ngsi-ld/v1/types", None, bearer(secret))[0], 200)
        Session(daemon, "admin", ADMIN)


shutil.rmtree(work, ignore_errors=True)
sys.exit(tap.done())
