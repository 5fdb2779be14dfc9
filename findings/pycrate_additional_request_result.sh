#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pycrate 0.8.1 (PyPI): the IE "5GS additional request result" of 5GS NAS.
#
# TS 24.501 gives it IEI 35 in REGISTRATION ACCEPT (table 8.2.7.1.1) and SERVICE ACCEPT (table 8.2.17.1.1); IEI 34 is the
# emergency number list. pycrate has IEI 34 for both. Expected: a valid message with IEI 35 is decoded, or refused.
# Seen: it is decoded with error code 0 and the IE is missing, without a word; what pycrate encodes for the IE is an
# emergency number list to its receiver. A codec that is tested against pycrate as its oracle must except this IE.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pycrate==0.8.1
"$scratch/venv/bin/python" - <<'PYTHON' 2>/dev/null
from pycrate_mobile.NAS5G import parse_NAS5G
from pycrate_mobile.TS24501_FGMM import FGMMRegistrationAccept, FGMMServiceAccept


def decoded(octets):
    """Error code, and the names of the elements that are there."""
    message, error = parse_NAS5G(bytes.fromhex(octets))
    return error, [element._name for element in message if not element.get_trans()][1:]


RESULT = "350101"  # IEI 35, one octet, paging restriction rejected
ACCEPT, SERVICE_ACCEPT = "7e00420101", "7e004e"
print("REGISTRATION ACCEPT with IEI 35:", decoded(ACCEPT + RESULT))
print("SERVICE ACCEPT with IEI 35:", decoded(SERVICE_ACCEPT + RESULT))
print("REGISTRATION ACCEPT with IEI 34, an emergency number list:", decoded(ACCEPT + "3403021f11"))
assert decoded(ACCEPT + RESULT) == (0, ["5GSRegResult"])
assert decoded(SERVICE_ACCEPT + RESULT) == (0, [])
assert decoded(ACCEPT + "3403021f11") == (0, ["5GSRegResult", "EmergNumList"])
for message in (FGMMRegistrationAccept(), FGMMServiceAccept()):
    tag = message["5GSAddReqResult"]["T"].get_val()
    print(f"pycrate encodes it in {message._name} with IEI {tag:02x}")
    assert tag == 0x34
PYTHON
