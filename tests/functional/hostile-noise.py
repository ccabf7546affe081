# SPDX-License-Identifier: GPL-2.0-or-later
"""Good sessions with bytes changed at random, the same in every run; srptd outlives them all.

Arguments: how many sessions, a number that chooses what is changed.
"""
import random
import socket
import struct
import sys

import hostile
import iwarp
import target
from iwarp import (ENHANCED, QN_READ, QN_SEND, QN_TERMINATE, READ_REQUEST, READ_RESPONSE, SEND,
                   SEND_INVALIDATE, TERMINATE, WRITE, fpdu, mpa_frame, read_body, tagged, untagged)

rng = random.Random(int(sys.argv[2]))


def iu(p, op, fmt):
    """A command with a table of two descriptors, or one."""
    cdb = struct.pack('>BBIBH', op, 0, 30000, 0, 2)
    if fmt & 0x11:
        return p.iu(cdb, out=bytes(1024) if op == 0x2a else b'', room=0 if op == 0x2a else 1024)
    head = struct.pack('>BB3xBBB8s4x8s4x16s', 2, 0, fmt, 2 * (fmt >> 4 == 2), 2 * (fmt & 15 == 2),
                       rng.randbytes(8), bytes(8), cdb.ljust(16, b'\0'))
    return head + struct.pack('>QIIIQIIQII', 0, 7, 32, 1024, 0, 1, 512, 0, 2, 512)


def sentence(p, msn):
    """One FPDU that might be next; the number of SENDs in it."""
    kind = rng.randrange(9)
    if kind < 4:
        message = (bytes([rng.randrange(4)]) + bytes(47), iu(p, 0x28, 1), iu(p, 0x2a, 0x10),
                   iu(p, 0x2a, 0x20))[kind]
        return untagged(SEND, QN_SEND, msn, 0, message), 1
    return (tagged(WRITE, rng.randrange(1 << 32), 0, bytes(rng.randrange(64))),
            untagged(READ_REQUEST, QN_READ, 1, 0, read_body(1, 0, 0, 0, 0)),
            tagged(READ_RESPONSE, rng.randrange(1 << 20), 0, bytes(512)),
            untagged(TERMINATE, QN_TERMINATE, 1, 0, bytes(4)),
            untagged(SEND_INVALIDATE, QN_SEND, msn, 0, bytes(48)))[kind - 4], 0


def spoiled(data):
    """A few bits, a piece more or less."""
    data = bytearray(data)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data))
        how = rng.randrange(4)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff))
        elif how == 2 and len(data) > 8:
            del data[at:at + rng.randrange(8)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(8))
    return bytes(data)


def handshake():
    p = iwarp.Peer(target.ADDRESS)
    p.raw(spoiled(mpa_frame(flags=ENHANCED, data=target.request())))
    p.sock.shutdown(socket.SHUT_WR)
    while p.sock.recv(65536):
        pass
    p.close()


def session():
    crc = rng.random() < 0.3
    try:
        p = target.login(initiator=rng.randrange(4), crc=crc)
    except (iwarp.Closed, iwarp.Rejected):
        return  # one of the others took its place
    stream, msn = b'', 1
    for _ in range(rng.randrange(1, 12)):
        ulpdu, sends = sentence(p, msn)
        msn += sends
        if rng.random() < 0.3:
            stream += spoiled(fpdu(ulpdu, crc))
        else:
            stream += fpdu(spoiled(ulpdu) if rng.random() < 0.3 else ulpdu, crc)
    p.raw(stream)
    if rng.random() < 0.5:
        p.sock.shutdown(socket.SHUT_WR)
        p.sock.settimeout(0.02)
        try:
            while p.sock.recv(65536):
                pass
        except (socket.timeout, ConnectionResetError):
            pass
    p.close()


def batch():
    for _ in range(20):
        try:
            handshake() if rng.random() < 0.2 else session()
        except ConnectionResetError:
            pass
    return hostile.ALIVE


hostile.run([(f'noise {i}', batch, hostile.ALIVE) for i in range(int(sys.argv[1]) // 20)])
