#!/usr/bin/env python3
"""Runs every test of Machi and says at the end "N passed, N failed, N skipped".

Three builds are made as far as they are not up to date, then their tests run:
  build-test   gcc with AddressSanitizer and UndefinedBehaviorSanitizer: units, faults, HTTP, scenarios, fuzz corpora
  build-tsan   gcc with ThreadSanitizer: the tests of threads
  build        gcc, release, as `make build` makes it: the house's checks of its rooms, and the console in a browser

Usage: test.py [NAME…]: all, or only the tests so named (of build-test). What is counted are the cases that a test
program reports (TAP lines), or the program itself where it reports none.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GCC = {"CC": "gcc", "CXX": "g++"}
# folder, compilers, options of meson setup, whether all targets are built or only the tests', which tests
BUILDS = [
    ("build-test", GCC, ["-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined"], True,
     ["--no-suite", "house", "--no-suite", "web"]),
    ("build-tsan", GCC, ["-Dbuildtype=debugoptimized", "-Db_sanitize=thread"], False, ["--suite", "tsan"]),
    ("build", GCC, ["-Dbuildtype=release"], True, ["--suite", "house", "--suite", "web"]),
]
SUPPRESSIONS = os.path.join(ROOT, "tests", "suppressions")
SANITIZERS = {
    "ASAN_OPTIONS": "halt_on_error=1:abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:"
                    "strict_string_checks=1:check_initialization_order=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:second_deadlock_stack=1:history_size=4",
}
CASES_SHOWN, LINES_SHOWN = 10, 12
CASE = re.compile(r"^(not )?ok\b(.*)$", re.MULTILINE)


def calm_address_space():
    """Starts this program again without address randomisation, where that is allowed: gcc 12's sanitizers cannot place
    their shadow memory on kernels that randomise more than 28 bits."""
    if os.environ.get("MACHI_TEST_CALM") or not shutil.which("setarch"):
        return
    os.environ["MACHI_TEST_CALM"] = "1"
    if subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False).returncode == 0:
        os.execvp("setarch", ["setarch", "-R", sys.executable, *sys.argv])


def environment(compilers):
    env = dict(os.environ, **compilers)
    for name, options in SANITIZERS.items():
        suppressions = os.path.join(SUPPRESSIONS, name.split("_")[0].lower() + ".txt")
        if os.path.exists(suppressions):
            options += ":suppressions=" + suppressions
        env.setdefault(name, options)
    return env


def say(text):
    print(text, flush=True)


def compile_folder(folder, env, options, everything):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        setup = subprocess.run(["meson", "setup", folder, *options], env=env, check=False, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if setup.returncode != 0:
            say(setup.stdout)
        setup.check_returncode()
    if everything:
        subprocess.run(["ninja", "-C", folder, "--quiet"], env=env, check=True)


def run_tests(folder, env, names):
    """Runs the folder's tests; returns the records of Meson's log."""
    log = os.path.join(folder, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    # One more than processors: many tests wait for time to pass, or for a peer.
    jobs = str((os.cpu_count() or 1) + 1)
    command = ["meson", "test", "-C", folder, "--print-errorlogs", "--num-processes", jobs, *names]
    code = subprocess.run(command, env=env, check=False).returncode
    records = []
    if os.path.exists(log):
        with open(log, encoding="utf-8") as file:
            records = [json.loads(line) for line in file if line.strip()]
    if code != 0 and all(record["result"] in ("OK", "SKIP") for record in records):
        records.append({"name": f"{folder} (meson test ended with {code})", "result": "ERROR", "stdout": ""})
    return records


def count(record):
    """(passed, failed, skipped) of one test program."""
    cases = CASE.findall(record.get("stdout") or "")
    bad = sum(1 for negation, _ in cases if negation)
    skipped = sum(1 for negation, rest in cases if not negation and re.search(r"#\s*skip", rest, re.IGNORECASE))
    good = len(cases) - bad - skipped
    if record["result"] in ("OK", "EXPECTEDFAIL"):
        return (good if cases else 1, 0, skipped)
    if record["result"] == "SKIP":
        return (0, 0, max(1, skipped))
    return (good, max(1, bad), skipped)


def skipped_cases(record):
    for negation, rest in CASE.findall(record.get("stdout") or ""):
        if not negation and re.search(r"#\s*skip", rest, re.IGNORECASE):
            yield f"{record['name']}:{rest}"
    if record["result"] == "SKIP":
        yield record["name"]


def failed_cases(record):
    """What failed, with the end of what the program said: the last lines of a run are the ones that get read."""
    if record["result"] in ("OK", "EXPECTEDFAIL", "SKIP"):
        return
    cases = [rest.strip() for negation, rest in CASE.findall(record.get("stdout") or "") if negation]
    yield f"FAILED: {record['name']} ({record['result']}, exit {record.get('returncode')})"
    for case in cases[:CASES_SHOWN]:
        yield f"    not ok{' ' if case else ''}{case}"
    said = (record.get("stdout") or "").splitlines()[-LINES_SHOWN:] + (record.get("stderr") or "").splitlines()[-LINES_SHOWN:]
    for line in said:
        yield "    | " + line[:200]


def main():
    calm_address_space()
    os.chdir(ROOT)
    names = sys.argv[1:]
    totals, skipped, failed = [0, 0, 0], [], []
    for folder, compilers, options, everything, chosen in BUILDS[:1] if names else BUILDS:
        start = time.monotonic()
        env = environment(compilers)
        say(f"== {folder}: building")
        try:
            compile_folder(folder, env, options, everything)
        except subprocess.CalledProcessError as error:
            say(f"== {folder}: {' '.join(error.cmd)} failed")
            totals[1] += 1
            failed.append(f"FAILED: {folder} does not build")
            continue
        say(f"== {folder}: built after {time.monotonic() - start:.0f} s")
        for record in run_tests(folder, env, names or chosen):
            totals = [total + one for total, one in zip(totals, count(record))]
            skipped += skipped_cases(record)
            failed += failed_cases(record)
        say(f"== {folder}: tested after {time.monotonic() - start:.0f} s")
    for case in skipped:
        say(f"SKIPPED: {case}")
    for line in failed:
        say(line)
    say(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    sys.exit(1 if totals[1] or totals[0] == 0 else 0)


if __name__ == "__main__":
    main()
