#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rasn 0.30.0 (Rust crate), an ASN.1 library with aligned PER, as NGAP has it: an integer whose range may be extended, such as
# FiveQI ::= INTEGER (0..255, ...) of TS 38.413.
#
# A bit before the value says whether it is inside the range (X.691, clause 13.1). The README has such a type with rasn's Integer, and says
# that "of course a primitive rust integer would still work in these examples". Expected: that. Seen: it compiles, and the dots are
# forgotten without a word: with u8 to u64 or i64 there is no such bit, and no value beyond the range. 255 is sent as ff where 00ff is
# right, and all that follows stands in the wrong place; what a peer sends for 255 is refused.
# A round trip shows nothing. UPER and OER are hit as well. Bit strings and other strings with such a size are right.
#
# Needs Rust 1.88 or newer. Fails if the behaviour changes.
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
rasn = "=0.30.0"
MANIFEST
cat >src/main.rs <<'RUST'
use rasn::prelude::*;
use rasn::{aper, uper};

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
#[rasn(delegate, value("0..=255", extensible))]
struct ByInteger(Integer);

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
#[rasn(delegate, value("0..=255", extensible))]
struct ByU16(u16);

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
#[rasn(automatic_tags)]
struct Characteristics<T> {
    five_qi: T,
    urgent: bool,
}

fn main() {
    let right = [aper::encode(&ByInteger(255.into())), uper::encode(&ByInteger(255.into()))].map(Result::unwrap);
    let wrong = [aper::encode(&ByU16(255)), uper::encode(&ByU16(255))].map(Result::unwrap);
    println!("255, by Integer: {right:02x?}, by u16: {wrong:02x?}");
    assert_eq!(right, [vec![0x00, 0xff], vec![0x7f, 0x80]]);
    assert_eq!(wrong, [[0xff], [0xff]]);

    let beyond = aper::encode(&ByInteger(300.into())).unwrap();
    let refused = aper::encode(&ByU16(300)).expect_err("it is no longer as described");
    println!("300, by Integer: {beyond:02x?}, by u16: {refused}");
    assert_eq!(beyond, [0x80, 0x02, 0x01, 0x2c]);

    let same = aper::decode::<ByU16>(&aper::encode(&ByU16(255)).unwrap()).unwrap();
    assert_eq!(same, ByU16(255));

    let sent = aper::encode(&Characteristics { five_qi: ByInteger(255.into()), urgent: true }).unwrap();
    let received = aper::decode::<Characteristics<ByU16>>(&sent);
    println!("255 and true, by Integer: {sent:02x?}, read by u16: {received:?}");
    assert_eq!(sent, [0x00, 0xff, 0x80]);
    assert!(received.is_err());
}
RUST
CARGO_HOME=$scratch/cargo cargo run --quiet
