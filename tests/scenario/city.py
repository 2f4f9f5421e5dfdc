#!/usr/bin/env python3
"""What `make run` ends with: Singapore imported, served, moving, and the lines that it invites to try.

Usage: city.py MACHI SOURCE_ROOT. Works on a folder and a port of its own.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import Machi, Skip, Tap, check, free_port, same

program = os.path.abspath(sys.argv[1])
machi = Machi(program)
root = pathlib.Path(sys.argv[2])
work = pathlib.Path(tempfile.mkdtemp(prefix="machi-city-"))
tap = Tap()
ANSWER_SECONDS = 1.0
FIRST_RUN_SECONDS = 110


class City:
    """tools/run-city under way; lines gathers what it prints."""

    def __init__(self, data, port):
        environment = dict(os.environ, MACHI=program, MACHI_DATA=str(data), MACHI_PORT=str(port))
        self.process = subprocess.Popen([root / "tools/run-city"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=environment)
        self.lines = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def text(self):
        return "".join(self.lines)

    def wait_until_invited(self):
        until = time.monotonic() + FIRST_RUN_SECONDS
        while self.text().count("  curl ") < 3:
            check(time.monotonic() < until, f"no invitation in time:\n{self.text()}")
            check(self.process.poll() is None, f"ended early:\n{self.text()}")
            time.sleep(0.1)
        time.sleep(0.2)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=60)
        self.reader.join()
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()


def needs_data():
    if not (root / "data/singapore/gtfs.zip").exists():
        raise Skip("data/singapore/gtfs.zip is not there")


@tap.case
def the_city_runs_and_its_three_lines_answer():
    needs_data()
    port = free_port()
    city = City(work / "city", port)
    try:
        city.wait_until_invited()
        check(f"http://127.0.0.1:{port}/" in city.text(), city.text())
        lines = re.findall(r"^  (curl .*)$", city.text(), re.M)
        same(len(lines), 3)
        for line in lines:
            begun = time.monotonic()
            done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True)
            took = time.monotonic() - begun
            entities = json.loads(done.stdout)
            check(isinstance(entities, list) and entities and all("id" in entity for entity in entities), line, done.stdout)
            check(took < ANSWER_SECONDS, f"{took:.2f} s for {line}")
        run = subprocess.run([root / "tools/run-city"], capture_output=True, text=True, timeout=60,
                             env=dict(os.environ, MACHI=program, MACHI_DATA=str(work / "x"), MACHI_PORT=str(port)))
        same(run.returncode, 69)
        check("is taken" in run.stderr and "MACHI_PORT=" in run.stderr, run.stderr)
        same(city.stop(), 0)
    finally:
        city.kill()


@tap.case
def vehicles_are_where_the_timetable_has_them():
    needs_data()
    found = json.loads(machi("query", "--type", "Vehicle", "--limit", 3000, "--data", work / "city", "--format",
                             "simplified").out)
    check(len(found) > 500, len(found))
    for vehicle in found:
        lon, lat = vehicle["location"]["coordinates"]
        check(103.5 < lon < 104.2 and 1.1 < lat < 1.6, vehicle)


@tap.case
def a_second_run_takes_what_is_there():
    needs_data()
    city = City(work / "city", free_port())
    begun = time.monotonic()
    try:
        city.wait_until_invited()
        check("Importing" not in city.text(), city.text())
        check(time.monotonic() - begun < 30, f"{time.monotonic() - begun:.1f} s")
        same(city.stop(), 0)
    finally:
        city.kill()


@tap.case
def what_was_imported_is_whole():
    needs_data()
    machi("check", "--data", work / "city")
    log = (work / "city/import.log").read_text()
    check("created" in log and "skipped" in log, log)
    stop = json.loads(machi("get", "urn:ngsi-ld:PublicTransportStop:singapore:52009", "--data", work / "city",
                            "--format", "simplified").out)
    # sg_busridership.csv: 52009,Toa Payoh Int,…
    same(stop["boardings"], 845015)
    same(stop["name"], "Toa Payoh Int")


@tap.case
def a_wrong_port_is_told():
    run = subprocess.run([root / "tools/run-city"], capture_output=True, text=True, timeout=60,
                         env=dict(os.environ, MACHI=program, MACHI_DATA=str(work / "x"), MACHI_PORT="80x"))
    same(run.returncode, 64)


status = tap.done()
shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
