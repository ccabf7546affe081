#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: with and without CRC, and by both revisions of MPA, data arrive as they were sent
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
at_target 127.0.0.1
for server in auto on off; do
	sed -i "s/iwarp_crc .*/iwarp_crc $server/" "$conf"
	expect 0 ctl reload
	for client in auto on off; do
		for revision in 1 2; do
			expect 0 ping --crc $client --mpa-revision $revision --lun 0 --verify \
				--size 512K --block-size 16K "${at[@]}"
		done
	done
	peer crc "$server"
done
daemon_stop
