#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a demote of a disk that hangs gives up in time, acknowledges nothing and ends later
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
luns=('0 bad')
{
	conf_head
	cat << CONF
HANDLER vdisk_fault {
	DEVICE bad {
		size 16M
		fault_lba 1000
		fault_blocks 8
		fault_hang 0
	}
}
CONF
	conf_cluster
} > "$conf"
daemon_start
peer roles hangs
daemon_stop
