#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-ping logs in as login-info says, and sees the disks as they are configured
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
{
	conf_head
	cat << CONF
HANDLER vdisk_ram {
	DEVICE disk01 {
		size 64M
		blocksize 512
		t10_vend_id ACME
		prod_id ANVIL
		prod_rev_lvl 0042
	}
	DEVICE disk02 {
		size 32M
		blocksize 4096
		read_only 1
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 disk01
		LUN 300 disk02
	}
}
CONF
} > "$conf"
daemon_start
expect 0 ctl login-info
grep '^id_ext=' "$work/out" > "$work/logins"
[ "$(wc -l < "$work/logins")" -ge 1 ] || fail 'login-info shows no login'
has_ipv6 || sed -i '/\[/d' "$work/logins"

while read -r login; do
	expect 0 ping --target "$login" -c 1
	cp "$work/out" "$work/shown"
	for regex in ACME ANVIL 0042 '64(\.0)? MiB' '32(\.0)? MiB' '\b300\b' 'write protected'; do
		shows "$regex"
	done
done < "$work/logins"

# The same for a program.
at_target 127.0.0.1
expect 0 ping --json -c 1 "${at[@]}"
if command -v python3 > /dev/null; then
	python3 -m json.tool < "$work/out" > "$work/json" || fail 'the JSON does not parse'
fi
expect 0 ping --quiet -c 1 "${at[@]}"
[ ! -s "$work/out" ] || fail 'it says something in spite of --quiet'
daemon_stop
