# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # used by the cases that include it
# Functions of the cases iwarp-*: the initiator is ib_srp over the kernel's siw; srptd has a network
# namespace of its own, joined to the initiator's by a pair of veth devices, and no RDMA in it.
# Instead of lib.sh: . /lab/guest/iwarp.sh
#
#   initiator: veth i0 (siw0 on it)            target: veth t0 in the namespace target
#   10.98.0.1, 10.98.0.3, fd00:98::1           10.98.0.2, fd00:98::2
# shellcheck source=tests/lab/guest/lib.sh
. /lab/guest/lib.sh

add_target=/sys/class/infiniband_srp/srp-siw0-1/add_target
target4=10.98.0.2
target6=fd00:98::2
portal_lines=("iwarp_port $target4:$port" "iwarp_port [$target6]:$port")
daemon_lines+=("state_dir $work/state")

# on_target COMMAND...: as root in the target's network namespace.
on_target()
{
	ip netns exec target "$@"
}

# srptd's control socket belongs to its network namespace.
srptctl()
{
	on_target srptctl "$@"
}

# iwarp_net: both sides of the link, and siw on the initiator's.
iwarp_net()
{
	modprobe -a veth siw || fail 'modprobe siw'
	ip netns add target || fail 'ip netns add'
	ip link add i0 type veth peer name t0 netns target || fail 'ip link add'
	ip addr add 10.98.0.1/24 dev i0
	ip addr add 10.98.0.3/24 dev i0
	ip -6 addr add fd00:98::1/64 dev i0 nodad
	on_target ip addr add $target4/24 dev t0
	on_target ip -6 addr add $target6/64 dev t0 nodad
	# Packets as they are on a wire, so that losing one loses 1500 bytes and not 64 KiB.
	ip link set i0 up gso_max_segs 1
	on_target ip link set t0 up gso_max_segs 1
	on_target ip link set lo up
	rdma link add siw0 type siw netdev i0 || fail 'rdma link add'
}

# srptd_start [CONFIG]: as nobody, in a namespace where no RDMA device can be seen.
srptd_start()
{
	install -d -o nobody "$work/state"
	[ ! -b /dev/ram0 ] || chown nobody /dev/ram0
	on_target bash -c 'mount -t tmpfs none /dev/infiniband &&
		exec setpriv --reuid nobody --regid nogroup --clear-groups srptd -f -c "$0"' \
		"${1:-$conf}" >> "$out/srptd.log" 2>&1 &
	srptd_pid=$!
	wait_for 15 srptd_answers && return
	tail -5 "$out/srptd.log"
	fail 'srptd did not start'
}

# iwarp_start: network and target, with the disks described before.
iwarp_start()
{
	need_srptd
	iwarp_net
	target_start
}

# no_verbs: srptd has neither a verbs device nor the RDMA/CM open.
no_verbs()
{
	ls -l "/proc/$srptd_pid/fd" > "$out/srptd.fds"
	! grep -E 'infiniband|uverbs|rdma_cm' "$out/srptd.fds" || fail 'srptd opened an RDMA device'
	expect 'user of srptd' nobody "$(stat -c %U "/proc/$srptd_pid")"
}

# login_string [ADDRESS]: of the target at that address, as it has to be in dest=.
login_string()
{
	srptctl login-info | grep -oE 'id_ext=[^ ]*dest=[^ ]*' |
		grep -F "dest=${1:-$target4}:" | head -1
}

# link_rule TC-ARGUMENTS...: an impairment of both directions; none: a good link again.
link_rule()
{
	local verb=replace

	[ $# -gt 0 ] || verb=del
	say "link: ${*:-good}"
	tc qdisc $verb dev i0 root "$@" && on_target tc qdisc $verb dev t0 root "$@" ||
		fail "tc qdisc $verb $*"
}
