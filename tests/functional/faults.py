# SPDX-License-Identifier: GPL-2.0-or-later
"""What the disk cannot do is told by sense data, and the session lives on.

LUN 0 is a vdisk_fault; its blocks 1000 to 1007 are those that go wrong.
"""
import struct
import sys

import target

READ, WRITE, SYNC = 0x28, 0x2a, 0x35

# errno, operation: status, sense
cases = [
    ('EIO', READ, 2, (3, 0x11, 0)),
    ('EIO', WRITE, 2, (3, 0x0c, 0)),
    ('EIO', SYNC, 2, (3, 0x0c, 0)),
    ('ENOSPC', WRITE, 2, (7, 0x27, 7)),
    ('EROFS', WRITE, 2, (7, 0x27, 0)),
    ('ENODEV', READ, 2, (2, 8, 0)),
    ('ENODEV', WRITE, 2, (2, 8, 0)),
    ('ENOMEM', READ, 8, None),
    ('ETIMEDOUT', WRITE, 2, (0xb, 0x44, 0)),
]


def command(p, op, lba):
    cdb = struct.pack('>BBIBH', op, 0, lba, 0, 8)
    return p.command(cdb, out=bytes(4096) if op == WRITE else b'',
                     room=4096 if op == READ else 0)[0]


def main():
    p, other = target.established(), target.established(initiator=2)
    good = b'good' * 1024
    p.write(0, good)
    p.write(1000, good)
    now, wrong = 'fault_errno none', 0
    for errno, op, status, sense in cases:
        target.reload((now, f'fault_errno {errno}'))
        now = f'fault_errno {errno}'
        for s in p, other:
            s.ready()  # the next round of its reactor knows of the change
            r = command(s, op, 1000)
            ok = (r.status, r.sense) == (status, sense)
            wrong += not ok
            print(f'{"ok    " if ok else "WRONG "} {errno} at {op:02x}: {r.status} {r.sense}')
        # Next to it everything is as before, to and fro.
        assert p.read(0, 8) == good
        if op != SYNC:
            other.write(2000, good)
            assert p.read(992, 8) == bytes(4096)
    target.reload((now, 'fault_errno none'))
    assert p.read(1000, 8) == good, 'a WRITE that failed changed the disk'
    p.write(1000, bytes(4096))
    assert other.read(1000, 8) == bytes(4096)
    sys.exit(bool(wrong))


main()
