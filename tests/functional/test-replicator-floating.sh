#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: two real srptds with one target that floats: one serves it, both know which
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator floating
