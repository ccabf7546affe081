#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a port without IsDeviceManagementSupported is told of once in the log and in the status,
# with the line to log in with; srp_daemon does not see it
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
fabric_start
ib_target disks "$id_ext" 'ib:*:5555' | ib_conf > "$conf"
NODE_HIDDEN=1 target_start

hint="IsDeviceManagementSupported.*srpt_isdm.*add_target: $(login "$id_ext" ffff)"
logged "ibsim0/1: srp_daemon will not see this port: .*$hint\$"
told()
{
	ctl status && grep -qE "^IB port +ibsim0/1 +srp_daemon does not see it: .*$hint" "$work/out"
}
within 60 told || fail 'srptctl status does not tell'
ctl --json status || fail 'srptctl --json status'
shows '"is_dm": *false'
shows '"answering": *true'
: > "$work/login"
finds srp_daemon -oac
sleep 2 # two more looks at the port
[ "$(grep -c 'will not see' "$work/log")" = 1 ] || fail 'it is told more than once'
daemon_stop
