#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: data are described directly, indirectly or sent along: the result is the same
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
daemon_start
at_target 127.0.0.1
offset=0
for how in '--desc direct' '--desc indirect --pieces 1' '--desc indirect --pieces 8' \
	'--desc indirect --pieces 128' '--desc immediate --block-size 4K' \
	'--desc immediate --block-size 64K'; do
	# shellcheck disable=SC2086
	expect 0 ping --lun 0 --verify --size 4M --offset ${offset}M $how "${at[@]}"
	offset=$((offset + 4))
done
# Read in one piece what was written in many.
expect 0 ping --lun 0 --check --size 24M --block-size 1M "${at[@]}"
daemon_stop
