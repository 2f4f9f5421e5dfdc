#!/usr/bin/env python3
"""Feeds of kind echonet: nodes played here, on addresses of the loopback interface and a port of their own.

Usage: echonet.py MACHI SOURCE_ROOT. Other programs' nodes, multicast and restarts of nodes: tests/interop/echonet_peers.py.
"""
import json
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from echonet_node import GET_RES, Node, frame
from mqtt import until
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-echonet-"))
tap = Tap()
ENTITIES = "/ngsi-ld/v1/entities"
METER = {0x80: "30", 0x82: "00005200", 0x88: "42", 0x8a: "000016", 0xd3: "00000001", 0xe0: "0000000a", 0xe1: "0a",
         0xe3: "fffffffe", 0xe7: "000001f8", 0xe8: "00287ffe", 0xea: "07e8031f021e00" + "0000000a"}


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("0.0.0.0", 0))
        return one.getsockname()[1]


def configuration(name, text):
    path = work / f"{name}.yaml"
    path.write_text(text)
    return path


def get(daemon, path):
    code, body = daemon.request("GET", path)
    return json.loads(body) if code == 200 else None


def entity(daemon, identifier):
    return get(daemon, f"{ENTITIES}/{identifier}") or {}


def value(one, name):
    return one.get(name, {}).get("value")


def feed(daemon, name="homes"):
    return get(daemon, f"/api/v1/feeds/{name}")


@tap.case
def named_nodes_are_read_and_asked_again():
    port = free_udp_port()
    number = "fe000016" + "00" * 12 + "07"
    meter = Node("127.1.0.1", port, {"028801": METER}, number)
    small = Node("127.1.0.2", port, {"027901": {0x80: "30", 0x8a: "00000b", 0xe0: "0bb8", 0xe1: "0001e240", 0xe8: "ffff"},
                                     "0f0001": {0x80: "31", 0x8a: "00000c"}}, opc_max=1)
    path = configuration("named", f"""feeds:
  - name: homes
    echonet: {{nodes: [127.1.0.1, 127.1.0.2, 127.1.0.9], discover: false, interval: 1 s, port: {port}, time_zone: Europe/Berlin}}
""")
    with Daemon(machi, work / "named", "--config", path) as daemon:
        identifier = f"urn:ngsi-ld:ACMeasurement:homes:{number.upper()}:028801"
        one = until(lambda: (lambda found: found if "totalActivePower" in found else None)(entity(daemon, identifier)), "the meter")
        same([value(one, name) for name in ("totalActivePower", "totalActiveEnergyImport", "instantaneousCurrentRPhase")], [504, 100, 4])
        check("totalActiveEnergyExport" not in one and "instantaneousCurrentTPhase" not in one, one)
        same(one["totalActivePower"]["unitCode"], "WTT")
        # 2024-03-31T02:30:00 is no time in Berlin: the clocks go from 02:00 to 03:00. It is taken by the offset before.
        same(one["normalDirectionCumulativeElectricEnergyAtEvery30Min"]["observedAt"], "2024-03-31T01:30:00Z")
        same(one["refDevice"]["object"], f"urn:ngsi-ld:Device:homes:{number.upper()}")
        # A node without a number goes by its address; one that bears no more than a property at a time is read all the same.
        solar = until(lambda: (lambda found: found if "instantaneousElectricPowerGeneration" in found else None)(
            entity(daemon, "urn:ngsi-ld:PhotovoltaicDevice:homes:127.1.0.2:027901")), "solar power")
        same([value(solar, name) for name in ("instantaneousElectricPowerGeneration", "cumulativeElectricEnergyOfGeneration")],
             [3000, 123.456])
        check("ratedElectricPowerOfgeneration" not in solar, "FFFF is no value")
        other = until(lambda: entity(daemon, "urn:ngsi-ld:EchonetObject:homes:127.1.0.2:0F0001"), "a class that nobody knows")
        same((value(other, "manufacturer"), value(other, "operationStatus")), ("00000C", False))
        meter.objects["028801"][0xe7] = bytes.fromhex("ffffff9c")
        until(lambda: value(entity(daemon, identifier), "totalActivePower") == -100, "the next value", 5)
        meter.objects["028801"][0xe7] = bytes.fromhex("00000005")
        until(lambda: value(entity(daemon, identifier), "totalActivePower") == 5, "the next value", 5)
        state = feed(daemon)
        same((state["state"], sum(state["dropped"].values())), ("up", 0))
        temporal = get(daemon, f"/ngsi-ld/v1/temporal/entities/{identifier}?options=temporalValues&timerel=after&"
                       "timeAt=2020-01-01T00:00:00Z&attrs=totalActivePower,operationStatus")
        check({504, -100, 5} <= {point for point, _ in temporal["totalActivePower"]["values"]}, temporal)
        same(len(temporal["operationStatus"]["values"]), 1, "a state that stays as it is, is told once")
        same(daemon.stop(), 0)
    with Daemon(machi, work / "named", "--config", path) as daemon:
        until(lambda: feed(daemon)["messages"] > 10, "the nodes answer again")
        same(len(get(daemon, f"{ENTITIES}?type=ACMeasurement")), 1)
    meter.close()
    small.close()


@tap.case
def announcements_and_what_is_no_frame():
    port = free_udp_port()
    node = Node("127.1.0.3", port, {"028801": METER})
    path = configuration("announce", f"""feeds:
  - {{name: homes, echonet: {{nodes: [127.1.0.3], discover: false, interval: 1 h, port: {port}}}}}
""")
    with Daemon(machi, work / "announce", "--config", path) as daemon:
        identifier = "urn:ngsi-ld:ACMeasurement:homes:127.1.0.3:028801"
        until(lambda: value(entity(daemon, identifier), "totalActivePower") == 504, "the first value")
        node.objects["028801"][0xe7] = bytes.fromhex("0000002a")
        node.announce("028801", 0xe7)
        until(lambda: value(entity(daemon, identifier), "totalActivePower") == 42, "what was announced", 5)
        for datagram in (b"", b"\x10", b"GET / HTTP/1.1\r\n\r\n", b"\x10\x81" + b"\xff" * 70):
            node.socket.sendto(datagram, ("127.0.0.1", port))
        until(lambda: feed(daemon)["dropped"]["malformed"] == 4, "four datagrams of no use", 5)
        node.objects["028801"][0xe7] = b"\x01"  # a property of another length than the appendix has
        node.announce("028801", 0xe7)
        until(lambda: feed(daemon)["dropped"]["malformed"] == 5, "a property of no use", 5)
        same(feed(daemon)["lastDrop"], "property E7 of object 028801 has 1 bytes")
        same(value(entity(daemon, identifier), "totalActivePower"), 42)
    node.close()


@tap.case
def commands_by_name_and_by_number():
    port = free_udp_port()
    node = Node("127.1.0.4", port, {"029001": {0x80: "31", 0x88: "42", 0x8a: "000016", 0xb0: "0a"}})
    node.settable["029001"] |= {0xb0}
    path = configuration("commands", f"""feeds:
  - name: homes
    echonet: {{nodes: [127.1.0.4], discover: false, interval: 1 h, port: {port}}}
    commands:
      - {{type: Lighting, attribute: on, timeout: 20 s, send: {{property: operationStatus}}}}
      - {{type: Lighting, attribute: level, timeout: 20 s, send: {{property: brightness}}}}
      - {{type: Lighting, attribute: switch, timeout: 20 s, values: {{"yes": "0x30", "no": "0x31", odd: "0x99"}}, send: {{epc: "0x80"}}}}
      - {{type: Device, attribute: lamp, timeout: 20 s, send: {{eoj: "0x029001", property: operationStatus}}}}
""")

    def command(kind, identifier, **values):
        body = {name: {"type": "Property", "value": one} for name, one in values.items()}
        code, answer = daemon.request("POST", f"{ENTITIES}/{identifier}/attrs", body)
        if code == 404:
            code, answer = daemon.request("POST", ENTITIES, {"id": identifier, "type": kind, **body})
        check(code in (201, 204), code, answer)
        name = f"{list(values)[0]}Status"
        stamp = lambda one: one.get("modifiedAt") or one.get("createdAt")

        def look():
            one = get(daemon, f"{ENTITIES}/{identifier}?options=sysAttrs")
            status = one.get(name, {})
            about = status.get("commandedAt", {}).get("value", {}).get("@value")
            return status if about == stamp(one[list(values)[0]]) and status["value"] != "PENDING" else None
        return until(look, f"{name} ends")

    with Daemon(machi, work / "commands", "--config", path) as daemon:
        lamp = "urn:ngsi-ld:Lighting:homes:127.1.0.4:029001"
        until(lambda: value(entity(daemon, lamp), "operationStatus") is False, "the lamp")
        same(command("Lighting", lamp, on=True)["value"], "OK")
        same(node.objects["029001"][0x80], b"\x30")
        until(lambda: value(entity(daemon, lamp), "operationStatus") is True, "its state", 5)
        same(command("Lighting", lamp, level=75)["value"], "OK")
        same(node.objects["029001"][0xb0], b"\x4b")
        for wrong, why in ((101, "expected 0 to 100 for brightness, not 101"), ("bright", "expected a number for brightness")):
            status = command("Lighting", lamp, level=wrong)
            check(status["value"] == "ERROR" and why in value(status, "reason"), status)
        same(command("Lighting", lamp, switch="no")["value"], "OK")
        same(node.objects["029001"][0x80], b"\x31")
        status = command("Lighting", lamp, switch="odd")
        check("refused to set property 80 (SetC_SNA)" in value(status, "reason"), status)
        same(command("Device", "urn:ngsi-ld:Device:homes:127.1.0.4", lamp=True)["value"], "OK")
        same(node.objects["029001"][0x80], b"\x30")
        for identifier, why in (("urn:ngsi-ld:Lighting:homes:127.1.0.4:029002", "there is no object 029002 at this node"),
                                ("urn:ngsi-ld:Lighting:elsewhere:127.1.0.4:029001", "none of this feed's"),
                                ("urn:ngsi-ld:Lighting:homes:127.1.0.7:029001", 'no node "127.1.0.7" is in the network')):
            status = command("Lighting", identifier, on=True)
            check(status["value"] == "ERROR" and why in value(status, "reason"), status)
        node.close()
        status = command("Lighting", lamp, on=False)
        check(status["value"] == "ERROR" and "did not answer" in value(status, "reason"), status)


@tap.case
def what_cannot_be_is_said_with_its_place():
    for settings, why in (("{nodes: [host.lan]}", 'expected an address such as 192.168.1.20, not "host.lan"'),
                          ("{discover: false}", 'expected "nodes:" with addresses'),
                          ("{interface: ''}", "expected the name of an interface"),
                          ("{time_zone: ../etc}", "expected a time zone such as Asia/Tokyo"),
                          ("{port: 0}", "port"), ("{interval: often}", "expected a duration"),
                          ("{node: [127.0.0.1]}", "node")):
        path = configuration("wrong", f"feeds:\n  - name: homes\n    echonet: {settings}\n")
        run = machi("config", "check", path, status=None)
        check(run.status != 0 and why in run.out + run.err and "wrong.yaml:3:" in run.out + run.err, settings, run.out, run.err)


@tap.case
def without_its_interface_a_feed_waits():
    path = configuration("waits", "feeds:\n  - {name: homes, echonet: {interface: nowhere0}}\n")
    with Daemon(machi, work / "waits", "--config", path) as daemon:
        until(lambda: feed(daemon)["state"] == "waiting", "it waits")
        same(feed(daemon)["lastError"], 'there is no interface "nowhere0"')


@tap.case
def feeds_of_requests_talk_to_whom_the_operator_allows():
    port = free_udp_port()
    good, bad = Node("127.1.0.5", port, {"028801": METER}), Node("127.1.0.6", port, {"028801": METER})
    with Daemon(machi, work / "policy", "--set", 'outbound.allow=127.1.0.5') as daemon:
        document = {"name": "homes", "echonet": {"nodes": ["127.1.0.5", "127.1.0.6"], "discover": False, "interval": "1 s", "port": port}}
        same(daemon.request("POST", "/api/v1/feeds", document)[0], 201)
        until(lambda: "totalActivePower" in entity(daemon, "urn:ngsi-ld:ACMeasurement:homes:127.1.0.5:028801"), "the allowed one")
        time.sleep(1)
        check(good.requests > 0 and bad.requests == 0, bad.requests)
        same(entity(daemon, "urn:ngsi-ld:Device:homes:127.1.0.6"), {})
        same(daemon.request("DELETE", "/api/v1/feeds/homes")[0], 204)
        document = {"name": "all", "echonet": {"port": port}}
        same(daemon.request("POST", "/api/v1/feeds", document)[0], 201)
        until(lambda: feed(daemon, "all")["state"] == "waiting", "it waits")
        check("outbound.allow does not name 224.0.23.0" in feed(daemon, "all")["lastError"], feed(daemon, "all"))
    good.close()
    bad.close()


@tap.case
def a_frame_can_be_tried():
    path = configuration("try", "feeds:\n  - {name: homes, echonet: {}}\n")
    meter = frame(1, "028801", "05ff01", GET_RES, [(0xe1, b"\x01"), (0xe0, bytes.fromhex("00003039"))]).hex()
    run = machi("feed", "test", "-", "--config", path, "--topic", "192.168.1.20", stdin=meter)
    one = json.loads(run.out.splitlines()[0])
    same((one["id"], value(one, "totalActiveEnergyImport")), ("urn:ngsi-ld:ACMeasurement:homes:192.168.1.20:028801", 1234.5))
    run = machi("feed", "test", "-", "--config", path, "--topic", "192.168.1.20", stdin="1081", status=None)
    check("2 bytes are no frame" in run.out + run.err, run.out, run.err)


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
