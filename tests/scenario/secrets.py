#!/usr/bin/env python3
"""What context sources are to be told in secret, with the real program: the bytes of its folder, its log and its backups.

Usage: secrets.py MACHI SOURCE_ROOT. The promise under test: a secret is nowhere to be read but in what goes to the source,
and without its key the city lives on.
"""
import json
import os
import pathlib
import shutil
import stat
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
from tap import Daemon, Machi, Tap, check, same

machi = Machi(os.path.abspath(sys.argv[1]))
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-secrets-"))
tap = Tap()
REGISTRATIONS = "/ngsi-ld/v1/csourceRegistrations"
SECRET = "Bearer 0123456789abcdef"


def registration(number):
    return {"id": f"urn:r:{number}", "type": "ContextSourceRegistration", "endpoint": "http://source.example/",
            "information": [{"entities": [{"type": "Vehicle"}]}],
            "contextSourceInfo": [{"key": "Authorization", "value": SECRET}]}


def shown(daemon, number):
    status, body = daemon.request("GET", f"{REGISTRATIONS}/urn:r:{number}")
    same(status, 200)
    return json.loads(body)["contextSourceInfo"]


def files_with(folder, text):
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@tap.case
def a_secret_is_in_no_file_and_not_in_the_log():
    data = work / "city"
    with Daemon(machi, data) as daemon:
        check(not (data / "secret.key").exists(), "a key that nobody needs")
        same(daemon.request("POST", REGISTRATIONS, registration(1))[0], 201)
        same(files_with(data, SECRET), [])
        same(shown(daemon, 1), [{"key": "Authorization", "value": "***"}])
        same(stat.S_IMODE((data / "secret.key").stat().st_mode), 0o600)
        machi("check", "--data", data)
        same(daemon.stop(), 0)
        check(SECRET not in daemon.log(), daemon.log())
    same(files_with(data, SECRET), [])
    check(files_with(data, "source.example"), "nothing was written at all")


@tap.case
def a_backup_has_neither_the_secret_nor_its_key():
    machi("backup", "--data", work / "city", "--to", work / "city.tar")
    with tarfile.open(work / "city.tar") as archive:
        names = archive.getnames()
        archive.extractall(work / "unpacked")
    check(any(name.endswith("machi.db") for name in names) and not any("key" in name for name in names), names)
    same(files_with(work / "unpacked", SECRET), [])
    key = (work / "city" / "secret.key").read_text().splitlines()[-1]
    same(files_with(work / "unpacked", key), [])


@tap.case
def without_its_key_a_city_lives_on_and_says_so():
    data = work / "restored"
    machi("restore", "--from", work / "city.tar", "--data", data)
    with Daemon(machi, data) as daemon:
        daemon.wait_for_log("urn:r:1")
        same(shown(daemon, 1), [{"key": "Authorization", "value": "***"}])
        same(daemon.request("POST", REGISTRATIONS, registration(2))[0], 500)
        same(daemon.request("PATCH", f"{REGISTRATIONS}/urn:r:1", {"description": "x"})[0], 204)
        check(not (data / "secret.key").exists(), "a new key hides that the old one is gone")
        same(daemon.stop(), 0)
    shutil.copy(work / "city" / "secret.key", data)
    with Daemon(machi, data) as daemon:
        same(daemon.request("POST", REGISTRATIONS, registration(2))[0], 201)
        same(daemon.stop(), 0)
        check("urn:r:1" not in daemon.log(), daemon.log())


@tap.case
def a_key_that_others_may_read_is_not_used():
    data = work / "restored"
    (data / "secret.key").chmod(0o644)
    with Daemon(machi, data) as daemon:
        daemon.wait_for_log("chmod 600")
        same(daemon.stop(), 0)
    (data / "secret.key").chmod(0o600)


shutil.rmtree(work, ignore_errors=True)
sys.exit(tap.done())
