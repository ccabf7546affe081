# SPDX-License-Identifier: GPL-2.0-or-later
"""A name server for tests: dns.py PORT-FILE ZONE-FILE. Answers over UDP on 127.0.0.1.

Lines of the zone: NAME TYPE VALUE..., TYPE SRV ("port host"), TXT (strings, with | between), A, AAAA,
BAD (any type of NAME is answered with the bytes of VALUE, in hexadecimal, behind a good header and
question), or SILENT. Other names do not exist.
"""
import os
import socket
import struct
import sys

TYPES = {"A": 1, "TXT": 16, "AAAA": 28, "SRV": 33}


def encode(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".") if p) + b"\0"


def decode(packet, at):
    parts = []
    while packet[at]:
        parts.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(parts), at + 1


def rdata(kind, value):
    if kind == "SRV":
        priority, port, host = value.split()
        return struct.pack(">HHH", int(priority), 0, int(port)) + encode(host)
    if kind == "TXT":
        return b"".join(bytes([len(s)]) + s.encode() for s in value.split("|"))
    return socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, value)


def answer(packet, zone):
    name, at = decode(packet, 12)
    kind = struct.unpack(">H", packet[at:at + 2])[0]
    question = packet[12:at + 4]
    records, raw, known = [], b"", False
    for owner, what, value in zone:
        if owner != name:
            continue
        known = True
        if what == "SILENT":
            return None
        if what == "BAD":
            raw = bytes.fromhex(value)
        elif TYPES[what] == kind:
            data = rdata(what, value)
            records.append(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data)
    count = 1 if raw else len(records)
    flags = 0x8580 if known else 0x8583
    return packet[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + raw + b"".join(records)


def main():
    with open(sys.argv[2], encoding="utf-8") as f:
        zone = [(line.split(None, 2) + [""])[:3] for line in f.read().splitlines() if line]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    with open(sys.argv[1] + ".new", "w", encoding="utf-8") as f:
        f.write(str(sock.getsockname()[1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while True:
        packet, peer = sock.recvfrom(4096)
        reply = answer(packet, zone)
        if reply is not None:
            sock.sendto(reply, peer)


main()
