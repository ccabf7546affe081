# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154  # variables of tests/lab/run, which includes this
# How tests/lab/run runs the cases of tests/lab/cases: each in a virtual machine that stays from case
# to case, several machines at a time. A worker is a process with a machine of its own; it takes
# the next case from $results/queue and writes a word for the totals to $results/totals.
vm='' vm_kind='' vm_since=0
vm_life=5400

vm_up()
{
	local -a opt=(--life $vm_life)

	[ -z "$deb" ] || opt+=(--deb "$deb")
	[ -z "$tree" ] || opt+=(--tree "$tree")
	[ "$1" != systemd ] || opt+=(--systemd)
	vm=$results/vm-$worker
	vm_since=$SECONDS
	"$here/vm" start "$vm" "${opt[@]}" || { echo "lab: no VM" >&2; exit 3; }
	vm_kind=$1
}

vm_down()
{
	[ -n "$vm" ] || return 0
	"$here/vm" stop "$vm"
	cat "$vm/console.log" >> "$results/console-$worker.log" 2>/dev/null
	vm='' vm_kind=''
}

# run_case NAME LABEL: its results are in LABEL.
run_case()
{
	local name=$1 label=$2 kind limit rc start=$SECONDS

	kind=$(case_field "$name" vm)
	kind=${kind:-plain}
	limit=$(case_field "$name" limit)
	limit=${limit:-300}
	# Nor may the machine end before the case.
	[ "$vm_kind" = "$kind" ] && [ $((SECONDS - vm_since + limit + 150)) -lt $vm_life ] || vm_down
	[ -n "$vm" ] || vm_up "$kind"
	"$here/vm" exec "$vm" -t $((limit + 120)) \
		"LAB_TARGET=$lab_target LAB_PART=$part LAB_ROUNDS=${LAB_ROUNDS:-} /lab/guest/run-case $name $limit" > "$results/vm-$worker.out" 2>&1
	rc=$?
	rm -rf "${results:?}/$label"
	cp -r "$vm/share/out/$name" "$results/$label" 2>/dev/null || mkdir -p "$results/$label"
	result "$label" $rc $((SECONDS - start))
	if [ $rc = 255 ] || [ $rc = 124 ] || [ -e "$results/$label/dirty" ]; then
		vm_down
	fi
}

# queue_cases NAME...: the long ones first, so that the machines end at about the same time.
queue_cases()
{
	local name kind limit

	for name in "$@"; do
		kind=$(case_field "$name" vm)
		limit=$(case_field "$name" limit)
		label_of "$name"
		echo "${kind:-plain} ${limit:-300} $name $label"
	done | LC_ALL=C sort -s -k1,1 -k2,2nr > "$results/queue"
}

# next_case: the first in the queue for the kind of machine that this worker has, or else the first;
# to $name and $label. False when none is left.
next_case()
{
	local line

	exec 8> "$results/queue.lock"
	flock 8
	line=$(grep -m 1 "^${vm_kind:-plain} " "$results/queue" || head -n 1 "$results/queue")
	grep -vxF -e "$line" "$results/queue" > "$results/queue.new"
	mv "$results/queue.new" "$results/queue"
	exec 8>&-
	[ -n "$line" ] && read -r _ _ name label <<< "$line"
}

work()
{
	trap 'vm_down' EXIT
	trap 'exit 130' INT TERM
	worker=$1
	while next_case; do
		run_case "$name" "$label"
	done
	return 0
}

# run_cases NAME...: in so many machines as $jobs says.
run_cases()
{
	local n pid lost=''
	local -a pids=()

	[ $# -gt 0 ] || return 0
	queue_cases "$@"
	for ((n = 1; n <= jobs && n <= $#; n++)); do
		work $n &
		pids+=($!)
	done
	trap 'kill "${pids[@]}" 2> /dev/null; wait; exit 130' INT TERM
	for pid in "${pids[@]}"; do
		wait "$pid" || lost=yes
	done
	trap 'exit 130' INT TERM
	[ -z "$lost" ] || exit 3
}
