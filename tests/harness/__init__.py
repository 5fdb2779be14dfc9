# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests on real hosts share: hosts, workload, client, containers, playbook runs and fault injection.

A folder of tests imports from here, never from another folder of tests.
"""
