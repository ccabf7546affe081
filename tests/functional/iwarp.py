# SPDX-License-Identifier: GPL-2.0-or-later
"""An iWARP peer that does as it is told, and an SRP initiator on it.

Written from RFC 5040 (RDMAP), 5041 (DDP), 5044 and 6581 (MPA) and the SRP standard; shares
nothing with srptd. What the tests of hostile peers need besides is in hostile.py.
"""
import socket
import struct
import time

REQUEST, REPLY = b'MPA ID Req Frame', b'MPA ID Rep Frame'
MARKERS, CRC, REJECT, ENHANCED = 0x80, 0x40, 0x20, 0x10

WRITE, READ_REQUEST, READ_RESPONSE, SEND, SEND_INVALIDATE = 0, 1, 2, 3, 4
SEND_SOLICITED, SEND_SOLICITED_INVALIDATE, TERMINATE = 5, 6, 7

QN_SEND, QN_READ, QN_TERMINATE = 0, 1, 2

TIMEOUT = 20.0  # seconds that anything may take, on a machine with much else to do


class Closed(Exception):
    """The peer closed or reset the connection."""


class Rejected(Exception):
    """The MPA reply said no; its private data is args[0]."""


class Terminated(Exception):
    """A TERMINATE came; args: code as layer, type, error in 16 bits, and the whole body."""


def _crc_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        table.append(i)
    return table


_TABLE = _crc_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def mpa_frame(key=REQUEST, flags=0, revision=2, data=b'', ird=4, ord_=4, rtr=0, length=None):
    """A start-up frame; with ENHANCED the two words of RFC 6581 come first. @rtr: A B C D."""
    if flags & ENHANCED:
        data = struct.pack('>HH', ird | (rtr & 0xc) << 12, ord_ | (rtr & 3) << 14) + data
    length = len(data) if length is None else length
    return key + struct.pack('>BBH', flags, revision, length) + data


def untagged(opcode, qn, msn, mo=0, data=b'', last=True, invalidate=0, dv=1, rv=1):
    return struct.pack('>BBIIII', (0x40 if last else 0) | dv, rv << 6 | opcode,
                       invalidate, qn, msn, mo) + data


def tagged(opcode, stag, to, data=b'', last=True, dv=1, rv=1):
    return struct.pack('>BBIQ', 0x80 | (0x40 if last else 0) | dv, rv << 6 | opcode,
                       stag, to) + data


def read_body(sink_stag, sink_to, length, source_stag, source_to):
    return struct.pack('>IQIIQ', sink_stag, sink_to, length, source_stag, source_to)


def fpdu(ulpdu, crc=False, length=None, spoil=0):
    """@length: lie about it; @spoil: flip these bits of the CRC."""
    b = struct.pack('>H', len(ulpdu) if length is None else length) + ulpdu
    b += bytes(-len(b) % 4)
    return b + struct.pack('<I', (crc32c(b) if crc else 0) ^ spoil)


class Peer:
    """A connection: raw bytes, then FPDUs. What the target reads and writes is memory{stag}."""

    def __init__(self, address, source=None, sock=None):
        self.sock = sock or socket.create_connection(address, TIMEOUT, source)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(TIMEOUT)
        self.crc = False
        self.msn = 0           # of our last SEND
        self.read_msn = 0      # of our last READ request
        self.memory = {}       # stag: bytearray, its first byte is at offset 0
        self.answer_reads = True
        self.reads = []        # bodies of READ requests that came
        self.responses = {}    # stag: what READ responses brought
        self.partial = b''

    def close(self):
        self.sock.close()

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the peer said before will be read

    def exactly(self, n):
        b = b''
        while len(b) < n:
            try:
                part = self.sock.recv(n - len(b))
            except ConnectionResetError:
                part = b''
            if not part:
                raise Closed(f'{len(b)} of {n} bytes')
            b += part
        return b

    # ---- MPA ----

    def start(self, data, flags=ENHANCED, **kw):
        """Send a request, return the flags and the private data of the reply."""
        self.raw(mpa_frame(flags=flags, data=data, **kw))
        return self.reply(flags)

    def reply(self, asked=0):
        head = self.exactly(20)
        flags, revision, length = struct.unpack('>BBH', head[16:])
        data = self.exactly(length)
        assert head[:16] == REPLY, head
        assert revision in (1, 2), revision
        if flags & ENHANCED:
            self.words, data = struct.unpack('>HH', data[:4]), data[4:]
        self.crc = bool((flags | asked) & CRC)
        if flags & REJECT:
            raise Rejected(data)
        return flags, data

    # ---- FPDUs ----

    def put(self, ulpdu, **kw):
        self.raw(fpdu(ulpdu, self.crc, **kw))

    def send(self, data, opcode=SEND, invalidate=0, piece=60000):
        self.msn += 1
        for mo in range(0, len(data) or 1, piece):
            self.put(untagged(opcode, QN_SEND, self.msn, mo, data[mo:mo + piece],
                              mo + piece >= len(data), invalidate))

    def read_request(self, body):
        self.read_msn += 1
        self.put(untagged(READ_REQUEST, QN_READ, self.read_msn, 0, body))

    def respond(self, body):
        """Answer a READ request of the target from memory."""
        sink, to, length, source, at = struct.unpack('>IQIIQ', body)
        data = bytes(self.memory[source][at:at + length])
        assert len(data) == length, 'the target reads outside of what was advertised'
        for off in range(0, length or 1, 60000):
            self.put(tagged(READ_RESPONSE, sink, to + off, data[off:off + 60000],
                            off + 60000 >= length))

    def get(self):
        """One FPDU: its two control bytes and what is behind them; CRC checked if agreed on."""
        head = self.exactly(2)
        length = struct.unpack('>H', head)[0]
        rest = self.exactly(length + -(length + 2) % 4 + 4)
        if self.crc:
            assert crc32c(head + rest[:-4]) == struct.unpack('<I', rest[-4:])[0], 'CRC'
        ulpdu = rest[:length]
        assert ulpdu[0] & 3 == 1 and ulpdu[1] >> 6 == 1, ulpdu[:2].hex()
        return ulpdu

    def _tagged(self, opcode, last, ulpdu):
        stag, to = struct.unpack('>IQ', ulpdu[2:14])
        data = ulpdu[14:]
        if opcode == READ_RESPONSE:
            self.responses[stag] = self.responses.get(stag, b'') + data
            return ('response', stag) if last else None
        assert opcode == WRITE, opcode
        mem = self.memory[stag]
        assert to + len(data) <= len(mem), 'the target writes outside of what was advertised'
        mem[to:to + len(data)] = data
        return None

    def event(self):
        """The next thing of note: ('send', message), ('response', stag), ('read', body)."""
        while True:
            ulpdu = self.get()
            opcode, last = ulpdu[1] & 15, ulpdu[0] & 0x40
            if ulpdu[0] & 0x80:
                what = self._tagged(opcode, last, ulpdu)
                if what:
                    return what
                continue
            _, qn, _, mo = struct.unpack('>IIII', ulpdu[2:18])
            data = ulpdu[18:]
            if opcode == TERMINATE:
                assert qn == QN_TERMINATE
                raise Terminated(struct.unpack('>H', data[:2])[0], data)
            if opcode == READ_REQUEST:
                assert qn == QN_READ and len(data) == 28
                self.reads.append(data)
                if not self.answer_reads:
                    return 'read', data
                self.respond(data)
                continue
            assert opcode in (SEND, SEND_SOLICITED) and qn == QN_SEND, ulpdu[:18].hex()
            assert mo == len(self.partial)
            self.partial += data
            if last:
                message, self.partial = self.partial, b''
                return 'send', message

    def end(self):
        """How the target ends it: the code of a TERMINATE, 'closed', or why it logs us out."""
        why = 'closed'
        try:
            while True:
                kind, what = self.event()
                if kind == 'send' and what[0] == 0x80:
                    why = f'T_LOGOUT {struct.unpack(">I", what[4:8])[0]}'
        except Terminated as e:
            return e.args[0]
        except Closed:
            return why
        finally:
            self.close()


# ---- SRP ----

def login_request(id_ext, ioc_guid, tag=b'logintag', initiator=bytes(16), multi=False,
                  it_iu_len=8260, fmt=6, opcode=0, target=None):
    """The 56 bytes of RDMA/CM."""
    return (tag + struct.pack('>HBBI', fmt, 1 if multi else 0, opcode, it_iu_len) + initiator +
            (target or struct.pack('>QQ', id_ext, ioc_guid)) + bytes(8))


class Response:
    def __init__(self, iu):
        assert iu[0] == 0xc1, iu[:1].hex()
        self.delta, self.tag = struct.unpack('>i8s', iu[4:16])
        self.flags, self.status, self.out_residual, self.in_residual, sense, rsp = \
            struct.unpack('>BBIIII', iu[18:36])
        self.code = iu[39] if rsp else None
        sense = iu[36 + rsp:36 + rsp + sense]
        self.sense, self.sense_data = None, sense
        if len(sense) > 13:
            self.sense = (sense[2] & 15, sense[12], sense[13])


class Initiator(Peer):
    def __init__(self, address, id_ext, ioc_guid, crc=False, initiator=bytes(16), multi=False,
                 revision=2, source=None, ird=4):
        super().__init__(address, source)
        self.tag = 0
        flags = (ENHANCED if revision == 2 else 0) | (CRC if crc else 0)
        try:
            _, answer = self.start(login_request(id_ext, ioc_guid, initiator=initiator,
                                                 multi=multi), flags, revision=revision,
                                   ird=ird)
        except (Closed, Rejected):
            self.close()
            raise
        assert answer[0] == 0xc0 and answer[8:16] == b'logintag' and len(answer) == 52
        self.credit, = struct.unpack('>i', answer[4:8])

    def iu(self, cdb, lun=0, out=b'', room=0, tag=None, attr=0):
        """An SRP_CMD with one direct descriptor; the memory it names is advertised."""
        self.tag += 1
        tag = tag or struct.pack('>Q', self.tag)
        fmt, desc = 0, b''
        if out or room:
            stag = 0x1000 + self.tag
            self.memory[stag] = bytearray(out or room)
            fmt = 0x10 if out else 0x01
            desc = struct.pack('>QII', 0, stag, len(out) or room)
        return (struct.pack('>BB3xBBB8s4x8sxB2x16s', 2, 0, fmt, 0, 0, tag,
                            struct.pack('>H6x', lun), attr, cdb.ljust(16, b'\0')) + desc)

    def credited(self, what):
        """SRP_CRED_REQ: a message of the target's own, to be answered."""
        assert what[0] == 0x81, what[:1].hex()
        self.credit += struct.unpack('>i', what[4:8])[0]
        self.send(struct.pack('>B7x8s', 0x41, what[8:16]))

    def answer(self):
        """The next SRP_RSP; credit may come before it."""
        while True:
            kind, what = self.event()
            assert kind == 'send', kind
            if what[0] == 0xc1:
                r = Response(what)
                self.credit += r.delta
                return r
            self.credited(what)

    def command(self, cdb, lun=0, out=b'', room=0, attr=0):
        """(response, what was read)"""
        self.credit -= 1
        iu = self.iu(cdb, lun, out, room, attr=attr)
        self.send(iu)
        r = self.answer()
        assert r.tag == struct.pack('>Q', self.tag)
        return r, bytes(self.memory.pop(0x1000 + self.tag, b''))

    def good(self, cdb, lun=0, out=b'', room=0):
        """As command(), over unit attentions, until it is GOOD; what was read."""
        for _ in range(4):
            r, data = self.command(cdb, lun, out, room)
            if r.sense is None or r.sense[0] != 6:
                break
        assert r.status == 0 and r.code in (None, 0), (r.status, r.sense, r.code)
        return data

    def read(self, lba, blocks, block=512, lun=0):
        return self.good(struct.pack('>BBIBH', 0x28, 0, lba, 0, blocks), lun, room=blocks * block)

    def write(self, lba, data, block=512, lun=0):
        self.good(struct.pack('>BBIBH', 0x2a, 0, lba, 0, len(data) // block), lun, out=data)

    def ready(self, lun=0):
        self.good(bytes(6), lun)

    def logout(self):
        self.send(struct.pack('>B7x8s', 3, b'byebye!!'))
        return self.end()


def eventually(condition, seconds=TIMEOUT):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True
