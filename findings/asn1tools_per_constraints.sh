#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# asn1tools 0.169.0 (PyPI), PER, aligned and unaligned: unions, ranges without an upper bound, and NULL in an extension. Its README does not
# list them as limitations, and no error is raised.
#
# - A union, as in INTEGER (0..10 | 20..30) or SIZE (1 | 4), means the range from its lowest to its highest value (X.691, clauses 10.3 and
#   13.2). Expected: that. Seen: the first part alone. Of INTEGER (1 | 3 | 5) nothing is sent, and 5 is read as 1; 20 of the first example
#   comes back as 4, and four octets of the second as one. Not even a round trip is right.
# - INTEGER (0..MAX) is sent as the distance from its lower bound, without a sign (clauses 13.2.3 and 11.7). Seen: with a sign: 128
#   is 020080 where 0180 is right, and what a peer sends for 128 is read as -128; the lower bound of (10..MAX) is not subtracted.
# - A NULL in an extension takes an octet (clauses 11.1 and 11.2). Seen: none, with the length 0.
# pycrate 0.8.1 (PyPI) serves as the second opinion.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check asn1tools==0.169.0 pycrate==0.8.1
venv/bin/python - <<'PYTHON'
import contextlib
import io
import sys

import asn1tools
from pycrate_asn1c.asnproc import PycrateGenerator, compile_text, generate_modules

MODULE = """Values DEFINITIONS AUTOMATIC TAGS ::= BEGIN
  Range ::= INTEGER (0..30)
  Parts ::= INTEGER (0..10 | 20..30)
  Odd ::= INTEGER (1 | 3 | 5)
  Address ::= OCTET STRING (SIZE (1 | 4))
  Count ::= INTEGER (0..MAX)
  Port ::= INTEGER (10..MAX)
  State ::= CHOICE { on BOOLEAN, ..., unknown NULL }
END"""
with contextlib.redirect_stdout(io.StringIO()):
    compile_text(MODULE)
    generate_modules(PycrateGenerator, "generated.py")
sys.path.insert(0, ".")
import generated

aligned, unaligned = (asn1tools.compile_string(MODULE, rules) for rules in ("per", "uper"))


def right(name, value):
    kind = getattr(generated.Values, name)
    kind.set_val(("unknown", 0) if name == "State" else value)
    return kind.to_aper()


for name, value, octets, own, peers in (
    ("Range", 20, "a0", 20, 20),
    ("Parts", 20, "40", 4, 10),
    ("Odd", 5, "", 1, 1),
    ("Address", b"\x0a\0\0\1", "0a000001", b"\x0a", b"\xc0"),
    ("Count", 127, "017f", 127, 127),
    ("Count", 128, "020080", 128, -128),
    ("Port", 10, "010a", 10, 0),
    ("State", ("unknown", None), "8000", ("unknown", None), ("unknown", None)),
):
    expected = right(name, value)
    sent = aligned.encode(name, value)
    seen = sent.hex(), aligned.decode(name, sent), aligned.decode(name, expected)
    print(f"{name} {value!r} is {sent.hex() or 'nothing'} where {expected.hex()} is right; read as {seen[1]!r}, from a peer as {seen[2]!r}")
    assert seen == (octets, own, peers), "it is no longer as described"
    assert unaligned.decode(name, unaligned.encode(name, value)) == own, "it is no longer as described"
PYTHON
