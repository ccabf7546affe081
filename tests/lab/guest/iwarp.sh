# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # used by the cases that include it
# Functions of the cases iwarp-*: the initiator is ib_srp over the kernel's siw; srptd has a network
# namespace of its own, joined to the initiator's by a pair of veth devices, and no RDMA in it.
# Instead of lib.sh: . /lab/guest/iwarp.sh
#
#   initiator: veth i0 with siw0 on it         target: veth t0 in the namespace target
#   10.98.0.1, fd00:98:0::1                    10.98.0.2, fd00:98:0::2
#   a second pair, where a case needs it: i1, siw1 and t1, 10.98.1.*, fd00:98:1::*
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

# iwarp_pair N: veth iN of the initiator with siwN on it, tN of the target.
iwarp_pair()
{
	ip link add "i$1" type veth peer name "t$1" netns target || fail 'ip link add'
	# While DAD holds back the link-local address nobody asks for a neighbour, and ib_srp waits 1 s.
	sysctl -qw "net.ipv6.conf.i$1.accept_dad=0"
	on_target sysctl -qw "net.ipv6.conf.t$1.accept_dad=0"
	ip addr add "10.98.$1.1/24" dev "i$1"
	ip -6 addr add "fd00:98:$1::1/64" dev "i$1" nodad
	on_target ip addr add "10.98.$1.2/24" dev "t$1"
	on_target ip -6 addr add "fd00:98:$1::2/64" dev "t$1" nodad
	# Packets as they are on a wire, so that losing one loses 1500 bytes and not 64 KiB.
	ip link set "i$1" up gso_max_segs 1
	on_target ip link set "t$1" up gso_max_segs 1
	rdma link add "siw$1" type siw netdev "i$1" || fail 'rdma link add'
}

# iwarp_net N...: the namespace and pairs of devices.
iwarp_net()
{
	local n

	modprobe -a veth siw || fail 'modprobe siw'
	ip netns add target || fail 'ip netns add'
	on_target ip link set lo up
	for n; do
		iwarp_pair "$n"
	done
}

# srptd_start: as nobody, in a namespace where no RDMA device can be seen.
srptd_start()
{
	install -d -o nobody "$work/state"
	[ ! -b /dev/ram0 ] || chown nobody /dev/ram0
	# shellcheck disable=SC2016  # $0 and $d are for the inner shell
	ip netns exec target bash -c '
		for d in /dev/infiniband /sys/class/infiniband /sys/class/infiniband_verbs; do
			mount -t tmpfs none $d || exit
		done
		exec setpriv --reuid nobody --regid nogroup --clear-groups srptd -f -c "$0"
		' "$conf" >> "$out/srptd.log" 2>&1 &
	srptd_pid=$!
	wait_for 30 srptd_answers && return
	tail -5 "$out/srptd.log"
	fail 'srptd did not start'
}

# no_verbs: srptd has neither a verbs device nor the RDMA/CM open.
no_verbs()
{
	ls -l "/proc/$srptd_pid/fd" > "$out/srptd.fds"
	! grep -E 'infiniband|uverbs|rdma_cm' "$out/srptd.fds" || fail 'srptd opened an RDMA device'
	expect 'user of srptd' nobody "$(stat -c %U "/proc/$srptd_pid")"
}

# login_string [ADDRESS]: of the target at that address; IPv6 in brackets.
login_string()
{
	srptctl login-info | grep -oE 'id_ext=[^ ]*dest=[^ ]*' | grep -F "dest=${1:-$target4}:" |
		head -1
}

# login_at ADDRESS [PARAMETER...]: log in there; true if that worked. Sets host.
login_at()
{
	local string p

	string=$(login_string "$1")
	[ -n "$string" ] || fail "no login string for $1"
	shift
	for p in "$@" tl_retry_count=6; do
		string+=,$p
	done
	try_login "$string"
}

# login_verify ADDRESS CHANNELS: log in there and verify small and large I/O; size[] says how much.
login_verify()
{
	local bs family=4

	[[ $1 != *:* ]] || family=6
	login_at "$1" ch_count="$2" || fail "login at $1: $(cat "$out/add_target.err")"
	wait_for 10 has_disk 0 || fail "no disk at $1"
	disk=$(disk_of 0)
	expect 'channels' "$2" "$(channels "$host")"
	for bs in 512 4k 1m; do
		fio_verify "$bs-ch$2-v$family" "$disk" "$bs" "${size[$bs]}" --numjobs="$2" \
			--offset_increment=48m
	done
}

# impair DEVICE-NUMBER [NETEM-ARGUMENTS...]: of the link, both directions; none: good again.
impair()
{
	local n=$1 verb=replace

	shift
	[ $# -gt 0 ] || verb=del
	say "link $n: ${*:-good}"
	tc qdisc $verb dev "i$n" root ${1:+netem} "$@" || fail "tc qdisc $verb i$n"
	on_target tc qdisc $verb dev "t$n" root ${1:+netem} "$@" || fail "tc qdisc $verb t$n"
}
