# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What functional tests share: a temporary directory, a daemon of their own, checks. Sourced.
# They run the built programs, without privileges and without RDMA devices, and in parallel.
set -u
build=${top_builddir:?run me by make check}/srpt
work=$(mktemp -d "${TMPDIR:-/tmp}/srpt-test.XXXXXX") || exit 99
socket=srpt-test-${work##*.}
conf=$work/srpt.conf
pid=
job=

cleanup()
{
	[ -z "$pid" ] || kill -KILL "$pid" 2> /dev/null
	[ -z "$job" ] || kill "$job" 2> /dev/null
	rm -rf "$work"
}
trap cleanup EXIT

fail()
{
	echo "FAILED: $*"
	[ ! -s "$work/log" ] || sed 's/^/log: /' "$work/log"
	[ ! -s "$work/out" ] || sed 's/^/out: /' "$work/out"
	[ ! -s "$work/peer" ] || sed 's/^/peer: /' "$work/peer"
	exit 1
}

skip()
{
	echo "skipped: $*"
	exit 77
}

# ctl ARGUMENT...: srptctl with both outputs in $work/out; its exit status.
ctl()
{
	timeout 30 "$build/srptctl" -s "$socket" "$@" > "$work/out" 2>&1
}

# expect STATUS COMMAND...: the command must end with this exit status.
expect()
{
	local want=$1 got

	shift
	"$@"
	got=$?
	[ "$got" = "$want" ] || fail "$*: exit status $got, not $want"
}

# shows REGEX: the last output has it.
shows()
{
	grep -qE -- "$1" "$work/out" || fail "the output does not match '$1'"
}

# within SECONDS COMMAND...: becomes true in this time.
within()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# logged REGEX: the log has it, which a thread of the daemon writes.
logged()
{
	within 10 grep -qE -- "$1" "$work/log" || fail "the log does not match '$1'"
}

answers()
{
	ctl status && grep -q '^state: *running' "$work/out"
}

gone()
{
	! kill -0 "$pid" 2> /dev/null
}

started_or_gone()
{
	answers || gone
}

# daemon_start [OPTION]...: in the foreground, with $conf; returns when it serves.
daemon_start()
{
	"$build/srptd" -f -c "$conf" "$@" > "$work/log" 2>&1 &
	pid=$!
	within 30 started_or_gone
	if gone && grep -q '/dev/shm' "$work/log"; then
		skip "$(grep -m1 '/dev/shm' "$work/log")"
	fi
	answers || fail 'srptd does not start'
}

# By SIGTERM, to which the exit status is 0.
daemon_stop()
{
	local got

	kill -TERM "$pid"
	within 20 gone || fail 'srptd does not end after SIGTERM'
	wait "$pid"
	got=$?
	pid=
	[ "$got" = 0 ] || fail "exit status of srptd after SIGTERM: $got"
}

# conf_head: what every configuration here begins with.
conf_head()
{
	cat << HEAD
DAEMON {
	control_socket $socket
	state_dir $work
	threads_num 2
	buffer_size 8M
}
HEAD
}

# ---- software iWARP ----

id_ext=0002c90300a1b2c4
ioc_guid=0002c90300a1b2c3

# port_choose: into $port one that nobody listens on, below those the kernel gives to
# clients; tests that run at the same time begin to look at different places.
port_choose()
{
	port=$((10000 + ($$ * 7 + RANDOM) % 20000))
	while (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
		port=$((port + 1))
	done
}

# has_ipv6: ::1 is there.
has_ipv6()
{
	grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2> /dev/null
}

# conf_driver [LINE]...: the block TARGET_DRIVER with iWARP on $port of loopback, left open.
conf_driver()
{
	cat << DRIVER
TARGET_DRIVER ib_srpt {
	iwarp_port $port
	ioc_guid $ioc_guid
DRIVER
	printf '\t%s\n' "$@"
}

# conf_target DEVICE: one target with this LUN 0; the end of the block.
conf_target()
{
	cat << END
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 $1
	}
}
END
}

# conf_ram [LINE]...: LUN 0 is a disk of 64 MiB in memory; lines of the driver.
conf_ram()
{
	conf_head
	cat << CONF
HANDLER vdisk_ram {
	DEVICE disk01 {
		size 64M
	}
}
CONF
	conf_driver "$@"
	conf_target disk01
}

# conf_fault LINE...: the same with a disk whose blocks 1000 to 1007 misbehave as the lines say.
conf_fault()
{
	conf_head
	cat << CONF
HANDLER vdisk_fault {
	DEVICE bad {
		size 16M
		fault_lba 1000
		fault_blocks 8
CONF
	printf '\t\t%s\n' "$@"
	printf '\t}\n}\n'
	conf_driver 'iwarp_crc auto'
	conf_target bad
}

# conf_groups: two targets of this node, each in a target group of its own, with one disk of 1 MiB.
conf_groups()
{
	conf_head
	cat << CONF
HANDLER vdisk_ram {
	DEVICE disk01 {
		size 1M
	}
}
CONF
	conf_driver
	cat << CONF
	TARGET srpt0 {
		enabled 1
		rel_tgt_id 11
		id_ext $id_ext
		LUN 0 disk01
	}
	TARGET srpt1 {
		enabled 1
		rel_tgt_id 12
		id_ext $(printf %016x $((0x$id_ext + 1)))
		LUN 0 disk01
	}
}
DEVICE_GROUP dg0 {
	lu_group_id 7
	transition_time 40
	DEVICE disk01 #dg0
	TARGET_GROUP near {
		group_id 1
		state active #near
		TARGET srpt0
	}
	TARGET_GROUP far {
		group_id 2
		TARGET srpt1
	}
	TARGET_GROUP away {
		group_id 3
		state standby
		TARGET elsewhere0 {
			rel_tgt_id 13
		}
		TARGET elsewhere1 {
			rel_tgt_id 14
		}
	}
}
DEVICE_GROUP dg1 {
	TARGET_GROUP away {
		group_id 3
		TARGET elsewhere0 {
			rel_tgt_id 13
		}
	}
}
CONF
}

# conf_cluster [LINE]: behind the disks of ${luns[@]} ("NUMBER NAME" each) a target of this node with
# them and the device group "dg" of a cluster; which has the line; the end of
# the configuration.
conf_cluster()
{
	conf_driver
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		rel_tgt_id 11
$(printf '\t\tLUN %s\n' "${luns[@]}")
	}
}
DEVICE_GROUP dg {
	drbd_resource r0
	$*
	TARGET_GROUP near {
		group_id 1
		TARGET srpt0
	}
	TARGET_GROUP far {
		group_id 2
		TARGET elsewhere0 {
			rel_tgt_id 12
		}
	}
$(printf '\tDEVICE %s\n' "${luns[@]#* }")
}
CONF
}

# conf_disks NUMBER: files in $work/disks, "NUMBER NAME" of each into the array luns.
conf_disks()
{
	local i name

	mkdir -p "$work/disks"
	luns=()
	echo 'HANDLER vdisk_fileio {'
	for ((i = 0; i < $1; i++)); do
		name=$(printf 'disk%02d' $((i + 1)))
		truncate -s 4M "$work/disks/$name"
		printf '\tDEVICE %s {\n\t\tfilename %s\n\t}\n' "$name" "$work/disks/$name"
		luns+=("$i $name")
	done
	echo '}'
}

# roles NUMBER CASE: roles.py, with so many disks.
roles()
{
	port_choose
	{
		conf_head
		conf_disks "$1"
		conf_cluster
	} > "$conf"
	daemon_start
	peer roles "$2"
}

# descriptors: how many the daemon has open.
descriptors()
{
	local open=("/proc/$pid/fd"/*)

	echo ${#open[@]}
}

# ping ARGUMENT...: srp-ping at the target, unless the arguments name another; both outputs
# in $work/out, its exit status.
ping()
{
	timeout 60 "$build/srp-ping" --timeout 20 "$@" > "$work/out" 2>&1
}

# at_target ADDRESS: arguments of srp-ping, into the array $at.
# shellcheck disable=SC2034 # who calls it uses them
at_target()
{
	at=(--id-ext "$id_ext" --ioc-guid "$ioc_guid" "$1:$port")
}

# one_line: the last output is a single line.
one_line()
{
	[ "$(wc -l < "$work/out")" = 1 ] || fail 'not one line'
}

# peer_run PROGRAM [ARGUMENT]...: a program of this directory that talks to the daemon; what it
# prints is in $work/peer.
peer_run()
{
	local program=$1

	shift
	TARGET=127.0.0.1 PORT=$port ID_EXT=$id_ext IOC_GUID=$ioc_guid \
		DISKS=$work/disks SRPTD_PID=$pid SRPTCTL=$build/srptctl SOCKET=$socket CONF=$conf \
		PYTHONDONTWRITEBYTECODE=1 timeout 60 \
		python3 "${top_srcdir:?}/tests/functional/$program.py" "$@" > "$work/peer" 2>&1
}

# peer: the same; it must end with status 0 and leave the daemon alive.
peer()
{
	command -v python3 > /dev/null || skip 'no python3'
	peer_run "$@" || fail "$*"
	cat "$work/peer"
	gone && fail 'srptd is gone'
	return 0
}

# load HOW: in the background, until its sessions work; $job.
load()
{
	command -v python3 > /dev/null || skip 'no python3'
	peer_run load "$1" &
	job=$!
	within 30 grep -qs "under load" "$work/peer" || fail 'no load'
}

# load_done: it saw what it should.
load_done()
{
	wait "$job" || fail 'load'
	job=
	cat "$work/peer"
}

# hostile_target TABLE: srp-ping at a target that breaks the rules; no daemon.
hostile_target()
{
	command -v python3 > /dev/null || skip 'no python3'
	SRP_PING=$build/srp-ping PYTHONDONTWRITEBYTECODE=1 timeout 100 \
		python3 "${top_srcdir:?}/tests/functional/hostile-target.py" "$1" \
		> "$work/peer" 2>&1 || fail "$1"
	cat "$work/peer"
}

# ---- changes under sessions ----

# conf_online: two files, of which LUN 0 is the first; comments mark where lines may come.
conf_online()
{
	conf_head
	cat << CONF
HANDLER vdisk_fileio {
	DEVICE disk01 {
		filename $work/disks/disk01
		#RIGHTS
	}
	DEVICE disk02 {
		filename $work/disks/disk02
		#BLOCKS
	}
}
CONF
	conf_driver
	cat << CONF
	TARGET srpt0 {
		enabled 1
		id_ext $id_ext
		LUN 0 disk01
		#LUNS
	}
}
CONF
}

# online TEST...: of online.py.
online()
{
	port_choose
	mkdir "$work/disks"
	truncate -s 4M "$work/disks/disk01"
	truncate -s 2M "$work/disks/disk02"
	conf_online > "$conf"
	daemon_start
	peer online "$work/disks" "$@"
	daemon_stop
}

# ---- a cluster ----

# replicator CASE: of replicator.py, in namespaces of its own; root is only needed where users
# may not have these.
replicator()
{
	local program spaces=(unshare -Urnm)

	[ -x "$build/../replicator/srp-replicatord" ] || skip 'configured --without-cluster'
	for program in python3 corosync ip unshare nsenter; do
		command -v $program > /dev/null || skip "no $program"
	done
	"${spaces[@]}" true 2> /dev/null || spaces=(unshare -nm)
	"${spaces[@]}" true 2> /dev/null || skip 'namespaces are not allowed here'
	WORK=$work PYTHONDONTWRITEBYTECODE=1 timeout 100 "${spaces[@]}" \
		python3 "${top_srcdir:?}/tests/functional/replicator.py" "$1" > "$work/peer" 2>&1 ||
		fail "$1"
	cat "$work/peer"
}
