#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# gps-time 1.0.8 (npm), from Unix time to GPS time and back, in milliseconds.
#
# The README calls toGPSMS(Date.now()). Expected: the leap seconds are added, and the milliseconds stay. Seen: toGPSMS() treats any time that
# is not a whole second as if it were inside a leap second, and returns a value 500 ms too large: 999 of the 1000 milliseconds of a second
# are wrong, and .999 comes out later than .000 of the next second. There and back again is 500 ms off as well. The README's examples and
# the package's tests use whole seconds only. Workaround: convert the whole second, then add the milliseconds.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" gps-time@1.0.8 >/dev/null
cat >main.js <<'JS'
const assert = require("assert");
const gpsTime = require("gps-time");

function expect(what, seen, expected) {
  console.log(`${what}: ${seen}`);
  assert.strictEqual(seen, expected);
}

const LEAP_SECONDS = 18;
const EPOCH = Date.UTC(1980, 0, 6);
const begin = Date.UTC(2026, 10, 30);
const right = (unix) => unix - EPOCH + LEAP_SECONDS * 1000;

expect("difference at .000", gpsTime.toGPSMS(begin) - right(begin), 0);
expect("difference at .001", gpsTime.toGPSMS(begin + 1) - right(begin + 1), 500);
let wrong = 0;
for (let ms = 0; ms < 1000; ms++) wrong += gpsTime.toGPSMS(begin + ms) !== right(begin + ms);
expect("wrong in one second", wrong, 999);
expect(".999 is later than the next .000 by", gpsTime.toGPSMS(begin + 999) - gpsTime.toGPSMS(begin + 1000), 499);
expect("there and back again", gpsTime.toUnixMS(gpsTime.toGPSMS(begin + 250)) - (begin + 250), 500);
expect("from GPS, .250", gpsTime.toUnixMS(right(begin + 250)) - (begin + 250), 0);
JS
node main.js
