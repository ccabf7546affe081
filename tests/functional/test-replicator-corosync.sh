#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: Corosync is killed: the gate closes at once, and opens when it is back
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator corosync
