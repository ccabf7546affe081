#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: mode pages change, are told to others, and those that are saved outlive kill -9; reports are true
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 16M "$work/disk01"
{
	conf_head
	cat << CONF
HANDLER vdisk_fileio {
	DEVICE disk01 {
		filename $work/disk01
		thin_provisioned 1
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	conf_target disk01
} > "$conf"

killed()
{
	kill -KILL "$pid"
	wait "$pid" 2> /dev/null
	pid=
}

daemon_start
peer modes reports
peer modes change
killed
daemon_start
peer modes kept
killed
daemon_start
peer modes forgotten
daemon_stop
