// Packages of npm for tests, installed into a folder of the build at the first run; and TAP.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

/** require() for what is in the folder. Where it cannot be had the whole test is skipped, said loudly, within seconds. */
export function npmRequire(folder, packages) {
  const place = resolve(folder);
  const names = packages.map((one) => one.replace(/(.)@.*/, '$1'));

  if (!names.every((name) => existsSync(join(place, 'node_modules', name, 'package.json')))) {
    mkdirSync(place, { recursive: true });
    try {
      execFileSync('npm', ['install', '--prefix', place, '--no-audit', '--no-fund', '--ignore-scripts', '--no-save',
        '--fetch-retries=1', '--fetch-retry-maxtimeout=2000', '--fetch-timeout=20000', ...packages],
      { stdio: ['ignore', 'ignore', 'pipe'], timeout: 180000 });
    } catch (error) {
      console.log(`1..0 # SKIP ${packages} could not be installed by npm: ${String(error.message).split('\n')[0]}`);
      console.error(`SKIPPED, nothing was tested: ${error.message}`);
      process.exit(0);
    }
  }
  return createRequire(join(place, 'node_modules', 'x.js'));
}

export class Tap {
  cases = 0;
  failed = 0;

  async run(name, test) {
    this.cases++;
    try {
      await test();
      console.log(`ok ${this.cases} - ${name}`);
    } catch (error) {
      this.failed++;
      console.log(String(error.stack).split('\n').map((line) => `# ${line}`).join('\n'));
      console.log(`not ok ${this.cases} - ${name}`);
    }
  }

  done() {
    console.log(`1..${this.cases}`);
    process.exit(this.failed ? 1 : 0);
  }
}

export function check(good, what) {
  if (!good) throw new Error(what);
}

export function same(got, wanted, what = '') {
  const [a, b] = [got, wanted].map((value) => JSON.stringify(value));

  check(a === b, `${what}: got ${a}, wanted ${b}`);
}

export async function until(look, what, seconds = 30) {
  const end = Date.now() + seconds * 1000;

  for (;;) {
    const found = await look();

    if (found) return found;
    check(Date.now() < end, `not in ${seconds} s: ${what}`);
    await new Promise((resume) => { setTimeout(resume, 20); });
  }
}
