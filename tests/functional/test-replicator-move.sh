#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# proves: the role moves from node to node: claims, epochs, and one table that both nodes have
# shellcheck source=tests/functional/functions.sh
. "${top_srcdir:?}/tests/functional/functions.sh"

replicator move
