#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: nodes that lose each other: the one that serves goes on, and both have one table afterwards
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator split
