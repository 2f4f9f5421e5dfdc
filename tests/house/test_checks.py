#!/usr/bin/env python3
"""The checks of the house catch what they are for: small rooms that break one rule each, made in a scratch folder.

Usage: test_checks.py C_COMPILER. Prints TAP. Method: every sample is first run without its fault, which must pass.
"""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = os.path.join(ROOT, "tools", "check-rooms.py")
STYLE = os.path.join(ROOT, "tools", "check-style.py")
DEPS = "pure low:\npure pure: low\nimpure: low\nhigh: low impure\n"
GOOD = {
    "low/low.h": "int low(int x);\n",
    "low/low.c": '/* Low. */\n#include "low/low.h"\nint low(int x) { return x + 1; }\n',
    "pure/pure.h": "int pure(int x);\n",
    "pure/pure_int.h": "int inner(int x);\n",
    "pure/pure.c": '/* Pure. */\n#include "low/low.h"\n#include "pure/pure.h"\n#include "pure_int.h"\n'
                   'static const int table[] = {1, 2};\n'
                   'int inner(int x) { return table[x & 1]; }\nint pure(int x) { return low(inner(x)); }\n',
    "impure/impure.h": "long impure(void);\n",
    "impure/impure.c": '/* Impure. */\n#include "impure/impure.h"\n#include <time.h>\n'
                       "long impure(void) { return (long)time(0); }\n",
    "high/high.c": '/* High. */\n#include "impure/impure.h"\n#include "low/low.h"\nlong high(void);\n'
                   "long high(void) { return impure() + low(1); }\n",
}
cases = 0
failures = 0


def check(good, name, said=""):
    global cases, failures
    cases += 1
    failures += not good
    if not good:
        for line in said.splitlines():
            print("#", line)
    print(f"{'ok' if good else 'not ok'} {cases} - {name}", flush=True)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def write(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def includes(changes, deps=DEPS):
    with tempfile.TemporaryDirectory() as folder:
        write(folder, {"deps.txt": deps, **{"src/" + name: text for name, text in {**GOOD, **changes}.items()}})
        return run(ROOMS, "includes", folder + "/deps.txt", folder + "/src")


def symbols(changes, compiler):
    with tempfile.TemporaryDirectory() as folder:
        files = {**GOOD, **changes}
        write(folder, {"deps.txt": DEPS, **files})
        arguments = []
        for name in files:
            if name.endswith(".c"):
                room = os.path.dirname(name)
                code, said = run(compiler, "-O2", "-fPIC", "-I" + folder, "-c", f"{folder}/{name}", "-o",
                                 f"{folder}/{room}.o")
                if code == 0:
                    code, said = run("ar", "rc", f"{folder}/{room}.a", f"{folder}/{room}.o")
                if code != 0:
                    return code, said
                arguments.append(f"{room}={folder}/{room}.a")
        return run(ROOMS, "symbols", folder + "/deps.txt", *arguments)


def caught(result, text):
    """True if the check failed for that reason and for one room only."""
    code, said = result
    return code == 1 and text in said and said.count("not ok") == 1


def test_includes():
    code, said = includes({})
    check(code == 0, "rooms that keep deps.txt pass the check of includes", said)
    result = includes({"low/low.c": GOOD["low/low.c"] + '#include "pure/pure.h"\n'})
    check(caught(result, "low may not use pure"), "an include that deps.txt does not allow is caught", result[1])
    result = includes({"high/high.c": GOOD["high/high.c"] + '#include "low/low_int.h"\n', "low/low_int.h": ""})
    check(caught(result, "is internal to low"), "an include of another room's internal header is caught", result[1])
    result = includes({"other/other.c": "/* No room's. */\n"})
    check(caught(result, "lies in no room"), "a file outside every room is caught", result[1])
    result = includes({"high/high.c": GOOD["high/high.c"] + '#include "low.h"\n'})
    check(caught(result, "names no room"), "an include without a room is caught", result[1])
    code, said = includes({}, "low: pure\npure pure:\n")
    check(code != 0 and "does not stand above" in said, "deps.txt cannot hold a cycle", said)
    code, said = includes({}, "impure:\npure low: impure\n")
    check(code != 0 and "low is pure" in said, "a pure room cannot use one that is not", said)


def test_symbols(compiler):
    code, said = symbols({}, compiler)
    check(code == 0, "rooms that keep deps.txt pass the check of symbols", said)
    result = symbols({"pure/pure.c": GOOD["impure/impure.c"]}, compiler)
    check(caught(result, "pure is pure but refers to time (clock)"), "a clock in a pure room is caught", result[1])
    result = symbols({"pure/pure.c": "#include <stdio.h>\nint f(FILE *t);\nint f(FILE *t) { return fputs(\"x\", t); }\n"},
                     compiler)
    check(caught(result, "files and streams"), "output in a pure room is caught", result[1])
    result = symbols({"low/low.c": "long impure(void);\nlong low(void);\nlong low(void) { return impure(); }\n"}, compiler)
    check(caught(result, "low takes impure from impure"), "a function taken without an include is caught", result[1])
    result = symbols({"pure/pure.c": GOOD["pure/pure.c"] + "int count(void);\n"
                      "int count(void) { static int times; return ++times; }\n"}, compiler)
    check(caught(result, "mutable global: times"), "a mutable global is caught", result[1])


def test_style():
    long_function = "/* Long. */\nint f(int x);\nint f(int x)\n{\n" + "\tx++;\n" * 70 + "\treturn x;\n}\n"
    samples = [
        ("a file that keeps the style passes", "/* Good. */\nint f(int x);\nint f(int x)\n{\n\treturn x;\n}\n", None),
        ("a missing file comment is caught", "int f(int x);\n", "opens without a comment"),
        ("a banned function is caught", "/* B. */\nint f(char *s) { return atoi(s); }\n", "atoi"),
        ("a name in a comment or text is not taken for a call", "/* atoi(x) */\nconst char *f = \"atoi(x)\";\n", None),
        ("a long line is caught", "/* L. */\nint x; /* " + "x" * 120 + " */\n", "columns"),
        ("a function over 70 lines is caught", long_function, "lines long"),
        ("an annotated flat switch may be longer",
         long_function.replace("int f(int x)\n{", "/* One flat switch. */\nint f(int x)\n{"), None),
    ]
    for name, text, reason in samples:
        with tempfile.TemporaryDirectory() as folder:
            write(folder, {"src/sample.c": text})
            code, said = run(STYLE, folder)
            check(code == 0 if reason is None else code == 1 and reason in said, name, said)


def main():
    test_includes()
    test_symbols(sys.argv[1])
    test_style()
    print(f"1..{cases}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
