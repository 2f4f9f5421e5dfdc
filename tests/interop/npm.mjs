// Packages of npm for tests, installed into a folder of the build at the first run; and TAP.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const OPTIONS = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save', '--fetch-retries=0',
  '--fetch-timeout=10000'];
const FAULTS_SHOWN = 20;

/**
 * require() for what is in the folder, which appears whole or not at all, so that tests side by side can share it. Where
 * it cannot be had the whole test is skipped, said loudly, within seconds: npm by itself would try again for a minute.
 */
export function npmRequire(folder, packages) {
  const place = resolve(folder);
  const names = packages.map((one) => one.replace(/(.)@.*/, '$1'));

  const isThere = () => names.every((name) => existsSync(join(place, 'node_modules', name, 'package.json')));

  if (!isThere()) {
    mkdirSync(dirname(place), { recursive: true });
    const made = mkdtempSync(`${place}-`);
    try {
      execFileSync('npm', ['install', '--prefix', made, ...OPTIONS, ...packages],
        { stdio: ['ignore', 'ignore', 'pipe'], timeout: 180000 });
      if (!isThere()) rmSync(place, { recursive: true, force: true });
      renameSync(made, place);
    } catch (error) {
      rmSync(made, { recursive: true, force: true });
      if (!isThere()) { // else another test was faster
        console.log(`1..0 # SKIP ${packages} could not be installed by npm: ${String(error.message).split('\n')[0]}`);
        console.error(`SKIPPED, nothing was tested: ${error.message}`);
        process.exit(0);
      }
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

  /** A case that goes on when something is not so: the test gets a function that notes it. */
  collect(name, test) {
    return this.run(name, async () => {
      const faults = [];

      await test((good, what) => { if (!good) faults.push(what); });
      const more = faults.length > FAULTS_SHOWN ? [`and ${faults.length - FAULTS_SHOWN} more`] : [];
      check(faults.length === 0, [...faults.slice(0, FAULTS_SHOWN), ...more].join('\n'));
    });
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
