#!/usr/bin/env python3
"""Our .proto agrees with the published one: each message, field and enum value that ours names has the same label, type,
number and default there, and each enum of ours is complete.

Usage: compare_proto.py OURS PUBLISHED. Prints TAP; skips, saying so, where PUBLISHED does not exist. Then the same with
faults put into ours, each of which must be noticed.
"""
import os
import re
import sys

TOKEN = re.compile(r'"[^"]*"|[\w.]+|[{}=;\[\],]')


def tokens_of(text):
    return TOKEN.findall(re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL))


def statement(tokens, at):
    """The tokens up to the next semicolon, and where the next statement begins."""
    end = tokens.index(";", at)
    return tokens[at:end], end + 1


def read_scope(tokens, at, name, found, kind):
    while at < len(tokens) and tokens[at] != "}":
        if tokens[at] in ("message", "enum") and tokens[at + 2] == "{":
            inner = f"{name}.{tokens[at + 1]}".lstrip(".")
            found[inner] = tokens[at]
            at = read_scope(tokens, at + 3, inner, found, tokens[at])
            continue
        words, at = statement(tokens, at)
        if kind == "enum" and "=" in words:
            found[f"{name}.{words[0]}"] = ("value", words[2])
        elif words[0] in ("required", "optional", "repeated"):
            options = words[6:-1] if len(words) > 5 else []
            default = options[options.index("default") + 2] if "default" in options else None
            found[f"{name}.{words[2]}"] = (words[0], words[1], words[4], default)
    return at + 1


def read(text):
    found = {}
    read_scope(tokens_of(text), 0, "", found, "file")
    return found


def simple(entry):
    """A type may be written with the scopes that it lies in or without."""
    return entry if isinstance(entry, str) else entry[:1] + (entry[1].split(".")[-1],) + entry[2:]


def faults(ours, published):
    for name, entry in ours.items():
        if name not in published:
            yield f"{name} is not in the published format"
        elif simple(entry) != simple(published[name]):
            yield f"{name}: {entry} here, {published[name]} there"
    enums = [name for name, entry in ours.items() if entry == "enum"]
    for name, entry in published.items():
        if entry[0] == "value" and name.rpartition(".")[0] in enums and name not in ours:
            yield f"{name} is missing here"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if not os.path.exists(sys.argv[2]):
        print(f"1..0 # SKIP {sys.argv[2]} is not there")
        return
    with open(sys.argv[1], encoding="utf-8") as ours, open(sys.argv[2], encoding="utf-8") as published:
        text, theirs = ours.read(), read(published.read())
    mine = read(text)
    wrong = list(faults(mine, theirs))
    for fault in wrong:
        print("#", fault)
    fields = sum(isinstance(entry, tuple) for entry in mine.values())
    print(f"{'not ok' if wrong or fields < 100 else 'ok'} 1 - {fields} fields and values agree")
    changes = [("optional uint64 timestamp = 3", "optional uint64 timestamp = 5"),
               ("optional int64 time = 2", "optional int32 time = 2"), ("STRIKE = 4", "STRIKE = 14"),
               ("[default = IN_TRANSIT_TO]", "[default = STOPPED_AT]"), ("    NO_EFFECT = 10;\n", ""),
               ("required float latitude", "optional float latitude"), ("string label = 2", "string lable = 2")]
    for number, (old, new) in enumerate(changes, 2):
        noticed = old in text and list(faults(read(text.replace(old, new, 1)), theirs))
        print(f"{'ok' if noticed else 'not ok'} {number} - \"{new.strip()}\" instead of \"{old.strip()}\" is noticed")
    print(f"1..{len(changes) + 1}")


if __name__ == "__main__":
    main()
