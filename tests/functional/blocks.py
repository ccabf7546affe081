# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands about whole ranges of blocks. Argument: which part."""
import os
import struct
import sys

import iwarp
import target

BLOCK = 512
MAPPED, DEALLOCATED = 0, 1
FORMATTING, SANITIZING = (2, 4, 4), (2, 4, 0x1b)
SANITIZE_FAILED, INVALID_OPCODE = (3, 0x31, 3), (5, 0x20, 0)


def lba_status(p, lba, lun, room=8 + 16 * 64):
    """[(LBA, blocks, status)], neighbours that are alike as one."""
    data = p.good(struct.pack('>BBQIBB', 0x9e, 0x12, lba, room, 0, 0), lun, room=room)
    length = struct.unpack('>I', data[:4])[0] + 4
    found = []
    for at in range(8, min(length, room), 16):
        first, count, status = struct.unpack('>QIB', data[at:at + 13])
        if found and found[-1][2] == status:
            first, count = found[-1][0], found[-1][1] + count
            found.pop()
        found.append((first, count, status))
    return found


def unmap(p, lba, blocks, lun):
    out = struct.pack('>HH4xQI4x', 22, 16, lba, blocks)
    p.good(struct.pack('>BBIBHB', 0x42, 0, 0, 0, len(out), 0), lun, out=out)


def status():
    p = target.established()
    size = 64 * 2048
    for lun in 0, 1:
        p.ready(lun)
        assert lba_status(p, 0, lun) == [(0, size, DEALLOCATED)], lba_status(p, 0, lun)
        # 64 KiB are kept apart by every file system.
        for lba in 1024, 4096:
            p.write(lba, b'data' * 32768, lun=lun)
        assert lba_status(p, 0, lun) == [
            (0, 1024, DEALLOCATED), (1024, 256, MAPPED), (1280, 2816, DEALLOCATED),
            (4096, 256, MAPPED), (4352, size - 4352, DEALLOCATED)], lba_status(p, 0, lun)
        unmap(p, 1024, 128, lun)
        assert lba_status(p, 1100, lun)[:2] == [(1100, 52, DEALLOCATED), (1152, 128, MAPPED)]
        assert p.read(1024, 128, lun=lun) == bytes(65536)
        assert p.read(1152, 128, lun=lun) == b'data' * 16384
        # What is no whole page stays mapped, but reads as zeros.
        unmap(p, 4097, 2, lun)
        assert lba_status(p, 4096, lun)[0] == (4096, 256, MAPPED)
        assert p.read(4096, 4, lun=lun) == b'data' * 128 + bytes(1024) + b'data' * 128
        assert lba_status(p, size - 1, lun, 24) == [(size - 1, 1, DEALLOCATED)]
    p.ready(2)
    r, _ = p.command(struct.pack('>BBQIBB', 0x9e, 0x12, 0, 24, 0, 0), 2, room=24)
    # A sparse file is thin provisioned without being asked; whether it is, READ CAPACITY says.
    thin = p.good(struct.pack('>BBQIBB', 0x9e, 0x10, 0, 32, 0, 0), 2, room=32)[14] & 0x80
    assert r.sense == (None if thin else INVALID_OPCODE), r.sense
    p.good(struct.pack('>BBIBH', 0x34, 2, 0, 0, 256), 1)
    p.close()


def format_unit(immed):
    return struct.pack('>BB4x', 4, 0x10), struct.pack('>BBH', 0, 2 if immed else 0, 0)


def sanitize(immed, pattern, passes=1, ause=False):
    out = struct.pack('>BBH', passes, 0, len(pattern)) + pattern
    return struct.pack('>BB5xHB', 0x48, 1 | immed << 7 | ause << 5, len(out), 0), out


def sense(p, lun=1):
    r, _ = p.command(bytes(6), lun)
    return r.sense


def progress(p, lun=1):
    """What REQUEST SENSE tells: (key, ASC, ASCQ) and the part done."""
    data = p.good(bytes([3, 0, 0, 0, 18, 0]), lun, room=18)
    assert data[15] == 0x80, data.hex()
    return (data[2] & 15, data[12], data[13]), struct.unpack('>H', data[16:18])[0] / 65536


def blocks_are(p, lun, want):
    for lba in 0, 12345, 32760:
        assert p.read(lba, 8, lun=lun) == want * (8 * BLOCK // len(want)), lba


def hangs(what, command, low, high):
    """@command goes on behind its answer; it hangs at three quarters of LUN 1."""
    p, other = target.established(), target.established(initiator=2)
    for s in p, other:
        s.ready(1)
    cdb, out = command
    p.good(cdb, 1, out=out)
    assert iwarp.eventually(lambda: low <= progress(p)[1] <= high), progress(p)
    assert progress(other)[0] == what
    r, _ = other.command(bytes(6), 1)
    assert r.sense == what and r.sense_data[15] & 0x80, r.sense
    r, _ = other.command(struct.pack('>BBIBH', 0x2a, 0, 0, 0, 8), 1, out=bytes(4096))
    assert r.sense == what, r.sense
    r, _ = other.command(cdb, 1, out=out)
    assert r.sense == what, r.sense
    other.good(bytes([0x12, 0, 0, 0, 36, 0]), 1, room=36)
    target.reload(('fault_hang 1', 'fault_hang 0'))
    assert iwarp.eventually(lambda: sense(p) is None)
    return p, other


def erase():
    p = target.established()
    p.ready()
    p.write(12345, b'old!' * 1024)
    cdb, out = format_unit(False)
    p.good(cdb, out=out)
    blocks_are(p, 0, b'\0')
    cdb, out = sanitize(False, b'0123', passes=2)
    p.good(cdb, out=out)
    blocks_are(p, 0, b'0123')
    p.close()
    # All is one request, which hangs.
    p, other = hangs(FORMATTING, format_unit(True), 0, 0)
    blocks_are(other, 1, b'\0')
    p.close()
    other.close()
    target.reload(('fault_hang 0', 'fault_hang 1'))
    p, other = hangs(SANITIZING, sanitize(True, b'pattern!'), 0.74, 0.76)
    blocks_are(other, 1, b'pattern!')
    target.reload(('fault_hang 0', 'fault_hang 1'))
    p.close()
    other.close()


def interrupt():
    p = target.established()
    p.ready(1)
    cdb, out = sanitize(True, b'x', passes=31, ause=True)
    p.good(cdb, 1, out=out)
    assert iwarp.eventually(lambda: progress(p)[1] > 0.7 / 31)
    p.close()


def interrupted(may_have_ended=False):
    p = target.established()
    p.ready()
    # Unit attentions come first.
    known = None, SANITIZE_FAILED
    assert iwarp.eventually(lambda: sense(p) in known)
    assert sense(p) == SANITIZE_FAILED or may_have_ended, sense(p)
    p.good(struct.pack('>BB8x', 0x48, 0x1f), 1)
    assert sense(p) is None
    p.close()


def naa(p, lun=0):
    """The first designator of the LU."""
    page = p.good(bytes([0x12, 1, 0x83, 1, 0, 0]), lun, room=256)
    assert page[4:8] == bytes([1, 3, 0, 16]), page[:8].hex()
    return page[8:24]


def copy_list(targets, segments, list_id=1):
    """@targets: (NAA, block size); @segments: (source, destination, blocks, LBA, LBA)."""
    t = b''.join(struct.pack('>BBHBBBB20sI', 0xe4, 0, 0, 1, 3, 0, 16, n, size)
                 for n, size in targets)
    s = b''.join(struct.pack('>BBHHHHHQQ', 2, 0, 24, a, b, 0, n, x, y)
                 for a, b, n, x, y in segments)
    return struct.pack('>BBHIII', list_id, 0, len(t), 0, len(s), 0) + t + s


def extended_copy(p, *args, **kw):
    out = copy_list(*args, **kw)
    r, _ = p.command(struct.pack('>BB8xIH', 0x83, 0, len(out), 0), out=out)
    return r


def copy():
    p = target.established()
    for lun in 0, 1, 2:
        p.ready(lun)
    assert p.good(bytes([0x12, 0, 0, 0, 96, 0]), room=96)[5] & 8, '3PC'
    limits = p.good(struct.pack('>BB8xIH', 0x84, 3, 255, 0), room=255)
    assert limits[44:46] == b'\x02\xe4', limits.hex()
    luns = [(naa(p, 0), 512), (naa(p, 1), 4096), (naa(p, 2), 512)]
    pattern = b''.join(struct.pack('>Q', n) * 64 for n in range(4096))
    for at in range(20):
        p.write(at * 4096, pattern[at * 512:] + pattern[:at * 512])
    # 40 MiB, of which a segment has 65535 blocks at most.
    assert extended_copy(p, luns, [(0, 1, 65528, 0, 0),
                                   (0, 1, 81920 - 65528, 65528, 8191)]).status == 0
    assert p.read(10239, 1, 4096, 1) == p.read(81912, 8)
    status = p.good(struct.pack('>BBB7xIH', 0x84, 0, 1, 12, 0), room=12)
    assert status[4:] == struct.pack('>BHBI', 1, 2, 1, 40 << 10), status.hex()
    # Within one, which is write protected or not.
    assert extended_copy(p, luns, [(0, 0, 8, 0, 100000)]).status == 0
    assert p.read(100000, 8) == pattern[:4096]
    assert extended_copy(p, luns, [(0, 2, 8, 0, 0)]).sense == (10, 13, 1)
    assert extended_copy(p, luns, [(2, 0, 8, 0, 100000)]).status == 0
    assert p.read(100000, 8) == bytes(4096)
    # What another session may see is not ours.
    other = iwarp.Initiator(target.ADDRESS, int(os.environ['OTHER_ID_EXT'], 16), target.IOC_GUID)
    other.ready()
    hidden = [(naa(other), 512), luns[0]]
    for segment in (0, 1, 8, 0, 0), (1, 0, 8, 0, 0), (5, 0, 8, 0, 0):
        r = extended_copy(p, hidden, [segment])
        assert r.sense == (10, 13, 2), r.sense
    assert other.read(0, 8) == bytes(4096)
    other.close()
    p.close()


{'copy': copy, 'status': status, 'erase': erase, 'interrupt': interrupt, 'interrupted': interrupted,
 'stopped': lambda: interrupted(True)}[sys.argv[1]]()
