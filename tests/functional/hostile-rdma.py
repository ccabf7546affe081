# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments that go nowhere: RFC 5041 8.2 and RFC 5040 4.8 name the TERMINATE of each.

Argument: which table.
"""
import socket
import struct
import sys

import hostile
import iwarp
import target
from hostile import ALIVE, CLOSED
from iwarp import (QN_READ, QN_SEND, QN_TERMINATE, READ_REQUEST, READ_RESPONSE, SEND,
                   SEND_INVALIDATE, SEND_SOLICITED, SEND_SOLICITED_INVALIDATE, TERMINATE, WRITE,
                   read_body, tagged, untagged)


def says(*ulpdus):
    def case():
        p = target.established()
        for u in ulpdus:
            p.put(target.shifted(p, u))
        return p.end()
    return case


def goes_on(ulpdu):
    """What was sent must be taken, and what follows."""
    def case():
        p = target.established()
        p.put(ulpdu)
        p.ready()
        p.close()
        return ALIVE
    return case


def too_long(piece):
    """More than any login may agree on."""
    def case():
        p = target.established()
        p.send(bytes(70000), piece=piece)
        return p.end()
    return case


def quoted(segment, code, with_read):
    """The TERMINATE holds the segment length, its header, and the READ request."""
    def case():
        p = target.established()
        ulpdu = target.shifted(p, segment)
        p.put(ulpdu)
        try:
            p.event()
        except iwarp.Terminated as e:
            got, body = e.args
        p.close()
        head = 14 if ulpdu[0] & 0x80 else 18
        want = struct.pack('>HBxH', code, 0xe0 if with_read else 0xc0, len(ulpdu)) + ulpdu[:head]
        if with_read:
            want += ulpdu[head:head + 28]
        assert got == code and body == want, f'{body.hex()} is not {want.hex()}'
        return got
    return case


def pulled(answer, length=4096, crc=False):
    """The target reads the data of a WRITE; answer(p, sink STag) puts what it gets."""
    def case():
        p = target.established(crc=crc)
        p.answer_reads = False
        p.send(p.iu(struct.pack('>BBIBH', 0x2a, 0, 30000, 0, length // 512), out=bytes(length)))
        kind, body = p.event()
        assert kind == 'read'
        sink, to, n, _, _ = struct.unpack('>IQIIQ', body)
        assert n == length, n
        answer(p, sink, to)
        return p.end()
    return case


def segment(opcode=READ_RESPONSE, stag=0, to=0, length=4096, **kw):
    """Answers of pulled(): @stag and @to are added to what was asked for."""
    return lambda p, sink, at: p.put(tagged(opcode, sink ^ stag, (at + to) % 2 ** 64,
                                            bytes(length), **kw))


def two_segments(to):
    def answer(p, sink, at):
        p.put(tagged(READ_RESPONSE, sink, at, bytes(1024), last=False))
        p.put(tagged(READ_RESPONSE, sink, at + to, bytes(3072)))
    return answer


def within_ird(ird):
    """Never more READ requests at once than we said that we serve."""
    def case():
        p = target.established(ird=ird)
        p.answer_reads, waiting, answers, most = False, [], 0, 0
        for _ in range(10):
            p.send(p.iu(struct.pack('>BBIBH', 0x2a, 0, 30000, 0, 8), out=bytes(4096)))
        while answers < 10:
            p.sock.settimeout(0.1 if waiting else iwarp.TIMEOUT)
            try:
                kind, what = p.event()
            except socket.timeout:
                p.respond(waiting.pop(0))
                continue
            if kind == 'send':
                answers += 1
            else:
                waiting.append(what)
            most = max(most, len(waiting))
        p.close()
        return ALIVE if most <= ird else f'{most} at once'
    return case


def no_ird():
    """Who serves no READ cannot send data."""
    p = target.established(ird=0)
    p.send(p.iu(struct.pack('>BBIBH', 0x2a, 0, 30000, 0, 8), out=bytes(4096)))
    return p.end()


def answered_twice(p, sink, at):
    p.put(tagged(READ_RESPONSE, sink, at, bytes(4096)))
    p.answer()
    p.put(tagged(READ_RESPONSE, sink, at, bytes(4096)))


def zero_read():
    """RFC 5040 5.2: a READ of nothing names no memory, and is answered."""
    p = target.login()  # the very first message, as one who says that it is ready does
    for stag in 0x111, 0x222, 0x333:
        p.read_request(read_body(stag, 5, 0, 0xdead, 7))
        assert p.event() == ('response', stag) and p.responses[stag] == b''
    p.ready()
    p.close()
    return ALIVE


def solicited():
    p = target.established()
    p.send(p.iu(bytes(6)), SEND_SOLICITED)
    assert p.answer().status == 0
    p.close()
    return ALIVE


def many_reads(n):
    """More READ requests at once than IRD allows."""
    def case():
        p = target.established()
        stream = b''
        for msn in range(1, n + 1):
            stream += iwarp.fpdu(untagged(READ_REQUEST, QN_READ, msn, 0,
                                          read_body(msn, 0, 0, 1, 0)))
        p.raw(stream)
        for msn in range(1, n + 1):
            try:
                p.event()
            except iwarp.Terminated as e:
                return e.args[0]
        p.close()
        return ALIVE
    return case


def without_credit():
    """Commands that wait for their data hold what receives there are; then some more."""
    p = target.established()
    p.answer_reads = False
    for _ in range(2000):
        p.send(p.iu(struct.pack('>BBIBH', 0x2a, 0, 30000, 0, 8), out=bytes(4096)))
    return p.end()


def send(opcode=SEND, **kw):
    return untagged(opcode, QN_SEND, 1, 0, bytes(48), **kw)


def request(stag=0x5eed, to=0, length=64, **kw):
    return untagged(READ_REQUEST, QN_READ, 1, 0, read_body(1, 0, length, stag, to), **kw)


ddp = [
    ('RFC 5041 8.2: untagged, version 0', says(send(dv=0)), 0x1206),
    ('RFC 5041 8.2: untagged, version 2', says(send(dv=2)), 0x1206),
    ('RFC 5041 8.2: untagged, version 3', says(send(dv=3)), 0x1206),
    ('RFC 5041 8.2: tagged, version 0', says(tagged(WRITE, 1, 0, dv=0)), 0x1104),
    ('RFC 5041 8.2: tagged, version 3', says(tagged(WRITE, 1, 0, b'x', dv=3)), 0x1104),
    ('RFC 5041 8.2: queue 3', says(untagged(SEND, 3, 1)), 0x1201),
    ('RFC 5041 8.2: queue 2^32-1', says(untagged(SEND, 0xffffffff, 1)), 0x1201),
    ('RFC 5041 8.2: message 0', says(untagged(SEND, QN_SEND, 0)), 0x1203),
    ('RFC 5041 8.2: message 2 first', says(untagged(SEND, QN_SEND, 2)), 0x1203),
    ('RFC 5041 8.2: READ request 2 first', says(untagged(READ_REQUEST, QN_READ, 2, 0, bytes(28))),
     0x1203),
    ('RFC 5041 8.2: TERMINATE 2 first', says(untagged(TERMINATE, QN_TERMINATE, 2, 0, bytes(4))),
     0x1203),
    ('RFC 5041 8.2: another message in the middle of one',
     says(untagged(SEND, QN_SEND, 1, 0, bytes(8), last=False),
          untagged(SEND, QN_SEND, 2, 0, bytes(8))), 0x1203),
    ('RFC 5041 8.2: offset in the first segment', says(untagged(SEND, QN_SEND, 1, 4, bytes(48))),
     0x1204),
    ('RFC 5041 8.2: a gap between segments',
     says(untagged(SEND, QN_SEND, 1, 0, bytes(8), last=False),
          untagged(SEND, QN_SEND, 1, 12, bytes(8))), 0x1204),
    ('RFC 5041 8.2: segments overlap',
     says(untagged(SEND, QN_SEND, 1, 0, bytes(8), last=False),
          untagged(SEND, QN_SEND, 1, 4, bytes(8))), 0x1204),
    ('RFC 5041 8.2: offset 2^32-1', says(untagged(SEND, QN_SEND, 1, 0xffffffff, bytes(8))),
     0x1204),
    ('RFC 5041 8.2: longer than the buffer', too_long(60000), 0x1205),
    ('RFC 5041 8.2: longer than the buffer, in pieces', too_long(1024), 0x1205),
    ('RFC 5041 8.2: WRITE to a tag never given out', says(tagged(WRITE, 0x5eed, 0, b'x')),
     0x1100),
    ('RFC 5041 8.2: WRITE to tag 0', says(tagged(WRITE, 0, 0, b'x')), 0x1100),
    ('RFC 5041 8.2: WRITE to tag 2^32-1', says(tagged(WRITE, 0xffffffff, 2 ** 64 - 1, b'x')),
     0x1100),
    ('RFC 5041 8.2: more messages than credit', without_credit, (0x1202, 'T_LOGOUT 0', CLOSED)),
    ('RFC 5040 4.8: the segment is quoted, tagged',
     quoted(tagged(WRITE, 0x5eed, 77, b'four'), 0x1100, False), 0x1100),
    ('RFC 5040 4.8: the segment is quoted, untagged',
     quoted(untagged(SEND, QN_SEND, 9, 0, bytes(20)), 0x1203, False), 0x1203),
    ('RFC 5040 4.8: the READ request is quoted', quoted(request(), 0x0100, True), 0x0100),
    ('reserved bits mean nothing', goes_on(b'\xfd' + tagged(WRITE, 9, 9)[1:]), ALIVE),
]

rdmap = [
    ('RFC 5040 4.8: version 0', says(send(rv=0)), 0x0205),
    ('RFC 5040 4.8: version 2', says(send(rv=2)), 0x0205),
    ('RFC 5040 4.8: version 3, tagged', says(tagged(WRITE, 1, 0, b'x', rv=3)), 0x0205),
    ('RFC 5040 4.8: SEND on the queue of READs', says(untagged(SEND, QN_READ, 1)), 0x0206),
    ('RFC 5040 4.8: SEND on the queue of TERMINATE', says(untagged(SEND, QN_TERMINATE, 1)), 0x0206),
    ('RFC 5040 4.8: READ request on the queue of SENDs', says(untagged(READ_REQUEST, QN_SEND, 1)),
     0x0206),
    ('RFC 5040 4.8: SEND, tagged', says(tagged(SEND, 1, 0)), 0x0206),
    ('RFC 5040 4.8: WRITE, untagged', says(untagged(WRITE, QN_SEND, 1)), 0x0206),
    ('RFC 5040 4.8: READ response, untagged', says(untagged(READ_RESPONSE, QN_SEND, 1)), 0x0206),
    ('RFC 5040 4.8: READ of a tag never given out', says(request()), 0x0100),
    ('RFC 5040 4.8: READ of tag 0', says(request(stag=0)), 0x0100),
    ('RFC 5040 4.8: READ of everything', says(request(to=2 ** 64 - 1, length=0xffffffff)), 0x0100),
    ('RFC 5040 4.4: READ request too short', says(untagged(READ_REQUEST, QN_READ, 1, 0, bytes(27))),
     (0x02ff, 0x0207)),
    ('RFC 5040 4.4: READ request of no bytes', says(untagged(READ_REQUEST, QN_READ, 1)),
     (0x02ff, 0x0207)),
    ('RFC 5040 4.4: READ request too long', says(untagged(READ_REQUEST, QN_READ, 1, 0, bytes(29))),
     0x1205),
    ('RFC 5040 5.2: READs of no bytes', zero_read, ALIVE),
    ('RFC 5040 5.2: four READs at once', many_reads(4), ALIVE),
    ('RFC 5040 5.2: 1000 READs at once', many_reads(1000), (ALIVE, 0x1202)),
    ('RFC 5040 5.1: WRITE of no bytes to no memory', goes_on(tagged(WRITE, 0x5eed, 2 ** 64 - 1)),
     ALIVE),
    ('RFC 5040 4.8: READ response that nobody asked for', says(tagged(READ_RESPONSE, 1, 0, b'x')),
     (0x0206, 0x1100)),
    ('RFC 5040 4.8: empty READ response that nobody asked for',
     says(tagged(READ_RESPONSE, 1, 0)), (0x0206, 0x1100)),
    ('RFC 5040 4.8: invalidate a tag never given out',
     says(send(SEND_INVALIDATE, invalidate=0x5eed)), (0x0109, 0x0209)),
    ('RFC 5040 4.8: invalidate tag 0, solicited', says(send(SEND_SOLICITED_INVALIDATE)),
     (0x0109, 0x0209)),
    ('RFC 5040 4.6: SEND with solicited event', solicited, ALIVE),
    ('RFC 5040 4.8: TERMINATE', says(untagged(TERMINATE, QN_TERMINATE, 1, 0, b'\x12\5\0\0')),
     CLOSED),
    ('RFC 5040 4.8: TERMINATE of an unknown error',
     says(untagged(TERMINATE, QN_TERMINATE, 1, 0, b'\xff\xff\xff\xff')), CLOSED),
    ('RFC 5040 4.8: TERMINATE too short', says(untagged(TERMINATE, QN_TERMINATE, 1)), CLOSED),
    ('RFC 5040 4.8: TERMINATE too long',
     says(untagged(TERMINATE, QN_TERMINATE, 1, 0, bytes(5000))), (CLOSED, 0x1205)),
] + [
    (f'RFC 5040 4.1: opcode {n}, {kind}', says(u), 0x0206)
    for n in range(8, 16)
    for kind, u in (('untagged', untagged(n, QN_SEND, 1)), ('tagged', tagged(n, 1, 0)))
]

pull = [
    ('RFC 5041 8.2: response to another tag', pulled(segment(stag=0x10000)), 0x1100),
    ('RFC 5041 8.2: response at another offset', pulled(segment(to=8, length=8)), 0x1101),
    ('RFC 5041 8.2: response before the buffer', pulled(segment(to=-8)), (0x1101, 0x1103)),
    ('RFC 5041 8.2: response wraps', pulled(segment(to=2 ** 64 - 4)), 0x1103),
    ('RFC 5041 8.2: response too long', pulled(segment(length=4097)), 0x1101),
    ('RFC 5041 8.2: response much too long', pulled(segment(length=65000)), 0x1101),
    ('RFC 5041 8.2: response too long, with CRC', pulled(segment(length=4097), crc=True), 0x1101),
    ('RFC 5041 8.2: a gap in the response', pulled(two_segments(1028)), 0x1101),
    ('RFC 5041 8.2: response overlaps itself', pulled(two_segments(0)), 0x1101),
    ('RFC 5040 5.2: response too short', pulled(segment(length=4000)), 0x1101),
    ('RFC 5040 5.2: empty response', pulled(segment(length=0)), 0x1101),
    ('RFC 5040 5.2: response without an end', pulled(segment(last=False)), 0x1101),
    ('RFC 6581 9.1: IRD 1', within_ird(1), ALIVE),
    ('RFC 6581 9.1: IRD 4', within_ird(4), ALIVE),
    ('RFC 6581 9.1: IRD 0', no_ird, (0x0000, 0x2006)),
    ('RFC 5040 5.2: answered twice', pulled(answered_twice), (0x0206, 0x1100)),
    ('RFC 5040 4.8: WRITE into the buffer of a READ', pulled(segment(WRITE)),
     (0x1100, 0x1102, 0x0102)),
    ('RFC 5040 4.8: READ of the buffer of a READ',
     pulled(lambda p, sink, at: p.read_request(read_body(1, 0, 64, sink, at))), (0x0100, 0x0102)),
    ('RFC 5040 4.8: invalidate the buffer of a READ',
     pulled(lambda p, sink, at: p.send(bytes(48), SEND_INVALIDATE, sink)), (0x0109, 0x0209)),
]

hostile.run({'ddp': ddp, 'rdmap': rdmap, 'pull': pull}[sys.argv[1]])
