# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Functions of the cases sg-*: what a command prints, word for word, is in guest/expected/CASE/NAME.
# Instead of lib.sh: . /lab/guest/expected.sh
# shellcheck source=tests/lab/guest/lib.sh
. /lab/guest/lib.sh

expected=/lab/guest/expected/${out##*/}
differ=()
shown=0

# shows NAME COMMAND...: all its output and its exit code are as expected. The names of the devices
# in first, second … are left out, they differ from run to run. All are looked at before shown_all.
shows()
{
	local name=$1 rc

	shift
	"$@" > "$out/raw" 2>&1 < /dev/null
	rc=$?
	{
		sed -E 's,/dev/sg[0-9]+,/dev/sgN,g; s,[[:space:]]+$,,' "$out/raw"
		echo "exit code $rc"
	} > "$out/$name"
	shown=$((shown + 1))
	diff -u "$expected/$name" "$out/$name" && return
	say "differs: $name: $*"
	differ+=("$name")
}

shown_all()
{
	say "$shown outputs looked at"
	[ ${#differ[@]} = 0 ] || fail "differ: ${differ[*]}"
	expect 'outputs described' "$(find "$expected" -type f | wc -l)" "$shown"
}
