# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages on an established session that are no SRP, and commands that make no sense."""
import struct

import hostile
import target
from hostile import ALIVE, CLOSED

READ, WRITE = 0x28, 0x2a
BAD_IU, BAD_OPCODE, BAD_LBA, NO_LUN = (5, 0x0e, 3), (5, 0x20, 0), (5, 0x21, 0), (5, 0x25, 0)


def rw(op, blocks, lba=30000):
    return struct.pack('>BBIBH', op, 0, lba, 0, blocks)


def iu(fmt=0, out_count=0, in_count=0, lun=0, cdb=bytes(6), desc=b'', add=0, tag=b'thecmd!!'):
    return struct.pack('>BB3xBBB8s4xH6x3xB16s', 2, 0, fmt, out_count, in_count, tag, lun, add,
                       cdb.ljust(16, b'\0')) + desc


def task(function, tag=bytes(8), lun=0):
    return struct.pack('>BB6x8s4xH6x2xBx8s8x', 1, 0, b'themgmt!', lun, function, tag)


def indirect(entries, total, table=None):
    """@entries: (va, key, len) in the IU; @table: bytes of the whole list as announced."""
    return (struct.pack('>QIII', 0, 0x77, 16 * len(entries) if table is None else table, total) +
            b''.join(struct.pack('>QII', *e) for e in entries))


def ends(data):
    def case():
        p = target.established()
        p.send(data)
        return p.end()
    return case


def settled(p):
    p.ready()
    p.close()


def refused(data, sense):
    """Answered with this sense data, and the session lives on."""
    def case():
        p = target.established()
        p.send(data)
        r = p.answer()
        assert r.tag == b'thecmd!!' and r.status == 2, (r.tag, r.status)
        settled(p)
        return ALIVE if r.sense == sense else f'sense {r.sense}'
    return case


def managed(data, *codes):
    def case():
        p = target.established()
        p.send(data)
        r = p.answer()
        assert r.tag == b'themgmt!' and r.status == 0, (r.tag, r.status)
        settled(p)
        return ALIVE if r.code in codes else f'response code {r.code}'
    return case


def bad_memory(data, want):
    """Memory that the descriptors name is not there: what would our RDMA say? We just go."""
    def case():
        p = target.established()
        p.answer_reads = False
        p.send(data)
        kind, _ = p.event()
        p.close()
        return want if kind == want else kind
    return case


def same_tag():
    """The first one is still being read from us when the second comes."""
    p = target.established()
    p.answer_reads = False
    p.send(p.iu(rw(WRITE, 8), out=bytes(4096), tag=b'twice!!!'))
    kind, body = p.event()
    assert kind == 'read'
    p.send(p.iu(rw(WRITE, 8), out=bytes(4096), tag=b'twice!!!'))
    r = p.answer()
    assert r.tag == b'twice!!!' and r.sense == (0xb, 0x4e, 0), r.sense
    p.respond(body)
    r = p.answer()
    assert r.tag == b'twice!!!' and r.status == 0
    settled(p)
    return ALIVE


def short_descriptor(op, fmt):
    """Less memory than the command needs: it is not touched beyond its end."""
    def case():
        p = target.established()
        p.memory[0x77] = bytearray(512)
        p.send(iu(fmt, cdb=rw(op, 8), desc=struct.pack('>QII', 0, 0x77, 512)))
        r = p.answer()
        residual = r.out_residual if op == WRITE else r.in_residual
        assert r.flags & (0x04 if op == WRITE else 0x10) and residual == 7 * 512, \
            (r.flags, residual)
        settled(p)
        return ALIVE
    return case


def over_credit(pending):
    """Commands beyond the credit: taken as far as there is room, or the end of the session."""
    def case():
        p = target.established()
        p.answer_reads = False
        for _ in range(pending):
            p.send(p.iu(rw(WRITE, 8), out=bytes(4096)))
        return p.end()
    return case


hostile.run([
    ('no byte', ends(b''), 'T_LOGOUT 0'),
    ('one byte', ends(b'\2'), 'T_LOGOUT 0'),
    ('15 bytes', ends(iu()[:15]), 'T_LOGOUT 0'),
    ('unknown opcode', ends(b'\x7f' + bytes(47)), 'T_LOGOUT 2'),
    ('noise', ends(bytes(range(100, 200))), 'T_LOGOUT 2'),
    ('a login within the session', ends(bytes(64)), 'T_LOGOUT 2'),
    ('a response from the initiator', ends(b'\xc1' + bytes(35)), 'T_LOGOUT 2'),
    ('a rejection from the initiator', ends(b'\xc2' + bytes(31)), 'T_LOGOUT 2'),
    ('target logout from the initiator', ends(b'\x80' + bytes(15)), 'T_LOGOUT 2'),
    ('logout', ends(b'\3' + bytes(15)), CLOSED),
    ('credit response that nobody asked for', ends(b'\x41' + bytes(15)), 'T_LOGOUT 3'),
    ('event response that nobody asked for', ends(b'\x42' + bytes(15)), 'T_LOGOUT 3'),
    ('command of 16 bytes', refused(iu()[:16], BAD_IU), ALIVE),
    ('command of 47 bytes', refused(iu()[:47], BAD_IU), ALIVE),
    ('additional CDB behind the end', refused(iu(add=0xfc), BAD_IU), ALIVE),
    ('unknown format', refused(iu(0x04, cdb=rw(READ, 1), desc=bytes(16)), BAD_IU), ALIVE),
    ('unknown format, out', refused(iu(0xf0, cdb=rw(WRITE, 1), desc=bytes(16)), BAD_IU), ALIVE),
    ('data both ways', refused(iu(0x11, cdb=rw(READ, 1), desc=bytes(32)), BAD_IU), ALIVE),
    ('descriptor cut', refused(iu(0x01, cdb=rw(READ, 1), desc=bytes(15)), BAD_IU), ALIVE),
    ('descriptor missing', refused(iu(0x10, cdb=rw(WRITE, 1)), BAD_IU), ALIVE),
    ('descriptor wraps', refused(iu(0x01, cdb=rw(READ, 1),
                                    desc=struct.pack('>QII', 2 ** 64 - 1, 1, 512)), BAD_IU),
     ALIVE),
    ('table cut', refused(iu(0x02, in_count=2, cdb=rw(READ, 1),
                             desc=indirect([(0, 1, 512)], 512, 32)), BAD_IU), ALIVE),
    ('table of 17 bytes', refused(iu(0x02, in_count=1, cdb=rw(READ, 1),
                                     desc=indirect([(0, 1, 512)], 512, 17)), BAD_IU), ALIVE),
    ('more descriptors than the table has',
     refused(iu(0x02, in_count=2, cdb=rw(READ, 1),
                desc=indirect([(0, 1, 512), (0, 1, 512)], 1024, 16)), BAD_IU), ALIVE),
    ('table of 4 GiB', refused(iu(0x02, in_count=1, cdb=rw(READ, 1),
                                  desc=indirect([(0, 1, 512)], 512, 0xfffffff0)), BAD_IU), ALIVE),
    ('total above the descriptors', refused(iu(0x02, in_count=1, cdb=rw(READ, 1),
                                               desc=indirect([(0, 1, 512)], 513)), BAD_IU), ALIVE),
    ('immediate data that was not agreed on',
     refused(iu(0x30, cdb=rw(WRITE, 1), desc=struct.pack('>I', 512) + bytes(528)), BAD_IU), ALIVE),
    ('table that must be fetched', bad_memory(iu(0x20, out_count=1, cdb=rw(WRITE, 2),
                                                 desc=indirect([(0, 1, 512)], 1024, 32)), 'read'),
     'read'),
    ('memory that is not there', bad_memory(iu(0x10, cdb=rw(WRITE, 8),
                                               desc=struct.pack('>QII', 5, 0xbad, 4096)), 'read'),
     'read'),
    ('less memory than a WRITE needs', short_descriptor(WRITE, 0x10), ALIVE),
    ('less memory than a READ needs', short_descriptor(READ, 0x01), ALIVE),
    ('LUN that does not exist', refused(iu(lun=77, cdb=bytes(6)), NO_LUN), ALIVE),
    ('LUN of an unknown form', refused(iu(lun=0xffff, cdb=bytes(6)), NO_LUN), ALIVE),
    ('unknown command', refused(iu(cdb=b'\xff'), BAD_OPCODE), ALIVE),
    ('blocks behind the end', refused(iu(0x01, cdb=rw(READ, 1, 0xffffffff),
                                         desc=struct.pack('>QII', 0, 1, 512)), BAD_LBA), ALIVE),
    ('tag in use', same_tag, ALIVE),
    ('more commands than credit', over_credit(1000), ('T_LOGOUT 0', CLOSED, 0x1202)),
    ('task management of 47 bytes', managed(task(1)[:47], 2), ALIVE),
    ('task management unknown', managed(task(0x33), 4), ALIVE),
    ('abort of what there is not', managed(task(1, b'nothere!'), 0), ALIVE),
    ('reset of a LUN that does not exist', managed(task(8, lun=99), 2, 5), ALIVE),
])
