#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: two real srptds: promoted only where DRBD is Primary, and back and forth
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator serve
