#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pycrate 0.8.1 (PyPI): the IE "5GS additional request result" in the REGISTRATION ACCEPT of 5GS NAS.
#
# An early text of release 17 of TS 24.501 gave IEI 34 to this IE and to the emergency number list in the same message; it
# was corrected to 35 (table 8.2.7.1.1). In SERVICE ACCEPT, which has no emergency number list, it stays 34.
# pycrate has IEI 34 twice. Expected: a valid message with IEI 35 is decoded, or refused. Seen: it is decoded with error
# code 0 and the IE is missing, without a word; what pycrate encodes for the IE is an emergency number list to its
# receiver, and to pycrate itself. A codec that is tested against pycrate as its oracle must except this IE.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pycrate==0.8.1
"$scratch/venv/bin/python" - <<'PYTHON' 2>/dev/null
from pycrate_mobile.NAS5G import parse_NAS5G
from pycrate_mobile.TS24501_FGMM import FGMMRegistrationAccept


def decoded(octets):
    """Error code, and the names of the elements that are there."""
    message, error = parse_NAS5G(bytes.fromhex(octets))
    return error, [element._name for element in message if not element.get_trans()][1:]


ACCEPT = "7e00420101"
print("with IEI 35:", decoded(ACCEPT + "350101"))
print("with IEI 34, an emergency number list:", decoded(ACCEPT + "3403021f11"))
assert decoded(ACCEPT + "350101") == (0, ["5GSRegResult"])
assert decoded(ACCEPT + "3403021f11") == (0, ["5GSRegResult", "EmergNumList"])
accept = FGMMRegistrationAccept()
tags = {name: accept[name]["T"].get_val() for name in ("EmergNumList", "5GSAddReqResult")}
print("IEI by element:", {name: f"{tag:02x}" for name, tag in tags.items()})
assert set(tags.values()) == {0x34}
PYTHON
