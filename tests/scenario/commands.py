#!/usr/bin/env python3
"""Commands: a change of an attribute reaches a device over MQTT, and how that ended is an attribute too.

Usage: commands.py MACHI SOURCE_ROOT. The promises under test: PENDING, then OK or ERROR with the reason; nothing is sent
that the document does not allow; a device is never told twice, whatever was killed.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
from mqtt import Broker, Device
from tap import Daemon, Machi, Tap, check, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-commands-"))
tap = Tap()
ENTITIES = "/ngsi-ld/v1/entities"
LAMP = "urn:ngsi-ld:Streetlight:"


def configuration(name, port, timeout="30 s"):
    path = work / f"{name}.yaml"
    path.write_text(f"""feeds:
  - name: lamps
    mqtt: {{url: "mqtt://127.0.0.1:{port}", topic: "lamps/{{lamp}}/state"}}
    map:
      id: {LAMP}{{lamp}}
      type: Streetlight
      attributes: {{powerState: {{kind: text, column: payload}}}}
    commands:
      - type: Streetlight
        id: {LAMP}{{lamp}}
        attribute: power
        timeout: {timeout}
        values: {{on: "ON", off: "OFF"}}
        send: {{topic: "lamps/{{lamp}}/set"}}
      - type: Streetlight
        id: {LAMP}{{lamp}}
        attribute: level
        timeout: {timeout}
        minimum: 0
        maximum: 100
        send: {{topic: "lamps/{{lamp}}/level", payload: '{{"level": {{value}}, "lamp": "{{lamp}}"}}'}}
      - {{type: Streetlight, id: "{LAMP}{{lamp}}", attribute: text, status: textResult,
         send: {{topic: "lamps/{{lamp}}/text", payload: '{{"text": "{{value}}"}}'}}}}
""")
    return path


def path_of(lamp):
    return f"{ENTITIES}/{LAMP}{urllib.parse.quote(lamp)}"


def command(daemon, lamp, status=204, **values):
    body = {name: {"type": "Property", "value": value} for name, value in values.items()}
    code, answer = daemon.request("POST", f"{path_of(lamp)}/attrs", body)
    if code == 404:
        code, answer = daemon.request("POST", ENTITIES, {"id": LAMP + lamp, "type": "Streetlight", **body})
        status = 201
    same(code, status, answer)


def attribute(daemon, lamp, name):
    code, body = daemon.request("GET", f"{path_of(lamp)}?options=sysAttrs")
    return json.loads(body).get(name, {}) if code == 200 else {}


def ended(daemon, lamp, name="powerStatus", of="power"):
    """The status that is about the command as it stands, once it is no longer pending."""
    def look():
        status, commanded = attribute(daemon, lamp, name), attribute(daemon, lamp, of)
        stamp = commanded.get("modifiedAt") or commanded.get("createdAt")
        about = status.get("commandedAt", {}).get("value", {}).get("@value")
        return status if about == stamp and status["value"] != "PENDING" else None
    return until(look, f"{name} of {lamp} ends")


def is_up(daemon):
    until(lambda: json.loads(daemon.request("GET", "/api/v1/feeds/lamps")[1])["state"] == "up", "the feed is up")


def a_change_reaches_the_device():
    with Broker(work, "reach") as broker, Daemon(machi, work / "reach", "--config", configuration("reach", broker.port)) as daemon:
        is_up(daemon)
        device = Device(broker.port, "lamps/#")
        command(daemon, "a", power="on")
        same(ended(daemon, "a")["value"], "OK")
        check("reason" not in attribute(daemon, "a", "powerStatus"))
        until(lambda: device.told, "the message")
        same(device.told, [("lamps/a/set", "ON")])
        # What changes without the attribute tells nobody; the same value again changes nothing.
        command(daemon, "a", other=1)
        command(daemon, "a", power="on")
        command(daemon, "a", power="off", level=40)
        same(ended(daemon, "a")["value"], "OK")
        same(ended(daemon, "a", "levelStatus", "level")["value"], "OK")
        until(lambda: len(device.told) == 3, "the messages")
        same(sorted(device.told[1:]), [("lamps/a/level", '{"level": 40, "lamp": "a"}'), ("lamps/a/set", "OFF")])
        # What the device reports is another attribute.
        device.told.clear()
        device.send(b"\x30", b"\0\x0dlamps/a/stateOFF")
        until(lambda: attribute(daemon, "a", "powerState").get("value") == "OFF", "the state")
        code, body = daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/{LAMP}a?attrs=powerStatus&options=temporalValues&"
                                    "timerel=after&timeAt=2000-01-01T00:00:00Z&timeproperty=modifiedAt")
        same(code, 200, body)
        same([value for value, _ in json.loads(body)["powerStatus"]["values"]], ["PENDING", "OK", "PENDING", "OK"])
        feed = json.loads(daemon.request("GET", "/api/v1/feeds/lamps")[1])
        same((feed["commands"], feed["commandsFailed"]), (3, 0))
        check('machi_feed_commands_total{feed="lamps",tenant="",kind="mqtt"} 3\n' in daemon.request("GET", "/metrics")[1].decode())
        daemon.wait_for_log(f'msg="a command was carried out" feed=lamps tenant="" entity={LAMP}a attribute=level')


def what_the_document_does_not_allow_is_not_sent():
    with Broker(work, "deny") as broker, Daemon(machi, work / "deny", "--config", configuration("deny", broker.port)) as daemon:
        is_up(daemon)
        device = Device(broker.port, "lamps/#")
        command(daemon, "a", power="dim", level=101)
        status = ended(daemon, "a")
        same((status["value"], status["reason"]["value"]), ("ERROR", "dim is none of the values that the device has"))
        same(ended(daemon, "a", "levelStatus", "level")["reason"]["value"], "101 is not from 0 to 100")
        command(daemon, "a", level="many")
        same(ended(daemon, "a", "levelStatus", "level")["reason"]["value"], "many is not from 0 to 100")
        # Nothing in an id or a value leads to another topic, or out of its place in a document.
        command(daemon, "a%2Fb", power="on")
        same(ended(daemon, "a%2Fb")["reason"]["value"], "what the entity is called, or its value, is no level of a topic")
        command(daemon, "b%22", text='quote " and \\ back', level=1)
        same(ended(daemon, "b%22", "textResult", "text")["value"], "OK")
        same(ended(daemon, "b%22", "levelStatus", "level")["value"], "OK")
        until(lambda: len(device.told) == 2, "what is allowed")
        told = dict(device.told)
        same(json.loads(told['lamps/b"/text']), {"text": 'quote " and \\ back'})
        same(json.loads(told['lamps/b"/level']), {"level": 1, "lamp": 'b"'})
        # Entities that the id does not fit are not meant.
        same(daemon.request("POST", ENTITIES, {"id": "urn:other:a", "type": "Streetlight", "power": {"type": "Property", "value": "on"}})[0], 201)
        command(daemon, "c", power="on")
        same(ended(daemon, "c")["value"], "OK")
        same("powerStatus" in json.loads(daemon.request("GET", f"{ENTITIES}/urn:other:a")[1]), False)


def a_command_waits_for_the_broker_until_its_time_is_over():
    config = None
    with Broker(work, "wait") as broker:
        config = configuration("wait", broker.port, "4 s")
        with Daemon(machi, work / "wait", "--config", config) as daemon:
            is_up(daemon)
            broker.kill()
            command(daemon, "a", power="on")
            until(lambda: attribute(daemon, "a", "powerStatus").get("value") == "PENDING", "it waits")
            same(ended(daemon, "a")["reason"]["value"], "it could not be sent within 4 s")
            broker.start()
            is_up(daemon)
            device = Device(broker.port, "lamps/#")
            command(daemon, "a", power="off")
            same(ended(daemon, "a")["value"], "OK")
            until(lambda: device.told, "the message")
            same(device.told, [("lamps/a/set", "OFF")])
            # A broker that does not answer: it was sent, and nobody knows.
            broker.stop()
            command(daemon, "a", power="on")
            same(ended(daemon, "a")["reason"]["value"], "no answer from the device within 4 s")
            broker.go_on()


def a_paused_feed_sends_what_is_still_wanted():
    with Broker(work, "pause") as broker, Daemon(machi, work / "pause", "--config", configuration("pause", broker.port, "20 s")) as daemon:
        is_up(daemon)
        url = f"http://127.0.0.1:{daemon.port}"
        machi("feed", "pause", "lamps", "--url", url)
        device = Device(broker.port, "lamps/#")
        command(daemon, "a", power="on")
        command(daemon, "a", power="off")
        command(daemon, "b", power="on")
        machi("feed", "resume", "lamps", "--url", url)
        same(ended(daemon, "a")["value"], "OK")
        same(ended(daemon, "b")["value"], "OK")
        until(lambda: len(device.told) == 2, "the messages")
        same(sorted(device.told), [("lamps/a/set", "OFF"), ("lamps/b/set", "ON")])


def a_device_is_not_told_twice_when_the_daemon_is_killed():
    with Broker(work, "kill") as broker:
        config = configuration("kill", broker.port)
        device = Device(broker.port, "lamps/+/set")
        with Daemon(machi, work / "kill", "--config", config) as daemon:
            is_up(daemon)
            broker.stop()
            command(daemon, "a", power="on")
            until(lambda: attribute(daemon, "a", "powerStatus").get("value") == "PENDING", "it waits for an answer")
            time.sleep(0.3)
            daemon.kill()
        broker.go_on()
        with Daemon(machi, work / "kill", "--config", config) as daemon:
            is_up(daemon)
            status = ended(daemon, "a")
            same(status["value"], "ERROR")
            check(status["reason"]["value"].startswith("the outcome is unknown"), status)
            command(daemon, "b", power="on")
            same(ended(daemon, "b")["value"], "OK")
            until(lambda: ("lamps/b/set", "ON") in device.told, "the message")
            check(device.told.count(("lamps/a/set", "ON")) <= 1, device.told)
        # Killed at any moment, each of many commands ends in some way, and none is sent twice.
        device.told.clear()
        for turn in range(4):
            with Daemon(machi, work / "kill", "--config", config) as daemon:
                is_up(daemon)
                for lamp in range(10):
                    command(daemon, f"t{turn}x{lamp}", power="on")
                time.sleep(0.01 * turn)
                daemon.kill()
        with Daemon(machi, work / "kill", "--config", config) as daemon:
            is_up(daemon)
            ends = [ended(daemon, f"t{turn}x{lamp}")["value"] for turn in range(4) for lamp in range(10)]
            until(lambda: ends.count("OK") <= len(device.told), "the messages")
            print(f"# {ends.count('OK')} of {len(ends)} OK, {len(device.told)} sent")
            same(len(set(device.told)), len(device.told), "none twice")
            check(ends.count("OK") >= 10, ends)


def a_document_that_is_wrong_is_refused_where_it_is_wrong():
    good = configuration("wrong", 1883).read_text()
    for was, becomes, why in (
            ('{topic: "lamps/{lamp}/set"}', '{topic: "lamps/{lamb}/set"}', '"{lamb}" is not a name in "id"'),
            ("0\n        maximum", "low\n        maximum", 'expected a number behind "minimum"'),
            ('{topic: "lamps/{lamp}/set"}', "{}", 'expected "topic:"'),
            ("attribute: power\n", "attribut: power\n", 'did you mean "attribute"?')):
        before = good[:good.index(was)]
        path = work / "wrong.yaml"
        path.write_text(good.replace(was, becomes, 1))
        done = machi("config", "check", path, status=None)
        check(done.status != 0 and why in done.err and f"wrong.yaml:{before.count(chr(10)) + 1}:" in done.err, why, done.err)


for case in (a_change_reaches_the_device, what_the_document_does_not_allow_is_not_sent,
             a_command_waits_for_the_broker_until_its_time_is_over, a_paused_feed_sends_what_is_still_wanted,
             a_device_is_not_told_twice_when_the_daemon_is_killed, a_document_that_is_wrong_is_refused_where_it_is_wrong):
    tap.case(case)
shutil.rmtree(work)
sys.exit(tap.done())
