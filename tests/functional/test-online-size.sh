#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: a disk that grows or shrinks is told to its sessions, or fails where it is gone
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

online shrinks grows
