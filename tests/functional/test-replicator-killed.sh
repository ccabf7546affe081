#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: srp-replicatord is killed: its lease ends, the next one has a new epoch
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator killed
