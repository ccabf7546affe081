# SPDX-License-Identifier: GPL-2.0-or-later
"""Task management while the disk does not answer: in time, and no data afterwards.

LUN 0 is a vdisk_fault where reads and writes of blocks 1000 to 1007 hang. Argument: which table.
"""
import socket
import struct
import sys
import time

import hostile
import target

ALIVE = hostile.ALIVE
SLOW, READ, WRITE = 1000, 0x28, 0x2a
ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, LUN_RESET = 1, 2, 4, 8
TASK_ABORTED, RESET = 0x40, (6, 0x29, 3)
PATIENCE = 5  # seconds that ib_srp waits for the answer


def rw(op, lba=SLOW):
    return struct.pack('>BBIBH', op, 0, lba, 0, 8)


def task(function, tag=bytes(8)):
    return struct.pack('>BB6x8s4x8x2xBx8s8x', 1, 0, b'themgmt!', function, tag)


def begin(p, op):
    """A command that hangs in the disk: its tag."""
    asked = len(p.reads)
    p.send(p.iu(rw(op), room=4096) if op == READ else p.iu(rw(op), out=b'new!' * 1024))
    tag = struct.pack('>Q', p.tag)
    while op == WRITE and len(p.reads) == asked:
        p.ready()
    # What is answered came later.
    p.ready()
    return tag


def managed(p, function, tag=bytes(8), least=0.0):
    """The answer to task management came, after so many seconds."""
    start = time.monotonic()
    p.send(task(function, tag))
    r = p.answer()
    took = time.monotonic() - start
    assert r.tag == b'themgmt!' and r.code == 0, (r.tag, r.status, r.code)
    assert least <= took <= PATIENCE, f'{took:.2f} s'


def quiet(p, seconds):
    """READ requests are answered, and credit is taken; nothing else comes."""
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


def recovers(*sessions):
    """The disk answers at last, too late for what was aborted; then it hangs again."""
    target.reload(('fault_hang 1', 'fault_hang 0'))
    for p in sessions:
        quiet(p, 0.3)
        p.ready()
    target.reload(('fault_hang 0', 'fault_hang 1'))


def untouched(p, tag):
    stag = 0x1000 + struct.unpack('>Q', tag)[0]
    assert bytes(p.memory[stag]) == bytes(4096), 'data came after the answer'


def aborted(op, function):
    def case():
        p = target.established()
        tag = begin(p, op)
        managed(p, function, tag)
        recovers(p)
        if op == READ:
            untouched(p, tag)
        p.close()
        return ALIVE
    return case


def abort_waits_for_the_pull():
    """The memory of a WRITE may be used again when its abort is answered: not before."""
    p = target.established()
    p.answer_reads = False
    p.send(p.iu(rw(WRITE, 0), out=bytes(4096)))
    kind, body = p.event()
    assert kind == 'read'
    p.send(task(ABORT_TASK, struct.pack('>Q', p.tag)))
    quiet(p, 0.3)
    p.respond(body)
    r = p.answer()
    assert r.tag == b'themgmt!' and r.code == 0
    p.answer_reads = True
    p.ready()
    p.close()
    return ALIVE


def own_reset():
    """Its own commands have a second to end, as ib_srp would lose them otherwise."""
    p, other = target.established(), target.established(initiator=2)
    tag = begin(p, READ)
    managed(p, LUN_RESET, least=0.9)
    for s in p, other:
        r, _ = s.command(bytes(6))
        assert r.sense == RESET, r.sense
    recovers(p, other)
    untouched(p, tag)
    p.close()
    other.close()
    return ALIVE


def by_another(function):
    """Others are told that their commands were aborted when the disk gives these back."""
    def case():
        p, other = target.established(), target.established(initiator=2)
        tag = begin(p, READ)
        managed(other, function)
        quiet(p, 0.2)
        target.reload(('fault_hang 1', 'fault_hang 0'))
        r = p.answer()
        assert r.tag == tag and r.status == TASK_ABORTED, (r.tag, r.status)
        target.reload(('fault_hang 0', 'fault_hang 1'))
        recovers(p, other)
        untouched(p, tag)
        p.close()
        other.close()
        return ALIVE
    return case


def dropped():
    """The initiator is gone, its commands are still in the disk."""
    before = target.descriptors()
    p = target.established()
    begin(p, READ)
    begin(p, WRITE)
    p.close()
    assert hostile.iwarp.eventually(lambda: target.descriptors() <= before), \
        'the connection of who is gone is open'
    recovers()
    return ALIVE


def ends_late():
    """Commands that hang hold nobody else up, and end when the disk is well again."""
    p, other = target.established(), target.established(initiator=2)
    tags = {begin(p, READ), begin(p, WRITE)}
    quiet(p, 0.3)
    for s in p, other:
        s.read(0, 8)
    target.reload(('fault_hang 1', 'fault_hang 0'))
    for r in p.answer(), p.answer():
        assert r.status == 0
        tags.remove(r.tag)
    assert other.read(SLOW, 8) == b'new!' * 1024
    other.write(SLOW, bytes(4096))
    target.reload(('fault_hang 0', 'fault_hang 1'))
    p.close()
    other.close()
    return ALIVE


def left():
    """The initiator goes, and the disk keeps what it had."""
    p = target.established()
    begin(p, READ)
    p.close()
    return ALIVE


hostile.run({
    'abort': [
        ('ABORT TASK of a READ', aborted(READ, ABORT_TASK), ALIVE),
        ('ABORT TASK of a WRITE', aborted(WRITE, ABORT_TASK), ALIVE),
        ('ABORT TASK SET', aborted(READ, ABORT_TASK_SET), ALIVE),
        ('ABORT TASK while data are pulled', abort_waits_for_the_pull, ALIVE),
    ],
    'hang': [
        ('commands that end late', ends_late, ALIVE),
        ('the initiator is gone', dropped, ALIVE),
    ],
    'leave': [
        ('the initiator is gone, the disk hangs on', left, ALIVE),
    ],
    'reset': [
        ('LUN RESET, own commands', own_reset, ALIVE),
        ('LUN RESET by another session', by_another(LUN_RESET), ALIVE),
        ('CLEAR TASK SET by another session', by_another(CLEAR_TASK_SET), ALIVE),
    ],
}[sys.argv[1]])
