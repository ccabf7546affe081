#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the metadata of fence_ibport are valid by the schema of fence-agents, name each option with its
# default, and no action that it does not know
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
agent=$build/../fence/fence_ibport
[ -x "$agent" ] || skip 'configured --without-cluster'
schema=/usr/share/cluster/relaxng/metadata.rng

expect 0 "$agent" -o metadata > "$work/meta"
xmllint --noout --relaxng "$schema" "$work/meta" 2> "$work/out" || fail "not valid by $schema"
echo action=metadata | "$agent" > "$work/meta.lines" || fail 'metadata by standard input'
cmp "$work/meta" "$work/meta.lines" || fail 'the two differ'
[ "$(xmllint --xpath 'string(/resource-agent/@name)' "$work/meta")" = fence_ibport ] || fail name

# Options and defaults as in the help, which check-docs compares with the manual page.
"$agent" --help > "$work/help"
sed -nE 's/^  (-., )?(--[a-z-]+).*/\2/p' "$work/help" | tr - _ | sed 's/^__//' | sort > "$work/options"
xmllint --xpath '//parameter[not(@deprecated="1")]/@name' "$work/meta" | sed -E 's/.*"(.*)".*/\1/' | sort |
	diff - "$work/options" || fail 'options'
xmllint --xpath '//content/@default' "$work/meta" | sed -E 's/.*"(.*)".*/\1/' | sort > "$work/defaults"
grep -oE '\(default [^)]*\)' "$work/help" | sed -E 's/\(default (.*)\)/\1/' | sort | diff - "$work/defaults" ||
	fail defaults

# Pacemaker asks for what is advertised. It takes off for reboot when that is not, as it must here,
# and turns nothing on by itself.
actions=$(xmllint --xpath '//action/@name' "$work/meta" | sed -E 's/.*"(.*)".*/\1/' | sort | tr '\n' ' ')
[ "$actions" = 'list list-status metadata monitor off on status validate-all ' ] || fail "actions: $actions"
[ "$(xmllint --xpath 'string(//action[@name="on"]/@automatic)' "$work/meta")" = 0 ] || fail automatic
for action in $actions nothing; do
	"$agent" -o "$action" > "$work/out" 2>&1
	case $?/$action in
	0/metadata) ;;
	1/nothing) shows 'unknown action' ;;
	1/*) shows 'no node is given' ;;
	*) fail "$action without a node" ;;
	esac
done
printf 'action=validate-all\nguid-map=a:1;b:2@3/4\n' | "$agent" || fail validate-all
# What is not known is no reason to fail, and is told, without what may be a password.
printf 'action=validate-all\nguid_map=a:1\nnodename=a\npasswd=secret\n' | "$agent" > "$work/out" 2>&1 ||
	fail 'an option of another agent'
[ "$(cat "$work/out")" = 'fence_ibport: this is no option, and is ignored: passwd' ] || fail 'no warning'
"$agent" -q -o validate-all > "$work/out" 2>&1
[ $? = 1 ] && [ ! -s "$work/out" ] || fail 'not quiet'
"$agent" -q -v -o validate-all > "$work/out" 2>&1
shows 'no node is given'
expect 0 "$agent" --version > "$work/out"
shows '^fence_ibport [0-9]'
