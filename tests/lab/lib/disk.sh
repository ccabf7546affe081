# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016  # commands for the nodes
# Functions of the cases in tests/lab/ha that make the disk under DRBD's data volume fail or hang: for
# as long as such a case lasts, the disk is behind a device of device-mapper.

# disk_insert NODE
disk_insert()
{
	on "$1" 'modprobe dm_mod && sectors=$(blockdev --getsz /dev/vdb) &&
		drbdadm detach r0/0 &&
		dmsetup create bad --table "0 $sectors linear /dev/vdb 0" &&
		sed -i s,/dev/vdb,/dev/mapper/bad, /etc/drbd.d/r0.res &&
		drbdadm attach r0/0' || fail 'the disk cannot be put behind device-mapper'
	wait_redundant 120 || fail 'the cluster is not redundant before it begins'
}

# disk_remove NODE
disk_remove()
{
	on "$1" 'drbdadm detach r0/0; dmsetup remove bad &&
		sed -i s,/dev/mapper/bad,/dev/vdb, /etc/drbd.d/r0.res &&
		drbdadm attach r0/0' || fail 'the disk cannot be put back'
}

# disk_becomes NODE TARGET: linear or error
disk_becomes()
{
	on "$1" 'sectors=$(blockdev --getsz /dev/vdb); table="0 $sectors linear /dev/vdb 0"
		[ '"$2"' = linear ] || table="0 $sectors error"
		dmsetup suspend --noflush --nolockfs bad && dmsetup load bad --table "$table" &&
		dmsetup resume bad' || fail "the disk does not become $2"
}

# disk_hangs NODE: it answers nothing, neither good nor bad, until disk_goes_on.
disk_hangs()
{
	on "$1" 'dmsetup suspend --noflush --nolockfs bad' || fail 'the disk does not hang'
}

disk_goes_on()
{
	on "$1" 'dmsetup resume bad' || fail 'the disk does not go on'
}
