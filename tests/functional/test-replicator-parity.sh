#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: configurations that differ: no promote, and the key is named
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator parity
