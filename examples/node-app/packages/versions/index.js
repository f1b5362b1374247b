// SPDX-License-Identifier: Apache-2.0
// Versions of three numbers: parse('1.2.3') is [1, 2, 3], of anything else null; compare(a, b) is below, at or above 0.
'use strict';
exports.parse = (text) => {
  const found = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.exec(text);
  return found && found.slice(1).map(Number);
};

exports.compare = (a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
