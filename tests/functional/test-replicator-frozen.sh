#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: who was frozen for longer than a lease asks DRBD anew before the next one
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator frozen
