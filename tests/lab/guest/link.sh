# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # used by the cases that include it
# Functions of the cases whose packets travel over a link that can be cut. Between addresses of one
# host soft-RoCE copies packets inside itself; here initiator and target have a soft-RoCE device each,
# on veth devices that a bridge joins, and rules that send what is for the other one out over them:
#
#   initiator: rxe1 on i0, 10.98.0.1 - ip - bridge sw0 - tp - t0, 10.98.0.2, rxe2 on it: target
#
# ip and tp are the switch's ends of the two cables. Instead of lib.sh: . /lab/guest/link.sh
# shellcheck source=tests/lab/guest/lib.sh
. /lab/guest/lib.sh

add_target=/sys/class/infiniband_srp/srp-rxe1-1/add_target

# link_end LETTER ADDRESS PEER RXE TABLE: one of the two hosts.
link_end()
{
	ip link add "${1}0" type veth peer name "${1}p" || fail "ip link add ${1}0"
	ip link set "${1}p" master sw0 up
	ip addr add "$2/32" dev "${1}0"
	# The packets come from an address of this very host.
	sysctl -qw "net.ipv4.conf.${1}0.accept_local=1" "net.ipv4.conf.${1}0.rp_filter=0"
	ip link set "${1}0" up
	ip route add "$3/32" dev "${1}0" src "$2" table "$5" || fail "route to $3"
	ip rule add pref "$5" oif "${1}0" lookup "$5" || fail "ip rule $5"
	rdma link add "$4" type rxe netdev "${1}0" || fail "rdma link add $4"
}

# mac DEVICE
mac()
{
	cat "/sys/class/net/$1/address"
}

# link_net: the two hosts and what is between them. Nobody needs ARP, which a bridge that is a host,
# too, would answer.
link_net()
{
	modprobe -a veth bridge || fail 'modprobe bridge'
	sysctl -qw net.ipv4.conf.all.rp_filter=0
	ip link add sw0 type bridge || fail 'ip link add sw0'
	ip link set sw0 up
	# Before the table of the host's own addresses, which is the first.
	ip rule add pref 1000 lookup local && ip rule del pref 0 || fail 'ip rule'
	link_end i 10.98.0.1 10.98.0.2 rxe1 100
	link_end t 10.98.0.2 10.98.0.1 rxe2 101
	ip neigh replace 10.98.0.2 lladdr "$(mac t0)" dev i0 nud permanent
	ip neigh replace 10.98.0.1 lladdr "$(mac i0)" dev t0 nud permanent
	wait_for 15 port_is rxe1 ACTIVE && wait_for 15 port_is rxe2 ACTIVE ||
		fail 'the ports are not active'
}

# port_is RXE STATE: ACTIVE or DOWN, as its host's kernel says.
port_is()
{
	grep -q ": $2\$" "/sys/class/infiniband/$1/ports/1/state"
}

# srptd_port RXE: what srptctl says of the device's port.
srptd_port()
{
	srptctl --json status | jq -r --arg d "$1" \
		'.. | objects | select(.rdma_device? == $d) | .port_state'
}

srptd_port_is()
{
	[ "$(srptd_port "$1")" = "${2,,}" ]
}

# login_string: of the target at its end of the link, from the other end.
login_string()
{
	srptctl login-info | grep -oE 'id_ext=[^ ]*dest=10\.98\.0\.2:[0-9]+' | head -1 |
		sed 's/$/,src=10.98.0.1/'
}

# link_cut: every packet is lost from now on, both ways; the ports stay up. link_mend: no longer.
link_cut()
{
	say 'the link loses every packet'
	tc qdisc replace dev i0 root netem loss 100% && tc qdisc replace dev t0 root netem loss 100% ||
		fail 'tc qdisc'
}

link_mend()
{
	say 'the link is good again'
	tc qdisc del dev i0 root && tc qdisc del dev t0 root || fail 'tc qdisc del'
}

# pull i|t: the cable of the initiator or the target; plug i|t: in again.
pull()
{
	say "the cable of ${1}0 is pulled"
	ip link set "${1}p" down || fail "ip link set ${1}p down"
}

plug()
{
	say "the cable of ${1}0 is plugged in"
	ip link set "${1}p" up || fail "ip link set ${1}p up"
}

# queue_pairs: the numbers of those with which the initiator is connected, or tries to be.
queue_pairs()
{
	rdma -j resource show cm_id link rxe1 |
		jq -r '.[] | .. | objects | select(.lqpn? and .state == "CONNECT") | .lqpn'
}

# closed QUEUE-PAIR...: none of these is left.
closed()
{
	local n

	for n in $(queue_pairs); do
		[[ " $* " != *" $n "* ]] || return 1
	done
}

# ended: number of reads and writes of the disk that have.
ended()
{
	local reads writes

	read -r reads _ _ _ writes _ < "/sys/block/${disk#/dev/}/stat"
	echo $((reads + writes))
}

more_than()
{
	[ "$(ended)" -gt "$1" ]
}

# goes_on SECONDS WHAT: within so many, I/O ends again.
goes_on()
{
	wait_for "$1" more_than "$(($(ended) + 20))" || fail "I/O stands still after $2"
	say "I/O goes on after $2"
}

# link_good: whatever the case did to it; for guest/cleanup. No logout gets through a bad one.
link_good()
{
	local dev

	for dev in i0 t0; do
		tc qdisc del dev $dev root 2> /dev/null
		ip link set "${dev%0}p" up
	done
}

# link_down: what link_net has made goes; for guest/cleanup.
link_down()
{
	local dev

	for dev in rxe1 rxe2; do
		[ ! -e "/sys/class/infiniband/$dev" ] || rdma link del "$dev" || return 1
	done
	for dev in i0 t0 sw0; do
		[ ! -e "/sys/class/net/$dev" ] || ip link del "$dev" || return 1
	done
	ip rule add pref 0 lookup local 2> /dev/null
	for dev in 100 101 1000; do
		ip rule del pref $dev 2> /dev/null
	done
	return 0
}
