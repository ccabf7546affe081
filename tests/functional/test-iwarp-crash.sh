#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: after kill -9 and a restart initiators log in again and find what was acknowledged
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 64M "$work/disk01"
{
	conf_head
	cat << CONF
HANDLER vdisk_fileio {
	DEVICE disk01 {
		filename $work/disk01
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	conf_target disk01
} > "$conf"
daemon_start
load crash
sleep 0.5
kill -KILL "$pid"
wait "$pid" 2> /dev/null
daemon_start
load_done
daemon_stop
