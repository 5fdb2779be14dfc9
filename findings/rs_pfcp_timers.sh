#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rs-pfcp 0.5.0 (Rust crate), a PFCP library: the IEs that hold a time in one octet.
#
# Timer, DL Buffering Duration and Graceful Release Period are a unit of three bits and a value of five (TS 29.244, clauses
# 8.2.35, 8.2.29 and 8.2.78); Downlink Data Notification Delay counts steps of 50 ms (clause 8.2.28).
# Expected: one octet, as the crate says that it follows release 18 in full. Seen: plain numbers of four, four, two and three
# octets. A receiver that follows the clause takes the first octet, which is 0: "the timer is stopped", "no delay". The octet of
# another vendor is refused as too short. The delay is *multiplied* by 50 where it had to be divided: 100 ms become 5000.
# Both ends agree with each other, so that tests between two of them, and round trips, show nothing.
#
# Needs Rust 1.87 or newer. Fails if the behaviour changes.
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
rs-pfcp = "=0.5.0"
MANIFEST
cat >src/main.rs <<'RUST'
use rs_pfcp::ie::dl_buffering_duration::DlBufferingDuration;
use rs_pfcp::ie::downlink_data_notification_delay::DownlinkDataNotificationDelay;
use rs_pfcp::ie::graceful_release_period::GracefulReleasePeriod;
use rs_pfcp::ie::timer::Timer;
use std::time::Duration;

fn main() {
    let timer = Timer::new(60).marshal();
    let buffering = DlBufferingDuration::new(10).marshal();
    let period = GracefulReleasePeriod::unmarshal(&[0, 30]).unwrap().marshal();
    let delay = DownlinkDataNotificationDelay::new(Duration::from_millis(100)).marshal();
    println!("Timer 60: {timer:?}, DL Buffering Duration 10: {buffering:?}, Graceful Release Period 30: {period:?}");
    println!("Downlink Data Notification Delay of 100 ms: {delay:?}, by the clause [2]");
    assert_eq!(timer, [0, 0, 0, 60]);
    assert_eq!(buffering, [0, 0, 0, 10]);
    assert_eq!(period, [0, 30]);
    assert_eq!(delay, [0, 19, 136]);

    // What the clauses say for one minute, ten seconds, half a minute and 100 ms.
    let refused = [
        Timer::unmarshal(&[0x21]).map(|_| ()),
        DlBufferingDuration::unmarshal(&[5]).map(|_| ()),
        GracefulReleasePeriod::unmarshal(&[15]).map(|_| ()),
        DownlinkDataNotificationDelay::unmarshal(&[2]).map(|_| ()),
    ];
    for one in refused {
        println!("{:?}", one.expect_err("it is no longer as described"));
    }
}
RUST
CARGO_HOME=$scratch/cargo cargo run --quiet
