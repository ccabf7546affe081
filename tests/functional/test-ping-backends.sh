#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: what is written is read back, on every kind of disk
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
# vdisk_blockio needs a block device: one that may be overwritten is named in
# SRPT_TEST_BLOCK_DEVICE, root has a loop device, others leave it out: the lab has it too.
block=${SRPT_TEST_BLOCK_DEVICE-}
truncate -s 16M "$work/loop"
if [ -z "$block" ] && block=$(losetup --find --show "$work/loop" 2> /dev/null); then
	trap 'cleanup; losetup --detach "$block"' EXIT
fi
truncate -s 16M "$work/cached" "$work/direct" "$work/through" "$work/large"
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
	DEVICE large {
		filename $work/large
		blocksize 4096
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
HANDLER vdisk_fault {
	DEVICE fault {
		size 16M
	}
}
CONF
	[ -z "$block" ] ||
		printf 'HANDLER vdisk_blockio {\nDEVICE block {\nfilename %s\n}\n}\n' "$block"
	conf_driver 'iwarp_crc auto'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 null
		LUN 1 cached
		LUN 2 direct
		LUN 3 through
		LUN 4 large
		LUN 5 ram
		LUN 6 fault
		${block:+LUN 7 block}
	}
}
CONF
} > "$conf"
daemon_start
at_target 127.0.0.1
for lun in 1 2 3 4 5 6 ${block:+7}; do
	expect 0 ping --lun "$lun" --verify --size 8M --block-size 64K --random "${at[@]}"
	expect 0 ping --lun "$lun" --verify --size 1M --offset 3M --block-size 4K --pattern 7 \
		--channels 2 "${at[@]}"
	expect 0 ping --lun "$lun" --check --size 3M --random "${at[@]}"
done
# In the file is what went over the wire.
cmp -s "$work/cached" "$work/through" || fail 'two disks with the same pattern differ'
# Nothing is behind it: zeros, and no error.
expect 0 ping --lun 0 --read --write --size 16M "${at[@]}"
expect 1 ping --quiet --lun 0 --verify --size 64K "${at[@]}"
one_line
# A file leaves while the others stay.
sed -i '/LUN 3 through/d' "$conf"
expect 0 ctl reload
expect 0 ping --lun 1 --check --size 3M "${at[@]}"
daemon_stop
