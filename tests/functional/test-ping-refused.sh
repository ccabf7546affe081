#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-ping tells in one line why it was refused, and by its exit status
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
conf_ram 'iwarp_crc auto' > "$conf"
sed -i 's/enabled 1/#STATE\n\t\tenabled 1/' "$conf"
daemon_start

# refused STATUS REGEX ARGUMENT...
refused()
{
	local status=$1 regex=$2

	shift 2
	expect "$status" ping --quiet -c 1 "$@"
	one_line
	shows "$regex"
	cat "$work/out"
}

at_target 127.0.0.1
expect 0 ping --quiet -c 1 "${at[@]}"
refused 3 'rejected: .*0x00010003' --id-ext 1234567812345678 --ioc-guid "$ioc_guid" "127.0.0.1:$port"
refused 3 'rejected: .*0x00010003' --id-ext "$id_ext" --ioc-guid 1234567812345678 "127.0.0.1:$port"
refused 3 'rejected: .*0x00010002' --iu-length 70000 "${at[@]}"
sed -i 's/enabled 1/enabled 0/' "$conf"
expect 0 ctl reload
refused 3 'rejected: .*0x00010001' "${at[@]}"
daemon_stop
refused 4 'nobody listens' "${at[@]}"
refused 4 no-such-host --id-ext 1 no-such-host.invalid
expect 2 ping
expect 2 ping --frobnicate "${at[@]}"
expect 2 ping --write "${at[@]}"
