#!/usr/bin/env python3
"""Files that come into a folder, as a feed takes them.

Usage: folder.py MACHI SOURCE_ROOT. The promise under test: every row of every file is in the history, whenever the daemon
is killed; a file is taken once when nobody kills; what cannot be used is told, with file and line, and kept.
"""
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same, until

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-folder-"))
tap = Tap()
LARGE_ROWS = 200000
MEMORY_KIB_MAX = 1500000  # of a daemon that takes them; the sanitizers' builds need several times their own

CSV_MAP = """
      id: urn:ngsi-ld:Room:{Room Name}
      type: Room
      attributes: {temperature: {kind: number, column: t, observed_at: {column: at}}, file: {kind: text, column: topic}}
"""
JSON_MAP = """
      id: urn:ngsi-ld:Room:{room}
      type: Room
      attributes: {temperature: {kind: number, column: t.now, observed_at: {column: at}}}
"""


class Case:
    """A folder, and a configuration with a feed for it."""

    def __init__(self, name, mapping=CSV_MAP, feed="drop", **settings):
        self.data, self.folder, self.config = work / name, work / f"{name}.in", work / f"{name}.yaml"
        self.folder.mkdir()
        settings = {"settle": "1 s", "after": "move", **settings}
        self.config.write_text(f"feeds:\n  - name: {feed}\n    folder:\n      path: {self.folder}\n" +
                               "".join(f"      {key}: {value}\n" for key, value in settings.items()) + "    map:" + mapping)

    def daemon(self):
        return Daemon(machi, self.data, "--config", self.config)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def rename(self, name, text):
        """As it should be done: written elsewhere, then moved in."""
        part = self.folder / f".{name}.part"
        part.write_text(text)
        part.rename(self.folder / name)

    def files(self, below="."):
        return sorted(path.name for path in (self.folder / below).glob("*") if path.is_file())


def status(daemon, name="drop"):
    code, body = daemon.request("GET", f"/api/v1/feeds/{name}")
    return json.loads(body) if code == 200 else {"state": code}


def entity(daemon, name):
    code, body = daemon.request("GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:Room:{name}?options=keyValues")
    return json.loads(body) if code == 200 else {}


def history(daemon, name):
    code, body = daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Room:{name}?attrs=temperature&"
                                "options=temporalValues&timerel=after&timeAt=2000-01-01T00:00:00Z")
    return [value for value, _ in json.loads(body)["temperature"]["values"]] if code == 200 else []


def at(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1767225600 + second))


def table(*rows):
    return "Room Name,t,at\n" + "".join(f"{room},{value},{at(second)}\n" for room, value, second in rows)


def files_become_entities_and_are_moved():
    case = Case("first")
    case.write("before.csv", table(("hall", 1, 0)))
    with case.daemon() as daemon:
        until(lambda: entity(daemon, "hall").get("temperature") == 1, "what was there before")
        case.rename("renamed.csv", '\ufeffRoom Name;t\n'.replace(";", ",").replace("t\n", "t,at\n") +
                    f'"Big ""Hall""",2.5,{at(1)}\n')
        until(lambda: case.files("done") == ["before.csv", "renamed.csv"], "the renamed file is done")
        got = json.loads(daemon.request("GET", "/ngsi-ld/v1/entities?type=Room&options=keyValues&q=temperature==2.5")[1])
        same([(room["id"], room["file"]) for room in got], [("urn:ngsi-ld:Room:Big%20%22Hall%22", "renamed.csv")])
        case.write("written.csv", table(("hall", 3, 2)))
        until(lambda: entity(daemon, "hall")["temperature"] == 3, "the written one, once it has settled")
        case.rename("written.csv", table(("hall", 4, 3)))
        until(lambda: case.files("done") == ["before.csv", "renamed.csv", "written.csv", "written.csv.1"], "the same name again")
        same(case.files(), [])
        shown = status(daemon)
        same((shown["state"], shown["messages"], sum(shown["dropped"].values())), ("up", 4, 0))
        same(history(daemon, "hall"), [1, 3, 4])
        same(daemon.stop(), 0)


def a_file_that_grows_is_left_alone():
    case = Case("grows", settle="2 s")
    with case.daemon() as daemon, open(case.folder / "slow.csv", "w") as out:
        until(lambda: status(daemon)["state"] == "up", "up")
        for second in range(12):
            out.write(table(("a", second, second)) if second == 0 else table(("a", second, second)).split("\n", 1)[1])
            out.flush()
            time.sleep(0.4)
            same(status(daemon)["messages"], 0)
        out.close()
        until(lambda: case.files("done") == ["slow.csv"], "it is done")
        same(history(daemon, "a"), list(range(12)))


def what_cannot_be_used_is_told_and_kept():
    case = Case("failed")
    (case.folder / "folder.csv").mkdir()
    (case.folder / "link.csv").symlink_to("/etc/passwd")
    case.write("other.txt", "no pattern fits")
    with case.daemon() as daemon:
        for name, text, why in (("empty.csv", "", "empty.csv: the table is empty"),
                                ("names.csv", "Room Nam,t,at\na,1,2026-01-01T00:00:00Z\n", 'no column "Room Name"; did you mean "Room Nam"?'),
                                ("quote.csv", '"Room Name"x,t,at\n', "header is not readable")):
            case.rename(name, text)
            until(lambda: name in case.files("failed"), name)
            until(lambda: why in status(daemon)["lastError"], why)
        case.rename("rows.csv", table(("a", 1, 1), ("a", "warm", 2), ("a", 3, 3)) + 'b,"1"x,\na,4,2026-01-01T00:00:09Z,5\n')
        until(lambda: "rows.csv" in case.files("done"), "rows are left out one by one")
        same(history(daemon, "a"), [1, 3])
        shown = status(daemon)
        same((shown["dropped"]["invalid"], shown["dropped"]["malformed"]), (1, 2))
        check("rows.csv:6: 4 fields where the header has 3" in shown["lastDrop"], shown)
        same(case.files(), ["link.csv", "other.txt"])


def files_that_stay_are_taken_once():
    case = Case("keep", after="keep")
    for number in range(5):
        case.write(f"{number}.csv", table(("a", number, number)))
    case.write("bad.csv", "x\n")
    with case.daemon() as daemon:
        until(lambda: len(history(daemon, "a")) == 5 and "bad.csv" in status(daemon).get("lastError", ""), "all of them")
        same(case.files(), ["0.csv", "1.csv", "2.csv", "3.csv", "4.csv", "bad.csv"])
        daemon.kill()
    with case.daemon() as daemon:
        time.sleep(2.5)
        same((status(daemon)["messages"], status(daemon).get("lastError")), (0, None))
        case.rename("1.csv", table(("a", 11, 11)))  # another file by an old name
        until(lambda: history(daemon, "a") == [0, 1, 2, 3, 4, 11], "the new one")
        (case.folder / "2.csv").unlink()
        case.rename("3.csv", table(("a", 3, 3), ("a", 13, 13)))
        until(lambda: history(daemon, "a")[-1] == 13, "the changed one, anew")
        same(status(daemon)["messages"], 3)


def files_may_be_deleted():
    case = Case("delete", after="delete")
    with case.daemon() as daemon:
        case.rename("a.csv", table(("a", 1, 1)))
        case.rename("b.csv", "x\n")
        until(lambda: case.files() == [] and case.files("failed") == ["b.csv"], "one is deleted, the bad one kept")
        same(history(daemon, "a"), [1])


def json_in_files():
    case = Case("lines", JSON_MAP, pattern="'*.jsonl'")
    with case.daemon() as daemon:
        lines = [json.dumps({"room": "a", "t": {"now": n}, "at": at(n)}) for n in range(3)]
        case.rename("a.jsonl", "\ufeff" + "\r\n".join([lines[0], "", "{", lines[1], "x" * 1100000, lines[2]]))
        until(lambda: case.files("done") == ["a.jsonl"], "it is done")
        same(history(daemon, "a"), [0, 1, 2])
        shown = status(daemon)
        same(shown["dropped"]["malformed"], 2)
        check("a.jsonl:5: the line is too long" in shown["lastDrop"], shown)
    case = Case("document", "\n      each: $.rooms" + JSON_MAP, pattern="'*.json'")
    with case.daemon() as daemon:
        rooms = [{"room": f"r{n}", "t": {"now": n}, "at": at(0)} for n in range(300)]
        case.rename("a.json", json.dumps({"rooms": rooms}, indent=1))
        case.rename("bad.json", json.dumps({"rooms": rooms})[:-1])
        until(lambda: case.files("done") == ["a.json"] and case.files("failed") == ["bad.json"], "both")
        same(entity(daemon, "r299")["temperature"], 299)
        same(status(daemon)["entities"]["created"], 300)


def parquet_in_files():
    data = pathlib.Path(sys.argv[2]) / "tests/data/parquet"
    case = Case("parquet", """
      id: urn:ngsi-ld:Room:p{whole}
      type: Room
      attributes:
        temperature: {kind: number, column: double, observed_at: {column: at}}
        name: {kind: text, column: word}
        since: {kind: time, column: day, format: '%Y-%m-%d'}
        open: {kind: boolean, column: flag}
""", pattern="'*.parquet'")
    with case.daemon() as daemon:
        for name in ("zstd.parquet", "parquetjs.parquet"):
            shutil.copy(data / name, case.folder / f".{name}")
            (case.folder / f".{name}").rename(case.folder / name)
        case.rename("cut.parquet", "PAR1 cut off")
        until(lambda: case.files("done") == ["zstd.parquet"] and
              case.files("failed") == ["cut.parquet", "parquetjs.parquet"], "all three")
        same(status(daemon)["entities"]["created"], 300)
        got = entity(daemon, "p-930")
        same((got["name"], got["open"], got.get("temperature")), ("word 3", True, None))
        check("2026-01-11T00:00:00Z" in json.dumps(got["since"]), got)
        got = json.loads(daemon.request("GET", "/ngsi-ld/v1/entities/urn:ngsi-ld:Room:p-923")[1])["temperature"]
        same((got["value"], got["observedAt"]), (11 / 7, "2026-01-01T00:11:11.011Z"))


def a_folder_may_come_later_and_go():
    case = Case("later")
    case.folder.rmdir()
    with case.daemon() as daemon:
        until(lambda: "No such file or directory" in status(daemon).get("lastError", ""), "it is missed")
        case.folder.mkdir()
        case.write("a.csv", table(("a", 1, 1)))
        until(lambda: status(daemon)["state"] == "up" and case.files("done") == ["a.csv"], "it is there")


def feeds_of_the_api_read_no_files():
    case = Case("api")
    with case.daemon() as daemon:
        document = "name: mine\nfolder: {path: /etc, pattern: '*.csv'}\nmap: {id: 'urn:x:{a}', type: T, attributes: {v: {kind: text, column: a}}}\n"
        code, body = daemon.request("POST", "/api/v1/feeds", document, {"Content-Type": "application/yaml"})
        same(code, 403)
        check("in the configuration alone" in json.loads(body)["detail"], body)


def settings_are_held_to_account():
    for number, (settings, mapping, why) in enumerate((({"pattern": "'*.dat'"}, CSV_MAP, "expected \"format: csv\""),
                                                       ({"pattern": "a/b.csv"}, CSV_MAP, 'without "/"'),
                                                       ({"after": "burn"}, CSV_MAP, "keep, move or delete"),
                                                       ({"setle": "1 s"}, CSV_MAP, 'did you mean "settle"'),
                                                       ({}, "\n      each: $.a" + CSV_MAP, "a table has its rows"))):
        done = machi("config", "check", Case(f"bad{number}", mapping, **settings).config, status=None)
        check(done.status != 0 and why in done.err, settings, done.status, done.err)
    case = Case("try")
    done = machi("feed", "test", "-", "--config", case.config, stdin=table(("a", 1, 1), ("b", "x", 2)), status=65)
    same(json.loads(done.out)["temperature"]["value"], 1)
    check('line 3: column "t": expected a number' in done.err, done.err)


def a_large_file_needs_little_memory():
    case = Case("large")
    with case.daemon() as daemon:
        until(lambda: status(daemon)["state"] == "up", "up")
        part = case.folder / ".part"
        with part.open("w") as out:
            out.write(table())
            for number in range(LARGE_ROWS):
                out.write(f"{number % 100},{number},{at(number)}\n")
        begun = time.monotonic()
        part.rename(case.folder / "large.csv")
        until(lambda: case.files("done") == ["large.csv"], "it is done", 300)
        took = time.monotonic() - begun
        high = next(line for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines() if "VmHWM" in line)
        kib = int(high.split()[1])
        print(f"# {LARGE_ROWS} rows in {took:.1f} s, {LARGE_ROWS / took:.0f} rows/s, the daemon's memory at most {kib} KiB")
        check(kib < MEMORY_KIB_MAX, high)
        same(status(daemon)["messages"], LARGE_ROWS)
        same(history(daemon, "7")[-1], LARGE_ROWS - 93)


def a_pause_repeats_nothing():
    rows, case, pauses = 150000, Case("pauses"), 0
    case.rename("long.csv", table(*((f"r{row % 4}", row, row) for row in range(rows))))
    time.sleep(1.1)  # nobody saw the rename, so it has to settle
    with case.daemon() as daemon:
        while case.files():
            time.sleep(0.15)
            machi("feed", "pause", "drop", "--url", f"http://127.0.0.1:{daemon.port}")
            check(pauses < 100, "it gets on")
            pauses += 1
            if pauses == 3:
                same(daemon.stop(), 0)
                break
            machi("feed", "resume", "drop", "--url", f"http://127.0.0.1:{daemon.port}")
    with case.daemon() as daemon:
        machi("feed", "resume", "drop", "--url", f"http://127.0.0.1:{daemon.port}", status=None)
        until(lambda: case.files("done") == ["long.csv"], "it is done")
        got = evolution(daemon, 1)
        same((got["distinctCount"], got["totalCount"]), (rows // 4, rows // 4))
        check(status(daemon)["messages"] < rows, "it went on where it was")
    print(f"# {pauses} pauses, {rows} rows")


def evolution(daemon, room):
    got = json.loads(daemon.request("GET", f"/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:Room:r{room}?attrs=temperature&"
                                    "options=aggregatedValues&aggrMethods=distinctCount,min,max,totalCount&"
                                    "aggrPeriodDuration=PT0S&timerel=after&timeAt=2000-01-01T00:00:00Z")[1])["temperature"]
    return {name: got[name][0][0] for name in ("distinctCount", "min", "max", "totalCount")}


def moments_are_stored_once():
    rows, files, kills, random_ = 20000, 12, 0, random.Random(5)
    case = Case("moments", "\n      mode: series" + CSV_MAP.replace(", file: {kind: text, column: topic}", ""))
    names = [f"{number:02d}.csv" for number in range(files)]
    texts = [table(*((f"r{row % 4}", number * rows + row, number * rows + row) for row in range(rows))) for number in range(files)]
    for name, text in zip(names, texts):
        case.rename(name, text)
    while case.files() or kills < 3:
        with case.daemon() as daemon:
            time.sleep(random_.uniform(0.02, 0.15) if kills < 12 else 5)
            daemon.kill()
            kills += 1
    with case.daemon() as daemon:
        before = status(daemon)["messages"]
        case.rename("again.csv", texts[3] + "r1,warm,x\n")
        until(lambda: "again.csv" in case.files("done"), "the same rows again")
        for room in range(4):
            count = rows * files // 4
            same(evolution(daemon, room), {"distinctCount": count, "totalCount": count, "min": room, "max": rows * files - 4 + room})
        shown = status(daemon)
        same((shown["messages"] - before, shown["dropped"]["invalid"]), (rows + 1, 1))
        check(f'again.csv:{rows + 2}: column "t": expected a number' in shown["lastDrop"], shown)
    print(f"# {kills} kills, {files * rows} rows")


def nothing_is_lost_when_it_is_killed():
    case, random_ = Case("soak", settle="1 s"), random.Random(11)
    rows, files, kills = 24000, 4, 0
    for number in range(files):
        case.rename(f"{number:02d}.csv", table(*((f"r{number % 4}", number * rows + row, number * rows + row) for row in range(rows))))
    while case.files() or kills < 3:
        with case.daemon() as daemon:
            time.sleep(random_.uniform(0.02, 0.2) if kills < 12 else 5)
            daemon.kill()
            kills += 1
    with case.daemon() as daemon:
        for room in range(4):
            wanted = {number * rows + row for number in range(room, files, 4) for row in range(rows)}
            got = evolution(daemon, room)
            # Rows that were stored before a kill are taken again, and are in the history once.
            same(got, {"distinctCount": len(wanted), "totalCount": len(wanted), "min": min(wanted), "max": max(wanted)}, room)
            same(entity(daemon, f"r{room}")["temperature"], max(wanted))
    same(len(case.files("done")), files)
    print(f"# {kills} kills, {files * rows} rows")


for case_ in (files_become_entities_and_are_moved, a_file_that_grows_is_left_alone, what_cannot_be_used_is_told_and_kept,
              files_that_stay_are_taken_once, files_may_be_deleted, json_in_files, parquet_in_files, a_folder_may_come_later_and_go,
              feeds_of_the_api_read_no_files, settings_are_held_to_account, a_large_file_needs_little_memory,
              a_pause_repeats_nothing, moments_are_stored_once, nothing_is_lost_when_it_is_killed):
    tap.case(case_)
shutil.rmtree(work)
sys.exit(tap.done())
