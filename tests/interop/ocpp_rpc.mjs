// The npm package ocpp-rpc, put into a folder at the first run. A network that is not there is noticed within seconds:
// npm by itself would try again for more than a minute. The folder appears whole or not at all, so that tests that run
// side by side can share it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PACKAGE = 'ocpp-rpc@2.2.1';
const OPTIONS = ['--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=0', '--fetch-timeout=10000'];
const INSTALL_MS = 60000;

const packageIn = (folder) => join(folder, 'node_modules', 'ocpp-rpc');

// The package's folder. Where it cannot be had the test ends here: skipped, and says so.
export function install(folder, name) {
  if (existsSync(packageIn(folder))) return packageIn(folder);
  mkdirSync(dirname(folder), { recursive: true });
  const made = mkdtempSync(`${folder}-`);
  try {
    execFileSync('npm', ['install', '--prefix', made, ...OPTIONS, PACKAGE],
      { stdio: ['ignore', 'ignore', 'pipe'], timeout: INSTALL_MS });
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (existsSync(packageIn(folder))) return packageIn(folder); // another test was faster
    console.log(`1..0 # SKIP ${PACKAGE} could not be installed by npm: ${String(error.message).split('\n')[0]}`);
    console.error(`${name}: SKIPPED, nothing was compared: ${error.message}`);
    process.exit(0);
  }
  return packageIn(folder);
}

// TAP: run() for each case, with a function that notes what is not so; done() at the end.
let cases = 0;
let failed = 0;

export async function run(name, test) {
  const faults = [];
  const check = (good, what) => { if (!good) faults.push(what); };

  try {
    await test(check);
  } catch (error) {
    faults.push(error.stack);
  }
  cases++;
  failed += faults.length > 0;
  for (const fault of faults.slice(0, 20)) console.log(`# ${fault.replaceAll('\n', '\n# ')}`);
  if (faults.length > 20) console.log(`# and ${faults.length - 20} more`);
  console.log(`${faults.length ? 'not ok' : 'ok'} ${cases} - ${name}`);
}

export function done() {
  console.log(`1..${cases}`);
  process.exit(failed ? 1 : 0);
}
