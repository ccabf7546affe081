#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srptctl that waits for an answer hears soon that srptd has ended
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_fault 'fault_hang 1' > "$conf"
daemon_start
peer slow-disk leave
# It waits for the last connection of the target, which has a command in the disk.
ctl disable srpt0 &
job=$!
within 20 grep -q 'srpt0 disabled on request' "$work/log" || fail 'nothing is disabled'
kill -KILL "$pid"
wait "$pid" 2> /dev/null
killed=$pid
pid=
wait "$job"
got=$?
job=
rm -rf "/dev/shm/qb-$killed-"* # libqb leaves what both had in use
[ "$got" = 1 ] || fail "exit status of srptctl: $got"
shows 'srptd ended before it answered'
