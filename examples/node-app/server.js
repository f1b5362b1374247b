// SPDX-License-Identifier: Apache-2.0
// A web service: /uptime in words, and /newer?a=1.2.0&b=1.10.0.
'use strict';
const http = require('http');
const ms = require('ms');
const semver = require('semver');

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const say = (status, value) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(value) + '\n');
  };
  if (url.pathname === '/uptime')
    return say(200, { uptime: ms(Math.round(process.uptime() * 1000), { long: true }) });
  if (url.pathname === '/newer') {
    const [a, b] = ['a', 'b'].map((name) => semver.valid(url.searchParams.get(name) || ''));
    return a && b ? say(200, { newer: semver.gt(a, b) ? a : b }) : say(400, { error: 'a and b are versions' });
  }
  return say(404, { error: 'not found' });
});

process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(Number(process.env.PORT) || 8080, () => console.log('listening on port', server.address().port));
