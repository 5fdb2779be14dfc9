#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# diameter-codec 1.0.3 (PyPI), "based on RFC 6733", with a dictionary of the user's.
#
# - DiameterHeader chooses a hop-by-hop and an end-to-end identifier at random if none is given, as in its README. Expected: new ones for
#   each request, as answers are told apart by them (clause 3). Seen: all requests of a process have the same two.
# - An AVP is identified by its code *and* its vendor (clause 4.1). Expected: that, as the dictionary has vendors. Seen: the code alone:
#   3GPP-IMSI (code 1 of vendor 10415) is read as User-Name, although the dictionary has both.
# - An OctetString is octets, or text. Expected: "core" is read as it was written. Seen: text of four characters is read as an IPv4 address,
#   99.111.114.101, and of sixteen as an IPv6 address. Those of other lengths are right.
# - After 7 February 2036 the counter of Time starts again at 0, which all nodes have to support (clause 4.3.1). Expected: that. Seen:
#   it cannot be written, and one that a peer has sent for 2037 is read as 1900.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check diameter-codec==1.0.3
cat >dictionary.xml <<'XML'
<dictionary xmlns="urn:example:dictionary">
  <vendors><vendor id="0" name="None"/><vendor id="10415" name="TGPP"/></vendors>
  <application id="4" name="Credit-Control">
    <avps>
      <avp code="1" name="User-Name" type="UTF8String" vendor="None" mandatory-flag="must"/>
      <avp code="1" name="3GPP-IMSI" type="UTF8String" vendor="TGPP" mandatory-flag="must" vendor-flag="must"/>
      <avp code="25" name="Class" type="OctetString" vendor="None" mandatory-flag="must"/>
      <avp code="55" name="Event-Timestamp" type="Time" vendor="None" mandatory-flag="must"/>
    </avps>
  </application>
</dictionary>
XML
venv/bin/python - <<'PYTHON'
import struct
from datetime import datetime, timedelta, timezone

from codec.diameter.diameter import Avp, Diameter, DiameterHeader
from codec.diameter.dictionary import DefaultDictionaryLayout

diameter = Diameter(DefaultDictionaryLayout("dictionary.xml"))


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def received(*avps, patch=lambda octets: octets):
    return diameter.decode(patch(diameter.encode(DiameterHeader(application_id=4, command_code=272, avp_set=avps))))


requests = [received(Avp("User-Name", "somebody")) for _ in range(100)]
expect("hop-by-hop identifiers of 100 requests", len({one.hop_by_hop_identifier for one in requests}), 1)
expect("end-to-end identifiers of 100 requests", len({one.end_to_end_identifier for one in requests}), 1)

names = [avp.name for avp in received(Avp("User-Name", "somebody"), Avp("3GPP-IMSI", "001010000000001")).avp_set]
expect("User-Name and 3GPP-IMSI", names, ["User-Name", "User-Name"])

for text, read in (("edge1", "edge1"), ("core", "99.111.114.101"), ("internet.example", "696e:7465:726e:6574:2e65:7861:6d70:6c65")):
    expect(f"Class {text!r}", received(Avp("Class", text)).avp_set[0].data, read)

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
this_year, later = (int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp()) for year in (2026, 2037))
expect("2026 is read as", received(Avp("Event-Timestamp", this_year)).avp_set[0].data, this_year)
try:
    received(Avp("Event-Timestamp", later))
    raise SystemExit("2037 can be written")
except struct.error as error:
    print(f"2037 is refused: {error}")
second_era = struct.pack("!I", (later + 2208988800) % 2**32)
seen = received(Avp("Event-Timestamp", this_year), patch=lambda octets: octets[:-4] + second_era).avp_set[0].data
expect("2037 is read as", (EPOCH + timedelta(seconds=seen)).year, 1900)
PYTHON
