# SPDX-License-Identifier: GPL-2.0-or-later
"""One sector that hosts lock by COMPARE AND WRITE, as VMFS does, from sessions of several channels.

Every success adds one to the number in it; around it other blocks are written, some of these
by ORDERED and HEAD OF QUEUE commands.
"""
import random
import struct
import threading

import iwarp
import target

SECTOR = 100
TIMES = 600
SIMPLE, HEAD_OF_QUEUE, ORDERED = range(3)
MISCOMPARE = 0xe, 0x1d, 0


def compare_and_write(p, lba, old, new):
    """None: done; else the offset of the first byte that differs."""
    r, _ = p.command(struct.pack('>BBQ3xB2x', 0x89, 0, lba, len(old) // 512), out=old + new)
    if r.sense is None:
        assert (r.status, r.out_residual, r.in_residual) == (0, 0, 0), r.status
        return None
    assert (r.status, r.sense) == (2, MISCOMPARE), (r.status, r.sense)
    assert len(r.sense_data) == 18 and r.sense_data[0] == 0xf0, r.sense_data.hex()
    return struct.unpack('>I', r.sense_data[3:7])[0]


def differs(a, b):
    return next(i for i in range(len(a)) if a[i] != b[i])


class Host(threading.Thread):
    """One channel; two of them are a session."""
    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.done, self.lost, self.wrong = number, 0, 0, None
        self.random = random.Random(number)
        self.peer = target.login(initiator=1 + number // 2, multi=True)

    def lock(self):
        old = self.peer.read(SECTOR, 1)
        count, _ = struct.unpack('>QB', old[:9])
        new = struct.pack('>QB', count + 1, self.number) + self.random.randbytes(503)
        if self.random.randrange(3) == 0:
            old = old[:-1] + bytes([old[-1] ^ 1])
        at = compare_and_write(self.peer, SECTOR, old, new)
        if at is None:
            self.done += 1
        else:
            assert at < 512, at
            self.lost += 1

    def beside(self):
        lba = SECTOR + self.random.choice((-4, -1, 1))
        n = 1 if lba > SECTOR else self.random.randrange(1, SECTOR - lba + 1)
        r, _ = self.peer.command(struct.pack('>BBIBH', 0x2a, 0, lba, 0, n), out=bytes(512 * n),
                                 attr=self.random.choice((SIMPLE, HEAD_OF_QUEUE, ORDERED)))
        assert r.status == 0, (r.status, r.sense)

    def run(self):
        try:
            self.peer.ready()
            for _ in range(TIMES):
                self.lock()
                self.beside()
        except (AssertionError, iwarp.Closed, iwarp.Terminated, OSError) as e:
            self.wrong = repr(e)


def hammer():
    hosts = [Host(n) for n in range(4)]
    assert len(target.ctl('sessions')) == 2
    for host in hosts:
        host.start()
    for host in hosts:
        host.join(60)
        assert not host.is_alive(), 'a host hangs'
        assert host.wrong is None, host.wrong
    done, lost = (sum(getattr(host, what) for host in hosts) for what in ('done', 'lost'))
    count, = struct.unpack('>Q', hosts[0].peer.read(SECTOR, 1)[:8])
    print(f'{done} times written, {lost} times not', flush=True)
    assert count == done, (count, done)
    assert done and lost
    for host in hosts:
        host.peer.close()


def offsets():
    """Of the first difference, in the largest command as well."""
    p = target.established()
    data = random.Random(1).randbytes(255 * 512)
    p.write(1000, data)
    for at in 0, 1, 511, 512, 4095, 65537, 255 * 512 - 1:
        other = bytearray(data)
        other[at] ^= 0x40
        other[-1] ^= 0x80
        assert compare_and_write(p, 1000, bytes(other), bytes(len(data))) == \
            differs(data, bytes(other))
    assert p.read(1000, 255) == data, 'something was written'
    assert compare_and_write(p, 1000, data, data[::-1]) is None
    assert p.read(1000, 255) == data[::-1]
    p.close()


def main():
    offsets()
    hammer()


main()
