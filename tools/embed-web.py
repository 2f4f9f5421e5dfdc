#!/usr/bin/env python3
"""Turns the console's files into C: embed-web.py OUT.c DEPFILE WEB_FOLDER

Every page, script, stylesheet and language file of the folder, and the files of npm packages that libs.json names, each
compressed by gzip and by brotli at their best, with the digest that its ETag is made of (struct web_source of
src/api/web_files.h). The hash of the import map in index.html is for the content security policy.
"""
import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys

TYPES = {".mjs": "text/javascript; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml"}
FOLDERS = ("", "core", "pages", "lang")
NOT_SERVED = ("package.json", "package-lock.json", "libs.json", "tsconfig.json")
BYTES_A_LINE = 32


def collect(web):
    """(path of the URL, file in the folder, folders looked at)"""
    found, folders = [], []
    for folder in FOLDERS:
        top = os.path.join(web, folder)
        folders.append(top)
        for name in sorted(os.listdir(top)):
            if os.path.splitext(name)[1] in TYPES and not (folder == "" and name in NOT_SERVED):
                found.append(("/web/" + os.path.join(folder, name), os.path.join(folder, name)))
    with open(os.path.join(web, "libs.json"), encoding="utf-8") as file:
        for name, source in json.load(file).items():
            found.append(("/web/lib/" + name, source))
    return found, folders


def squeeze(data):
    brotli = subprocess.run(["brotli", "--quality=11", "--lgwin=22", "--stdout", "-"], input=data, capture_output=True,
                            check=True).stdout
    return gzip.compress(data, 9, mtime=0), brotli


def array(out, name, data):
    out.write(f"static const unsigned char {name}[] = {{\n")
    for at in range(0, len(data), BYTES_A_LINE):
        out.write("".join(f"{byte}," for byte in data[at:at + BYTES_A_LINE]) + "\n")
    out.write("};\n")


def import_map_hash(html):
    found = re.search(rb'<script type="importmap">(.*?)</script>', html, re.DOTALL)
    if not found:
        sys.exit("embed-web: index.html has no import map")
    return base64.b64encode(hashlib.sha256(found[1]).digest()).decode()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    out_path, dep_path, web = sys.argv[1:]
    files, folders = collect(web)
    rows, read = [], [os.path.join(web, "libs.json")]
    with open(out_path, "w", encoding="ascii") as out:
        out.write('#include "api/web_files.h"\n')
        for number, (path, source) in enumerate(files):
            whole = os.path.join(web, source)
            if not os.path.exists(whole):
                sys.exit(f"embed-web: {whole} is not there; tools/setup web installs the packages of npm")
            read.append(whole)
            with open(whole, "rb") as file:
                data = file.read()
            zipped, brotli = squeeze(data)
            array(out, f"gzip_{number}", zipped)
            array(out, f"brotli_{number}", brotli)
            digest = hashlib.sha256(data).hexdigest()[:24]
            rows.append(f'\t{{"{path}", "{TYPES[os.path.splitext(path)[1]]}", "{source}", "{digest}", {len(data)},'
                        f" gzip_{number}, {len(zipped)}, brotli_{number}, {len(brotli)}}},")
        with open(os.path.join(web, "index.html"), "rb") as file:
            out.write(f'const char web_import_map_hash[] = "{import_map_hash(file.read())}";\n')
        out.write("const struct web_source web_sources[] = {\n" + "\n".join(rows) + "\n};\n")
        out.write(f"const size_t web_source_count = {len(rows)};\n")
    with open(dep_path, "w", encoding="utf-8") as file:
        file.write(f"{out_path}: " + " ".join(path.replace(" ", "\\ ") for path in read + folders) + "\n")


main()
