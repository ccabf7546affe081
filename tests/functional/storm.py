# SPDX-License-Identifier: GPL-2.0-or-later
"""Several initiators send whatever there is, in any order, to all disks. Argument: which part.

calm: nobody takes commands of others away: each is answered. wild: with task management, lost
connections, QERR, and changes of the configuration meanwhile: nothing is left afterwards, and no
byte moves for a command that ABORT TASK or another function has ended. load: until it ends.
"""
import random
import select
import struct
import sys
import threading

import iwarp
import target
from cdbs import Cdbs, LASTING

ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, LUN_RESET = 1, 2, 4, 8
SIMPLE, HEAD_OF_QUEUE, ORDERED, ACA = 0, 1, 2, 4
LUNS = range(4)
NEXUSES, CHANNELS, WINDOW = 3, 2, 24
SEED = 20
STAGS = 0x1000


def task(function, lun, tag, of):
    return struct.pack('>BB6xQ4x8s2xBxQ8x', 1, 0, tag, struct.pack('>H6x', lun), function, of)


class Channel:
    """One connection. Tags differ in all of the nexus."""

    def __init__(self, nexus, serial):
        self.nexus, self.p = nexus, target.login(initiator=nexus.number, multi=serial > 1)
        self.limit, self.p.tag = self.p.credit, serial << 16
        self.pending = {}    # tag: LUN
        self.doubtful = {}   # the same, of those that others may have aborted
        self.functions = {}  # tag: (function, LUN, tag it is about, tags before it)
        self.ended = False

    def submit(self, cdb, lun, out=b'', room=0, attr=SIMPLE):
        self.p.credit -= 1
        self.p.send(self.p.iu(cdb, lun, out, room, attr=attr))
        self.pending[self.p.tag] = lun

    def manage(self, function, lun, of):
        self.p.credit -= 1
        self.p.tag += 1
        tag = self.p.tag | 1 << 63
        self.functions[tag] = function, lun, of, {**self.pending, **self.doubtful}
        self.p.send(task(function, lun, tag, of))

    def managed(self, tag, code):
        """What it has ended is over: its memory is not the target's any more."""
        function, lun, of, before = self.functions.pop(tag)
        for t, where in before.items():
            if code == 0 and where == lun and (function != ABORT_TASK or t == of):
                self.forget(t)

    def forget(self, tag):
        known = tag in self.pending or tag in self.doubtful
        self.pending.pop(tag, None)
        self.doubtful.pop(tag, None)
        self.p.memory.pop(STAGS + tag, None)
        return known

    def doubt(self):
        """Whether what is pending will be answered."""
        self.doubtful.update(self.pending)
        self.pending.clear()

    def drop(self):
        self.ended = True
        self.p.close()

    def received(self, what):
        if what[0] == 0x80:  # T_LOGOUT
            self.drop()
        elif what[0] == 0x81:
            self.p.credited(what)
        else:
            r = iwarp.Response(what)
            tag, = struct.unpack('>Q', r.tag)
            self.p.credit += r.delta
            if tag in self.functions:
                self.managed(tag, r.code)
            else:
                assert self.forget(tag), f'an answer to nothing: {tag:x} {r.status} {r.sense}'
                self.nexus.answered(r)

    def event(self):
        try:
            kind, what = self.p.event()
            # A READ request was answered: others may wait for us.
            if kind == 'read':
                self.p.respond(what)
            else:
                self.received(what)
        except (iwarp.Closed, iwarp.Terminated, ConnectionError):
            self.drop()

    def stuff(self):
        """Not all disks get what would make most other commands fail."""
        cdb, out, room = self.nexus.cdbs.any()
        r = self.nexus.random
        lun = r.choice(LUNS[1::2] if cdb[0] in LASTING else LUNS)
        attr = r.choice((SIMPLE,) * 12 + (HEAD_OF_QUEUE, ORDERED, ORDERED, ACA))
        self.submit(cdb, lun, out, room, attr)


class Nexus:
    def __init__(self, number, naa, wild):
        self.number, self.random = number, random.Random(SEED * 1000 + number)
        self.cdbs = Cdbs(self.random, naa)
        self.cdbs.wild = self.wild = wild
        self.channels, self.logins, self.answers, self.good = [], 0, 0, 0

    def answered(self, r):
        self.answers += 1
        self.good += r.status == 0

    def log_in(self):
        self.channels = [c for c in self.channels if not c.ended]
        while len(self.channels) < CHANNELS:
            try:
                self.channels.append(Channel(self, self.logins + 1))
            except (iwarp.Closed, iwarp.Rejected, OSError):
                return  # its target is disabled just now
            self.logins += 1
            self.channels[-1].p.answer_reads = False

    def disturb(self, c):
        r = self.random
        if not c.functions and r.randrange(10) == 0:
            function = r.choice((ABORT_TASK,) * 6 + (ABORT_TASK_SET, CLEAR_TASK_SET, LUN_RESET))
            of = r.choice(list(c.pending) or [0])
            c.manage(function, c.pending.get(of, 0), of)
        if r.randrange(300) == 0:
            if r.randrange(2):
                c.p.raw(b'\0\x20')
            c.drop()

    def push(self):
        for c in self.channels:
            for _ in range(self.random.randrange(5)):
                if c.p.credit > 2 and len(c.pending) < WINDOW:
                    c.stuff()
            if self.wild and len(c.pending) == WINDOW:
                c.doubt()
            if self.wild and not c.ended and c.p.credit > 2:
                self.disturb(c)


def turn(nexuses, timeout):
    """What has come is seen to. How many had something."""
    by_socket = {c.p.sock: c for n in nexuses for c in n.channels if not c.ended}
    ready = select.select(list(by_socket), [], [], timeout)[0]
    for s in ready:
        by_socket[s].event()
    return len(ready)


def waiting(nexuses):
    return sum(len(c.pending) + len(c.functions) for n in nexuses for c in n.channels
               if not c.ended)


def eventually(nexuses, condition, what):
    assert iwarp.eventually(lambda: turn(nexuses, 0.02) < 0 or condition()), what


def naas(p):
    """The NAA designators of all LUNs."""
    found = []
    for lun in LUNS:
        data, at = p.good(bytes([0x12, 1, 0x83, 1, 0, 0]), lun, room=256), 4
        while at < 4 + struct.unpack('>H', data[2:4])[0]:
            if data[at + 1] & 0x3f == 3:
                found.append(data[at + 4:at + 20])
            at += 4 + data[at + 3]
    assert len(found) == len(LUNS)
    return found


def idle():
    stats = target.ctl('stats')
    return not any(row.get('in_flight') or row.get('buffers_used')
                   for rows in stats.values() for row in rows)


def nothing_left(nexuses):
    """No command is in the target, and all credit comes back with the next answers."""
    eventually(nexuses, idle, f'commands or buffers are left: {target.ctl("stats")}')
    for c in [c for n in nexuses for c in n.channels if not c.ended]:
        c.doubt()  # answers may be on their way
        for _ in range(3):
            c.submit(bytes(6), 0)
            eventually(nexuses, lambda: c.ended or not c.pending, 'TEST UNIT READY hangs')
        assert c.ended or c.p.credit == c.limit, (c.p.credit, c.limit)


def changes():
    """Of the configuration and by hand, for the whole storm."""
    for change in (
            [('LUN 0 disk0', 'LUN 0 disk1'), ('LUN 1 disk1', 'LUN 1 disk0')],
            [('LUN 0 disk1', 'LUN 0 disk0'), ('LUN 1 disk0', '')],
            [('LUN 0 disk0', 'LUN 0 disk0\n\t\tLUN 1 disk1'), ('#RIGHTS', 'read_only 1')],
            [('read_only 1', '#RIGHTS'), ('#FAULT', 'fault_errno EIO')],
            [('fault_errno EIO', '#FAULT'), ('#AGAIN', 't10_dev_id again')]):
        target.reload(*change)
        for state in 'standby', 'transitioning', 'active':
            target.ctl('set-state', 'near', state)
        for what in 'luns', 'sessions', 'channels', 'reservations', 'groups', 'devices':
            target.ctl(what)
        target.ctl('resync', 'disk1')
    target.ctl('disable', 'srpt0')
    target.ctl('enable', 'srpt0')


class Changes(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.wrong = None

    def run(self):
        try:
            changes()
        except Exception as e:  # told by the main thread
            self.wrong = e


def storm(wild, commands):
    """Until all have had so many answers, and all changes have been made."""
    p = target.login(initiator=99)
    naa = naas(p)
    p.close()
    nexuses = [Nexus(n, naa, wild) for n in range(1, 1 + NEXUSES)]
    by_hand = Changes()
    if wild:
        by_hand.start()
    while by_hand.is_alive() or any(n.answers < commands for n in nexuses):
        for n in nexuses:
            n.log_in()
            n.push()
        turn(nexuses, 0.01)
    assert not by_hand.wrong, repr(by_hand.wrong)
    eventually(nexuses, lambda: wild or not waiting(nexuses),
               f'{waiting(nexuses)} commands are not answered')
    nothing_left(nexuses)
    for n in nexuses:
        print(f'nexus {n.number}: {n.logins} logins, {n.answers} answers, {n.good} GOOD')
        assert n.good > 50
        for c in n.channels:
            c.drop()
    assert iwarp.eventually(lambda: not target.ctl('sessions'))


def load():
    """Until the target goes."""
    p = target.login(initiator=99)
    nexuses = [Nexus(n, naas(p), True) for n in range(1, 1 + NEXUSES)]
    for n in nexuses:
        n.log_in()
    told = False
    while any(n.channels for n in nexuses):
        for n in nexuses:
            n.push()
        turn(nexuses, 0.01)
        for n in nexuses:
            n.log_in()
        if not told and all(n.answers > 50 for n in nexuses):
            print('under load', flush=True)
            told = True


def main():
    {'calm': lambda: storm(False, 1000), 'wild': lambda: storm(True, 1200), 'load': load}[
        sys.argv[1]]()


main()
