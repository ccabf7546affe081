# SPDX-License-Identifier: GPL-2.0-or-later
"""Task management while the disk is slow: answered in time, and no data afterwards.

LUN 0 is a vdisk_fault whose reads and writes of blocks 1000 to 1007 take some time.
Arguments: which table, how many milliseconds.
"""
import socket
import struct
import sys
import time

import hostile
import target

DELAY = int(sys.argv[2]) / 1000
ALIVE = hostile.ALIVE
SLOW, READ, WRITE = 1000, 0x28, 0x2a
ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, LUN_RESET = 1, 2, 4, 8
TASK_ABORTED, RESET = 0x40, (6, 0x29, 3)


def rw(op, lba=SLOW):
    return struct.pack('>BBIBH', op, 0, lba, 0, 8)


def task(function, tag=bytes(8)):
    return struct.pack('>BB6x8s4x8x2xBx8s8x', 1, 0, b'themgmt!', function, tag)


def begin(p, op, lba=SLOW):
    """A slow command on its way: its tag."""
    p.send(p.iu(rw(op, lba), room=4096) if op == READ else
           p.iu(rw(op, lba), out=b'new!' * 1024))
    if op == WRITE and p.answer_reads:
        p.sock.settimeout(0.2)
        quiet(p, 0.2)
    return struct.pack('>Q', p.tag)


def managed(p, function, tag=bytes(8), least=0.0, most=0.9):
    """The answer to task management came, after so many seconds."""
    start = time.monotonic()
    p.sock.settimeout(8)
    p.send(task(function, tag))
    r = p.answer()
    took = time.monotonic() - start
    assert r.tag == b'themgmt!' and r.code == 0, (r.tag, r.status, r.code)
    assert least <= took <= most, f'{took:.2f} s'


def quiet(p, seconds):
    """READ requests are answered, and credit is taken; nothing else comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        p.sock.settimeout(max(end - time.monotonic(), 0.01))
        try:
            kind, what = p.event()
        except socket.timeout:
            continue
        assert kind == 'send', kind
        p.credited(what)
    p.sock.settimeout(8)


def untouched(p, stag):
    assert bytes(p.memory[stag]) == bytes(4096), 'data came after the answer'


def aborted(op, function):
    def case():
        p = target.established()
        tag = begin(p, op)
        managed(p, function, tag)
        quiet(p, DELAY + 0.3)
        if op == READ:
            untouched(p, 0x1000 + p.tag)
        p.ready()
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
    begin(p, READ)
    managed(p, LUN_RESET, least=0.9, most=DELAY - 0.1)
    quiet(p, DELAY - 0.6)
    untouched(p, 0x1000 + p.tag)
    for s in p, other:
        r, _ = s.command(bytes(6))
        assert r.sense == RESET, r.sense
        s.ready()
        s.close()
    return ALIVE


def reset_of_another():
    """The commands of others end at once and say so."""
    p, other = target.established(), target.established(initiator=2)
    tag = begin(p, READ)
    managed(other, LUN_RESET)
    r = p.answer()
    assert r.tag == tag and r.status == TASK_ABORTED, (r.tag, r.status)
    quiet(p, DELAY + 0.3)
    untouched(p, 0x1000 + p.tag)
    for s in p, other:
        s.ready()
        s.close()
    return ALIVE


def dropped():
    """The initiator is gone, its command is still in the disk."""
    before = target.descriptors()
    p = target.established()
    begin(p, READ)
    begin(p, WRITE)
    p.close()
    time.sleep(0.3)
    assert target.descriptors() <= before, 'the connection of who is gone is open'
    return ALIVE


def hangs():
    """Commands that hang keep nobody else waiting, and end when the disk is well again."""
    p, other = target.established(), target.established(initiator=2)
    tags = [begin(p, READ), begin(p, WRITE)]
    quiet(p, 0.3)
    for s in p, other:
        s.read(0, 8)
    target.reload(('fault_hang 1', 'fault_hang 0'))
    for _ in tags:
        r = p.answer()
        assert r.tag in tags and r.status == 0
        tags.remove(r.tag)
    assert other.read(SLOW, 8) == b'new!' * 1024
    p.close()
    other.close()
    return ALIVE


def slow_is_just_slow():
    p = target.established()
    start = time.monotonic()
    assert p.read(SLOW, 8) is not None
    assert DELAY - 0.1 <= time.monotonic() - start <= DELAY + 1.5
    p.close()
    return ALIVE


tables = {
    'abort': [
        ('slow, but it works', slow_is_just_slow, ALIVE),
        ('ABORT TASK of a READ', aborted(READ, ABORT_TASK), ALIVE),
        ('ABORT TASK of a WRITE', aborted(WRITE, ABORT_TASK), ALIVE),
        ('ABORT TASK SET', aborted(READ, ABORT_TASK_SET), ALIVE),
        ('ABORT TASK while data are pulled', abort_waits_for_the_pull, ALIVE),
    ],
    'hang': [
        ('commands hang', hangs, ALIVE),
    ],
    'reset': [
        ('LUN RESET, own commands', own_reset, ALIVE),
        ('LUN RESET by another session', reset_of_another, ALIVE),
        ('the initiator is gone', dropped, ALIVE),
    ],
}
hostile.run(tables[sys.argv[1]])
