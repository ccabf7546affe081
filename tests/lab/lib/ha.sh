# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154  # variables of tests/lab/run, which includes this
# How tests/lab/run runs the cases of tests/lab/ha: scripts on the host, with a cluster that stays
# from case to case as long as it is whole.

# shellcheck source=tests/lab/lib/cluster.sh
. "$here/lib/cluster.sh"
export LAB=$here LAB_CLUSTER='' LAB_OUT='' LAB_KIND=''
ha_kind='' ha_repeats=''

# ha_up KIND: a cluster that serves; false, with the reason in $LAB_OUT/reason, when there is none.
ha_up()
{
	local begin=$SECONDS ready
	local -a opt=(--life 7200)

	[ -z "$deb" ] || opt+=(--deb "$deb")
	[ -z "$tree" ] || opt+=(--tree "$tree")
	export LAB_CLUSTER=$results/cluster
	ha_take_over "$1" && return
	"$here/cluster" start "$LAB_CLUSTER" "${opt[@]}" > "$results/cluster.log" 2>&1 || {
		echo "the VMs did not start: $(tail -n 1 "$results/cluster.log")" > "$LAB_OUT/reason"
		return 1
	}
	ready=$SECONDS
	cluster_configure "$1" >> "$results/cluster.log" 2>&1 || {
		echo "no working cluster: $(tail -n 1 "$results/cluster.log")" > "$LAB_OUT/reason"
		ha_logs
		ha_down broken
		return 1
	}
	echo "lab: cluster $1: VMs after $((ready - begin)) s, redundant after $((SECONDS - begin)) s"
	ha_kind=$1
	echo "$1" > "$LAB_CLUSTER/kind"
}

# ha_take_over KIND: the cluster that an earlier run --keep has left in this directory, with the
# guest's part of the lab as it is now.
ha_take_over()
{
	local n left kind

	[ -n "$keep" ] && read -r kind 2> /dev/null < "$LAB_CLUSTER/kind" && [ "$kind" = "$1" ] &&
		left=$(($(cat "$LAB_CLUSTER/end") - EPOCHSECONDS)) && [ $left -gt 600 ] &&
		node_is_up 1 && node_is_up 2 || return 1
	for n in 1 2 3; do
		cp -r "$here/guest" "$LAB_CLUSTER/node$n/share/" || return 1
	done
	ha_settle > "$LAB_OUT/settle.log" 2>&1 || return 1
	echo "lab: cluster $1 of an earlier run, for $left s"
	ha_kind=$1
}

ha_down()
{
	[ -n "$LAB_CLUSTER" ] && { [ -z "$keep" ] || [ -n "${1:-}" ]; } || return 0
	rm -f "$LAB_CLUSTER/kind"
	"$here/cluster" stop "$LAB_CLUSTER"
	cat "$LAB_CLUSTER/events" >> "$results/events" 2> /dev/null
	LAB_CLUSTER='' ha_kind=''
}

# Where the journals and the events stand.
ha_sizes()
{
	local n

	for n in 1 2 3; do
		journal_begin[n]=$(stat -c %s "$LAB_CLUSTER/node$n/share/out/journal" || echo 0)
	done
	events_begin=$(stat -c %s "$LAB_CLUSTER/events" || echo 0)
}

# What there is to look at after a case: all since it began.
ha_logs()
{
	local n

	for n in 1 2 3; do
		on $n -t 30 'report_state' > "$LAB_OUT/state-node$n" 2>&1 &
	done
	wait
	for n in 1 2 3; do
		tail -c +$((${journal_begin[n]:-0} + 1)) "$LAB_CLUSTER/node$n/share/out/journal" \
			> "$LAB_OUT/node$n.journal"
		grep ' kernel: ' "$LAB_OUT/node$n.journal" > "$LAB_OUT/dmesg-node$n"
	done
	tail -c +$((${events_begin:-0} + 1)) "$LAB_CLUSTER/events" > "$LAB_OUT/events"
	sort -n "$LAB_OUT"/node?.journal > "$LAB_OUT/journal"
	[ ! -s "$LAB_OUT/history.log" ] || [ ! -s "$LAB_OUT/case" ] ||
		"$here/tools/timeline" stall --json "$LAB_OUT" > "$LAB_OUT/figures.json"
}

ha_reason()
{
	[ -s "$LAB_OUT/reason" ] || echo "$*" > "$LAB_OUT/reason"
}

# What must not be in the logs of any case. In-kernel DRBD 8.4 itself gives one warning of RCU when
# it has fenced its peer.
ha_check()
{
	local core faults

	for core in "$LAB_CLUSTER"/node?/share/out/core.*; do
		[ -e "$core" ] || continue
		mv "$core" "$LAB_OUT/"
		ha_reason "${core##*/} was left"
		rc=1
	done
	faults=$(cat "$LAB_OUT"/dmesg-node? | grep -E 'BUG:|Oops|general protection|WARNING: |refcount_t:' |
		grep -v 'rcu_note_context_switch')
	if [ -n "$faults" ]; then
		ha_reason "kernel: $(head -n 1 <<< "$faults")"
		rc=1
	fi
	[ "$rc" = 0 ] || ! grep -q 'rxe_reg_fast_mr.*not free' "$LAB_OUT/dmesg-node3" ||
		echo "(rxe_reg_fast_mr ... not free: a fault of soft-RoCE, not of the target)" \
			>> "$LAB_OUT/reason"
}

# Make the cluster whole again for the next case; false when that does not succeed.
ha_settle()
{
	local n net

	for n in 1 2 3; do
		"$here/cluster" resume "$LAB_CLUSTER" $n > /dev/null 2>&1
		cluster power $n status | grep -qw on || cluster power $n on > /dev/null
		for net in san ring repl; do
			{ [ $n = 3 ] && [ $net != san ]; } || cluster link $net $n heal
		done
	done
	on 1 'timeout 30 crm_resource --cleanup' > /dev/null 2>&1
	wait_redundant 300
}

# What the stalls of all runs were spent on, and medians.
ha_figures()
{
	local f
	local -a dirs=()

	for f in "$results"/*/figures.json; do
		[ ! -s "$f" ] || dirs+=("${f%/*}")
	done
	[ ${#dirs[@]} = 0 ] || "$here/tools/timeline" stall "${dirs[@]}"
}

# ---- a host that stands still ------------------------------------------------------------------
# One that is a virtual machine itself may: then a node is fenced that was only stopped, and a case
# that fails says nothing.

# pauses_watch: a line for each time in which this process, which needs next to nothing, was not
# run for two seconds. No process is started. It ends with the run, however that ends.
pauses_watch()
{
	local fd now last=${EPOCHREALTIME/./}

	exec {fd}<> <(:)
	while read -r -t 0.25 -u "$fd"; [ $? -gt 128 ] && [ -d "/proc/$$" ]; do
		now=${EPOCHREALTIME/./}
		[ $((now - last)) -lt 2000000 ] ||
			echo "the host stood still for $(((now - last) / 1000)) ms"
		last=$now
	done
}

# ha_again NAME LABEL: a case that failed in such a time is run once more; false: it is not.
ha_again()
{
	[ -s "$LAB_OUT/pauses" ] && [ -z "$ha_repeats" ] || return 1
	echo "lab: $2 failed, but $(head -n 1 "$LAB_OUT/pauses"): once more"
	rm -rf "$LAB_OUT.paused" && mv "$LAB_OUT" "$LAB_OUT.paused"
	ha_down broken
	ha_repeats=yes run_ha_case "$1" "$2"
}

# run_ha_case NAME [LABEL]: its results are in NAME, those of its second run NAME.2, and so on.
run_ha_case()
{
	local name=$1 kind limit rc=0 start=$SECONDS label=${2:-} watcher
	local -a journal_begin
	local events_begin

	[ -n "$label" ] || label_of "$name"
	LAB_OUT=$results/$label
	rm -rf "$LAB_OUT" && mkdir -p "$LAB_OUT"
	kind=$(case_field "$name" cluster)
	kind=${kind:-alua}
	LAB_KIND=$kind
	limit=$(case_field "$name" limit)
	[ "$ha_kind" = "$kind" ] || ha_down other
	pauses_watch > "$LAB_OUT/pauses" &
	watcher=$!
	if [ -z "$ha_kind" ] && ! ha_up "$kind"; then
		kill $watcher
		ha_again "$name" "$label" && return
		result "$label" 1 $((SECONDS - start))
		return
	fi
	start=$SECONDS
	ha_sizes
	cluster mark "case $name begins"
	setsid timeout -k 5 "${limit:-240}" bash "$here/ha/$name" > "$LAB_OUT/log" 2>&1 < /dev/null
	rc=$?
	kill $watcher
	cluster mark "case $name ends"
	case $rc in
	0|77) ;;
	124|137) ha_reason "not done after ${limit:-240} s"; rc=1 ;;
	*) ha_reason "exit code $rc"; rc=1 ;;
	esac
	ha_logs
	ha_check
	if [ $rc != 0 ] && [ $rc != 77 ] && ha_again "$name" "$label"; then
		return
	fi
	result "$label" $rc $((SECONDS - start))
	if [ $rc != 0 ] && [ $rc != 77 ] && [ -z "$keep" ]; then
		ha_down broken # what it has changed, and not changed back, is not known
		return
	fi
	ha_settle > "$LAB_OUT/settle.log" 2>&1 && return
	echo "lab: $label leaves a cluster that does not become whole again"
	ha_down broken
}
