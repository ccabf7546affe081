# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2119,SC2120  # used by the cases that include it
# Functions of the cases ib-*: native InfiniBand, between two emulated adapters of one fabric.
# Instead of lib.sh: . /lab/guest/ib.sh
#
#   initiator: ibi0, LID 1, with the subnet administrator      target: ibt0, LID 2
#   fe80::ff:fe00:1                                            fe80::ff:fe00:2
# shellcheck source=tests/lab/guest/lib.sh
. /lab/guest/lib.sh

initiator_gid=fe80:0000:0000:0000:0000:00ff:fe00:0001
target_gid=fe80:0000:0000:0000:0000:00ff:fe00:0002
add_target=/sys/class/infiniband_srp/srp-ibi0-1/add_target
target_lines=('portal ib:ibt0/1')

# ib_port DEVICE NUMBER PKEY,...: an adapter on a network device of its own.
ib_port()
{
	# Entries that are not named would stay as they were.
	cut -d, -f1-4 <<< "$3,0,0,0" > /sys/module/ibport/parameters/pkeys || fail "P_Keys $3"
	[ -e "/sys/class/net/n$1" ] || {
		ip link add "n$1" address "02:00:00:00:00:0$2" type dummy || fail 'ip link add'
		ip link set "n$1" up
	}
	rdma link add "$1" type ibport netdev "n$1" || fail 'rdma link add'
	wait_for 10 grep -q ACTIVE "/sys/class/infiniband/$1/ports/1/state" || fail "$1 is not active"
	expect "LID of $1" "$2" "$(($(cat "/sys/class/infiniband/$1/ports/1/lid")))"
}

# ib_fabric [INITIATOR-PKEYS [TARGET-PKEYS]]: both adapters, and who answers for their paths. The
# driver cannot be loaded beside soft-RoCE's; guest/cleanup brings that back.
ib_fabric()
{
	[ ! -e /sys/class/infiniband/rxe0 ] || rdma link del rxe0 || fail 'rdma link del'
	wait_for 20 unload rdma_rxe || fail 'rmmod rdma_rxe'
	modprobe -a dummy ib_umad ibport || fail 'modprobe ibport'
	ib_port ibi0 1 "${1:-0xffff}"
	ib_port ibt0 2 "${2:-0xffff}"
	ib-sa ibi0 > "$out/sa.log" 2>&1 &
	wait_for 10 grep -q serving "$out/sa.log" || fail 'no subnet administrator'
}

# cap_mask DEVICE: the capability mask of its port, as the subnet sees it.
cap_mask()
{
	cat "/sys/class/infiniband/$1/ports/1/cap_mask"
}

# isdm [DEVICE/PORT,...]: srp_daemon asks only ports that say an agent is there.
isdm()
{
	modprobe srpt_isdm "ports=${1:-ibt0/1}" || fail 'modprobe srpt_isdm'
}

# login_string [PKEY]: of the first target in that partition.
login_string()
{
	srptctl login-info | grep -oE 'id_ext=[^ ]*,service_id=[0-9a-f]{16}' |
		grep -F "pkey=${1:-ffff}," | head -1
}

# srp_daemon_once LOG OPTION...: one round over the port of ibi0.
srp_daemon_once()
{
	local log=$1

	shift
	expect 'device of umad0' ibi0 "$(cat /sys/class/infiniband_mad/umad0/ibdev)"
	run_ok "$log" timeout 120 srp_daemon -o "$@" -d /dev/infiniband/umad0
}

# logged_in [HOSTS]: by whoever wrote to add_target; sets host to the last one.
logged_in()
{
	[ "$(srp_hosts | wc -l)" = "${1:-1}" ] || return 1
	host=$(srp_hosts | tail -1)
}

# session_names: of all sessions, a line each
session_names()
{
	srptctl --json sessions | jq -r '.[].name' | sort
}
