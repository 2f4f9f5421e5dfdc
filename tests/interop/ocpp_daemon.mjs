// The daemon and the npm package ocpp-rpc as a charge point in its strict mode, which holds each message that it sends
// and each that it gets against the schemas of the Open Charge Alliance, and answers or fails by itself where one breaks
// them.
//
// Usage: node ocpp_daemon.mjs MACHI FOLDER      ocpp-rpc is in the folder, or is put there by npm
//
// Both versions: boot, heartbeat, authorise, transactions, meter values, and commands of the city: remote start and stop,
// smart charging, availability, unlocking, resets. Without node's npm or without a network the test is skipped, and says
// so.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';

import { Tap, npmRequire, until } from './npm.mjs';

const [machi, folder] = process.argv.slice(2).map((path) => absolute(path));
const { RPCClient } = npmRequire(folder, ['ocpp-rpc@2.2.1'])('ocpp-rpc');
const PATIENCE_MS = 20000;
const PASSWORD = 'sixteen-or-more-bytes';
const TOKEN = 'B4A63CDF';
const ENTITIES = '/ngsi-ld/v1/entities';
const POINT = 'urn:ngsi-ld:EVChargingPoint:park:CP-1:1';
const STATION = 'urn:ngsi-ld:EVChargingStation:park:CP-1';

const SETTINGS = `feeds:
  - name: park
    ocpp:
      stations: [{id: CP-1, password: ${PASSWORD}}]
      tokens: [{id: ${TOKEN}, name: fleet, parent: FAMILY, expires: 2099-01-01T00:00:00Z}]
    commands:
      - {type: EVChargingPoint, attribute: start, send: {action: remote_start, token: "{value}"}}
      - {type: EVChargingPoint, attribute: stop, send: {action: remote_stop}}
      - {type: EVChargingPoint, attribute: limit, send: {action: limit, unit: A, phases: 3}}
      - {type: EVChargingPoint, attribute: profile, send: {action: set_profile}}
      - {type: EVChargingPoint, attribute: clear, send: {action: clear_profile, purpose: tx_default}}
      - {type: EVChargingPoint, attribute: operative, send: {action: availability}}
      - {type: EVChargingPoint, attribute: unlock, send: {action: unlock}}
      - {type: EVChargingStation, attribute: most, send: {action: limit, unit: W}}
      - {type: EVChargingStation, attribute: reset, send: {action: reset}}
      - {type: EVChargingStation, attribute: trigger, send: {action: trigger, message: "{value}"}}
`;

class Daemon {
  async start() {
    this.folder = mkdtempSync(join(tmpdir(), 'machi-ocpp-rpc-'));
    writeFileSync(join(this.folder, 'machi.yaml'), SETTINGS);
    this.log = '';
    this.child = spawn(machi, ['serve', '--open', '--data', join(this.folder, 'data'), '--listen', '127.0.0.1:0', '--config',
      join(this.folder, 'machi.yaml')], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child.stderr.on('data', (text) => { this.log += text; });
    this.port = await until(() => {
      if (this.child.exitCode !== null) throw new Error(`the daemon does not start:\n${this.log}`);
      return Number(this.log.match(/url"?[=:]"?http:\/\/[^ "]*:(\d+)\//)?.[1]);
    }, 'the daemon starts');
    await until(async () => (await this.get('/api/v1/feeds/park'))?.state === 'up', 'the feed is up');
    return this;
  }

  async get(path) {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`);

    return answer.ok ? answer.json() : null;
  }

  async set(id, attribute, value) {
    const answer = await fetch(`http://127.0.0.1:${this.port}${ENTITIES}/${id}/attrs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ [attribute]: { type: 'Property', value } }),
    });
    if (answer.status !== 204) throw new Error(`${attribute}: ${answer.status} ${await answer.text()}`);
  }

  entity(id) {
    return this.get(`${ENTITIES}/${id}?options=sysAttrs`);
  }

  // A command, and how it ended.
  async command(id, attribute, value) {
    await this.set(id, attribute, value);
    return until(async () => {
      const entity = await this.entity(id);
      const [told, status] = [entity[attribute], entity[`${attribute}Status`]];
      return status && status.value !== 'PENDING'
        && status.commandedAt.value['@value'] === (told.modifiedAt ?? told.createdAt) && status;
    }, `${attribute} ends`);
  }

  async stop() {
    const ended = new Promise((resolve) => { this.child.on('exit', resolve); });

    this.child.kill('SIGTERM');
    const code = await ended;
    rmSync(this.folder, { recursive: true });
    return code;
  }
}

// A charge point that notes what it is asked; what breaks a schema, in either direction, is a fault.
function makePoint(daemon, protocol, check, answers) {
  const point = new RPCClient({
    endpoint: `ws://127.0.0.1:${daemon.port}/ocpp/park`,
    identity: 'CP-1',
    password: PASSWORD,
    protocols: [protocol],
    strictMode: true,
    reconnect: false,
    callTimeoutMs: PATIENCE_MS,
  });

  point.asked = [];
  point.on('strictValidationFailure', ({ error }) => check(false, `strict mode: ${error.message}`));
  point.handle(({ method, params }) => {
    point.asked.push([method, params]);
    return answers[method] ?? { status: 'Accepted' };
  });
  return point;
}

const now = (secondsAgo = 0) => new Date(Date.now() - secondsAgo * 1000).toISOString();
const same = (check, got, wanted, what) => check(JSON.stringify(got) === JSON.stringify(wanted),
  `${what}: ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);

// What both versions are asked. *names: of the messages that differ.
async function commands(daemon, point, check, names) {
  const asked = async (id, attribute, value, method) => {
    const status = await daemon.command(id, attribute, value);
    const [last, params] = point.asked.at(-1);

    check(status.value === 'OK', `${attribute}: ${status.value} ${status.reason?.value}`);
    check(last === method, `${attribute} became ${last}`);
    return params;
  };

  await asked(POINT, 'limit', 16, 'SetChargingProfile');
  await asked(STATION, 'most', 43000.5, 'SetChargingProfile');
  await asked(POINT, 'profile', { id: 7, stackLevel: 2, kind: 'Daily', start: '2026-01-01T00:00:00Z', unit: 'W',
    validTo: '2030-01-01T00:00:00Z', periods: [{ start: 0, limit: 11000 }, { start: 64800, limit: 3700, phases: 1 }] },
  'SetChargingProfile');
  await asked(POINT, 'profile', { id: 8, purpose: 'Tx', kind: 'Relative', unit: 'A', duration: 3600,
    periods: [{ start: 0, limit: 10.5 }] }, 'SetChargingProfile');
  await asked(POINT, 'clear', true, 'ClearChargingProfile');
  await asked(POINT, 'operative', true, 'ChangeAvailability');
  await asked(POINT, 'unlock', true, 'UnlockConnector');
  await asked(STATION, 'trigger', 'StatusNotification', 'TriggerMessage');
  await asked(STATION, 'reset', names.reset, 'Reset');
  await asked(POINT, 'stop', true, names.stop);
  check(point.asked.length >= 10, 'what was asked');
}

async function session16(check) {
  const daemon = await new Daemon().start();
  const point = makePoint(daemon, 'ocpp1.6', check, { UnlockConnector: { status: 'Unlocked' } });

  await point.connect();
  check(point.protocol === 'ocpp1.6', 'the protocol');
  const boot = await point.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' });
  check(boot.status === 'Accepted', 'boot');
  await point.call('Heartbeat', {});
  await point.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing', timestamp: now() });
  const { idTagInfo } = await point.call('Authorize', { idTag: TOKEN });
  check(idTagInfo.status === 'Accepted' && idTagInfo.parentIdTag === 'FAMILY', 'authorised');
  check((await point.call('Authorize', { idTag: 'OTHER' })).idTagInfo.status === 'Invalid', 'a stranger');
  const started = await daemon.command(POINT, 'start', 'fleet');
  check(started.value === 'OK', `remote start: ${started.reason?.value}`);
  same(check, point.asked.at(-1), ['RemoteStartTransaction', { connectorId: 1, idTag: TOKEN }], 'remote start');
  const { transactionId } = await point.call('StartTransaction', { connectorId: 1, idTag: TOKEN, meterStart: 0,
    timestamp: now(60) });
  await point.call('MeterValues', { connectorId: 1, transactionId, meterValue: [{ timestamp: now(30), sampledValue: [
    { value: '4200' }, { value: '7.4', measurand: 'Power.Active.Import', unit: 'kW', phase: 'L1-N' }] }] });
  await commands(daemon, point, check, { reset: 'Soft', stop: 'RemoteStopTransaction' });
  await point.call('StopTransaction', { transactionId, idTag: TOKEN, meterStop: 8400, timestamp: now(),
    reason: 'Remote' });
  const session = await daemon.entity(`urn:ngsi-ld:EVChargingSession:park:CP-1:${transactionId}`);
  same(check, [session.status.value, session.energyDelivered.value], ['ended', 8400], 'the session');
  check((await daemon.entity(POINT)).powerActiveImportL1N.value === 7.4, 'the meter');
  await point.call('DataTransfer', { vendorId: 'x' });
  await point.call('SecurityEventNotification', { type: 'FirmwareUpdated', timestamp: now() });
  await point.close();
  check(await daemon.stop() === 0, 'the daemon ends well');
}

async function session201(check) {
  const daemon = await new Daemon().start();
  const point = makePoint(daemon, 'ocpp2.0.1', check, { UnlockConnector: { status: 'Unlocked' } });
  const token = { idToken: TOKEN, type: 'ISO14443' };
  const event = (eventType, seqNo, triggerReason, more) => point.call('TransactionEvent', { eventType, seqNo,
    triggerReason, timestamp: now(), transactionInfo: { transactionId: 'T-1', chargingState: 'Charging' }, ...more });

  await point.connect();
  check(point.protocol === 'ocpp2.0.1', 'the protocol');
  const boot = await point.call('BootNotification', { reason: 'PowerUp', chargingStation: { model: 'M',
    vendorName: 'V' } });
  check(boot.status === 'Accepted', 'boot');
  await point.call('Heartbeat', {});
  await point.call('StatusNotification', { timestamp: now(), connectorStatus: 'Available', evseId: 1, connectorId: 1 });
  const { idTokenInfo } = await point.call('Authorize', { idToken: token });
  check(idTokenInfo.status === 'Accepted' && idTokenInfo.groupIdToken.idToken === 'FAMILY', 'authorised');
  const started = await daemon.command(POINT, 'start', 'fleet');
  check(started.value === 'OK', `remote start: ${started.reason?.value}`);
  const [method, { remoteStartId }] = point.asked.at(-1);
  check(method === 'RequestStartTransaction', method);
  await event('Started', 0, 'RemoteStart', { idToken: token, evse: { id: 1, connectorId: 1 }, transactionInfo: {
    transactionId: 'T-1', chargingState: 'Charging', remoteStartId }, meterValue: [{ timestamp: now(60), sampledValue: [
    { value: 10, context: 'Transaction.Begin', unitOfMeasure: { unit: 'kWh' } }] }] });
  await event('Updated', 1, 'MeterValuePeriodic', { meterValue: [{ timestamp: now(30), sampledValue: [
    { value: 11, measurand: 'Power.Active.Import', unitOfMeasure: { unit: 'kW' } }] }] });
  await commands(daemon, point, check, { reset: 'OnIdle', stop: 'RequestStopTransaction' });
  await event('Ended', 2, 'RemoteStop', { transactionInfo: { transactionId: 'T-1', stoppedReason: 'Remote' },
    meterValue: [{ timestamp: now(), sampledValue: [{ value: 17.5, context: 'Transaction.End', unitOfMeasure: {
      unit: 'kWh' } }] }] });
  const session = await daemon.entity('urn:ngsi-ld:EVChargingSession:park:CP-1:T-1');
  same(check, [session.status.value, session.energyDelivered.value, session.remoteStartId.value],
    ['ended', 7500, remoteStartId], 'the session');
  check((await daemon.entity(POINT)).powerActiveImport.value === 11, 'the meter');
  await point.call('MeterValues', { evseId: 1, meterValue: [{ timestamp: now(), sampledValue: [{ value: 1 }] }] });
  await point.call('NotifyEVChargingNeeds', { evseId: 1, chargingNeeds: { requestedEnergyTransfer: 'DC' } });
  await point.call('SecurityEventNotification', { type: 'FirmwareUpdated', timestamp: now() });
  await point.close();
  check(await daemon.stop() === 0, 'the daemon ends well');
}

const tap = new Tap();

await tap.collect('a charge point of OCPP 1.6 in strict mode', session16);
await tap.collect('a charging station of OCPP 2.0.1 in strict mode', session201);
tap.done();
