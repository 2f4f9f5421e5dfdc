#!/usr/bin/env python3
"""Looks at the code without running it: layout, style, cppcheck, clang-tidy, the types of the console's JavaScript. Exit
code 1 when any finds something.

Usage: lint.py [--format]      With --format it lays the code out by .clang-format instead.

clang-tidy and cppcheck read the compile commands of build-clang, which is configured here when it is not there yet;
files that the build makes are made. clang-tidy says what clang itself warns of too, so that everything is seen by a
second compiler.
"""
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = "build-clang"
JOBS = str(os.cpu_count() or 1)
CPPCHECK = ["cppcheck", "--quiet", "--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1",
            "--library=posix", "--library=gnu", "--suppressions-list=tools/cppcheck.txt", "-j", JOBS,
            f"--cppcheck-build-dir={FOLDER}/cppcheck", f"--project={FOLDER}/compile_commands.json", f"-i{FOLDER}"]


SHORT_WAYS = [f"-extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=75000")]


def our_files(endings):
    found = []
    for top in ("src", "tests", "bench"):
        for folder, _, names in os.walk(top):
            found += [os.path.join(folder, name) for name in names if name.endswith(endings)]
    return sorted(found)


def prepare():
    """Configures the folder whose compile commands are read, and makes the files that are made."""
    if not os.path.exists(os.path.join(FOLDER, "build.ninja")):
        env = dict(os.environ, CC="clang-14", CXX="clang++-14")
        subprocess.run(["meson", "setup", FOLDER, "-Dbuildtype=release", "-Doptimization=0"], env=env, check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", FOLDER, "--quiet", "build.ninja"], check=True)
    rules = subprocess.run(["ninja", "-C", FOLDER, "-t", "targets", "all"], capture_output=True, text=True, check=True)
    made = [line.split(":")[0] for line in rules.stdout.splitlines() if ": CUSTOM_COMMAND" in line
            and line.split(":")[0].endswith((".c", ".h", ".inc"))]
    if made:
        subprocess.run(["ninja", "-C", FOLDER, "--quiet", *made], check=True)
    os.makedirs(os.path.join(FOLDER, "cppcheck"), exist_ok=True)


def tidy():
    """clang-tidy over our own files of the compile commands; files that the build makes are not ours to mend. Its static
    analyzer, nine tenths of the time, looks at what is shipped, and follows a third of the usual number of ways through
    a function, for half the time; tests and benches run under the sanitizers instead."""
    with open(os.path.join(FOLDER, "compile_commands.json"), encoding="utf-8") as file:
        paths = {os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT) for entry in json.load(file)}
    good = True
    for tops, more in ((("src/",), SHORT_WAYS), (("tests/", "bench/"), ["-checks=-clang-analyzer-*"])):
        ours = sorted(path for path in paths if path.startswith(tops))
        done = subprocess.run(["run-clang-tidy-14", "-quiet", "-j", JOBS, "-p", FOLDER, *more,
                               *[f"^{ROOT}/{path}$" for path in ours]], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            print("\n".join(line for line in done.stdout.splitlines() if not line.startswith("clang-tidy-14 ")))
        good = good and done.returncode == 0 and bool(ours)
    return good


def quiet(*command):
    return subprocess.run(command, check=False).returncode == 0


def main():
    os.chdir(ROOT)
    files = our_files((".c", ".h", ".cc"))
    if sys.argv[1:] == ["--format"]:
        sys.exit(0 if quiet("clang-format-14", "-i", *files) else 1)
    prepare()
    steps = [
        ("style", lambda: quiet("tools/check-style.py")),
        ("layout", lambda: quiet("clang-format-14", "--dry-run", "-Werror", *files)),
        ("cppcheck", lambda: quiet(*CPPCHECK)),
        ("clang-tidy", tidy),
        ("types of the console", lambda: quiet("node", "web/node_modules/typescript/bin/tsc", "-p", "web")),
    ]
    failed = []
    for name, step in steps:
        start = time.monotonic()
        good = step()
        print(f"lint: {name} {'clean' if good else 'FOUND SOMETHING'} ({time.monotonic() - start:.0f} s)", flush=True)
        failed += [] if good else [name]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
