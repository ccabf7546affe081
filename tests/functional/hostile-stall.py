# SPDX-License-Identifier: GPL-2.0-or-later
"""Peers that ask for much and do not read what comes."""
import struct

import hostile
import iwarp
import target
from hostile import ALIVE

COMMANDS, BLOCKS = 16, 1024  # of 512 KiB


def stuffed(n=1):
    """Sessions to which nothing more can be sent."""
    everybody = [target.established(initiator=50 + i) for i in range(n)]
    for p in everybody:
        for _ in range(COMMANDS):
            p.send(p.iu(struct.pack('>BBIBH', 0x28, 0, 0, 0, BLOCKS), room=512 * BLOCKS))
    return everybody


def reads_at_last():
    honest = target.established(initiator=7)
    data = bytes(range(256)) * 2 * BLOCKS
    for lba in range(0, BLOCKS, 128):
        honest.write(lba, data[512 * lba:512 * lba + 65536])
    p, = stuffed()
    # Everybody else is served meanwhile.
    for lba in range(0, BLOCKS, 128):
        assert honest.read(lba, 128) == data[512 * lba:512 * lba + 65536]
    tags = {struct.pack('>Q', p.tag - i) for i in range(COMMANDS)}
    for _ in range(COMMANDS):
        r = p.answer()
        assert r.status == 0
        tags.remove(r.tag)
        assert p.memory.pop(0x1000 + struct.unpack('>Q', r.tag)[0]) == data
    assert not tags
    p.ready()
    p.close()
    honest.close()
    return ALIVE


def breaks_a_rule():
    """What is half sent is finished before the TERMINATE."""
    p, = stuffed()
    p.put(iwarp.untagged(iwarp.SEND, iwarp.QN_SEND, 9999))
    return p.end()


def never_reads():
    """It breaks a rule and stays; its connection does not."""
    before = target.descriptors()
    everybody = [target.established(initiator=50 + i) for i in range(3)]
    for p in everybody:
        p.put(iwarp.untagged(iwarp.SEND, iwarp.QN_SEND, 9999))
    assert iwarp.eventually(lambda: target.descriptors() <= before)
    for p in everybody:
        p.close()
    return ALIVE


def vanishes():
    before = target.descriptors()
    for p in stuffed(3):
        p.close()
    assert iwarp.eventually(lambda: target.descriptors() <= before)
    return ALIVE


def logs_out():
    p, = stuffed()
    p.send(struct.pack('>B7x8s', 3, b'byebye!!'))
    return p.end()


def stays():
    """The honest session that is asked after each case gets its turn all the same."""
    stays.everybody = stuffed(4)
    return ALIVE


def goes():
    for p in stays.everybody:
        p.close()
    return ALIVE


hostile.run([
    ('reads at last', reads_at_last, ALIVE),
    ('breaks a rule', breaks_a_rule, 0x1203),
    ('never reads', never_reads, ALIVE),
    ('vanishes', vanishes, ALIVE),
    ('logs out', logs_out, 'closed'),
    ('stays', stays, ALIVE),
    ('goes', goes, ALIVE),
])
