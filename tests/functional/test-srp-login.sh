#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-login logs in to what is missing, once, with few retries, and tells bad lines by number
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
one=id_ext=0002c90300a1b201,ioc_guid=2c90300a1b200,dest=203.0.113.1:5555
two='id_ext=0002C90300A1B202,ioc_guid=0x0002c90300a1b200,dest=[2001:db8::2]:5555'
add=$work/sys/class/infiniband_srp/srp-rxe0-1/add_target

srp_login()
{
	SRP_LOGIN_SYS=$work/sys SRP_LOGIN_RUN=$work/run SRP_LOGIN_DIR=$work/portals.d \
		PATH=$work/bin:$PATH timeout 20 \
		sh "$top_srcdir/conf/initiator/srp-login" "${@:-$work/portals}" > "$work/out" 2>&1
}

# scsi_host NUMBER ID-EXT: as ib_srp makes it by a login.
scsi_host()
{
	local d=$work/sys/class/scsi_host/host$1

	mkdir -p "$d"
	echo "0x$2" > "$d/id_ext"
	echo 0x0002c90300a1b200 > "$d/ioc_guid"
}

times()
{
	[ "$(grep -c "$1" "$work/out")" = "$2" ] || fail "not $2 times: $1"
}

mkdir -p "${add%/*}" "$work/sys/class/infiniband/rxe0/ports/1/gid_attrs/ndevs"
printf '# two nodes\n%s\n\n%s via=rxe0-1\n' "$one" "$two" > "$work/portals"

# Both, when the kernel makes hosts of both; the port is found where it is not given.
: > "$add"
scsi_host 3 0002c90300a1b201
scsi_host 4 0002c90300a1b202
expect 0 srp_login
times 'logged in: .*,tl_retry_count=2 via rxe0-1$' 2
# They are there: nothing is written.
echo untouched > "$add"
expect 0 srp_login
times 'logged in' 0
grep -qx untouched "$add" || fail 'it logged in again'
# One is gone: that one only; a parameter that is given is kept.
rm -r "$work/sys/class/scsi_host/host4"
sed -i "s/^id_ext=0002C9[^ ]*/&,tl_retry_count=5/" "$work/portals"
expect 1 srp_login
grep -qxF "$two,tl_retry_count=5" "$add" || fail "written: $(cat "$add")"
# It failed just now: not tried at once again, however slow this is.
for w in "$work/run"/*.wait; do
	read -r next pause < "$w"
	echo "$((next + 1000)) $pause" > "$w"
done
echo untouched > "$add"
expect 1 srp_login
grep -qx untouched "$add" || fail 'it was tried without a pause'
# The kernel refuses.
rm "$work/run"/*.wait "$add"
mkdir "$add"
expect 1 srp_login
shows '^srp-login: not logged in: .*via rxe0-1'
# No adapter.
rm -r "$work/run"/*.wait "$work/sys/class/infiniband_srp"
sed -i 's/ via=.*//' "$work/portals"
expect 1 srp_login
shows 'no port of an RDMA adapter'

# bad LINE REGEX: as the third line.
bad()
{
	printf '%s\n#\n%s\n' "$one" "$1" > "$work/portals"
	expect 2 srp_login
	shows "line 3: .*$2"
}
bad 'id_ext=1,dest=203.0.113.1:5555' 'ioc_guid is missing'
# shellcheck disable=SC2016 # what must not be run
bad 'id_ext=1,ioc_guid=$(id),dest=203.0.113.1:5555' 'no login'
bad "$one via" 'only via=PORT'
bad "$one $two" 'only via=PORT'
rm "$work/portals"
expect 2 srp_login
shows 'cannot be read'

# By name: a file, or else what DNS says, or what it said when it answered last.
rm -r "$work/run"
mkdir -p "$work/bin" "$work/portals.d" "${add%/*}"
: > "$add"
one=$one,tl_retry_count=5
echo "$one" > "$work/portals.d/san"
expect 0 srp_login san
cat > "$work/bin/srp-portals" << PORTALS
#!/bin/sh
[ "\$*" = san.test ] && cat "$work/answer"
PORTALS
chmod 755 "$work/bin/srp-portals"
expect 2 srp_login san.test
shows 'DNS has no portals of that name'
echo "$one" > "$work/answer"
expect 0 srp_login san.test
rm "$work/answer"
expect 0 srp_login san.test

# Two logins to one target, both lost: the one that is back first may get the other's SCSI host.
rm -r "$work/run"
other=$work/sys/class/infiniband_srp/srp-rxe1-1
mkdir "$other"
: > "$other/add_target"
printf '%s via=rxe1-1\n%s,initiator_ext=2 via=rxe0-1\n' "$one" "$one" > "$work/portals"
scsi_host 4 0002c90300a1b201
expect 0 srp_login
rm -r "$other" "$work"/sys/class/scsi_host/host{3,4}
expect 1 srp_login
rm "$work/run"/*.wait
scsi_host 3 0002c90300a1b201
expect 1 srp_login
rm "$work/run"/*.wait
echo untouched > "$add"
expect 1 srp_login
times 'not logged in: .* via rxe1-1' 1
grep -qx untouched "$add" || fail 'it logged in again'

# Somebody else has logged in, and dd says so in another language.
rm -r "$work/run"
echo "$one" > "$work/portals"
cat > "$work/bin/dd" << 'DD'
#!/bin/sh
[ "${LC_ALL-}" = C ] && echo 'dd: x: File exists' >&2 || echo 'dd: x: Die Datei existiert bereits' >&2
exit 1
DD
chmod 755 "$work/bin/dd"
expect 0 srp_login
times 'not logged in' 0
