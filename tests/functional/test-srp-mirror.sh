#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-mirror puts back the disks that md has failed and that can be read, and no others
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
md=$work/sys/block/md7/md

mirror()
{
	SRP_MIRROR_DIR=$work/mirrors.d SRP_MIRROR_DEV=$work/dev SRP_MIRROR_SYS=$work/sys \
		PATH=$work/bin:$PATH sh "$top_srcdir/conf/initiator/srp-mirror" "$@" > "$work/out" 2>&1
}

# state DISK STATE MISSING
state()
{
	echo "$2" > "$md/dev-$1/state"
	echo "$3" > "$md/degraded"
	: > "$work/calls"
}

mkdir -p "$work"/{bin,dev/md,mirrors.d} "$md"/dev-{null,zero}
# What md says is in its files; what mdadm is asked to do is written down.
cat > "$work/bin/mdadm" << MDADM
#!/bin/sh
echo "\$*" >> "$work/calls"
case "\$*" in
*re-add*) [ ! -e "$work/refuse" ] || { echo 'not possible'; exit 1; }; echo 0 > "$md/degraded" ;;
esac
MDADM
cat > "$work/bin/dd" << DD
#!/bin/sh
echo "dd \$1" >> "$work/calls"
[ ! -e "$work/lost" ]
DD
chmod 755 "$work"/bin/*
touch "$work/dev/md7"
ln -s ../md7 "$work/dev/md/data"
printf '# halves\n/dev/null\n/dev/zero' > "$work/mirrors.d/data"

state null in_sync 0
state zero in_sync 0
expect 0 mirror data
[ ! -s "$work/calls" ] || fail 'a whole mirror is touched'
# Lost and still away: only looked at.
touch "$work/lost"
state zero faulty 1
expect 1 mirror data
[ "$(cat "$work/calls")" = 'dd if=/dev/zero' ] || fail "calls: $(cat "$work/calls")"
# Back.
rm "$work/lost"
state zero faulty,want_replacement 1
expect 0 mirror data
shows '/dev/zero is back in data'
diff - "$work/calls" << WANT || fail 'not these calls'
dd if=/dev/zero
--manage /dev/md/data --remove /dev/zero
--manage /dev/md/data --re-add /dev/zero
WANT
# Not in the array at all, as after a boot without it; md refuses.
touch "$work/refuse"
rm -r "$md/dev-zero"
echo 1 > "$md/degraded"
expect 1 mirror data
shows 'cannot be put back into data: not possible'
# A copy is under way: the disk is in it.
mkdir "$md/dev-zero"
state zero spare 1
expect 1 mirror data
[ ! -s "$work/calls" ] || fail "calls: $(cat "$work/calls")"
# Bad files and names.
echo 'sda' > "$work/mirrors.d/bad"
expect 2 mirror bad
shows 'line 1: no name below /dev'
expect 2 mirror absent
expect 2 mirror ../mirrors.d/data
echo /dev/null > "$work/mirrors.d/other"
expect 1 mirror other
shows 'there is no .*/dev/md/other'
