#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: reservations are on the state volume of a device group, from promote to promote
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
mkdir "$work/disks"
truncate -s 1M "$work/disks/state"
{
	conf_head
	conf_disks 1
	conf_cluster "state_volume $work/disks/state"
} > "$conf"
daemon_start
peer roles state
daemon_stop
