#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pyang 2.7.1 (PyPI): json2xml, which turns data in JSON (RFC 7951) into XML by a driver that the plugin jtox makes of the YANG modules.
#
# - A union takes the first member that the value fits (RFC 7950, clause 9.12; in JSON its type counts as well, RFC 7951, clause 6.10).
#   Of a number and a boolean, true becomes 1 and false 0, as they are numbers in Python. Expected: true.
# - Of an identity and a string, each text without a colon becomes an identity of the module: "hello" is sent as "n:hello", whether there is
#   such an identity or not. Expected: "hello".
# - anydata is left out with all that is in it. Expected: its members, or an error; anyxml is kept.
# No error or warning in any case.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyang==2.7.1
cat >nf-config.yang <<'YANG'
module nf-config {
  yang-version 1.1;
  namespace "urn:example:nf-config";
  prefix n;

  identity kind;
  identity amf {
    base kind;
  }
  container nf {
    leaf buffering {
      type union {
        type uint8;
        type boolean;
      }
    }
    leaf kind {
      type union {
        type identityref {
          base kind;
        }
        type string;
      }
    }
    leaf name {
      type string;
    }
    anydata vendor;
  }
}
YANG
venv/bin/pyang -f jtox -o driver nf-config.yang
expect() {
	echo "{\"nf-config:nf\": {$1}}" >data.json
	venv/bin/json2xml -o data.xml driver data.json
	local seen
	seen=$(sed -n 's|.*<n:nf>\(.*\)</n:nf>.*|\1|p' data.xml)
	echo "$1: $seen"
	[[ $seen == "$2" ]]
}
expect '"buffering": 30' '<n:buffering>30</n:buffering>'
expect '"buffering": true' '<n:buffering>1</n:buffering>'
expect '"buffering": false' '<n:buffering>0</n:buffering>'
expect '"kind": "nf-config:amf"' '<n:kind>n:amf</n:kind>'
expect '"kind": "hello"' '<n:kind>n:hello</n:kind>'
expect '"name": "east", "vendor": {"rack": {"slot": 4}}' '<n:name>east</n:name>'
