#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: disks and LUNs become read-only and writable under sessions, which are told
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

online read_only
