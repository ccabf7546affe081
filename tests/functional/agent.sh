# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Runs the agent ocf:srp:target with programs in its PATH that answer as a test says. Sourced.
#
# What NAME VERB answers is in $work/answers/NAME-VERB, one call a line: an exit status and the
# text that is printed; "hang" as the status: nothing, for ever, or until the time is over that
# srptctl -t gives. The last line counts for all further calls; without a file the answer is 0.
# Every call is noted in $work/calls.
set -u
agent=${top_builddir:?run me by make check}/agents/ocf/target
work=$(mktemp -d "${TMPDIR:-/tmp}/srpt-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
fakes=$work/bin
mkdir "$fakes" "$work/answers" "$work/run"
export work

fail()
{
	echo "FAILED: $*"
	[ ! -s "$work/out" ] || sed 's/^/out: /' "$work/out"
	[ ! -s "$work/calls" ] || sed 's/^/call: /' "$work/calls"
	exit 1
}

cat > "$fakes/fake" << 'FAKE'
#!/bin/sh
name=${0##*/} verb= skip= time=1000
for word; do
	[ "$skip" != -t ] || time=$word
	case $skip$word in
	-[cst]) skip=$word ;;
	-*) skip= ;;
	*) [ -n "$verb" ] || verb=$word ;;
	esac
done
echo "$name $*" >> "$work/calls"
[ "$name" != srp-ping ] || verb=login
file=$work/answers/$name-$verb
[ -s "$file" ] || exit 0
read -r status text < "$file"
[ "$(wc -l < "$file")" = 1 ] || sed -i 1d "$file"
[ "$status" != hang ] || {
	sleep "$time"
	status=1 text='srptctl: srptd did not answer in time'
}
[ -z "$text" ] || printf '%b\n' "$text"
exit "$status"
FAKE
chmod +x "$fakes/fake"
for name in srptctl systemctl srp-ping srp-replicator; do
	ln -s fake "$fakes/$name"
done

# answer NAME-VERB LINE...: what it says from now on.
answer()
{
	local file=$work/answers/$1

	shift
	printf '%s\n' "$@" > "$file"
}

forget()
{
	rm -rf "$work/answers" "$work/run" "$work/calls"
	mkdir "$work/answers" "$work/run"
}

# agent ACTION [VARIABLE=VALUE...]: exit status to $status, standard error to $work/out.
agent()
{
	local action=$1

	shift
	env PATH="$fakes:$PATH" OCF_ROOT=/usr/lib/ocf OCF_RA_VERSION_MAJOR=1 HA_RSCTMP="$work/run" \
		HA_LOGFACILITY=none OCF_RESOURCE_INSTANCE=srpt OCF_RESKEY_CRM_meta_timeout=20000 "$@" \
		timeout 120 "$agent" "$action" > "$work/stdout" 2> "$work/out" < /dev/null
	status=$?
}

# expect_status STATUS WHAT
expect_status()
{
	[ "$status" = "$1" ] || fail "$2: exit status $status, not $1"
}

# says REGEX: the reason of the failure.
says()
{
	grep -qE "^ocf-exit-reason:.*$1" "$work/out" || fail "no reason like '$1'"
}

called()
{
	grep -qE -- "$1" "$work/calls" || fail "not called: $1"
}

not_called()
{
	! grep -qE -- "$1" "$work/calls" || fail "called: $1"
}

# lane FUNCTION: with answers of its own.
lane()
{
	local work=$work/$1

	trap - EXIT
	mkdir -p "$work"
	forget
	"$1"
}

# together FUNCTION...: all at once.
together()
{
	local each lanes=() failed=0

	for each; do
		lane "$each" > "$work/$each.log" 2>&1 &
		lanes+=("$!")
	done
	for each; do
		wait "${lanes[0]}" || { echo "$each:"; cat "$work/$each.log"; failed=1; }
		lanes=("${lanes[@]:1}")
	done
	return $failed
}
