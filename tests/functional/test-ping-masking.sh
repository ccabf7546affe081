#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: initiators see the LUNs of the group that their address belongs to
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

port_choose
has_ipv6 || skip 'no IPv6 here'
{
	conf_head
	cat << CONF
HANDLER vdisk_nullio {
	DEVICE common {
		size 1M
	}
	DEVICE four {
		size 4M
	}
	DEVICE six {
		size 6M
	}
}
CONF
	conf_driver 'iwarp_crc auto'
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 common
		GROUP old {
			LUN 0 four
			LUN 4 common
			INITIATOR 127.0.0.*
		}
		GROUP new {
			LUN 0 six
			LUN 6 common
			INITIATOR 0:0:0:0:0:0:0:1
		}
	}
}
CONF
} > "$conf"
daemon_start

# sees ADDRESS SIZE...: exactly disks of these many MiB, in this order.
sees()
{
	local got

	at_target "$1"
	shift
	expect 0 ping -c 1 "${at[@]}"
	got=$(grep -oE '\b[146](\.0)? MiB' "$work/out" | sed 's/\.0//' | tr '\n' ' ')
	[ "$got" = "$* " ] || fail "disks: $got"
}

sees 127.0.0.1 '4 MiB' '1 MiB'
sees '[::1]' '6 MiB' '1 MiB'
sed -i 's/127\.0\.0\.\*/192.0.2.1/' "$conf"
expect 0 ctl reload
sees 127.0.0.1 '1 MiB'
daemon_stop
