# SPDX-License-Identifier: GPL-2.0-or-later
"""When CRCs are used: if either side asks (RFC 5044 7.1.1). Argument: iwarp_crc of the daemon."""
import sys

import iwarp
import target

for asked in False, True:
    for revision in 1, 2:
        p = target.established(crc=asked, revision=revision)
        # Auto does not ask a peer on the same host.
        assert p.crc == (asked or sys.argv[1] == 'on'), (asked, revision, p.crc)
        p.write(0, bytes(range(256)) * 32)
        assert p.read(0, 16) == bytes(range(256)) * 32
        if p.crc:
            p.put(iwarp.untagged(iwarp.SEND, iwarp.QN_SEND, p.msn + 1), spoil=1)
            assert p.end() == 0x2002
        p.close()
