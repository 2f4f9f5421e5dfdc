"""An MQTT broker (Debian's mosquitto) and clients of it, for scenarios. Standard library only."""
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading

from tap import Skip, free_port, same, until

mosquitto = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")


class Broker:
    """mosquitto, which keeps its sessions in a file."""

    def __init__(self, work, name):
        if not mosquitto:
            raise Skip("mosquitto is not installed")
        self.port = free_port()
        self.config = work / f"{name}.conf"
        folder = work / f"{name}.store"
        folder.mkdir()
        self.config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
                               f"persistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\n"
                               "max_queued_messages 0\nmax_inflight_messages 0\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen([mosquitto, "-c", self.config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.listens, "mosquitto listens")

    def listens(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """It neither reads nor answers, but its connections stand."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Publisher:
    """A client of MQTT 3.1.1 that waits for the acknowledgement of each message."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.settimeout(10)
        self.number = 0
        self.send(b"\x10", b"\0\4MQTT\4\2\0\0" + b"\0\0")
        same(self.receive(4)[:1], b"\x20", "CONNACK")

    def send(self, kind, body):
        length, rest = b"", len(body)
        while True:
            length += bytes([rest % 128 | (128 if rest > 127 else 0)])
            rest //= 128
            if not rest:
                break
        self.socket.sendall(kind + length + body)

    def receive(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise OSError("the broker hung up")
            data += more
        return data

    def publish(self, topic, payload):
        self.number = self.number % 65535 + 1
        payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.send(b"\x32", struct.pack(">H", len(topic)) + topic.encode() + struct.pack(">H", self.number) + payload)
        same(self.receive(4), b"\x40\2" + struct.pack(">H", self.number), "PUBACK")

    def close(self):
        self.socket.close()


class Device(Publisher):
    """A client that listens: what it was told is in .told, as (topic, payload)."""

    def __init__(self, port, topic):
        super().__init__(port)
        self.told, self.open = [], True
        self.send(b"\x82", b"\0\1" + struct.pack(">H", len(topic)) + topic.encode() + b"\1")
        same(self.receive(5), b"\x90\3\0\1\1", "SUBACK")
        self.socket.settimeout(None)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while True:
                kind, length, shift = self.receive(1)[0], 0, 0
                while True:
                    byte = self.receive(1)[0]
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                body = self.receive(length)
                if kind >> 4 != 3:
                    continue
                end = 2 + struct.unpack(">H", body[:2])[0]
                topic, rest = body[2:end].decode(), body[end:]
                if kind & 6:
                    self.send(b"\x40", rest[:2])
                    rest = rest[2:]
                self.told.append((topic, rest.decode()))
