#!/usr/bin/env python3
"""Turns a file into a C array: embed.py OUT.c SYMBOL FILE

OUT.c defines `const unsigned char SYMBOL[]` with the bytes of FILE and a NUL behind them, and
`const size_t SYMBOL_bytes`, the number of bytes without that NUL. Declare both `extern` where they are used.
"""
import sys

BYTES_A_LINE = 24


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    out, symbol, path = sys.argv[1:]
    with open(path, "rb") as file:
        data = file.read()
    lines = [
        "#include <stddef.h>",
        f"extern const unsigned char {symbol}[];",
        f"extern const size_t {symbol}_bytes;",
        f"const size_t {symbol}_bytes = {len(data)};",
        f"const unsigned char {symbol}[] = {{",
    ]
    for at in range(0, len(data), BYTES_A_LINE):
        lines.append("".join(f"{byte}," for byte in data[at:at + BYTES_A_LINE]))
    lines.append("0};")
    with open(out, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


main()
