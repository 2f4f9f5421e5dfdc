#!/usr/bin/env python3
"""The program as people and systemd use it: commands, exit codes, messages, files.

Usage: cli.py MACHI SOURCE_ROOT. Expectations come from docs/reference (which the program's tables make, and which is
compared here), sysexits.h, and the standard's forms. Nothing here looks into the program.
"""
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Skip, Tap, check, free_port, same

machi = Machi(os.path.abspath(sys.argv[1]))
root = pathlib.Path(sys.argv[2])
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-cli-"))
tap = Tap()

COMMANDS = ["serve", "import gtfs", "import csv", "get", "query", "put", "delete", "export", "history", "backup",
            "restore", "check", "stats", "pack", "feed list", "feed status", "feed test", "feed pause", "feed resume",
            "account list", "account add", "account change", "account reset", "account remove", "token list", "token add",
            "token remove", "audit", "notifications list", "notifications show", "notifications replay", "notifications drop",
            "config show", "config check", "config example", "version", "help", "completion"]
BUS = {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": {"type": "Property", "value": 31.5, "unitCode": "KMH"}}


def write(name, text):
    path = work / name
    path.write_text(text)
    return path


@tap.case
def every_command_explains_itself():
    overview = machi("--help").out
    same(machi("help").out, overview, "help")
    for name in COMMANDS:
        check(re.search(rf"^  {name} +\S", overview, re.M), name, "is not in the overview")
        text = machi(*name.split(), "--help").out
        check(text.startswith(f"Usage: machi {name}"), text)
        check("--help" in text and max(map(len, text.splitlines())) <= 100, name)
        same(machi("help", *name.split()).out, text, name)
        # Help is given whatever else stands on the line.
        machi(*name.split(), "--nonsense", "-h")
    for group in "import", "config":
        check("Commands:" in machi(group, "--help").out, group)
        machi(group, status=64)
    machi(status=64)


@tap.case
def usage_mistakes_end_with_64_and_say_what_was_meant():
    for arguments, words in (
            (["sevre"], 'did you mean "serve"?'),
            (["import", "cvs"], 'did you mean "import csv"?'),
            (["get", "x", "--formt", "concise"], "did you mean --format?"),
            (["get", "x", "--format", "xml"], "normalized, concise, simplified"),
            (["get"], "missing argument ID"),
            (["get", "a", "b"], 'unexpected argument "b"'),
            (["query", "--limit", "many"], "whole number from 0"),
            (["query", "--compact=1"], "takes no value"),
            (["import", "csv", "x.csv"], "missing option --map"),
            (["import", "gtfs"], "missing argument FEED"),
            (["backup"], "missing option --to"),
            (["restore", "--data", "x"], "missing option --from"),
            (["put", "--mode", "append", "--atomic"], "--atomic"),
            (["completion", "fish"], "bash and zsh"),
            (["serve", "--set", "log.level"], "KEY=VALUE")):
        check(words in machi(*arguments, status=64).err, arguments, words)


@tap.case
def the_version_is_told():
    same(machi("version", "--short").out, machi("--version").out.splitlines()[0].split()[1] + "\n")
    check("SQLite 3." in machi("version").out)


@tap.case
def manual_pages_are_whole():
    folder = work / "man"
    folder.mkdir()
    machi("help", "--man-pages", folder)
    pages = sorted(path.name for path in folder.iterdir())
    same(pages, sorted(["machi.1"] + [f"machi-{name.replace(' ', '-')}.1" for name in COMMANDS]))
    for page in folder.iterdir():
        text = page.read_text()
        check(text.startswith(".TH MACHI") and ".SH NAME" in text and ".SH EXIT STATUS" in text, page)
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-K", "utf8", str(page)], capture_output=True,
                                  text=True, check=True)
            same(done.stderr, "", page)
    machi("help", "--man-pages", work / "not-there", status=73)


@tap.case
def completion_completes():
    code = machi("completion", "bash").out
    script = code + r'''
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _machi 2>/dev/null; echo "${COMPREPLY[*]}"; }
try machi im; try machi import ""; try machi import csv --ma; try machi get --format s; try machi config ch
'''
    done = subprocess.run(["bash", "-u", "-c", "compopt() { :; };" + script], capture_output=True, text=True, check=True)
    same(done.stdout.splitlines(), ["import", "gtfs csv", "--map", "simplified", "check"], done.stderr)
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n"], input=machi("completion", "zsh").out, text=True, check=True)


@tap.case
def the_reference_pages_say_what_the_program_says():
    for part in "commands", "configuration", "exit-codes":
        page = (root / "docs/reference" / f"{part}.md").read_text()
        found = re.search(r"<!-- generated: .*?-->\n(.*)<!-- end of generated -->", page, re.S)
        check(found, part, "has no generated part")
        check(found[1].strip() == machi("help", "--markdown", part).out.strip(),
              f"docs/reference/{part}.md is out of date; tools/make-reference brings it up to date")


@tap.case
def the_example_configuration_is_shipped_and_good():
    example = machi("config", "example").out
    same((root / "packaging/machi.yaml").read_text(), example, "packaging/machi.yaml")
    machi("config", "check", write("example.yaml", example))


@tap.case
def configuration_mistakes_name_their_place():
    path = write("bad.yaml", "listen: 127.0.0.1:8080\nhttp:\n  lops: 2\n  body_max: 9\nlog:\n  level: loud\n")
    run = machi("config", "check", path, status=78)
    lines = run.err.splitlines()
    same(len(lines), 3)
    check(f"{path}:3:3: http.lops" in lines[0] and '"loops"' in lines[0], lines[0])
    check(f"{path}:4:13: http.body_max: expected size from 1 KiB" in lines[1], lines[1])
    check(f"{path}:6:10: log.level: expected one of error, warning, info, debug" in lines[2], lines[2])
    machi("serve", "--config", path, "--data", work / "never", status=78)
    check(not (work / "never").exists(), "a folder was made")
    machi("config", "check", work / "not-there.yaml", status=66)
    check("MACHI_HTTP_LOOPS" in machi("config", "check", status=78, env={"MACHI_HTTP_LOOPS": "x"}).err)


@tap.case
def the_settings_in_effect_are_shown_with_their_origin():
    path = write("good.yaml", "http:\n  loops: 3\n")
    out = machi("config", "show", path, "--set", "log.format=json", env={"MACHI_LISTEN": "[::1]:81"}).out
    check(f"  loops: 3 # {path}:2" in out and "  format: json # --set" in out, out)
    check('listen: "[::1]:81" # MACHI_LISTEN' in out and "  level: info # default" in out, out)


@tap.case
def entities_go_in_and_come_out():
    data = work / "city"
    machi("put", "--data", data, stdin=json.dumps([BUS, dict(BUS, id="urn:ngsi-ld:Vehicle:2")]))
    same(json.loads(machi("get", BUS["id"], "--data", data).out), BUS)
    same(json.loads(machi("get", BUS["id"], "--data", data, "--format", "simplified").out)["speed"], 31.5)
    found = machi("query", "--data", data, "--type", "Vehicle", "--q", "speed>30", "--limit", 1, "--count")
    same([entity["id"] for entity in json.loads(found.out)], [BUS["id"]])
    check("2 entities match" in found.err, found.err)
    same(json.loads(machi("query", "--data", data, "--type", "Vehicle", "--q", "speed>32").out), [])
    # NDJSON, one entity wrong: the others are stored and the status says so.
    lines = "\n".join([json.dumps(dict(BUS, id="urn:ngsi-ld:Vehicle:3")), '{"id": "no uri", "type": "Vehicle"}'])
    run = machi("put", "--data", data, stdin=lines, status=65)
    check("line 2" in run.err and "1 created" in run.err and "1 refused" in run.err, run.err)
    machi("put", "--data", data, "--mode", "append", stdin=json.dumps(
        {"id": BUS["id"], "type": "Vehicle", "heading": {"type": "Property", "value": 90}}))
    same(sorted(json.loads(machi("get", BUS["id"], "--data", data).out)), ["heading", "id", "speed", "type"])
    # All or nothing.
    machi("put", "--atomic", "--data", data, status=65,
          stdin=json.dumps([dict(BUS, id="urn:ngsi-ld:Vehicle:4"), {"id": "urn:x", "type": 7}]))
    machi("get", "urn:ngsi-ld:Vehicle:4", "--data", data, status=1)
    exported = machi("export", "--data", data).out.splitlines()
    same(len(exported), 3)
    check(all("createdAt" in json.loads(line) for line in exported))
    machi("put", "--data", work / "copy", stdin="\n".join(exported))
    strip = lambda text: [{k: v for k, v in json.loads(line).items() if k in ("id", "type")} for line in text.splitlines()]
    same(strip(machi("export", "--data", work / "copy").out), strip("\n".join(exported)))
    same(machi("put", "--data", data, stdin="\n".join(exported)).err.count("3 unchanged"), 1)
    machi("delete", "urn:ngsi-ld:Vehicle:2", "--data", data)
    check("urn:none" in machi("delete", "urn:ngsi-ld:Vehicle:3", "urn:none", "--data", data, status=1).err)
    same(len(machi("export", "--data", data).out.splitlines()), 1)
    machi("get", BUS["id"], "--data", data, "--tenant", "other", status=1)
    machi("get", BUS["id"], "--data", work / "nowhere", status=66)
    machi("query", "--data", data, "--type", "Vehicle", "--q", "speed>>", status=65)
    machi("put", work / "no-such-file", "--data", data, status=66)


@tap.case
def contexts_name_attributes():
    data = work / "names"
    context = write("context.jsonld", json.dumps({"@context": {"tempo": "https://example.org/speed"}}))
    machi("put", "--data", data, "--context", context,
          stdin=json.dumps({"id": "urn:x:1", "type": "T", "tempo": {"type": "Property", "value": 5}}))
    check("https://example.org/speed" in machi("get", "urn:x:1", "--data", data).out)
    check('"tempo"' in machi("get", "urn:x:1", "--data", data, "--context", context).out)


@tap.case
def tables_are_imported_by_a_map():
    data = work / "tables"
    table = write("parks.csv", 'id,name,lots,lat,lng\n1,"Suntec, City",1352,1.29375,103.85718\n2,b,x,,\n3,c,4,NA,NA\n')
    mapping = write("parks.yaml", 'id: "urn:ngsi-ld:OffStreetParking:{id}"\ntype: OffStreetParking\nnothing: NA\n'
                    "observed_at: 2018-12-11T23:10:00+08:00\nattributes:\n"
                    "  name: {kind: text, column: name, observed_at: none}\n"
                    "  availableSpotNumber: {kind: integer, column: lots}\n"
                    "  location: {kind: point, longitude: lng, latitude: lat, observed_at: none}\n")
    wanted = {"id": "urn:ngsi-ld:OffStreetParking:1", "type": "OffStreetParking",
              "name": {"type": "Property", "value": "Suntec, City"},
              "availableSpotNumber": {"type": "Property", "value": 1352, "observedAt": "2018-12-11T15:10:00Z"},
              "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [103.85718, 1.29375]}}}
    dry = machi("import", "csv", table, "--map", mapping, "--data", data, "--dry-run")
    same(json.loads(dry.out.splitlines()[0]), wanted)
    check(not data.exists(), "a dry run made a folder")
    run = machi("import", "csv", table, "--map", mapping, "--data", data)
    check(f'{table}:3: skipped: column "lots": expected a whole number, not "x"' in run.err, run.err)
    check("3 rows: 2 taken, 1 skipped" in run.err and "2 created" in run.err, run.err)
    same(json.loads(machi("get", wanted["id"], "--data", data).out), wanted)
    check("2 unchanged" in machi("import", "csv", "-", "--map", mapping, "--data", data, stdin=table.read_text()).err)
    near = machi("query", "--type", "OffStreetParking", "--near", "103.857,1.294,200", "--data", data)
    same(len(json.loads(near.out)), 1)
    machi("import", "csv", work / "none.csv", "--map", mapping, "--data", data, status=66)
    machi("import", "csv", table, "--map", work / "none.yaml", "--data", data, status=66)
    bad = write("bad-map.yaml", "id: urn:x:1\ntype: T\nattributes:\n  a: {kind: txt, column: name}\n")
    check(f"{bad}:4:13:" in machi("import", "csv", table, "--map", bad, "--data", data, status=65).err)


@tap.case
def messages_do_not_drive_the_terminal():
    table = write("evil.csv", "id,n\n1,\x1b[2Jx\n")
    mapping = write("evil.yaml", 'id: "urn:x:{id}"\ntype: T\nattributes: {n: {kind: integer, column: n}}\n')
    run = machi("import", "csv", table, "--map", mapping, "--dry-run")
    check("\x1b" not in run.err and "\\u001b[2Jx" in run.err, run.err)
    check("\x1b" not in machi("get", "urn:\x1b[2J", "--data", work / "evil", status=66).err)
    check("\\u001b" in machi("sev\x1b", status=64).err)


@tap.case
def timetables_are_imported_and_removed():
    feed = work / "feed"
    feed.mkdir()
    for name, text in {
            "agency": "agency_id,agency_name,agency_url,agency_timezone\nA,Town Bus,https://bus.example,Asia/Singapore\n",
            "stops": "stop_id,stop_name,stop_lat,stop_lon\nS1,First,1.30,103.80\nS2,Second,1.31,103.81\nS3,Bad,x,103\n",
            "routes": "route_id,agency_id,route_short_name,route_type\nR,A,10,3\n",
            "calendar": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
                        "D,1,1,1,1,1,1,1,20200101,20401231\n",
            "trips": "route_id,service_id,trip_id\nR,D,T\n",
            "stop_times": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
                          "T,08:00:00,08:00:00,S1,1\nT,08:10:00,08:10:00,S2,2\n"}.items():
        (feed / f"{name}.txt").write_text(text)
    data = work / "gtfs"
    run = machi("import", "gtfs", feed, "--feed", "town", "--data", data)
    check("stops.txt:4" in run.err, run.err)
    same(json.loads(machi("get", "urn:ngsi-ld:GtfsStop:town:S2", "--data", data, "--format", "simplified").out)["name"],
         "Second")
    before = machi("export", "--data", data).out
    machi("import", "gtfs", feed, "--feed", "town", "--data", data)
    same(machi("export", "--data", data).out, before, "after a second import")
    machi("import", "gtfs", feed, "--feed", "other", "--data", data, "--dry-run")
    same(machi("export", "--data", data).out, before, "after a dry run")
    machi("import", "gtfs", "--remove", "--feed", "town", "--data", data)
    same(machi("export", "--data", data).out, "")
    machi("import", "gtfs", "--remove", "--feed", "town", "--data", data, status=1)
    machi("import", "gtfs", work / "none.zip", "--data", data, status=66)
    machi("import", "gtfs", write("no.zip", "hello"), "--data", data, status=65)


@tap.case
def maps_of_singapore_fit_their_tables():
    folder = root / "data/singapore"
    pairs = {"bus-stops": "sg_busstops", "bus-ridership": "sg_busridership", "bus-routes": "sg_busroutes",
             "car-parks": "sg_carparkavail", "taxis": "sg_taxiavail"}
    # Counted in the tables with awk: rows, those with more fields than the header, and one clock time of "000`" twice.
    wanted = {"bus-stops": (5006, 0), "bus-ridership": (4734, 0), "bus-routes": (26080, 2), "car-parks": (2020, 47),
              "taxis": (4823, 0)}
    for name, table in pairs.items():
        path = folder / f"{table}.csv"
        if not path.exists():
            raise Skip(f"{path} is not there")
        run = machi("import", "csv", path, "--map", folder / "maps" / f"{name}.yaml", "--dry-run")
        rows, skipped = wanted[name]
        check(f"{rows} rows: {rows - skipped} taken, {skipped} skipped" in run.err, name, run.err[-300:])


@tap.case
def backups_come_back_and_damage_is_found():
    data = work / "safe"
    machi("put", "--data", data, stdin=json.dumps(BUS))
    machi("put", "--data", data, "--tenant", "north", stdin=json.dumps(dict(BUS, id="urn:ngsi-ld:Vehicle:n")))
    for to in work / "copy.tar", work / "copy.tar.zst", work / "copy.d":
        machi("backup", "--data", data, "--to", to)
        machi("backup", "--data", data, "--to", to, status=73)
        back = work / f"back-{to.name}"
        machi("restore", "--from", to, "--data", back)
        for tenant in [], ["--tenant", "north"]:
            same(machi("export", "--data", back, *tenant).out, machi("export", "--data", data, *tenant).out)
        machi("restore", "--from", to, "--data", back, status=73)
        same(machi("check", "--data", back).out.count(": good\n"), 2)
    check(not list(work.glob("*.part*")), "temporary files were left")
    # A byte changed, a file missing, an archive cut, something else altogether.
    database = work / "copy.d/machi.db"
    bytes_before = database.read_bytes()
    database.write_bytes(bytes_before[:9000] + bytes([bytes_before[9000] ^ 1]) + bytes_before[9001:])
    check("SHA-256" in machi("restore", "--from", work / "copy.d", "--data", work / "r1", status=65).err)
    database.write_bytes(bytes_before)
    (work / "copy.d/tenants/north.db").unlink()
    check("missing" in machi("restore", "--from", work / "copy.d", "--data", work / "r1", status=65).err)
    archive = (work / "copy.tar.zst").read_bytes()
    (work / "cut.tar.zst").write_bytes(archive[:len(archive) // 2])
    machi("restore", "--from", work / "cut.tar.zst", "--data", work / "r1", status=65)
    machi("restore", "--from", write("other.tar", "hello"), "--data", work / "r1", status=65)
    machi("restore", "--from", work / "none.tar", "--data", work / "r1", status=66)
    check(not (work / "r1").exists(), "a failed restore left a folder")
    # An archive that wants to write elsewhere.
    evil = work / "evil"
    evil.mkdir()
    (evil / "x").write_text("x")
    subprocess.run(["tar", "-cf", work / "evil.tar", "--transform", "s,^,../,", "-P", "-C", evil, "x"], check=True)
    machi("restore", "--from", work / "evil.tar", "--data", work / "r1", status=65)
    check(not (work / "x").exists() and not (work / "r1").exists())


@tap.case
def check_finds_what_is_wrong():
    data = work / "damaged"
    machi("put", "--data", data, stdin="\n".join(json.dumps(dict(BUS, id=f"urn:x:{i}")) for i in range(500)))
    machi("check", "--data", data)
    database = data / "machi.db"
    with open(database, "r+b") as file:
        size = file.seek(0, 2)
        for page in range(4096 * 8, size - 4096, 4096 * 7):
            file.seek(page)
            file.write(b"\xff" * 64)
    run = machi("check", "--data", data, status=1)
    check(str(database) in run.out, run.out)
    machi("check", "--data", work / "nowhere", status=66)
    machi("check", "--data", data, "--tenant", "none", status=1)


@tap.case
def serve_says_clearly_why_it_does_not_start():
    with Daemon(machi, work / "first") as daemon:
        run = machi("serve", "--data", work / "second", "--listen", f"127.0.0.1:{daemon.port}", status=69)
        check("in use" in run.err and "--listen" in run.err, run.err)
    corrupt = work / "corrupt"
    corrupt.mkdir()
    (corrupt / "machi.db").write_bytes(b"this is no database, but it is long enough to be looked at" * 100)
    run = machi("serve", "--data", corrupt, "--listen", f"127.0.0.1:{free_port()}", status=65)
    check(str(corrupt) in run.err, run.err)
    newer = work / "newer"
    machi("put", "--data", newer, stdin=json.dumps(BUS))
    with sqlite3.connect(newer / "machi.db") as database:
        changed = 0
        version = database.execute("pragma user_version").fetchone()[0]
        if version:
            database.execute(f"pragma user_version = {version + 100}")
            changed = 1
        for key in ("schema_version", "version"):
            try:
                changed += database.execute("update meta set value = '10000' where key = ?", [key]).rowcount
            except sqlite3.OperationalError:
                pass
        check(changed, "the schema's version was not found")
    database.close()
    run = machi("serve", "--data", newer, "--listen", f"127.0.0.1:{free_port()}", status=69)
    check("newer" in run.err, run.err)
    machi("serve", "--data", work / "no/such/parent", "--listen", f"127.0.0.1:{free_port()}", status=73)
    (work / "file").write_text("x")
    machi("serve", "--data", work / "file", "--listen", f"127.0.0.1:{free_port()}", status=73)
    machi("serve", "--data", work / "x", "--listen", "300.1.1.1:80", status=69)
    machi("serve", "--data", work / "x", "--listen", "127.0.0.1", status=78)


@tap.case
def serve_needs_to_write():
    if os.geteuid() == 0:
        # Root may write everywhere; somebody else must try.
        who = {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            machi("version", **who)
        except (OSError, AssertionError):
            raise Skip("nobody cannot run the program here")
    else:
        who = {}
    os.chmod(work, 0o755)
    data = work / "locked"
    machi("put", "--data", data, stdin=json.dumps(BUS))
    os.chmod(data, 0o755)
    for path in data.rglob("*"):
        os.chmod(path, 0o644 if path.is_file() else 0o755)
    if not who:
        os.chmod(data, 0o555)
    try:
        run = machi("serve", "--data", data, "--listen", f"127.0.0.1:{free_port()}", status=77, **who)
        check(str(data) in run.err, run.err)
        os.chmod(data, 0o777 if who else 0o755)
        if not who:
            os.chmod(data / "machi.db", 0o444)
        run = machi("serve", "--data", data, "--listen", f"127.0.0.1:{free_port()}", status=77, **who)
        check("machi.db" in run.err, run.err)
    finally:
        os.chmod(data, 0o755)


@tap.case
def files_are_private():
    data = work / "private"
    machi("put", "--data", data, "--tenant", "north", stdin=json.dumps(BUS))
    for path in [data, *data.rglob("*")]:
        same(path.stat().st_mode & 0o077, 0, path)


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
