#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a device may go while a session that has it waits for another disk to close
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

in_flight()
{
	ctl stats --json
	grep -q '"in_flight": *[1-9]' "$work/out"
}

gone_from_list()
{
	ctl channels
	! grep -q live "$work/out"
}

port_choose
conf_fault 'fault_hang 1' > "$conf"
cat >> "$conf" << CONF
HANDLER vdisk_ram {
	DEVICE goes {
		size 1M
	}
}
CONF
sed -i 's/LUN 0 bad/&\n\t\tLUN 1 goes/' "$conf"
daemon_start
at_target 127.0.0.1
"$build/srp-ping" "${at[@]}" --timeout 60 --lun 0 --read --offset 512000 --size 4K \
	> "$work/peer" 2>&1 &
job=$!
within 10 in_flight || fail 'no command in flight'
ctl sessions
expect 0 ctl close-session "$(awk '$2 == "srpt0" { print $1 }' "$work/out")"
wait "$job"
job=
within 10 gone_from_list || fail 'the connection is open'
ctl sessions
shows ' srpt0 '

sed -i '/LUN 1 goes/d; /^HANDLER vdisk_ram/,$d' "$conf"
expect 0 ctl reload
logged 'device goes closed'
sed -i 's/fault_hang 1/fault_hang 0/' "$conf"
expect 0 ctl reload
within 10 grep -q 'logged out' "$work/log" || fail 'the session stays'
expect 0 ping "${at[@]}" --lun 0 --verify --size 1M
daemon_stop
