#!/usr/bin/env python3
"""The console's texts and files held against each other: every language has the same keys with the same values to fill in,
every key that a page names exists, every page of the menu has its module, and no page has what the content security policy
would refuse.

Usage: test_web.py SOURCE_ROOT. Prints TAP.
"""
import json
import pathlib
import re
import sys

web = pathlib.Path(sys.argv[1]) / "web"
LANGUAGES = ("ja", "km", "vi", "th", "id")
PLURALS = {"zero", "one", "two", "few", "many", "other"}
scripts = {path: path.read_text(encoding="utf-8") for folder in ("", "core", "pages") for path in sorted((web / folder).glob("*.js"))}
failed = 0


def once(pairs):
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"twice in one object: {sorted(twice)}")
    return dict(pairs)


def texts(code):
    with open(web / f"lang/{code}.json", encoding="utf-8") as file:
        return json.load(file, object_pairs_hook=once)


def flat(tree, at=""):
    """key: placeholders; a text by count is one key."""
    found = {}
    for name, value in tree.items():
        key = f"{at}.{name}" if at else name
        if isinstance(value, dict) and "other" in value and set(value) <= PLURALS:
            found[key] = frozenset(re.findall(r"\{(\w+)\}", value["other"]))
        elif isinstance(value, dict):
            found.update(flat(value, key))
        else:
            found[key] = frozenset(re.findall(r"\{(\w+)\}", value))
    return found


def case(number, name, wrong):
    global failed
    for line in wrong:
        print(f"# {line}")
    failed += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {number} - {name}")


english = flat(texts("en"))
for number, code in enumerate(LANGUAGES, 1):
    theirs = flat(texts(code))
    wrong = [f"{code} lacks {key}" for key in sorted(english.keys() - theirs.keys())]
    wrong += [f"{code} has {key}, which English has not" for key in sorted(theirs.keys() - english.keys())]
    wrong += [f"{code} {key}: fills in {sorted(theirs[key])}, English {sorted(english[key])}"
              for key in sorted(english.keys() & theirs.keys()) if english[key] != theirs[key]]
    case(number, f"{code} says what English says", wrong)

wrong = [f"{path.name}: {key}" for path, text in scripts.items()
         for key in re.findall(r"""\bt\(\s*["']([\w.]+)["']""", text) if key not in english]
case(6, "every text that a page names is there", wrong)

app = scripts[web / "app.js"]
menu = app[app.index("const MENU"):app.index("const KNOWN")]
wrong = [f"no pages/{page}.js" for _, page in re.findall(r'\["([\w-]*)", "([\w-]+)", "[\w:]*"\]', menu)
         if not (web / f"pages/{page}.js").exists()]
case(7, "every page of the menu has its module", wrong or ([] if '"city"' in menu else ["the menu was not found"]))

REFUSED = {"innerHTML": r"\.(?:innerHTML|outerHTML)\s*=|insertAdjacentHTML|dangerouslySetInnerHTML",
           "style in markup": r"<[\w$][^>]*\sstyle=", "eval": r"\beval\(|new Function\("}
wrong = [f"{path.name}: {what}" for path, text in scripts.items() for what, pattern in REFUSED.items()
         if re.search(pattern, text)]
case(8, "nothing that the content security policy refuses", wrong)

print("1..8")
sys.exit(1 if failed else 0)
