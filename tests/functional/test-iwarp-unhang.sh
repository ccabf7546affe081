#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: what waits for a disk that hangs ends when a reload lets the disk go
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

hanging()
{
	ctl stats --json
	grep -q '"in_flight": *[1-9]' "$work/out"
}

# hang: a session that waits for the disk.
hang()
{
	at_target 127.0.0.1
	timeout 60 "$build/srp-ping" "${at[@]}" --lun 0 --read --offset 512000 --size 4K \
		> "$work/peer" 2>&1 &
	job=$!
	within 10 hanging || fail 'no command in flight'
}

# edit OLD NEW: in the configuration.
edit()
{
	sed -i "s/$1/$2/" "$conf"
}

port_choose
conf_fault 'fault_hang 1' > "$conf"
daemon_start

hang
"$build/srptctl" -s "$socket" disable srpt0 &
disabling=$!
within 10 grep -q 'disabled on request' "$work/log" || fail 'not disabled'
sleep 0.2
kill -0 "$disabling" || fail 'the target was disabled while a command hung'
edit 'fault_hang 1' 'fault_hang 0'
expect 0 ctl reload
wait "$disabling" || fail 'disable'
wait "$job"

# The same change takes the target away.
edit 'fault_hang 0' 'fault_hang 1'
expect 0 ctl reload
hang
edit 'fault_hang 1' 'fault_hang 0'
edit 'enabled 1' 'enabled 0'
expect 0 ctl reload
wait "$job"
job=
daemon_stop
