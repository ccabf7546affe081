#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the udev rules of the recipes choose disks by what the disk says, whatever adapter is above it
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"
rules=$top_srcdir/conf/initiator/udev/90-srpt.rules

grep -qF 'ATTR{device/vendor}!="SCST_BIO|SCST_FIO"' "$rules" || fail 'not by the vendor of the disk'
# A key of parents with != is true as soon as one of them differs: a disk on a PCI adapter has one.
if grep -nE '^[^#]*(ATTRS\{[^}]*\}|DRIVERS|KERNELS|SUBSYSTEMS|TAGS)!=' \
    "$rules" "$top_srcdir"/conf/target/udev/*.rules > "$work/out"; then
	fail 'some parent will match always'
fi
