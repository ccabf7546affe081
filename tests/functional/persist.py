# SPDX-License-Identifier: GPL-2.0-or-later
"""Reservations as several initiators see them. Argument: which part.

Written from SPC-4 5.13, 6.15 and 6.16 and SPC-2 5.5.
"""
import os
import socket
import struct
import sys
import time

import iwarp
import target

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_ABORT, IGNORE, MOVE = range(8)
WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS, WRITE_EXCLUSIVE_RO, EXCLUSIVE_ACCESS_AR = 1, 3, 5, 8
GOOD, CONFLICT, TASK_ABORTED = 0, 0x18, 0x40
RESERVATIONS_PREEMPTED, RELEASED, REGISTRATIONS_PREEMPTED = [(6, 0x2a, n) for n in (3, 4, 5)]
SPEC_I_PT, ALL_TG_PT, APTPL = 8, 4, 1
READY = bytes(6)
READ = struct.pack('>BBIBH', 0x28, 0, 8, 0, 1)
RESERVE_6, RELEASE_6 = bytes([0x16]), bytes([0x17])
A, B, C = 0xaaaa, 0xbbbb, 0xcccc
SLOW = 1000


def transport_id(initiator):
    return struct.pack('>B7xQQ', 4, 0, initiator)


def out(p, action, key=0, action_key=0, kind=0, flags=0, more=b'', expect=GOOD, sense=None):
    data = struct.pack('>QQ4xB3x', key, action_key, flags) + more
    cdb = struct.pack('>BBB2xI', 0x5f, action, kind, len(data)) + b'\0'
    r, _ = p.command(cdb, out=data)
    assert (r.status, r.sense) == (2 if sense else expect, sense), (action, r.status, r.sense)


def ends(p, cdb, status, sense=None, **kw):
    r, data = p.command(cdb, **kw)
    assert (r.status, r.sense) == (status, sense), (cdb.hex(), r.status, r.sense)
    return data


def reads(p, status):
    ends(p, READ, status, room=512)


def writes(p, status, lba=8, data=bytes(512)):
    ends(p, struct.pack('>BBIBH', 0x2a, 0, lba, 0, 1), status, out=data)


def told(p, sense):
    ends(p, READY, 2, sense)
    ends(p, READY, GOOD)


def pr_in(p, action, room=1024):
    """(PRgeneration, the rest)"""
    data = ends(p, struct.pack('>BB5xHB', 0x5e, action, room, 0), GOOD, room=room)
    generation, length = struct.unpack('>II', data[:8])
    return generation, data[8:8 + length]


def keys(p):
    data = pr_in(p, 0)[1]
    return sorted(k for k, in struct.iter_unpack('>Q', data))


def status(p):
    """{(initiator number, port): (key, type if it holds the reservation)}"""
    data, at, found = pr_in(p, 3)[1], 0, {}
    while at < len(data):
        key, flags, kind, port, more = struct.unpack('>Q4xBB4xHI', data[at:at + 24])
        name = data[at + 24:at + 24 + more]
        assert len(name) == 24 and name[:16] == b'\x04' + bytes(15), name.hex()
        found[struct.unpack('>Q', name[16:])[0], port] = key, kind if flags & 1 else 0
        at += 24 + more
    return found


def reserve():
    a, b, c = (target.established(initiator=n) for n in (1, 2, 3))
    out(a, REGISTER, 0, A)
    out(b, REGISTER, 0, B)
    out(b, REGISTER, A, A, expect=CONFLICT)
    out(a, RESERVE, A, kind=WRITE_EXCLUSIVE)
    for p, may_write in (a, GOOD), (b, CONFLICT), (c, CONFLICT):
        reads(p, GOOD)
        writes(p, may_write)
    out(b, RESERVE, B, kind=WRITE_EXCLUSIVE, expect=CONFLICT)
    listed = target.ctl('reservations', 'disk01')
    assert listed['reservations'] == [{'device': 'disk01', 'type': 'Write Exclusive',
                                       'registrants': 2, 'generation': 2, 'kept': False,
                                       'reserved_by': None}], listed
    assert [(r['initiator_port_id'], r['key'], r['holder'], r['session_name'] is not None)
            for r in listed['registrants']] == [(f'{1:032x}', '0xaaaa', True, True),
                                                (f'{2:032x}', '0xbbbb', False, True)], listed
    assert status(c) == {(1, 1): (A, WRITE_EXCLUSIVE), (2, 1): (B, 0)}, status(c)
    # B takes it over: A hears why, and is out.
    out(b, PREEMPT, B, A, kind=EXCLUSIVE_ACCESS)
    ends(a, READY, 2, REGISTRATIONS_PREEMPTED)
    reads(a, CONFLICT)
    ends(a, READY, GOOD)
    ends(c, READY, GOOD)
    assert keys(c) == [B]
    out(a, RELEASE, A, kind=EXCLUSIVE_ACCESS, expect=CONFLICT)
    out(b, RELEASE, B, kind=EXCLUSIVE_ACCESS)
    # For registrants only: who is told when the holder leaves.
    out(a, IGNORE, 0, A)
    out(a, RESERVE, A, kind=WRITE_EXCLUSIVE_RO)
    writes(b, GOOD)
    writes(c, CONFLICT)
    out(a, REGISTER, A, 0)
    told(b, RELEASED)
    ends(c, READY, GOOD)
    # And when all is cleared.
    out(c, REGISTER, 0, C)
    out(b, CLEAR, B)
    told(c, RESERVATIONS_PREEMPTED)
    assert keys(a) == []
    for p in a, b, c:
        p.close()


def again():
    """A registration is the initiator's, not the session's."""
    a, b = (target.established(initiator=n) for n in (1, 2))
    out(a, REGISTER, 0, A)
    out(a, RESERVE, A, kind=EXCLUSIVE_ACCESS)
    a.close()
    reads(b, CONFLICT)
    a = target.established(initiator=1)
    writes(a, GOOD)
    # Two that have no identifier of their own are told apart by their address.
    zero = [iwarp.Initiator((host, target.ADDRESS[1]), target.ID_EXT, target.IOC_GUID)
            for host in os.environ['HOSTS'].split()]
    out(a, CLEAR, A)
    for n, p in enumerate(zero):
        p.ready()
        out(p, REGISTER, 0, n + 1)
    assert len(keys(b)) == len(zero)
    out(zero[0], RESERVE, 1, kind=EXCLUSIVE_ACCESS)
    for p in zero[1:]:
        reads(p, CONFLICT)
    out(zero[0], CLEAR, 1)
    for p in zero + [a, b]:
        p.close()


def spc2():
    """RESERVE and RELEASE, and what they have to do with persistent reservations."""
    a, b = (target.established(initiator=n) for n in (1, 2))
    ends(a, RESERVE_6, GOOD)
    ends(b, READY, CONFLICT)
    ends(b, RESERVE_6, CONFLICT)
    ends(b, RELEASE_6, GOOD)
    ends(b, bytes([0x12, 0, 0, 0, 36]), GOOD, room=36)
    out(a, REGISTER, 0, A, expect=CONFLICT)
    writes(a, GOOD)
    writes(b, CONFLICT)
    # Whoever is gone has nothing reserved.
    a.close()
    assert iwarp.eventually(lambda: b.command(READY)[0].status == GOOD)
    ends(b, RESERVE_6, GOOD)
    ends(b, RELEASE_6, GOOD)
    out(b, REGISTER, 0, B)
    ends(b, RESERVE_6, CONFLICT)
    out(b, RESERVE, B, kind=WRITE_EXCLUSIVE)
    ends(b, RESERVE_6, GOOD)
    out(b, CLEAR, B)
    b.close()


def hung(p):
    """A write that hangs in the disk: its tag."""
    asked = len(p.reads)
    p.send(p.iu(struct.pack('>BBIBH', 0x2a, 0, SLOW, 0, 8), out=b'old!' * 1024))
    tag = struct.pack('>Q', p.tag)
    while len(p.reads) == asked:
        p.ready()
    p.ready()
    return tag


def silent(p, seconds):
    end, patience = time.monotonic() + seconds, p.sock.gettimeout()
    while time.monotonic() < end:
        p.sock.settimeout(max(end - time.monotonic(), 0.01))
        try:
            kind, what = p.event()
        except socket.timeout:
            continue
        assert kind == 'send', kind
        p.credited(what)
    p.sock.settimeout(patience)


def preempt_begin(p, key, action_key):
    p.send(p.iu(struct.pack('>BBB2xI', 0x5f, PREEMPT_ABORT, EXCLUSIVE_ACCESS, 24) + b'\0',
                out=struct.pack('>QQ8x', key, action_key)))
    return struct.pack('>Q', p.tag)


def abort():
    """PREEMPT AND ABORT is answered when the disk is done with what the victim wrote."""
    a, b, c = (target.established(initiator=n) for n in (1, 2, 3))
    out(a, REGISTER, 0, A)
    out(b, REGISTER, 0, B)
    out(b, RESERVE, B, kind=WRITE_EXCLUSIVE_RO)
    tag = hung(b)
    preempt = preempt_begin(a, A, B)
    silent(a, 0.4)
    # It has lost the disk already; what is not the disk's business goes on.
    writes(c, CONFLICT)
    assert keys(c) == [A]
    target.reload(('fault_hang 1', 'fault_hang 0'))
    r = a.answer()
    assert (r.tag, r.status) == (preempt, GOOD), (r.tag, r.status, r.sense)
    r = b.answer()
    assert (r.tag, r.status) == (tag, TASK_ABORTED), (r.tag, r.status, r.sense)
    ends(b, READY, 2, REGISTRATIONS_PREEMPTED)
    writes(b, CONFLICT)
    # Nothing old comes after what is written now.
    a.write(SLOW, b'new!' * 1024)
    assert a.read(SLOW, 8) == b'new!' * 1024
    assert status(a) == {(1, 1): (A, EXCLUSIVE_ACCESS)}
    for p in a, b, c:
        p.close()


def dead():
    """The victim's data never comes: PREEMPT AND ABORT does not wait for it, nor is it written."""
    a, b = (target.established(initiator=n) for n in (1, 2))
    out(a, REGISTER, 0, A)
    out(b, REGISTER, 0, B)
    b.answer_reads = False
    b.send(b.iu(struct.pack('>BBIBH', 0x2a, 0, 8, 0, 1), out=b'old!' * 128))
    tag = struct.pack('>Q', b.tag)
    kind, asked = b.event()
    assert kind == 'read', kind
    out(a, PREEMPT_ABORT, A, B, kind=EXCLUSIVE_ACCESS)
    a.write(8, b'new!' * 128)
    b.respond(asked)
    r = b.answer()
    assert (r.tag, r.status) == (tag, TASK_ABORTED), (r.tag, r.status, r.sense)
    assert a.read(8, 1) == b'new!' * 128
    out(a, CLEAR, A)
    for p in a, b:
        p.close()


def gone():
    """Who preempts a host with a disk that hangs may be lost meanwhile, and come back."""
    a, b = (target.established(initiator=n) for n in (1, 2))
    out(a, REGISTER, 0, A)
    out(b, REGISTER, 0, B)
    hung(b)
    preempt_begin(a, A, B)
    silent(a, 0.2)
    a.close()
    a = target.established(initiator=1)
    assert keys(a) == [A]
    # The next one does not wait for the first.
    out(a, RESERVE, A, kind=WRITE_EXCLUSIVE)
    b.close()
    b = target.established(initiator=2)
    writes(b, CONFLICT)
    target.reload(('fault_hang 1', 'fault_hang 0'))
    assert iwarp.eventually(lambda: len(target.ctl('sessions')) == 2)
    a.write(SLOW, b'new!' * 1024)
    assert a.read(SLOW, 8) == b'new!' * 1024
    out(a, CLEAR, A)
    target.reload(('fault_hang 0', 'fault_hang 1'))
    for p in a, b:
        p.close()


def ports():
    """Two targets, relative port ids 11 and 12, with one disk; 13 and 14 are of another node."""
    def second(n):
        p = iwarp.Initiator(target.ADDRESS, target.ID_EXT + 1, target.IOC_GUID,
                            initiator=struct.pack('>QQ', 0, n))
        p.ready()
        return p

    a, b = target.established(initiator=1), target.established(initiator=2)
    # At all ports, before anybody has logged in to the other; and for an initiator not there.
    ids = transport_id(3)
    out(a, REGISTER, 0, A, flags=ALL_TG_PT | SPEC_I_PT, more=struct.pack('>I', len(ids)) + ids)
    everywhere = {(n, port): (A, 0) for n in (1, 3) for port in (11, 12, 13, 14)}
    assert status(b) == everywhere, status(b)
    out(a, RESERVE, A, kind=EXCLUSIVE_ACCESS_AR)
    a2, b2, c2 = second(1), second(2), second(3)
    for p, expected in (a2, GOOD), (c2, GOOD), (b2, CONFLICT), (b, CONFLICT):
        writes(p, expected)
    # One path leaves, the others stay.
    out(a2, REGISTER, A, 0)
    writes(a2, CONFLICT)
    writes(a, GOOD)
    out(a, RELEASE, A, kind=EXCLUSIVE_ACCESS_AR)
    told(c2, RELEASED)
    # To another initiator at another port.
    out(a, RESERVE, A, kind=EXCLUSIVE_ACCESS)
    move = struct.pack('>QQxBHI', A, B, 2, 12, 24) + transport_id(2)
    ends(a, struct.pack('>BBB2xI', 0x5f, MOVE, 0, len(move)) + b'\0', GOOD, out=move)
    assert status(a)[2, 12] == (B, EXCLUSIVE_ACCESS)
    assert (1, 11) not in status(a)
    writes(b2, GOOD)
    writes(b, CONFLICT)
    writes(a, CONFLICT)
    out(b2, CLEAR, B)
    for p in a, a2, b, b2, c2:
        p.close()


def main():
    {'reserve': reserve, 'again': again, 'spc2': spc2, 'abort': abort,
     'dead': dead, 'gone': gone, 'ports': ports}[sys.argv[1]]()


main()
