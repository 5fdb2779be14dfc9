#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# diameter 0.7.0 (npm), "Diameter base protocol implementation": values that are read and written.
#
# - Integer64. Expected: -1 is ffffffffffffffff. Seen: a negative number is sent with 0 in its upper half: -1 arrives as 4294967295.
# - Unsigned64 is read as a Long. Expected: what was read can be written. Seen: a number with bit 31 set is refused with
#   ERR_OUT_OF_RANGE (2 to 4 GiB, 6 to 8, ...), and a plain number from 4 GiB on as well, so that a quota of 3 GiB can be given only as a
#   number, and one of 7 GiB not at all. The README has small numbers.
# - OctetString is octets. Expected: a Buffer, or what can be turned into one. Seen: they are decoded as UTF-8, and each octet that is
#   none becomes U+FFFD. An MSISDN in TBCD or a location of 3GPP cannot be got back, and is sent on as other octets, and more of them.
# No error in the first and the last case.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" diameter@0.7.0 >/dev/null
cat >main.js <<'JS'
const assert = require("assert");
const Long = require("long");
const types = require("diameter/lib/diameter-types");

function expect(what, seen, expected) {
  console.log(`${what}: ${seen}`);
  assert.strictEqual(String(seen), String(expected));
}

function outcome(make) {
  try {
    return make();
  } catch (error) {
    return error.code;
  }
}

const octets = (type, value) => outcome(() => types.encode(type, value).toString("hex"));

expect("Integer64 -1", octets("Integer64", -1), "00000000ffffffff");
expect("Integer64 -1, read", types.decode("Integer64", types.encode("Integer64", -1)), "4294967295");

const GiB = 2 ** 30;
for (const [count, number, read] of [
  [1, "0000000040000000", "0000000040000000"],
  [3, "00000000c0000000", "ERR_OUT_OF_RANGE"],
  [5, "ERR_OUT_OF_RANGE", "0000000140000000"],
  [7, "ERR_OUT_OF_RANGE", "ERR_OUT_OF_RANGE"],
]) {
  expect(`Unsigned64 ${count} GiB as a number`, octets("Unsigned64", count * GiB), number);
  const sent = Buffer.alloc(8);
  sent.writeBigUInt64BE(BigInt(count * GiB));
  const received = types.decode("Unsigned64", sent);
  expect("  is read as", received, Long.fromNumber(count * GiB));
  expect("  which is written as", octets("Unsigned64", received), read);
}

const msisdn = "447700099078";
const received = types.decode("OctetString", Buffer.from(msisdn, "hex"));
expect(`OctetString ${msisdn} is sent on as`, octets("OctetString", received), "44770009efbfbd78");
JS
node --no-deprecation main.js
