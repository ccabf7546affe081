#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the lab's history checker passes a good history and finds each kind of a bad one
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
helpers=$top_builddir/tests/lab/helpers

writer()
{
	"$helpers/history-write" "$@" > "$work/out" 2>&1
}

checker()
{
	"$helpers/history-check" "$work/disk" "${1:-$work/history}" --all > "$work/out" 2>&1
}

# acked N: the log has so many acknowledgements.
acked()
{
	[ "$(grep -c ^a "$work/history" 2> /dev/null)" -ge "$1" ] 2> /dev/null
}

# slot_from FILE SLOT [TO]: the record of this slot into the disk.
slot_from()
{
	dd if="$1" of="$work/disk" bs=4096 skip="$2" seek="${3:-$2}" count=1 conv=notrunc status=none
}

# found KIND: the checker tells it, and passes again when the disk is as it was.
found()
{
	expect 1 checker
	shows "^BAD slot .*$1"
	echo "$1: $(grep -m1 BAD "$work/out")"
	cp "$work/good" "$work/disk"
}

# hot_old: a hot slot that was written before the snapshot and overwritten since.
hot_old()
{
	local slot

	for ((slot = 0; slot < 16; slot++)); do
		awk -v slot=$slot -v at="$lines" 'NR <= at && $1 == "w" && $4 == slot { n++ }
			NR > at + 6 && $1 == "w" && $4 == slot { m++ } END { exit !(n && m) }' \
			"$work/history" && echo $slot && return
	done
	fail 'no slot was written twice'
}

# once_of JOB: a slot that was written once, by this job.
once_of()
{
	awk -v job="$1" '$1 == "w" && $2 == job && $4 >= 16 { print $4; exit }' "$work/history"
}

truncate -s 8M "$work/disk"
"$helpers/history-write" "$work/disk" "$work/history" --jobs 3 --hot 16 --interval 1 > "$work/out" 2>&1 &
job=$!
within 30 acked 200 || fail 'nothing is acknowledged'
kill -STOP $job
cp "$work/disk" "$work/old"
lines=$(wc -l < "$work/history")
n=$(grep -c '^a' "$work/history")
kill -CONT $job
within 30 acked $((n + 300)) || fail 'it does not go on'
kill -TERM $job
wait $job || fail 'exit status of the writer'
job=
shows '^done writes .* errors 0 .* bad-reads 0 '
cp "$work/disk" "$work/good"

expect 0 checker
shows '^checked .* errors 0 .* bad 0$'

hot=$(hot_old)
once=$(once_of 0)
other=$(once_of 1)
slot_from /dev/zero 0 "$once"
found 'lost'
dd if=/dev/zero of="$work/disk" bs=512 seek=$((once * 8 + 3)) count=1 conv=notrunc status=none
found 'torn: 3 x [0-9]+, 1 x no record, 4 x'
printf x | dd of="$work/disk" bs=1 seek=$((once * 4096 + 600)) conv=notrunc status=none
found 'torn: 1 x [0-9]+, 1 x damaged, 6 x'
dd if="$work/old" of="$work/disk" bs=512 skip=$((hot * 8)) seek=$((hot * 8)) count=5 \
	conv=notrunc status=none
found 'torn: 5 x [0-9]+, 3 x'
# A write of long ago that came behind a newer one.
slot_from "$work/old" "$hot"
found stale
# All of it as it once was: of what was written since, some is older and some is missing.
cp "$work/old" "$work/disk"
found stale
# Two writes that went to each other's place.
slot_from "$work/good" "$other" "$once"
slot_from "$work/good" "$once" "$other"
found misplaced
# One that went to a place where nobody wrote.
never=$(awk '$1 == "w" { seen[$4] = 1 } END { while (seen[++n]); print n }' "$work/history")
slot_from "$work/good" "$once" "$never"
found 'was never written'

# A history of another run, on the same slots.
truncate -s 8M "$work/foreign"
expect 0 writer "$work/foreign" "$work/log2" --jobs 1 --hot 16 --interval 0 --count 400
slot_from "$work/foreign" 0
found foreign

# Without its acknowledgement a record may be there; one that was never submitted must not.
cp "$work/foreign" "$work/disk"
expect 0 checker "$work/log2"
grep -v '^end' "$work/log2" | head -n -1 > "$work/log3"
expect 0 checker "$work/log3"
shows 'unacknowledged-there 1 .*did not end by itself'
head -n -1 "$work/log3" > "$work/log4"
expect 1 checker "$work/log4"
shows 'invented|stale|was never written'
# Half a line at the end is of a writer that was killed, half a line before is not.
printf 'w 0 40' >> "$work/log3"
expect 0 checker "$work/log3"
printf '\nend 1\n' >> "$work/log3"
expect 2 checker "$work/log3"
head -1 "$work/log2" > "$work/log5"
expect 1 checker "$work/log5"
shows 'nothing was acknowledged'

# The writer's own reads: what it wrote disappears under it.
truncate -s 128K "$work/lossy"
"$helpers/history-write" "$work/lossy" "$work/history" --jobs 2 --hot 4 --interval 1 \
	--read-every 1 > "$work/out" 2>&1 &
job=$!
forgets()
{
	dd if=/dev/zero of="$work/lossy" bs=4096 count=32 conv=notrunc status=none
	grep -q '^x' "$work/history" 2> /dev/null
}
within 30 forgets || fail 'lost data were read and nobody said so'
kill -TERM $job
wait $job && fail 'the writer ends with 0 after bad reads'
job=
shows '^bad read slot'
expect 1 "$helpers/history-check" "$work/lossy" "$work/history" > "$work/out"
shows '^BAD read of slot'
