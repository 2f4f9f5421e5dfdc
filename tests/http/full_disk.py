#!/usr/bin/env python3
"""What writes are answered when the disk is full, and that reading goes on. Prints TAP.

Usage: full_disk.py MACHI

The server's folder lies on a file system of DISK in memory, mounted in a mount namespace of the test's own. Where the
system does not let us have one, the test is skipped. Expected: 507 of RFC 4918 section 11.5 with the problem type
InternalError (GS CIM 009 V1.9.1 clauses 5.5.2, 5.5.3); nothing that was acknowledged is lost; once there is room again
writing goes on without a restart.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import run

DISK = "4m"
VALUE_BYTES = 20000
ENTITIES_MAX = 1000
FILLER_BYTES = 1 << 20  # of another's, who makes room later
HEADERS = {"Content-Type": "application/json"}


def entity(name, at):
    return {"id": f"urn:{name}:{at}", "type": "T", "a": {"type": "Property", "value": "x" * VALUE_BYTES}}


def post(port, path, body):
    response, data = run.send(port, {"method": "POST", "path": "/ngsi-ld/v1" + path, "headers": HEADERS, "body": body})
    return response.status, data


def fill(port):
    """How many entities went in, and the first answer that was no 201."""
    for at in range(ENTITIES_MAX):
        status, data = post(port, "/entities", entity("a", at))
        if status != 201:
            return at, status, data
    return ENTITIES_MAX, 201, b"{}"


def is_problem(status, data):
    problem = json.loads(data)
    return (status == 507 and problem["status"] == 507 and problem["detail"] and
            problem["type"] == "https://uri.etsi.org/ngsi-ld/errors/InternalError")


def count_of(port):
    response, _ = run.send(port, {"path": "/ngsi-ld/v1/entities?type=T&limit=0&count=true"})
    return response.headers["NGSILD-Results-Count"]


def inside(machi):
    filler = os.path.join(os.environ["TMPDIR"], "filler")
    with open(filler, "wb") as file:
        file.write(bytes(FILLER_BYTES))
    server = run.Server(machi, "sqlite")
    count, status, data = fill(server.port)
    batch_status, batch_data = post(server.port, "/entityOperations/create", [entity("b", at) for at in range(50)])
    read = count_of(server.port)
    os.unlink(filler)
    again = [post(server.port, "/entities", entity("c", at))[0] for at in range(5)]
    server.process.kill()
    server.process.wait()
    server.start()
    after = count_of(server.port)
    trouble = server.stop()
    results = [
        ("a write to a full disk is answered 507", count > 0 and is_problem(status, data), (status, data)),
        ("so is a batch", is_problem(batch_status, batch_data), (batch_status, batch_data)),
        ("what was acknowledged is there, and no more", read == str(count), (count, read)),
        ("with room again writing goes on", again == [201] * 5, again),
        ("and all of it survives kill -9", after == str(count + 5), (count, after)),
        ("the server ends in order", trouble is None, trouble),
    ]
    print(f"1..{len(results)}")
    for at, (name, fine, seen) in enumerate(results, 1):
        print(f"{'ok' if fine else 'not ok'} {at} - {name}")
        if not fine:
            print("\n".join("# " + line for line in str(seen).splitlines()))
    sys.exit(0 if all(fine for _, fine, _ in results) else 1)


def main():
    if len(sys.argv) == 3 and sys.argv[2] == "--inside":
        inside(sys.argv[1])
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="machi-disk-") as folder:
        own = ["unshare", "--map-root-user", "--mount"]
        mount = ["mount", "-t", "tmpfs", "-o", "size=" + DISK, "tmpfs", folder]
        try:
            may = subprocess.run(own + mount, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        except OSError:
            may = False
        if not may:
            print("1..0 # SKIP no mount namespace to be had")
            return
        script = " ".join(mount) + ' && exec "$0" "$@"'
        code = subprocess.run(own + ["sh", "-c", script, sys.executable, os.path.abspath(__file__), sys.argv[1],
                                     "--inside"], env=dict(os.environ, TMPDIR=folder)).returncode
    sys.exit(code)


if __name__ == "__main__":
    main()
