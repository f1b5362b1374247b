// SPDX-License-Identifier: Apache-2.0
// A web service: /uptime in words, and /newer?a=1.2.0&b=1.10.0. "node server.js --get PATH" asks one that runs.
'use strict';
const http = require('http');
const spans = require('spans');
const versions = require('versions');
const port = Number(process.env.PORT) || 8080;

function ask(path) {
  http
    .get({ host: '127.0.0.1', port, path }, (answer) => {
      answer.pipe(process.stdout);
      process.exitCode = answer.statusCode === 200 ? 0 : 1;
    })
    .on('error', (e) => {
      console.error(e.message);
      process.exitCode = 1;
    });
}

function serve() {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const say = (status, value) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(value) + '\n');
    };
    if (url.pathname === '/uptime') return say(200, { uptime: spans(process.uptime() * 1000) });
    if (url.pathname === '/newer') {
      const [a, b] = ['a', 'b'].map((name) => versions.parse(url.searchParams.get(name) || ''));
      return a && b
        ? say(200, { newer: (versions.compare(a, b) > 0 ? a : b).join('.') })
        : say(400, { error: 'a and b are versions' });
    }
    return say(404, { error: 'not found' });
  });
  process.on('SIGTERM', () => server.close(() => process.exit(0)));
  server.listen(port, () => console.log('listening on port', port));
}

if (process.argv[2] === '--get') ask(process.argv[3] || '/');
else serve();
