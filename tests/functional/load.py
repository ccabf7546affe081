# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions that write and read back without a pause, while something happens to srptd.

Argument: reload: this program changes the configuration and looks at what follows;
stop: srptd is stopped, all sessions end in order; crash: it is killed and started again,
they log in anew and find everything that was acknowledged.
"""
import random
import socket
import struct
import sys
import threading
import time

import iwarp
import target

AREA = 2048  # blocks of one session


class Load(threading.Thread):
    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.rounds, self.why, self.wrong = number, 0, None, None
        self.random = random.Random(number)
        self.known = {}
        self.stop = False
        self.peer = target.login(initiator=100 + number)

    def one(self):
        n = self.random.choice((1, 8, 32))
        lba = self.random.randrange(AREA - n)
        data = self.random.randbytes(512 * n)
        # Until it is acknowledged the old or the new may be there.
        for i in range(n):
            self.known.pop(lba + i, None)
        self.peer.write(self.number * AREA + lba, data)
        for i in range(n):
            self.known[lba + i] = data[512 * i:512 * i + 512]
        if self.peer.read(self.number * AREA + lba, n) != data:
            raise AssertionError('what was written is not there')
        self.rounds += 1

    def run(self):
        try:
            self.peer.ready()
            while not self.stop:
                self.one()
        except iwarp.Closed:
            self.why = 'closed'
        except iwarp.Terminated as e:
            self.why = f'TERMINATE {e.args[0]:04x}'
        except AssertionError as e:
            self.wrong = e
        except OSError as e:
            self.why = str(e)

    def check(self):
        for lba, data in self.random.sample(sorted(self.known.items()), min(500, len(self.known))):
            assert self.peer.read(self.number * AREA + lba, 1) == data, \
                f'block {lba} of session {self.number} is not what was acknowledged'


def start(n):
    loads = [Load(i) for i in range(n)]
    for load in loads:
        load.start()
    assert iwarp.eventually(lambda: all(load.rounds for load in loads)), 'no load'
    print('under load', flush=True)
    return loads


def ended(loads):
    """All of them notice, none sees anything but the end."""
    begin = time.monotonic()
    for load in loads:
        load.join(iwarp.TIMEOUT)
        assert not load.is_alive(), 'a session does not notice the end'
        assert load.wrong is None, repr(load.wrong)
    print(f'{sum(load.rounds for load in loads)} rounds, then {loads[0].why} '
          f'({time.monotonic() - begin:.1f} s)', flush=True)


def again(load):
    """Log in like one who does not know when the target is back."""
    def tried():
        try:
            load.peer = target.login(initiator=100 + load.number)
            return True
        except (OSError, iwarp.Closed, iwarp.Rejected):
            return False
    assert iwarp.eventually(tried), 'no login after the restart'


def free_port():
    for port in range(target.ADDRESS[1] + 1, target.ADDRESS[1] + 500):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(('127.0.0.1', port))
                return port
            except OSError:
                pass
    raise AssertionError('no free port')


def luns(p):
    data = p.good(struct.pack('>BB4xI2x', 0xa0, 0, 256), room=256)
    return [struct.unpack('>H', data[8 + i:10 + i])[0]
            for i in range(0, struct.unpack('>I', data[:4])[0], 8)]


def log_in(port, id_ext=target.ID_EXT, initiator=b'another one   :)'):
    p = iwarp.Initiator((target.ADDRESS[0], port), id_ext, target.IOC_GUID, initiator=initiator)
    p.ready()
    return p


def refused(port):
    try:
        socket.create_connection((target.ADDRESS[0], port), 2).close()
        return False
    except ConnectionRefusedError:
        return True


def changed(p):
    """The session is told that there are other LUNs."""
    r, _ = p.command(bytes(6))
    assert r.sense == (6, 0x3f, 0x0e), r.sense


def a_lun():
    p = target.established()
    assert luns(p) == [0]
    target.reload(('#LUNS', 'LUN 1 disk02\n#LUNS'))
    changed(p)
    assert luns(p) == [0, 1]
    p.write(0, bytes(range(256)) * 2, lun=1)
    target.reload(('LUN 1 disk02', ''))
    changed(p)
    assert luns(p) == [0]
    r, _ = p.command(bytes(6), lun=1)
    assert r.sense == (5, 0x25, 0), r.sense
    p.close()


def a_target():
    target.reload(('#TARGETS', 'TARGET late { enabled 1\nid_ext 0002c90300a1b2d0\n'
                               'LUN 0 disk02\n}\n#TARGETS'))
    p = log_in(target.ADDRESS[1], 0x0002c90300a1b2d0)
    assert p.read(0, 1) == bytes(range(256)) * 2
    target.reload(('TARGET late { enabled 1', 'TARGET late { enabled 0'))
    assert p.end() in ('closed', 'T_LOGOUT 0'), 'a disabled target keeps its sessions'
    target.reload(('TARGET late {', 'TARGET other {'), ('enabled 0', 'enabled 1'))
    log_in(target.ADDRESS[1], 0x0002c90300a1b2d0).close()


def a_port():
    """Where nobody listens any more nobody gets in; who is in stays."""
    port = free_port()
    assert refused(port)
    target.reload(('#PORTS', f'iwarp_port 127.0.0.1:{port}\n#PORTS'))
    p = log_in(port)
    target.reload((f'iwarp_port 127.0.0.1:{port}', ''))
    assert refused(port)
    p.ready()
    p.write(30000, bytes(512))
    p.close()


def main():
    what = sys.argv[1]
    loads = start(4)
    if what == 'reload':
        for change in a_lun, a_target, a_port:
            before = [load.rounds for load in loads]
            change()
            print(change.__name__, flush=True)
            assert iwarp.eventually(lambda: all(
                load.rounds > n for load, n in zip(loads, before))), \
                f'the load stands still: {[load.why or load.wrong for load in loads]}'
        for load in loads:
            load.stop = True
    ended(loads)
    if what == 'reload':
        assert all(load.why is None for load in loads), [load.why for load in loads]
    if what == 'crash':
        for load in loads:
            again(load)
    if what != 'stop':
        for load in loads:
            load.check()
            load.peer.close()


main()
