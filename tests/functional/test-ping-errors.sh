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

ping --quiet --lun 0 --write --size 128K --runtime 20 "${at[@]}" &
job=$!
sleep 0.5
kill -KILL "$pid"
wait "$pid" 2> /dev/null
pid=
wait "$job"
[ $? = 5 ] || fail 'the exit status does not tell that the connection was lost'
job=
one_line
