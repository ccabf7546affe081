# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2119,SC2120  # used by the cases that include it
# Functions of the cases; runs in the VM. Include it first: . /lab/guest/lib.sh
#
# A case describes its disks (disk), starts the target (target_start), logs in (login), looks or
# does I/O, and ends; guest/run-case cleans up after it. LAB_TARGET=lio in the environment runs a
# case against the kernel's own ib_srpt instead of srptd, as far as that has what the case needs.

target=${LAB_TARGET:-srptd}
out=${LAB_OUT:-/lab/out}
conf=$out/srpt.conf
work=/var/tmp/lab
port=5555
add_target=/sys/class/infiniband_srp/srp-rxe0-1/add_target
disks=() daemon_lines=() driver_lines=() target_lines=()
portal_lines=("rdma_cm_port $port")
PATH=$PATH:/lab/bin
mkdir -p "$out" "$work"

say()
{
	echo "[$(cut -d' ' -f1 /proc/uptime)] $*"
}

# The reason of a failure goes to a file from which the result line is made.
fail()
{
	say "FAILED: $*"
	[ -s "$out/reason" ] || echo "$*" > "$out/reason"
	exit 1
}

skip()
{
	say "skipped: $*"
	echo "$*" > "$out/reason"
	exit 77
}

need_srptd()
{
	[ "$target" = srptd ] || skip "only for srptd"
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

gone()
{
	[ ! -e "$1" ]
}

# A module stays in use for a moment, for instance by udev.
unload()
{
	[ ! -e "/sys/module/$1" ] || rmmod "$1"
}

# expect WHAT EXPECTED ACTUAL
expect()
{
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# expect_match WHAT REGEX FILE: some line of the file matches.
expect_match()
{
	grep -qE -- "$2" "$3" || fail "$1: nothing matches '$2' in ${3##*/}"
}

# run_ok LOG COMMAND...: the command must succeed; its output goes to $out/LOG.
run_ok()
{
	local log=$out/$1

	shift
	say "+ $*"
	"$@" > "$log" 2>&1 && return
	tail -20 "$log"
	fail "$1 failed, see ${log##*/}"
}

# mark: what the logs have so far does not count in the next expect_said.
mark()
{
	marks=$((${marks:-0} + 1))
	echo "lab: mark $marks" > /dev/kmsg
	marked=$(wc -l < "$out/srptd.log" 2> /dev/null || echo 0)
}

# said initiator|srptd REGEX: since the last mark, or since the case began.
said()
{
	if [ "$1" = srptd ]; then
		tail -n +$((${marked:-0} + 1)) "$out/srptd.log"
	else
		dmesg | tac | sed -E '/lab: (mark|.* begins)/q'
	fi | grep -E -- "$2" > "$out/said"
}

# expect_said initiator|srptd REGEX: within 5 s. Only srptd's own log is looked at, not LIO's.
expect_said()
{
	[ "$1:$target" != srptd:lio ] || return 0
	wait_for 5 said "$1" "$2" || fail "log of $1: nothing matches '$2'"
	say "$1: $(head -1 "$out/said")"
}

n_sessions()
{
	[ "$(srptctl --json sessions | jq length)" = "$1" ]
}

expect_sessions()
{
	[ "$target" = srptd ] || return 0
	wait_for 10 n_sessions "$1" || fail "not $1 session(s): $(srptctl --json sessions)"
}

rport_running()
{
	[ "$(cat "$(rport_of "${1:-$host}")/state")" = running ]
}

# --- the target ----------------------------------------------------------------------------

# ram_disk MIB: a RAM-backed block device, /dev/ram0.
ram_disk()
{
	wait_for 10 unload brd || fail "rmmod brd"
	modprobe brd rd_nr=1 rd_size=$(($1 * 1024)) || fail "modprobe brd"
	[ ! -d /run/systemd/system ] || udevadm settle
}

# disk NAME HANDLER FILENAME [CONFIG LINE...]: export it as the next LUN.
disk()
{
	local name=$1 handler=$2 file=$3

	shift 3
	disks+=("$name|$handler|$file|$(printf '%s;' "$@")")
}

# The configuration of the disks described so far, one target srpt0 that shows them to everybody.
# portal_lines says where it listens; daemon_lines, driver_lines and target_lines are arrays of
# further lines.
write_config()
{
	local entry name handler file lines lun=0

	for entry in "${disks[@]}"; do
		IFS='|' read -r name handler file lines <<< "$entry"
		echo "HANDLER $handler {"
		echo "	DEVICE $name {"
		[ -z "$file" ] || echo "		filename $file"
		tr ';' '\n' <<< "$lines" | sed '/^$/d;s/^/\t\t/'
		printf '\t}\n}\n'
	done
	printf 'DAEMON {\n'
	[ ${#daemon_lines[@]} = 0 ] || printf '\t%s\n' "${daemon_lines[@]}"
	printf '}\nTARGET_DRIVER ib_srpt {\n'
	printf '\t%s\n' "${portal_lines[@]}"
	[ ${#driver_lines[@]} = 0 ] || printf '\t%s\n' "${driver_lines[@]}"
	printf '\tTARGET srpt0 {\n\t\tenabled 1\n\t\trel_tgt_id 1\n'
	for entry in "${disks[@]}"; do
		echo "		LUN $lun ${entry%%|*}"
		lun=$((lun + 1))
	done
	[ ${#target_lines[@]} = 0 ] || printf '\t\t%s\n' "${target_lines[@]}"
	printf '\t}\n}\n'
}

srptd_answers()
{
	srptctl status > /dev/null 2>&1
}

# srptd_start [CONFIG]: returns when it answers srptctl.
srptd_start()
{
	srptd -f -c "${1:-$conf}" >> "$out/srptd.log" 2>&1 &
	srptd_pid=$!
	wait_for 15 srptd_answers && return
	tail -5 "$out/srptd.log"
	fail "srptd did not start"
}

# srptd_stop: SIGTERM, exit code must be 0 within 20 s.
srptd_stop()
{
	kill -TERM "$srptd_pid" || fail "srptd was not running"
	wait_for 20 gone "/proc/$srptd_pid/fd/0" || fail "srptd did not end after SIGTERM"
	wait "$srptd_pid"
	expect "exit code of srptd after SIGTERM" 0 $?
}

# target_start: with the disks described before.
target_start()
{
	if [ "$target" = lio ]; then
		/lab/guest/lio start "$port" "${disks[@]}" || fail "LIO did not start"
		return
	fi
	write_config > "$conf"
	srptd_start
}

# login_string: what to write to add_target for the first target.
login_string()
{
	local guid

	if [ "$target" = lio ]; then
		guid=$(/lab/guest/lio guid)
		echo "id_ext=$guid,ioc_guid=$guid,dest=10.99.0.1:$port"
	else
		srptctl login-info | grep -oE 'id_ext=[^ ]*dest=10\.99\.0\.1:[0-9]+' | head -1
	fi
}

# --- the initiator -------------------------------------------------------------------------

# initiator PARAMETER=VALUE...: load ib_srp anew. Retries are below 7, which rxe takes for ever.
initiator()
{
	wait_for 10 unload ib_srp || fail "rmmod ib_srp"
	modprobe ib_srp "$@" || fail "modprobe ib_srp $*"
	wait_for 5 test -e "$add_target" || fail "no $add_target"
}

srp_hosts()
{
	local h

	for h in /sys/class/scsi_host/host*; do
		[ ! -e "$h/id_ext" ] || echo "${h##*/}"
	done
}

# login_answered STRING: write to add_target once. False when ib_srp still knows an earlier login to
# this target: for a moment after its SCSI host is gone, and the target hears nothing of it.
login_answered()
{
	echo "$1" 2> "$out/add_target.err" > "$add_target" ||
		! grep -q 'File exists' "$out/add_target.err"
}

# try_login STRING: write to add_target; false when the login is refused. Sets host.
try_login()
{
	local before after

	before=$(srp_hosts)
	say "add_target $1"
	wait_for 10 login_answered "$1" || fail 'ib_srp does not forget an earlier login'
	[ ! -s "$out/add_target.err" ] || return 1
	after=$(srp_hosts)
	host=$(comm -13 <(sort <<< "$before") <(sort <<< "$after"))
	[ -n "$host" ]
}

# login [PARAMETER...]: log in to the first target and wait for LUN 0.
login()
{
	local string p

	[ -e /sys/module/ib_srp ] || initiator
	string=$(login_string)
	[ -n "$string" ] || fail "no login string for 10.99.0.1"
	for p in "${@:-tl_retry_count=6}"; do
		string+=,$p
	done
	[[ $string == *tl_retry_count* ]] || string+=,tl_retry_count=6
	try_login "$string" || fail "login refused: $(cat "$out/add_target.err")"
	wait_for 10 has_disk 0 || fail "no disk for LUN 0"
	disk=$(disk_of 0)
}

# disk_of LUN [HOST]: /dev/sdX
disk_of()
{
	local d

	for d in /sys/class/scsi_host/"${2:-$host}"/device/target*/*:*:*:"$1"/block/sd*; do
		[ -e "$d" ] && echo "/dev/${d##*/}" && return
	done
	return 1
}

has_disk()
{
	local d

	d=$(disk_of "$@") && [ -b "$d" ]
}

# sg_of LUN [HOST]: /dev/sgN
sg_of()
{
	local d

	for d in /sys/class/scsi_host/"${2:-$host}"/device/target*/*:*:*:"$1"/scsi_generic/sg*; do
		[ -e "$d" ] && echo "/dev/${d##*/}" && return
	done
	return 1
}

# rport_of HOST: its directory in /sys/class/srp_remote_ports
rport_of()
{
	echo "/sys/class/srp_remote_ports/port-${1#host}:1"
}

# command_timeout DISK SECONDS: a lost command is noticed after this time instead of after 30 s.
command_timeout()
{
	echo "$2" > "/sys/block/${1#/dev/}/device/timeout"
}

# logout [HOST]: from the initiator; returns when the SCSI host is gone.
logout()
{
	local h=${1:-$host}

	echo 1 > "$(rport_of "$h")/delete"
	wait_for 30 gone "/sys/class/scsi_host/$h" || fail "$h did not go away"
}

# channels of a host, as the initiator has them
channels()
{
	cat "/sys/class/scsi_host/$1/ch_count"
}

# peer KIND: what the target does to an initiator that misbehaves so, see helpers/srp-peer.c.
peer()
{
	local string id guid

	string=$(login_string)
	id=${string#*id_ext=}
	guid=${string#*ioc_guid=}
	timeout 30 srp-peer 10.99.0.1 "$port" "${id%%,*}" "${guid%%,*}" "$1" 2>&1
}

# --- the initiator in user space ------------------------------------------------------------

# srp_ping LOG EXIT-CODE OPTION...: over verbs; output in $out/LOG, standard error in $out/LOG.err.
srp_ping()
{
	local log=$1 want=$2 rc

	shift 2
	say "+ srp-ping $*"
	timeout 100 srp-ping --transport verbs --timeout 30 "$@" > "$out/$log" 2> "$out/$log.err"
	rc=$?
	expect "$log: exit code, $(tail -1 "$out/$log.err")" "$want" $rc
}

# srp_ping_refused LOG EXIT-CODE REGEX OPTION...: one line says why.
srp_ping_refused()
{
	local log=$1 want=$2 why=$3

	shift 3
	srp_ping "$log" "$want" "$@"
	expect "$log: lines" 1 "$(wc -l < "$out/$log.err")"
	expect_match "$log" "$why" "$out/$log.err"
	say "$(cat "$out/$log.err")"
}

# --- I/O -----------------------------------------------------------------------------------

# fio_verify NAME DISK BS SIZE [OPTION...]: write at random, read back, compare checksums.
fio_verify()
{
	local name=$1 file=$2 bs=$3 size=$4

	shift 4
	run_ok "fio-$name.log" fio --name="$name" --filename="$file" --allow_file_create=0 \
		--direct=1 --rw=randrw --bs="$bs" --size="$size" --ioengine=libaio --iodepth=16 --verify=crc32c \
		--verify_fatal=1 --verify_backlog=64 --randrepeat=0 "$@"
	fio_clean "fio-$name.log"
}

# keep_verifying NAME DISK BS SIZE [OPTION...]: fio_verify, one after the other until enough is said,
# however slow the machine is; the first error ends it. In the background.
keep_verifying()
{
	until [ -e "$work/enough" ]; do
		fio_verify "$@" --time_based --runtime=5
	done
}

enough()
{
	touch "$work/enough"
}

# fio ends with 0 after some errors; the per-job line tells.
fio_clean()
{
	grep -q 'err= 0' "$out/$1" || fail "$1: no clean job"
	! grep -E 'err=[[:space:]]*[1-9]|verify:.*bad|crc32c: verify failed' "$out/$1" ||
		fail "$1 reports errors"
}
