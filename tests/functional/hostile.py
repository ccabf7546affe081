# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of hostile peers share: cases in a table, each beside an honest session.

LUN 0 has 512-byte blocks and may be written.
"""
import struct
import sys
import time

import iwarp
import target

CLOSED, ALIVE, REJECTED = 'closed', 'alive', 'rejected'


class Honest:
    """A session that must not notice anything: each check() writes and reads back."""

    def __init__(self):
        self.peer = target.login(initiator=0xbeef)
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
    before = target.settled()
    honest = Honest()
    honest.check()
    wrong = 0
    for what, case, want in cases:
        start = time.monotonic()
        problem = one(case, want)
        try:
            honest.check()
        except (OSError, AssertionError, iwarp.Closed, iwarp.Terminated) as e:
            problem = f'{problem or "as it should"}; then the honest session: {e!r}'
        print(f'{"ok    " if problem is None else "WRONG "} {what}' +
              (f': {problem}' if problem else '') +
              f' ({time.monotonic() - start:.2f} s)', flush=True)
        wrong += problem is not None
        if problem and 'honest' in problem:
            break
    honest.peer.close()
    if not iwarp.eventually(lambda: target.descriptors() <= before):
        print(f'WRONG  descriptors: {before} before, {target.descriptors()} after')
        wrong += 1
    print(f'{len(cases)} cases, {wrong} wrong')
    sys.exit(bool(wrong))
