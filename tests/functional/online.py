# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes under sessions that stay: sizes, rights, LUNs, files that are lost and come back.

Arguments: the directory with the files disk01, disk02; the tests.
"""
import os
import struct
import subprocess
import sys

import iwarp
import target

DIR = sys.argv[1]
MIB = 1 << 20
POWER_ON, MEDIUM, MODE, SIZE = (6, 0x29, 0), (6, 0x28, 0), (6, 0x2a, 1), (6, 0x2a, 9)
INQUIRY, LUNS = (6, 0x3f, 3), (6, 0x3f, 0xe)
NO_LUN, BAD_LBA, PROTECTED = (5, 0x25, 0), (5, 0x21, 0), (7, 0x27, 0)


def attentions(p, lun=0):
    """All that are pending."""
    found = []
    while True:
        r, _ = p.command(bytes(6), lun)
        if r.sense is None:
            return found
        found.append(r.sense)
        if r.sense[0] != 6:
            return found


def blocks(p, lun=0):
    data = p.good(struct.pack('>BB11xB2x', 0x9e, 0x10, 32), lun, room=32)
    return struct.unpack('>Q', data[:8])[0] + 1


def write(p, lba, fill, lun=0):
    r, _ = p.command(struct.pack('>BBIBH', 0x2a, 0, lba, 0, 1), lun, out=fill * 512)
    return r.sense


def read(p, lba, lun=0):
    r, data = p.command(struct.pack('>BBIBH', 0x28, 0, lba, 0, 1), lun, room=512)
    return r.sense or data[:1]


def write_protected(p, lun=0):
    return bool(p.good(struct.pack('>BBBBB', 0x1a, 8, 0x3f, 0, 192), lun, room=192)[2] & 0x80)


def path(name):
    return os.path.join(DIR, name)


def device(name):
    return next(d for d in target.ctl('devices') if d['device'] == name)


def told(want, *args):
    """What srptctl says when it ends with this status."""
    run = subprocess.run([os.environ['SRPTCTL'], '-s', os.environ['SOCKET'], *args],
                         stderr=subprocess.PIPE, timeout=20, check=False, text=True)
    assert run.returncode == want, (run.returncode, run.stderr)
    return run.stderr


def resync(name, want=0):
    return told(want, 'resync', name)


def reload_fails(*changes):
    target.edit(*changes)
    return told(1, 'reload')


def both(p, want, lun=0):
    for peer in p:
        assert attentions(peer, lun) == want, want


def grows(p):
    os.truncate(path('disk01'), 5 * MIB)
    resync('disk01')
    both(p, [SIZE])
    assert blocks(p[0]) == 5 * MIB // 512
    assert write(p[0], 5 * MIB // 512 - 1, b'z') is None
    # Nobody asks for it.
    os.truncate(path('disk01'), 6 * MIB)
    assert iwarp.eventually(lambda: attentions(p[0]) == [SIZE])
    both(p[1:], [SIZE])
    assert blocks(p[1]) == 6 * MIB // 512
    assert read(p[1], 5 * MIB // 512 - 1) == b'z'
    print('grows: told once to everybody')


def block_grows(p):
    """LUN 0 is the loop device in BLOCK."""
    os.truncate(path('loop'), 8 * MIB)
    subprocess.run(['losetup', '--set-capacity', os.environ['BLOCK']], check=True)
    assert iwarp.eventually(lambda: attentions(p[0]) == [SIZE])
    both(p[1:], [SIZE])
    assert blocks(p[0]) == 8 * MIB // 512
    assert write(p[0], 8 * MIB // 512 - 1, b'b') is None
    target.reload(('#RIGHTS', 'read_only 1'))
    both(p, [MODE])
    assert write(p[0], 0, b'x') == PROTECTED
    target.reload(('read_only 1', '#RIGHTS'))
    both(p, [MODE])
    assert write(p[0], 0, b'x') is None
    print('a block device grows, and becomes read-only and writable')


def shrinks(p):
    assert write(p[0], 8, b's') is None
    os.truncate(path('disk01'), 2 * MIB)
    assert 'shrunk' in resync('disk01', 1)
    both(p, [])
    assert blocks(p[0]) == 4 * MIB // 512
    assert read(p[0], 3 * MIB // 512) == (3, 0x11, 0)
    assert read(p[0], 8) == b's'
    assert read(p[0], 4 * MIB // 512) == BAD_LBA
    # The failed read makes it suspicious; it is not taken for another disk once it is whole.
    assert iwarp.eventually(lambda: device('disk01')['error'])
    os.truncate(path('disk01'), 4 * MIB)
    resync('disk01')
    assert device('disk01')['error'] is None
    assert read(p[0], 3 * MIB // 512) == b'\0'
    assert read(p[0], 8) == b's'
    both(p, [])
    print('shrinks: what is gone cannot be read, the rest can')


def read_only(p):
    target.reload(('#RIGHTS', 'read_only 1'))
    assert write(p[0], 0, b'x') == MODE
    assert write(p[0], 0, b'x') == PROTECTED
    assert write_protected(p[0]) and device('disk01')['read_only']
    target.reload(('read_only 1', '#RIGHTS'))
    both(p, [MODE])
    assert not write_protected(p[0]) and write(p[0], 0, b'x') is None
    assert read(p[1], 0) == b'x'
    # A LUN for itself.
    target.reload(('LUN 0 disk01', 'LUN 0 disk01 { read_only 1 }'))
    both(p, [MODE])
    assert write(p[0], 0, b'y') == PROTECTED
    target.reload(('LUN 0 disk01 { read_only 1 }', 'LUN 0 disk01'))
    both(p, [MODE])
    print('read_only: comes and goes, with 2A/01')


def luns(p):
    assert attentions(p[0], 1) == [NO_LUN]
    target.reload(('#LUNS', 'LUN 1 disk02'))
    both(p, [LUNS])
    both(p, [POWER_ON, LUNS], 1)
    # Another device under this number, in one step.
    target.reload(('LUN 1 disk02', 'LUN 1 disk01'))
    both(p, [LUNS])
    both(p, [POWER_ON, INQUIRY, LUNS], 1)
    assert blocks(p[0], 1) == 4 * MIB // 512
    target.reload(('LUN 1 disk01', 'LUN 1 disk02'))
    both(p, [LUNS])
    attentions(p[0], 1)
    # Made anew, as its block size is another: it goes and comes.
    target.reload(('#BLOCKS', 'blocksize 4096'))
    both(p, [LUNS])
    assert attentions(p[1], 1) == [POWER_ON, INQUIRY, LUNS]
    assert blocks(p[0], 1) == 2 * MIB // 4096
    target.reload(('LUN 1 disk02', '#LUNS'), ('blocksize 4096', '#BLOCKS'))
    both(p, [LUNS])
    both(p, [NO_LUN], 1)
    print('LUNs: 3F/0E, and 3F/03 where another LU came')


def unlinked(p):
    os.rename(path('disk01'), path('away'))
    assert write(p[0], 1, b'u') is None
    with open(path('disk01'), 'wb') as f:
        f.truncate(4 * MIB)
    os.truncate(path('away'), 2 * MIB)
    assert read(p[0], 3 * MIB // 512) == (3, 0x11, 0)
    # There is a file of this name, but it is not the one in use, which is still there.
    assert 'another file' in resync('disk01', 1)
    assert read(p[0], 1) == b'u'
    os.truncate(path('away'), 4 * MIB)
    os.rename(path('away'), path('disk01'))
    resync('disk01')
    assert device('disk01')['error'] is None and read(p[0], 1) == b'u'
    both(p, [])
    print('unlinked: served by its descriptor, no other file takes its place')


def lost(p):
    os.truncate(path('disk01'), 0)
    assert read(p[0], 1) == (3, 0x11, 0)
    os.unlink(path('disk01'))
    assert iwarp.eventually(lambda: 'No such file' in (device('disk01')['error'] or ''))
    assert any(x['kind'] == 'device' for x in target.ctl('status')['problems'])
    with open(path('new'), 'wb') as f:
        f.write(b'n' * 4 * MIB)
    os.rename(path('new'), path('disk01'))
    assert iwarp.eventually(lambda: device('disk01')['error'] is None)
    both(p, [MEDIUM])
    assert read(p[0], 1) == b'n'
    print('lost: errors until it is back, then it goes on by itself')


def missing(p):
    os.rename(path('disk02'), path('away'))
    assert 'No such file' in reload_fails(('#LUNS', 'LUN 1 disk02'),
                                          ('#BLOCKS', 'blocksize 1024'))
    assert device('disk02')['state'] == 'failed'
    both(p, [NO_LUN], 1)
    for peer in p:
        attentions(peer)
    os.rename(path('away'), path('disk02'))
    assert iwarp.eventually(lambda: device('disk02')['state'] == 'ready')
    both(p, [LUNS])
    assert attentions(p[0], 1)[0] == POWER_ON
    assert blocks(p[0], 1) == 2 * MIB // 1024
    print('missing: comes into service when its file is there')


def main():
    p = [target.established(initiator=n) for n in (1, 2)]
    for peer in p:
        attentions(peer)
    for test in sys.argv[2:]:
        globals()[test](p)
    for peer in p:
        peer.close()


main()
