#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# diameter 0.7.1 (Rust crate), "Rust Implementation of the Diameter Protocol" (RFC 6733).
#
# - An AVP without the M bit is only informational: a receiver that does not know it may ignore it (clause 4.1), and most commands allow any
#   further AVP ("* [ AVP ]"). Expected: the other AVPs are read. Seen: the message is refused ("Unknown AVP code"), and there is no setting for it.
#   Peers of 3GPP send AVPs of later releases and of vendors in this way.
# - An Address of the kind E.164. Expected: its length counts the two octets of the kind. Seen: it does not: the receiver gets the number
#   without its last two digits, and takes what is left for the next AVP. This library cannot read it either.
# - After 7 February 2036 the counter of Time starts again at 0, which all nodes have to support (clause 4.3.1). Seen: one that was received is
#   read as a time of 1900. One that is sent is missing: the AVP has its header and no content, and encode_to() returns Ok.
#
# Needs Rust 1.85 or newer. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir src
cat >Cargo.toml <<'MANIFEST'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
chrono = "=0.4.45"
diameter = "=0.7.1"
MANIFEST
cat >src/main.rs <<'RUST'
use chrono::{TimeZone, Utc};
use diameter::avp::{flags, Address, Avp, AvpValue, Time, UTF8String};
use diameter::dictionary::{Dictionary, DEFAULT_DICT_XML};
use diameter::{ApplicationId, CommandCode, DiameterMessage};
use std::io::Cursor;
use std::sync::Arc;

const USER_NAME: u32 = 1;
const EVENT_TIMESTAMP: u32 = 55;
const HOST_IP_ADDRESS: u32 = 257;

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, expected: T) {
    println!("{what}: {seen:?}");
    assert_eq!(seen, expected, "{what}");
}

fn main() {
    let dictionary = Arc::new(Dictionary::new(&[&DEFAULT_DICT_XML]));
    let avp = |code, vendor, bits, value: AvpValue| Avp::new(code, vendor, bits, value, Arc::clone(&dictionary));
    let written = |avps: Vec<Avp>| {
        let (application, command) = (ApplicationId::CreditControl, CommandCode::CreditControl);
        let mut message = DiameterMessage::new(command, application, 0x80, 1, 2, Arc::clone(&dictionary));
        avps.into_iter().for_each(|avp| message.add(avp));
        let mut octets = Vec::new();
        message.encode_to(&mut octets).map(|_| octets)
    };
    let read = |octets: &[u8]| {
        let message = DiameterMessage::decode_from(&mut Cursor::new(octets), Arc::clone(&dictionary));
        message.map(|message| message.get_avps().len()).map_err(|error| error.to_string())
    };
    let name = || avp(USER_NAME, None, flags::M, UTF8String::new("somebody").into());

    let unknown = || avp(65000, Some(10415), 0, UTF8String::new("of release 20").into());
    expect("a name", read(&written(vec![name()]).unwrap()), Ok(1));
    let refused = Err("Unknown AVP code: 65000".to_string());
    expect("a name and an unknown AVP without M", read(&written(vec![name(), unknown()]).unwrap()), refused);

    let number = avp(HOST_IP_ADDRESS, None, flags::M, Address::from_e164("12025550143".to_string()).into());
    let octets = written(vec![number, name()]).unwrap();
    let (length, content) = (octets[27], &octets[28..]);
    expect("length of an AVP with 11 digits", (length, content.starts_with(b"\x00\x0812025550143")), (8 + 11, true));
    let outcome = read(&octets);
    println!("read by the library itself: {outcome:?}");
    assert!(outcome.is_err());

    let moment = |year| avp(EVENT_TIMESTAMP, None, flags::M, Time::new(Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap()).into());
    let this_year = written(vec![moment(2026)]).unwrap();
    expect("octets of a message with 2026, its length", (this_year.len(), this_year[3]), (32, 32));
    let later = written(vec![moment(2037)]).unwrap();
    expect("octets of a message with 2037, its length", (later.len(), later[3]), (28, 32));
    let later = (Utc.with_ymd_and_hms(2037, 1, 1, 0, 0, 0).unwrap().timestamp() + 2_208_988_800) as u32;
    let sent = [&this_year[..28], &later.to_be_bytes()].concat();
    let message = DiameterMessage::decode_from(&mut Cursor::new(&sent), Arc::clone(&dictionary)).unwrap();
    let seen = message.get_avps()[0].get_value().to_string();
    expect("2037 is read as", &seen[..5], "1900-");
}
RUST
CARGO_HOME=$scratch/cargo cargo run --quiet
