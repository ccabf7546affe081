#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: where io_uring is forbidden, as in many containers, disks work all the same
if [ "${1-}" != forbidden ]; then
	command -v python3 > /dev/null || { echo 'skipped: no python3'; exit 77; }
	exec python3 "${top_srcdir:?}/tests/functional/no-io-uring.py" bash "$0" forbidden
fi
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
truncate -s 16M "$work/cached" "$work/direct" "$work/through"
# Not every file system knows O_DIRECT.
o_direct=0
if dd if=/dev/zero of="$work/direct" bs=4096 count=1 oflag=direct conv=notrunc 2> /dev/null; then
	o_direct=1
fi
{
	conf_head
	cat << CONF
HANDLER vdisk_fileio {
	DEVICE cached {
		filename $work/cached
	}
	DEVICE direct {
		filename $work/direct
		o_direct $o_direct
		blocksize 4096
	}
	DEVICE through {
		filename $work/through
		write_through 1
	}
}
HANDLER vdisk_ram {
	DEVICE ram {
		size 16M
	}
}
HANDLER vdisk_nullio {
	DEVICE null {
		size 16M
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 null
		LUN 1 cached
		LUN 2 direct
		LUN 3 through
		LUN 4 ram
	}
}
CONF
} > "$conf"
daemon_start
logged 'warning: io_uring cannot be used \(.*seccomp.*\): disks are served by threads'
[ "$(grep -c io_uring "$work/log")" = 1 ] || fail 'not told once'
at_target 127.0.0.1
for lun in 1 2 3 4; do
	expect 0 ping --lun "$lun" --verify --size 8M --block-size 64K --random "${at[@]}"
	expect 0 ping --lun "$lun" --verify --size 1M --offset 3M --block-size 4K --pattern 7 \
		--channels 2 "${at[@]}"
	expect 0 ping --lun "$lun" --check --size 3M --random "${at[@]}"
done
cmp -s "$work/cached" "$work/through" || fail 'two disks with the same pattern differ'
expect 0 ping --lun 0 --read --write --size 16M "${at[@]}"
# A file leaves while the others stay.
sed -i '/LUN 3 through/d' "$conf"
expect 0 ctl reload
expect 0 ping --lun 1 --check --size 3M "${at[@]}"
daemon_stop
