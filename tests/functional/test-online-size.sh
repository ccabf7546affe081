#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a disk that grows or shrinks is told to its sessions, or fails where it is gone
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

online shrinks grows

# The same with a block device, which only root can make here.
truncate -s 4M "$work/disks/loop"
if BLOCK=$(losetup --find --show "$work/disks/loop" 2> /dev/null); then
	trap 'cleanup; losetup --detach "$BLOCK"' EXIT
	export BLOCK
	conf_online | sed -e "s,vdisk_fileio,vdisk_blockio," \
		-e "s,filename .*/disk01,filename $BLOCK," \
		-e '/DEVICE disk02/,/}/d' > "$conf"
	daemon_start
	peer online "$work/disks" block_grows
	daemon_stop
fi
