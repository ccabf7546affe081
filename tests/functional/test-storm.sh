#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: under all commands, task management, lost connections and changes at once every command ends, and nothing is left
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 1M "$work/disk1"
{
	conf_head | sed 's/threads_num 2/threads_num 3/'
	cat << CONF
HANDLER vdisk_ram {
	DEVICE disk0 {
		size 1M
		#AGAIN
	}
}
HANDLER vdisk_fileio {
	DEVICE disk1 {
		filename $work/disk1
		thin_provisioned 1
		#RIGHTS
	}
}
HANDLER vdisk_nullio {
	DEVICE disk2 {
		size 1M
	}
}
HANDLER vdisk_fault {
	DEVICE disk3 {
		size 1M
		fault_lba 40
		fault_blocks 8
		fault_every 3
		fault_delay_ms 20
		#FAULT
	}
}
CONF
	conf_driver
	cat << CONF
	TARGET srpt0 {
		enabled 1
		rel_tgt_id 1
		id_ext $id_ext
		LUN 0 disk0
		LUN 1 disk1
		LUN 2 disk2
		LUN 3 disk3
	}
}
DEVICE_GROUP dg0 {
	DEVICE disk2
	TARGET_GROUP near {
		group_id 1
		TARGET srpt0
	}
}
CONF
} > "$conf"
daemon_start
peer storm calm
peer storm wild
peer_run storm load &
job=$!
within 30 grep -qs 'under load' "$work/peer" || fail 'no load'
daemon_stop
logged 'stopped$'
load_done
