#!/usr/bin/env python3
"""Devices that announce themselves by Home Assistant's discovery become entities, without a word of configuration.

Usage: home_assistant.py MACHI SOURCE_ROOT. Discovery messages are retained, as the documentation of Home Assistant has
them; topics that they name are subscribed to while the feed runs, and again when the broker comes back.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
from mqtt import Broker, Device, Publisher
from tap import Daemon, Machi, Tap, check, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-ha-"))
tap = Tap()
DEVICES = 300


class Announcer(Publisher):
    def announce(self, component, object_id, /, **config):
        self.send(b"\x33", self.message(f"homeassistant/{component}/{object_id}/config", json.dumps(config).encode()))
        self.receive(4)

    def message(self, topic, payload):
        self.number = self.number % 65535 + 1
        return len(topic).to_bytes(2, "big") + topic.encode() + self.number.to_bytes(2, "big") + payload


def configuration(name, port):
    path = work / f"{name}.yaml"
    path.write_text(f"""feeds:
  - name: home
    home_assistant: {{url: "mqtt://127.0.0.1:{port}"}}
    commands:
      - type: Device
        id: urn:ngsi-ld:Device:{{device}}
        attribute: power
        values: {{true: "ON", false: "OFF"}}
        send: {{topic: "{{device}}/set"}}
""")
    return path


def entity(daemon, device):
    code, body = daemon.request("GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:Device:{device}")
    return json.loads(body) if code == 200 else {}


def status(daemon):
    return json.loads(daemon.request("GET", "/api/v1/feeds/home")[1])


def is_up(daemon):
    until(lambda: status(daemon)["state"] == "up", "the feed is up")


def devices_announce_themselves():
    with Broker(work, "announce") as broker:
        announcer = Announcer(broker.port)
        # Announced before the city is there, and while it is.
        announcer.announce("sensor", "plug_power", name="Power", stat_t="plug/sensor", unit_of_meas="W",
                           val_tpl="{{ value_json.ENERGY.Power }}", dev={"ids": ["plug"], "name": "Plug", "mf": "Maker"})
        with Daemon(machi, work / "announce", "--config", configuration("announce", broker.port)) as daemon:
            is_up(daemon)
            until(lambda: entity(daemon, "plug").get("name", {}).get("value") == "Plug", "the device")
            until(lambda: announcer.publish("plug/sensor", {"ENERGY": {"Power": 22.5}}) or
                  entity(daemon, "plug").get("power", {}).get("value") == 22.5, "its value")
            same(entity(daemon, "plug")["power"]["unitCode"], "WTT")
            check("observedAt" in entity(daemon, "plug")["power"])
            device = Device(broker.port, "plug/set")
            announcer.announce("switch", "plug_switch", name=None, stat_t="plug/state", cmd_t="plug/set", dev={"ids": ["plug"]})
            until(lambda: announcer.publish("plug/state", b"ON") or
                  entity(daemon, "plug").get("plugSwitch", {}).get("value") is True, "the switch")
            same(daemon.request("POST", "/ngsi-ld/v1/entities/urn:ngsi-ld:Device:plug/attrs",
                                {"power": {"type": "Property", "value": False}})[0], 204)
            until(lambda: entity(daemon, "plug").get("powerStatus", {}).get("value") == "OK", "the command's end")
            until(lambda: device.told, "the command")
            same(device.told, [("plug/set", "OFF")])


def what_cannot_be_read_is_counted():
    with Broker(work, "counts") as broker, Daemon(machi, work / "counts", "--config", configuration("counts", broker.port)) as daemon:
        is_up(daemon)
        announcer = Announcer(broker.port)
        announcer.announce("camera", "cam", name="Cam", topic="x")
        announcer.announce("sensor", "t", name="T", stat_t="t", val_tpl="{% if value %}1{% endif %}")
        announcer.publish("homeassistant/sensor/u/config", b"{")
        announcer.publish("homeassistant/nothing", b"1")
        announcer.announce("sensor", "v", name="V", stat_t="v", unit_of_meas="W")
        until(lambda: announcer.publish("v", b"warm") or status(daemon)["dropped"]["invalid"], "a value that is none")
        dropped = status(daemon)["dropped"]
        same((dropped["unmapped"], dropped["malformed"]), (3, 1), status(daemon))
        check('v: expected a number, not "warm"' in status(daemon)["lastDrop"], status(daemon))


def many_devices_come_back_with_the_broker():
    with Broker(work, "many") as broker:
        announcer = Announcer(broker.port)
        for number in range(DEVICES):
            announcer.announce("sensor", f"m{number}", name="Value", stat_t=f"many/{number}/state", stat_cla="measurement")
        with Daemon(machi, work / "many", "--config", configuration("many", broker.port)) as daemon:
            is_up(daemon)

            def all_say(value):
                for number in range(DEVICES):
                    announcer.publish(f"many/{number}/state", str(value + number).encode())
                return all(entity(daemon, f"m{number}").get("valueState", {}).get("value") == value + number
                           for number in range(0, DEVICES, 29))
            until(lambda: all_say(1000), "all values")
            broker.kill()
            until(lambda: status(daemon)["state"] == "waiting", "the broker is missed")
            broker.start()
            is_up(daemon)
            announcer = Announcer(broker.port)
            until(lambda: all_say(5000), "all values, from the broker that came back")


for case in (devices_announce_themselves, what_cannot_be_read_is_counted, many_devices_come_back_with_the_broker):
    tap.case(case)
shutil.rmtree(work)
sys.exit(tap.done())
