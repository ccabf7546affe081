#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: SCSI devices that are not there, or are none, are told; the other LUN is served
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
{
	conf_head
	cat << CONF
HANDLER dev_disk {
	DEVICE 4095:0:0:0
	DEVICE nowhere
}
HANDLER dev_tape {
	DEVICE none {
		filename $work/none
	}
}
HANDLER dev_changer {
	DEVICE null {
		filename /dev/null
	}
}
HANDLER vdisk_ram {
	DEVICE disk01 {
		size 16M
	}
}
CONF
	conf_driver
	conf_target disk01
} > "$conf"
sed -i 's/^\t\tLUN 0 disk01/&\n\t\tLUN 1 4095:0:0:0\n\t\tLUN 2 nowhere\n\t\tLUN 3 none\n\t\tLUN 4 null/' "$conf"
daemon_start
logged 'device 4095:0:0:0: .*there is no such SCSI device now: see lsscsi'
logged 'device nowhere: .*name the device H:C:I:L'
logged "device none: $work/none: No such file or directory: load the kernel module sg"
logged 'device null: /dev/null: is no SCSI generic device'
expect 0 ctl status
shows '^failed devices: *4$'
at_target 127.0.0.1
expect 0 ping --lun 0 --count 1 "${at[@]}"
daemon_stop
