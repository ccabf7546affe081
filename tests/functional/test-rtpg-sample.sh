#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the lab's sampler of access states tells two active groups from answers around a switch
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
one=1:active,2:standby
two=1:standby,2:active

# sampled STATUS SUMMARY LINE...: what is told of a log of these lines.
sampled()
{
	local want=$1 summary=$2

	shift 2
	{
		echo 'rtpg 1 1000 1000'
		printf '%s\n' "$@"
	} > "$work/rtpg"
	expect "$want" "$top_builddir/tests/lab/helpers/rtpg-sample" --check "$work/rtpg" > "$work/out" 2>&1
	shows "$summary"
}

# Both say the same; the switch is at 500, and one path hears of it within its answer of 490 to 520.
sampled 0 'samples 100 unanswered 0 two-active 0 touching 0 ' \
	"a 100 110 480 485 25 $one" "a 510 520 900 910 25 $two" \
	"b 100 110 470 475 25 $one" "b 505 507 900 910 25 $two"
# Answers that touch: made before or after, nobody knows.
sampled 0 'two-active 0 touching 1 ' \
	"a 100 110 490 520 25 $one" "a 530 540 900 910 25 $two" "b 500 510 900 910 25 $two"
# One path goes on with the old table while the other has the new one all the time.
sampled 1 'two-active 1 ' "a 100 110 700 710 25 $one" "b 500 510 900 910 25 $two"
shows '^two-active a .*1:active,2:standby, b .*1:standby,2:active'
# A single answer is enough when the other path says otherwise before and after it.
sampled 1 'two-active 1 ' "a 600 610 600 610 1 $one" "b 500 510 900 910 25 $two"
# In one answer.
sampled 1 'two-active 1 ' 'a 100 110 120 130 2 1:active,2:nonoptimized'
# Nothing active on one side is no harm, but the answers differ for 200 + 100 ns.
sampled 0 'two-active 0 touching 0 divergences 2 ' \
	"a 100 110 900 910 80 $one" 'b 200 300 500 510 8 1:unavailable,2:standby' \
	'b 600 700 800 810 8 1:transitioning,2:standby'
# Senses are no answers; a log with nothing else proves nothing.
sampled 0 'samples 3 unanswered 1 ' "a 100 110 120 130 2 $one" 'a 140 150 140 150 1 sense 06/2a/06'
sampled 1 'nothing was answered' 'a 140 150 140 150 1 errno 6'
sampled 2 'the log is damaged' 'a 140 150 what'
