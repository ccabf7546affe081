# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Functions of the cases conformance*: the suites of iscsi-test-cu (libiscsi) one by one, because one
# that crashes takes the others along. Instead of lib.sh: . /lab/guest/conformance.sh
# shellcheck source=tests/lab/guest/lib.sh
. /lab/guest/lib.sh

# What the suites may skip, by the words they say it in, and why.
known_skips=(
	# the suite needs iSCSI to log out, to reset or to look at residuals
	'only supported for iSCSI backends'
	'Non-iSCSI multipath'
	# our disks cannot be removed, and have a medium
	'not removable'
	# the disk of the suite ReadOnly is another one, and thick
	'Logical unit is not write-protected'
	' 2 .SKIPPED. UNMAP is not impl'
	# of the disks whose blocks on the medium are as large as their own
	'LBPPB < 2'
	# VPD B0h: WSNZ
	'WRITESAME1[06] does not support 0-blocks'
	# optional, for real media: nothing to erase by block or by key
	'SANITIZE (BLOCK_ERASE|CRYPTO_ERASE) is not impl'
	# SBC-4
	'WRITEATOMIC16 is not impl'
)
# Tests in which the tool itself dies of a signal on any sg device.
known_crashes=(Sanitize.OverwriteReserved)

# suites: their names.
suites()
{
	iscsi-test-cu --list | sed -nE 's/^ALL\.([^.]+)$/\1/p'
}

# clear_attentions DEVICE...: what other suites left behind, for the path a suite uses as its second.
clear_attentions()
{
	local d

	for d; do
		[ ! -e "$d" ] || sg_turs --number=8 "$d" > /dev/null 2>&1
	done
}

# run_tests NAME DEVICE...: of a suite, or suite.test; how it ended is added to results.
run_tests()
{
	local name=$1 log rc counted

	log=$out/$name
	[ ! -e "$log" ] || log+=-2
	shift
	clear_attentions "$@"
	# Its crashes are counted; no core is left of them.
	(ulimit -c 0
		exec timeout 120 iscsi-test-cu --dataloss --allow-sanitize -n -t "ALL.$name" "$@") \
		> "$log" 2>&1
	rc=$?
	# CUnit's line: tests total ran passed failed inactive
	counted=$(awk '$1 == "tests" { print $3, $4, $5 }' "$log")
	echo "$name $rc ${counted:-0 0 0}" >> "$out/results"
	return $rc
}

# suite NAME DEVICE...: if the tool crashes, each test by itself.
suite()
{
	local name=$1 t

	shift
	run_tests "$name" "$@"
	[ $? -ge 124 ] || return 0
	for t in $(iscsi-test-cu --list | sed -nE "s/^ALL\.($name\.[^.]+)\$/\1/p"); do
		run_tests "$t" "$@"
	done
}

is_known_crash()
{
	printf '%s\n' "${known_crashes[@]}" | grep -qxF -- "$1"
}

# verdict N: nothing failed, at least N tests passed, and what was skipped is known.
verdict()
{
	local name rc ran passed failed sum=0 bad=()

	while read -r name rc ran passed failed; do
		if [ "$rc" -ge 124 ]; then
			# Its tests have been run one by one.
			[[ $name != *.* ]] || is_known_crash "$name" || bad+=("$name (crashed)")
			continue
		fi
		sum=$((sum + passed))
		[ "$rc$failed" = 00 ] && [ "$ran" -gt 0 ] || bad+=("$name")
	done < "$out/results"
	grep -hE '\[SKIPPED\]' "$out"/[A-Z]* | sed 's/^ *//' | sort | uniq -c > "$out/skipped"
	cat "$out/skipped"
	grep -vE "$(IFS='|'; echo "${known_skips[*]}")" "$out/skipped" > "$out/skipped-unknown"
	say "$sum passed, ${#bad[@]} bad"
	[ ${#bad[@]} = 0 ] || fail "failed: ${bad[*]}"
	[ ! -s "$out/skipped-unknown" ] || fail "skipped: $(head -1 "$out/skipped-unknown")"
	[ "$sum" -ge "$1" ] || fail "only $sum tests passed"
}
