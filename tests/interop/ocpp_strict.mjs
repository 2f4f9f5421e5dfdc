// OCPP against the strict validators of the npm package ocpp-rpc, which hold messages against the schemas of the Open
// Charge Alliance.
//
// Usage: node ocpp_strict.mjs OCPP_PIPE FOLDER      ocpp-rpc is in the folder, or is put there by npm
//
// Two things are compared. Sessions: a charge point is played over ocpp_pipe, in both versions, and whatever comes out
// of it must pass the validators. Tables: from each schema payloads are made, right ones and ones with one thing wrong,
// and our tables must say what the validator says; of what kind a wrong one is, is known from how it was made.
// Without node's npm or without a network the test is skipped, and says so.
import { spawn } from 'node:child_process';
import { resolve as absolute } from 'node:path';
import { createInterface } from 'node:readline';

import { Tap, npmRequire } from './npm.mjs';

const [pipePath, folder] = process.argv.slice(2).map((path) => absolute(path));

const require = npmRequire(folder, ['ocpp-rpc@2.2.1']);

function load() {
  const schemas = (name) => {
    const read = require(`ocpp-rpc/lib/schemas/${name}.json`);
    return Array.isArray(read) ? read : Object.values(read);
  };
  return {
    validators: Object.fromEntries(require('ocpp-rpc/lib/standard-validators.js').map((one) => [one.subprotocol, one])),
    schemas: { 'ocpp1.6': schemas('ocpp1_6'), 'ocpp2.0.1': schemas('ocpp2_0_1') },
  };
}

const { validators, schemas } = load();

// The program

class Pipe {
  constructor(version) {
    this.version = version;
    this.child = spawn(pipePath, [version], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  // The lines that come of one line, without the "." behind them.
  async ask(line) {
    const out = [];

    this.child.stdin.write(`${line}\n`);
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`ocpp_pipe ended at: ${line}`);
      if (value === '.') return out;
      out.push(value);
    }
  }

  async close() {
    const ended = new Promise((resolve) => { this.child.on('exit', resolve); });

    this.child.stdin.end();
    return ended;
  }
}

// A charge point: asks, answers, and holds all it gets against the validators.
class Point {
  constructor(version, check) {
    this.pipe = new Pipe(version);
    this.validator = validators[version];
    this.check = check;
    this.id = 0;
    this.frames = 0;
    this.commands = [];
  }

  valid(schema, payload) {
    try {
      this.validator.validate(schema, payload);
    } catch (error) {
      this.check(false, `${schema} ${JSON.stringify(payload)}: ${error.message}`);
    }
  }

  take(lines, action, id) {
    let answer = null;

    for (const line of lines.filter((one) => one.startsWith('> '))) {
      const frame = JSON.parse(line.slice(2));
      this.frames++;
      if (frame[0] === 2) {
        this.check(frame.length === 4 && typeof frame[1] === 'string' && frame[1].length <= 36, `frame ${line}`);
        this.valid(`urn:${frame[2]}.req`, frame[3]);
        this.commands.push(frame);
      } else if (frame[0] === 3) {
        this.check(frame.length === 3 && frame[1] === id, `frame ${line}`);
        this.valid(`urn:${action}.conf`, frame[2]);
        answer = frame[2];
      } else {
        this.check(frame[0] === 4 && frame.length === 5 && frame[1] === id && typeof frame[2] === 'string'
          && typeof frame[3] === 'string' && frame[3].length <= 255, `frame ${line}`);
        answer = frame;
      }
    }
    return answer;
  }

  async call(action, payload) {
    const id = `m${++this.id}`;

    this.valid(`urn:${action}.req`, payload); // the test's own message
    const answer = this.take(await this.pipe.ask(JSON.stringify([2, id, action, payload])), action, id);

    this.check(answer && !Array.isArray(answer), `${action} was answered ${JSON.stringify(answer)}`);
    return answer;
  }

  // A command of the city, and the point's answer to it.
  async command(name, action, answer) {
    const lines = await this.pipe.ask(`!command ${name}`);

    this.take(lines);
    const frame = this.commands.shift();

    this.check(lines.includes('= ok') && frame && frame[2] === action, `!command ${name}: ${lines.join(' | ')}`);
    if (!frame) return null;
    this.valid(`urn:${action}.conf`, answer);
    const told = await this.pipe.ask(JSON.stringify([3, frame[1], answer]));

    this.check(told[0] === `# ${action} 0`, `the answer to ${action}: ${told.join(' | ')}`);
    return frame[3];
  }
}

const sampled = (value, more) => ({ value, ...more });
const T = '2026-01-01T00:00:00Z';

async function session16(check) {
  const point = new Point('ocpp1.6', check);
  const boot = await point.call('BootNotification',
    { chargePointVendor: 'VendorX', chargePointModel: 'SingleSocketCharger' });

  check(boot.status === 'Accepted' && boot.interval > 0, 'boot');
  await point.call('Heartbeat', {});
  check((await point.call('Authorize', { idTag: 'A1' })).idTagInfo.parentIdTag === 'FAMILY', 'accepted');
  check((await point.call('Authorize', { idTag: 'BLOCKED' })).idTagInfo.status === 'Blocked', 'blocked');
  await point.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' });
  const started = { connectorId: 1, idTag: 'A1', meterStart: 100, timestamp: T };
  const first = await point.call('StartTransaction', started);
  const again = await point.call('StartTransaction', started);

  check(first.transactionId === again.transactionId, 'a repeated start is one transaction');
  await point.call('MeterValues', { connectorId: 1, transactionId: first.transactionId, meterValue: [{ timestamp: T,
    sampledValue: [sampled('100.5'), sampled('7.2', { measurand: 'Power.Active.Import', unit: 'kW',
      phase: 'L1-N' })] }] });
  await commands(point);
  await point.call('StopTransaction', { transactionId: first.transactionId, idTag: 'A1', meterStop: 900, timestamp: T,
    reason: 'EVDisconnected', transactionData: [{ timestamp: T, sampledValue: [sampled('900')] }] });
  await point.call('DataTransfer', { vendorId: 'x' });
  await point.call('DiagnosticsStatusNotification', { status: 'Idle' });
  await point.call('FirmwareStatusNotification', { status: 'Installed' });
  await point.call('SecurityEventNotification', { type: 'FirmwareUpdated', timestamp: T });
  await point.call('LogStatusNotification', { status: 'Uploaded', requestId: 1 });
  await point.call('SignedFirmwareStatusNotification', { status: 'Installed', requestId: 1 });
  check(await point.pipe.close() === 0, 'ocpp_pipe ended well');
  check(point.frames > 30, `only ${point.frames} messages were looked at`);
}

async function commands(point) {
  const accepted = { status: 'Accepted' };

  await point.command('set-most', 'SetChargingProfile', accepted);
  await point.command('set-default', 'SetChargingProfile', { status: 'Rejected' });
  await point.command('set-running', 'SetChargingProfile', accepted);
  await point.command('clear-id', 'ClearChargingProfile', { status: 'Unknown' });
  await point.command('clear-level', 'ClearChargingProfile', accepted);
  await point.command('composite', 'GetCompositeSchedule', accepted);
  await point.command('inoperative', 'ChangeAvailability', { status: 'Scheduled' });
  await point.command('operative', 'ChangeAvailability', accepted);
  await point.command('unlock', 'UnlockConnector', { status: 'Unlocked' });
  await point.command('trigger', 'TriggerMessage', { status: 'NotImplemented' });
  await point.command('clear-cache', 'ClearCache', accepted);
  await point.command('reset', 'Reset', accepted);
  await point.command('reset-soft', 'Reset', { status: 'Rejected' });
  if (point.pipe.version === 'ocpp1.6') {
    await point.command('start', 'RemoteStartTransaction', accepted);
    await point.command('start-anywhere', 'RemoteStartTransaction', accepted);
    await point.command('stop', 'RemoteStopTransaction', accepted);
    await point.command('set-value', 'ChangeConfiguration', { status: 'RebootRequired' });
    await point.command('get-values', 'GetConfiguration', { configurationKey: [{ key: 'a', readonly: true,
      value: '1' }] });
    return;
  }
  const of = { component: { name: 'OCPPCommCtrlr' }, variable: { name: 'HeartbeatInterval' } };

  await point.command('start', 'RequestStartTransaction', { status: 'Accepted', transactionId: 'T1' });
  await point.command('start-anywhere', 'RequestStartTransaction', { status: 'Rejected', statusInfo:
    { reasonCode: 'x' } });
  await point.command('stop', 'RequestStopTransaction', accepted);
  await point.command('set-value', 'SetVariables', { setVariableResult: [{ attributeStatus: 'Accepted', ...of }] });
  await point.command('get-values', 'GetVariables', { getVariableResult: [{ attributeStatus: 'Accepted',
    attributeValue: '60', ...of }] });
}

const event201 = (eventType, seqNo, triggerReason, more) => ({ eventType, timestamp: T, triggerReason, seqNo,
  transactionInfo: { transactionId: 'T1' }, ...more });

async function session201(check) {
  const point = new Point('ocpp2.0.1', check);
  const token = { idToken: 'A1', type: 'ISO14443' };
  const boot = await point.call('BootNotification', { reason: 'PowerUp', chargingStation: { model: 'M',
    vendorName: 'V' } });

  check(boot.status === 'Accepted', 'boot');
  await point.call('Heartbeat', {});
  check((await point.call('Authorize', { idToken: token })).idTokenInfo.groupIdToken.idToken === 'FAMILY',
    'accepted');
  await point.call('StatusNotification', { timestamp: T, connectorStatus: 'Occupied', evseId: 1, connectorId: 1 });
  const meterValue = [{ timestamp: T, sampledValue: [sampled(1.5, { context: 'Transaction.Begin',
    unitOfMeasure: { unit: 'kWh', multiplier: 0 } })] }];
  const started = await point.call('TransactionEvent', event201('Started', 0, 'Authorized', { idToken: token,
    evse: { id: 1, connectorId: 1 }, meterValue }));

  check(started.idTokenInfo.status === 'Accepted', 'started');
  await point.call('TransactionEvent', event201('Updated', 1, 'MeterValuePeriodic', { meterValue, offline: true }));
  await commands(point);
  await point.call('TransactionEvent', event201('Ended', 2, 'EVDeparted', { meterValue }));
  await point.call('MeterValues', { evseId: 0, meterValue });
  await point.call('NotifyReport', { requestId: 1, generatedAt: T, seqNo: 0, reportData: [{ component: { name: 'C' },
    variable: { name: 'V' }, variableAttribute: [{ value: '1' }] }] });
  await point.call('NotifyEvent', { generatedAt: T, seqNo: 0, eventData: [{ eventId: 1, timestamp: T,
    trigger: 'Delta',
    actualValue: '1', component: { name: 'C' }, variable: { name: 'V' }, eventNotificationType: 'CustomMonitor' }] });
  await point.call('NotifyEVChargingNeeds', { evseId: 1, chargingNeeds: { requestedEnergyTransfer: 'DC' } });
  await point.call('NotifyEVChargingSchedule', { timeBase: T, evseId: 1, chargingSchedule: { id: 1,
    chargingRateUnit: 'W',
    chargingSchedulePeriod: [{ startPeriod: 0, limit: 1 }] } });
  await point.call('DataTransfer', { vendorId: 'x', data: { any: [1] } });
  await point.call('FirmwareStatusNotification', { status: 'Installed' });
  await point.call('LogStatusNotification', { status: 'Idle' });
  await point.call('SecurityEventNotification', { type: 'FirmwareUpdated', timestamp: T });
  await point.call('ReservationStatusUpdate', { reservationId: 1, reservationUpdateStatus: 'Expired' });
  check(await point.pipe.close() === 0, 'ocpp_pipe ended well');
  check(point.frames > 30, `only ${point.frames} messages were looked at`);
}

// Payloads from schemas

const resolve = (schema, root) => (schema.$ref ? root.definitions[schema.$ref.split('/').pop()] : schema);

// A right payload: with all members, or only those that have to be there.
function make(schemaOrRef, root, all) {
  const schema = resolve(schemaOrRef, root);

  if (schema.enum) return schema.enum[0];
  switch (schema.type) {
    case 'string': return schema.format === 'date-time' ? T : schema.format === 'uri' ? 'http://x/' : 'x';
    case 'integer': return schema.minimum ?? 1;
    case 'number': return 1.5;
    case 'boolean': return true;
    case 'array': return Array.from({ length: Math.max(schema.minItems ?? 1, 1) }, () => make(schema.items, root,
      all));
    case 'object': {
      const object = {};
      for (const [name, member] of Object.entries(schema.properties ?? {}))
        if (all || (schema.required ?? []).includes(name)) object[name] = make(member, root, all);
      return object;
    }
    default: return { any: 'thing' };
  }
}

// RFC 3339, to which the schemas' date-time refers, has no time without a zone; the validator's library lets it pass.
const NO_ZONE = '2026-01-01T00:00:00';

const TYPE = 'TypeConstraintViolation';
const PROPERTY = 'PropertyConstraintViolation';
const OCCURRENCE = 'Occur+enceConstraintViolation';
const STRUCTURE = 'ProtocolError|FormationViolation';

// What can be wrong with one value: [another value, the code it should get, or null where it is right].
function* wrongValues(schema, value) {
  if (schema.enum) {
    yield ['no such word', PROPERTY];
    for (const word of schema.enum) yield [word, null];
    yield [schema.enum.slice(0, 2).join(' '), schema.enum.length > 1 ? PROPERTY : null];
  }
  switch (schema.type) {
    case 'string':
      yield [17, TYPE];
      yield [null, TYPE];
      if (schema.maxLength) {
        yield ['\u00e9'.repeat(schema.maxLength), null];
        yield ['\u00e9'.repeat(schema.maxLength + 1), PROPERTY];
      }
      if (schema.format === 'date-time') {
        yield ['2026-01-01', PROPERTY];
        yield [NO_ZONE, PROPERTY];
        yield ['2026-13-01T00:00:00Z', PROPERTY];
        yield ['2026-01-01T00:00:00.123456789+09:00', null];
      }
      break;
    case 'integer':
      yield ['1', TYPE];
      yield [1.5, TYPE];
      yield [-2147483648, schema.minimum === undefined ? null : PROPERTY];
      if (schema.maximum !== undefined) yield [schema.maximum + 1, PROPERTY];
      break;
    case 'number':
      yield ['1', TYPE];
      yield [true, TYPE];
      yield [-3, null];
      yield [0.25, schema.multipleOf ? PROPERTY : null];
      yield [8.1, null];
      break;
    case 'boolean':
      yield ['true', TYPE];
      break;
    case 'array':
      yield [{}, TYPE];
      yield [[], schema.minItems ? OCCURRENCE : null];
      if (schema.maxItems) yield [Array.from({ length: schema.maxItems + 1 }, () => value[0]), OCCURRENCE];
      break;
    case 'object':
      yield [[], TYPE];
      yield ['x', TYPE];
      yield [{ ...value, unheardOf: 1 }, schema.additionalProperties === false ? STRUCTURE : null];
      for (const name of schema.required ?? []) {
        const { [name]: gone, ...rest } = value;
        yield [rest, OCCURRENCE];
      }
      break;
    default:
      yield [[1, null, 'any'], null];
  }
}

// Every payload with one value replaced, at every depth.
function* variants(schemaOrRef, root, value) {
  const schema = resolve(schemaOrRef, root);

  yield* wrongValues(schema, value);
  if (schema.type === 'array')
    for (const [item, code] of variants(schema.items, root, value[0])) yield [[item, ...value.slice(1)], code];
  if (schema.type === 'object')
    for (const [name, member] of Object.entries(schema.properties ?? {}))
      if (name in value)
        for (const [inner, code] of variants(member, root, value[name])) yield [{ ...value, [name]: inner }, code];
}

// Actions that our tables leave out, because the city neither takes nor makes them.
const LEFT_OUT = {
  'ocpp1.6': 'CertificateSigned DeleteCertificate GetDiagnostics GetInstalledCertificateIds GetLog InstallCertificate '
    + 'SignedUpdateFirmware UpdateFirmware',
  'ocpp2.0.1': 'CertificateSigned ClearDisplayMessage ClearVariableMonitoring CustomerInformation DeleteCertificate '
    + 'GetDisplayMessages GetInstalledCertificateIds GetLog GetMonitoringReport InstallCertificate PublishFirmware '
    + 'SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile SetVariableMonitoring '
    + 'UnpublishFirmware UpdateFirmware',
};

function verdict(validator, id, payload) {
  try {
    return validator.validate(id, payload);
  } catch {
    return false;
  }
}

async function compare(pipe, id, payload, code, check) {
  const [, action, kind] = id.match(/^urn:(\w+)\.(req|conf)$/);
  const text = JSON.stringify(payload);
  const theirs = !text.includes(`"${NO_ZONE}"`) && verdict(validators[pipe.version], id, payload);
  const [ours] = await pipe.ask(`!check ${kind === 'req' ? 'request' : 'answer'} ${action} ${text}`);

  if ((code === null) !== theirs) check(false, `the test itself is wrong about ${id} ${text}`);
  else if (code === null) check(ours === '= ok', `${id} ${text}: ${ours}`);
  else check(new RegExp(`^= (${code}) `).test(ours), `${id} ${text}: ${ours}, not ${code}`);
}

async function tables(version, check) {
  const pipe = new Pipe(version);
  const leftOut = new Set(LEFT_OUT[version].split(' '));
  const seen = new Set();
  let compared = 0;

  for (const root of schemas[version]) {
    const action = root.$id.match(/^urn:(\w+)\./)[1];
    if (leftOut.has(action)) {
      seen.add(action);
      check((await pipe.ask(`!check request ${action} {}`))[0] === '= unknown', `${action} is not left out`);
      continue;
    }
    for (const all of [true, false]) {
      const right = make(root, root, all);
      await compare(pipe, root.$id, right, null, check);
      for (const [payload, code] of variants(root, root, right)) {
        await compare(pipe, root.$id, payload, code, check);
        compared++;
      }
    }
  }
  check(seen.size === leftOut.size, 'every action that is left out exists');
  check(compared > 1000, `only ${compared} payloads were compared`);
  console.log(`# ${version}: ${compared} payloads`);
  await pipe.close();
}

const tap = new Tap();

await tap.collect('a session of OCPP 1.6 passes strict validation', session16);
await tap.collect('a session of OCPP 2.0.1 passes strict validation', session201);
await tap.collect('the tables of OCPP 1.6 agree with its schemas', (check) => tables('ocpp1.6', check));
await tap.collect('the tables of OCPP 2.0.1 agree with its schemas', (check) => tables('ocpp2.0.1', check));
tap.done();
