# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentication server function: Nausf_UEAuthentication with 5G-AKA (TS 29.509, TS 33.501 clause 6.1.3.2)."""
