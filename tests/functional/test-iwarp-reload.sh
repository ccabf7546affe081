#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: LUNs, targets and ports come and go by reload while others are under load
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
{
	conf_head
	cat << CONF
HANDLER vdisk_ram {
	DEVICE disk01 {
		size 64M
	}
	DEVICE disk02 {
		size 1M
	}
}
CONF
	conf_driver '#PORTS'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 disk01
		#LUNS
	}
	#TARGETS
}
CONF
} > "$conf"
daemon_start
peer load reload
daemon_stop
