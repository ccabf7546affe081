#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: where io_uring is forbidden, as in many containers, every kind of disk works all the same
if [ "${1-}" != forbidden ]; then
	command -v python3 > /dev/null || { echo 'skipped: no python3'; exit 77; }
	exec python3 "${top_srcdir:?}/tests/functional/no-io-uring.py" bash "$0" forbidden
fi
# shellcheck source=tests/functional/test-ping-backends.sh
. "${top_srcdir:?}/tests/functional/test-ping-backends.sh"

logged 'warning: io_uring cannot be used \(.*seccomp.*\): disks are served by threads'
[ "$(grep -c io_uring "$work/log")" = 1 ] || fail 'not told once'
