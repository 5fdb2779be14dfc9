#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# nftables 1.0.6 (Debian 12, 1.0.6-2+deb12u2): "nft -j list ruleset" is not a copy of the rule set.
#
# libnftables-json(5) says that what is listed can be loaded again, and the text form can. Expected: a rule set that is listed
# as JSON, flushed and loaded comes back as it was, or is refused. Seen, with exit status 0 and no message: a dormant table
# comes back in force, a dynamic set loses "dynamic", an interval set loses "auto-merge", a connection tracking time-out object
# comes back with no time-out at all ("policy = {  }"), and comments of tables are gone. 1.1.3 (Debian 13) keeps all of these.
# Whoever copies the rules of a network namespace on Debian 12 copies the text form.
#
# Needs root, for a network namespace of its own. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 0755 "$scratch"
cd "$scratch"
apt-get -qq -o APT::Sandbox::User=root download nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 \
    libjansson4=2.14-2
for package in ./*.deb; do dpkg-deb --extract "$package" root; done
export LD_LIBRARY_PATH="$scratch/root/usr/lib/x86_64-linux-gnu"

cat >rules <<'RULES'
table inet t {
	comment "kept by the text form"
	flags dormant
	ct timeout short { protocol udp; l3proto ip; policy = { unreplied : 15, replied : 12 }
	}
	set seen { type ipv4_addr; size 100; flags dynamic,timeout; }
	set nets { type ipv4_addr; flags interval; auto-merge; }
}
RULES
cat >round_trip <<'PROGRAM'
set -euo pipefail
root/usr/sbin/nft -f rules
root/usr/sbin/nft list ruleset >before
root/usr/sbin/nft -j list ruleset >as_json
root/usr/sbin/nft flush ruleset
root/usr/sbin/nft -j -f as_json
root/usr/sbin/nft list ruleset >by_json
root/usr/sbin/nft flush ruleset
root/usr/sbin/nft -f before
root/usr/sbin/nft list ruleset >by_text
PROGRAM
unshare --net bash round_trip
root/usr/sbin/nft --version
cmp before by_text && echo "by the text form: the same"
diff before by_json >difference || true
echo "by JSON:"
cat difference
for lost in 'comment "kept' 'flags dormant' 'unreplied : 15, replied : 12' 'flags dynamic,timeout' auto-merge; do
    grep -q "^<.*$lost" difference
done
grep -q '^>.*policy = {  }' difference
