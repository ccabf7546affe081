#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: each further disk is 11 system calls of a promote at most, and 8 of a demote
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

strace -qq -o "$work/trace" true 2> "$work/out" || fail 'strace does not work here'

# The daemon, traced; its process has the number that is waited for. Leaks cannot be looked for in
# a process that is traced.
mkdir "$work/traced"
cat > "$work/traced/srptd" << TRACED
#!/bin/sh
export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0"
exec strace -D -f -qq -e signal=none -o "$work/trace" "$build/srptd" "\$@"
TRACED
chmod +x "$work/traced/srptd"
ln -s "$(realpath "$build/srptctl")" "$work/traced/srptctl"
build=$work/traced

# conf_blocks NUMBER: so many disks of the loop device, "NUMBER NAME" of each into the array luns.
conf_blocks()
{
	local i

	luns=()
	echo 'HANDLER vdisk_blockio {'
	for ((i = 0; i < $1; i++)); do
		printf '\tDEVICE disk%d {\n\t\tfilename %s\n\t}\n' "$i" "$loop"
		luns+=("$i disk$i")
	done
	echo '}'
}

# traced: system calls that have begun so far, but those by which threads wait for each other, of
# which the number is a matter of who is faster, and those of the thread that looks at the disks each
# second, which has nothing to do with a promote.
traced()
{
	awk '/^[0-9]+ +prctl\(PR_SET_NAME, "(watch|log)"/ { other[$1] = 1 }
		/^[0-9]+ +[a-z0-9_]+\(/ && !other[$1] &&
			!/^[0-9]+ +((futex|epoll_[a-z]+|io_uring_enter|restart_syscall|write)\(|read\([0-9]+, "\\[0-9]+\\0)/ { n++ }
		END { print n + 0 }' "$work/trace"
}

# calls_of COMMAND: of the daemon, while it runs; into $calls.
calls_of()
{
	local before

	before=$(traced)
	expect 0 ctl "$1"
	calls=$(($(traced) - before))
}

# run HOW NUMBER: so many disks; into $promote and $demote the fewest calls of three.
run()
{
	local i

	port_choose
	{
		conf_head
		"$1" "$2"
		conf_cluster
	} > "$conf"
	daemon_start --no-write-gate
	promote=
	demote=
	for i in 1 2 3; do
		calls_of promote
		[ -n "$promote" ] && [ "$promote" -le "$calls" ] || promote=$calls
		calls_of demote
		[ -n "$demote" ] && [ "$demote" -le "$calls" ] || demote=$calls
	done
	daemon_stop
}

# each HOW PROMOTE DEMOTE: what a disk more is at most.
each()
{
	local few_promote few_demote

	run "$1" 1
	few_promote=$promote
	few_demote=$demote
	run "$1" 65
	promote=$(((promote - few_promote) / 64))
	demote=$(((demote - few_demote) / 64))
	echo "$1: $promote calls for each disk of a promote, $demote of a demote"
	[ "$promote" -le "$2" ] || fail "$1: a promote makes $promote calls for each disk"
	[ "$demote" -le "$3" ] || fail "$1: a demote makes $demote calls for each disk"
}

each conf_disks 11 8
image=$work/image
truncate -s 16M "$image"
loop=$(losetup -f --show "$image" 2> "$work/out") || skip 'no loop device can be had'
trap 'cleanup; losetup -d "$loop"' EXIT
each conf_blocks 10 8
