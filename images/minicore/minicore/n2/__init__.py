# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""N2: SCTP at the front, and the connection that carries NGAP from there to the AMF."""

N2_PORT = 38412
"""SCTP port of NGAP (TS 38.412 clause 7); on TCP the AMF's port for fronts."""

NGAP_PPID = 60
"""SCTP payload protocol identifier of NGAP (TS 38.412 clause 7)."""
