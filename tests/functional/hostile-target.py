# SPDX-License-Identifier: GPL-2.0-or-later
"""A target that breaks the rules: srp-ping must end, in time, and say why by its exit status.

SRP_PING is the program. Argument: which table.
"""
import os
import socket
import struct
import subprocess
import sys

import iwarp
from iwarp import (CRC, ENHANCED, MARKERS, QN_READ, QN_SEND, READ_REQUEST, REJECT, REPLY, REQUEST,
                   SEND_INVALIDATE, WRITE, mpa_frame, read_body, tagged, untagged)

OK, FAILED, REJECTED, UNREACHABLE, LOST = 0, 1, 3, 4, 5
DISK = 1 << 20
ANSWERS = {
    0x00: b'',
    0x12: bytes([0, 0, 6, 2, 31, 0, 0, 2]) + b'HOSTILE TARGET          0001',
    0xa0: struct.pack('>I12x', 8),
    0x9e: struct.pack('>QI20x', DISK // 512 - 1, 512),
    0x25: struct.pack('>II', DISK // 512 - 1, 512),
    0x1a: bytes([3, 0, 0, 0]),
    0x5a: bytes([0, 6, 0, 0, 0, 0, 0, 0]),
}
IN, OUT = (0x28, 0x88), (0x2a, 0x8a)

listener = socket.create_server(('127.0.0.1', 0))
listener.settimeout(iwarp.TIMEOUT)


def login_response(tag, credit=8, opcode=0xc0):
    return struct.pack('>B3xi8sIIHB25x', opcode, credit, tag, 8260, 512, 6, 0)


class Command:
    """The one descriptor of a command: where its data are in the initiator."""

    def __init__(self, iu):
        self.tag, self.cdb = iu[8:16], iu[32:48]
        self.va, self.key, self.len = struct.unpack('>QII', iu[48:64]) if iu[5] else (0, 0, 0)


class Target(iwarp.Peer):
    def __init__(self):
        super().__init__(None, sock=listener.accept()[0])
        head = self.exactly(20)
        assert head[:16] == REQUEST, head
        self.asked = head[16]
        self.tag = self.exactly(struct.unpack('>H', head[18:])[0])[4:12]

    def accept(self, **kw):
        flags = ENHANCED | (self.asked & CRC)
        self.crc = bool(flags & CRC)
        self.raw(mpa_frame(REPLY, flags, data=login_response(self.tag, **kw), ird=4, ord_=4))

    def respond_to(self, tag, status=0, **kw):
        self.send(rsp(tag, status), **kw)

    def write(self, cmd, at=0, n=None, key=None):
        self.put(tagged(WRITE, cmd.key if key is None else key, (cmd.va + at) % 2 ** 64,
                        bytes(cmd.len if n is None else n)))

    def read(self, cmd, at=0, n=None, key=None):
        self.read_request(read_body(0x77, 0, cmd.len if n is None else n,
                                    cmd.key if key is None else key, (cmd.va + at) % 2 ** 64))

    def next_data_command(self):
        """Answer what comes before it; None: logged out."""
        while True:
            _, iu = self.event()
            if iu[0] == 3:
                return None
            cmd = Command(iu)
            op = cmd.cdb[0]
            if op in IN + OUT:
                return cmd
            data = ANSWERS[op][:cmd.len]
            if data:
                self.put(tagged(WRITE, cmd.key, cmd.va, data))
            self.respond_to(cmd.tag)

    def serve(self):
        """An honest target from here on, but for forgetting what is written."""
        while cmd := self.next_data_command():
            if cmd.cdb[0] in IN:
                self.write(cmd)
            else:
                self.read(cmd)
                assert self.event() == ('response', 0x77)
            self.respond_to(cmd.tag)


def rsp(tag, status=0, delta=1, flags=0, sense=b'', sense_len=None):
    return struct.pack('>B3xi8s2xBBIIII', 0xc1, delta, tag, flags, status, 0, 0,
                       len(sense) if sense_len is None else sense_len, 0) + sense


def ended(t):
    try:
        while True:
            t.event()
    except iwarp.Terminated as e:
        return e.args[0]
    except iwarp.Closed:
        return 'closed'


def handshake(reply, *options):
    """reply(t) is all that the initiator gets."""
    def case():
        def run(t):
            reply(t)
            return ended(t)
        return initiator(run, '-c', '1', *options)
    return case


def on(direction, action, *options):
    """The first command that moves data is answered by action(t, command)."""
    def case():
        def run(t):
            t.accept()
            cmd = t.next_data_command()
            action(t, cmd)
            return ended(t)
        return initiator(run, '--lun', '0', direction, '--size', '16K', '--block-size', '4K',
                         '--queue-depth', '1', *options)
    return case


def and_serves(direction, action):
    """After what may look odd the target is an honest one: all is well."""
    def case():
        def run(t):
            t.accept()
            action(t, t.next_data_command())
            t.serve()
            return 'served'
        return initiator(run, '--lun', '0', direction, '--size', '16K', '--block-size', '4K',
                         '--queue-depth', '1')
    return case


def initiator(run, *options):
    """Exit status of srp-ping, and how it ended the connection."""
    with subprocess.Popen([os.environ['SRP_PING'], '--quiet', '--id-ext', '1', *options,
                           f'127.0.0.1:{listener.getsockname()[1]}'],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as ping:
        try:
            t = Target()
            end = run(t)
            t.close()
            text, _ = ping.communicate(timeout=iwarp.TIMEOUT)
        finally:
            ping.kill()
    if ping.returncode and text.count(b'\n') != 1:
        return ping.returncode, f'{end}, not one line: {text!r}'
    return ping.returncode, end


def run(cases):
    wrong = 0
    for what, case, want in cases:
        try:
            got = case()
        except (OSError, AssertionError, iwarp.Closed, iwarp.Terminated) as e:
            got = type(e).__name__, e
        ok = got[0] == want[0] and got[1] in want[1:]
        wrong += not ok
        shown = [f'{g:04x}' if isinstance(g, int) else g for g in got[1:]]
        print(f'{"ok    " if ok else "WRONG "} {what}: {got[0]} {shown[0]}', flush=True)
    print(f'{len(cases)} cases, {wrong} wrong')
    sys.exit(bool(wrong))


def replies(*args, **kw):
    return handshake(lambda t: t.raw(mpa_frame(*args, **kw)))


def after_the_answer(move):
    """The tag of a command that was answered is void."""
    def action(t, cmd):
        t.respond_to(cmd.tag)
        move(t, cmd)
    return action


def silence(t):
    del t


def hang_up(t, *_):
    t.sock.shutdown(socket.SHUT_WR)


def forgets(t, cmd):
    t.respond_to(cmd.tag)
    try:
        t.serve()
    except iwarp.Closed:
        pass


def twice(t, cmd):
    t.write(cmd)
    t.respond_to(cmd.tag)
    t.respond_to(cmd.tag)


def with_invalidate(t, cmd):
    t.write(cmd)
    t.respond_to(cmd.tag, opcode=SEND_INVALIDATE, invalidate=cmd.key)


def asks_for_credit_back(t, cmd):
    t.send(struct.pack('>B3xi8s', 0x81, 3, b'credit!!'))
    kind, iu = t.event()
    assert kind == 'send' and iu[0] == 0x41 and iu[8:16] == b'credit!!', iu.hex()
    t.write(cmd)
    t.respond_to(cmd.tag)


def reads_nothing(t, cmd):
    t.read(cmd, n=0, key=0xdead)
    assert t.event() == ('response', 0x77)
    t.read(cmd)
    assert t.event() == ('response', 0x77)
    t.respond_to(cmd.tag)


def in_pieces(t, cmd):
    """Backwards, and some of it twice."""
    for at in range(cmd.len - 512, -1, -512):
        t.write(cmd, at, 512)
    t.write(cmd, 100, 1000)
    t.respond_to(cmd.tag)


login = login_response(bytes(8))
tables = {
    'mpa': [
        ('another protocol', handshake(lambda t: t.raw(b'HTTP/1.1 400 Bad Request\r\n\r\n')),
         (UNREACHABLE, 'closed')),
        ('a request for a reply', replies(REQUEST, ENHANCED, data=login), (UNREACHABLE, 'closed')),
        ('revision 0', replies(REPLY, ENHANCED, 0, login), (UNREACHABLE, 'closed')),
        ('revision 3', replies(REPLY, ENHANCED, 3, login), (UNREACHABLE, 'closed')),
        ('markers', replies(REPLY, ENHANCED | MARKERS, data=login), (UNREACHABLE, 'closed')),
        ('enhanced, to who is not', handshake(
            lambda t: t.raw(mpa_frame(REPLY, ENHANCED, data=login)), '--mpa-revision', '1'),
         (UNREACHABLE, 'closed')),
        ('a bad frame right behind the reply', handshake(
            lambda t: t.raw(mpa_frame(REPLY, ENHANCED, data=login) + iwarp.fpdu(b''))),
         (LOST, 0x2004)),
        ('not enhanced', replies(REPLY, 0, data=login), (UNREACHABLE, 'closed')),
        ('65535 bytes', replies(REPLY, 0, length=65535), (UNREACHABLE, 'closed')),
        ('cut, closed', handshake(lambda t: (t.raw(REPLY[:9]), hang_up(t))),
         (UNREACHABLE, 'closed')),
        ('nothing, closed', handshake(hang_up), (UNREACHABLE, 'closed')),
        ('nothing, silence', handshake(silence, '--timeout', '0.3'), (UNREACHABLE, 'closed')),
        ('rejected without a word', replies(REPLY, ENHANCED | REJECT), (UNREACHABLE, 'closed')),
        ('rejected, noise', replies(REPLY, ENHANCED | REJECT, data=bytes(7)),
         (UNREACHABLE, 'closed')),
        ('rejected as SRP does', replies(REPLY, ENHANCED | REJECT, data=struct.pack(
            '>B3xI8s8xH6x', 0xc2, 0x00010003, bytes(8), 6)), (REJECTED, 'closed')),
        ('login response too short', replies(REPLY, ENHANCED, data=login[:20]),
         (UNREACHABLE, 'closed')),
        ('login response missing', replies(REPLY, ENHANCED), (UNREACHABLE, 'closed')),
        ('login response of another opcode', replies(REPLY, ENHANCED, data=b'\xc1' + login[1:]),
         (UNREACHABLE, 'closed')),
    ],
    'read': [
        ('honest', and_serves('--read', lambda t, c: (t.write(c), t.respond_to(c.tag))),
         (OK, 'served')),
        ('in any order', and_serves('--read', in_pieces), (OK, 'served')),
        ('answer invalidates the tag', and_serves('--read', with_invalidate), (OK, 'served')),
        ('credit asked for', and_serves('--read', asks_for_credit_back), (OK, 'served')),
        ('WRITE behind the end', on('--read', lambda t, c: t.write(c, 8)), (LOST, 0x1101)),
        ('WRITE one byte behind the end', on('--read', lambda t, c: t.write(c, c.len, 1)),
         (LOST, 0x1101)),
        ('WRITE before the beginning', on('--read', lambda t, c: t.write(c, -1, 1)),
         (LOST, 0x1101)),
        ('WRITE wraps', on('--read', lambda t, c: t.write(c, 2 ** 64 - 4 - c.va, 8)),
         (LOST, 0x1103)),
        ('WRITE to another tag', on('--read', lambda t, c: t.write(c, key=c.key ^ 0x10000)),
         (LOST, 0x1100)),
        ('WRITE to an older tag', on('--read', lambda t, c: t.write(c, key=c.key - 1)),
         (LOST, 0x1100)),
        ('WRITE after the answer', on('--read', after_the_answer(lambda t, c: t.write(c))),
         (LOST, 0x1100)),
        ('READ of memory that is for WRITE', on('--read', lambda t, c: t.read(c)), (LOST, 0x0102)),
        ('answer to no command', on('--read', lambda t, c: t.respond_to(b'no such!')),
         (LOST, 'closed')),
        ('answered twice', on('--read', twice), (LOST, 'closed')),
        ('answer too short', on('--read', lambda t, c: t.send(rsp(c.tag)[:20])),
         (LOST, 'closed')),
        ('no byte', on('--read', lambda t, c: t.send(b'')), (LOST, 'closed')),
        ('more sense than there is',
         on('--read', lambda t, c: t.send(rsp(c.tag, 2, 1, 2, bytes(18), 0xffffffff))),
         (LOST, 'closed')),
        ('answer too long', on('--read', lambda t, c: t.send(rsp(c.tag) + bytes(60000))),
         (LOST, 0x1205)),
        ('unknown message', on('--read', lambda t, c: t.send(b'\x55' + bytes(35))),
         (LOST, 'closed')),
        ('logged out', on('--read', lambda t, c: (t.send(struct.pack('>B3xI8x', 0x80, 1)),
                                                  hang_up(t))), (LOST, 'closed')),
        ('invalidates another tag', on('--read', lambda t, c: t.respond_to(
            c.tag, opcode=SEND_INVALIDATE, invalidate=1)), (LOST, 0x0109, 0x0209)),
        ('hangs up', on('--read', hang_up), (LOST, 'closed')),
        ('no answer', on('--read', lambda t, c: None, '--timeout', '0.3'),
         (UNREACHABLE, 'closed')),
        ('what was written is lost', on('--verify', forgets), (FAILED, 'closed')),
    ],
    'write': [
        ('honest', and_serves('--write', lambda t, c: (t.read(c), t.event(), t.respond_to(c.tag))),
         (OK, 'served')),
        ('READ of nothing', and_serves('--write', reads_nothing), (OK, 'served')),
        ('READ behind the end', on('--write', lambda t, c: t.read(c, 1)), (LOST, 0x0101)),
        ('READ before the beginning', on('--write', lambda t, c: t.read(c, -1)), (LOST, 0x0101)),
        ('READ of 4 GiB', on('--write', lambda t, c: t.read(c, n=0xffffffff)), (LOST, 0x0101)),
        ('READ wraps', on('--write', lambda t, c: t.read(c, 2 ** 64 - 4 - c.va, 8)),
         (LOST, 0x0104)),
        ('READ of another tag', on('--write', lambda t, c: t.read(c, key=c.key ^ 0x10000)),
         (LOST, 0x0100)),
        ('READ after the answer', on('--write', after_the_answer(lambda t, c: t.read(c))),
         (LOST, 0x0100)),
        ('WRITE into memory that is for READ', on('--write', lambda t, c: t.write(c)),
         (LOST, 0x0102)),
        ('many READs at once',
         on('--write', lambda t, c: [t.put(untagged(READ_REQUEST, QN_READ, 1 + i, 0, read_body(
             i, 0, c.len, c.key, c.va))) for i in range(200)] and t.sock.shutdown(1)),
         (LOST, 0x1202, 'closed')),
        ('message out of turn', on('--write', lambda t, c: t.put(untagged(3, QN_SEND, 99))),
         (LOST, 0x1203)),
    ],
}
run(tables[sys.argv[1]])
