#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: portals of native InfiniBand are checked, shown, told to initiators and reloaded without a device
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

config()
{
	conf_head
	cat << CONF
HANDLER vdisk_nullio {
	DEVICE null01
}
TARGET_DRIVER ib_srpt {
	rdma_cm_port 5555
	ioc_guid 0002c90300a1b2c3
	TARGET fe80:0000:0000:0000:0002:c903:00a1:b2c4 {
		enabled 1
		LUN 0 null01
$(printf '\t\tportal %s\n' "$@")
	}
}
CONF
}

# refused PORTAL WHY: check-config ends with status 1 and says where and why.
refused()
{
	config "$1" > "$conf"
	expect 1 ctl check-config "$conf"
	shows "srpt\.conf:[0-9]+:[0-9]+: error: portal .*$2"
}

refused ib:*:0002c90300a1b2c3 'serves service ids 0x00000000013f0001 to 0x00000000013fffff only'
refused ib:*:0x0000000001061234 'serves service ids'
refused ib:mlx5_0/0:5000 'its ports, 1\.\.255'
refused ib:*:5000,pkey=8000 'allowed behind a comma is pkey='

gid=fe80:0000:0000:0000:0002:c903:00a1:b2c4
config "ib:$gid" "ib:[$gid]:0x13f2000,pkey=8001" ib:* > "$conf"
expect 0 ctl check-config "$conf"
shows '1 target, 0 warnings$'

# The line is that of srp_daemon; id_ext is the port GUID of the name.
login='^id_ext=0002c90300a1b2c4,ioc_guid=0002c90300a1b2c3,dgid=fe800000000000000002c90300a1b2c4'
expect 0 ctl -c "$conf" login-info
shows "$login,pkey=[0-9a-f]{4},service_id=00000000013f15b3\$"
shows "$login,pkey=8001,service_id=00000000013f2000\$"

daemon_start
expect 0 ctl status
shows '^ib:\[fe80::2:c903:a1:b2c4\]:5555 '
shows '^ib:\[fe80::2:c903:a1:b2c4\]:8192,pkey=8001 '
shows '^ib:\*:5555 '
shows '^RDMA vectors: '
expect 0 ctl --json status
shows '"address": "ib:\*:5555", "transport": "RDMA"'
shows '"rdma_vectors": '
expect 0 ctl --json login-info
shows '"transport": "IB", "id_ext": "0002c90300a1b2c4"'
shows '"dest": "ib:\[fe80::2:c903:a1:b2c4\]:8192,pkey=8001"'

config ib:*:5556 > "$conf"
expect 0 ctl reload
expect 0 ctl status
shows '^ib:\*:5556 '
! grep -q 5555 "$work/out" || fail 'a portal is left'
daemon_stop
