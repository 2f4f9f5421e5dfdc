#!/usr/bin/env python3
"""Charge points over OCPP as operators and stations meet them: who may connect, what becomes an entity, commands, kill -9.

Usage: ocpp.py MACHI SOURCE_ROOT. The promises under test: nobody connects and no token charges unless the settings say
so; what was answered is in the store whatever is killed; the same start has the same number; no token is stored.
"""
import json
import os
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from charge_point import CallError, ChargePoint, Closed, Refused
from tap import PATIENCE_SECONDS, Daemon, Machi, Tap, check, free_port, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-ocpp-"))
tap = Tap()
ENTITIES = "/ngsi-ld/v1/entities"
STATION, POINT, CONNECTOR, SESSION = (f"urn:ngsi-ld:EVCharging{kind}:park:" for kind in
                                      ("Station", "Point", "Connector", "Session"))
TOKEN = "C0FFEE4711"

SETTINGS = f"""feeds:
  - name: park
    ocpp:
      stations:
        - {{id: CP-1, password: secret-of-one-16}}
        - {{id: "DE*ABC|E1", password: secret-of-two-16}}
      tokens:
        - {{id: {TOKEN}, name: fleet-7, parent: FLEET, expires: 2099-01-01T00:00:00Z}}
        - {{id: BLOCKED1, blocked: true}}
        - {{id: EXPIRED1, expires: 2020-01-01T00:00:00Z}}
      heartbeat: 2 min
    commands:
      - {{type: EVChargingPoint, attribute: charge, send: {{action: remote_start, token: "{{value}}"}}}}
      - {{type: EVChargingPoint, attribute: stop, send: {{action: remote_stop}}}}
      - {{type: EVChargingPoint, attribute: limit, minimum: 0, maximum: 22000, send: {{action: limit, unit: W}}}}
      - {{type: EVChargingPoint, attribute: unlimit, send: {{action: clear_profile}}}}
      - {{type: EVChargingPoint, attribute: profile, send: {{action: set_profile}}}}
      - {{type: EVChargingPoint, attribute: operative, send: {{action: availability}}}}
      - {{type: EVChargingPoint, attribute: unlock, send: {{action: unlock}}}}
      - {{type: EVChargingSession, attribute: limit, send: {{action: limit, unit: A, profile: 4, stack_level: 1}}}}
      - {{type: EVChargingSession, attribute: stop, send: {{action: remote_stop}}}}
      - {{type: EVChargingStation, attribute: limit, send: {{action: limit, unit: A, phases: 3}}}}
      - {{type: EVChargingStation, attribute: reset, timeout: 3 s, send: {{action: reset}}}}
      - {{type: EVChargingStation, attribute: ask, send: {{action: trigger, message: "{{value}}"}}}}
      - {{type: EVChargingStation, attribute: forget, send: {{action: call, call: ClearCache}}}}
      - {{type: EVChargingStation, attribute: interval, send: {{action: call, call: ChangeConfiguration,
         payload: '{{"key": "HeartbeatInterval", "value": "{{value}}"}}'}}}}
"""


def serve(name, settings=SETTINGS, **more):
    path = work / f"{name}.yaml"
    path.write_text(settings)
    return Daemon(machi, work / name, "--config", path, **more)


def feed_is_up(daemon, name="park"):
    until(lambda: json.loads(daemon.request("GET", f"/api/v1/feeds/{name}")[1]).get("state") == "up", "the feed is up")


def point(daemon, station="CP-1", password="secret-of-one-16", **more):
    return ChargePoint(daemon.port, "park", station, password=password, **more)


def entity(daemon, name):
    code, body = daemon.request("GET", f"{ENTITIES}/{name}")
    return json.loads(body) if code == 200 else {}


def value(daemon, name, attribute):
    found = entity(daemon, name).get(attribute, {})
    return found.get("value", found.get("object"))


def refused(function, status):
    try:
        function()
    except Refused as refusal:
        same(refusal.status, status, refusal.body)
        return refusal
    raise AssertionError(f"let in, wanted {status}")


def stamp(seconds=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def who_is_not_expected_is_refused():
    with serve("access") as daemon:
        feed_is_up(daemon)
        refused(lambda: point(daemon, "CP-9"), 404)
        refused(lambda: point(daemon, "CP-1", password=None), 401)
        refusal = refused(lambda: point(daemon, "CP-1", password="wrong"), 401)
        check(refusal.headers["www-authenticate"].startswith("Basic "))
        check("secret" not in refusal.body)
        refused(lambda: point(daemon, "CP-1", user="CP-2"), 401)
        refused(lambda: ChargePoint(daemon.port, "none", "CP-1", password="secret-of-one-16"), 404)
        refused(lambda: point(daemon, "a%20b"), 404)
        refused(lambda: point(daemon, headers=["Origin: https://elsewhere.example"]), 403)
        same(daemon.request("GET", "/ocpp/park/CP-1")[0], 426)
        # OCPP-J 1.6, 3.1.1; OCPP 2.0.1 part 4, 3.3: a handshake without sub-protocol, and a close.
        for protocol in (None, "ocpp1.5", "ocpp2.1, ocpp1.2"):
            with point(daemon, protocol=protocol) as stranger:
                check("sec-websocket-protocol" not in stranger.headers)
                try:
                    stranger.receive_text()
                    raise AssertionError("it was spoken to")
                except Closed as closed:
                    same(closed.code, 1002)
        refused(lambda: point(daemon, password=None, protocol="ocpp1.5"), 401)
        with point(daemon, protocol="ocpp2.0.1, ocpp1.6") as one:
            same(one.headers["sec-websocket-protocol"], "ocpp2.0.1")
        with ChargePoint(daemon.port, "park", "DE%2AABC%7CE1", password="secret-of-two-16", user="DE*ABC|E1") as two:
            same(two.boot()["status"], "Accepted")
            until(lambda: value(daemon, STATION + "DE%252AABC%257CE1", "connected"), "it is connected")


def what_a_1_6_point_says_becomes_entities():
    with serve("one") as daemon:
        feed_is_up(daemon)
        with point(daemon) as one:
            answer = one.call("BootNotification", {"chargePointVendor": "Machi", "chargePointModel": "M1",
                                                   "chargePointSerialNumber": "S-1", "firmwareVersion": "1.2.3"})
            same((answer["status"], answer["interval"]), ("Accepted", 120))
            same(set(one.call("Heartbeat", {})), {"currentTime"})
            at = stamp()
            one.call("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Available", "timestamp": at})
            one.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": at})
            # What was answered is there.
            station, first = entity(daemon, STATION + "CP-1"), entity(daemon, POINT + "CP-1:1")
            same({name: station[name]["value"] for name in ("brandName", "modelName", "serialNumber", "firmwareVersion",
                                                            "status", "connected", "protocol")},
                 {"brandName": "Machi", "modelName": "M1", "serialNumber": "S-1", "firmwareVersion": "1.2.3",
                  "status": "working", "connected": True, "protocol": "ocpp1.6"})
            same((first["type"], first["status"]["value"], first["status"]["observedAt"], first["errorCode"]["value"]),
                 ("EVChargingPoint", "Preparing", at, "NoError"))
            same((first["refEVChargingStation"]["object"], first["chargingUnitId"]["value"]), (STATION + "CP-1", "1"))
            for token, verdict in (("c0ffee4711", "Accepted"), ("BLOCKED1", "Blocked"), ("EXPIRED1", "Expired"), ("NOBODY", "Invalid")):
                info = one.call("Authorize", {"idTag": token})["idTagInfo"]
                same(info["status"], verdict)
            same(one.call("Authorize", {"idTag": TOKEN})["idTagInfo"],
                 {"status": "Accepted", "expiryDate": "2099-01-01T00:00:00Z", "parentIdTag": "FLEET"})
            start = {"connectorId": 1, "idTag": TOKEN, "meterStart": 1000, "timestamp": stamp(-60)}
            number = one.call("StartTransaction", start)["transactionId"]
            session = entity(daemon, f"{SESSION}CP-1:{number}")
            same((session["status"]["value"], session["meterStart"]["value"], session["meterStart"]["unitCode"],
                  session["startDateTime"]["value"]["@value"], session["authorizationStatus"]["value"]),
                 ("active", 1000, "WHR", start["timestamp"], "Accepted"))
            same(value(daemon, POINT + "CP-1:1", "refEVChargingSession"), f"{SESSION}CP-1:{number}")
            one.call("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [
                {"timestamp": stamp(-30), "sampledValue": [{"value": "1500"}, {"value": "16.1", "measurand": "Current.Import",
                                                                             "phase": "L1", "unit": "A"}]},
                {"timestamp": stamp(-10), "sampledValue": [
                    {"value": "1.75", "unit": "kWh"}, {"value": "15.9", "measurand": "Current.Import", "phase": "L1", "unit": "A"},
                    {"value": "230.5", "measurand": "Voltage", "phase": "L1-N", "unit": "V"},
                    {"value": "41", "measurand": "SoC", "unit": "Percent", "location": "EV"},
                    {"value": "49.98", "measurand": "Frequency"},
                    {"value": "70B90F", "format": "SignedData", "measurand": "Power.Active.Import"}]}]})
            first = entity(daemon, POINT + "CP-1:1")
            got = {name: (first[name]["value"], first[name].get("unitCode")) for name in (
                "energyActiveImportRegister", "currentImportL1", "voltageL1N", "soCEV", "frequency")}
            same(got, {"energyActiveImportRegister": (1.75, "KWH"), "currentImportL1": (15.9, "AMP"),
                       "voltageL1N": (230.5, "VLT"), "soCEV": (41, "P1"), "frequency": (49.98, "HTZ")})
            check("powerActiveImport" not in first)
            code, body = daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/{POINT}CP-1:1?attrs=currentImportL1&options="
                                        "temporalValues&timerel=after&timeAt=2000-01-01T00:00:00Z")
            same([sample[0] for sample in json.loads(body)["currentImportL1"]["values"]], [16.1, 15.9])
            one.call("StatusNotification", {"connectorId": 2, "errorCode": "OtherError", "status": "Faulted", "info": "door",
                                            "vendorId": "com.v", "vendorErrorCode": "E7", "timestamp": at})
            error = entity(daemon, POINT + "CP-1:2")["errorCode"]
            same((error["value"], error["info"]["value"], error["vendorErrorCode"]["value"]), ("OtherError", "door", "E7"))
            one.call("FirmwareStatusNotification", {"status": "Installed"})
            one.call("DiagnosticsStatusNotification", {"status": "Uploaded"})
            one.call("SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": stamp(), "techInfo": "lid"})
            station = entity(daemon, STATION + "CP-1")
            same((station["firmwareStatus"]["value"], station["logStatus"]["value"], station["securityEvent"]["value"],
                  station["securityEvent"]["techInfo"]["value"]), ("Installed", "Uploaded", "TamperDetectionActivated", "lid"))
            stop = {"transactionId": number, "idTag": TOKEN, "meterStop": 3500, "timestamp": stamp(), "reason": "Local"}
            same(one.call("StopTransaction", stop)["idTagInfo"]["status"], "Accepted")
            session = entity(daemon, f"{SESSION}CP-1:{number}")
            same((session["status"]["value"], session["energyDelivered"]["value"], session["stopReason"]["value"],
                  session["endDateTime"]["value"]["@value"], session["refEVChargingPoint"]["object"]),
                 ("ended", 2500, "Local", stop["timestamp"], POINT + "CP-1:1"))
            same(session["tokenPseudonym"]["value"], session["stopTokenPseudonym"]["value"])
            check(TOKEN.lower() not in json.dumps(session).lower())
            # Clocks that run ahead do not make what comes later old.
            one.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Finishing", "timestamp": "2098-01-01T00:00:00Z"})
            one.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": stamp(1)})
            same(value(daemon, POINT + "CP-1:1", "status"), "Available")
            one.close()
        until(lambda: value(daemon, STATION + "CP-1", "connected") is False, "it is not connected")
        same(daemon.stop(), 0)
    # Neither the databases nor the log have a token, in whatever case.
    for path in [*(work / "one").rglob("*"), work / "one.log"]:
        if path.is_file():
            check(TOKEN.lower() not in path.read_bytes().decode(errors="replace").lower(), f"{path} has a token")


def what_a_2_0_1_station_says_becomes_entities():
    with serve("two") as daemon:
        feed_is_up(daemon)
        with point(daemon, protocol="ocpp2.0.1") as one:
            same(one.boot()["status"], "Accepted")
            one.call("StatusNotification", {"timestamp": stamp(), "connectorStatus": "Available", "evseId": 2, "connectorId": 1})
            connector = entity(daemon, CONNECTOR + "CP-1:2:1")
            same((connector["status"]["value"], connector["refEVChargingPoint"]["object"]), ("Available", POINT + "CP-1:2"))
            same(one.call("Authorize", {"idToken": {"idToken": TOKEN, "type": "ISO14443"}})["idTokenInfo"]["groupIdToken"],
                 {"idToken": "FLEET", "type": "Central"})
            same(one.call("Authorize", {"idToken": {"idToken": "NOBODY", "type": "ISO14443"}})["idTokenInfo"]["status"], "Unknown")
            meter = {"timestamp": stamp(-100), "sampledValue": [{"value": 5.5, "context": "Transaction.Begin",
                                                               "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}]}
            info = one.call("TransactionEvent", {
                "eventType": "Started", "timestamp": stamp(-100), "triggerReason": "Authorized", "seqNo": 0,
                "transactionInfo": {"transactionId": "tx/1", "chargingState": "Charging"}, "evse": {"id": 2, "connectorId": 1},
                "idToken": {"idToken": TOKEN, "type": "ISO14443"}, "meterValue": [meter]})
            same(info["idTokenInfo"]["status"], "Accepted")
            one.call("TransactionEvent", {
                "eventType": "Updated", "timestamp": stamp(-50), "triggerReason": "MeterValuePeriodic", "seqNo": 1,
                "transactionInfo": {"transactionId": "tx/1", "chargingState": "SuspendedEV"},
                "meterValue": [{"timestamp": stamp(-50), "sampledValue": [{"value": 7.2, "measurand": "Power.Active.Import",
                                                                          "unitOfMeasure": {"unit": "kW"}}]}]})
            same(value(daemon, POINT + "CP-1:2", "chargingState"), "SuspendedEV")
            power = entity(daemon, POINT + "CP-1:2")["powerActiveImport"]
            same((power["value"], power["unitCode"]), (7.2, "KWT"))
            one.call("TransactionEvent", {
                "eventType": "Ended", "timestamp": stamp(), "triggerReason": "StopAuthorized", "seqNo": 2,
                "transactionInfo": {"transactionId": "tx/1", "chargingState": "Idle", "stoppedReason": "Local"},
                "meterValue": [{"timestamp": stamp(), "sampledValue": [{"value": 9750, "context": "Transaction.End"}]}]})
            session = entity(daemon, SESSION + "CP-1:tx%252F1")
            same((session["status"]["value"], session["meterStart"]["value"], session["meterStop"]["value"],
                  session["energyDelivered"]["value"], session["stopReason"]["value"], session["chargingState"]["value"]),
                 ("ended", 5500, 9750, 4250, "Local", "Idle"))
            one.call("NotifyEvent", {"generatedAt": stamp(), "seqNo": 0, "eventData": [
                {"eventId": 1, "timestamp": stamp(), "trigger": "Alerting", "actualValue": "71.5", "component": {
                    "name": "Connector", "evse": {"id": 2, "connectorId": 1}}, "variable": {"name": "Temperature"},
                 "eventNotificationType": "CustomMonitor"}]})
            event = entity(daemon, POINT + "CP-1:2")["deviceEvent"]
            same((event["value"], event["component"]["value"], event["variable"]["value"]), ("71.5", "Connector", "Temperature"))
            one.call("NotifyReport", {"requestId": 1, "generatedAt": stamp(), "seqNo": 0})
            same(json.loads(daemon.request("GET", "/api/v1/feeds/park")[1])["dropped"]["unmapped"], 1)


def messages_are_bounded_and_held_to_the_protocol():
    with serve("bounds") as daemon:
        feed_is_up(daemon)
        with point(daemon) as one:
            one.boot()
            try:
                one.call("StatusNotification", {"connectorId": "one", "errorCode": "NoError", "status": "Available"})
                raise AssertionError("taken")
            except CallError as error:
                same(error.code, "TypeConstraintViolation")
            try:
                one.call("Frobnicate", {})
                raise AssertionError("taken")
            except CallError as error:
                same(error.code, "NotImplemented")
            one.send("[2,")
            one.call("Heartbeat", {})
            feed = json.loads(daemon.request("GET", "/api/v1/feeds/park")[1])
            same((feed["dropped"]["invalid"], feed["dropped"]["malformed"]), (2, 1))
            one.call("MeterValues", {"connectorId": 0, "transactionId": one.call("StartTransaction", {
                "connectorId": 3, "idTag": TOKEN, "meterStart": 5, "timestamp": stamp()})["transactionId"],
                "meterValue": [{"timestamp": stamp(), "sampledValue": [{"value": "9"}]}]})
            same(value(daemon, POINT + "CP-1:3", "energyActiveImportRegister"), 9)
            # In the order of the questions, as many as may wait.
            numbers = [one.post("Heartbeat", {}) for _ in range(100)]
            for number in numbers:
                one.wait(number)
            try:
                one.send('[2,"x","DataTransfer",{"vendorId":"' + "x" * 300000 + '"}]')
                while True:
                    one.receive_text()
            except (Closed, OSError) as closed:
                same(getattr(closed, "code", 1009), 1009)
        # The newer connection of a station stands for it.
        with point(daemon) as old, point(daemon) as new:
            same(new.boot()["status"], "Accepted")
            try:
                old.call("Heartbeat", {})
                raise AssertionError("the old one is heard")
            except Closed as closed:
                same(closed.code, 1008)
            new.call("Heartbeat", {})


def the_same_start_has_the_same_number():
    numbers = set()
    with serve("numbers") as daemon:
        feed_is_up(daemon)
        with point(daemon) as one:
            one.boot()
            start = {"connectorId": 1, "idTag": TOKEN, "meterStart": 5, "timestamp": stamp(-10)}
            number = one.call("StartTransaction", start)["transactionId"]
            same(one.call("StartTransaction", start)["transactionId"], number)
            numbers.add(number)
        with point(daemon) as one:  # a new connection
            same(one.call("StartTransaction", start)["transactionId"], number)
            other = one.call("StartTransaction", {**start, "connectorId": 2})["transactionId"]
            check(other not in numbers)
            numbers.add(other)
        daemon.kill()
    for _ in range(2):
        with serve("numbers") as daemon:
            feed_is_up(daemon)
            same(value(daemon, STATION + "CP-1", "connected"), False, "nobody is connected at a start")
            with point(daemon) as one:
                same(one.call("StartTransaction", start)["transactionId"], number)
                other = one.call("StartTransaction", {**start, "connectorId": 2, "meterStart": len(numbers)})["transactionId"]
                check(other not in numbers)
                numbers.add(other)
            same(daemon.stop(), 0)


class Charging(threading.Thread):
    """A station as OCPP has it: what was not answered is asked again, in its order, over as many connections as it takes.
    Transaction after transaction, each with values of its meter."""

    def __init__(self, port, name, transactions, values):
        super().__init__()
        self.port, self.name, self.numbers, self.connects, self.trouble = port, name, [], 0, None
        begin, self.steps = time.time() - 1000, []
        for i in range(transactions):
            at = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begin + i)) + f".{k:03}Z" for k in range(values + 2)]
            self.steps.append(("StartTransaction", {"connectorId": 1, "idTag": TOKEN, "meterStart": i * 100, "timestamp": at[0]}))
            self.steps += [("MeterValues", {"connectorId": 1, "meterValue": [
                {"timestamp": at[k + 1], "sampledValue": [{"value": str(i * 100 + k)}]}]}) for k in range(values)]
            self.steps.append(("StopTransaction", {"meterStop": i * 100 + values, "timestamp": at[-1]}))

    def talk(self):
        with ChargePoint(self.port, "park", self.name) as one:
            self.connects += 1
            while self.steps:
                action, payload = self.steps[0]
                if action != "StartTransaction":
                    payload = {**payload, "transactionId": self.numbers[-1]}
                time.sleep(0.003)  # so that there is something to be cut off, however fast the daemon is
                answer = one.call(action, payload)
                if action == "StartTransaction":
                    self.numbers.append(answer["transactionId"])
                self.steps.pop(0)

    def run(self):
        while self.steps and not self.trouble:
            try:
                self.talk()
            except (OSError, Closed, Refused):
                time.sleep(0.05)
            except Exception as error:  # shown by the case
                self.trouble = error


def kills_in_transactions_lose_nothing():
    stations, transactions, values, kills = 8, 30, 20, 6
    port, chance = free_port(), random.Random(7)
    settings = f"feeds:\n  - name: park\n    ocpp: {{any_station: true, tokens: [{{id: {TOKEN}}}]}}\n"
    with serve("kill", settings, listen=f"127.0.0.1:{port}") as daemon:
        feed_is_up(daemon)
    points = [Charging(port, f"CP-{i}", transactions, values) for i in range(stations)]
    for one in points:
        one.start()
    for _ in range(kills):
        with serve("kill", settings, listen=f"127.0.0.1:{port}") as daemon:
            time.sleep(chance.uniform(0.2, 0.5))  # and then it is killed
    with serve("kill", settings, listen=f"127.0.0.1:{port}") as daemon:
        for one in points:
            one.join(PATIENCE_SECONDS)
            check(not one.is_alive() and not one.trouble, one.trouble)
        numbers = [number for one in points for number in one.numbers]
        same((len(numbers), len(set(numbers))), (stations * transactions,) * 2, "numbers, each once")
        for one in points:
            check(one.connects > 1, "it was never cut off")
            for i, number in enumerate(one.numbers):
                session = entity(daemon, f"{SESSION}{one.name}:{number}")
                same((session["status"]["value"], session["meterStart"]["value"], session["energyDelivered"]["value"]),
                     ("ended", i * 100, values), f"{one.name}, transaction {number}")
            code, body = daemon.request(
                "GET", f"/ngsi-ld/v1/temporal/entities/{POINT}{one.name}:1?attrs=energyActiveImportRegister&options=temporalValues"
                "&timerel=after&timeAt=2000-01-01T00:00:00Z&lastN=2000")
            got = [sample[0] for sample in json.loads(body)["energyActiveImportRegister"]["values"]]
            # What was durable, and not answered when the daemon was killed, is said twice and may be kept twice.
            once = [sample for i, sample in enumerate(got) if i == 0 or got[i - 1] != sample]
            wanted = [i * 100 + k for i in range(transactions) for k in range(values)]
            same(sorted(set(wanted) - set(once)), [], f"values of {one.name} that are lost")
            check(once == wanted, f"values of {one.name} are out of order")
        code, body = daemon.request("GET", f"{ENTITIES}?type=EVChargingSession&limit=1000&options=keyValues&pick=id")
        same(len(json.loads(body)), len(numbers), "no session but these")
    print(f"# {kills} kills, {sum(one.connects for one in points)} connections, {len(numbers)} transactions")


# ---- commands ----

def command(daemon, name, **values):
    body = {key: {"type": "Property", "value": text} for key, text in values.items()}
    code, answer = daemon.request("POST", f"{ENTITIES}/{name}/attrs", body)
    same(code, 204, answer)


def ended(daemon, name, attribute):
    def look():
        code, body = daemon.request("GET", f"{ENTITIES}/{name}?options=sysAttrs")
        found = json.loads(body) if code == 200 else {}
        status, told = found.get(attribute + "Status", {}), found.get(attribute, {})
        about = status.get("commandedAt", {}).get("value", {}).get("@value")
        return status if about and about == (told.get("modifiedAt") or told.get("createdAt")) and status["value"] != "PENDING" else None
    return until(look, f"{attribute} of {name} ends", 20)


def commanded(daemon, one, name, attribute, setting, wanted="OK"):
    """What the station was asked, and how that ended."""
    command(daemon, name, **{attribute: setting})
    asked = one.obey_one()
    status = ended(daemon, name, attribute)
    same(status["value"], wanted, status.get("reason"))
    return asked, status


def commands_reach_a_1_6_point():
    with serve("command") as daemon:
        feed_is_up(daemon)
        with point(daemon) as one:
            one.boot()
            one.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": stamp()})
            first, station = POINT + "CP-1:1", STATION + "CP-1"
            asked, _ = commanded(daemon, one, first, "charge", "fleet-7")
            same(asked, ["RemoteStartTransaction", {"connectorId": 1, "idTag": TOKEN}])
            number = one.call("StartTransaction", {"connectorId": 1, "idTag": TOKEN, "meterStart": 1, "timestamp": stamp()})["transactionId"]
            asked, _ = commanded(daemon, one, first, "limit", 7400)
            same(asked[0], "SetChargingProfile")
            profile = asked[1]["csChargingProfiles"]
            same((asked[1]["connectorId"], profile["chargingProfilePurpose"], profile["chargingProfileKind"],
                  profile["chargingSchedule"]["chargingRateUnit"], profile["chargingSchedule"]["chargingSchedulePeriod"]),
                 (1, "TxDefaultProfile", "Absolute", "W", [{"startPeriod": 0, "limit": 7400}]))
            session = f"{SESSION}CP-1:{number}"
            asked, _ = commanded(daemon, one, session, "limit", 10.25)
            profile = asked[1]["csChargingProfiles"]
            same((asked[1]["connectorId"], profile["chargingProfileId"], profile["stackLevel"], profile["transactionId"],
                  profile["chargingProfilePurpose"], profile["chargingSchedule"]["chargingSchedulePeriod"]),
                 (1, 4, 1, number, "TxProfile", [{"startPeriod": 0, "limit": 10.2}]))
            asked, status = commanded(daemon, one, session, "stop", "now")
            same(asked, ["RemoteStopTransaction", {"transactionId": number}])
            asked, _ = commanded(daemon, one, station, "limit", 63)
            profile = asked[1]["csChargingProfiles"]
            same((asked[1]["connectorId"], profile["chargingProfilePurpose"], profile["chargingSchedule"]["chargingRateUnit"],
                  profile["chargingSchedule"]["chargingSchedulePeriod"]),
                 (0, "ChargePointMaxProfile", "A", [{"startPeriod": 0, "limit": 63, "numberPhases": 3}]))
            asked, _ = commanded(daemon, one, first, "profile", {
                "id": 9, "purpose": "Tx", "kind": "Relative", "unit": "A", "periods": [{"start": 0, "limit": 16}, {"start": 600, "limit": 8.5}]})
            profile = asked[1]["csChargingProfiles"]
            same((asked[1]["connectorId"], profile["transactionId"], profile["chargingProfileId"]), (1, number, 9))
            one.answers["ClearChargingProfile"] = {"status": "Unknown"}
            asked, status = commanded(daemon, one, first, "unlimit", True, "ERROR")
            same((asked, status["reason"]["value"]), (["ClearChargingProfile", {"id": 1}], "the station says Unknown"))
            asked, _ = commanded(daemon, one, first, "stop", True)
            same(asked, ["RemoteStopTransaction", {"transactionId": number}])
            one.call("StopTransaction", {"transactionId": number, "meterStop": 2, "timestamp": stamp(), "reason": "Remote"})
            one.answers["ChangeAvailability"] = {"status": "Scheduled"}
            same(commanded(daemon, one, first, "operative", False)[0], ["ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}])
            one.answers["UnlockConnector"] = {"status": "Unlocked"}
            same(commanded(daemon, one, first, "unlock", 1)[0], ["UnlockConnector", {"connectorId": 1}])
            same(commanded(daemon, one, station, "reset", "Hard")[0], ["Reset", {"type": "Hard"}])
            same(commanded(daemon, one, station, "ask", "Heartbeat")[0], ["TriggerMessage", {"requestedMessage": "Heartbeat"}])
            same(commanded(daemon, one, station, "forget", 1)[0], ["ClearCache", {}])
            same(commanded(daemon, one, station, "interval", 60)[0],
                 ["ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}])
            # What fails says why, and nothing of it reaches the station.
            command(daemon, first, stop=False)
            same(ended(daemon, first, "stop")["reason"]["value"], "no transaction runs there")
            command(daemon, first, limit=99999)
            same(ended(daemon, first, "limit")["value"], "ERROR")
            command(daemon, first, profile={"periods": []})
            check("periods" in ended(daemon, first, "profile")["reason"]["value"])
            one.answers["Reset"] = ["InternalError", "the relay sticks"]
            status = commanded(daemon, one, station, "reset", "Soft", "ERROR")[1]
            same(status["reason"]["value"], "the station answered with an error: InternalError the relay sticks")
            # A station that says nothing, and one that is not there.
            one.silent.add("Reset")
            command(daemon, station, reset="Hard")
            one.obey_one()
            same(ended(daemon, station, "reset")["reason"]["value"], "no answer from the device within 3 s")
        command(daemon, station, reset="Soft")
        same(ended(daemon, station, "reset")["reason"]["value"], "it could not be sent within 3 s")
        command(daemon, first, unlock=2)  # waits for the station
        with point(daemon) as one:
            one.answers["UnlockConnector"] = {"status": "UnlockFailed"}
            same(one.obey_one()[0], "UnlockConnector")
            same(ended(daemon, first, "unlock")["reason"]["value"], "the station says UnlockFailed")


def commands_reach_a_2_0_1_station():
    with serve("command201") as daemon:
        feed_is_up(daemon)
        with point(daemon, protocol="ocpp2.0.1") as one:
            one.boot()
            one.call("StatusNotification", {"timestamp": stamp(), "connectorStatus": "Available", "evseId": 1, "connectorId": 1})
            first = POINT + "CP-1:1"
            one.answers["RequestStartTransaction"] = {"status": "Accepted", "transactionId": "t-1"}
            asked, _ = commanded(daemon, one, first, "charge", "fleet-7")
            same((asked[0], asked[1]["evseId"], asked[1]["idToken"]), ("RequestStartTransaction", 1, {"idToken": TOKEN, "type": "Central"}))
            one.call("TransactionEvent", {
                "eventType": "Started", "timestamp": stamp(), "triggerReason": "RemoteStart", "seqNo": 0, "evse": {"id": 1, "connectorId": 1},
                "transactionInfo": {"transactionId": "t-1", "remoteStartId": asked[1]["remoteStartId"]}})
            same(value(daemon, SESSION + "CP-1:t-1", "remoteStartId"), asked[1]["remoteStartId"])
            asked, _ = commanded(daemon, one, first, "limit", 11000)
            profile = asked[1]["chargingProfile"]
            same((asked[1]["evseId"], profile["chargingProfilePurpose"], profile["chargingSchedule"][0]["chargingSchedulePeriod"]),
                 (1, "TxDefaultProfile", [{"startPeriod": 0, "limit": 11000}]))
            asked, _ = commanded(daemon, one, first, "stop", True)
            same(asked, ["RequestStopTransaction", {"transactionId": "t-1"}])
            one.answers["UnlockConnector"] = {"status": "Unlocked"}
            same(commanded(daemon, one, first, "unlock", 1)[0], ["UnlockConnector", {"evseId": 1, "connectorId": 1}])
            same(commanded(daemon, one, STATION + "CP-1", "reset", "Immediate")[0], ["Reset", {"type": "Immediate"}])


def demonstrations_and_restarts_of_the_feed():
    settings = "feeds:\n  - name: park\n    ocpp: {any_station: true, any_token: true}\n"
    with serve("any", settings) as daemon:
        feed_is_up(daemon)
        with ChargePoint(daemon.port, "park", "whoever") as one:
            one.boot()
            same(one.call("Authorize", {"idTag": "anything"})["idTagInfo"]["status"], "Accepted")
            same(daemon.request("POST", "/api/v1/feeds/park/pause", {})[0], 204)
            try:
                one.receive_text()
                raise AssertionError("still heard")
            except Closed as closed:
                same(closed.code, 1001)
        refused(lambda: ChargePoint(daemon.port, "park", "whoever"), 409)
        same(value(daemon, STATION + "whoever", "connected"), False)
        same(daemon.request("POST", "/api/v1/feeds/park/resume", {})[0], 204)
        feed_is_up(daemon)
        with ChargePoint(daemon.port, "park", "whoever") as one:
            one.call("Heartbeat", {})
            daemon.signal(15)
            try:
                one.receive_text()
                raise AssertionError("still heard")
            except Closed as closed:
                same(closed.code, 1001)
        same(daemon.wait(), 0)
    for text, why in (("{}", 'expected "stations:"'), ("{stations: [{id: a}]}", "password"), ("{stations: [{id: 'a b', password: x}]}", "letters"),
                      ("{any_station: true, tokens: [{id: a}, {id: A}]}", "already"), ("{any_station: true, tokens: [{id: a, expires: soon}]}", "time")):
        path = work / "bad.yaml"
        path.write_text(f"feeds:\n  - {{name: park, ocpp: {text}}}\n")
        done = machi("serve", "--data", work / "bad", "--config", path, "--listen", "127.0.0.1:0", status=None)
        check(done.status != 0 and why in done.err, done.err)


for case in (who_is_not_expected_is_refused, what_a_1_6_point_says_becomes_entities, what_a_2_0_1_station_says_becomes_entities,
             messages_are_bounded_and_held_to_the_protocol, the_same_start_has_the_same_number,
             kills_in_transactions_lose_nothing, commands_reach_a_1_6_point, commands_reach_a_2_0_1_station,
             demonstrations_and_restarts_of_the_feed):
    tap.case(case)
sys.exit(tap.done())
