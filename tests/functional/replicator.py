# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes of a cluster, each a network namespace: a real Corosync and a real srp-replicatord,
beside them a srptd, a DRBD and an attrd_updater that are made up here. Run by
test-replicator-*.sh as root of a user namespace: replicator.py CASE."""
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

BUILD = os.environ['top_builddir'] + '/replicator'
WORK = os.environ['WORK']
WAIT = 20  # for what must come, seconds
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
GROUP = 'dg'

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    pass


def dies_with_us():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def until(what, condition, seconds=WAIT):
    """Wait for a condition; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f'not in {seconds} s: {what}')
        time.sleep(0.01)


def check(what, condition):
    if not condition:
        raise Failed(what)


def escape(value):
    return ''.join(f'%{ord(c):02X}' if ord(c) < 0x20 or c in '\x7f%' else c for c in str(value))


def unescape(value):
    parts = value.split('%')
    return parts[0] + ''.join(chr(int(p[:2], 16)) + p[2:] for p in parts[1:])


class Namespace:
    """A network namespace, kept by a process that sleeps in it."""

    def __init__(self):
        self.keeper = subprocess.Popen(['unshare', '-n', 'sleep', '600'],
                                       preexec_fn=dies_with_us)
        own = os.readlink('/proc/self/ns/net')
        until('a network namespace', lambda: self.link() not in (None, own))
        self.run('ip', 'link', 'set', 'lo', 'up')

    def link(self):
        try:
            return os.readlink(f'/proc/{self.keeper.pid}/ns/net')
        except OSError:
            return None

    def prefix(self):
        return ['nsenter', f'--net=/proc/{self.keeper.pid}/ns/net']

    def run(self, *argv):
        subprocess.run([*self.prefix(), *argv], check=True)

    def enter(self):
        fd = os.open(f'/proc/{self.keeper.pid}/ns/net', os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns')
        os.close(fd)

    def end(self):
        self.keeper.kill()
        self.keeper.wait()


class Srptd:
    """srptd's end of the link: says what it is told to and remembers what it hears."""

    def __init__(self, node, name, local, parity, grace_ms):
        self.node, self.local, self.grace_ms = node, local, grace_ms
        self.fence_delay = None
        self.parity = dict(parity)
        self.heard = []  # (time, verb, fields)
        self.role, self.epoch = 'standby', 0
        self.connections = 0
        self.conn = None
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(f'\0{name}-ha')
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def hash(self):
        return f'{hash(tuple(sorted(self.parity.items()))) & (1 << 64) - 1:016x}'

    def serve(self):
        while True:
            conn, _ = self.listener.accept()
            self.conn = conn
            self.connections += 1
            self.hello()
            while True:
                try:
                    data = conn.recv(8193)
                except OSError:
                    break
                if not data:
                    break
                verb, *fields = data.decode().split('\t')
                fields = {k: unescape(v) for k, v in (f.split('=', 1) for f in fields)}
                if verb == 'parity-request':
                    for k, v in self.parity.items():
                        self.say('parity-items', list=f'{k}\n{v}\n')
                    self.say('parity-end')
                self.heard.append((time.monotonic(), verb, fields))

    def say(self, verb, **fields):
        text = '\t'.join([verb, *(f'{k}={escape(v)}' for k, v in fields.items())])
        self.conn.send(text.encode())

    def hello(self):
        fence = {} if self.fence_delay is None else {'fence_delay_s': self.fence_delay}
        self.say('hello', version=1, node=self.node, pid=os.getpid(),
                 grace_ms=self.grace_ms, **fence)
        self.say('group', group=GROUP, drbd='r0', local=self.local,
                 states='1:standby,2:standby', role=self.role, epoch=self.epoch)
        self.say('parity', hash=self.hash(), keys=len(self.parity))
        self.say('ports', up=1, down=0)
        self.say('ready')

    def set_role(self, role, epoch):
        self.role, self.epoch = role, epoch
        self.say('role', group=GROUP, role=role, epoch=epoch)

    def announce(self, state, epoch):
        self.say('announce', group=GROUP, state=state, epoch=epoch)

    def last(self, *verbs):
        for at, verb, fields in reversed(self.heard):
            if verb in verbs:
                return at, verb, fields
        return None

    def states(self):
        """Of the table that was heard last: {id: state}."""
        table = self.last('table')
        if not table:
            return {}
        return dict((int(i), s) for i, s in
                    (t.split(':') for t in table[2]['states'].split(',') if t))

    def lease_end(self):
        """Of the last lease, if it is not closed before."""
        fields = self.last('lease')[2]
        return int(fields['at_ns']) / 1e9 + int(fields['ms']) / 1e3

    def lease(self):
        """The epoch of a lease that runs, 0: none."""
        last = self.last('lease', 'close')
        if not last or last[1] == 'close' or time.monotonic() >= self.lease_end():
            return 0
        return int(last[2]['epoch'])

    def promote(self):
        """As srptd does; the epoch."""
        self.set_role('promoting', self.epoch)
        self.say('want', group=GROUP, above=self.epoch)
        epoch = until(f'a lease for {self.node}', self.lease)
        self.announce('active', epoch)
        until(f'a table with {self.node} active', lambda: self.states().get(self.local) == 'active')
        self.set_role('promoted', epoch)
        return epoch

    def demote(self):
        self.set_role('demoting', self.epoch)
        self.announce('transitioning', self.epoch)
        self.announce('standby', self.epoch)
        until(f'a table with {self.node} standby',
              lambda: self.states().get(self.local) == 'standby')
        self.set_role('standby', self.epoch)


class Drbd:
    """What `drbdsetup events2` prints: the program connects and passes on what it reads."""

    FIRST = ('exists resource name:r0 role:{role} suspended:{suspended}',
             'exists connection name:r0 peer-node-id:1 conn-name:peer connection:{connection} '
             'role:{peer}',
             'exists device name:r0 volume:0 minor:0 disk:{disk} quorum:yes',
             'exists peer-device name:r0 peer-node-id:1 conn-name:peer volume:0 '
             'replication:Established peer-disk:UpToDate resync-suspended:no',
             'exists -')
    CHANGES = {'role': 'change resource name:r0 role:{}',
               'peer': 'change connection name:r0 peer-node-id:1 conn-name:peer role:{}',
               'suspended': 'change resource name:r0 suspended:{}',
               'disk': 'change device name:r0 volume:0 minor:0 disk:{}'}

    def __init__(self):
        self.now = {'role': 'Secondary', 'suspended': 'no', 'disk': 'UpToDate',
                    'connection': 'Connected', 'peer': 'Secondary'}
        self.conn = None
        self.started = []  # times
        self.listener = socket.socket()
        self.listener.bind(('127.0.0.1', 7788))
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            self.conn, _ = self.listener.accept()
            self.started.append(time.monotonic())
            self.print(*(line.format(**self.now) for line in self.FIRST))

    def print(self, *lines):
        try:
            self.conn.sendall(''.join(f'{line}\n' for line in lines).encode())
        except OSError:
            pass  # it is being started again, and told all then

    def set(self, **changes):
        self.now.update(changes)
        for key, value in changes.items():
            self.print(self.CHANGES[key].format(value))

    def end(self):
        """As if drbdsetup had ended."""
        self.conn.shutdown(socket.SHUT_RDWR)


def write(path, text, mode=0o644):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, mode)


COROSYNC = '''
totem {{
	version: 2
	cluster_name: srpt
	transport: udpu
	token: 1000
	token_retransmits_before_loss_const: 6
	secauth: off
}}
quorum {{
	provider: corosync_votequorum
	expected_votes: 2
	two_node: 1
	wait_for_all: 1
}}
nodelist {{
	node {{
		ring0_addr: 10.98.7.1
		name: node1
		nodeid: 1
	}}
	node {{
		ring0_addr: 10.98.7.2
		name: node2
		nodeid: 2
	}}
}}
system {{
	state_dir: {dir}
	sched_rr: no
	move_to_root_cgroup: no
}}
logging {{
	to_stderr: yes
	to_syslog: no
}}
'''


SRPTD_HEAD = '''
DAEMON {{
	control_socket srptd
	state_dir {dir}
	threads_num 1
	buffer_size 8M
	write_gate_grace 3
}}
HANDLER vdisk_fileio {{
	DEVICE disk1 {{
		filename {work}/disk1
		uuid 5f3e8a3c-6a30-4b6e-9a53-2f2f2f2f2f2f
	}}
}}
TARGET_DRIVER ib_srpt {{
	iwarp_port 5555
	ioc_guid 0002c90300a1b2c3
'''

SRPTD = SRPTD_HEAD + '''	TARGET node1 {{
		node node1
		enabled 1
		rel_tgt_id 1
		id_ext 0002c90300a1b2c4
		LUN 0 disk1
	}}
	TARGET node2 {{
		node node2
		enabled 1
		rel_tgt_id 2
		id_ext 0002c90300a1b2c5
		LUN 0 disk1
	}}
}}
DEVICE_GROUP dg {{
	drbd_resource r0
	DEVICE disk1
	TARGET_GROUP node1 {{
		group_id 1
		TARGET node1
	}}
	TARGET_GROUP node2 {{
		group_id 2
		TARGET node2
	}}
}}
'''

FLOATING = SRPTD_HEAD + '''	TARGET moves {{
		floating 1
		enabled 1
		rel_tgt_id 1
		id_ext 0002c90300a1b2c4
		LUN 0 disk1
	}}
}}
DEVICE_GROUP dg {{
	drbd_resource r0
	DEVICE disk1
	TARGET_GROUP moves {{
		group_id 1
		TARGET moves
	}}
}}
'''


class Node:
    def __init__(self, number):
        self.number = number
        self.name = f'node{number}'
        self.dir = f'{WORK}/{self.name}'
        os.makedirs(f'{self.dir}/bin')
        os.makedirs(f'{self.dir}/run')
        self.ns = Namespace()
        self.corosync = self.replicator = self.daemon = None
        self.srptd = self.drbd = None
        write(f'{self.dir}/corosync.conf', COROSYNC.format(dir=self.dir))
        write(f'{self.dir}/bin/drbdsetup', '#!/bin/bash\n[ "$1" = events2 ] || exit 1\n'
              'exec cat < /dev/tcp/127.0.0.1/7788\n', 0o755)
        write(f'{self.dir}/bin/attrd_updater', '#!/bin/sh\n'
              f'echo "$*" >> {self.dir}/attributes\n', 0o755)
        write(f'{self.dir}/bin/srp-fence-node', '#!/bin/sh\n'
              f'[ "$*" = --wait ] || exit 1; echo waits >> {self.dir}/fence-waits\n'
              f'read -r line && echo "$line" >> {self.dir}/fenced\n', 0o755)
        write(f'{self.dir}/bin/drbdadm', '#!/bin/sh\n'
              f'echo "$*" >> {self.dir}/drbdadm\n', 0o755)

    def network(self):
        dev = f'veth{self.number}'
        self.ns.run('ip', 'addr', 'add', f'10.98.7.{self.number}/24', 'dev', dev)
        self.ns.run('ip', 'link', 'set', dev, 'up')

    def cable(self, state):
        self.ns.run('ip', 'link', 'set', f'veth{self.number}', state)

    def fakes(self, parity, grace_ms):
        self.ns.enter()
        if grace_ms:
            self.srptd = Srptd(self.name, 'srptd', self.number, parity, grace_ms)
        self.drbd = Drbd()

    def start(self, what, argv, **kwargs):
        with open(f'{self.dir}/{what}.log', 'a', encoding='utf-8') as log:
            return subprocess.Popen([*self.ns.prefix(), *argv], stdout=log, stderr=log,
                                    preexec_fn=dies_with_us, **kwargs)

    def corosync_start(self):
        # Two of them on one host: each has files of its own where they keep them.
        self.corosync = self.start('corosync', ['unshare', '-m', 'sh', '-c',
            'mount -t tmpfs none /run && mount -t tmpfs none /var/lib/corosync && '
            f'exec corosync -f -c {self.dir}/corosync.conf'])

    def replicator_start(self):
        env = dict(os.environ, PATH=f'{self.dir}/bin:' + os.environ['PATH'])
        self.replicator = self.start('replicator', [f'{BUILD}/srp-replicatord', '-f',
            '--node', self.name, '--state-dir', f'{self.dir}/epochs',
            '--run-dir', f'{self.dir}/run', '--fence-program', f'{self.dir}/bin/srp-fence-node'],
            env=env)

    def daemon_start(self, config):
        """The real srptd in the place of ours."""
        write(f'{self.dir}/srpt.conf', config.format(dir=self.dir, work=WORK))
        self.daemon = self.start('srptd', [f'{BUILD}/../srpt/srptd', '-f', '--node', self.name,
                                           '-c', f'{self.dir}/srpt.conf'])
        until('srptd', lambda: self.ctl('monitor')[0] == 0)

    def ctl(self, *argv):
        """Of srptctl: exit status and all output."""
        p = subprocess.run([*self.ns.prefix(), f'{BUILD}/../srpt/srptctl', '-s', 'srptd', *argv],
                           capture_output=True, text=True, timeout=WAIT, check=False)
        return p.returncode, p.stdout + p.stderr

    def ask(self, *argv):
        return subprocess.run([*self.ns.prefix(), f'{BUILD}/srp-replicator', *argv],
                              capture_output=True, text=True, timeout=WAIT, check=False)

    def states(self):
        """Of the table, as srp-replicator shows it: {'id:state', …}."""
        status = json.loads(self.ask('-j', 'status').stdout)
        return set(status['groups'][0]['states'].split(','))

    def attributes(self):
        """{name: value}, as attrd_updater was told."""
        values = {}
        try:
            with open(f'{self.dir}/attributes', encoding='utf-8') as f:
                for line in f:
                    words = line.split()
                    values[words[1]] = words[3] if words[2] == '-U' else None
        except FileNotFoundError:
            pass
        return values

    def calls(self, program):
        """What it was called with."""
        try:
            with open(f'{self.dir}/{program}', encoding='utf-8') as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def drbdadm(self):
        return self.calls('drbdadm')

    def fenced(self):
        return self.calls('fenced')

    def kept_epoch(self):
        try:
            with open(f'{self.dir}/epochs/{GROUP}', encoding='utf-8') as f:
                return int(f.read())
        except FileNotFoundError:
            return 0

    def end(self):
        for p in (self.replicator, self.daemon, self.corosync):
            if p and p.poll() is None:
                p.kill()
                p.wait()
        self.ns.end()

    def logs(self):
        for what in ('corosync', 'replicator', 'srptd'):
            try:
                with open(f'{self.dir}/{what}.log', encoding='utf-8') as f:
                    for line in f:
                        print(f'{self.name} {what}: {line.rstrip()}')
            except FileNotFoundError:
                pass
        if self.srptd:
            for at, verb, fields in self.srptd.heard[-40:]:
                print(f'{self.name} heard at {at:.3f}: {verb} {fields}')


PARITY = {'DEVICE disk1 naa': '6000000000000001', 'TARGET x LUN 0': 'disk1'}


class Cluster:
    def __init__(self, grace_ms, parity2):
        self.a, self.b = self.nodes = [Node(1), Node(2)]
        subprocess.run(['ip', 'link', 'add', 'veth1', 'netns', str(self.a.ns.keeper.pid), 'type',
                        'veth', 'peer', 'name', 'veth2', 'netns', str(self.b.ns.keeper.pid)],
                       check=True)
        for node, parity in zip(self.nodes, (PARITY, parity2)):
            node.network()
            node.fakes(parity, grace_ms)

    def start(self):
        for node in self.nodes:
            node.corosync_start()
        for node in self.nodes:
            node.replicator_start()
        for node in self.nodes:
            until(f'{node.name} hears of both', lambda n=node:
                  n.srptd.states() == {1: 'standby', 2: 'standby'})

    def start_daemons(self, config=SRPTD):
        """The same with the real srptd."""
        write(f'{WORK}/disk1', 'x' * (1 << 20))
        for node in self.nodes:
            node.corosync_start()
            node.replicator_start()
            node.daemon_start(config)
        for node in self.nodes:
            until('heard', lambda n=node: '"parity": "equal"' in n.ask('-j', 'status').stdout)

    def promoted(self):
        """Both are up and the first one serves; its epoch."""
        self.start()
        self.a.drbd.set(role='Primary')
        return self.a.srptd.promote()

    def end(self):
        for node in self.nodes:
            node.end()


def both(cluster, states):
    for node in cluster.nodes:
        until(f'{node.name} has the table {states}', lambda n=node: n.srptd.states() == states)


# ---- cases ----

def move(c):
    """The role moves from one node to the other and back, each time with a higher epoch."""
    epochs = [c.promoted()]
    both(c, {1: 'active', 2: 'standby'})
    for old, new in ((c.a, c.b), (c.b, c.a)):
        old.srptd.demote()
        old.drbd.set(role='Secondary')
        new.srptd.epoch = epochs[-1]
        new.srptd.set_role('promoting', epochs[-1])
        new.srptd.say('want', group=GROUP, above=epochs[-1])
        refuse = until('refused while Secondary', lambda n=new: n.srptd.last('refuse'))
        check(f'refused as secondary: {refuse[2]}', refuse[2]['code'] == 'secondary')
        new.drbd.set(role='Primary')
        epochs.append(new.srptd.promote())
        both(c, {old.number: 'standby', new.number: 'active'})
        until('no lease where it was', lambda n=old: not n.srptd.lease())
    check(f'epochs rise: {epochs}', epochs == sorted(set(epochs)))
    for node in c.nodes:
        until(f'{node.name} keeps the epoch', lambda n=node: n.kept_epoch() == epochs[-1])


def renew(c):
    """A lease is renewed before it ends, and each begins when its conditions held."""
    c.promoted()
    leases = until('five leases', lambda: (lambda l: l[4:] and l)(
        [(at, f) for at, verb, f in c.a.srptd.heard if verb == 'lease']))
    ends = 0
    for at, fields in leases:
        begin, length = int(fields['at_ns']) / 1e9, int(fields['ms'])
        check('a lease does not begin in the future', begin <= at)
        check(f'it is as long as srptd said: {fields}', length == c.a.srptd.grace_ms)
        check('the one before has not ended', not ends or at < ends)
        ends = begin + length / 1e3
    check('nothing was closed', not c.a.srptd.last('close'))


def split(c):
    """The network between the nodes is cut: the one that serves goes on, its peer is
    unavailable; afterwards both have one table again."""
    epoch = c.promoted()
    c.b.cable('down')
    until('the other node is unavailable',
          lambda: c.a.srptd.states() == {1: 'active', 2: 'unavailable'})
    until('the first one is unavailable for the second',
          lambda: c.b.srptd.states() == {1: 'unavailable', 2: 'standby'})
    check('the lease goes on', c.a.srptd.lease() == epoch)
    c.b.cable('up')
    both(c, {1: 'active', 2: 'standby'})
    check('the lease still goes on', c.a.srptd.lease() == epoch)
    check('nothing was closed', not c.a.srptd.last('close'))


def killed(c):
    """srp-replicatord is killed: the lease runs out by itself; a new one gives the next epoch."""
    epoch = c.promoted()
    c.a.replicator.kill()
    c.a.replicator.wait()
    until('no lease', lambda: not c.a.srptd.lease())
    until('unavailable for the other node',
          lambda: c.b.srptd.states() == {1: 'unavailable', 2: 'standby'})
    check('not running', c.a.ask('status').returncode == 7)
    c.a.replicator_start()
    again = until('a lease again', c.a.srptd.lease)
    check(f'its epoch {again} is above {epoch}', again > epoch)
    c.a.srptd.announce('active', again)
    both(c, {1: 'active', 2: 'standby'})


def corosync(c):
    """Corosync is killed: the gate is closed at once; it opens when it is back."""
    epoch = c.promoted()
    c.a.corosync.kill()
    c.a.corosync.wait()
    until('closed', lambda: c.a.srptd.last('lease', 'close')[1] == 'close')
    check('before the lease was over', c.a.srptd.last('close')[0] < c.a.srptd.lease_end())
    c.a.corosync_start()
    again = until('a lease again', c.a.srptd.lease)
    check(f'its epoch {again} is above {epoch}', again > epoch)


def frozen(c):
    """Who did not run for longer than a lease asks DRBD anew before the next lease."""
    epoch = c.promoted()
    starts = len(c.a.drbd.started)
    c.a.replicator.send_signal(signal.SIGSTOP)
    until('no lease', lambda: not c.a.srptd.lease())
    time.sleep(c.a.srptd.grace_ms / 1000)
    c.a.replicator.send_signal(signal.SIGCONT)
    again = until('a lease again', c.a.srptd.lease)
    check(f'its epoch {again} is above {epoch}', again > epoch)
    check('DRBD was asked anew', len(c.a.drbd.started) > starts)
    first = next(at for at, verb, f in c.a.srptd.heard
                 if verb == 'lease' and int(f['epoch']) > epoch)
    check('before the lease', c.a.drbd.started[starts] < first)


def drbd(c):
    """Suspended I/O and a lost disk close the gate; an events2 that ends is run again."""
    c.promoted()
    for bad, good in (('suspended', 'no'), ('disk', 'UpToDate')):
        value = {'suspended': 'user', 'disk': 'Failed'}[bad]
        if bad == 'disk':
            c.a.drbd.print('change peer-device name:r0 peer-node-id:1 conn-name:peer volume:0 '
                           'peer-disk:Outdated')
        c.a.drbd.set(**{bad: value})
        until(f'closed with {bad} {value}',
              lambda: c.a.srptd.last('lease', 'close')[1] == 'close')
        check('before the lease was over', c.a.srptd.last('close')[0] < c.a.srptd.lease_end())
        c.a.drbd.set(**{bad: good})
        until('a lease again', c.a.srptd.lease)
    starts = len(c.a.drbd.started)
    c.a.drbd.end()
    until('events2 again', lambda: len(c.a.drbd.started) > starts)
    until('a lease again', c.a.srptd.lease)


def parity(c):
    """Configurations that differ: no promote, and the key is named; they are made equal."""
    c.start()
    c.a.drbd.set(role='Primary')
    c.a.srptd.set_role('promoting', 0)
    c.a.srptd.say('want', group=GROUP, above=0)
    until('refused, and why', lambda: (c.a.srptd.last('refuse') or (0, 0, {}))[2].get('code') ==
          'parity' and 'TARGET x LUN 0' in c.a.srptd.last('refuse')[2]['reason'])
    check('no lease', not c.a.srptd.lease())
    status = c.a.ask('status')
    check(f'status tells it: {status}', status.returncode == 1 and
          'TARGET x LUN 0' in status.stdout)
    c.b.srptd.parity = dict(PARITY)
    c.b.srptd.hello()
    until('a lease', c.a.srptd.lease)


def status(c):
    """srp-replicator: what it shows, resources and their scores, exit statuses."""
    c.promoted()
    until('all is well', lambda: c.a.ask('status').returncode == 0)
    shown = c.a.ask('--json', 'status').stdout
    for word in ('"well": true', '"parity": "equal"', '"gate": "open"', '"quorum": true',
                 '"states": "1:active,2:standby"'):
        check(f'{word} in {shown}', word in shown)
    check('no resource, no score', 'master-srpt' not in c.a.attributes())
    check('resource', c.a.ask('resource', 'srpt').returncode == 0)
    until('a score', lambda: c.a.attributes().get('master-srpt') == '100')
    until('health', lambda: c.a.attributes().get(f'srpt-{GROUP}') == 'ok')
    c.a.replicator.kill()
    c.a.replicator.wait()
    os.unlink(f'{c.a.dir}/attributes')
    c.a.replicator_start()
    until('the score of a known resource', lambda: c.a.attributes().get('master-srpt') == '100')
    check('forget', c.a.ask('forget', 'srpt').returncode == 0)
    until('no score', lambda: c.a.attributes()['master-srpt'] is None)
    check('a bad name', c.a.ask('resource', 'a b').returncode == 1)
    check('usage', c.a.ask('resource').returncode == 2 and c.a.ask('nothing').returncode == 2)
    c.a.drbd.set(suspended='user')
    until('something is wrong', lambda: c.a.ask('status').returncode == 1)
    c.a.replicator.terminate()
    check('ends in order', c.a.replicator.wait(WAIT) == 0)
    check('not running', c.a.ask('status').returncode == 7)


def promote_in_turn(c):
    """Each node serves once, the first of them again: which one does, which not; then demoted."""
    for new, old in ((c.a, c.b), (c.b, c.a), (c.a, c.b)):
        old.drbd.set(role='Secondary')
        new.drbd.set(role='Primary')
        code, text = new.ctl('promote', GROUP, '20')
        check(f'promote: {code} {text}', code == 0)
        check('it serves', new.ctl('monitor')[0] == 8)
        check('the other one does not', old.ctl('monitor')[0] == 0)
        yield new, old
        code, text = new.ctl('demote', GROUP, '10')
        check(f'demote: {code} {text}', code == 0)


def serve(c):
    """The real srptd: promoted where DRBD is Primary, there only, and both have one table."""
    c.start_daemons()
    check('not while Secondary', c.a.ctl('promote')[0] == 5)
    for new, old in promote_in_turn(c):
        for node in c.nodes:
            until('one table', lambda n=node, a=new.number, s=old.number:
                  n.states() == {f'{a}:active', f'{s}:standby'})


def floating(c):
    """The same with one target that floats: each node sees the other's target group as 0."""
    c.start_daemons(FLOATING)
    for new, old in promote_in_turn(c):
        until('active here', lambda n=new: n.states() == {'1:active', '0:standby'})
        until('active there', lambda n=old: n.states() == {'1:standby', '0:active'})
        if new is c.b:
            new.replicator.kill()
            new.replicator.wait()
            until('gone', lambda n=old: n.states() == {'1:standby'})
            new.replicator_start()
            until('it is back', lambda n=new: '"states": "' in n.ask('-j', 'status').stdout)
            until('serves again', lambda n=new: n.states() == {'1:active', '0:standby'})
            until('active again', lambda n=old: n.states() == {'1:standby', '0:active'})


def hasten(c):
    """A promote that may wait for DRBD has the roles of DRBD changed; one that may not has not."""
    c.start_daemons()
    c.a.drbd.set(role='Primary')
    c.b.drbd.set(peer='Primary')
    check('promote', c.a.ctl('promote', GROUP, '20')[0] == 0)
    check('not while Secondary', c.b.ctl('promote', GROUP, '20')[0] == 5)
    check('not while it serves', c.b.ctl('promote', GROUP, '20', '4')[0] == 5)
    check('it still serves', c.a.ctl('monitor')[0] == 8)
    check(f'nothing was done: {c.a.drbdadm()} {c.b.drbdadm()}', not c.a.drbdadm() + c.b.drbdadm())
    check('demote', c.a.ctl('demote', GROUP, '10')[0] == 0)
    codes = []
    promote = threading.Thread(
        target=lambda: codes.append(c.b.ctl('promote', GROUP, '20', '15')))
    promote.start()
    until('it is told to be Secondary', lambda: c.a.drbdadm() == ['secondary r0'])
    c.a.drbd.set(role='Secondary')
    c.b.drbd.set(peer='Secondary')
    until('it is told to be Primary', lambda: c.b.drbdadm() == ['primary r0'])
    c.b.drbd.set(role='Primary')
    promote.join(WAIT)
    check(f'promoted: {codes}', codes and codes[0][0] == 0)


def lost(c):
    """A node that Corosync has lost is fenced, by the one that serves at once, by the other later;
    one whose replicator alone has gone is not."""
    for node in c.nodes:
        node.srptd.fence_delay = 7
    c.promoted()
    c.b.replicator.kill()
    c.b.replicator.wait()
    until('it has gone', lambda: c.a.srptd.states() == {1: 'active', 2: 'unavailable'})
    c.b.replicator_start()
    both(c, {1: 'active', 2: 'standby'})
    check('not fenced for that', not c.a.fenced())
    for node in c.nodes:
        until('what asks for fencing waits', lambda n=node: n.calls('fence-waits'))
    c.b.cable('down')
    for node, peer, delay in ((c.a, c.b, 0), (c.b, c.a, 7)):
        until(f'{peer.name} is fenced', node.fenced)
        check(f'as it should be: {node.fenced()}', node.fenced() == [f'{delay} {peer.name}'])


# With how long a lease lasts, ms: longer where none may be lost, even on a busy machine; 0: as the
# real srptd says, there is none that is made up.
CASES = {
    move: 3000, renew: 3000, split: 6000, killed: 1000, corosync: 3000, frozen: 1000, drbd: 3000,
    parity: 3000, status: 3000, serve: 0, floating: 0, hasten: 0, lost: 6000,
}


def main():
    case = {f.__name__: f for f in CASES}[sys.argv[1]]
    subprocess.run(['mount', '-t', 'tmpfs', 'none', '/dev/shm'], check=True)
    other = dict(PARITY, **{'TARGET x LUN 0': 'disk2'}) if case is parity else PARITY
    cluster = Cluster(CASES[case], other)
    try:
        case(cluster)
    except (Failed, subprocess.SubprocessError) as e:
        for node in cluster.nodes:
            node.logs()
        print(f'FAILED: {case.__name__}: {e}')
        return 1
    finally:
        cluster.end()
    print(f'{case.__name__}: ok')
    return 0


sys.exit(main())
