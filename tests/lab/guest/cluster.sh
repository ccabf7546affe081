# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Functions for commands on the nodes of a cluster: on NODE '. /lab/guest/cluster.sh; FUNCTION ...'.
# They start few processes: each costs a lot under TCG.

# nap SECONDS: without a process for each.
nap()
{
	[ -n "${nap_fd:-}" ] || exec {nap_fd}<> <(:)
	read -r -t "$1" -u "$nap_fd" || :
}

# wait_for SECONDS COMMAND...: until the command succeeds; false after the deadline.
wait_for()
{
	local deadline=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		nap "${poll:-0.3}"
	done
}

# drbd_is PATTERN: the state of each DRBD device of this node matches the glob.
drbd_is()
{
	local line found=1

	while read -r line; do
		[[ "$line" == *' cs:'* ]] || continue
		# shellcheck disable=SC2053  # a pattern
		[[ "$line" == $1 ]] || return 1
		found=0
	done < /proc/drbd
	return $found
}

# Both sides have all data and see each other.
drbd_redundant()
{
	drbd_is '* cs:Connected *ds:UpToDate/UpToDate *'
}

# drbd_says PATTERN: that of one device does.
drbd_says()
{
	local line

	while read -r line; do
		# shellcheck disable=SC2053  # a pattern
		[[ "$line" != *' cs:'* ]] || [[ "$line" != $1 ]] || return 0
	done < /proc/drbd
	return 1
}

# DRBD has no connection.
drbd_alone()
{
	drbd_is '* cs:WFConnection *' || drbd_is '* cs:StandAlone *'
}

# crm_says PATTERN: what crm_mon -1 prints matches the glob. It is left in $crm_says.
crm_says()
{
	crm_says=$(crm_mon -1rn 2> /dev/null) || return 1
	# shellcheck disable=SC2053  # a pattern
	[[ "$crm_says" == $1 ]]
}

# Both nodes are in the cluster.
both_online()
{
	local nodes

	nodes=$(crm_node -p 2> /dev/null) || return 1
	[[ "$nodes" == *node1* && "$nodes" == *node2* ]]
}

# One copy of each promotable clone is promoted, one is not.
clones_complete()
{
	local text

	text=$(crm_mon -1 2> /dev/null) || return 1
	[[ "$text" == *'Online: [ node1 node2 ]'* && "$text" != *Stopped* &&
		"$text" != *Starting* && "$text" != *Promoting* && "$text" != *FAILED* ]] || return 1
	local rest=${text//Promoted: \[ node[12] \]/}
	rest=${rest//Unpromoted: \[ node[12] \]/}
	[ "$rest" != "$text" ] && [[ "$rest" != *romoted:* ]] &&
		[ $((${#text} - ${#rest})) -ge 40 ]
}

# map_with PATHS: on the initiator, the name of the first multipath map, once it has so many paths.
map_with()
{
	local dm uuid name paths

	for dm in /sys/block/dm-*; do
		read -r uuid 2> /dev/null < "$dm/dm/uuid" || continue
		[[ "$uuid" == mpath-* ]] || continue
		read -r name < "$dm/dm/name"
		paths=("$dm"/slaves/sd*)
		[ -e "${paths[0]}" ] || continue
		[ ${#paths[@]} = "$1" ] || continue
		echo "/dev/mapper/$name"
		return
	done
	return 1
}

# attribute_is NAME NODE VALUE: a node attribute, as Pacemaker has it.
attribute_is()
{
	local said

	said=$(attrd_updater -Q -n "$1" -N "$2" 2> /dev/null)
	[[ "$said" == *" value=\"$3\""* ]]
}

# The nodes' configurations.
parity_is_equal()
{
	local said

	said=$(srp-replicator --json status 2> /dev/null)
	[[ "$said" == *'"parity": "equal"'* ]]
}

# srptd is promoted here, and all is well.
serving()
{
	srptctl monitor > /dev/null 2>&1
	[ $? = 8 ]
}

# Everything that tells how this node is; for the logs of a case.
report_state()
{
	uptime
	case $HOSTNAME in
	node3)
		timeout 10 multipath -ll
		grep . /sys/class/srp_remote_ports/*/state
		;;
	*)
		timeout 10 crm_mon -1rfA
		cat /proc/drbd
		! command -v srptctl > /dev/null || timeout 10 srptctl role
		! command -v srptctl > /dev/null || timeout 10 srptctl groups
		! command -v srp-replicator > /dev/null || timeout 10 srp-replicator status
		;;
	esac
}
