# SPDX-License-Identifier: GPL-2.0-or-later
"""A registration with APTPL: made, then looked for after the daemon was started again.

Arguments: register or find, and the key in hexadecimal.
"""
import struct
import sys

import target


def main():
    what, key = sys.argv[1], int(sys.argv[2], 16)
    p = target.established()
    if what == 'register':
        p.good(struct.pack('>BBB2xIB', 0x5f, 6, 0, 24, 0),
               out=struct.pack('>QQ4xB3x', 0, key, 1))
    data = p.good(struct.pack('>BB5xHB', 0x5e, 0, 256, 0), room=256)
    keys = [struct.unpack('>Q', data[at:at + 8])[0]
            for at in range(8, 8 + struct.unpack('>I', data[4:8])[0], 8)]
    assert keys == ([key] if key else []), keys
    p.close()


main()
