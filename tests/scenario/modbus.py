#!/usr/bin/env python3
"""Modbus devices as feeds: pymodbus (Debian) as the devices, and peers that break the protocol.

Usage: modbus.py MACHI SOURCE_ROOT. The promise under test: what a device has in its registers is in its entity; what
cannot be read is told with its name, and keeps nothing else from being read; devices come and go as they like.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Skip, Tap, check, free_port, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
here = pathlib.Path(__file__).parent
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-modbus-"))
tap = Tap()


def python_with_pymodbus():
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import pymodbus"], capture_output=True).returncode == 0:
            return python
    raise Skip("pymodbus is not installed")


class Devices:
    def __init__(self, *units, port=None):
        self.port, self.units = port or free_port(), units
        with open(work / "devices.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([python_with_pymodbus(), here / "modbus_device.py", str(self.port),
                                             *map(str, units)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                            stderr=log)
        try:
            until(lambda: self.listens() or self.process.poll() is not None, "the devices listen")
            check(self.process.poll() is None, "the devices ended:", (work / "devices.log").read_text())
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def set(self, unit, table, address, *values):
        same(self.ask("set", unit, table, address, values), "done")

    def get(self, unit, table, address, count):
        return self.ask("get", unit, table, address, count)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Peer:
    """Takes connections and does with each what act() says, in a thread."""

    def __init__(self, act):
        self.act = act
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while request := connection.recv(300):
                self.act(connection, request)
        except OSError:
            pass

    def close(self):
        self.socket.close()
        for connection in self.connections:
            connection.close()


def configuration(name, port, settings, attributes="t: {kind: number, column: t}", feed="plant", interval="1 s"):
    path = work / f"{name}.yaml"
    path.write_text(f"feeds:\n  - name: {feed}\n    modbus:\n      host: 127.0.0.1\n      port: {port}\n      interval: {interval}\n" +
                    "".join(f"      {line}\n" for line in settings) +
                    "    map:\n      id: urn:ngsi-ld:Device:{device}\n      type: Device\n      attributes:\n" +
                    "".join(f"        {line}\n" for line in attributes.splitlines()))
    return path


def status(daemon, name="plant"):
    code, body = daemon.request("GET", f"/api/v1/feeds/{name}")
    return json.loads(body) if code == 200 else {"state": code}


def entity(daemon, name):
    code, body = daemon.request("GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:Device:{name}?options=keyValues")
    return json.loads(body) if code == 200 else {}


REGISTERS = """registers:
  temperature: {table: input, address: 0, type: int16, scale: 0.1}
  energy: {table: input, address: 2, type: uint32}
  flow: {table: input, address: 10, type: float32, word_order: little}
  total: {reference: 40101, type: float64}
  label: {table: holding, address: 110, type: string, count: 4}
  state: {table: holding, address: 120, type: bits}
  alarm: {table: holding, address: 120, type: bool, bit: 3}
  pump: {table: coil, address: 7}
  doors: {table: discrete, address: 3, type: bits, count: 3}""".splitlines()
ATTRIBUTES = """temperature: {kind: number, column: temperature, unit: CEL, observed_at: {column: received}}
energy: {kind: integer, column: energy}
flow: {kind: number, column: flow}
total: {kind: number, column: total}
label: {kind: text, column: label}
first: {kind: boolean, column: 'state[0]'}
alarm: {kind: boolean, column: alarm}
pump: {kind: boolean, column: pump}
door: {kind: boolean, column: 'doors[2]'}
unit: {kind: integer, column: unit}"""


def fill(devices, unit, tenths):
    devices.set(unit, "i", 0, tenths & 0xFFFF)
    devices.set(unit, "i", 2, 0x0001, 0x0002)
    devices.set(unit, "i", 10, 0x6666, 0x41AA)  # 21.3, the low word first
    devices.set(unit, "h", 100, 0x4035, 0x4CCC, 0xCCCC, 0xCCCD)  # 21.3
    devices.set(unit, "h", 110, *(int.from_bytes(pair, "big") for pair in (b"PV", b"-1", b"7\0", b"\0\0")))
    devices.set(unit, "h", 120, 0b1001)
    devices.set(unit, "c", 7, True)
    devices.set(unit, "d", 3, False, False, True)


def registers_become_entities():
    with Devices(1, 2) as devices:
        fill(devices, 1, -55), fill(devices, 2, 215)
        settings = ["devices: [{unit: 1, name: roof}, {unit: 2}]", *REGISTERS]
        with Daemon(machi, work / "first", "--config", configuration("first", devices.port, settings, ATTRIBUTES)) as daemon:
            wanted = {"energy": 65538, "flow": 21.3, "total": 21.3, "label": "PV-17", "first": True, "alarm": True,
                      "pump": True, "door": True}
            got = until(lambda: entity(daemon, "2"), "the second device")
            for name, value in {**wanted, "temperature": 21.5, "unit": 2}.items():
                same(got[name], value, name)
            same({**wanted, "temperature": -5.5, "unit": 1}.items() - entity(daemon, "roof").items(), set())
            devices.set(1, "i", 0, 300)
            until(lambda: entity(daemon, "roof")["temperature"] == 30, "the new value")
            same(status(daemon)["state"], "up")
            same(status(daemon)["place"], f"modbus://127.0.0.1:{devices.port}")
            same(sum(status(daemon)["dropped"].values()), 0)
            same(daemon.stop(), 0)


def what_is_not_there_is_told_by_name():
    with Devices(1) as devices:
        devices.set(1, "h", 0, 7), devices.set(1, "h", 198, 8)
        settings = ["registers: {t: {address: 0}, last: {address: 198}, beyond: {address: 201}}"]
        attributes = "t: {kind: number, column: t}\nlast: {kind: number, column: last}"
        with Daemon(machi, work / "absent", "--config", configuration("absent", devices.port, settings, attributes)) as daemon:
            got = until(lambda: entity(daemon, "1"), "the device")
            same((got["t"], got["last"]), (7, 8))
            shown = status(daemon)
            same(shown["state"], "up")
            check('unit 1: "beyond" (holding 201): it answers "illegal data address"' in shown["lastDrop"], shown)
            check(shown["dropped"]["malformed"] >= 1, shown)


def a_silent_unit_does_not_stop_the_others():
    with Devices(1, 3) as devices:
        devices.set(1, "h", 0, 7), devices.set(3, "h", 0, 8)
        settings = ["units: [1, 2, 3]", "registers: {t: {address: 0}}"]
        with Daemon(machi, work / "silent", "--config", configuration("silent", devices.port, settings)) as daemon:
            until(lambda: entity(daemon, "3").get("t") == 8, "the third device")
            same(entity(daemon, "1")["t"], 7)
            shown = until(lambda: status(daemon) if status(daemon)["state"] == "up" else None, "up")
            check("unit 2: it does not answer within 1000 ms" in shown["lastError"], shown)
            devices.set(3, "h", 0, 9)
            until(lambda: entity(daemon, "3")["t"] == 9, "the next value")


def devices_go_and_come_back():
    devices = Devices(1)
    try:
        devices.set(1, "h", 0, 1)
        config = configuration("gone", devices.port, ["registers: {t: {address: 0}}"])
        with Daemon(machi, work / "gone", "--config", config) as daemon:
            until(lambda: entity(daemon, "1").get("t") == 1, "the value")
            devices.kill()
            shown = until(lambda: status(daemon) if status(daemon)["state"] == "waiting" else None, "it is missed")
            check("Connection refused" in shown["lastError"] or "broke" in shown["lastError"], shown)
            devices = Devices(1, port=devices.port)
            devices.set(1, "h", 0, 2)
            until(lambda: entity(daemon, "1")["t"] == 2, "the value behind")
            same(status(daemon)["state"], "up")
    finally:
        devices.kill()


def answer(request, pdu, transaction=None):
    return (transaction or request[:2]) + b"\0\0" + bytes([0, len(pdu) + 1]) + request[6:7] + pdu


def peers_that_break_the_protocol_are_told():
    def late(connection, request):  # an answer to a question that nobody asked, then a part of the right one
        connection.sendall(answer(request, b"\x03\x02\0\x63", transaction=b"\xee\xee"))
        good = answer(request, b"\x03\x02\0\x05")
        connection.sendall(good[:5])
        time.sleep(0.1)
        connection.sendall(good[5:])

    def hang_up(connection, request):
        connection.shutdown(socket.SHUT_RDWR)

    for name, act, why in (("http", lambda c, r: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak Modbus"),
                           ("other", lambda c, r: c.sendall(answer(r, b"\x04\x02\0\x05")), "an answer to function 4"),
                           ("short", lambda c, r: c.sendall(answer(r, b"\x03\x01\0")), "1 bytes of values in place of 2"),
                           ("hang_up", hang_up, "closed there"), ("mute", lambda c, r: None, "does not answer within 1000 ms"),
                           ("late", late, None)):
        peer = Peer(act)
        config = configuration(name, peer.port, ["registers: {t: {address: 0}}"])
        with Daemon(machi, work / name, "--config", config) as daemon:
            if why:
                until(lambda: why in status(daemon).get("lastError", ""), f"{name}: {why}")
                same(status(daemon)["state"], "waiting", name)
                same(status(daemon)["messages"], 0, name)
            else:
                until(lambda: entity(daemon, "1").get("t") == 5, name)
            same(daemon.stop(), 0)
        peer.close()


def nobody_waits_for_a_mute_device():
    peer = Peer(lambda connection, request: None)
    config = configuration("slow", peer.port, ["timeout: 60 s", "registers: {t: {address: 0}}"], interval="1 h")
    with Daemon(machi, work / "slow", "--config", config) as daemon:
        until(lambda: peer.connections, "the connection")
        time.sleep(0.3)
        begun = time.monotonic()
        machi("feed", "pause", "plant", "--url", f"http://127.0.0.1:{daemon.port}")
        took = time.monotonic() - begun
        print(f"# a pause took {took * 1000:.0f} ms with the command's own start")
        check(took < 1, f"a pause took {took:.2f} s")
        same(status(daemon)["state"], "paused")
    peer.close()


def feeds_of_the_api_go_where_the_operator_allows():
    config = work / "empty.yaml"
    config.write_text("log:\n  level: info\n")
    document = ("name: plant\nmodbus: {host: 127.0.0.1, port: 502, registers: {t: {address: 0}}}\n"
                "map: {id: 'urn:x:{unit}', type: T, attributes: {t: {kind: number, column: t}}}\n")
    with Daemon(machi, work / "denied", "--config", config) as daemon:
        same(daemon.request("POST", "/api/v1/feeds", document, {"Content-Type": "application/yaml"})[0], 201)
        until(lambda: "may not be connected to" in status(daemon).get("lastError", ""), "the refusal")


def command(daemon, name, attribute, value):
    body = {attribute: {"type": "Property", "value": value}}
    code, answer = daemon.request("POST", f"/ngsi-ld/v1/entities/urn:ngsi-ld:Device:{name}/attrs", body)
    same(code, 204, answer)

    def ended():
        got = json.loads(daemon.request("GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:Device:{name}?options=sysAttrs")[1])
        status, commanded = got.get(f"{attribute}Status", {}), got[attribute]
        stamp = commanded.get("modifiedAt") or commanded.get("createdAt")
        about = status.get("commandedAt", {}).get("value", {}).get("@value")
        return status if about == stamp and status["value"] != "PENDING" else None

    return until(ended, f"{attribute} of {name} ends")


def commands_are_written():
    with Devices(1, 2) as devices:
        settings = ["devices: [{unit: 1, name: roof}, {unit: 2, name: cellar}]",
                    "registers: {t: {address: 0, type: int16, scale: 0.1}, total: {address: 10, type: float32}, "
                    "pump: {table: coil, address: 5}, far: {address: 250}, name: {address: 20, type: string, count: 3}}"]
        config = configuration("commands", devices.port, settings)
        send = ("      - {type: Device, id: 'urn:ngsi-ld:Device:{name}', attribute: ATTRIBUTE, send: {register: REGISTER, "
                "device: '{name}'MORE}}\n")
        with config.open("a") as out:
            out.write("    commands:\n")
            for attribute, register, more in (("setT", "t", ""), ("setTotal", "total", ""), ("setPump", "pump", ""),
                                              ("setFar", "far", ""), ("setName", "name", ""), ("setList", "t", ", multiple: true")):
                out.write(send.replace("ATTRIBUTE", attribute).replace("REGISTER", register).replace("MORE", more))
        with Daemon(machi, work / "commands", "--config", config) as daemon:
            until(lambda: "t" in entity(daemon, "roof") and "t" in entity(daemon, "cellar"), "both devices")
            same(command(daemon, "cellar", "setT", -21.5)["value"], "OK")
            same((devices.get(2, "h", 0, 1), devices.get(1, "h", 0, 1)), ([65321], [0]))
            until(lambda: entity(daemon, "cellar")["t"] == -21.5, "it is read back")
            same(command(daemon, "roof", "setTotal", 21.3)["value"], "OK")
            same(devices.get(1, "h", 10, 2), [0x41AA, 0x6666])
            same(command(daemon, "roof", "setPump", True)["value"], "OK")
            same(devices.get(1, "c", 4, 3), [0, 1, 0])
            same(command(daemon, "roof", "setName", "PV-1")["value"], "OK")
            same(devices.get(1, "h", 20, 3), [0x5056, 0x2D31, 0])
            same(command(daemon, "roof", "setList", 7)["value"], "OK")
            same(devices.get(1, "h", 0, 1), [70])
            shown = command(daemon, "roof", "setFar", 1)
            check(shown["value"] == "ERROR" and "illegal data address" in json.dumps(shown), shown)
            shown = command(daemon, "roof", "setT", 4000)
            check(shown["value"] == "ERROR" and "from -3276.8 to 3276.7" in json.dumps(shown), shown)
            same(devices.get(1, "h", 0, 1), [70])
    bad = work / "bad-send.yaml"
    for registers, send, why in (("t: {table: input, address: 0}", "register: t", "only read"),
                                 ("t: {address: 0, type: bits}", "register: t", "not written on their own"),
                                 ("t: {address: 0}", "register: T", "one of this feed's registers")):
        bad.write_text(configuration("bad", 502, [f"registers: {{{registers}}}"]).read_text() +
                       f"    commands: [{{type: Device, attribute: x, send: {{{send}}}}}]\n")
        done = machi("config", "check", bad, status=None)
        check(done.status != 0 and why in done.err, send, done.status, done.err)


def settings_are_held_to_account():
    for settings, why in ((["register: {t: {address: 0}}"], 'did you mean "registers"'),
                          (["registers: {t: {address: 65536}}"], "from 0 to 65535"),
                          (["registers: {t: {address: 65535, type: int32}}"], "goes beyond address 65535"),
                          (["registers: {t: {reference: 20001}}"], "a reference such as 40001"),
                          (["registers: {t: {reference: '40000'}}"], "a reference such as 40001"),
                          (["registers: {t: {address: 0, reference: 40001}}"], 'either "table" and "address"'),
                          (["registers: {t: {address: 0, type: int8}}"], "expected int16"),
                          (["registers: {t: {table: coil, address: 0, type: int16}}"], "bool or bits"),
                          (["registers: {t: {address: 0, type: string}}"], "how many registers"),
                          (["registers: {t: {address: 0, type: int16, bit: 1}}"], 'has a "bit"'),
                          (["registers: {t: {address: 0, scale: 0}}"], "other than 0"),
                          (["registers: {t: {address: 0, word_order: middle}}"], "big or little"),
                          (["registers: {unit: {address: 0}}"], "other than"), (["units: [256]", "registers: {t: {address: 0}}"], "from 0 to 255"),
                          (["unit: 1", "units: [2]", "registers: {t: {address: 0}}"], "one of"),
                          (["units: [1]"], "what is to be read"), (["timeout: 2 min", "registers: {t: {address: 0}}"], "at most 60 s")):
        done = machi("config", "check", configuration("bad", 502, settings), status=None)
        check(done.status != 0 and why in done.err, settings, done.status, done.err)


def a_message_is_tried_without_a_device():
    config = configuration("try", 502, ["registers: {t: {address: 0}}"])
    done = machi("feed", "test", "-", "--config", config, stdin='{"unit": 1, "device": "roof", "t": 21.5}')
    same(json.loads(done.out)["t"], {"type": "Property", "value": 21.5})


for case in (registers_become_entities, what_is_not_there_is_told_by_name, a_silent_unit_does_not_stop_the_others,
             devices_go_and_come_back, peers_that_break_the_protocol_are_told, nobody_waits_for_a_mute_device,
             feeds_of_the_api_go_where_the_operator_allows, commands_are_written, settings_are_held_to_account,
             a_message_is_tried_without_a_device):
    tap.case(case)
shutil.rmtree(work)
sys.exit(tap.done())
