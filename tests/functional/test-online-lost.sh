#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: files that are lost or missing give errors, and service when they are back
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

online unlinked lost missing
