# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An InfiniBand fabric of ibsim, with opensm, for one test; sourced behind functional/functions.sh.
# It needs no privileges and no device, and tests may run in parallel: each has a fabric of its
# own. What ibsim does not do by itself is in fabric.c and node.c beside this file.
#
# Rules of the simulation: one HCA per node, it has one port and is called ibsim0, umad0; programs
# on a node are started with on_node. A node whose name begins with Target is one with device
# management. A MAD to a node where nobody listens to its class ends the program there.
# shellcheck disable=SC2034,SC2154 # work, build, pid: of functions.sh

export IBSIM_SOCKNAME=srpt-ibsim-${work##*.}
PATH=$PATH:/usr/sbin:/sbin # where opensm and srp_daemon are
fabric_pids=()
fabric_at=$work/fabric # where the programs on the fabric run
net=$work/net          # the topology, as ibsim(8) has it
umad2sim=

fabric_cleanup()
{
	# What speaks to ibsim goes first.
	for ((i = ${#fabric_pids[@]} - 1; i >= 0; i--)); do
		kill -KILL "${fabric_pids[i]}" 2> /dev/null
	done
	cleanup
}
trap fabric_cleanup EXIT

# topology SWITCH [NODE]...: one switch and its nodes, at ports 1, 2, …; for $net.
topology()
{
	local switch=$1 port=0 node

	shift
	printf 'Switch\t%d "%s"\n' $(($# + 4)) "$switch"
	for node; do
		printf '[%d]\t"%s"[1]\n' $((++port)) "$node"
	done
	port=0
	for node; do
		printf '\nHca\t1 "%s"\n[1]\t"%s"[%d]\n' "$node" "$switch" $((++port))
	done
}

# fabric_start [OPTION OF OPENSM]...: the fabric of $net, with opensm at the node Sm.
# Returns when the subnet is up. GUIDs are in the order of the file: nodes 0x100000, 0x100002, …,
# their ports one more; switches 0x200000, ….
fabric_start()
{
	local lib

	for lib in /usr/lib/*/umad2sim /usr/lib64/umad2sim /usr/lib/umad2sim; do
		[ ! -e "$lib/libumad2sim.so" ] || umad2sim=$lib/libumad2sim.so
	done
	[ -n "$umad2sim" ] || fail 'there is no libumad2sim.so: packaging/install-needed'
	mkdir -p "$fabric_at/cache"
	mkfifo "$fabric_at/console"
	exec 9<> "$fabric_at/console" # ibsim reads it
	(cd "$fabric_at" && LD_PRELOAD=$top_builddir/tests/ibsim/fabric.so \
		exec ibsim -s -f out "$net" <&9 > ibsim.log 2>&1) &
	fabric_started
	within 60 grep -q 'Network simulator ready' "$fabric_at/out" 2> /dev/null ||
		fail "ibsim does not start: $(tail -n 3 "$fabric_at/ibsim.log")"
	sm_start "$@"
	within 60 subnet_up || fail "no subnet: $(tail -n 3 "$fabric_at/opensm.out")"
}

# The SA answers, which it does when the subnet is up.
subnet_up()
{
	on_node Sm saquery -t 500 PIR 1 > "$fabric_at/pir" 2>&1
}

# sm_start [OPTION OF OPENSM]...: with a light sweep every second unless -s says otherwise.
sm_start()
{
	OSM_CACHE_DIR=$fabric_at/cache OSM_TMP_DIR=$fabric_at/cache \
		node_exec Sm opensm -f "$fabric_at/opensm.log" -s 1 "$@" > "$fabric_at/opensm.out" 2>&1 &
	fabric_started
	sm_pid=$!
}

sm_gone()
{
	! kill -0 "$sm_pid" 2> /dev/null
}

sm_stop()
{
	kill -TERM "$sm_pid"
	within 60 sm_gone || fail 'opensm does not end'
}

# fabric_started: what was just started in the background ends with the test, the last one first.
fabric_started()
{
	fabric_pids+=($!)
	disown "$!" # the shell need not tell of its end
}

# node_exec NODE COMMAND...: becomes this command, on this node; $preload is loaded as well.
node_exec()
{
	cd "$fabric_at" && exec env SIM_HOST="$1" LD_PRELOAD="${preload:+$preload:}$umad2sim" \
		"${@:2}" 9>&-
}

# on_node NODE COMMAND...: its exit status; 124 when it takes more than a minute.
on_node()
{
	(cd "$fabric_at" && exec timeout 60 env SIM_HOST="$1" \
		LD_PRELOAD="${preload:+$preload:}$umad2sim" "${@:2}" 9>&-)
}

# console COMMAND: to ibsim, such as 'Unlink "Target"[1]' and 'ReLink "Target"[1]'.
console()
{
	echo "$*" >&9
}

# port_shows NODE ROUTE PORT REGEX: what smpquery at this node tells of a port matches, by its
# directed route, such as 0,1: behind port 1 of the node.
port_shows()
{
	on_node "$1" smpquery -D portinfo "$2" "$3" > "$fabric_at/port" 2>&1
	grep -qE -- "$4" "$fabric_at/port"
}

# ---- srptd and srp_daemon ----

# login ID_EXT PKEY [NODE-PORT-GUID [PORT]]: the line for add_target that srp_daemon has to find;
# of the second node of the topology, port 5555, unless said otherwise.
login()
{
	printf 'id_ext=%s,ioc_guid=%s,dgid=fe80000000000000%016x,pkey=%s,service_id=%016x\n' \
		"$1" "$ioc_guid" "${3:-0x100003}" "$2" $((0x13f0000 + ${4:-5555}))
}

# ib_target NAME ID_EXT PORTAL...: a TARGET with a disk and these portals.
ib_target()
{
	local portal

	printf '\tTARGET %s {\n\t\tenabled 1\n\t\tid_ext %s\n' "$1" "$2"
	for portal in "${@:3}"; do
		printf '\t\tportal %s\n' "$portal"
	done
	printf '\t\tLUN 0 disk\n\t}\n'
}

# ib_conf < TARGETS: a configuration with a disk and these targets.
ib_conf()
{
	conf_head
	printf 'HANDLER vdisk_ram {\n\tDEVICE disk {\n\t\tsize 1M\n\t}\n}\n'
	printf 'TARGET_DRIVER ib_srpt {\n\tioc_guid %s\n' "$ioc_guid"
	cat
	printf '}\n'
}

# target_start [NODE]: srptd with $conf, on this node; in place of daemon_start.
target_start()
{
	target_exec "${1:-Target}" > "$work/log" 2>&1 &
	pid=$!
	within 60 started_or_gone
	answers || fail 'srptd does not start'
}

# target_exec NODE: becomes srptd. Built with a sanitizer, that has to be loaded first; umad2sim frees
# nothing at its end, and reads more of a packet than there is.
target_exec()
{
	local sanitizer

	sanitizer=$(ldd "$build/srptd" | sed -nE 's/.*=> (.*lib[at]san\.[^ ]*).*/\1:/p')
	echo interceptor_via_lib:libumad2sim > "$work/suppressions"
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0:suppressions=$work/suppressions
	export ASAN_OPTIONS
	preload=$sanitizer$top_builddir/tests/ibsim/node.so
	node_exec "$1" "$build/srptd" -f -c "$conf"
}

# initiator_exec COMMAND...: becomes srp_daemon on the node Initiator; what it would log in to is
# added to $added.
added=$fabric_at/add_target
initiator_exec()
{
	mkdir -p "$fabric_at/scsi_host"
	export NODE_ADD_TARGET=$added NODE_SCSI_HOST=$fabric_at/scsi_host
	preload=$top_builddir/tests/ibsim/verbs.so:$top_builddir/tests/ibsim/node.so
	node_exec Initiator "$@"
}

# on_initiator COMMAND...: srp_daemon or ibsrpdm on the node Initiator, output in $work/out.
on_initiator()
{
	(initiator_exec timeout 60 "$@") > "$work/out" 2> "$work/err"
}

# added_is [FILE]: what was added is the lines of this file, in any order; all of $work/login.
added_is()
{
	[ -e "$added" ] && (cat "$added"; echo) | sort | cmp -s - "${1:-$work/login}"
}

# finds COMMAND...: srp_daemon on the initiator comes to print the lines of $work/login, in any order.
found()
{
	on_initiator "$@" && sort "$work/out" | cmp -s - "$work/login"
}
finds()
{
	within 60 found "$@" || fail "$*: prints something else than $(cat "$work/login")"
}
