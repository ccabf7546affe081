# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of hostile peers share: cases in a table, each beside an honest session.

Environment: TARGET (address of srptd), PORT, ID_EXT, IOC_GUID (hexadecimal), SRPTD_PID.
LUN 0 has 512-byte blocks and may be written.
"""
import os
import struct
import sys
import time

import iwarp

ADDRESS = os.environ['TARGET'], int(os.environ['PORT'])
ID_EXT, IOC_GUID = int(os.environ['ID_EXT'], 16), int(os.environ['IOC_GUID'], 16)
PID = os.environ['SRPTD_PID']

CLOSED, ALIVE, REJECTED = 'closed', 'alive', 'rejected'


def login(initiator=1, **kw):
    return iwarp.Initiator(ADDRESS, ID_EXT, IOC_GUID, initiator=struct.pack('>QQ', 0, initiator),
                           **kw)


def established(**kw):
    """A session that was used: only then a responder may send (RFC 5044 7.1.2)."""
    p = login(**kw)
    p.ready()
    return p


def shifted(p, ulpdu):
    """The numbers of SENDs in the tables begin at 1; what @p sent already comes before."""
    if ulpdu[0] & 0x80 or ulpdu[6:10] != bytes(4):
        return ulpdu
    msn = (struct.unpack('>I', ulpdu[10:14])[0] + p.msn) % 2 ** 32
    return ulpdu[:10] + struct.pack('>I', msn) + ulpdu[14:]


def request(**kw):
    return iwarp.login_request(ID_EXT, IOC_GUID, **kw)


def descriptors():
    return len(os.listdir(f'/proc/{PID}/fd'))


def settled():
    """How many descriptors there are when every reactor has what it keeps and nobody is there."""
    for p in [login(initiator=n) for n in range(16)]:
        p.close()
    count, since = descriptors(), time.monotonic()
    while time.monotonic() - since < 0.3:
        time.sleep(0.02)
        if descriptors() != count:
            count, since = descriptors(), time.monotonic()
    return count


class Honest:
    """A session that must not notice anything: each check() writes and reads back."""

    def __init__(self):
        self.peer = login(initiator=0xbeef)
        self.round = 0

    def check(self):
        self.round += 1
        data = struct.pack('>Q', self.round) * 512
        self.peer.write(8 * self.round, data)
        if self.peer.read(8 * self.round, 8) != data:
            raise AssertionError('the honest session reads something else than it wrote')


def name(outcome):
    return outcome if isinstance(outcome, str) else f'TERMINATE {outcome:04x}'


def one(case, want):
    """What happened instead of @want, or None."""
    try:
        got = case()
    except (OSError, AssertionError, iwarp.Closed, iwarp.Rejected, iwarp.Terminated) as e:
        return f'{type(e).__name__} {e}'
    allowed = want if isinstance(want, tuple) else (want,)
    if got in allowed:
        return None
    return f'{name(got)}, not {" or ".join(name(w) for w in allowed)}'


def run(cases):
    """@cases: (what, function, outcome or tuple of them). Exit status 1 if anything is wrong."""
    before = settled()
    honest = Honest()
    honest.check()
    wrong = 0
    for what, case, want in cases:
        problem = one(case, want)
        try:
            honest.check()
        except (OSError, AssertionError, iwarp.Closed, iwarp.Terminated) as e:
            problem = f'{problem or "as it should"}; then the honest session: {e!r}'
        print(f'{"ok    " if problem is None else "WRONG "} {what}' +
              (f': {problem}' if problem else ''), flush=True)
        wrong += problem is not None
        if problem and 'honest' in problem:
            break
    honest.peer.close()
    if not iwarp.eventually(lambda: descriptors() <= before, 4):
        print(f'WRONG  descriptors: {before} before, {descriptors()} after')
        wrong += 1
    print(f'{len(cases)} cases, {wrong} wrong')
    sys.exit(bool(wrong))
