# SPDX-License-Identifier: GPL-2.0-or-later
"""FPDUs of an established session that are none: RFC 5044 4 and 8."""
import socket

import hostile
import target
from hostile import ALIVE, CLOSED
from iwarp import QN_SEND, SEND, WRITE, fpdu, tagged, untagged


def made(p, data):
    return data(p.msn + 1) if callable(data) else data


def send(data, crc=False, cut=None, dv=1, **kw):
    """The next SEND of a session, @cut as a slice would."""
    return lambda msn: fpdu(untagged(SEND, QN_SEND, msn, 0, data, dv=dv), crc, **kw)[:cut]


def says(data, crc=False, first=False):
    def case():
        p = (target.login if first else target.established)(crc=crc)
        p.raw(made(p, data))
        return p.end()
    return case


def then_ends(data, crc=False):
    def case():
        p = target.established(crc=crc)
        p.raw(made(p, data))
        p.sock.shutdown(socket.SHUT_WR)
        return p.end()
    return case


def then_silence(data):
    """It must keep nobody waiting; the honest session is asked after each case."""
    def case():
        p = target.established()
        p.raw(made(p, data))
        p.sock.settimeout(0.1)
        try:
            return f'answered {p.sock.recv(64)!r}'
        except socket.timeout:
            return 'waiting'
        finally:
            p.close()
    return case


def ready_fpdu(p, spoil=0):
    p.msn += 1
    return fpdu(untagged(SEND, QN_SEND, p.msn, 0, p.iu(bytes(6))), p.crc, spoil=spoil)


def bad_crc(crc):
    """Where CRCs are not agreed on, nobody looks at them."""
    def case():
        p = target.established(crc=crc)
        p.raw(ready_fpdu(p, spoil=0x100))
        if crc:
            return p.end()
        p.answer()
        return ALIVE
    return case


def byte_by_byte(crc):
    def case():
        p = target.login(crc=crc)
        for b in ready_fpdu(p):
            p.raw(bytes([b]))
        p.answer()
        return ALIVE
    return case


def many_at_once(crc):
    """As much as the credit allows, cut where no FPDU ends."""
    def case():
        p = target.login(crc=crc)
        n = min(p.credit, 30)
        stream = b''.join(ready_fpdu(p) for _ in range(n))
        for at in range(0, len(stream), 777):
            p.raw(stream[at:at + 777])
        tags = {p.answer().tag for _ in range(n)}
        assert len(tags) == n
        return ALIVE
    return case


header = untagged(SEND, QN_SEND, 1)
whole = bytes(48)

hostile.run([
    ('RFC 5044 4.1: length 0', says(fpdu(b'')), 0x2004),
    ('RFC 5044 4.1: length 0, with CRC', says(fpdu(b'', True), True), 0x2004),
    ('RFC 5041 4.2: one byte of a tagged header', says(fpdu(tagged(WRITE, 1, 0)[:1])), 0x2004),
    ('RFC 5041 4.2: 13 bytes of a tagged header', says(fpdu(tagged(WRITE, 1, 0)[:13])), 0x2004),
    ('RFC 5041 4.3: 17 bytes of an untagged header', says(fpdu(header[:17])), 0x2004),
    ('RFC 5041 4.3: tagged length, untagged header', says(fpdu(header, length=14)), 0x2004),
    ('RFC 5044 4.1: longest FPDU', says(send(bytes(65535 - 18))), 0x1205),
    ('RFC 5044 4.1: longest FPDU, with CRC', says(send(bytes(65535 - 18), True), True), 0x1205),
    ('RFC 5044 4.1: longest length, then the end', then_ends(send(bytes(20), length=65535)),
     0x1205),
    ('RFC 5044 4.1: longest length, then the end, with CRC',
     then_ends(send(bytes(20), True, length=65535), True), CLOSED),
    ('RFC 5044 4.4: wrong CRC', bad_crc(True), 0x2002),
    ('RFC 5044 4.4: wrong CRC that nobody asked for', bad_crc(False), ALIVE),
    ('RFC 5044 4.4: wrong CRC before a wrong header',
     says(send(b'', True, dv=2, spoil=1), True), 0x2002),
    ('RFC 5044 4.4: CRC 0 for a peer that wants one', says(send(whole), True), 0x2002),
    ('RFC 5044 7.1.2: nothing is sent before an FPDU was valid, length',
     says(fpdu(b''), first=True), CLOSED),
    ('RFC 5044 7.1.2: nothing is sent before an FPDU was valid, CRC',
     says(send(whole, True, spoil=1), True, first=True), CLOSED),
    ('RFC 5044 7.1.2: the first FPDU is valid, not what is in it',
     says(send(whole, dv=2), first=True), 0x1206),
    ('RFC 5044 7.1.2: the first FPDU is valid, not what is in it, with CRC',
     says(send(whole, True, dv=2), True, first=True), 0x1206),
    ('cut in the length, closed', then_ends(send(whole, cut=1)), CLOSED),
    ('cut in the header, closed', then_ends(send(whole, cut=12)), CLOSED),
    ('cut in the payload, closed', then_ends(send(whole, cut=40)), CLOSED),
    ('cut in the CRC, closed', then_ends(send(whole, cut=-1)), CLOSED),
    ('cut in the header, silence', then_silence(send(whole, cut=12)), 'waiting'),
    ('cut in the payload, silence', then_silence(send(whole, cut=40)), 'waiting'),
    ('cut in the CRC, silence', then_silence(send(whole, cut=-1)), 'waiting'),
    ('nothing, closed', then_ends(b''), CLOSED),
    ('byte by byte', byte_by_byte(False), ALIVE),
    ('byte by byte, with CRC', byte_by_byte(True), ALIVE),
    ('many at once', many_at_once(False), ALIVE),
    ('many at once, with CRC', many_at_once(True), ALIVE),
])
