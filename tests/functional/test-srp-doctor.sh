#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-doctor finds nothing wrong with the recipes, and each single fault by its rule; no rule is without a fault here
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/functional/initiator.sh
. "${top_srcdir:?}/tests/functional/initiator.sh"
port=$sys/class/srp_remote_ports/port-4:1
host=$sys/class/scsi_host/host4
device=$sys/class/scsi_device/4:0:0:0/device

found()
{
	python3 -c 'import json, sys
print(" ".join(sorted(f["rule"] + "@" + f["subject"] for f in json.load(open(sys.argv[1]))["findings"])))' \
		"$work/out"
}

# fault 'RULE@SUBJECT...' COMMAND...: with this change just these are found.
fault()
{
	local want=$1 status=1 got

	shift
	[ -n "$want" ] || status=0
	good_tree
	"$@"
	expect $status doctor --root "$root" --json
	got=$(found)
	[ "$got" = "$want" ] || fail "$*: found '$got', not '$want'"
	tr ' ' '\n' <<< "$want" | sed 's/@.*//' >> "$work/rules"
}

no_logins()
{
	rm -r "$sys"/class/{scsi_host,srp_remote_ports,scsi_device} "$sys/block" "${root:?}/dev"
}
no_daemon()
{
	mv "$root/commands/multipathd-config" "$root/commands/multipath-config"
}
lost()
{
	put "$port/state" blocked
	put "$device/state" transport-offline
}
# A map of one of the two disks; the other is in none, and has no name.
alone()
{
	rmdir "$sys/block/dm-0/slaves/sdb"
}
one_login()
{
	rm -r "$host" "$port" "$sys/class/scsi_device/4:0:0:0" "$sys/block/dm-0/slaves/sdb"
}
# mirrored COMMAND...: the same with a mirror.
mirrored()
{
	a_mirror
	"$@"
}
same()
{
	put "$sys/class/scsi_host/host5/ioc_guid" 0x0000000000000009
	put "$sys/class/scsi_host/host5/id_ext" 0x0000000000000002
}
not_alua()
{
	printf '\0\0\6\2\37\0\0\2' | tee "$device/inquiry" > "$sys/class/scsi_device/3:0:0:0/device/inquiry"
	put "$device/dh_state" detached
	setting path_grouping_policy multibus
	setting failback manual
}
by_prio()
{
	setting path_grouping_policy group_by_prio
	setting prio alua
}
regrouped()
{
	setting path_grouping_policy multibus
	setting detect_pgpolicy yes
}
overridden()
{
	printf 'overrides {\n\tprotocol {\n\t\ttype "x"\n\t\tno_path_retry 3\n\t}\n\tno_path_retry 6\n}\n' \
		>> "$root/commands/multipathd-config"
}
by_wwid()
{
	printf 'multipaths {\n\tmultipath {\n\t\twwid "3600a"\n\t\tno_path_retry "12"\n\t}\n}\n' \
		>> "$root/commands/multipathd-config"
	overridden
}
options()
{
	echo "options ib_srp $*" > "$root/etc/modprobe.d/zz.conf"
}
strict()
{
	setting prio const
	setting detect_prio no
}
# Numbers whose sum or product is no int.
long_wait()
{
	setting polling_interval 2
	setting no_path_retry 2147483647
}
no_handler()
{
	rm "$device/dh_state"
}

fault '' true
fault '' by_prio
fault '' not_alua
fault '' mirrored true
fault '' put "$sys/class/scsi_host/host9/proc_name" mpt3sas
fault 'no-login@this host' no_logins
fault 'no-multipathd@this host' no_daemon
fault 'never-register@this host' put "$sys/module/ib_srp/parameters/never_register" Y
fault 'fast-io-fail-off@port-4:1' put "$port/fast_io_fail_tmo" off
fault 'fast-io-fail-off@module ib_srp' put "$sys/module/ib_srp/parameters/fast_io_fail_tmo" off
fault 'dev-loss-on@port-4:1 fast-io-fail-late@port-4:1 reconnect-first@port-4:1' \
	timeouts "$port" 5 5 1
fault 'dev-loss-on@modprobe.d fast-io-fail-late@modprobe.d reconnect-first@modprobe.d' \
	options fast_io_fail_tmo=60 dev_loss_tmo=50
fault 'reconnect-first@port-4:1' put "$port/fast_io_fail_tmo" 1
fault 'dev-loss-on@port-4:1' put "$port/dev_loss_tmo" 600
fault 'reconnect-off@port-4:1' put "$port/reconnect_delay" off
fault 'reconnect-slow@port-4:1' put "$port/reconnect_delay" 10
fault 'login-down@host4' lost
fault 'retry-long@host4' put "$host/tl_retry_count" 5
fault 'one-channel@host4' put "$host/ch_count" 1
fault 'many-channels@host4' put "$host/ch_count" 5
fault 'disk-down@sdb' put "$device/state" offline
fault 'no-handler@sdb' put "$device/dh_state" detached
fault 'no-handler@sdb' no_handler
fault 'timeout-short@sdb' put "$device/timeout" 6
fault 'timeout-long@sdb' put "$device/timeout" 50
fault 'timeout-long@sdb' put "$device/timeout" 2147483647
fault 'retry-long@host4 timeout-short@sdb' put "$host/tl_retry_count" 2147483647
fault 'no-by-id@sda no-by-id@sdb' rm -r "$root/dev/disk/by-id/wwn-0x600a"
fault 'no-by-id@sdb no-map@sdb one-path@mapA' alone
fault 'one-path@mapA' one_login
fault 'failed-paths@mapA' map_says '1 queue_if_no_path' F
fault 'queue-never@mapA' map_says 0 A
fault 'queue-short@mapA' setting no_path_retry 30
fault '' setting no_path_retry 60
fault '' long_wait
fault 'queue-short@mapA' overridden
fault 'queue-short@mapA' by_wwid
fault 'mirror-queues@mapA' mirrored map_says '1 queue_if_no_path' A
fault 'mixed-paths@mapA' setting path_grouping_policy multibus
fault '' setting path_grouping_policy group_by_tpg
fault '' regrouped
fault 'no-prio@mapA' strict
fault 'no-failback@mapA' setting failback manual
fault 'wrong-checker@mapA' setting path_checker directio
fault 'slow-polling@mapA' setting max_polling_interval 20
fault 'find-multipaths@mapA' setting find_multipaths '"strict"'
fault 'mirror-degraded@md127' mirrored put "$sys/block/md127/md/degraded" 1
fault 'mirror-no-bitmap@md127' mirrored put "$sys/block/md127/md/bitmap/location" none
fault 'mirror-same-target@md127' mirrored same
on_rxe()
{
	put "$host/local_ib_device" rxe0
	put "$host/tl_retry_count" 7
	put "$device/timeout" 20
}
fault 'retry-endless@host4' on_rxe

doctor --rules
missing=$(cut -d' ' -f1 "$work/out" | sort | comm -23 - <(sort -u "$work/rules"))
[ -z "$missing" ] || fail "no fault here for: $missing"
