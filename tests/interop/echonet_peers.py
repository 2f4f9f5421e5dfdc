#!/usr/bin/env python3
"""ECHONET Lite with the nodes of two npm packages, echonet-lite and node-echonet-lite, in a network of their own.

Usage: echonet_peers.py MACHI SOURCE_ROOT FOLDER      the packages are in the folder, or are put there by npm

Three network namespaces hang on a bridge in a fourth: the daemon, and a node each. The promises under test: nodes are
found by multicast, property maps of both forms are read, values come out as the appendix has them, what is set is set or
the reason told, announcements count at once, a node that restarts is back at once; and the daemon is a node that the
packages find. Without root, ip, node, npm or a network at the first run the test is skipped, and says so.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
machi_path, root, folder = (os.path.abspath(argument) for argument in sys.argv[1:4])
sys.path.insert(0, os.path.join(root, "tests/scenario"))
from tap import Daemon, Machi, Tap, check, same, until

PACKAGES = ["echonet-lite@2.16.2", "node-echonet-lite@0.6.0", "date-utils@1.2.21"]
IP = shutil.which("ip", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
INSIDE = "ECHONET_PEERS_NAMES"  # set where the script runs in the daemon's namespace
ADDRESS = {"city": "10.77.0.1", "lite": "10.77.0.2", "node": "10.77.0.3"}
ENTITIES = "/ngsi-ld/v1/entities"
INTERVAL_S = 20


def skip(why):
    print(f"1..0 # SKIP {why}", flush=True)
    print(f"echonet_peers: SKIPPED, nothing was tested: {why}", file=sys.stderr)
    sys.exit(0)


def install():
    if not shutil.which("node") or not shutil.which("npm"):
        skip("node and npm are not installed")
    if os.path.exists(os.path.join(folder, "node_modules/node-echonet-lite/package.json")):
        return
    os.makedirs(folder, exist_ok=True)
    try:
        subprocess.run(["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0",
                        "--fetch-timeout=10000", *PACKAGES],
                       check=True, capture_output=True, timeout=180)
    except (OSError, subprocess.SubprocessError) as trouble:
        skip(f"{' '.join(PACKAGES)} could not be installed by npm: {trouble}")


# ---- the network ----

def run(*arguments):
    subprocess.run([IP, *arguments], check=True, capture_output=True)


def build(names):
    run("netns", "add", names["lan"])
    run("-n", names["lan"], "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    run("-n", names["lan"], "link", "set", "br0", "up")
    for place, address in ADDRESS.items():
        space = names[place]
        run("netns", "add", space)
        run("-n", names["lan"], "link", "add", place, "type", "veth", "peer", "name", "eth0", "netns", space)
        run("-n", names["lan"], "link", "set", place, "master", "br0", "up")
        run("-n", space, "link", "set", "lo", "up")
        run("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
        run("-n", space, "link", "set", "eth0", "up")
        run("-n", space, "route", "add", "default", "dev", "eth0")


def take_down(names):
    for space in names.values():
        subprocess.run([IP, "netns", "del", space], capture_output=True)


def outside():
    """Makes the network and runs this script in it."""
    if os.geteuid() != 0:
        skip("network namespaces need root")
    if not IP:
        skip("ip (iproute2) is not installed")
    install()
    names = {place: f"echonet-{os.getpid()}-{place}" for place in (*ADDRESS, "lan")}
    try:
        try:
            build(names)
        except subprocess.CalledProcessError as trouble:
            take_down(names)
            skip(f"no network namespaces here: {trouble.stderr.decode().strip()}")
        environment = dict(os.environ, **{INSIDE: json.dumps(names)})
        return subprocess.run([IP, "netns", "exec", names["city"], sys.executable, __file__, *sys.argv[1:4]],
                              env=environment).returncode
    finally:
        take_down(names)


# ---- inside ----

class Peer:
    """A node, in the namespace of its place."""

    def __init__(self, place, package):
        self.place, self.package = place, package
        self.start()

    def start(self):
        self.lines = []
        self.process = subprocess.Popen(
            [IP, "netns", "exec", names[self.place], "node", os.path.join(root, "tests/interop/echonet_peer.cjs"), self.package,
             folder, ADDRESS[self.place]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, CONTROLLER=ADDRESS["city"]))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        until(lambda: self.of("ready"), f"{self.package} is ready")

    def read(self):
        for line in self.process.stdout:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                print(f"# {self.package}: {line.rstrip()}", flush=True)

    def of(self, key):
        return [line[key] for line in list(self.lines) if key in line]

    def order(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()


def configuration():
    path = work / "machi.yaml"
    path.write_text(f"""feeds:
  - name: homes
    echonet: {{interface: eth0, interval: {INTERVAL_S} s}}
    commands:
      - {{type: AirConditioner, attribute: mode, send: {{property: operationMode}}}}
      - {{type: AirConditioner, attribute: temperature, minimum: 16, maximum: 30, send: {{property: targetTemperature}}}}
      - {{type: AirConditioner, attribute: humidity, send: {{epc: "0xB4"}}}}
      - {{type: ACMeasurement, attribute: supply, send: {{property: operationStatus}}}}
""")
    return path


def entities(kind):
    code, body = daemon.request("GET", f"{ENTITIES}?type={kind}&limit=100")
    same(code, 200, body)
    return {one["id"]: one for one in json.loads(body)}


def value(entity, name):
    return entity.get(name, {}).get("value")


def device(address):
    found = [one for one in entities("Device").values() if address in (value(one, "ipAddress") or [])]
    return found[0] if found else None


def object_of(kind, address):
    node = device(address)
    found = [one for one in entities(kind).values() if node and one.get("refDevice", {}).get("object") == node["id"]]
    return found[0] if found else None


def command(entity, **values):
    body = {name: {"type": "Property", "value": one} for name, one in values.items()}
    same(daemon.request("POST", f"{ENTITIES}/{entity}/attrs", body)[0], 204)


def ended(entity, name):
    def look():
        status = json.loads(daemon.request("GET", f"{ENTITIES}/{entity}")[1]).get(name)
        return status if status and status["value"] != "PENDING" else None
    return until(look, f"{name} ends")


def nodes_are_found_by_multicast():
    for place in ("lite", "node"):
        until(lambda: device(ADDRESS[place]), f"a Device for {place}")
        same(value(device(ADDRESS[place]), "deviceState"), "online")
    # The package makes its number of its interface's address; the other one's is in echonet_peer.cjs.
    lite, node = device(ADDRESS["lite"])["id"], device(ADDRESS["node"])["id"]
    check(lite.startswith("urn:ngsi-ld:Device:homes:FE000077") and len(lite.rsplit(":", 1)[1]) == 34, lite)
    same(node, "urn:ngsi-ld:Device:homes:FE00007700000000000000000000000099")
    until(lambda: sorted(value(device(ADDRESS["lite"]), "instances") or []) == ["013001", "028801"], "both objects")


def maps_and_values_are_read():
    for place in ("lite", "node"):
        meter = until(lambda: (lambda one: one if one and "totalActivePower" in one else None)(
            object_of("ACMeasurement", ADDRESS[place])), f"values of the meter of {place}")
        same(meter["id"], device(ADDRESS[place])["id"].replace(":Device:", ":ACMeasurement:") + ":028801")
        same((value(meter, "totalActivePower"), meter["totalActivePower"]["unitCode"]), (504, "WTT"))
        same((value(meter, "totalActiveEnergyImport"), meter["totalActiveEnergyImport"]["unitCode"]), (2469, "KWH"))
        same(value(meter, "instantaneousCurrentRPhase"), 4)
        check("instantaneousCurrentTPhase" not in meter, "7FFE is no value")
        half = meter["normalDirectionCumulativeElectricEnergyAtEvery30Min"]
        same((half["value"], half["observedAt"]), (2468.8, "2026-11-22T03:30:00Z"))  # 12:30 in Japan
        same(value(meter, "manufacturer"), "000077")
    air = object_of("AirConditioner", ADDRESS["lite"])
    same([value(air, name) for name in ("operationStatus", "operationMode", "targetTemperature", "roomTemperature",
                                        "airFlowLevel", "powerSaving")], [False, "cooling", 26, -3, "auto", False])
    check("outdoorTemperature" not in air, "7E is no value")


def what_is_set_is_set_or_the_reason_told():
    air = object_of("AirConditioner", ADDRESS["lite"])["id"]
    command(air, mode="heating")
    same(ended(air, "modeStatus")["value"], "OK")
    until(lambda: value(object_of("AirConditioner", ADDRESS["lite"]), "operationMode") == "heating", "the new mode", 5)
    command(air, temperature=22)
    same(ended(air, "temperatureStatus")["value"], "OK")
    until(lambda: value(object_of("AirConditioner", ADDRESS["lite"]), "targetTemperature") == 22, "the new temperature", 5)
    command(air, mode="freezing")
    until(lambda: ended(air, "modeStatus")["value"] == "ERROR", "a mode that is none")
    check("expected one of auto, cooling" in str(ended(air, "modeStatus")), ended(air, "modeStatus"))
    command(air, humidity="0x32")
    status = ended(air, "humidityStatus")
    check(status["value"] == "ERROR" and "property B4 of object 013001 cannot be set" in str(status), status)
    meter = object_of("ACMeasurement", ADDRESS["node"])["id"]
    command(meter, supply=False)  # in its map, but this node refuses
    status = ended(meter, "supplyStatus")
    check(status["value"] == "ERROR" and "refused to set property 80 (SetC_SNA)" in str(status), status)


def announcements_count_at_once():
    for peer in (lite, node):
        peer.order(put=["028801", "e7", [0xff, 0xff, 0xff, 0x9c]])
        peer.order(tell=["028801", "e7", "INF"])
        until(lambda: value(object_of("ACMeasurement", ADDRESS[peer.place]), "totalActivePower") == -100, "what was announced", 3)
    node.order(put=["028801", "e7", [0, 0, 0, 1]])
    node.order(tell=["028801", "e7", "INFC"])
    until(lambda: value(object_of("ACMeasurement", ADDRESS["node"]), "totalActivePower") == 1, "what was announced", 3)
    until(lambda: [one for one in node.of("heard") if one["esv"] == "INFC_Res" and one["prop"] == [0xe7]], "the confirmation", 3)


def the_daemon_is_a_node_that_others_find():
    node.order(discover=True)
    until(lambda: [one for one in node.of("found") if one == {"from": ADDRESS["city"], "eoj": ["05ff01"]}],
          "node-echonet-lite finds the controller", 20)
    lite.order(discover=True)
    until(lambda: [one for one in lite.of("heard") if one["from"] == ADDRESS["city"] and one["ESV"] == "72" and
                   one["DETAILs"].get("d6") == "0105ff01"], "echonet-lite finds the controller", 20)


def a_node_that_restarts_is_back_at_once():
    lite.kill()
    until(lambda: value(device(ADDRESS["lite"]), "deviceState") == "offline", "it is missed")
    same(value(device(ADDRESS["node"]), "deviceState"), "online")
    air = object_of("AirConditioner", ADDRESS["lite"])["id"]
    command(air, mode="auto")
    status = ended(air, "modeStatus")
    check(status["value"] == "ERROR", status)
    lite.start()
    until(lambda: value(device(ADDRESS["lite"]), "deviceState") == "online", "it is back", 5)
    until(lambda: value(object_of("ACMeasurement", ADDRESS["lite"]), "totalActivePower") == 504, "its values", 5)
    feed = json.loads(daemon.request("GET", "/api/v1/feeds/homes")[1])
    same((feed["state"], sum(feed["dropped"].values())), ("up", 0))


if INSIDE not in os.environ:
    sys.exit(outside())
names = json.loads(os.environ[INSIDE])
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-echonet-"))
tap = Tap()
peers = []
try:
    with Daemon(Machi(machi_path), work / "city", "--config", configuration()) as daemon:
        lite, node = Peer("lite", "echonet-lite"), Peer("node", "node-echonet-lite")
        peers = [lite, node]
        for case in (nodes_are_found_by_multicast, maps_and_values_are_read, what_is_set_is_set_or_the_reason_told,
                     announcements_count_at_once, the_daemon_is_a_node_that_others_find, a_node_that_restarts_is_back_at_once):
            tap.case(case)
        if tap.failed:
            print("# " + daemon.log().replace("\n", "\n# "))
            print("# " + daemon.request("GET", "/api/v1/feeds/homes")[1].decode())
finally:
    for peer in peers:
        peer.kill()
    shutil.rmtree(work, ignore_errors=True)
sys.exit(tap.done())
