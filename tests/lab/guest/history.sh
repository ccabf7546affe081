# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Functions for commands on the initiator of a cluster: the load with a history, and the sampler of
# access states. The logs are in memory while they run: the share would slow the load down.
# shellcheck source=tests/lab/guest/cluster.sh
. /lab/guest/cluster.sh

history=/run/history
bare=/run/bare-disk

# Seldom: what is measured needs the processors.
poll=1

# The one multipath device, or the disk that bare_begin has taken instead, to $map; false when there
# is none.
map_find()
{
	[ ! -e "$bare" ] || { read -r map < "$bare" && [ -b "$map" ]; return; }
	for map in /dev/mapper/*; do
		[ "$map" = /dev/mapper/control ] || [ ! -e "$map" ] || return 0
	done
	return 1
}

# The paths, to the array paths: NODE=/dev/sgN.
paths_find()
{
	local dir id sg

	paths=()
	for dir in /sys/class/scsi_host/host*; do
		[ -r "$dir/id_ext" ] || continue
		read -r id < "$dir/id_ext"
		for sg in "$dir"/device/target*/*/scsi_generic/sg*; do
			[ ! -e "$sg" ] || paths+=("node${id: -1}=/dev/${sg##*/}")
		done
	done
	[ ${#paths[@]} -gt 0 ]
}

# paths_are N: so many paths, and the map.
paths_are()
{
	map_find && paths_find && [ ${#paths[@]} -ge "$1" ]
}

running()
{
	local pid

	read -r pid 2> /dev/null < "$history/$1.pid" && [ -d "/proc/$pid" ]
}

# bare_begin: the initiator is one without multipath, which waits for the only path it has.
bare_begin()
{
	local disk

	paths_find || { echo 'no path'; return 1; }
	disk=("/sys/class/scsi_generic/${paths[0]##*/}/device/block"/*)
	systemctl stop multipathd.socket multipathd 2> /dev/null
	wait_for 20 multipath -F || { echo 'the multipath device stays'; return 1; }
	echo "/dev/${disk[0]##*/}" > "$bare"
}

bare_end()
{
	rm -f "$bare"
	systemctl start multipathd.socket multipathd && wait_for 60 map_find
}

# history_start PATHS SAMPLE [OPTION...]: writes until it is told to end; SAMPLE "yes": asks for the
# access states, too. The options are history-write's.
history_start()
{
	local want=$1 sample=$2

	shift 2
	wait_for 150 paths_are "$want" || { echo "no $want paths and a map"; return 1; }
	history_kill
	rm -rf "$history" && mkdir -p "$history" || return 1
	setsid /lab/bin/history-write "$map" "$history/history.log" "$@" \
		> "$history/write.out" 2>&1 < /dev/null &
	echo $! > "$history/write.pid"
	if [ "$sample" = yes ]; then
		setsid /lab/bin/rtpg-sample "$history/rtpg.log" "${paths[@]}" \
			> "$history/rtpg.out" 2>&1 < /dev/null &
		echo $! > "$history/rtpg.pid"
	fi
	wait_for 20 history_acks 100 || { echo 'nothing is written'; return 1; }
}

# history_acks N: so many writes were acknowledged.
history_acks()
{
	[ "$(grep -c ^a "$history/history.log")" -ge "$1" ]
}

# The time of the last acknowledgement, ns, to $last.
history_last()
{
	last=$(tail -n 200 "$history/history.log" | sed -n 's/^a [0-9]* [0-9]* //p' | tail -n 1)
	[ -n "$last" ]
}

acked_after()
{
	running write && history_last && [ "$last" -gt "$1" ]
}

# history_goes_on SECONDS: writes that are submitted now are acknowledged, and some time later still.
history_goes_on()
{
	local now=${EPOCHREALTIME/./}000

	wait_for "$1" acked_after "$now" && nap 2 && now=${EPOCHREALTIME/./}000 &&
		wait_for 10 acked_after "$now"
}

history_is_over()
{
	! running write && ! running rtpg
}

history_kill()
{
	local name pid

	for name in write rtpg; do
		! running $name || { read -r pid < "$history/$name.pid"; kill -KILL "$pid"; }
	done 2> /dev/null
}

# history_end: ends load and sampler, checks, and leaves all of it in /lab/out/history.
history_end()
{
	local name pid status=0

	for name in write rtpg; do
		! running $name || { read -r pid < "$history/$name.pid"; kill -TERM "$pid"; }
	done
	wait_for 200 history_is_over || { echo 'the load does not end: I/O hangs'; status=1; }
	map_find && /lab/bin/history-check "$map" "$history/history.log" > "$history/check.out" 2>&1 ||
		status=1
	history_save
	return $status
}

history_save()
{
	rm -rf /lab/out/history && cp -r "$history" /lab/out/history
}
