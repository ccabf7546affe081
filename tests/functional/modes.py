# SPDX-License-Identifier: GPL-2.0-or-later
"""Mode pages, log pages and reports of a disk as two initiators see them. Argument: which part."""
import struct
import sys

import target

CURRENT, CHANGEABLE, DEFAULT, SAVED = range(4)
CONTROL = 0x0a
D_SENSE, SWP, QERR = (2, 0x04), (4, 0x08), (3, 0x06)
SOFTWARE_PROTECTED, MODE_CHANGED = (7, 0x27, 2), (6, 0x2a, 1)
WRITE = struct.pack('>BBIBH', 0x2a, 0, 8, 0, 1)


def control(p, pc=CURRENT):
    """The control mode page."""
    data = p.good(bytes([0x1a, 0x08, pc << 6 | CONTROL, 0, 64]), room=64)
    assert data[0] + 1 == 4 + 12 and data[4] & 0x3f == CONTROL, data.hex()
    return data[4:16]


def select(p, *fields, save=False):
    """The control page as it is by default, with these fields all ones."""
    page = bytearray(control(p, DEFAULT))
    page[0] &= 0x3f
    for byte, mask in fields:
        page[byte] |= mask
    out = bytes(4) + bytes(page)
    p.good(bytes([0x15, 0x10 | save, 0, 0, len(out)]), out=out)


def write(p):
    r, _ = p.command(WRITE, out=b'data' * 128)
    return r.sense


def change():
    a, b = target.established(initiator=1), target.established(initiator=2)
    mask = control(a, CHANGEABLE)
    for byte, bits in D_SENSE, SWP, QERR:
        assert mask[byte] & bits == bits, mask.hex()
    assert control(a)[0] == 0x80 | CONTROL  # PS
    # What is not saved is gone with a reset or a restart, what is saved is not.
    select(a, QERR)
    assert write(b) == MODE_CHANGED and write(b) is None
    select(a, SWP, save=True)
    assert write(b) == MODE_CHANGED
    for p in a, b:
        assert write(p) == SOFTWARE_PROTECTED
        assert control(p, SAVED)[4] & 0x08
    select(a, SWP, D_SENSE)
    r, _ = a.command(WRITE, out=bytes(512))
    assert r.sense_data[:4] == bytes([0x72, 7, 0x27, 2]), r.sense_data.hex()
    a.close()
    b.close()


def kept():
    p = target.established()
    assert write(p) == SOFTWARE_PROTECTED
    page = control(p)
    assert page[4] & 0x08 and not page[2] & 0x04 and not page[3] & 0x06, page.hex()
    assert control(p, SAVED) == page
    select(p, save=True)
    assert write(p) is None
    p.close()


def forgotten():
    p = target.established()
    assert write(p) is None
    assert control(p) == control(p, DEFAULT) == control(p, SAVED)
    p.close()


def log_page(p, page):
    data = p.good(struct.pack('>BBBBBHHB', 0x4d, 0, 0x40 | page, 0, 0, 0, 1024, 0), room=1024)
    assert data[0] == page
    return data[4:4 + struct.unpack('>H', data[2:4])[0]]


def reports():
    p = target.established()
    pages = log_page(p, 0)
    assert list(pages) == sorted(pages) and pages[0] == 0
    for page in pages:
        log_page(p, page)
    p.good(bytes([0x1d, 0x04, 0, 0, 0, 0]))
    p.good(bytes([0x1d, 0xa0, 0, 0, 0, 0]))
    tests = log_page(p, 0x10)
    assert tests[4] == 0xa0 and not any(tests[24:40]) and len(tests) == 400, tests.hex()
    if 0x0c in pages:
        resources = log_page(p, 0x0c)
        assert len(resources) == 24 and struct.unpack('>I', resources[4:8])[0] > 0
    # Every command that is listed is there: none is answered 05/20/00.
    data = p.good(struct.pack('>BBBBHIBB', 0xa3, 0x0c, 0, 0, 0, 8192, 0, 0), room=8192)
    length, = struct.unpack('>I', data[:4])
    assert length and length % 8 == 0
    for at in range(4, 4 + length, 8):
        opcode, action = struct.unpack('>BxH', data[at:at + 4])
        cdb = bytearray(16)
        cdb[0], cdb[1] = opcode, action if data[at + 5] & 1 else 0
        cdb[struct.unpack('>H', data[at + 6:at + 8])[0] - 1] = 0x04  # NACA: always refused
        r, _ = p.command(bytes(cdb))
        assert r.sense == (5, 0x24, 0), (cdb.hex(), r.status, r.sense)
    data = p.good(struct.pack('>BBBxxxIBB', 0xa3, 0x0d, 0x80, 16, 0, 0), room=16)
    assert data[0] == 0xd8 and data[3] == 12
    p.close()


{'change': change, 'kept': kept, 'forgotten': forgotten, 'reports': reports}[sys.argv[1]]()
