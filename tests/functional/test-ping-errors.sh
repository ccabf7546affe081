#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-ping names the error of the disk, and what became of the connection
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_errno ENOSPC' > "$conf"
daemon_start
at_target 127.0.0.1
expect 1 ping --quiet --lun 0 --write --size 1M "${at[@]}"
one_line
shows '07/27/07'
expect 0 ping --quiet --lun 0 --write --size 128K "${at[@]}"

timeout 60 "$build/srp-ping" --quiet --lun 0 --write --size 128K --runtime 30 "${at[@]}" \
	> "$work/lost" 2>&1 &
job=$!
# shellcheck disable=SC2317 # called by within
working()
{
	ctl sessions && grep -q 127.0.0.1 "$work/out"
}
within 20 working || fail 'no session'
kill -KILL "$pid"
wait "$pid" 2> /dev/null
pid=
wait "$job"
[ $? = 5 ] || fail 'the exit status does not tell that the connection was lost'
job=
cp "$work/lost" "$work/out"
one_line
