"""A charge point: OCPP-J over a WebSocket (RFC 6455), written from the two specifications. Standard library only."""
import base64
import json
import os
import socket
import struct
import uuid


class Refused(Exception):
    """The handshake's status, when it is not 101."""

    def __init__(self, status, headers, body):
        super().__init__(f"{status} {body}")
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The server has closed, with a code (None: without a word)."""

    def __init__(self, code, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class CallError(Exception):
    def __init__(self, frame):
        super().__init__(f"{frame[2]}: {frame[3]}")
        self.code, self.description = frame[2], frame[3]


class ChargePoint:
    def __init__(self, port, feed, station, protocol="ocpp1.6", password=None, user=None, headers=(), timeout=30):
        self.commands = []  # what the city has asked: [action, payload]
        self.answers = {}  # by action: what is answered to that, or a function of the payload
        self.silent = set()  # actions that are not answered
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.buffer = b""
        lines = [f"GET /ocpp/{feed}/{station} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", *headers]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        if password is not None:
            pair = f"{station if user is None else user}:{password}".encode()
            lines.append(f"Authorization: Basic {base64.b64encode(pair).decode()}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status, *fields = head.decode().split("\r\n")
        self.headers = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in fields)}
        if not status.startswith("HTTP/1.1 101"):
            body = self.take(int(self.headers.get("content-length", 0)))
            raise Refused(int(status.split()[1]), self.headers, body.decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise Closed(None)
        self.buffer += got

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def send_frame(self, opcode, payload):
        mask = os.urandom(4)
        length = (bytes([128 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
                  if len(payload) < 65536 else b"\xff" + struct.pack(">Q", len(payload)))
        masked = bytes(a ^ b for a, b in zip(payload, (mask * (len(payload) // 4 + 1))[:len(payload)]))
        self.socket.sendall(bytes([128 | opcode]) + length + mask + masked)

    def receive_text(self):
        text = b""
        while True:
            first, second = self.take(2)
            length = second & 127
            if length > 125:
                length, = struct.unpack(">H" if length == 126 else ">Q", self.take(2 if length == 126 else 8))
            payload = self.take(length)
            opcode = first & 15
            if opcode == 9:
                self.send_frame(10, payload)
            elif opcode == 8:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                self.send_frame(8, payload[:2])
                raise Closed(code, payload[2:].decode())
            elif opcode in (0, 1):
                text += payload
                if first & 128:
                    return text.decode()

    def send(self, message):
        self.send_frame(1, (message if isinstance(message, str) else json.dumps(message)).encode())

    def post(self, action, payload, number=None):
        """Asks, and does not wait."""
        number = number or str(uuid.uuid4())
        self.send([2, number, action, payload])
        return number

    def obey(self, frame):
        _, number, action, payload = frame
        self.commands.append([action, payload])
        if action in self.silent:
            return
        answer = self.answers.get(action, {"status": "Accepted"})
        answer = answer(payload) if callable(answer) else answer
        self.send([4, number, *answer, {}] if isinstance(answer, list) else [3, number, answer])

    def wait(self, number):
        """The answer to what was posted; commands of the city are obeyed meanwhile."""
        while True:
            frame = json.loads(self.receive_text())
            if frame[0] == 2:
                self.obey(frame)
            elif frame[1] == number:
                if frame[0] == 4:
                    raise CallError(frame)
                return frame[2]

    def call(self, action, payload, number=None):
        return self.wait(self.post(action, payload, number))

    def obey_one(self):
        """Waits for a command of the city."""
        before = len(self.commands)
        while len(self.commands) == before:
            frame = json.loads(self.receive_text())
            if frame[0] == 2:
                self.obey(frame)
        return self.commands[-1]

    def boot(self, model="Test"):
        if self.headers.get("sec-websocket-protocol") == "ocpp2.0.1":
            return self.call("BootNotification", {"reason": "PowerUp", "chargingStation": {
                "vendorName": "Machi", "model": model}})
        return self.call("BootNotification", {"chargePointVendor": "Machi", "chargePointModel": model})

    def close(self):
        self.send_frame(8, struct.pack(">H", 1000))
        try:
            while True:
                self.receive_text()
        except (Closed, OSError):
            self.socket.close()
