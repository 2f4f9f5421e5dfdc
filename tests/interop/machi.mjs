// A daemon and a broker for interoperability tests.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from './npm.mjs';

export const work = mkdtempSync(join(tmpdir(), 'machi-interop-'));
const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
});

export function freePort() {
  return new Promise((resume) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resume(port));
    });
  });
}

function start(program, parameters, options) {
  const child = spawn(program, parameters, options);

  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

export async function startMosquitto() {
  const program = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto'].find((one) => spawnSync(one, ['-h']).error === undefined);

  if (!program) return null;
  const port = await freePort();
  const config = join(work, 'mosquitto.conf');

  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`);
  start(program, ['-c', config], { stdio: 'ignore' });
  await until(() => new Promise((resume) => {
    const socket = connect(port, '127.0.0.1', () => { socket.end(); resume(true); });
    socket.on('error', () => resume(false));
  }), 'mosquitto listens');
  return port;
}

export class Daemon {
  constructor(machi, configuration) {
    const config = join(work, 'machi.yaml');
    const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('MACHI_')));

    writeFileSync(config, configuration);
    this.log = '';
    this.child = start(machi, ['serve', '--open', '--data', join(work, 'data'), '--listen', '127.0.0.1:0', '--config', config],
      { stdio: ['ignore', 'ignore', 'pipe'], env: environment });
    this.child.stderr.on('data', (text) => { this.log += text; });
  }

  async ready() {
    const found = await until(() => /url=(http:\/\/[^ ]*:\d+)\//.exec(this.log), `the daemon is ready: ${this.log}`);

    this.url = found[1];
    return this;
  }

  async get(path) {
    const answer = await fetch(this.url + path);

    return answer.status === 200 ? answer.json() : null;
  }

  entity(id) {
    return this.get(`/ngsi-ld/v1/entities/${id}`);
  }

  async command(id, attribute, value) {
    const answer = await fetch(`${this.url}/ngsi-ld/v1/entities/${id}/attrs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ [attribute]: { type: 'Property', value } }),
    });

    if (answer.status !== 204) throw new Error(`${answer.status}: ${await answer.text()}`);
  }

  /** The status of a command once it is no longer pending. */
  ended(id, attribute) {
    return until(async () => {
      const status = (await this.entity(id))?.[attribute];
      return status && status.value !== 'PENDING' ? status : null;
    }, `${attribute} of ${id}`);
  }

  stop() {
    this.child.kill('SIGKILL');
  }
}
