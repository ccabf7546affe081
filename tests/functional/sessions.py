# SPDX-License-Identifier: GPL-2.0-or-later
"""A thousand sessions at once, each with work to do; afterwards nothing is left of them."""
import os
import resource
import struct
import sys
import time

import iwarp
import target

COUNT = int(sys.argv[1])
BLOCK = struct.Struct('>64Q')


def memory():
    """Kilobytes the daemon has in use."""
    with open(f'/proc/{target.PID}/status', encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))


def log_in_all():
    return [target.login(initiator=1 + i) for i in range(COUNT)]


def work(all_of_them):
    """Commands of all are on their way at once, answered in any order."""
    for i, p in enumerate(all_of_them):
        p.ready()
        p.send(p.iu(struct.pack('>BBIBH', 0x2a, 0, i, 0, 1), out=BLOCK.pack(*[i] * 64)))
    for p in all_of_them:
        assert p.answer().status == 0
    for i, p in enumerate(all_of_them):
        assert BLOCK.unpack(p.read(i, 1)) == (i,) * 64


def round_trip(how):
    start = time.monotonic()
    everybody = log_in_all()
    n = len(target.ctl('sessions'))
    assert n == COUNT, f'srptctl sees {n} sessions'
    work(everybody)
    for p in everybody:
        how(p)
    assert iwarp.eventually(lambda: not target.ctl('sessions'))
    print(f'{COUNT} sessions: {time.monotonic() - start:.1f} s')


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COUNT + 64:
        print(f'only {hard} descriptors are allowed')
        sys.exit(77)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COUNT + 64), hard))
    before = target.settled()
    round_trip(iwarp.Initiator.logout if COUNT < 300 else iwarp.Peer.close)
    grown = memory()
    round_trip(iwarp.Peer.close)
    assert iwarp.eventually(lambda: target.descriptors() <= before), \
        f'{before} descriptors before, {target.descriptors()} after'
    assert memory() < grown * 1.1 + 2048, f'{grown} kB after the first round, {memory()} now'


main()
os._exit(0)
