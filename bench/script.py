"""What benches in Python share: the lines that run.py reads, and a port of their own."""
import socket
import statistics


def say(what, side, values, unit):
    values = sorted(values)
    print(f"result\t{what}\t{side}\t{statistics.median(values):.6g}\t{values[0]:.6g}\t{values[-1]:.6g}\t{unit}", flush=True)


def note(text):
    print(f"note\t{text}", flush=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
