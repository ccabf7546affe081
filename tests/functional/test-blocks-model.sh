#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: whatever commands change blocks, disks hold what a model of them does
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 1M "$work/disk1" "$work/disk2"
{
	conf_head
	cat << CONF
HANDLER vdisk_ram {
	DEVICE disk0 {
		size 1M
	}
}
HANDLER vdisk_fileio {
	DEVICE disk1 {
		filename $work/disk1
	}
	DEVICE disk2 {
		filename $work/disk2
		thin_provisioned 1
	}
}
CONF
	conf_driver
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 disk0
		LUN 1 disk1
		LUN 2 disk2
	}
}
CONF
} > "$conf"
daemon_start
peer model
daemon_stop
