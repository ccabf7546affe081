#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-fence-peer places the stock handler's constraint when the peer is fenced, and says 7
# shellcheck source=tests/functional/fence.sh
. "${top_srcdir:?}/tests/functional/fence.sh"
constraint=drbd-fence-by-handler-r0-drbd-clone

cib_fenced
# With the white space of libxml2.
sed "s|^    <constraints/>|    <constraints>\n\
      <rsc_location rsc=\"drbd-clone\" id=\"$constraint\">\n\
        <rule role=\"Master\" score=\"-INFINITY\" id=\"drbd-fence-by-handler-r0-rule-drbd-clone\">\n\
          <expression attribute=\"#uname\" operation=\"ne\" value=\"$node\"\
 id=\"drbd-fence-by-handler-r0-expr-drbd-clone\"/>\n\
        </rule>\n      </rsc_location>\n    </constraints>|" "$work/cib" > "$work/want"

for states in 'UpToDate/DUnknown UpToDate/DUnknown' 'UpToDate/Outdated UpToDate/UpToDate'; do
	cib_fenced
	# shellcheck disable=SC2086
	disks $states
	expect 7 fence_peer "$work/handler" --timeout=90
	one_line
	shows "the-peer is fenced.*placed the constraint $constraint; waited [0-9]+ ms"
	[ ! -e "$work/called" ] || fail 'the handler was called as well'
	# Pacemaker counts changes in its first line.
	diff <(tail -n +2 "$work/want") <(sed 1d "$work/cib" | grep -v '^<?xml') || fail 'not that constraint'
done

# What is there already is for the handler, which compares it.
cp "$work/cib" "$work/cib.before"
expect 5 fence_peer "$work/handler"
handed_over 'there is a constraint already'
