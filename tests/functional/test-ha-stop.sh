#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a promoted srptd that is told to stop demotes first and exits with 0
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
{
	conf_head
	conf_disks 2
	conf_cluster
} > "$conf"
daemon_start
peer_run roles stop || fail stop
within 20 gone || fail 'srptd does not end'
wait "$pid"
got=$?
pid=
[ $got = 0 ] || fail "exit status of srptd: $got"
logged 'group dg demoted, epoch 1'
logged 'stopped$'
