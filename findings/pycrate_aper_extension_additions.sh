#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pycrate 0.8.1 (PyPI), aligned PER: a SEQUENCE with additions behind its "...".
#
# After the root come the number of additions, one bit for each, and then each addition with its length, which begins at an octet (X.691,
# clauses 19.7 to 19.9 and 11.2). Expected: that. Seen: with two or more additions one octet 00 too many is sent before the first one, as if
# the bits had a padding of their own. The receiver takes it for the length. pycrate cannot read its own output ("bitlen overflow"), and
# reads a correct one. With one addition, or a root that fills its octets, all is well, and so is unaligned PER.
# NGAP and its siblings extend by IEs and are not hit; modules of one's own and of others are.
# asn1tools 0.169.0 (PyPI) serves as the second opinion.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pycrate==0.8.1 asn1tools==0.169.0
venv/bin/python - <<'PYTHON'
import contextlib
import io
import sys

import asn1tools
from pycrate_asn1c.asnproc import PycrateGenerator, compile_text, generate_modules
from pycrate_core.charpy import CharpyErr

MODULE = """Report DEFINITIONS AUTOMATIC TAGS ::= BEGIN
  One ::= SEQUENCE { ..., load INTEGER (0..7) OPTIONAL }
  Two ::= SEQUENCE { ..., load INTEGER (0..7) OPTIONAL, users INTEGER (0..7) OPTIONAL }
  Full ::= SEQUENCE { cell INTEGER (0..127), ..., load INTEGER (0..7) OPTIONAL, users INTEGER (0..7) OPTIONAL }
END"""
with contextlib.redirect_stdout(io.StringIO()):
    compile_text(MODULE)
    generate_modules(PycrateGenerator, "generated.py")
sys.path.insert(0, ".")
import generated

second = {rules: asn1tools.compile_string(MODULE, rules) for rules in ("per", "uper")}


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def read(kind, octets):
    try:
        kind.from_aper(octets)
    except CharpyErr as error:
        return str(error)
    return kind.get_val()


for name, value, by_pycrate, right in (
    ("One", {"load": 4}, "80800180", "80800180"),
    ("Two", {"load": 4}, "8180000180", "81800180"),
    ("Two", {"load": 4, "users": 5}, "81c000018001a0", "81c0018001a0"),
    ("Full", {"cell": 9, "load": 4}, "8903000180", None),
):
    kind = getattr(generated.Report, name)
    kind.set_val(dict(value))
    aligned, unaligned = kind.to_aper(), kind.to_uper()
    others = second["per"].encode(name, value)
    print(f"{name} {value}: pycrate {aligned.hex()}, asn1tools {others.hex()}, unaligned {unaligned.hex()}")
    if right:
        assert (aligned.hex(), others.hex()) == (by_pycrate, right), "it is no longer as described"
    else:
        assert aligned == others, "it is no longer as described"
    assert unaligned == second["uper"].encode(name, value)
    assert read(kind, others) == value
    own = read(kind, aligned)
    if name == "Two":
        expect("  pycrate reads its own", own, "bitlen overflow: 3, max 0")
    else:
        expect("  pycrate reads its own", own, value)
PYTHON
