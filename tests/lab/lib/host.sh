# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Functions of the lab's scripts that run on the host.

# shellcheck disable=SC2034  # used by the scripts that include this
lab_cache=${XDG_CACHE_HOME:-$HOME/.cache}/srpt-lab

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# host_need PROGRAM PACKAGE ...: install the packages of the programs that are missing.
host_need()
{
	local missing=()

	while [ $# -gt 0 ]; do
		command -v "$1" >/dev/null || missing+=("$2")
		shift 2
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		die "please install: ${missing[*]}"
	fi
	echo "${0##*/}: installing ${missing[*]}" >&2
	apt-get -qq update >&2 || die "apt-get update failed"
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
		"${missing[@]}" >&2 || die "apt-get install ${missing[*]} failed"
}

# build_helpers DIR: the C programs of tests/lab/helpers.
build_helpers()
{
	local f src

	src=$(dirname "${BASH_SOURCE[0]}")/../helpers
	host_need gcc gcc
	[ -e /usr/include/rdma/rdma_cma.h ] || host_need rdma_cma.h librdmacm-dev
	[ -e /usr/include/infiniband/umad.h ] || host_need umad.h libibumad-dev
	mkdir -p "$1"
	for f in "$src"/*.c; do
		gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$src/../../../srpt" \
			-o "$1/$(basename "$f" .c)" "$f" \
			-Wl,--as-needed -lrdmacm -libverbs -libumad || die "cannot build ${f##*/}"
	done
}
