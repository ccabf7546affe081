# SPDX-License-Identifier: GPL-2.0-or-later
"""States of target port groups as initiators on two targets of one device group see them."""
import os
import struct
import subprocess
import sys

import iwarp
import target

CHANGED, FAILED, INQUIRY = (6, 0x2a, 6), (6, 0x2a, 7), (6, 0x3f, 3)
TRANSITION, STANDBY, UNAVAILABLE, OFFLINE = [(2, 4, ascq) for ascq in (0x0a, 0x0b, 0x0c, 0x12)]

READY = bytes(6)
READ = struct.pack('>BBIBH', 0x28, 0, 8, 0, 1)
WRITE = struct.pack('>BBIBH', 0x2a, 0, 8, 0, 1)
INQUIRE = bytes([0x12, 0, 0, 0, 255])
DEVICE_ID = bytes([0x12, 1, 0x83, 0, 255])
CAPACITY_10 = bytes([0x25])
CAPACITY_16 = bytes([0x9e, 0x10]) + bytes(8) + struct.pack('>I', 32)
LUNS = bytes([0xa0]) + bytes(5) + struct.pack('>I', 256)
MODES = bytes([0x1a, 0, 0x3f, 0, 255])
GROUPS = bytes([0xa3, 0x2a]) + bytes(4) + struct.pack('>I', 256)


def second(initiator):
    """A session on the other target."""
    p = iwarp.Initiator(target.ADDRESS, target.ID_EXT + 1, target.IOC_GUID,
                        initiator=struct.pack('>QQ', 0, initiator))
    p.ready()
    return p


def set_state(*words):
    assert target.ctl('set-state', *words) is None


def ends(p, cdb, sense, **kw):
    r, _ = p.command(cdb, **kw)
    assert r.sense == sense, (cdb.hex(), r.status, r.sense, sense)


def told(sessions, sense):
    """Each of them, once."""
    for p in sessions:
        ends(p, READY, sense)


def data(p, cdb):
    r, got = p.command(cdb, room=256)
    assert r.status == 0, (cdb.hex(), r.sense)
    return got


def states(p):
    """By group id; everything else of the table must be as it was configured."""
    got = data(p, GROUPS)
    length, kind, seconds = struct.unpack('>IBB2x', got[:8])
    assert (length, kind, seconds) == (4 + 12 + 12 + 16, 0x10, 45), got.hex()
    at, found = 8, {}
    for _ in range(3):
        state, mask, number, ports = struct.unpack('>BBH3xB', got[at:at + 8])
        assert mask == 0xcf
        found[number] = state, struct.unpack(f'>{2 * ports}H', got[at + 8:at + 8 + 4 * ports])[1::2]
        at += 8 + 4 * ports
    assert {n: p for n, (_, p) in found.items()} == {1: (11,), 2: (12,), 3: (13, 14)}
    return {n: s for n, (s, _) in found.items()}


def port_group(p):
    """Of VPD page 83h: relative target port and target port group."""
    page, at, found = data(p, DEVICE_ID), 4, {}
    while at < 4 + struct.unpack('>H', page[2:4])[0]:
        found[page[at + 1] & 0x3f] = page[at + 4:at + 4 + page[at + 3]]
        at += 4 + page[at + 3]
    assert found[6] == b'\0\0\0\7'
    return struct.unpack('>2xH', found[0x14]) + struct.unpack('>2xH', found[0x15])


def refused(p, sense, allowed):
    for cdb in READY, READ:
        ends(p, cdb, sense, room=512)
    ends(p, WRITE, sense, out=bytes(512))
    for cdb in allowed:
        data(p, cdb)


def every_state(a, b, far):
    always = INQUIRE, LUNS, GROUPS, CAPACITY_10, CAPACITY_16
    for name, state, sense, allowed in (
            ('standby', 2, STANDBY, always + (MODES,)),
            ('unavailable', 3, UNAVAILABLE, always),
            ('offline', 14, OFFLINE, always)):
        set_state('dg0/near', name)
        told((a, b, far), CHANGED)
        for p in a, b:
            refused(p, sense, allowed)
            assert data(p, INQUIRE)[0] == (0x20 if state in (3, 14) else 0)
        assert states(a) == states(far) == {1: state, 2: 0, 3: 2}
        far.write(8, name.encode().ljust(512))
    # Nobody is told that a transition has begun, but commands are refused.
    set_state('dg0/near', 'transitioning')
    for p in a, b:
        refused(p, TRANSITION, always)
    assert states(far)[1] == 15
    set_state('dg0/near', 'standby', 'failed')
    told((a, b, far), FAILED)
    set_state('dg0/near', 'active/optimized')
    told((a, b, far), CHANGED)
    assert a.read(8, 1).rstrip() == b'offline'
    a.write(8, b'back'.ljust(512))
    assert b.read(8, 1).rstrip() == b'back'


def reloads(a, far):
    """What was set stays, unless the file says something new."""
    set_state('near', 'nonoptimized')
    told((a, far), CHANGED)
    target.reload(('transition_time 40', 'transition_time 45'))
    assert states(a) == {1: 1, 2: 0, 3: 2}
    a.ready()
    target.reload(('state active #near', 'state standby #near'))
    told((a, far), CHANGED)
    ends(a, READY, STANDBY)
    target.reload(('DEVICE disk01 #dg0', '#DEVICE disk01 #dg0'))
    told((a, far), CHANGED)
    told((a, far), INQUIRY)
    assert data(a, INQUIRE)[5] & 0x30 == 0
    a.ready()


def changes():
    a, b, far = target.established(initiator=1), target.established(initiator=2), second(3)
    for p, port, group in (a, 11, 1), (b, 11, 1), (far, 12, 2):
        assert data(p, INQUIRE)[5] & 0x30 == 0x10
        assert port_group(p) == (port, group)
    target.reload(('transition_time 40', 'transition_time 45'))
    every_state(a, b, far)
    target.reload(('transition_time 45', 'transition_time 40'))
    reloads(a, far)
    for p in a, b, far:
        p.close()


SWITCHES = 20


def mover():
    """Moves the active state to and fro, never both at once, and ends where it began."""
    ctl = f'{os.environ["SRPTCTL"]} -s {os.environ["SOCKET"]} set-state'
    once = (f'{ctl} near standby && {ctl} far active && '
            f'{ctl} far standby && {ctl} near active')
    return subprocess.Popen(['sh', '-ec', f'for i in $(seq {SWITCHES}); do {once}; done'])


def write_somewhere(paths, number):
    """As multipath does: on the path that worked last, and when it is refused on the next."""
    block = struct.pack('>Q504x', number)
    tries = 0
    while True:
        r, _ = paths[0].command(WRITE, out=block)
        if r.status == 0:
            return tries
        assert r.sense in (STANDBY, CHANGED), r.sense
        if r.sense == STANDBY:
            paths.reverse()
        tries += 1


def switches():
    """Writes go on while the active state moves; every acknowledged one is there."""
    near, far = target.established(initiator=1), second(2)
    set_state('far', 'standby')
    paths, number, tries = [near, far], 0, 0
    with mover() as m:
        while m.poll() is None:
            number += 1
            tries += write_somewhere(paths, number)
            r, got = paths[0].command(READ, room=512)
            if r.status == 0:
                assert struct.unpack('>Q504x', got) == (number,), (number, got[:8])
        assert m.returncode == 0
    assert tries >= 2, 'no switch was seen'
    assert struct.unpack('>Q504x', near.read(8, 1)) == (number,)
    print(f'{number} writes, {tries} refused or told of a change')
    for p in near, far:
        p.close()


{'changes': changes, 'switches': switches}[sys.argv[1]]()
