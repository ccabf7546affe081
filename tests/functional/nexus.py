# SPDX-License-Identifier: GPL-2.0-or-later
"""Which logins are one session: initiators of the kernel's siw all call themselves zero."""
import iwarp
import target


def peers():
    return sorted(s['name'] for s in target.ctl('sessions'))


def main():
    port = target.ADDRESS[1]
    six = '::1', port
    four = '127.0.0.1', port

    def log_in(address, **kw):
        p = iwarp.Initiator(address, target.ID_EXT, target.IOC_GUID, **kw)
        p.ready()
        return p

    a, b = log_in(four), log_in(six)
    assert peers() == ['127.0.0.1', '::1'], peers()
    # Another address is another session: both go on.
    a.write(0, b'from four' + bytes(503))
    assert b.read(0, 1)[:9] == b'from four'
    # The same once more takes the place of the first, as after a crash of its host.
    again = log_in(four)
    assert a.end() in ('closed', 'T_LOGOUT 4')
    assert iwarp.eventually(lambda: peers() == ['127.0.0.1', '::1']), peers()
    # Unless it asks to be added.
    more = log_in(four, multi=True)
    again.ready()
    assert peers() == ['127.0.0.1', '::1'], peers()
    # With identifiers of their own, two from one address are two.
    own = log_in(four, initiator=b'an initiator! :)')
    assert len(peers()) == 3, peers()
    for p in b, again, more, own:
        p.ready()
        p.close()
    assert iwarp.eventually(lambda: not peers())


main()
