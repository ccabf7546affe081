# SPDX-License-Identifier: GPL-2.0-or-later
"""srptd is killed during a stream of PERSISTENT RESERVE OUT with APTPL, again and again.

After each restart READ FULL STATUS must tell the state after the last command that was
answered, or after the one that was not. Written from SPC-4 5.13 and 6.15; starts the daemon
itself. SRPTD, CONF, TARGET, PORT, ID_EXT, IOC_GUID; STATE_KILLS times, of seed STATE_SEED.
"""
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import iwarp

ADDRESS = os.environ['TARGET'], int(os.environ['PORT'])
ID_EXT, IOC_GUID = int(os.environ['ID_EXT'], 16), int(os.environ['IOC_GUID'], 16)
KILLS = int(os.environ.get('STATE_KILLS') or 200)
SEED = int(os.environ.get('STATE_SEED') or random.randrange(2 ** 32))
HOSTS = 3
LOGIN_S = 30

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, IGNORE = 0, 1, 2, 3, 4, 6
EXCLUSIVE_ACCESS_RO, EXCLUSIVE_ACCESS_AR = 6, 8


class State:
    """Registrations (host: key) and who holds which reservation, as the standard has it."""

    def __init__(self, keys=None, holder=None, kind=0):
        self.keys, self.holder, self.kind = dict(keys or {}), holder, kind

    def __eq__(self, other):
        return self.told() == other.told()

    def told(self):
        """What READ FULL STATUS tells: {host: (key, whether it holds the reservation, type)}"""
        everybody = self.kind == EXCLUSIVE_ACCESS_AR
        return {h: (k, self.kind if everybody or self.holder == h else 0)
                for h, k in self.keys.items()}

    def without(self, host):
        s = State(self.keys, self.holder, self.kind)
        del s.keys[host]
        if not s.keys or (s.holder == host and s.kind != EXCLUSIVE_ACCESS_AR):
            s.holder, s.kind = None, 0
        return s


def choose(state, rng):
    """A command that must work: (host, action, type, key, service action key, state after)"""
    host = rng.randrange(HOSTS)
    key = state.keys.get(host, 0)
    new = rng.randrange(1, 2 ** 64)
    after = State(state.keys, state.holder, state.kind)
    kind = rng.choice((EXCLUSIVE_ACCESS_RO, EXCLUSIVE_ACCESS_AR))
    what = rng.random()
    if not key or what < 0.4:
        after.keys[host] = new
        return host, IGNORE, 0, 0, new, after
    if what < 0.5:
        return host, REGISTER, 0, key, 0, state.without(host)
    if what < 0.55:
        return host, CLEAR, 0, key, 0, State()
    if what < 0.8 and not state.kind:
        after.holder, after.kind = host, kind
        return host, RESERVE, kind, key, 0, after
    if what < 0.8 and (state.holder == host or state.kind == EXCLUSIVE_ACCESS_AR):
        after.holder, after.kind = None, 0
        return host, RELEASE, state.kind, key, 0, after
    victim = state.holder
    if state.kind == EXCLUSIVE_ACCESS_RO and victim != host:
        after = state.without(victim)
        after.holder, after.kind = host, kind
        return host, PREEMPT, kind, key, state.keys[victim], after
    after.keys[host] = new
    return host, REGISTER, 0, key, new, after


def pr_out(host, action, kind, key, action_key):
    cdb = struct.pack('>BBB2xI', 0x5f, action, kind, 24)
    aptpl = 1 if action in (REGISTER, IGNORE) else 0
    return cdb + b'\0', struct.pack('>QQ4xB3x', key, action_key, aptpl)


def full_status(p):
    """{initiator number: (key, type if it holds the reservation)}"""
    room = 4096
    data = p.good(struct.pack('>BB5xHB', 0x5e, 3, room, 0), room=room)
    length = struct.unpack('>I', data[4:8])[0]
    assert length <= room - 8
    found, at = {}, 8
    while at < 8 + length:
        key, flags, kind, more = struct.unpack('>Q4xBB4xxxI', data[at:at + 24])
        initiator = data[at + 24 + 8:at + 24 + 24]
        number = struct.unpack('>QQ', initiator)[1] - 1
        found[number] = key, kind & 15 if flags & 1 else 0
        at += 24 + more
    return found


class Daemon:
    def __init__(self, log):
        self.process = subprocess.Popen([os.environ['SRPTD'], '-f', '-c', os.environ['CONF']],
                                        stdout=log, stderr=log)

    def connected(self):
        limit = time.monotonic() + LOGIN_S
        while True:
            assert self.process.poll() is None, 'srptd does not start'
            try:
                socket.create_connection(ADDRESS, 1).close()
                return
            except OSError:
                assert time.monotonic() < limit, 'srptd does not listen'
                time.sleep(0.002)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)

    def killed(self):
        assert self.process.wait() == -signal.SIGKILL, 'srptd ended by itself'


def log_in(host):
    return iwarp.Initiator(ADDRESS, ID_EXT, IOC_GUID, initiator=struct.pack('>QQ', 0, host + 1))


class Killer:
    """Kills the daemon at any point of one of the first commands, however long these take."""

    def __init__(self, daemon, rng):
        self.daemon, self.rng = daemon, rng
        self.after = rng.randrange(8)
        self.began, self.longest, self.timer = time.monotonic(), 0.001, None

    def answered(self, count):
        now = time.monotonic()
        self.longest = max(self.longest, now - self.began)
        self.began = now
        if count == self.after:
            self.timer = threading.Timer(self.rng.uniform(0, self.longest), self.daemon.kill)
            self.timer.start()


def stream(hosts, state, rng, killer):
    """Commands until the daemon is gone: the last state answered, that of the one under way."""
    count = 0
    while True:
        killer.answered(count)
        host, action, kind, key, action_key, after = choose(state, rng)
        cdb, data = pr_out(host, action, kind, key, action_key)
        try:
            r, _ = hosts[host].command(cdb, out=data)
            while r.sense and r.sense[0] == 6:
                r, _ = hosts[host].command(cdb, out=data)
        except (iwarp.Closed, OSError):
            return count, state, after
        assert r.status == 0, (action, r.status, r.sense)
        state, count = after, count + 1


def one_round(log, rng, expected):
    daemon = Daemon(log)
    try:
        daemon.connected()
        hosts = [log_in(h) for h in range(HOSTS)]
        found = full_status(hosts[0])
        state = next((s for s in expected if s.told() == found), None)
        assert state is not None, (found, [s.told() for s in expected])
        killer = Killer(daemon, rng)
        count, answered, under_way = stream(hosts, state, rng, killer)
        daemon.killed()
        assert count >= killer.after, f'{count} commands answered, killed after {killer.after}'
    finally:
        daemon.kill()
        daemon.process.wait()
    for p in hosts:
        p.close()
    return count, found == expected[-1].told(), answered, under_way


def main():
    rng = random.Random(SEED)
    print(f'STATE_SEED={SEED}')
    expected, commands, landed = (State(),), 0, 0
    with open(os.environ['LOG'], 'ab') as log:
        for _ in range(KILLS):
            count, new, *expected = one_round(log, rng, expected)
            commands += count
            landed += new
    assert commands, 'no command was answered before a kill'
    print(f'{KILLS} times killed; {commands} commands answered; '
          f'{landed} times the command under way had been kept')


sys.exit(main())
