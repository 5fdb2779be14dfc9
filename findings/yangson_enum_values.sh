#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# yangson 1.7.9 (PyPI), which validates data against YANG 1.1.
#
# - An enum without a value gets the highest one before it, plus one (RFC 7950, clause 9.6.4.2), and so does a bit its position (clause
#   9.7.4.2). Seen: the highest one is never below 0, and counts up with each enum that says a lower value. After "off" with -1 the
#   next is 1 where 0 is right; after 5 and 2 it is 7 where 6 is right. enum-value() in a "must" tells it: valid data is refused, with
#   "must-violation", and invalid data passes.
# - In XML an empty string, no bits and no octets are an element without content (clauses 9.4.2, 9.7.2 and 9.8.2). Expected: <name/> is read
#   as the empty string, as "" in JSON is. Seen: it is refused ("expected string value"), for the union as well.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check yangson==1.7.9
cat >modem.yang <<'YANG'
module modem {
  yang-version 1.1;
  namespace "urn:example:modem";
  prefix m;
  container modem {
    leaf power {
      type enumeration { enum off { value -1; } enum low; enum high; }
      must "../antennas = enum-value(.) + 1";
    }
    leaf antennas { type uint8; }
    leaf band { type enumeration { enum n78 { value 5; } enum n1 { value 2; } enum n28; } }
    leaf features { type bits { bit a { position 5; } bit b { position 2; } bit c; } }
    leaf name { type string; }
    leaf key { type binary; }
    leaf label { type union { type uint8; type string; } }
  }
}
YANG
cat >library.json <<'JSON'
{"ietf-yang-library:modules-state": {"module-set-id": "1", "module": [
  {"name": "modem", "revision": "", "namespace": "urn:example:modem", "conformance-type": "implement"}]}}
JSON
venv/bin/python - <<'PYTHON'
from xml.etree import ElementTree

from yangson import DataModel
from yangson.exceptions import YangsonException

model = DataModel.from_file("library.json", ["."])


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def judged(read):
    try:
        instance = read()
        instance.validate()
    except YangsonException as error:
        return str(error)
    return "valid"


def in_json(**leaves):
    return judged(lambda: model.from_raw({"modem:modem": leaves}))


def in_xml(content):
    root = '<content-data xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-instance-data">'
    document = f'{root}<modem xmlns="urn:example:modem">{content}</modem></content-data>'
    return judged(lambda: model.from_xml(ElementTree.fromstring(document)))


types = {name: model.get_data_node(f"/modem:modem/{name}").type for name in ("power", "band", "features")}
expect("power", types["power"].enum, {"off": -1, "low": 1, "high": 2})
expect("band", types["band"].enum, {"n78": 5, "n1": 2, "n28": 7})
expect("features", types["features"].bit, {"a": 5, "b": 2, "c": 7})
expect("low with one antenna, which is valid", in_json(power="low", antennas=1), "{/modem:modem/power} must-violation")
expect("low with two antennas, which is not", in_json(power="low", antennas=2), "valid")

for leaf, kind in (("name", "string"), ("key", "binary"), ("features", "bits"), ("label", "union")):
    expect(f"{leaf} is empty, in JSON", in_json(**{leaf: ""}), "valid")
    expect(f"{leaf} is empty, in XML", in_xml(f"<{leaf}/>"), f"{{/modem:modem/{leaf}}} expected {kind} value")
expect("a name, in XML", in_xml("<name>a</name>"), "valid")
PYTHON
