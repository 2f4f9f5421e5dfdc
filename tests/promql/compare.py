#!/usr/bin/env python3
"""PromQL against Prometheus itself: the same samples, the same expressions, the same answers.

Usage: compare.py EVALUATE SCENARIO_FOLDER

Prometheus (Debian's) is started on loopback over a database of samples made here; every expression of expressions.txt
is asked of it and of our evaluator, at instants and over ranges. Answers must agree in type, labels, times and errors,
and in values to a few units in the last place (the two add in different orders, and have different logarithms).
Without prometheus and promtool the test is skipped, and says so.
"""
import json
import math
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, sys.argv[2])
from tap import Skip, Tap, check  # noqa: E402  (the folder is known only now)

START = 1609459200  # 2021-01-01T00:00:00Z
SECONDS = 2 * 3600
RELATIVE = 1e-11
HERE = os.path.dirname(os.path.abspath(__file__))
INSTANTS = [START + 3600, START + 4321.5, START + SECONDS - 7, START + SECONDS + 200, START + SECONDS + 400]
RANGES = [(START + 600, START + 3600, 120), (START + 1800.25, START + 2400, 37.5), (START + 6900, START + 7900, 60)]


def series():
    """{labels: [(seconds, value)]}: counters with resets, gauges with gaps, histograms, single samples."""
    dice = random.Random(4711)
    made = {}

    def add(name, points, **labels):
        key = tuple(sorted({"__name__": name, **labels}.items()))
        made[key] = [(round(when, 3), value) for when, value in points]

    for host in ("a", "b", "c"):
        for mode in ("idle", "user"):
            value, points = dice.randrange(100), []
            for i in range(SECONDS // 15):
                value = 0 if dice.random() < 0.01 else value + dice.randrange(30)
                points.append((START + i * 15 + dice.random(), value))
            add("requests_total", points, host=host, mode=mode)
    for n, host in enumerate(("a", "b", "c", "d")):
        points = [(START + i * 30 + n, round(20 + n + 5 * math.sin(i / 20) + dice.random(), 2))
                  for i in range(SECONDS // 30) if not (n == 1 and 60 < i < 90) and not (n == 2 and i > 150)]
        add("temperature", points, host=host, room="r%d" % (n % 2), unit="CEL")
        add("limit", [(START + i * 60, 20 + n) for i in range(SECONDS // 60)], host=host, kind="upper")
    add("limit", [(START + i * 60, 5) for i in range(SECONDS // 60)], host="a", kind="lower")
    for le, share in (("0.1", 1), ("0.5", 3), ("1", 7), ("+Inf", 10)):
        for job in ("x", "y"):
            add("latency_bucket", [(START + i * 60, i * share * (2 if job == "y" else 1))
                                   for i in range(SECONDS // 60)], le=le, job=job)
    add("once", [(START + 4000, 42)], host="a")
    add("steady", [(START + i * 60, 7) for i in range(SECONDS // 60)])
    add("signed", [(START + i * 45, ((-1) ** i) * i / 8) for i in range(SECONDS // 45)], host="a")
    add("tiny", [(START + i * 60, i * 1.5e-9) for i in range(SECONDS // 60)])
    add("huge", [(START + i * 60, i * 3.25e22) for i in range(SECONDS // 60)])
    add("when", [(START + i * 60, START + i * 86400 * 3.7) for i in range(SECONDS // 60)])
    return made


def write_samples(made, folder):
    """The samples for Prometheus and for our evaluator; each series in the order of its labels."""
    ours, theirs = os.path.join(folder, "samples.txt"), os.path.join(folder, "samples.om")
    with open(ours, "w", encoding="utf-8") as file:
        for key in sorted(made):
            text = ";".join(f"{name}={value}" for name, value in key)
            for when, value in made[key]:
                file.write(f"{text}\t{round(when * 1000)}\t{value!r}\n")
    with open(theirs, "w", encoding="utf-8") as file:
        for name in sorted({dict(key)["__name__"] for key in made}):
            file.write(f"# TYPE {name} unknown\n")
            for key in sorted(k for k in made if dict(k)["__name__"] == name):
                labels = ",".join(f'{n}="{v}"' for n, v in key if n != "__name__")
                for when, value in made[key]:
                    file.write(f"{name}{{{labels}}} {value!r} {when:.3f}\n")
        file.write("# EOF\n")
    return ours, theirs


class Prometheus:
    def __init__(self, folder, samples):
        data = os.path.join(folder, "data")
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("global: {evaluation_interval: 1m}\n")
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", samples, data], check=True,
                       stdout=subprocess.DEVNULL)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
                 "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self.ready():
            check(time.monotonic() < deadline and self.process.poll() is None, "prometheus does not start")
            time.sleep(0.05)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, **parameters):
        body = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", body, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def stop(self):
        self.process.kill()
        self.process.wait()


def near(a, b):
    if a == b:
        return True
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y) or math.isinf(x) or math.isinf(y):
        return a == b
    return abs(x - y) <= RELATIVE * max(abs(x), abs(y)) or abs(x - y) < 1e-300


def flat(data):
    """A result as {labels: [(time, value)]}, or its text."""
    if data["resultType"] in ("scalar", "string"):
        return {"": [tuple(data["result"])]}
    return {json.dumps(one["metric"], sort_keys=True): [tuple(p) for p in one.get("values", [one.get("value")])]
            for one in data["result"]}


def difference(ours, theirs, ordered):
    """What differs between two answers, or None."""
    if ours["status"] != theirs["status"]:
        return f"ours {json.dumps(ours)[:300]}, theirs {json.dumps(theirs)[:300]}"
    if ours["status"] == "error":
        return None
    ours, theirs = ours["data"], theirs["data"]
    if ours["resultType"] != theirs["resultType"]:
        return f"type {ours['resultType']} against {theirs['resultType']}"
    a, b = flat(ours), flat(theirs)
    if ordered and list(a) != list(b):
        return f"order {list(a)} against {list(b)}"
    if a.keys() != b.keys():
        return f"only ours {sorted(a.keys() - b.keys())[:4]}, only theirs {sorted(b.keys() - a.keys())[:4]}"
    for key, points in a.items():
        if [p[0] for p in points] != [p[0] for p in b[key]]:
            return f"times of {key}: {points[:3]}… ({len(points)}) against {b[key][:3]}… ({len(b[key])})"
        for (when, x), (_, y) in zip(points, b[key]):
            if not near(x, y) and ours["resultType"] != "string":
                return f"{key} at {when}: {x} against {y}"
    return None


def expressions():
    with open(os.path.join(HERE, "expressions.txt"), encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line.strip() and not line.startswith("##")]


def main():
    tap = Tap()
    context = {}

    def prometheus_has_the_samples():
        if not shutil.which("prometheus") or not shutil.which("promtool"):
            raise Skip("prometheus and promtool are not installed: NOTHING was compared")
        folder = context["folder"] = tempfile.mkdtemp(prefix="machi-promql-")
        ours, theirs = write_samples(series(), folder)
        context["samples"] = ours
        context["peer"] = Prometheus(folder, theirs)

    def ours(lines):
        done = subprocess.run([sys.argv[1], context["samples"]], input="\n".join(lines) + "\n", check=True, text=True,
                              stdout=subprocess.PIPE)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def compare(what, lines, ask):
        if "peer" not in context:
            raise Skip("there is no Prometheus: NOTHING was compared")
        wrong = 0
        for (text, line), answer in zip(lines, ours([line for _, line in lines])):
            theirs = ask(text, line)
            fault = difference(answer, theirs, what == "instants" and text.startswith(("sort", "topk", "bottomk")))
            if fault:
                wrong += 1
                print(f"# {text} [{line.rsplit(chr(9), 1)[0]}]: {fault}")
        print(f"# {len(lines)} {what} compared")
        check(wrong == 0, wrong, "of", len(lines), "answers differ")

    def instants():
        compare("instants", [(e, f"{round(t * 1000)}\t{e}") for e in expressions() for t in INSTANTS],
                lambda text, line: context["peer"].ask("query", query=text, time=int(line.split("\t")[0]) / 1000))

    def ranges():
        def ask(text, line):
            start, end, step = (int(part) / 1000 for part in line.split("\t")[:3])
            return context["peer"].ask("query_range", query=text, start=start, end=end, step=step)
        compare("ranges", [(e, f"{round(s * 1000)}\t{round(t * 1000)}\t{round(d * 1000)}\t{e}")
                           for e in expressions() for s, t, d in RANGES], ask)

    try:
        tap.case(prometheus_has_the_samples)
        tap.case(instants)
        tap.case(ranges)
    finally:
        if "peer" in context:
            context["peer"].stop()
        if "folder" in context:
            shutil.rmtree(context["folder"], ignore_errors=True)
    sys.exit(tap.done())


if __name__ == "__main__":
    main()
