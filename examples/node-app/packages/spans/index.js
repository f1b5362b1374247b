// SPDX-License-Identifier: Apache-2.0
// spans(90061) is "1 minute, 30 seconds": milliseconds in words, the two largest units.
'use strict';
const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

module.exports = (milliseconds) => {
  let rest = Math.floor(milliseconds / 1000);
  const words = [];
  for (const [name, seconds] of units) {
    const n = Math.floor(rest / seconds);
    rest -= n * seconds;
    if (n && words.length < 2) words.push(`${n} ${name}${n === 1 ? '' : 's'}`);
  }
  return words.join(', ') || '0 seconds';
};
