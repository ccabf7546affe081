#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: sessions of several channels, and several sessions, work side by side
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
at_target 127.0.0.1
expect 0 ping --channels 4 --lun 0 --verify --size 16M --block-size 16K --random "${at[@]}"
# Without timeout, which passes a SIGTERM on together with a SIGCONT: that one hangs the leak checker.
"$build/srp-ping" --channels 4 --hold 30 -c 1 "${at[@]}" > "$work/held" 2>&1 &
job=$!
# shellcheck disable=SC2317 # called by within
channels()
{
	ctl channels && [ "$(grep -c 127.0.0.1 "$work/out")" = "$1" ]
}
within 20 channels 4 || fail 'not four channels'
# Another one beside it: five, then four again.
expect 0 ping --lun 0 --verify --size 4M --channels 2 "${at[@]}"
within 20 channels 4 || fail 'not four channels afterwards'
kill -TERM "$job"
wait "$job"
job=
within 20 channels 0 || fail 'channels are left'
expect 0 ping --sessions 100 "${at[@]}"
within 20 channels 0 || fail 'sessions are left'
daemon_stop
