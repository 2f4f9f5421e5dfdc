#!/usr/bin/env python3
"""Reports the sizes of functions and files and fails on what the style forbids and no other tool sees.

Usage: check-style.py [ROOT]      Looks at the C and C++ below src/, tests/ and bench/.

Fails on: a function over 70 lines (unless the comment above it says "One flat switch.", "One flat table." or
"One formula."), a call of a banned function, a line over 120 columns, a file that opens without a comment saying what
it is for, a note of work left undone. Reports, without judging: lengths and cyclomatic complexity. Functions are found
by the layout that clang-format gives them: a brace alone in the first column opens one, its like closes it.
"""
import os
import re
import statistics
import sys

LINES_MAX = 70
COLUMNS_MAX = 120
TAB_COLUMNS = 8
LONG_PHRASES = ("One flat switch", "One flat table", "One formula")
BANNED = {
    "sprintf": "snprintf or buf_printf()", "vsprintf": "vsnprintf", "strcpy": "arena_dup()", "stpcpy": "arena_dup()",
    "strcat": "buf_put()", "strncpy": "arena_dup()", "strncat": "buf_put()", "strtok": "str_next()",
    "strtok_r": "str_next()", "gets": "getline",
    "atoi": "str_to_int64()", "atol": "str_to_int64()", "atoll": "str_to_int64()", "atof": "str_to_double()",
    "strtol": "str_to_int64()", "strtoll": "str_to_int64()", "strtoul": "str_to_uint64()",
    "strtoull": "str_to_uint64()", "gmtime": "civil_from_days()", "localtime": "civil_from_days()",
    "asctime": "time_format_iso()", "ctime": "time_format_iso()", "rand": "a seeded generator passed in",
    "srand": "a seeded generator passed in", "random": "a seeded generator passed in", "alloca": "an arena",
    "setjmp": "an error code", "longjmp": "an error code", "tmpnam": "mkstemp",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")
UNDONE = re.compile(r"\b(TODO|FIXME|XXX)\b")
# Comments, texts and characters; what they hold is no code. Newlines are kept, so that lines keep their numbers.
NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


class Function:
    def __init__(self, path, line, name, length, complexity):
        self.path, self.line, self.name, self.length, self.complexity = path, line, name, length, complexity


def source_files(root):
    for top in ("src", "tests", "bench"):
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith((".c", ".h", ".cc")):
                    yield os.path.join(folder, name)


def blanked(found):
    text = found[0]
    return '""' if text[0] in "\"'" else re.sub(r"[^\n]", " ", text)


def signature_start(lines, brace):
    """The line where the declarator of the function begins whose opening brace stands at line `brace`."""
    start = brace - 1
    while start > 0 and lines[start - 1].strip() and lines[start - 1][-1] not in ";}/":
        start -= 1
    return start


def comment_above(lines, start):
    end = start
    while start > 0 and lines[start - 1].lstrip().startswith(("/*", "*")):
        start -= 1
    return " ".join(line.strip(" \t*/") for line in lines[start:end])


def functions_of(path, lines, code):
    brace = None
    for number, line in enumerate(code):
        if line.startswith("{"):
            brace = number
        elif line.startswith("}") and brace is not None:
            start = signature_start(lines, brace)
            head = " ".join(code[start:brace])
            names = re.findall(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
            body = "\n".join(code[brace:number])
            yield start, Function(path, start + 1, names[0] if names else "?", number - brace + 1,
                                  1 + len(BRANCH.findall(body)))
            brace = None


def columns(line):
    return len(line.expandtabs(TAB_COLUMNS))


def check_file(path, text, functions):
    """The faults of one file; its functions are added to the list."""
    lines, code = text.split("\n"), NO_CODE.sub(blanked, text).split("\n")
    if not text.startswith(("/*", "//")):
        yield f"{path}:1: opens without a comment that says what the file is for"
    for number, (line, plain) in enumerate(zip(lines, code), 1):
        if columns(line) > COLUMNS_MAX:
            yield f"{path}:{number}: {columns(line)} columns, more than {COLUMNS_MAX}"
        if UNDONE.search(line):
            yield f"{path}:{number}: a note of work left undone"
        for name in CALL.findall(plain):
            yield f"{path}:{number}: {name}() is banned: use {BANNED[name]}"
    for start, function in functions_of(path, lines, code):
        functions.append(function)
        if function.length > LINES_MAX and not any(p in comment_above(lines, start) for p in LONG_PHRASES):
            yield f"{path}:{function.line}: {function.name}() is {function.length} lines long, more than {LINES_MAX}"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def report(what, values):
    if values:
        print(f"{what}: median {statistics.median(values):g}, 95 % up to {percentile(values, 0.95)}, "
              f"most {max(values)} ({len(values)})")


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    functions, faults, file_lines = [], [], []
    for path in source_files(root):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        faults += check_file(os.path.relpath(path, root), text, functions)
        if path.endswith(".c") and os.path.relpath(path, root).startswith("src"):
            file_lines.append(text.count("\n"))
    ours = [function for function in functions if function.path.startswith("src")]
    report("lines a function in src", [function.length for function in ours])
    report("complexity a function in src", [function.complexity for function in ours])
    report("lines a .c file in src", file_lines)
    for function in sorted(ours, key=lambda one: -one.length)[:3]:
        print(f"  longest: {function.name}() {function.length} lines, complexity {function.complexity}, "
              f"{function.path}:{function.line}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
