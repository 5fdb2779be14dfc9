<?php
// Copyright (c) 2026 Organic 5GC contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

function sum(int $count): int
{
    $sum = 0;
    for ($number = 0; $number < $count; $number++) {
        $sum += $number % 7;
    }
    return $sum;
}

sum(20000); // enough for the just-in-time compiler
$file = fopen('/data/count', 'c+');
flock($file, LOCK_EX);
$count = (int) stream_get_contents($file) + 1;
rewind($file);
fwrite($file, (string) $count);
echo $count;
