// SPDX-License-Identifier: Apache-2.0
'use strict';
// A session of dockerode against the daemon of DOCKER_HOST; REGISTRY is host:port with busybox:1.0.
const assert = require('node:assert');
const { PassThrough } = require('node:stream');
const zlib = require('node:zlib');
const Docker = require('dockerode');
const tar = require('tar-stream');
const docker = new Docker();
const registry = process.env.REGISTRY, image = registry + '/busybox:1.0';
const step = (t) => console.log('--', t);

async function text(stream) {
  const pieces = [];
  for await (const p of stream) pieces.push(p);
  return Buffer.concat(pieces);
}
const progress = (stream) => new Promise((done, fail) =>
  docker.modem.followProgress(stream, (e, all) => (e ? fail(e) : done(all))));
async function packed(files) {
  const pack = tar.pack();
  for (const [name, body] of Object.entries(files)) pack.entry({ name }, body);
  pack.finalize();
  return text(pack);
}
async function unpacked(stream) {
  const files = {}, extract = tar.extract();
  extract.on('entry', (head, body, next) => { text(body).then((b) => { files[head.name] = b.toString(); next(); }); });
  await new Promise((done, fail) => stream.pipe(extract).on('finish', done).on('error', fail));
  return files;
}
const fails = async (status, f) => {
  try { await f(); } catch (e) { assert.strictEqual(e.statusCode, status, e.message); return e; }
  assert.fail('no error where ' + status + ' was due');
};

async function main() {
  step('ping, version, info');
  assert.strictEqual((await docker.ping()).toString(), 'OK');
  assert.strictEqual((await docker.version()).ApiVersion, '1.51');
  assert.strictEqual((await docker.info()).OSType, 'linux');

  step('events');
  const events = [], follow = await docker.getEvents({ filters: { type: ['container', 'image'] } });
  follow.on('data', (d) => events.push(...d.toString().trim().split('\n').map((l) => JSON.parse(l))));

  step('pull');
  const pulled = await progress(await docker.pull(image));
  assert.match(pulled.at(-1).status, /^Status: Downloaded newer image/);
  await fails(404, () => docker.pull(registry + '/nope:1'));
  const inspected = await docker.getImage(image).inspect();
  assert(inspected.RepoTags.includes(image));
  assert.strictEqual((await docker.listImages({ filters: { reference: [image] } })).length, 1);
  assert((await docker.getImage(image).history()).length > 0);

  step('build');
  const context = zlib.gzipSync(await packed({ Dockerfile: `FROM ${image}\nARG A\nLABEL made=by\nCOPY f /f\nRUN echo built $A && cat /f`, f: 'text\n' }));
  const built = await progress(await docker.buildImage(require('node:stream').Readable.from([context]), { t: 'node:1', buildargs: { A: 'arg' }, labels: { l: 'v' } }));
  assert(built.map((x) => x.stream || '').join('').includes('built arg'), JSON.stringify(built));
  assert(built.some((x) => x.aux && x.aux.ID), JSON.stringify(built));
  assert.deepStrictEqual((await docker.getImage('node:1').inspect()).Config.Labels, { made: "by", l: "v", "org.opencontainers.image.title": "busybox" });
  const bad = await packed({ Dockerfile: `FROM ${image}\nRUN exit 9` });
  const failed = (await progress(await docker.buildImage(require('node:stream').Readable.from([bad]), {}))).at(-1);
  assert.strictEqual(failed.errorDetail.code, 9);
  assert.match(failed.error, /returned a non-zero code: 9/);

  step('run with streams');
  const out = new PassThrough(), err = new PassThrough();
  const [result, ran] = await docker.run('node:1', ['sh', '-c', 'cat /f; echo err >&2; exit 3'], [out, err], { Tty: false, HostConfig: { NetworkMode: 'none' } });
  out.end(); err.end();
  assert.strictEqual(result.StatusCode, 3);
  assert.strictEqual((await text(out)).toString(), 'text\n');
  assert.strictEqual((await text(err)).toString(), 'err\n');
  await ran.remove();

  step('create, attach with input, start, wait');
  const cat = await docker.createContainer({ Image: 'node:1', Cmd: ['cat'], OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, HostConfig: { NetworkMode: 'none' } });
  const both = await cat.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  await cat.start();
  const echoed = new PassThrough();
  cat.modem.demuxStream(both, echoed, echoed);
  both.on('end', () => echoed.end());
  both.write('through\n');
  both.end();
  assert.strictEqual((await text(echoed)).toString(), 'through\n');
  assert.strictEqual((await cat.wait()).StatusCode, 0);
  await cat.remove({ v: true });

  step('a terminal');
  const tty = await docker.createContainer({ Image: 'node:1', Cmd: ['sh', '-c', 'stty size; read x; echo got $x'], Tty: true, OpenStdin: true, HostConfig: { NetworkMode: 'none' } });
  const term = await tty.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  await tty.start();
  await tty.resize({ h: 20, w: 70 });
  term.write('line\n');
  assert.match((await text(term)).toString(), /got line/);
  await tty.remove({ force: true });

  step('a service: exec, files, logs, stats, top, changes');
  const c = await docker.createContainer({ name: 'svc', Image: 'node:1', Env: ['X=y'], Labels: { a: 'b' }, Cmd: ['sh', '-c', 'echo up; exec sleep 1000'],
    HostConfig: { NetworkMode: 'none', Memory: 64 << 20, Binds: ['vol:/vol'] } });
  await c.start();
  await fails(304, () => c.start());
  const exec = await c.exec({ Cmd: ['sh', '-c', 'echo $X; cat; exit 5'], AttachStdin: true, AttachStdout: true, AttachStderr: true });
  const io = await exec.start({ hijack: true, stdin: true });
  const execOut = new PassThrough();
  docker.modem.demuxStream(io, execOut, execOut);
  io.on('end', () => execOut.end());
  io.end('in\n');
  assert.strictEqual((await text(execOut)).toString(), 'y\nin\n');
  assert.strictEqual((await exec.inspect()).ExitCode, 5);
  await c.putArchive(await packed({ 'put/file': 'put' }), { path: '/tmp' });
  assert.deepStrictEqual(await unpacked(await c.getArchive({ path: '/tmp/put/file' })), { file: 'put' });
  const head = await c.infoArchive({ path: '/tmp/put/file' });
  head.resume();
  assert.strictEqual(JSON.parse(Buffer.from(head.headers['x-docker-container-path-stat'], 'base64')).size, 3);
  assert((await c.changes()).some((x) => x.Path === '/tmp/put/file' && x.Kind === 1));
  const logs = await c.logs({ stdout: true, stderr: true });
  assert.strictEqual(logs.subarray(8).toString(), 'up\n');
  const live = await c.logs({ follow: true, stdout: true });
  await new Promise((done) => live.once('data', done));
  live.destroy();
  const figures = await c.stats({ stream: false });
  assert(figures.memory_stats.usage > 0 && figures.pids_stats.current === 1);
  assert.strictEqual((await c.top()).Processes.length, 1);
  await c.update({ Memory: 128 << 20, MemorySwap: 256 << 20 });
  await c.pause(); await c.unpause();
  await c.rename({ name: 'svc2' });
  assert.strictEqual((await c.inspect()).Name, '/svc2');
  assert.strictEqual((await docker.listContainers({ filters: { label: ['a=b'] } })).length, 1);
  const made = await c.commit({ repo: 'made', tag: '1', changes: 'CMD ["cat","/tmp/put/file"]' });
  assert.match(made.Id, /^sha256:/);
  await c.stop({ t: 0 });
  await c.restart({ t: 0 });
  await c.kill({ signal: 'KILL' });
  assert.strictEqual((await c.wait()).StatusCode, 137);
  const whole = await unpacked(await c.export());
  assert.strictEqual(whole['tmp/put/file'], 'put');
  await c.remove({ v: true });
  const gone = await fails(404, () => c.inspect());
  assert.match(gone.message, /No such container: /);

  step('save, load, tag, push');
  const saved = await text(await docker.getImage('made:1').get());
  await docker.getImage('made:1').remove();
  const loaded = await progress(await docker.loadImage(require('node:stream').Readable.from([saved])));
  assert(loaded.some((x) => /Loaded image: made:1/.test(x.stream)), JSON.stringify(loaded));
  await docker.getImage('made:1').tag({ repo: registry + '/made', tag: '2' });
  const pushed = await progress(await docker.getImage(registry + '/made:2').push({}));
  assert(pushed.some((x) => x.aux && x.aux.Tag === '2' && x.aux.Digest), JSON.stringify(pushed));
  assert.strictEqual((await docker.getImage(registry + '/made:2').distribution()).Platforms.length, 1);

  step('networks, volumes');
  const net = await docker.createNetwork({ Name: 'net', Driver: 'bridge', Labels: { a: 'b' } });
  assert.strictEqual((await net.inspect()).Name, 'net');
  assert((await docker.listNetworks()).some((n) => n.Name === 'net'));
  await net.remove();
  const volume = await docker.createVolume({ Name: 'vv', Labels: { a: 'b' } });
  assert.strictEqual((await volume.inspect()).Labels.a, 'b');
  assert((await docker.listVolumes()).Volumes.some((v) => v.Name === 'vol'));
  await volume.remove();
  await docker.getVolume('vol').remove();

  step('prune, df');
  assert((await docker.df()).Images.length > 0);
  await docker.pruneContainers();
  await docker.pruneVolumes();
  await docker.pruneNetworks();
  await docker.pruneImages();
  await docker.pruneBuilder();
  assert.strictEqual((await docker.listContainers({ all: true })).length, 0);
  follow.destroy();
  for (const want of ['container create', 'container die', 'container exec_create: sh -c echo $X; cat; exit 5', 'image pull', 'image push', 'image tag', 'container destroy'])
    assert(events.some((e) => e.Type + ' ' + e.Action === want), want + ' in ' + events.map((e) => e.Type + ' ' + e.Action));
  console.log('ok');
}
main().catch((e) => { console.error(e); process.exit(1); });
