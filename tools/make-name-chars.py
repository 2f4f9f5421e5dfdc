#!/usr/bin/env python3
"""Writes src/ngsild/name_chars.c: the Unicode letters and numbers that names may hold (GS CIM 009 clause 4.6.2).

Usage: tools/make-name-chars.py > src/ngsild/name_chars.c
The categories are those of the Unicode version that this Python knows; the file says which."""
import unicodedata


def ranges(category):
    found, start = [], None
    for code in range(0x80, 0x110001):
        has = code < 0x110000 and unicodedata.category(chr(code))[0] == category
        if has and start is None:
            start = code
        if not has and start is not None:
            found.append((start, code - 1))
            start = None
    return found


def table(name, category):
    print(f"const struct code_range {name}[] = {{")
    line = "\t"
    for first, last in ranges(category):
        item = f"{{{first:#x}, {last:#x}}},"
        if len(line) + len(item) + 8 > 112:
            print(line.rstrip())
            line = "\t"
        line += item + " "
    print(line.rstrip())
    print("};")
    print(f"const size_t {name}_count = sizeof({name}) / sizeof({name}[0]);")


print(f"""/* Unicode {unicodedata.unidata_version}: the code points from U+0080 up whose general category is a letter (L*) or a number (N*).
 * Written by tools/make-name-chars.py. */
#include "ngsild/name_int.h"

/* clang-format off */""")
table("name_letters", "L")
print()
table("name_numbers", "N")
print("/* clang-format on */")
