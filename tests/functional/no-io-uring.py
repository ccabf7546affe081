# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a program that may not use io_uring, by a seccomp filter as containers have it.

no-io-uring.py PROGRAM [ARGUMENT]...; exit status 77: the kernel takes no filter.
"""
import ctypes
import errno
import os
import struct
import sys

IO_URING_SETUP = 425  # on every architecture of Linux that Debian has
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000


def forbid():
    """From now on, for this process and what it starts. False: it cannot be."""
    code = b''.join(struct.pack('=HBBI', *line) for line in (
        (LOAD, 0, 0, 0),  # the number of the system call
        (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
        (RETURN, 0, 0, ERRNO | errno.EPERM),
        (RETURN, 0, 0, ALLOW)))
    lines = ctypes.create_string_buffer(code, len(code))
    program = struct.pack('@HP', len(code) // 8, ctypes.addressof(lines))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    pointer = ctypes.create_string_buffer(program, len(program))
    return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(pointer), 0, 0) == 0)


if not forbid():
    print('skipped: no seccomp filter:', os.strerror(ctypes.get_errno()))
    sys.exit(77)
os.execvp(sys.argv[1], sys.argv[1:])
