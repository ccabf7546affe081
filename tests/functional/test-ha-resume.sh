#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srptd is promoted by itself when the replicator says that it was; frozen longer than a lease it acknowledges nothing
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

roles 1 resume
daemon_stop
