// The tables of src/echonet against those of the npm package picogw-plugin-echonet, which has release G of the appendix as
// data: sizes, signs, scales, ranges, units and codes of every property that both have.
//
// Usage: node echonet_tables.mjs ECHONET_TABLES FOLDER      the package is in the folder, or is put there by npm
//
// Where a later release of the appendix, or its Machine Readable Appendix, says otherwise than the package, the difference
// stands in `later` with the reason. Without npm or a network the test is skipped, and says so.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { npmRequire } from './npm.mjs';

const PACKAGE = 'picogw-plugin-echonet@1.0.11';
const [program, folder] = process.argv.slice(2).map((path) => resolve(path));
const library = join(folder, 'tables');

npmRequire(library, [PACKAGE]);

const file = join(library, 'node_modules', 'picogw-plugin-echonet', 'all_Body.json');
const theirs = JSON.parse(readFileSync(file)).elObjects;
const ours = execFileSync(program, { encoding: 'utf8' }).trim().split('\n').map((line) => JSON.parse(line));

// Properties that release G does not have, and what later releases changed.
const later = {
  since: new Set(['0288 C0', '0288 D0', '0279 A0', '0279 A1', '0279 C3', '0279 D1', '027D A0', '027D A1', '027D A2', '027D A3',
    '027D A4', '027D A5', '027D A6', '027D A7', '027D A8', '027D A9', '027D AA', '027D AB', '027D C1', '027D C2', '027D C7',
    '027E E6', '02A1 CE', '02A1 CF', '02A1 E6', '02A1 E7']),
  // The MRA (v1.3.1) has kW for 30-minute average power, Ah for a capacity, 0.001 kWh for energies and W for a charger's
  // power; and a day of the month is no duration.
  units: { '028A C3': 'KWT', '028A E0': '', '027D D1': 'AMH', '027D D6': 'KWH', '027D D8': 'KWH', '02A1 D3': 'WTT' },
};
const units = { WTT: 'W', KWT: 'kW', WHR: 'Wh', KWH: 'kWh', K3: 'kvarh', AMP: 'A', AMH: 'Ah', VLT: 'V', CEL: '℃', P1: '%', MTQ: 'm3', MQH: 'm3/h', LTR: 'L', '3B': 'MJ', DAY: 'day', '': '' };

let cases = 0;
let failed = 0;
let compared = 0;

function report(name, faults) {
  cases++;
  failed += faults.length > 0;
  for (const fault of faults) console.log(`# ${fault}`);
  console.log(`${faults.length ? 'not ok' : 'ok'} ${cases} - ${name}`);
}

// The elements of a property with their places in it, repeated ones one by one.
function elements(property) {
  const list = [];
  let at = 0;
  for (const element of property.edt) {
    for (let i = 0; i < element.repeatCount; i++) {
      list.push({ at, size: element.elementSize, ...element.content });
      at += element.elementSize;
    }
  }
  return list;
}

function compare(field) {
  const key = `${field.class} ${field.epc}`;
  const property = theirs[`0x${field.class}`]?.epcs[`0x${field.epc}`];
  const faults = [];
  const check = (good, what) => { if (!good) faults.push(`${key} ${field.name}: ${what}`); };

  if (!property) {
    check(later.since.has(key), 'the package does not have it');
    return faults;
  }
  compared++;
  // Their size of what has no fixed length is its largest.
  if (field.bytes) check(field.bytes === property.epcSize, `${field.bytes} bytes, theirs ${property.epcSize}`);
  const element = elements(property).find((one) => one.at === field.at);
  if (!element) {
    check(false, `nothing at byte ${field.at}`);
    return faults;
  }
  if (field.size) check(field.size === element.size || field.form === 'bytes' || field.form === 'date', `size ${field.size}, theirs ${element.size}`);
  const number = element.numericValue;
  if (field.form === 'unsigned' || field.form === 'signed') {
    check(number, 'it is no number there');
    if (!number) return faults;
    check((number.integerType === 'Signed') === (field.form === 'signed'), `${field.form}, theirs ${number.integerType}`);
    check((number.magnification ?? 0) === field.exponent, `10^${field.exponent}, theirs 10^${number.magnification}`);
    check(number.min === field.min && number.max === field.max, `${field.min} to ${field.max}, theirs ${number.min} to ${number.max}`);
    check((later.units[key] ?? field.unit) === field.unit && (key in later.units || units[field.unit] === (number.unit ?? '')), `${field.unit}, theirs ${number.unit}`);
  }
  if (field.codes.length) {
    const codes = Object.keys(element.keyValues ?? {}).map((code) => parseInt(code, 16));
    if (element.level) for (let code = element.level.min; code <= element.level.max; code++) codes.push(code);
    const missing = codes.filter((code) => !field.codes.includes(code));
    check(missing.every((code) => code === 0xfd), `codes ${missing.map((code) => code.toString(16))} are not known`);
  }
  if (field.form === 'power') check(Object.keys(element.keyValues ?? {}).length > 0, 'no codes there');
  if (field.timed) check(elements(property)[0].customType === 'YYMD' && elements(property)[1].customType === 'HMS', 'no date and time');
  return faults;
}

const classes = [...new Set(ours.map((field) => field.class))];
for (const code of classes) {
  report(`class ${code}`, ours.filter((field) => field.class === code).flatMap(compare));
}
report(`${compared} values were compared`, compared >= 200 ? [] : ['fewer than expected']);
console.log(`1..${cases}`);
process.exit(failed ? 1 : 0);
