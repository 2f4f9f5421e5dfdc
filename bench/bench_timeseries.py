#!/usr/bin/env python3
"""History of smart meters: ours beside PostgreSQL, SQLite, VictoriaMetrics and InfluxDB, all in the same run.

Usage: bench_timeseries.py MACHI PEER [SIDE …]: all sides, or those named (ours bulk bulk-series victoria influx
postgres postgres-plain sqlite-points sqlite-rows).

Input (meters.h): 2,000 meters, 1,440 minutes, four fields with realistic decimals, minute by minute as a collector
sends them; for the long question one more meter with a year of minutes. Each side starts on an empty folder, on
loopback, with its own safety settings, and is fed once a round; rounds are interleaved.

What is measured: points a second of processor time of the server and all its children (user and system, until it has
answered and flushed; what feeds it is not counted, except where the database is a library); bytes on disk a point once
the side has settled (what that means stands at each); one series and one day out as JSON; hourly means of one series
over a year of minutes.
"""
import http.client
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
from script import free_port, note, say

HERE = pathlib.Path(__file__).resolve().parent
METERS = 2000
MINUTES = 1440
FIELDS = 4
POINTS = METERS * MINUTES * FIELDS
START = 1705276800  # 2024-01-15T00:00:00Z, as in meters.h
YEAR_METER = 9000
YEAR_MINUTES = 365 * 1440
YEAR_START = 1672531200  # 2023-01-01T00:00:00Z
DAY_SLICE = (0, METERS, MINUTES, START)
YEAR_SLICE = (YEAR_METER, 1, YEAR_MINUTES, YEAR_START)
LINES_A_BODY = 10_000
ROUNDS = 2
ASK_SECONDS = 3
START_SECONDS_MAX = 60
SETTLE_SECONDS_MAX = 60
SETTLE_SECONDS = 5  # without a change of size: settled
HOUR_BYTES = 20  # the least that an hour's mean takes in any of the formats
MINUTE_BYTES = 10

WHAT = f"{METERS} meters, {MINUTES} minutes, {FIELDS} fields"
INGEST = f"ingest, {WHAT}: points a processor second"
SIZE = f"size on disk, {WHAT}"
DAY = "one series, one day of minutes, JSON out, p50"
DAY_NORMALIZED = "the same, NGSI-LD normalized, p50"
PACKED = f"ingest and packing to the final size, {WHAT}: points a processor second"
YEAR = "one series, hourly means of a year of minutes, p50"
YEAR_ROLLED = "the same with the rule keep=forever rollup=PT1H:forever, p50"


def fail(text):
    sys.exit(f"bench_timeseries: {text}")


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def disk_bytes(*folders):
    """What the files in the folders take, in blocks; files that go away meanwhile count nothing."""
    total = 0
    for folder in folders:
        for top, _, names in os.walk(folder):
            for name in names:
                try:
                    total += os.lstat(os.path.join(top, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
    return total


def processor_seconds(pid):
    """User and system time of a process, of the children that it has waited for, and so on for those that live."""
    parents, times = {}, {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
        times[int(folder.name)] = sum(map(int, fields[11:15]))
    wanted, total = [pid], 0
    while wanted:
        one = wanted.pop()
        total += times.get(one, 0)
        wanted += parents.get(one, [])
    return total / os.sysconf("SC_CLK_TCK")


class Peer:
    """bench_timeseries_peer, which makes the input."""

    program = ""

    @classmethod
    def arguments(cls, verb, data, *rest):
        return [cls.program, verb, *map(str, data), *map(str, rest)]

    @classmethod
    def text(cls, verb, data, *rest):
        return subprocess.run(cls.arguments(verb, data, *rest), capture_output=True, text=True, check=True).stdout

    @classmethod
    def bodies(cls, data, prefix):
        process = subprocess.Popen(cls.arguments("lines", data, prefix, LINES_A_BODY), stdout=subprocess.PIPE)
        for line in process.stdout:
            yield process.stdout.read(int(line))
        if process.wait() != 0:
            fail("the input could not be made")


class Side:
    """One database on an empty folder. A round is start, fill, stop; the last one also answers questions."""

    name = ""
    user = None
    slow = False  # takes minutes: takes part in the last round only

    def __init__(self, folder):
        self.folder, self.process = folder, None

    @classmethod
    def missing(cls):
        """What has to be installed first, or None."""
        return None

    def start(self):
        pass

    def fill(self):
        """Feeds the day and returns the processor seconds it took."""
        raise NotImplementedError

    def settle(self):
        """Waits until nothing changes any more; returns bytes on disk."""
        last, since, begin = self.size(), time.monotonic(), time.monotonic()
        while time.monotonic() - since < SETTLE_SECONDS and time.monotonic() - begin < SETTLE_SECONDS_MAX:
            time.sleep(0.5)
            size = self.size()
            if size != last:
                last, since = size, time.monotonic()
        return last

    def size(self):
        return disk_bytes(self.folder)

    def add_year(self):
        pass

    def settle_seconds(self):
        """Processor seconds that settle() took beside those of fill(), or None where it is not told apart."""
        return None

    def ask_day_normalized(self):
        """Median milliseconds, or None for who has no such form."""
        return None

    def ask_year_rolled(self):
        return None

    def ask_day(self):
        """Median milliseconds."""
        raise NotImplementedError

    def ask_year(self):
        raise NotImplementedError

    def spawn(self, *command, env=None, user=None):
        # Its words go into a file: a server that fails says there why.
        log = open(f"{self.folder}.log", "ab")
        self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        env=env, user=user, cwd=self.folder if user is None else "/",
                                        extra_groups=[] if user else None)
        log.close()

    def until(self, ready):
        begin = time.monotonic()
        while time.monotonic() - begin < START_SECONDS_MAX:
            try:
                if ready():
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        words = pathlib.Path(f"{self.folder}.log").read_text(encoding="utf-8", errors="replace")[-2000:]
        fail(f"{self.name} did not start:\n{words}")

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(START_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class HttpSide(Side):
    port = 0
    write_path = ""
    prefix = "m"
    connection = None

    def ask(self, method, path, body=None):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            self.connection.request(method, path, body)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            raise
        if answer.status >= 300:
            fail(f"{self.name}: {method} {path} was answered {answer.status}: {text[:300]}")
        return text

    def up(self, path):
        self.until(lambda: self.ask("GET", path) is not None)

    def send(self, data):
        for body in Peer.bodies(data, self.prefix):
            self.ask("POST", self.write_path, body)

    def flush(self):
        pass

    def fill(self):
        begin = processor_seconds(self.process.pid)
        self.send(DAY_SLICE)
        self.flush()
        return processor_seconds(self.process.pid) - begin

    def add_year(self):
        self.send(YEAR_SLICE)
        self.flush()

    def wrk(self, path, first, meters, least_bytes):
        done = subprocess.run(["wrk", "-t1", "-c1", f"-d{ASK_SECONDS}s", "--timeout", "60s", "-s",
                               HERE / "bench_timeseries.lua", f"http://127.0.0.1:{self.port}", "--", path, str(first),
                               str(meters), str(least_bytes), "1"], capture_output=True, text=True, check=True)
        p50, _, requests, errors = re.search(r"figures (\S+) (\S+) (\S+) (\S+)", done.stdout).groups()
        if int(errors) or not int(requests):
            fail(f"{self.name}: {errors} of {requests} answers to {path} were errors or too short")
        return float(p50)

    def stop(self):
        if self.connection:
            self.connection.close()
            self.connection = None
        super().stop()


class Victoria(HttpSide):
    """A write is answered before it is on disk; the figure ends with its forced flush. Settled: merged; without its
    cache."""

    name = "VictoriaMetrics, line protocol"
    write_path = "/write?precision=s"

    @classmethod
    def missing(cls):
        return None if shutil.which("victoria-metrics") else "victoria-metrics"

    def start(self):
        self.port = free_port()
        self.spawn("victoria-metrics", f"-storageDataPath={self.folder}/data", "-retentionPeriod=100y",
                   f"-httpListenAddr=127.0.0.1:{self.port}", "-loggerLevel=ERROR")
        self.up("/health")

    def flush(self):
        self.ask("GET", "/internal/force_flush")

    def settle(self):
        self.ask("GET", "/internal/force_merge")
        super().settle()
        self.ask("GET", "/internal/force_merge")  # of what came into being meanwhile
        return super().settle()

    def size(self):
        return disk_bytes(*(f"{self.folder}/data/{name}" for name in ("data", "indexdb", "metadata")))

    def ask_day(self):
        query = urllib.parse.urlencode({"match[]": "SmartMeter_power{id=\"mMETER\"}", "start": START,
                                        "end": START + MINUTES * 60})
        return self.wrk(f"/api/v1/export?{query}", 0, METERS, MINUTES * MINUTE_BYTES)

    def ask_year(self):
        query = urllib.parse.urlencode({"query": "avg_over_time(SmartMeter_power{id=\"mMETER\"}[1h])", "nocache": 1,
                                        "start": YEAR_START + 3600, "end": YEAR_START + YEAR_MINUTES * 60,
                                        "step": 3600})
        return self.wrk(f"/api/v1/query_range?{query}", YEAR_METER, 1, YEAR_MINUTES // 60 * HOUR_BYTES)


INFLUX_CONFIG = """reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
cache-snapshot-write-cold-duration = "2s"
compact-full-write-cold-duration = "4s"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
[logging]
level = "error"
"""


class Influx(HttpSide):
    """Syncs its log with every write. Settled: log compacted into its files, which it does when no more writes come."""

    name = "InfluxDB, line protocol"
    write_path = "/write?db=meters&precision=s"

    @classmethod
    def missing(cls):
        return None if shutil.which("influxd") else "influxdb"

    def start(self):
        self.port = free_port()
        config = pathlib.Path(f"{self.folder}/influxdb.conf")
        config.write_text(INFLUX_CONFIG.format(folder=self.folder, port=self.port, rpc=free_port()), encoding="ascii")
        self.spawn("influxd", "-config", config)
        self.up("/ping")
        self.ask("POST", "/query?" + urllib.parse.urlencode({"q": "CREATE DATABASE meters"}))

    def settle(self):
        begin = time.monotonic()
        while disk_bytes(f"{self.folder}/wal") > 1 << 20 and time.monotonic() - begin < SETTLE_SECONDS_MAX:
            time.sleep(0.5)
        time.sleep(SETTLE_SECONDS)
        return super().settle()

    def query(self, select, first_s, minutes):
        where = f"id = 'mMETER' AND time >= {first_s}s AND time < {first_s + minutes * 60}s"
        return "/query?" + urllib.parse.urlencode({"db": "meters", "epoch": "s", "q": select.format(where=where)})

    def ask_day(self):
        return self.wrk(self.query("SELECT power FROM SmartMeter WHERE {where}", START, MINUTES), 0, METERS,
                        MINUTES * MINUTE_BYTES)

    def ask_year(self):
        return self.wrk(self.query("SELECT mean(power) FROM SmartMeter WHERE {where} GROUP BY time(1h)", YEAR_START,
                                   YEAR_MINUTES), YEAR_METER, 1, YEAR_MINUTES // 60 * HOUR_BYTES)


class Machi(HttpSide):
    """Durable before answered. Settled: packed by `machi pack`; the size is that of the whole folder."""

    name = "ours, line protocol"
    write_path = "/api/v1/write?precision=s"
    prefix = "urn:ngsi-ld:SmartMeter:m"
    program = ""
    packing_seconds = None
    temporal = "/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:SmartMeter:mMETER?attrs=power&timerel=between"

    def start(self):
        self.port = free_port()
        self.spawn(self.program, "serve", "--open", "--data", f"{self.folder}/city", "--listen", f"127.0.0.1:{self.port}")
        self.up("/ready")

    @classmethod
    def missing(cls):
        """An older build has no such endpoint."""
        text = subprocess.run([cls.program, "help"], capture_output=True, text=True, check=True).stdout
        return None if re.search(r"^\s+pack\b", text, re.MULTILINE) else "a machi with time series"

    def settle(self):
        self.stop()
        self.packing_seconds = self.pack()
        said = subprocess.run([self.program, "stats", "--data", f"{self.folder}/city"], capture_output=True, text=True,
                              check=True).stdout
        note("machi stats says: " + " ".join(said.split()))
        size = self.size()
        self.start()
        return size

    def pack(self, *options):
        """Processor seconds that it takes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([self.program, "pack", "--data", f"{self.folder}/city", *options], check=True,
                       stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def settle_seconds(self):
        return self.packing_seconds

    def add_year(self):
        super().add_year()
        self.repack()

    def repack(self, *options):
        """What the daemon does by itself some seconds later."""
        self.stop()
        self.pack(*options)
        self.start()

    def ask_year_rolled(self):
        """Hours written beside the minutes, as the daemon does by itself where a rule says so."""
        rules = pathlib.Path(self.folder) / "rules.yaml"
        rules.write_text("history:\n  rules: [keep=forever rollup=PT1H:forever]\n")
        self.repack("--config", str(rules))
        return self.ask_year()

    def between(self, start, minutes):
        return f"{self.temporal}&timeAt={utc(start)}&endTimeAt={utc(start + minutes * 60)}"

    def ask_day(self):
        return self.wrk(self.between(START, MINUTES) + f"&format=temporalValues&lastN={MINUTES}", 0, METERS,
                        MINUTES * MINUTE_BYTES)

    def ask_day_normalized(self):
        return self.wrk(self.between(START, MINUTES) + f"&lastN={MINUTES}", 0, METERS, MINUTES * MINUTE_BYTES)

    def ask_year(self):
        return self.wrk(self.between(YEAR_START, YEAR_MINUTES) +
                        "&format=aggregatedValues&aggrMethods=avg&aggrPeriodDuration=PT1H", YEAR_METER, 1,
                        YEAR_MINUTES // 60 * HOUR_BYTES)


class Bulk(Machi):
    """In the process that has the values, by the store's bulk way; then the daemon answers."""

    name = "ours, in-process bulk, moment by moment"
    verb = "bulk-moments"

    def ask_year_rolled(self):
        return None

    def start(self):
        pass

    def bulk(self, data, name, verb):
        os.makedirs(f"{self.folder}/city", exist_ok=True)
        points, seconds = Peer.text(verb, data, self.prefix, f"{self.folder}/city/{name}").split()
        if int(points) != data[1] * data[2] * FIELDS:
            fail(f"{self.name}: {points} points came")
        return float(seconds)

    def fill(self):
        return self.bulk(DAY_SLICE, "machi.db", self.verb)

    def settle(self):
        size = super().settle()
        super().stop()
        return size

    def add_year(self):
        # One meter by moments would be a commit for every quarter of an hour.
        self.bulk(YEAR_SLICE, "machi.db", "bulk-series")
        self.pack()
        super().start()


class BulkSeries(Bulk):
    name = "ours, in-process bulk, series by series"
    verb = "bulk-series"


class Library(Side):
    """A database inside the program that fills it; what it takes is measured inside, input made beforehand."""

    layout = ""

    def file(self):
        return f"{self.folder}/points.db"

    def fill(self):
        points, seconds = Peer.text(self.layout, DAY_SLICE, self.file()).split()
        if int(points) != POINTS:
            fail(f"{self.name}: {points} points came, not {POINTS}")
        return float(seconds)

    def settle(self):
        return self.size()

    def add_year(self):
        Peer.text(f"{self.layout}-add", YEAR_SLICE, self.file())

    def ask_day(self):
        return float(Peer.text(f"{self.layout}-day", DAY_SLICE, self.file()))

    def ask_year(self):
        return float(Peer.text(f"{self.layout}-hours", YEAR_SLICE, self.file()))


class SqlitePoints(Library):
    name = "SQLite, a row a point"
    layout = "sqlite-points"
    slow = True


class SqliteRows(Library):
    name = "SQLite, a row a meter and minute"
    layout = "sqlite-rows"


POSTGRES_TABLE = """CREATE TABLE reading(at timestamptz NOT NULL, meter integer NOT NULL, power double precision,
voltage double precision, energy double precision, factor double precision{key})"""
POSTGRES_DAY = """\\set meter random(0, {last})
SELECT json_agg(json_build_array(at, power) ORDER BY at) FROM reading WHERE meter = :meter
AND at >= to_timestamp({start}) AND at < to_timestamp({end});
"""
POSTGRES_YEAR = """SELECT json_agg(json_build_array(hour, mean) ORDER BY hour) FROM (SELECT date_trunc('hour', at)
AS hour, avg(power) AS mean FROM reading WHERE meter = {meter}
AND at >= to_timestamp({start}) AND at < to_timestamp({end})
GROUP BY 1) hours;
"""


class Postgres(Side):
    """As Debian configures it (fsync and synchronous_commit on). Size: the table with its index; without log and
    catalog."""

    name = "PostgreSQL, COPY of text, indexed"
    verb = "copy"
    form = "text"
    key = ", PRIMARY KEY (meter, at)"

    @staticmethod
    def tool(name):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        return str(found[-1]) if found else shutil.which(name)

    @classmethod
    def missing(cls):
        return None if all(map(cls.tool, ("initdb", "postgres", "pgbench", "psql"))) else "postgresql-15"

    def start(self):
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        subprocess.run([self.tool("initdb"), "-D", f"{self.folder}/data", "-U", "bench", "-A", "trust", "-E", "UTF8",
                        "--no-instructions"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       user=self.user, cwd="/", extra_groups=[] if self.user else None)
        self.port = free_port()
        self.spawn(self.tool("postgres"), "-D", f"{self.folder}/data", "-p", self.port, "-c", "listen_addresses=",
                   "-k", self.folder, user=self.user)
        self.until(lambda: subprocess.run(self.psql("SELECT 1"), capture_output=True, check=False).returncode == 0)
        self.sql(POSTGRES_TABLE.format(key=self.key))

    def psql(self, query):
        return [self.tool("psql"), "-h", self.folder, "-p", str(self.port), "-U", "bench", "-d", "postgres", "-qAt",
                "-v", "ON_ERROR_STOP=1", "-c", query]

    def sql(self, query):
        return subprocess.run(self.psql(query), capture_output=True, text=True, check=True).stdout.strip()

    def copy(self, data):
        source = subprocess.Popen(Peer.arguments(self.verb, data), stdout=subprocess.PIPE)
        subprocess.run(self.psql(f"COPY reading FROM STDIN (FORMAT {self.form})"), stdin=source.stdout, check=True)
        source.stdout.close()
        if source.wait() != 0:
            fail("the input could not be made")

    def fill(self):
        begin = processor_seconds(self.process.pid)
        self.copy(DAY_SLICE)
        self.sql("CHECKPOINT")
        took = processor_seconds(self.process.pid) - begin
        if int(self.sql("SELECT count(*) FROM reading")) != METERS * MINUTES:
            fail(f"{self.name}: not all rows came")
        return took

    def settle(self):
        self.sql("VACUUM ANALYZE reading")
        self.sql("CHECKPOINT")
        return int(self.sql("SELECT pg_total_relation_size('reading')"))

    def add_year(self):
        self.copy(YEAR_SLICE)
        self.sql("VACUUM ANALYZE reading")

    def bench(self, script):
        path = pathlib.Path(f"{self.folder}.sql")
        path.write_text(script, encoding="ascii")
        prefix = f"{self.folder}.times"
        subprocess.run([self.tool("pgbench"), "-n", "-c1", f"-T{ASK_SECONDS}", "-M", "prepared", "-f", path, "-l",
                        f"--log-prefix={prefix}", "-h", self.folder, "-p", str(self.port), "-U", "bench", "postgres"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # client, transaction, time in microseconds, …
        lines = [line for path in pathlib.Path(self.folder).parent.glob(f"{pathlib.Path(prefix).name}.*")
                 for line in path.read_text(encoding="ascii").splitlines()]
        for path in pathlib.Path(self.folder).parent.glob(f"{pathlib.Path(prefix).name}.*"):
            path.unlink()
        return statistics.median(int(line.split()[2]) for line in lines) / 1000

    def ask_day(self):
        return self.bench(POSTGRES_DAY.format(last=METERS - 1, start=START, end=START + MINUTES * 60))

    def ask_year(self):
        return self.bench(POSTGRES_YEAR.format(meter=YEAR_METER, start=YEAR_START, end=YEAR_START + YEAR_MINUTES * 60))


class PostgresPlain(Postgres):
    """The fastest way in, which then has to read the whole table for every question."""

    name = "PostgreSQL, COPY of binary, no index"
    verb = "copy-binary"
    form = "binary"
    key = ""


SIDES = {
    "ours": Machi, "bulk": Bulk, "bulk-series": BulkSeries, "victoria": Victoria, "influx": Influx, "postgres": Postgres, "postgres-plain": PostgresPlain,
    "sqlite-points": SqlitePoints, "sqlite-rows": SqliteRows,
}


def say_entropy():
    best = []
    for line in Peer.text("entropy", DAY_SLICE).splitlines():
        field, of_previous, of_line = line.split()
        best.append(min(float(of_previous), float(of_line)))
        note(f"{field}: residuals have {of_previous} bytes a point when predicted by the value before, {of_line} by "
             "the line through the two before")
    say(SIZE, "limit: zero-order entropy of the best residuals", [statistics.mean(best)], "bytes a point")


def run_round(kind, folder, last, figures):
    os.mkdir(folder, 0o755)
    side = kind(folder)
    try:
        side.start()
        figures.setdefault(INGEST, []).append(POINTS / side.fill())
        if last:
            figures[SIZE] = [side.settle() / POINTS]
            if side.settle_seconds() is not None:
                figures[PACKED] = [POINTS / (POINTS / figures[INGEST][-1] + side.settle_seconds())]
            side.add_year()
            figures[DAY] = [side.ask_day()]
            figures[YEAR] = [side.ask_year()]
            normalized = side.ask_day_normalized()
            if normalized is not None:
                figures[DAY_NORMALIZED] = [normalized]
            rolled = side.ask_year_rolled()
            if rolled is not None:
                figures[YEAR_ROLLED] = [rolled]
    finally:
        side.stop()
        shutil.rmtree(folder)


def main():
    if len(sys.argv) < 3 or not set(sys.argv[3:]) <= set(SIDES):
        sys.exit(__doc__)
    Machi.program, Peer.program = map(os.path.abspath, sys.argv[1:3])
    sides = []
    for key in sys.argv[3:] or SIDES:
        lacking = SIDES[key].missing()
        if lacking:
            note(f"LEFT OUT: {SIDES[key].name}, because {lacking} is not installed (apt-get install {lacking})")
        else:
            sides.append(key)
    note("not in Debian 12, so not beside us: ClickHouse, TimescaleDB")
    say_entropy()
    folder = tempfile.mkdtemp(prefix="machi-bench-timeseries-")
    os.chmod(folder, 0o755)  # PostgreSQL's own user goes through it
    figures = {key: {} for key in sides}
    try:
        for number in range(ROUNDS):
            last = number == ROUNDS - 1
            for key in sides if number % 2 == 0 else reversed(sides):
                if last or not SIDES[key].slow:
                    run_round(SIDES[key], f"{folder}/{key}-{number}", last, figures[key])
    finally:
        shutil.rmtree(folder)
    units = {INGEST: "points/s", PACKED: "points/s", SIZE: "bytes a point", DAY: "ms", DAY_NORMALIZED: "ms", YEAR: "ms",
             YEAR_ROLLED: "ms"}
    for what, unit in units.items():
        for key in sides:
            if what in figures[key]:
                say(what, SIDES[key].name, figures[key][what], unit)


if __name__ == "__main__":
    main()
