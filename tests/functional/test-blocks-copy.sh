#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: EXTENDED COPY copies between disks of a session, and to no others
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 64M "$work/from" "$work/to" "$work/hidden"
{
	conf_head
	cat << CONF
HANDLER vdisk_fileio {
	DEVICE from {
		filename $work/from
	}
	DEVICE to {
		filename $work/to
		blocksize 4096
	}
	DEVICE protected {
		filename $work/hidden
	}
}
HANDLER vdisk_ram {
	DEVICE other {
		size 1M
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 from
		LUN 1 to
		LUN 2 protected {
			read_only 1
		}
	}
	TARGET srpt1 {
		enabled 1
		id_ext ${id_ext%?}f
		LUN 0 other
	}
}
CONF
} > "$conf"
daemon_start
OTHER_ID_EXT=${id_ext%?}f peer blocks copy
daemon_stop
# By another way, too.
cmp -n $((40 << 20)) "$work/from" "$work/to" || fail 'the files differ'
