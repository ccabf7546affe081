# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154  # variables of functions.sh, which is included first
# What the tests of srp-doctor share: a tree as it saves one, of an initiator that is set as the
# recipes say. Two logins to the nodes of a cluster, sda and sdb, one multipath map of both; nothing is
# wrong with it.
root=$work/root
sys=$root/sys
recipes=$top_srcdir/conf/initiator

# put FILE TEXT: one line.
put()
{
	mkdir -p "$(dirname "$1")"
	echo "$2" > "$1"
}

# timeouts DIR FAST LOSS RECONNECT
timeouts()
{
	put "$1/fast_io_fail_tmo" "$2"
	put "$1/dev_loss_tmo" "$3"
	put "$1/reconnect_delay" "$4"
}

# a_login NUMBER ID-EXT
a_login()
{
	local dir=$sys/class/scsi_host/host$1

	put "$dir/id_ext" "0x000000000000000$2"
	put "$dir/ioc_guid" 0x0000000000000009
	put "$dir/local_ib_device" mlx5_0
	put "$dir/tl_retry_count" 2
	put "$dir/ch_count" 4
	put "$sys/class/srp_remote_ports/port-$1:1/state" running
	timeouts "$sys/class/srp_remote_ports/port-$1:1" 0 off 1
}

# a_disk LETTER HOST
a_disk()
{
	local dir=$sys/class/scsi_device/$2:0:0:0/device

	put "$dir/vendor" 'SCST_BIO'
	put "$dir/model" 'disk01          '
	put "$dir/state" running
	put "$dir/dh_state" alua
	put "$dir/timeout" 15
	put "$dir/eh_timeout" 10
	printf '\0\0\6\2\37\20\0\2' > "$dir/inquiry"
	put "$dir/block/sd$1/dev" "8:$((16 * 2))"
}

good_tree()
{
	rm -rf "$root"
	put "$sys/devices/system/cpu/online" 0-3
	timeouts "$sys/module/ib_srp/parameters" 0 off 1
	put "$sys/module/ib_srp/parameters/never_register" N
	put "$sys/class/scsi_host/host0/proc_name" ahci
	a_login 3 1
	a_login 4 2
	a_disk a 3
	a_disk b 4
	mkdir -p "$sys"/block/dm-0/slaves/sd{a,b} "$root"/dev/disk/by-id "$root"/etc/modprobe.d \
		"$root/commands"
	put "$sys/block/dm-0/dm/name" mapA
	put "$sys/block/dm-0/dm/uuid" mpath-3600a
	put "$sys/block/dm-1/dm/uuid" LVM-xyz
	ln -s ../../dm-0 "$root/dev/disk/by-id/wwn-0x600a"
	cp "$recipes/modprobe.d/ib_srp.conf" "$root/etc/modprobe.d/"
	cp "$recipes/multipath.conf" "$root/commands/multipathd-config"
	map_says '1 queue_if_no_path' A
}

# map_says FEATURES STATE-OF-THE-SECOND-PATH: as dmsetup does.
map_says()
{
	put "$root/commands/dm-table" "mapA: 0 131072 multipath $1 1 alua 2 1 service-time 0 1 2 8:16 1 1 service-time 0 1 2 8:32 1 1"
	put "$root/commands/dm-status" "mapA: 0 131072 multipath 2 0 0 0 2 1 A 0 1 2 8:16 A 0 0 1 E 0 1 2 8:32 $2 1 0 1"
}

# a_mirror: of the map and of sdc, a disk of another target, without multipath.
a_mirror()
{
	local md=$sys/block/md127

	a_login 5 5
	put "$sys/class/scsi_host/host5/ioc_guid" 0x0000000000000005
	a_disk c 5
	ln -s ../../sdc "$root/dev/disk/by-id/wwn-0x600c"
	mkdir -p "$md"/slaves/{dm-0,sdc} "$md/md/bitmap"
	put "$md/md/level" raid1
	put "$md/md/degraded" 0
	put "$md/md/bitmap/location" +8
	map_says '0' A
}

# setting KEY VALUE: of multipath, whatever section it is in.
setting()
{
	sed -i -E "s/^([[:space:]]*)#?$1 .*/\\1$1 $2/" "$root/commands/multipathd-config"
}

doctor()
{
	timeout 30 "$build/../initiator/srp-doctor" "$@" > "$work/out" 2> "$work/peer"
}
