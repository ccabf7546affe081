# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands by chance: most are as an initiator sends them, some have a bit wrong, some are noise.

All are of a disk of @blocks blocks of 512 bytes. Written from SBC-3, SPC-4 and SPC-2.
"""
import struct

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_ABORT, IGNORE = range(7)
MODE_SELECT = 0x15, 0x55
LASTING = MODE_SELECT + (0x16, 0x56, 0x5f)  # what they do counts for later commands, too

# Opcode, length of the CDB, service actions.
NOISE = [(op, 6, 1) for op in (0, 3, 4, 8, 0xa, 0x12, 0x15, 0x16, 0x17, 0x1a, 0x1b, 0x1c, 0x1d)]
NOISE += [(op, 10, 1) for op in (0x25, 0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x37, 0x41, 0x42, 0x4d,
                                 0x55, 0x56, 0x57, 0x5a)]
NOISE += [(0x48, 10, 32), (0x5e, 10, 5), (0x5f, 10, 8), (0x83, 16, 2), (0x84, 16, 5),
          (0x9e, 16, 32), (0xa3, 12, 16)]
NOISE += [(op, 16, 1) for op in (0x88, 0x89, 0x8a, 0x8b, 0x8e, 0x8f, 0x90, 0x91, 0x93)]
NOISE += [(op, 12, 1) for op in (0xa0, 0xa8, 0xaa, 0xae, 0xaf, 0xb7)]

READS = [(0x28, 10), (0x88, 16), (0xa8, 12)]
WRITES = [(0x2a, 10), (0x8a, 16), (0xaa, 12), (0x2e, 10), (0x8e, 16), (0xae, 12), (0x8b, 16)]
NO_DATA = [(0x2f, 10), (0x34, 10), (0x35, 10), (0x8f, 16), (0x90, 16), (0x91, 16), (0xaf, 12)]


class Cdbs:
    """Each method: (CDB, DATA-OUT, room for DATA-IN). @naa: designators of disks to copy."""

    def __init__(self, random, naa, blocks=2048):
        self.random, self.naa, self.blocks = random, naa, blocks
        self.wild = True   # what takes commands of others away may come

    def one_of(self, *what):
        return self.random.choice(what)

    def lba(self):
        r = self.random
        if r.randrange(10) == 0:
            return self.one_of(self.blocks - 1, self.blocks)
        return r.randrange(self.one_of(64, 64, self.blocks - 256))

    def count(self):
        return self.one_of(0, 1, 1, 2, 8, 8, 32, 128, 255)

    def data(self, blocks):
        return bytes([self.random.randrange(256)]) * (512 * blocks)

    def blocks_cdb(self, op, size, flags):
        lba, n = self.lba(), self.count()
        if size == 10:
            return struct.pack('>BBIBHB', op, flags, lba, 0, n, 0), n
        if size == 12:
            return struct.pack('>BBIIBB', op, flags, lba, n, 0, 0), n
        return struct.pack('>BBQIBB', op, flags, lba, n, 0, 0), n

    def read(self):
        cdb, n = self.blocks_cdb(*self.random.choice(READS), self.one_of(0, 0, 8, 0x10))
        return cdb, b'', 512 * n

    def write(self):
        cdb, n = self.blocks_cdb(*self.random.choice(WRITES), self.one_of(0, 0, 0, 8))
        return cdb, self.data(n), 0

    def no_data(self):
        cdb, _ = self.blocks_cdb(*self.random.choice(NO_DATA), self.one_of(0, 0, 2))
        return cdb, b'', 0

    def compare_and_write(self):
        n = self.one_of(1, 1, 2, 8, 127)
        return (struct.pack('>BBQ3xB2x', 0x89, 0, self.lba(), n),
                self.data(n) + self.data(n), 0)

    def write_same(self):
        flags = self.one_of(0, 8, 1, 9)
        return (struct.pack('>BBQIBB', 0x93, flags, self.lba(), self.count(), 0, 0),
                b'' if flags & 1 else bytes(512), 0)

    def unmap(self):
        what = b''.join(struct.pack('>QI4x', self.lba(), self.count())
                        for _ in range(self.random.randrange(4)))
        out = struct.pack('>HH4x', 6 + len(what), len(what)) + what
        return struct.pack('>BB5xHB', 0x42, 0, len(out), 0), out, 0

    def reservation(self):
        if self.random.randrange(3) == 0:
            return struct.pack('>BB5xHB', 0x5e, self.random.randrange(4), 512, 0), b'', 512
        action = self.one_of(REGISTER, RESERVE, RELEASE, RELEASE, CLEAR, PREEMPT, PREEMPT_ABORT,
                             IGNORE, IGNORE)
        out = struct.pack('>QQ4xB3x', self.random.randrange(4), self.random.randrange(4),
                          self.one_of(0, 0, 1) if action in (REGISTER, IGNORE) else 0)
        return (struct.pack('>BBB2xI', 0x5f, action, self.one_of(1, 3, 5, 6, 7, 8), len(out)) +
                b'\0', out, 0)

    def old_reservation(self):
        return bytes([self.one_of(0x16, 0x17, 0x17, 0x17), 0, 0, 0, 0, 0]), b'', 0

    def mode_select(self):
        page = bytearray(12)
        page[:2] = 0x0a, 10
        page[2] = self.one_of(0, 4)                 # D_SENSE
        page[3] = 0x10 | self.one_of(0, 0, 2, 6)    # QERR
        page[4] = self.one_of(0, 0, 8)              # SWP
        page[5] = self.one_of(0, 0x40)              # TAS
        out = bytes(4) + bytes(page)
        return bytes([0x15, 0x10 | self.one_of(0, 1), 0, 0, len(out), 0]), out, 0

    def copy(self):
        disks = [self.random.choice(self.naa) for _ in range(2)]
        targets = b''.join(struct.pack('>BB2xBBBB', 0xe4, 0, 1, 3, 0, 16) + naa +
                           struct.pack('>5xBH', 0, 512) for naa in disks)
        segments = b''.join(
            struct.pack('>BBHHH2xHQQ', 2, 0, 24, self.random.randrange(2),
                        self.random.randrange(2), self.one_of(1, 8, 1000),
                        self.random.randrange(64), self.random.randrange(1000))
            for _ in range(self.random.randrange(3)))
        out = struct.pack('>BBH4xI4x', self.random.randrange(4), 0, len(targets),
                          len(segments)) + targets + segments
        return struct.pack('>BB8xIBB', 0x83, 0, len(out), 0, 0), out, 0

    def wipe(self):
        if self.random.randrange(2):
            return bytes([4, 0x10, 0, 0, 0, 0]), bytes([0, self.one_of(0, 2), 0, 0]), 0
        out = struct.pack('>BBH', self.one_of(1, 2, 0x81), 0, 4) + self.data(1)[:4]
        return (struct.pack('>BB5xHB', 0x48, 1 | self.one_of(0, 0x80), len(out), 0), out, 0)

    def report(self):
        return self.one_of(
            (bytes(6), b'', 0), (bytes([3, 0, 0, 0, 252, 0]), b'', 252),
            (bytes([0x12, 1, self.one_of(0, 0x80, 0x83, 0xb0, 0xb2), 4, 0, 0]), b'', 1024),
            (bytes([0x1a, 8, self.one_of(0x3f, 0x0a, 8), 0, 192, 0]), b'', 192),
            (struct.pack('>BB4xI2x', 0xa0, 0, 256), b'', 256),
            (struct.pack('>BB4xI2x', 0xa3, self.one_of(0xa, 0xc, 0xd), 8192), b'', 8192),
            (struct.pack('>BBBBBHHB', 0x4d, 0, 0x40, 0, 0, 0, 1024, 0), b'', 1024),
            (struct.pack('>BB8xIBB', 0x9e, 0x10, 32, 0, 0), b'', 32),
            (struct.pack('>BBQIBB', 0x9e, 0x12, self.lba(), 1032, 0, 0), b'', 1032),
            (bytes([0x1b, 0, 0, 0, self.one_of(0, 1), 0]), b'', 0))

    def noise(self):
        r = self.random
        op, size, actions = r.choice(NOISE)
        cdb = bytearray(b if r.randrange(2) else 0 for b in r.randbytes(size))
        cdb[0] = op
        if actions > 1:
            cdb[1] = r.randrange(actions)
        out = self.one_of(b'', r.randbytes(self.one_of(1, 4, 24, 512)))
        return bytes(cdb), out, 0 if out else self.one_of(0, 36, 512)

    def wrong(self):
        """One that is right but for a bit."""
        cdb, out, room = self.usual()
        cdb, out = bytearray(cdb), bytearray(out)
        what = out if out and self.random.randrange(2) else cdb
        what[self.random.randrange(min(len(what), 64))] ^= 1 << self.random.randrange(8)
        return bytes(cdb), bytes(out[:self.one_of(len(out), len(out), 1)]), room

    def usual(self):
        weights = {self.read: 12, self.write: 16, self.no_data: 6, self.compare_and_write: 8,
                   self.write_same: 3, self.unmap: 3, self.report: 10, self.reservation: 5,
                   self.old_reservation: 2, self.mode_select: 3, self.copy: 5, self.wipe: 1}
        return self.random.choices(list(weights), weights.values())[0]()

    def any(self):
        while True:
            made = self.random.choices((self.usual, self.wrong, self.noise), (20, 4, 3))[0]()
            cdb = made[0]
            if self.wild or (cdb[0] not in MODE_SELECT and
                             (cdb[0] != 0x5f or cdb[1] & 0x1f != PREEMPT_ABORT)):
                return made
