# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The N2 front: ends SCTP of the gNBs and relays NGAP to the AMFs of a set, one TCP connection to each."""
