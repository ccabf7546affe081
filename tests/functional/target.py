# SPDX-License-Identifier: GPL-2.0-or-later
"""The srptd under test, as the environment tells: peer() of functions.sh sets it.

TARGET and PORT, ID_EXT and IOC_GUID (hexadecimal), SRPTD_PID, SRPTCTL, SOCKET, CONF.
"""
import json
import os
import struct
import subprocess
import time

import iwarp

ADDRESS = os.environ['TARGET'], int(os.environ['PORT'])
ID_EXT, IOC_GUID = int(os.environ['ID_EXT'], 16), int(os.environ['IOC_GUID'], 16)
PID = os.environ['SRPTD_PID']
CONF = os.environ['CONF']


def login(initiator=1, **kw):
    return iwarp.Initiator(ADDRESS, ID_EXT, IOC_GUID, initiator=struct.pack('>QQ', 0, initiator),
                           **kw)


def established(**kw):
    """A session that was used: only then a responder may send (RFC 5044 7.1.2)."""
    p = login(**kw)
    p.ready()
    return p


def shifted(p, ulpdu):
    """The numbers of SENDs in the tables begin at 1; what @p sent already comes before."""
    if ulpdu[0] & 0x80 or ulpdu[6:10] != bytes(4):
        return ulpdu
    msn = (struct.unpack('>I', ulpdu[10:14])[0] + p.msn) % 2 ** 32
    return ulpdu[:10] + struct.pack('>I', msn) + ulpdu[14:]


def request(**kw):
    return iwarp.login_request(ID_EXT, IOC_GUID, **kw)


def descriptors():
    return len(os.listdir(f'/proc/{PID}/fd'))


def settled():
    """How many descriptors there are when every reactor has what it keeps and nobody is there."""
    for p in [login(initiator=n) for n in range(16)]:
        p.close()
    count, since = descriptors(), time.monotonic()
    while time.monotonic() - since < 0.3:
        time.sleep(0.02)
        if descriptors() != count:
            count, since = descriptors(), time.monotonic()
    return count


def ctl(*args):
    """What srptctl answers, decoded."""
    run = subprocess.run([os.environ['SRPTCTL'], '-s', os.environ['SOCKET'], '--json', *args],
                         stdout=subprocess.PIPE, timeout=20, check=True)
    return json.loads(run.stdout) if run.stdout.strip() else None


def edit(*changes):
    """Replace texts (old, new) in the configuration."""
    with open(CONF, encoding='utf-8') as f:
        text = f.read()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    with open(CONF, 'w', encoding='utf-8') as f:
        f.write(text)


def reload(*changes):
    """The same, and let it take effect."""
    edit(*changes)
    ctl('reload')
