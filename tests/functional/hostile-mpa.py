# SPDX-License-Identifier: GPL-2.0-or-later
"""Handshakes as no honest peer makes them: RFC 5044 7.1, RFC 6581."""
import socket
import time

import hostile
import iwarp
import target
from hostile import ALIVE, CLOSED, REJECTED
from iwarp import CRC, ENHANCED, MARKERS, REJECT, REPLY, mpa_frame

silent = []


def answered(p):
    """What the start-up bytes that were sent lead to; ALIVE: a session that takes a message."""
    try:
        _, data = p.reply()
    except iwarp.Closed:
        return CLOSED
    except iwarp.Rejected as e:
        return REJECTED if not e.args[0] or e.args[0][0] == 0xc2 else 'an odd rejection'
    assert data[0] == 0xc0
    p.__class__ = iwarp.Initiator
    p.tag = p.credit = 0
    p.ready()
    p.close()
    return ALIVE


def says(data):
    def case():
        p = iwarp.Peer(target.ADDRESS)
        p.raw(data)
        return answered(p)
    return case


def then_ends(data):
    """The rest of the frame never comes: our end of the stream does."""
    def case():
        p = iwarp.Peer(target.ADDRESS)
        p.raw(data)
        p.sock.shutdown(socket.SHUT_WR)
        return answered(p)
    return case


def then_silence(data, count=1):
    """Nobody is kept waiting by it, and it is not answered."""
    def case():
        for _ in range(count):
            p = iwarp.Peer(target.ADDRESS)
            p.raw(data)
            silent.append(p)
        target.login().close()
        silent[-1].sock.settimeout(0.1)
        try:
            return f'answered {silent[-1].sock.recv(64)!r}'
        except socket.timeout:
            return 'waiting'
    return case


def leaves():
    """The silent ones go at last."""
    for p in silent:
        p.close()
    return CLOSED


def resets(data):
    def case():
        p = iwarp.Peer(target.ADDRESS)
        p.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        p.raw(data)
        p.close()
        return CLOSED
    return case


def drop_by_drop(data):
    def case():
        p = iwarp.Peer(target.ADDRESS)
        for i in range(len(data)):
            p.raw(data[i:i + 1])
            if i % 16 == 0:
                time.sleep(0.001)
        return answered(p)
    return case


def request_twice():
    """The second one is read as an FPDU; its queue number is text."""
    p = iwarp.Peer(target.ADDRESS)
    p.start(target.request())
    p.raw(mpa_frame(flags=ENHANCED, data=target.request()) + bytes(20000))
    return p.end()


login = target.request()
good = mpa_frame(flags=ENHANCED, data=login)

hostile.run([
    ('RFC 5044 7.1.1: another protocol', says(b'GET / HTTP/1.1\r\nHost: srpt\r\n\r\n'), CLOSED),
    ('RFC 5044 7.1.1: wrong key', says(mpa_frame(b'MPA ID Req Framf', data=login)), CLOSED),
    ('RFC 5044 7.1.1: first byte wrong', then_ends(b'X'), CLOSED),
    ('RFC 5044 7.1.1: a reply for a request', says(mpa_frame(REPLY, ENHANCED, data=login)),
     CLOSED),
    ('RFC 5044 7.1.1: revision 0', says(mpa_frame(revision=0, data=login)), (CLOSED, REJECTED)),
    ('RFC 6581 6: revision 3', says(mpa_frame(revision=3, data=login)), (CLOSED, REJECTED)),
    ('RFC 6581 6: revision 255', says(mpa_frame(revision=255, data=login)), (CLOSED, REJECTED)),
    ('RFC 5044 7.1.1: 513 bytes of private data', says(mpa_frame(data=bytes(513))), CLOSED),
    ('RFC 5044 7.1.1: 65535 bytes announced', says(mpa_frame(length=65535)), CLOSED),
    ('RFC 5044 7.1.1: longest private data', says(mpa_frame(data=login + bytes(456))),
     (ALIVE, REJECTED)),
    ('RFC 6581 9.1: no room for IRD and ORD', says(mpa_frame(length=3) [:16] + b'\x10\2\0\3abc'),
     CLOSED),
    ('cut in the key, closed', then_ends(good[:7]), CLOSED),
    ('cut in the head, closed', then_ends(good[:18]), CLOSED),
    ('cut in the private data, closed', then_ends(good[:-1]), CLOSED),
    ('nothing, closed', then_ends(b''), CLOSED),
    ('nothing, reset', resets(b''), CLOSED),
    ('whole request, reset', resets(good), CLOSED),
    ('cut in the key, silence', then_silence(good[:7]), 'waiting'),
    ('cut in the private data, silence', then_silence(good[:-1]), 'waiting'),
    ('600 that say nothing', then_silence(b'', 600), 'waiting'),
    ('they leave', leaves, CLOSED),
    ('byte by byte', drop_by_drop(good), ALIVE),
    ('RFC 5044 7.1.1: markers wanted', says(mpa_frame(flags=MARKERS | ENHANCED, data=login)),
     (CLOSED, REJECTED)),
    ('RFC 5044 7.1.1: R in a request means nothing',
     says(mpa_frame(flags=REJECT | ENHANCED, data=login)), ALIVE),
    ('RFC 5044 7.1.1: reserved flags mean nothing',
     says(mpa_frame(flags=0x0f | ENHANCED, data=login)), ALIVE),
    ('RFC 5044: revision 1', says(mpa_frame(revision=1, data=login)), ALIVE),
    ('RFC 6581 6: revision 2, not enhanced', says(mpa_frame(data=login)), ALIVE),
    ('RFC 6581 9.1: deepest queues', says(mpa_frame(flags=ENHANCED, data=login, ird=0x3ffe,
                                                   ord_=0x3ffe)), ALIVE),
    ('RFC 6581 9.1: no negotiation', says(mpa_frame(flags=ENHANCED, data=login, ird=0x3fff,
                                                   ord_=0x3fff)), ALIVE),
    ('RFC 6581 9.1: IRD 0', says(mpa_frame(flags=ENHANCED, data=login, ird=0)),
     (ALIVE, REJECTED)),
    ('request sent twice', request_twice, 0x1201),
    ('login: none', says(mpa_frame(flags=ENHANCED)), REJECTED),
    ('login: too short', says(mpa_frame(flags=ENHANCED, data=login[:40])), REJECTED),
    ('login: noise', says(mpa_frame(flags=ENHANCED, data=bytes(range(200, 256)))), REJECTED),
    ('login: opcode of a command', says(mpa_frame(flags=ENHANCED,
                                                 data=target.request(opcode=2))), REJECTED),
    ('login: messages of 63 bytes', says(mpa_frame(flags=ENHANCED,
                                                  data=target.request(it_iu_len=63))), REJECTED),
    ('login: messages of 4 GiB', says(mpa_frame(flags=ENHANCED,
                                               data=target.request(it_iu_len=0xffffffff))),
     REJECTED),
    ('login: unknown formats', says(mpa_frame(flags=ENHANCED | CRC,
                                             data=target.request(fmt=0xffff))), REJECTED),
    ('login: another target', says(mpa_frame(flags=ENHANCED,
                                            data=target.request(target=b'nobody' + bytes(10)))),
     REJECTED),
])
