#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp_daemon and ibsrpdm find srptd on an InfiniBand fabric in each of their modes, and
# print and write exactly the line to log in with
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"

topology Switch Sm Target Initiator > "$net"
fabric_start
ib_target disks "$id_ext" 'ib:*:5555' | ib_conf > "$conf"
target_start
login "$id_ext" ffff > "$work/login"

finds srp_daemon -oac -d /dev/infiniband/umad0
finds srp_daemon -oc -d /dev/infiniband/umad0
finds ibsrpdm -c -d /dev/infiniband/umad0
[ ! -e "$added" ] || fail 'something was added without being asked to'

# -e adds what it finds.
for how in -oec -oecd; do
	rm -f "$added"
	if [ $how = -oecd ]; then
		on_initiator srp_daemon -oecd /dev/infiniband/umad0 || fail "srp_daemon $how"
	else
		on_initiator srp_daemon $how || fail "srp_daemon $how"
	fi
	added_is || fail "srp_daemon $how adds something else"
done

# Not that which is connected.
mkdir -p "$fabric_at/scsi_host/host7"
cd "$fabric_at/scsi_host/host7" || exit 99
echo 0x$id_ext > id_ext
echo 0x$ioc_guid > ioc_guid
echo 0xffff > pkey
echo 0x00000000013f15b3 > service_id
echo fe80:0000:0000:0000:0000:0000:0010:0003 | tee orig_dgid > dgid
echo ibsim0 > local_ib_device
echo 1 > local_ib_port
rm -f "$added"
on_initiator srp_daemon -oec || fail 'srp_daemon -oec'
[ ! -e "$added" ] || fail 'srp_daemon adds what is connected'
finds srp_daemon -oac

# For people it tells what the target is.
on_initiator ibsrpdm -d /dev/infiniband/umad0 || fail ibsrpdm
shows 'port GID: *fe800000000000000000000000100003'
shows "GUID: *$ioc_guid"
shows 'IO class *: 0100'
shows 'ID: *disks'
shows 'service entries: 1'
shows "service\\[ *0\\]: 00000000013f15b3 / SRP.T10:$id_ext"
daemon_stop
