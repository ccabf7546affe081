# SPDX-License-Identifier: GPL-2.0-or-later
"""Promote and demote of srptd as its replicator, its agent and an initiator see them: the
replicator is made up here. Device group "dg", target group 1 is of this node: conf_cluster()."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import iwarp
import target

CHANGED = 6, 0x2a, 6
TRANSITION, STANDBY, UNAVAILABLE = [(2, 4, ascq) for ascq in (0x0a, 0x0b, 0x0c)]
READ = struct.pack('>BBIBH', 0x28, 0, 8, 0, 1)
WRITE = struct.pack('>BBIBH', 0x2a, 0, 8, 0, 1)
BAD = struct.pack('>BBIBH', 0x2a, 0, 1000, 0, 1)  # of the blocks that hang
INQUIRE = bytes([0x12, 0, 0, 0, 255])
GROUPS = bytes([0xa3, 0x2a]) + bytes(4) + struct.pack('>I', 256)


class Replicator:
    """Says what it is told to, agrees to what is announced and remembers what it hears."""

    def __init__(self):
        self.conn = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.conn.connect(f'\0{os.environ["SOCKET"]}-ha')
        self.lock = threading.Lock()
        self.heard = []
        self.states = {1: 'standby', 2: 'standby'}
        self.epoch = self.seq = 0
        self.renewing = None
        threading.Thread(target=self.listen, daemon=True).start()
        self.until('ready')

    def listen(self):
        while True:
            try:
                data = self.conn.recv(8193)
            except OSError:
                return
            if not data:
                return
            verb, *fields = data.decode().split('\t')
            fields = dict(f.split('=', 1) for f in fields)
            if verb == 'announce' and self.agree:
                self.states[1] = fields['state']
                self.table(int(fields['epoch']))
            with self.lock:
                self.heard.append((verb, fields))

    agree = True

    def say(self, verb, **fields):
        self.conn.send('\t'.join([verb, *(f'{k}={v}' for k, v in fields.items())]).encode())

    def table(self, epoch):
        self.seq += 1
        self.say('table', group='dg', seq=self.seq, epoch=epoch,
                 states=','.join(f'{i}:{s}' for i, s in self.states.items()))

    def lease(self, epoch, ms=1000):
        self.say('lease', group='dg', epoch=epoch, at_ns=time.monotonic_ns(), ms=ms)

    def grant(self, epoch, ms=3000):
        """A lease that is renewed until revoke()."""
        stop = threading.Event()

        def run():
            while not stop.is_set():
                self.lease(epoch, ms)
                stop.wait(ms / 3000)
        self.renewing = stop, threading.Thread(target=run, daemon=True)
        self.renewing[1].start()

    def revoke(self):
        """No more leases; the one that runs goes on."""
        self.renewing[0].set()
        self.renewing[1].join()

    def refuse(self, code, reason):
        self.say('refuse', group='dg', code=code, reason=reason)

    def count(self, verb, **fields):
        with self.lock:
            return sum(v == verb and fields.items() <= f.items() for v, f in self.heard)

    def until(self, verb, more=0, **fields):
        assert iwarp.eventually(lambda: self.count(verb, **fields) > more), (verb, fields,
                                                                            self.heard)


def session(initiator=1, luns=(0, 1)):
    """One that has heard of its beginning, on a port that is standby."""
    p = target.login(initiator)
    for lun in luns:
        while p.command(bytes(6), lun)[0].sense[0] == 6:
            pass
    return p


def start(*words):
    """srptctl, without waiting for its end."""
    return subprocess.Popen([os.environ['SRPTCTL'], '-s', os.environ['SOCKET'], *words],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(p, status, text=''):
    out, _ = p.communicate(timeout=30)
    assert p.returncode == status and text in out, (p.args[3:], p.returncode, out)
    return out


def ctl(status, *words, text=''):
    return ended(start(*words), status, text)


def role():
    group, = target.ctl('role')['groups']
    return group


def is_open():
    """Whether a file of the disks is open in srptd."""
    found = []
    for fd in os.listdir(f'/proc/{target.PID}/fd'):
        try:
            found.append(os.readlink(f'/proc/{target.PID}/fd/{fd}'))
        except OSError:
            pass
    return any('/disks/' in path for path in found)


def ends(p, cdb, sense, lun=0, **kw):
    r, _ = p.command(cdb, lun, **kw)
    assert r.sense == sense, (cdb.hex(), r.status, r.sense, sense)


def told(p, *before):
    """That the state has changed, which may come behind the first answers in the new state: these
    have no other sense than the given ones."""
    seen = []

    def hears():
        seen.append(p.command(bytes(6))[0].sense)
        return seen[-1] == CHANGED

    assert iwarp.eventually(hears), seen[-5:]
    assert set(seen[:-1]) <= set(before), seen


def refused(p, sense):
    """Of a disk that says this nothing is served, but it is still there."""
    ends(p, READ, sense, room=512)
    ends(p, WRITE, sense, out=bytes(512))
    for cdb in INQUIRE, GROUPS:
        r, _ = p.command(cdb, room=256)
        assert r.status == 0, (cdb.hex(), r.sense)


def promoting(rep, *seconds):
    """A promote that waits for a lease."""
    before = rep.count('want')
    p = start('promote', 'dg', *seconds)
    rep.until('want', before)
    return p


def promoted(rep, epoch, ms=3000):
    p = promoting(rep)
    rep.grant(epoch, ms)
    ended(p, 0, f'dg: promoted, epoch {epoch}: gate ')


# ---- promote ----

def there_and_back(rep, p):
    assert role()['role'] == 'standby' and not is_open()
    refused(p, STANDBY)
    promoted(rep, 7)
    assert is_open()
    told(p, None)
    p.write(8, b'seven'.ljust(512))
    assert p.read(8, 1)[:5] == b'seven'
    p.ready(1)
    ctl(0, 'promote', 'dg')
    ctl(8, 'monitor', 'dg')
    assert role()['gate'] == 'open' and 0 < role()['lease_ms'] <= 3000
    ctl(1, 'set-state', 'near', 'standby', text="the cluster's to set")
    ctl(0, 'demote', 'dg', text='dg: standby, epoch 7: stop ')
    rep.revoke()
    assert not is_open()
    told(p, STANDBY)
    refused(p, STANDBY)
    ctl(0, 'demote')
    ctl(0, 'demote', '', '5')
    ctl(0, 'monitor')


def refusals(rep, p):
    for code, status, reason in ('secondary', 5, 'r0 is Secondary'), \
            ('parity', 6, 'device.disk01.naa differs'):
        c = promoting(rep)
        rep.refuse(code, reason)
        if code == 'secondary':
            ctl(10, 'promote', 'dg', text='it is promoting')
            ctl(10, 'demote', 'dg', text='it is promoting')
            ctl(1, 'reload', text='is promoting: try again')
        ended(c, status, f'device group dg: {reason}')
        assert role()['role'] == 'standby' and not is_open()
        refused(p, STANDBY)


def mistakes(rep, p):
    ctl(3, 'promote', 'other', text='there is no device group other')
    ctl(3, 'demote', 'other')
    ctl(3, 'monitor', 'other')
    ctl(2, 'promote', 'dg', 'soon')
    ctl(2, 'promote', 'dg', '1', '2', '3')
    assert ctl(0, 'role').count('standby')


def failures(rep, p):
    """A disk that cannot be opened, and a table that never comes: undone."""
    disk = os.environ['DISKS'] + '/disk02'
    os.rename(disk, disk + '.away')
    c = promoting(rep)
    rep.grant(8)
    ended(c, 1, 'device disk02: ')
    os.rename(disk + '.away', disk)
    rep.revoke()
    assert role()['role'] == 'standby' and not is_open()
    rep.agree = False
    c = promoting(rep, '1')
    rep.grant(9)
    ended(c, 11, 'not done in time')
    rep.revoke()
    assert role()['role'] == 'standby' and not is_open()
    refused(p, STANDBY)
    rep.agree = True
    promoted(rep, 10)
    told(p, None)
    p.ready()


def reloads(rep, p):
    """What is promoted stays what it is; then it is taken away."""
    ctl(0, 'reload')
    p.ready()
    target.edit(('drbd_resource r0', 'drbd_resource r1'))
    ctl(1, 'reload', text='device group dg is promoted and has another drbd_resource: demote')
    p.ready()
    ctl(0, 'demote')
    ctl(0, 'reload')
    rep.revoke()


def promote():
    p = session()
    ctl(4, 'promote', 'dg', text='srp-replicatord is not running')
    rep = Replicator()
    for case in there_and_back, refusals, mistakes, failures, reloads:
        case(rep, p)
    p.close()


# ---- the gate ----

def load(p, until):
    """Writes until a moment; when the last was sent that ended GOOD, and what else came."""
    last, senses = 0, set()
    while time.monotonic() < until:
        sent = time.monotonic()
        r, _ = p.command(WRITE, out=bytes(512))
        if r.status == 0:
            last = sent
        else:
            senses.add(r.sense)
    return last, senses


def gate():
    """A lease that runs out under writes: nothing is acknowledged later, all is told so that
    multipath takes the other path; the next lease opens it."""
    p, rep = session(), Replicator()
    promoted(rep, 1, 600)
    told(p, None)
    p.write(8, bytes(512))
    rep.revoke()
    rep.lease(1, 600)
    end = time.monotonic() + 0.6
    last, senses = load(p, end + 0.7)
    # Compared with the time of the round, which is older than the command: scsi/gate.h.
    assert end - 0.6 < last <= end + 0.2, (last, end)
    assert senses <= {TRANSITION, CHANGED} and TRANSITION in senses, senses
    ctl(9, 'monitor', text='has not renewed the lease')
    ctl(9, 'monitor', text='write gate')
    rep.until('announce', state='transitioning')
    assert role()['gate'] == 'closed' and role()['local_state'] == 'transitioning'
    ctl(4, 'promote', 'dg')
    rep.grant(2)
    rep.until('announce', state='active', epoch='2')
    assert iwarp.eventually(lambda: role()['local_state'] == 'active')
    p.write(8, b'again'.ljust(512))
    ctl(8, 'monitor')
    rep.revoke()
    rep.say('close', group='dg', reason='suspended')
    assert iwarp.eventually(lambda: role()['gate'] == 'closed')
    refused(p, TRANSITION)
    ctl(9, 'monitor', text='suspended')
    ctl(9, 'monitor', text='write gate')  # what the agent looks for
    overtaken(rep, p)
    p.close()


def overtaken(rep, p):
    """Another node is active: a lease helps no more, a demote does."""
    rep.states = {1: 'unavailable', 2: 'active'}
    rep.table(3)
    time.sleep(0.1)
    rep.lease(4)
    time.sleep(0.2)
    told(p, STANDBY)
    refused(p, TRANSITION)
    ctl(0, 'demote')
    assert not is_open()
    rep.states[2] = 'standby'
    rep.table(4)
    promoted(rep, 5)
    p.write(8, bytes(512))


# ---- a demote that hangs ----

def hangs():
    """A write that the disk does not end: the demote gives up in time, nothing is acknowledged,
    and it ends when the disk lets go."""
    p, other, rep = session(), session(initiator=2), Replicator()
    promoted(rep, 1)
    p.ready()
    other.write(8, bytes(512))
    target.reload(('fault_hang 0', 'fault_hang 1'))
    ready = p.command(bytes(6))[0]
    assert ready.status == 0
    answers = []
    writer = threading.Thread(target=lambda: answers.append(p.command(BAD, out=bytes(512))[0]))
    writer.start()
    time.sleep(0.2)  # it is in the disk by then; if not, it is refused all the same
    before = time.monotonic()
    ctl(11, 'demote', 'dg', '1', text='in time; it goes on')
    assert time.monotonic() - before < 5
    assert role()['role'] == 'demoting' and role()['local_state'] == 'unavailable'
    assert role()['gate'] == 'closed'
    other.command(bytes(6))
    refused(other, UNAVAILABLE)
    ctl(1, 'monitor', text='does not get over')
    ctl(11, 'demote', 'dg', '1')
    ctl(10, 'promote', 'dg')
    c = start('demote', 'dg')
    target.edit(('fault_hang 1', 'fault_hang 0'))
    # The disk lets go, whatever else of the configuration cannot be changed now.
    ctl(1, 'reload', text='is demoting: try again')
    ended(c, 0)
    rep.revoke()
    assert role()['role'] == 'standby'
    writer.join(20)
    assert answers[0].sense == TRANSITION, (answers[0].status, answers[0].sense)
    other.command(bytes(6))
    refused(other, STANDBY)
    for s in p, other:
        s.close()


# ---- what is kept on the state volume ----

def registered(p):
    """Keys of the registrations."""
    got = p.good(bytes([0x5e, 0, 0, 0, 0, 0, 0, 0, 64, 0]), room=64)
    size, = struct.unpack('>4xI', got[:8])
    return struct.unpack(f'>{size // 8}Q', got[8:8 + size])


def register(p, key):
    """PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY with APTPL."""
    p.good(bytes([0x5f, 6, 0, 0, 0, 0, 0, 0, 24, 0]), out=struct.pack('>8xQ4xB3x', key, 1))


def state():
    """What is registered under one epoch is there under the next; a volume that was made anew is
    empty, one that holds something else is not used."""
    p, rep = session(luns=(0,)), Replicator()
    promoted(rep, 5)
    register(p, 0xabcd)
    assert registered(p) == (0xabcd,)
    ctl(0, 'demote')
    rep.revoke()
    promoted(rep, 6)
    assert registered(p) == (0xabcd,)
    register(p, 0xef01)
    ctl(0, 'demote')
    rep.revoke()
    promoted(rep, 7)
    assert registered(p) == (0xef01,)
    ctl(0, 'demote')
    rep.revoke()
    c = promoting(rep)
    with open(os.environ['DISKS'] + '/state', 'r+b') as f:
        f.write(bytes(1 << 20))
    rep.grant(8)
    ended(c, 0)
    assert registered(p) == ()
    ctl(0, 'demote')
    rep.revoke()
    with open(os.environ['DISKS'] + '/state', 'r+b') as f:
        f.write(b'something else'.ljust(4096))
    c = promoting(rep)
    rep.grant(9)
    ended(c, 1, '/disks/state')
    rep.revoke()
    assert role()['role'] == 'standby' and not is_open()
    p.close()


# ---- ends of srptd ----

def stop():
    """SIGTERM under writes: demoted in order."""
    p, rep = session(), Replicator()
    promoted(rep, 1)
    p.ready()
    p.write(8, bytes(512))
    os.kill(int(target.PID), signal.SIGTERM)
    rep.until('role', role='standby', epoch='1')
    rep.until('announce', state='standby', epoch='1')
    try:
        while p.command(WRITE, out=bytes(512))[0].status == 0:
            pass
    except (iwarp.Closed, iwarp.Terminated, AssertionError, ConnectionError):
        pass
    rep.revoke()


def resume():
    """It was promoted before srptd went away: the replicator says so."""
    p, rep = session(), Replicator()
    refused(p, STANDBY)
    rep.say('resume', group='dg')
    rep.until('want')
    rep.grant(3)
    assert iwarp.eventually(lambda: role()['role'] == 'promoted')
    told(p, None)
    p.ready()
    # A lease that came while it was frozen would be as good as any.
    rep.revoke()
    os.kill(int(target.PID), signal.SIGSTOP)
    before = time.monotonic()
    ctl(1, '-t', '1', 'monitor')
    assert time.monotonic() - before < 10
    time.sleep(3)
    # Whatever it was about to do when it froze: the lease is over.
    p.send(p.iu(WRITE, out=bytes(512)))
    os.kill(int(target.PID), signal.SIGCONT)
    r = p.answer()
    assert r.status != 0, r.status
    p.close()


# ---- what a promote costs ----

def switches():
    """How often the threads of srptd have waited for something."""
    total = 0
    for task in os.listdir(f'/proc/{target.PID}/task'):
        with open(f'/proc/{target.PID}/task/{task}/status', encoding='ascii') as f:
            total += int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', f.read(), re.M)[1])
    return total


def cost():
    """Of a promote with all disks: waits; the steps are printed."""
    seen = []
    for _ in range(5):
        before = switches()
        ctl(0, 'promote')
        seen.append(switches() - before)
        answer = target.ctl('role')
        ctl(0, 'demote')
    steps = {s['step']: s['us'] for s in answer['steps'] if s['operation'] == 'promote'}
    print(json.dumps({'waits': min(seen), 'steps': steps,
                      'total': answer['groups'][0]['promote_us']}))


{f.__name__: f for f in (promote, gate, hangs, state, stop, resume, cost)}[sys.argv[1]]()
