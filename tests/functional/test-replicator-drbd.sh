#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: suspended I/O and a lost disk close the gate; events2 is run again when it ends
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator drbd
