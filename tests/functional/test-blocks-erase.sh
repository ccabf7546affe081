#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: FORMAT UNIT and SANITIZE overwrite all of a disk, tell how far they are, and keep others out
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 16M "$work/file"
{
	conf_head
	cat << CONF
HANDLER vdisk_fileio {
	DEVICE file {
		filename $work/file
	}
}
HANDLER vdisk_fault {
	DEVICE slow {
		size 16M
		fault_lba 24576
		fault_blocks 8
		fault_hang 1
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 file
		LUN 1 slow
	}
}
CONF
} > "$conf"
daemon_start
peer blocks erase
daemon_stop

# What SANITIZE was doing when it was interrupted is not forgotten.
daemon_start
peer blocks interrupt
kill -KILL "$pid"
wait "$pid" 2> /dev/null
pid=
daemon_start
peer blocks interrupted
daemon_stop

# The daemon does not wait for its end when it stops, unless that is near.
daemon_start
peer blocks interrupt
daemon_stop
daemon_start
peer blocks stopped
daemon_stop
