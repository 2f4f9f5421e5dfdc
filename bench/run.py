#!/usr/bin/env python3
"""Runs the benches that bench/meson.build registers and prints their figures as one table.

Usage: run.py BUILD_FOLDER [NAME_PART]: all benches, or those whose name contains NAME_PART.

A bench prints lines of fields split by tabs and this program reads them: "result", what, side, median, lowest, highest,
unit; and "note", text. Everything else it prints is passed on as it is. Exit code 1 when a bench fails or prints no
figure: a bench that does not measure must not look like one that does.
"""
import json
import os
import subprocess
import sys


def output_of(*command):
    """The first line of a command's output, or "unknown" when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip().split("\n")[0] or "unknown"


def processor():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("model name", "Model")):
                return line.split(":", 1)[1].strip()
    return "unknown processor"


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def commit():
    changed = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    mark = " with local changes" if changed.stdout.strip() else ""
    return output_of("git", "rev-parse", "--short=12", "HEAD") + mark


def build_type(folder):
    options = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", folder], capture_output=True,
                                        text=True, check=True).stdout)
    return next(option["value"] for option in options if option["name"] == "buildtype")


def header(folder):
    print(f"machine: {processor()}, {os.cpu_count()} processors, {memory_gib():.1f} GiB")
    print(f"system:  {output_of('uname', '-sr')}, {output_of('gcc', '--version')}")
    print(f"commit:  {commit()}, {build_type(folder)} build")


def registered(folder):
    text = subprocess.run(["meson", "introspect", "--benchmarks", folder], capture_output=True, text=True, check=True)
    return json.loads(text.stdout)


def run_one(bench):
    """Runs a bench and returns its rows and whether it ended well."""
    rows = []
    env = dict(os.environ, **bench["env"])
    process = subprocess.Popen(bench["cmd"], stdout=subprocess.PIPE, text=True, env=env, cwd=bench["workdir"])
    for line in process.stdout:
        fields = line.rstrip("\n").split("\t")
        if fields[0] == "result" and len(fields) == 7:
            rows.append(fields[1:])
        elif fields[0] == "note" and len(fields) == 2:
            print("  " + fields[1], flush=True)
        else:
            print("  | " + line.rstrip("\n"), flush=True)
    return rows, process.wait() == 0


def number(text):
    value = float(text)
    if value != 0 and abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def print_rows(rows):
    table = [[what, side, number(median), f"{number(low)} – {number(high)}", unit]
             for what, side, median, low, high, unit in rows]
    widths = [max(len(row[i]) for row in table) for i in range(5)]
    for i, row in enumerate(table):
        what = row[0] if i == 0 or table[i - 1][0] != row[0] else ""
        print(f"  {what:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}} {row[4]:<{widths[4]}}"
              f"  ({row[3]})")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder, part = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else ""
    chosen = [bench for bench in registered(folder) if part in bench["name"]]
    header(folder)
    failed = []
    for bench in chosen:
        print(f"\n{bench['name']}", flush=True)
        rows, good = run_one(bench)
        if rows:
            print_rows(rows)
        if not good or not rows:
            print(f"  FAILED: {bench['name']} " + ("printed no figure" if good else "ended with an error"))
            failed.append(bench["name"])
    if not chosen:
        print(f"no bench has \"{part}\" in its name")
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
