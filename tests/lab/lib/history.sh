# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Functions of the cases in tests/lab/ha that run under load: what is acknowledged is checked at the
# end, and the stalls are measured. Results, as tools/timeline wants them: $LAB_OUT/case,
# $LAB_OUT/history.log; more in write.out, check.out, rtpg.log, rtpg.out, role-nodeN.json.
#
#	history_begin KIND [--sample] [OPTION...]
#	history_event TEXT		what is measured begins now
#	... do it ...
#	history_goes_on SECONDS
#	history_end
# shellcheck source=tests/lab/lib/cluster.sh
. "$LAB/lib/cluster.sh"

# on_initiator [-t SECONDS] COMMAND
on_initiator()
{
	local limit=120

	if [ "$1" = -t ]; then
		limit=$2
		shift 2
	fi
	on 3 -t "$limit" ". /lab/guest/history.sh
$*"
}

case_note()
{
	echo "$1" >> "$LAB_OUT/case"
}

# history_begin KIND [--sample] [OPTION...]: the load. KIND is the row of the table of figures. With
# --sample REPORT TARGET PORT GROUPS is asked by every path all the time; as an initiator that asks
# hears of a change sooner, cases whose stall is compared go without, unless LAB_SAMPLE=yes.
history_begin()
{
	local kind=$1 sample=${LAB_SAMPLE:-no} paths=2 out

	shift
	if [ "${1:-}" = --sample ]; then
		sample=yes
		shift
	fi
	[ "$LAB_KIND" != floating ] || paths=1
	active=$(active_node) || fail 'no node is active before it begins'
	standby=$((3 - active))
	wait_for 60 serves "$active" || fail "node$active does not serve before it begins"
	echo "kind=$kind" > "$LAB_OUT/case"
	case_note "active=node$active"
	case_note "standby=node$standby"
	case_note "sample=$sample"
	# DRBD copies whole extents of 4 MiB after a crash: few of them are written to.
	out=$(on_initiator "history_start $paths $sample --slots 4096 $*" 2>&1) || fail "load: $out"
	mark "load begins, node$active serves"
	trap 'history_abandon' EXIT
	sleep 2
}

# A case that fails before its end leaves nothing that writes, and its logs.
history_abandon()
{
	on_initiator -t 20 'history_save; history_kill' > /dev/null 2>&1
	history_take
}

# history_event TEXT: stalls are measured from here on.
history_event()
{
	since=$EPOCHREALTIME
	case_note "t0=$since"
	mark "$*"
}

history_goes_on()
{
	on_initiator -t $(($1 + 30)) "history_goes_on $1" || fail "no write is acknowledged within $1 s"
	mark 'writes are acknowledged'
}

history_take()
{
	local n dir=$LAB_CLUSTER/node3/share/out/history

	[ ! -d "$dir" ] || { cp "$dir"/* "$LAB_OUT/" && rm -rf "$dir"; }
	for n in 1 2; do
		on $n -t 20 'srptctl --json role' > "$LAB_OUT/role-node$n.json" 2> /dev/null ||
			rm -f "$LAB_OUT/role-node$n.json"
	done
}

# count FILE NAME: the number behind a name in the last line that has it.
count()
{
	sed -n "s/.* $2 \([0-9.]*\).*/\1/p" "$LAB_OUT/$1" 2> /dev/null | tail -n 1
}

# history_end: the load ends; nothing that was acknowledged is lost, torn or stale, the application
# saw no error, no two groups were active at a time.
history_end()
{
	history_stop && return
	grep -E '^(BAD|error|bad|stall|two-active)' "$LAB_OUT"/{check,write,rtpg}.out 2> /dev/null |
		sed "s|^$LAB_OUT/||" | head -n 30
	[ "$(count write.out errors)" = 0 ] ||
		fail "the application saw errors: $(grep -m 1 ^error "$LAB_OUT/write.out")"
	[ "$(count write.out bad-reads)" = 0 ] ||
		fail "a read was wrong: $(grep -m 1 '^bad' "$LAB_OUT/write.out")"
	grep -q ' bad 0$' "$LAB_OUT/check.out" ||
		fail "history: $(grep -m 1 -E '^BAD|history:' "$LAB_OUT/check.out")"
	fail "two groups were active: $(grep -m 1 -E 'two-active|nothing' "$LAB_OUT/rtpg.out")"
}

# The same without a verdict: true when all is as it must be.
history_stop()
{
	local out

	trap - EXIT
	out=$(on_initiator -t 240 history_end 2>&1)
	history_take
	[ -z "$out" ] || say "$out"
	tail -n 1 "$LAB_OUT/write.out"
	tail -n 1 "$LAB_OUT/check.out"
	[ ! -e "$LAB_OUT/rtpg.out" ] || tail -n 1 "$LAB_OUT/rtpg.out"
	[ "$(count write.out errors)" = 0 ] && [ "$(count write.out bad-reads)" = 0 ] &&
		grep -q ' bad 0$' "$LAB_OUT/check.out" || return 1
	[ -e "$LAB_OUT/rtpg.out" ] || return 0
	[ "$(count rtpg.out two-active)" = 0 ] && ! grep -q '^nothing' "$LAB_OUT/rtpg.out"
}

# longest_stall: seconds, of those that ended after the event.
longest_stall()
{
	local t0

	t0=$(sed -n 's/^t0=//p' "$LAB_OUT/case" | tail -n 1)
	awk -v t0="$t0" '$1 == "s" && ($2 + $3) / 1e9 > t0 && $3 > m { m = $3 }
		END { printf "%.2f\n", m / 1e9 }' "$LAB_OUT/history.log"
}

# ---- what is seen of the cluster ---------------------------------------------------------------

# serves NODE: srptd is promoted there, and all is well.
serves()
{
	on "$1" serving 2> /dev/null
}

# promoted_since NODE TIME: srptd has said so. Asking it would take processor time away from what is
# measured; the journal is on the host.
promoted_since()
{
	tail -n 500 "$LAB_CLUSTER/node$1/share/out/journal" | awk -v t="$2" '
		$1 > t && / srptd.* group [^ ]* (promoted,|serves again)/ { ok = 1 }
		END { exit !ok }'
}

# move_unloaded: to the other node, which is left in $to, without a load.
move_unloaded()
{
	to=$(active_node) || fail 'no node is active'
	to=$((3 - to))
	since=$EPOCHREALTIME
	on "$to" "crm resource move drbd-clone node$to" || fail 'crm resource move'
	moved_to "$to" 150
	on "$to" 'crm resource clear drbd-clone' || fail 'crm resource clear'
	wait_redundant 150 || fail 'the cluster is not redundant after a move'
}

# warm_up: there and back, twice. An emulated CPU takes three times as long for code that is new to
# it, and the programs that handle an address are some 80 processes.
warm_up()
{
	local to

	for _ in 1 2 3 4; do
		move_unloaded
	done
}

# moved_to NODE SECONDS: it is promoted within the time, counted from the event or the last move.
moved_to()
{
	wait_for "$2" promoted_since "$1" "$since" || fail "node$1 does not serve within $2 s"
	since=$EPOCHREALTIME
	mark "node$1 serves"
}

# serves_within NODE SECONDS: where it may have served all the time.
serves_within()
{
	local deadline=$((SECONDS + $2))

	until serves "$1"; do
		[ $SECONDS -lt $deadline ] || fail "node$1 does not serve within $2 s"
		sleep 2
	done
	mark "node$1 serves"
}

# was_fenced NODE TIME: its fencing device was used to boot it after the time, or is within a minute: a
# node is turned on some seconds after it was turned off.
was_fenced()
{
	wait_for 60 was_booted "$1" "$2"
}

was_booted()
{
	was_switched "$1" "$2" 'power on'
}

# was_switched NODE TIME [REGEX]: its fencing device did anything with it after the time.
was_switched()
{
	cluster events | awk -v t="$2" -v n="node$1" -v what="${3:-power (on|off)}" \
		'$1 > t && $2 == n && $0 ~ what { ok = 1 } END { exit !ok }'
}

# expect_active NODE
expect_active()
{
	expect 'node where DRBD is Primary' "$1" "$(active_node)"
	wait_for 20 serves "$1" || fail "node$1 does not serve"
}

# one_was_fenced TIME: since then; its number is left in $fenced.
one_was_fenced()
{
	wait_for 90 one_was_booted "$1"
}

one_was_booted()
{
	for fenced in 1 2; do
		! was_booted $fenced "$1" || return 0
	done
	return 1
}

is_off()
{
	[ "$(cluster power "$1" status 2> /dev/null)" = 'Chassis Power is off' ]
}

# history_first_ack: when the longest stall behind the event ended, seconds; of a load that goes on.
history_first_ack()
{
	# shellcheck disable=SC2016  # awk's
	on_initiator 'awk "\$1 == \"s\" && \$3 > m { m = \$3; e = (\$2 + \$3) / 1e9 }
		END { printf \"%.3f\", e }" $history/history.log'
}
