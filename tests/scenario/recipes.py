#!/usr/bin/env python3
"""The recipes of the how-to pages are tried: each feed, with the message beside it, makes the entity beside it.

Usage: recipes.py MACHI SOURCE_ROOT. In a page a section has a block of YAML, `topic` in the line before the message, a
block "json" and a block "json entity", in which "…" stands for any text.
"""
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
pages = pathlib.Path(sys.argv[2]) / "docs" / "how-to"
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-recipes-"))
tap = Tap()
PAGES = ["recipes-mqtt.md", "poll-web-services.md", "move-from-fiware.md"]
BLOCK = re.compile(r"^```(\S+(?: \S+)?)\n(.*?)^```$", re.S | re.M)


def alike(got, wanted, where=""):
    if wanted == "…":
        check(isinstance(got, str) and got, where, "a text")
    elif isinstance(wanted, dict):
        check(isinstance(got, dict), where, got)
        same(sorted(got), sorted(wanted), where)
        for key, value in wanted.items():
            alike(got[key], value, f"{where}/{key}")
    elif isinstance(wanted, list):
        same(len(got), len(wanted), where)
        for number, value in enumerate(wanted):
            alike(got[number], value, f"{where}/{number}")
    else:
        same(got, wanted, where)


def try_section(section):
    blocks = BLOCK.findall(section)
    feed = next(text for kind, text in blocks if kind == "yaml")
    message = next(text for kind, text in blocks if kind == "json")
    entity = next(text for kind, text in blocks if kind == "json entity")
    topic = re.findall(r"^`([^`]+)`", section[:section.index("```json")].rpartition("```")[2].lstrip(), re.M)[0]
    config = work / "machi.yaml"
    config.write_text("feeds:\n  -\n" + "".join(f"    {line}\n" for line in feed.splitlines()))
    done = machi("feed", "test", "-", "--config", config, "--topic", topic, stdin=message)
    alike(json.loads(done.out), json.loads(entity))


def cases():
    for page in PAGES:
        text = (pages / page).read_text()
        for section in re.split(r"^## ", text, flags=re.M)[1:]:
            if "```json entity" in section:
                def case(section=section):
                    try_section(section)
                case.__name__ = f"{page} {section.partition(chr(10))[0]}"
                yield case


for one in cases():
    tap.case(one)
check(tap.cases >= 4)
shutil.rmtree(work)
sys.exit(tap.done())
