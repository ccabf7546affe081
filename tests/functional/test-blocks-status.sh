#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: GET LBA STATUS tells what was written and unmapped, in memory and in files
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 64M "$work/thin" "$work/thick"
{
	conf_head
	cat << CONF
HANDLER vdisk_ram {
	DEVICE ram {
		size 64M
		thin_provisioned 1
	}
}
HANDLER vdisk_fileio {
	DEVICE thin {
		filename $work/thin
		thin_provisioned 1
	}
	DEVICE thick {
		filename $work/thick
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 ram
		LUN 1 thin
		LUN 2 thick
	}
}
CONF
} > "$conf"
daemon_start
peer blocks status
daemon_stop
