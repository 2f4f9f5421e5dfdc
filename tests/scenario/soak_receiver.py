#!/usr/bin/env python3
"""A receiver of notifications that may be killed at any moment: it appends what it gets to a file, then answers.

Usage: soak_receiver.py FILE HOST PORT SEED [MQTT_PORT]. A line of the file is where it came (the path, or the topic)
and the body; a line "#" begins each life, so that the one before it may have been cut. Some answers are held back for
a moment, so that a kill finds notifications that are kept and not answered. With MQTT_PORT it also hears the topics
below soak/ at that broker, with QoS 1 and a session that outlives it. "ready" on standard output says that it
listens.
"""
import asyncio
import os
import random
import sys

PATIENCE_SECONDS = 60
HELD_PART, HELD_SECONDS = 0.1, 0.05
CONNACK, PUBLISH, SUBACK = 2, 3, 9
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Keeper:
    def __init__(self, path, seed):
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.random = random.Random(seed)
        self.write(b"\n#\n")

    def write(self, data):
        while data:
            data = data[os.write(self.file, data):]

    def keep(self, where, body, answer):
        self.write(where + b"\t" + body + b"\n")
        if self.random.random() < HELD_PART:
            asyncio.get_running_loop().call_later(self.random.random() * HELD_SECONDS, answer)
        else:
            answer()


class Http(asyncio.Protocol):
    """One request at a time, with a Content-Length: what is told comes so."""

    def __init__(self, keeper):
        self.keeper, self.data = keeper, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        head, found, rest = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        line, *headers = head.split(b"\r\n")
        length = next(int(header[15:]) for header in headers if header.lower().startswith(b"content-length:"))
        if len(rest) >= length:
            self.data = rest[length:]
            self.keeper.keep(line.split()[1], rest[:length], lambda: self.transport.write(ANSWER))


class Mqtt(asyncio.Protocol):
    """A client of MQTT 3.1.1."""

    def __init__(self, keeper, ready):
        self.keeper, self.ready, self.data = keeper, ready, b""

    @staticmethod
    def text(text):
        return len(text).to_bytes(2, "big") + text

    def send(self, head, body):
        self.transport.write(bytes([head, len(body)]) + body)

    def connection_made(self, transport):
        self.transport = transport
        self.send(0x10, self.text(b"MQTT") + b"\4\0\0\0" + self.text(b"soak"))

    def data_received(self, data):
        self.data += data
        while (taken := self.packet()) is not None:
            self.data = self.data[taken:]

    def packet(self):
        """How many bytes the first packet has, once it is there and done with."""
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self.data):
                return None
            length |= (self.data[at] & 127) << shift
            shift += 7
            at += 1
            if self.data[at - 1] < 128:
                break
        if len(self.data) < at + length:
            return None
        self.take(self.data[0], self.data[at:at + length])
        return at + length

    def take(self, head, body):
        kind = head >> 4
        if kind == CONNACK:
            self.send(0x82, b"\0\1" + self.text(b"soak/#") + b"\1")
        elif kind == SUBACK:
            self.ready.set()
        elif kind == PUBLISH:
            topic_end = 2 + int.from_bytes(body[:2], "big")
            self.keeper.keep(body[2:topic_end], body[topic_end + 2:], lambda: self.send(
                0x40, body[topic_end:topic_end + 2]))

    def connection_lost(self, trouble):
        os._exit(3)  # the broker is not killed: what comes now could not be told from what is missing


async def patiently(attempt):
    """The port of the last life may be free only after a moment."""
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            return await attempt()
        except OSError:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.02)


async def main():
    path, host, port, seed, *mqtt = sys.argv[1:]
    loop = asyncio.get_running_loop()
    keeper = Keeper(path, seed)
    await patiently(lambda: loop.create_server(lambda: Http(keeper), host, int(port), backlog=512))
    if mqtt:
        ready = asyncio.Event()
        await patiently(lambda: loop.create_connection(lambda: Mqtt(keeper, ready), "127.0.0.1", int(mqtt[0])))
        await asyncio.wait_for(ready.wait(), PATIENCE_SECONDS)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
