"""Nodes of ECHONET Lite for scenarios, with a codec of their own. Standard library only."""
import socket
import struct
import threading

from tap import same

GET, SETC, GET_RES, GET_SNA, SET_RES, SETC_SNA, INF = 0x62, 0x61, 0x72, 0x52, 0x71, 0x51, 0x73


def frame(tid, source, destination, service, properties):
    out = struct.pack(">HH3s3sBB", 0x1081, tid, bytes.fromhex(source), bytes.fromhex(destination), service, len(properties))
    return out + b"".join(bytes((epc, len(edt))) + edt for epc, edt in properties)


def parse(datagram):
    ehd, tid, source, destination, service, count = struct.unpack(">HH3s3sBB", datagram[:12])
    same(ehd, 0x1081)
    at, properties = 12, []
    for _ in range(count):
        epc, length = datagram[at], datagram[at + 1]
        properties.append((epc, datagram[at + 2:at + 2 + length]))
        at += 2 + length
    same(at, len(datagram), "bytes of a frame")
    return tid, source.hex(), destination.hex(), service, properties


class Node(threading.Thread):
    """Answers Get and SetC; what it cannot do it refuses, as a request of more than opc_max properties."""

    def __init__(self, address, port, objects, number=None, opc_max=255):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.port, self.opc_max, self.requests, self.largest = port, opc_max, 0, 0
        instances = bytes([len(objects)]) + b"".join(bytes.fromhex(eoj) for eoj in objects)
        profile = {0x80: "30", 0x82: "010d0100", 0x8a: "000016", 0xd6: instances.hex()}
        if number:
            profile[0x83] = number
        self.objects = {eoj: {epc: bytes.fromhex(edt) for epc, edt in properties.items()}
                        for eoj, properties in {"0ef001": profile, **objects}.items()}
        self.settable = {eoj: {0x80} for eoj in objects}
        self.start()

    def value(self, eoj, epc):
        properties = self.objects.get(eoj, {})
        if epc == 0x9f:
            return self.map({*properties, 0x9d, 0x9e, 0x9f})
        if epc == 0x9e:
            return self.map(self.settable.get(eoj, set()))
        return self.map({0x80}) if epc == 0x9d else properties.get(epc)

    @staticmethod
    def map(epcs):
        if len(epcs) < 16:
            return bytes([len(epcs), *sorted(epcs)])
        rows = [sum(1 << ((epc >> 4) - 8) for epc in epcs if epc & 15 == row) for row in range(16)]
        return bytes([len(epcs), *rows])

    def run(self):
        while True:
            try:
                datagram, sender = self.socket.recvfrom(65536)
            except OSError:
                return
            tid, source, destination, service, properties = parse(datagram)
            self.requests += 1
            self.largest = max(self.largest, len(properties))
            if service == GET:
                few = len(properties) <= self.opc_max
                answers = [(epc, (self.value(destination, epc) or b"") if few else b"") for epc, _ in properties]
                service = GET_RES if all(edt for _, edt in answers) else GET_SNA
            elif service == SETC:
                answers = []
                for epc, edt in properties:
                    taken = epc in self.settable.get(destination, ()) and edt != b"\x99"
                    if taken:
                        self.objects[destination][epc] = edt
                    answers.append((epc, b"" if taken else edt))
                service = SET_RES if all(not edt for _, edt in answers) else SETC_SNA
            else:
                continue
            try:
                self.socket.sendto(frame(tid, destination, source, service, answers), sender)
            except OSError:
                return

    def announce(self, eoj, epc):
        self.socket.sendto(frame(1, eoj, "0ef001", INF, [(epc, self.value(eoj, epc))]), ("127.0.0.1", self.port))

    def close(self):
        self.socket.close()
