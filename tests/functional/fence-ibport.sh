# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of fence_ibport: a fabric of two switches. On the first one are Sm, Fencer, which the agent
# runs on, and Left; on the second one Right and Other; on both Double, which has two ports. The node
# "two" has Left and Right. Sourced.
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
agent=$build/../fence/fence_ibport
[ -x "$agent" ] || skip 'configured --without-cluster'
# shellcheck source=tests/ibsim/functions.sh
. "$top_srcdir/tests/ibsim/functions.sh"
places=$work/state/places # of the agent

# Built with a sanitizer, that has to be loaded first. umad2sim frees nothing at its end, and reads
# more of a packet than there is.
sanitizer=$(ldd "$agent" | sed -nE 's/.*=> (.*lib[at]san\.[^ ]*).*/\1/p')
echo interceptor_via_lib:libumad2sim > "$work/suppressions"
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0:suppressions=$work/suppressions"

# The agent's names of the ports; their GUIDs are by their order below.
map='self:0x100003;two:100005,0x0000000000100007;other:100009'

cat > "$net" << 'NET'
Switch	8 "Near"
[1]	"Sm"[1]
[2]	"Fencer"[1]
[3]	"Left"[1]
[4]	"Double"[1]
[8]	"Far"[8]

Switch	8 "Far"
[1]	"Right"[1]
[2]	"Other"[1]
[4]	"Double"[2]
[8]	"Near"[8]

Hca	1 "Sm"
[1]	"Near"[1]

Hca	1 "Fencer"
[1]	"Near"[2]

Hca	1 "Left"
[1]	"Near"[3]

Hca	1 "Right"
[1]	"Far"[1]

Hca	1 "Other"
[1]	"Far"[2]

Hca	2 "Double"
[1]	"Near"[4]
[2]	"Far"[4]
NET

# agent ACTION [NODE [OPTION]...]: as Pacemaker runs it; both outputs in $work/out, its exit status. Longer
# times than by default, for a machine that is slow.
agent()
{
	{
		printf '%s\n' "action=$1" "guid_map=$map" "state_file=$places" discovery_timeout=300 \
			power_timeout=60 mad_timeout=10000 crm_feature_set=3.16.2 verbose=1
		[ $# = 1 ] || printf '%s\n' "port=$2" "nodename=$2"
		[ $# -lt 3 ] || printf '%s\n' "${@:3}"
	} > "$work/in"
	preload=$sanitizer on_node Fencer "$agent" < "$work/in" > "$work/out" 2>&1
}

# agent_line OPTION...: the same with a command line.
agent_line()
{
	preload=$sanitizer on_node Fencer "$agent" --state-file="$places" --power-timeout=60 \
		--mad-timeout=10000 "$@" > "$work/out" 2>&1
}

# off_shows ROUTE PORT, on_shows ROUTE PORT: another program sees the port as disabled, as up.
off_shows()
{
	port_shows Sm "$1" "$2" '^PhysLinkState:\.*Disabled' && grep -q '^LinkState:\.*Down' "$fabric_at/port"
}

on_shows()
{
	port_shows Sm "$1" "$2" '^LinkState:\.*Active'
}

# reaches NODE: it can speak to the subnet manager's node.
reaches()
{
	on_node "$1" saquery -t 500 PIR 1 > "$fabric_at/reaches" 2>&1
}

fabric_start -s 1
