# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Functions of the cases in tests/lab/ha, which run on the host, and of what runs them.
#
# LAB is tests/lab, LAB_CLUSTER the directory of the cluster, LAB_OUT that of the case's results.

# cluster VERB [WORD...]: tests/lab/cluster for this cluster.
cluster()
{
	local verb=$1

	shift
	"$LAB/cluster" "$verb" "$LAB_CLUSTER" "$@"
}

# on NODE [-t SECONDS] COMMAND: in the VM, with the functions of guest/cluster.sh.
on()
{
	local node=$1 limit=120

	shift
	if [ "$1" = -t ]; then
		limit=$2
		shift 2
	fi
	cluster exec "$node" -t "$limit" ". /lab/guest/cluster.sh
$*"
}

say()
{
	echo "[$EPOCHREALTIME] $*"
}

# The reason of a failure goes to a file from which the result line is made.
fail()
{
	say "FAILED: $*"
	[ -s "$LAB_OUT/reason" ] || echo "$*" > "$LAB_OUT/reason"
	exit 1
}

skip()
{
	say "skipped: $*"
	echo "$*" > "$LAB_OUT/reason"
	exit 77
}

# mark TEXT: into the log and the events.
mark()
{
	say "$*"
	cluster mark "$*"
}

# wait_for SECONDS COMMAND...: until the command succeeds; false after the deadline.
wait_for()
{
	local deadline=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.2
	done
}

# expect WHAT EXPECTED ACTUAL
expect()
{
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

node_is_up()
{
	[ "$(cluster power "$1" status 2> /dev/null)" = 'Chassis Power is on' ]
}

is_primary()
{
	on "$1" "drbd_is '* ro:Primary/*'" 2> /dev/null
}

# active_node: the number of the one where DRBD is promoted; false when there is none.
active_node()
{
	local n

	for n in 1 2; do
		if is_primary $n; then
			echo $n
			return
		fi
	done
	return 1
}

# wait_redundant [SECONDS]: both nodes in the cluster, all data on both, one instance of each clone
# promoted and one not.
wait_redundant()
{
	local seconds=${1:-150} n

	for n in 1 2; do
		on $n -t "$seconds" "poll=2; wait_for $seconds both_online && wait_for $seconds drbd_redundant &&
			wait_for $seconds clones_complete" 2> /dev/null && return
	done
	return 1
}

# ---- bring-up --------------------------------------------------------------------------------

# recipe WORD...: what conf/cluster/setup prints for the lab. The kind drbd is alua without the
# target itself.
recipe()
{
	local dir=$LAB_CLUSTER/recipes

	if [ ! -d "$dir" ]; then
		mkdir -p "$dir" && cp -r "$LAB/../../conf/cluster" "$LAB/../../conf/target" "$dir/"
		cp "$LAB/ha.site" "$dir/site"
		if [ "$kind" = drbd ]; then
			sed -i '/^primitive srpt /,$d' "$dir/cluster/crm"
		fi
	fi
	[ "$kind" != floating ] || set -- --floating "$@"
	sh "$dir/cluster/setup" --site "$dir/site" "$@"
}

# cluster_configure KIND: from three fresh VMs to a cluster that serves; alua, pcs (the same with the
# other recipe), floating or drbd.
cluster_configure()
{
	local kind=$1 dir=$LAB_CLUSTER n token pid status=0
	local -a pids=()

	read -r token < "$dir/token"
	rm -rf "$dir/recipes"
	mkdir -p "$dir/etc"
	recipe --corosync > "$dir/etc/corosync.conf" &&
		sed -i "s/token: 5000/token: $token/" "$dir/etc/corosync.conf" &&
		recipe --drbd > "$dir/etc/r0.res" && recipe --crm > "$dir/etc/crm" &&
		recipe --pcs > "$dir/etc/pcs" || return 1
	if [ "$kind" != drbd ]; then
		recipe --target > "$dir/etc/srpt.conf" && recipe --portals > "$dir/etc/portals" ||
			return 1
	fi
	head -c 256 /dev/urandom > "$dir/etc/authkey"
	for n in 1 2 3; do
		rm -rf "$dir/node$n/share/etc"
		cp -r "$dir/etc" "$dir/node$n/share/" || return 1
		on $n -t 900 "/lab/guest/cluster-setup $kind" > "$dir/setup-node$n.log" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	if [ $status != 0 ]; then
		tail -n 10 "$dir"/setup-node?.log
		return 1
	fi
	wait_redundant 600 || { echo 'the cluster does not become redundant'; return 1; }
	case $kind in
	alua|pcs) on 3 'wait_for 300 map_with 2' || { echo 'the initiator has no two paths'; return 1; } ;;
	floating) on 3 'wait_for 300 map_with 1' || { echo 'the initiator has no path'; return 1; } ;;
	esac
}
