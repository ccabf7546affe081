#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-doctor --generate writes the recipes and what names the targets, keeps what was there, refuses bad targets
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
# shellcheck source=tests/functional/initiator.sh
. "${top_srcdir:?}/tests/functional/initiator.sh"
one=id_ext=0002c90300a1b201,ioc_guid=0002c90300a1b200,dest=203.0.113.1:5555
two='id_ext=0002c90300a1b202,ioc_guid=0002c90300a1b200,dest=[2001:db8::2]:5555'
ib=id_ext=0002c90300a1b203,ioc_guid=0002c90300a1b200,dgid=fe800000000000000002c90300a1b203,pkey=ffff,service_id=00000000013f0001
etc=$work/set/etc

generate()
{
	doctor --generate --recipes "$recipes" --output "$work/set" "$@"
}

expect 0 generate --name san "$one" "$two"
for file in modprobe.d/ib_srp.conf:modprobe.d/ib_srp.conf multipath.conf:multipath/conf.d/srpt.conf \
	udev/90-srpt.rules:udev/rules.d/90-srpt.rules; do
	cmp "$recipes/${file%:*}" "$etc/${file#*:}" || fail "${file#*:} is not the recipe"
done
grep -v '^#' "$etc/srp/portals.d/san" | diff <(printf '%s\n' "$one" "$two") - || fail 'not these portals'
[ ! -e "$etc/srp_daemon.conf" ] || fail 'rules for srp_daemon without a target for it'
shows 'systemctl enable --now srp-login@san'
shows 'systemctl disable --now srp_daemon'
# What it writes srp-login takes: it fails for want of an adapter only.
SRP_LOGIN_SYS=$work/empty SRP_LOGIN_RUN=$work/run \
	sh "$recipes/srp-login" "$etc/srp/portals.d/san" > "$work/out" 2>&1
[ $? = 1 ] || fail 'srp-login refuses the file'

# Again: nothing changes. Other contents are kept.
expect 0 generate --name san "$one" "$two"
[ -z "$(find "$work/set" -name '*.old')" ] || fail 'an equal file was replaced'
echo mine > "$etc/modprobe.d/ib_srp.conf"
expect 0 generate --name san "$one" "$two"
grep -qx mine "$etc/modprobe.d/ib_srp.conf.old" || fail 'what was there is gone'

# Nor is what was there gone when there is no room for the new.
echo mine > "$etc/modprobe.d/ib_srp.conf"
(trap '' XFSZ && ulimit -f 0 && generate --name san "$one")
[ $? = 2 ] || fail 'no room, and no word of it'
grep -qx mine "$etc/modprobe.d/ib_srp.conf" || fail 'what was there is gone for want of room'
[ ! -e "$etc/modprobe.d/ib_srp.conf.new" ] || fail 'a part of the new stays'

# InfiniBand: by srp_daemon, and nothing else that it finds.
rm -r "$work/set"
expect 0 generate "$ib"
[ ! -e "$etc/srp" ] || fail 'portals for srp_daemon'
grep -v '^#' "$etc/srp_daemon.conf" | diff - <(printf 'a\tid_ext=0002c90300a1b203,ioc_guid=0002c90300a1b200,tl_retry_count=2\nd\n') ||
	fail 'not these rules'
shows 'systemctl enable --now srp_daemon'
# By a name in DNS.
expect 0 generate san.example.com
shows 'systemctl enable --now srp-login@san.example.com'

# refused TARGET: nothing is written.
refused()
{
	rm -rf "$work/set"
	expect 2 generate "$@"
	[ ! -e "$work/set" ] || fail "$*: something was written"
}
refused "$one" nonsense
refused id_ext=1,dest=203.0.113.1:5555
refused id_ext=1,ioc_guid=2
refused "$one;reboot"
refused "$(printf '%s\nid_ext=1' "$one")"
refused ../etc.passwd
refused --name ../../x "$one"
refused --name '' "$one"
refused "$one$(printf ',x=%0600d' 1)"
expect 2 doctor --generate --recipes "$work/none" --output "$work/set" "$one"
touch "$work/file"
expect 2 doctor --generate --recipes "$recipes" --output "$work/file/x" "$one"
