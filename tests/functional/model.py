# SPDX-License-Identifier: GPL-2.0-or-later
"""All commands that read, compare or change blocks, by chance, beside a model of the disks.

One at a time, so what each must return and leave behind is known. Written from SBC-3 and SPC-4.
"""
import random
import struct

import iwarp
import target

LUNS, BLOCKS, B = 3, 2048, 512
READ = {6: 0x08, 10: 0x28, 12: 0xa8, 16: 0x88}
WRITE = {6: 0x0a, 10: 0x2a, 12: 0xaa, 16: 0x8a}
WRITE_AND_VERIFY = {10: 0x2e, 12: 0xae, 16: 0x8e}
VERIFY = {10: 0x2f, 12: 0xaf, 16: 0x8f}
SAME, COMPARE_AND_WRITE, ORWRITE = {10: 0x41, 16: 0x93}, 0x89, 0x8b
OUT_OF_RANGE, MISCOMPARE = (5, 0x21, 0), (0xe, 0x1d, 0)
STEPS, SEED = 900, 4


def cdb(op, size, lba, n, flags=0):
    if size == 6:
        return struct.pack('>BBHBB', op, lba >> 16, lba & 0xffff, n & 0xff, 0)
    if size == 10:
        return struct.pack('>BBIBHB', op, flags, lba, 0, n, 0)
    if size == 12:
        return struct.pack('>BBIIBB', op, flags, lba, n, 0, 0)
    return struct.pack('>BBQIBB', op, flags, lba, n, 0, 0)


class Model:
    def __init__(self, p):
        self.p, self.random = p, random.Random(SEED)
        self.disks = [bytearray(BLOCKS * B) for _ in range(LUNS)]
        self.names = [self.naa(lun) for lun in range(LUNS)]

    def naa(self, lun):
        data, at = self.p.good(bytes([0x12, 1, 0x83, 1, 0, 0]), lun, room=256), 4
        while data[at + 1] & 0x3f != 3:
            at += 4 + data[at + 3]
        return data[at + 4:at + 20]

    # ---- what comes by chance ----

    def extent(self, most=300):
        """Some near each other, some at the end and a few behind it."""
        r = self.random
        n = r.choice((1, 1, 2, 7, 8, 64, most))
        return r.choice((r.randrange(40), r.randrange(40), r.randrange(BLOCKS), BLOCKS - n)), n

    def data(self, n):
        if self.random.randrange(2):
            return self.random.randbytes(n * B)
        return bytes([self.random.choice((0, 1, 0xff))]) * (n * B)

    def near(self, lun, lba, n):
        """What is there, or nearly."""
        data = bytearray(self.at(lun, lba, n))
        data = data.ljust(n * B, b'\0')
        if self.random.randrange(2):
            data[self.random.randrange(len(data))] ^= 0x10
        return bytes(data)

    # ---- the model ----

    def at(self, lun, lba, n):
        return bytes(self.disks[lun][lba * B:(lba + n) * B])

    def put(self, lun, lba, data):
        self.disks[lun][lba * B:lba * B + len(data)] = data

    def run(self, lun, what, n, lba, out=b'', room=0, sense=None):
        """The command must end so; True if it has done its work."""
        inside = lba + n <= BLOCKS
        if not inside:
            sense = OUT_OF_RANGE
        r, data = self.p.command(what, lun, out, room)
        assert r.sense == sense and r.status == (2 if sense else 0), \
            (lun, what.hex(), r.status, r.sense, 'expected', sense)
        return inside and sense is None, r, data

    def differs(self, lun, lba, data):
        """Offset of the first byte that is other than @data, None: none is."""
        is_there = self.at(lun, lba, len(data) // B)
        return next((i for i in range(len(is_there)) if is_there[i] != data[i]), None)

    # ---- commands ----

    def read(self, lun):
        lba, n = self.extent()
        size = self.random.choice((6, 10, 12, 16))
        if size == 6:
            n = min(n, 256)
        ok, _, data = self.run(lun, cdb(READ[size], size, lba, n), n, lba, room=n * B)
        assert not ok or data == self.at(lun, lba, n), (lun, lba, n)

    def write(self, lun):
        lba, n = self.extent()
        size = self.random.choice((6, 10, 12, 16))
        if size == 6:
            n = min(n, 256)
        data = self.data(n)
        flags = 0 if size == 6 else self.random.choice((0, 8, 0x10))
        if self.run(lun, cdb(WRITE[size], size, lba, n, flags), n, lba, data)[0]:
            self.put(lun, lba, data)

    def write_and_verify(self, lun):
        lba, n = self.extent()
        size, data = self.random.choice((10, 12, 16)), self.data(n)
        flags = self.random.choice((0, 2))
        if self.run(lun, cdb(WRITE_AND_VERIFY[size], size, lba, n, flags), n, lba, data)[0]:
            self.put(lun, lba, data)

    def verify(self, lun):
        lba, n = self.extent()
        size, how = self.random.choice((10, 12, 16)), self.random.choice((0, 1, 3))
        out, sense = b'', None
        if how == 1:
            out = self.near(lun, lba, n)
        if how == 3:
            out = self.near(lun, lba, 1)
        if how and lba + n <= BLOCKS:
            at = self.differs(lun, lba, out * (n if how == 3 else 1))
            sense = None if at is None else MISCOMPARE
        self.run(lun, cdb(VERIFY[size], size, lba, n, how << 1), n, lba, out, sense=sense)

    def compare_and_write(self, lun):
        lba, n = self.extent(255)
        old, new = self.near(lun, lba, n), self.data(n)
        at = self.differs(lun, lba, old)
        what = struct.pack('>BBQ3xB2x', COMPARE_AND_WRITE, 0, lba, n)
        ok, r, _ = self.run(lun, what, n, lba, old + new, sense=None if at is None else MISCOMPARE)
        if ok:
            self.put(lun, lba, new)
        elif r.sense == MISCOMPARE:
            assert struct.unpack('>I', r.sense_data[3:7])[0] == at, (r.sense_data.hex(), at)

    def orwrite(self, lun):
        lba, n = self.extent()
        data = self.data(n)
        if self.run(lun, cdb(ORWRITE, 16, lba, n), n, lba, data)[0]:
            self.put(lun, lba, bytes(a | b for a, b in zip(self.at(lun, lba, n), data)))

    def write_same(self, lun):
        lba, n = self.extent(1000)
        size = self.random.choice((10, 16))
        flags = self.random.choice((0, 1)) if size == 16 else 0
        data = bytes(B) if flags else self.data(1)
        if lun == 2 and self.random.randrange(2):  # the thin one
            flags |= 8
            data = bytes(B)
        out = b'' if flags & 1 else data
        if self.run(lun, cdb(SAME[size], size, lba, n, flags), n, lba, out)[0]:
            self.put(lun, lba, data * n)

    def unmap(self, _):
        parts = [(lba, n) for lba, n in (self.extent() for _ in range(3)) if lba + n <= BLOCKS]
        what = b''.join(struct.pack('>QI4x', lba, n) for lba, n in parts)
        out = struct.pack('>HH4x', 6 + len(what), len(what)) + what
        self.run(2, struct.pack('>BB5xHB', 0x42, 0, len(out), 0), 0, 0, out)
        for lba, n in parts:
            self.put(2, lba, bytes(n * B))

    def copy(self, lun):
        """From one disk to another; on the same one only apart from each other."""
        to = self.random.randrange(LUNS)
        n, lba, dest = self.random.choice((1, 8, 700)), self.random.randrange(300), \
            1000 + self.random.randrange(300)
        targets = b''.join(struct.pack('>BB2xBBBB', 0xe4, 0, 1, 3, 0, 16) + self.names[i] +
                           struct.pack('>5xBH', 0, 512) for i in (lun, to))
        segment = struct.pack('>BBHHH2xHQQ', 2, 0, 24, 0, 1, n, lba, dest)
        out = struct.pack('>BBH4xI4x', 1, 0, len(targets), len(segment)) + targets + segment
        self.run(lun, struct.pack('>BB8xIBB', 0x83, 0, len(out), 0, 0), 0, 0, out)
        self.put(to, dest, self.at(lun, lba, n))

    def wipe(self, lun):
        if self.random.randrange(2):
            self.run(lun, bytes([4, 0x10, 0, 0, 0, 0]), 0, 0, bytes(4))
            self.put(lun, 0, bytes(BLOCKS * B))
            return
        passes, invert, length = self.random.choice((1, 2, 3)), self.random.randrange(2), \
            self.random.choice((1, 3, 4, 512))
        pattern = self.random.randbytes(length)
        out = struct.pack('>BBH', invert << 7 | passes, 0, length) + pattern
        self.run(lun, struct.pack('>BB5xHB', 0x48, 1, len(out), 0), 0, 0, out)
        if invert and passes % 2 == 0:
            pattern = bytes(b ^ 0xff for b in pattern)
        self.put(lun, 0, (pattern * (B // length + 1))[:B] * BLOCKS)

    def step(self):
        usual = (self.read, self.write, self.write_and_verify, self.verify, self.write_same,
                 self.compare_and_write, self.orwrite, self.copy)
        rare = (self.unmap, self.wipe)
        lun = self.random.randrange(LUNS)
        self.random.choice(usual if self.random.randrange(20) else rare)(lun)

    def check(self):
        for lun in range(LUNS):
            for lba in range(0, BLOCKS, 256):
                assert self.p.read(lba, 256, lun=lun) == self.at(lun, lba, 256), (lun, lba)


def main():
    p = target.established()
    for lun in range(LUNS):
        p.ready(lun)
    model = Model(p)
    for n in range(STEPS):
        model.step()
        if n % 50 == 49:
            model.check()
    p.close()
    assert iwarp.eventually(lambda: not target.ctl('sessions'))


main()
