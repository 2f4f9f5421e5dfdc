// Sparkplug B with an edge node that is another program: npm's sparkplug-client, over Debian's mosquitto.
//
// Usage: node sparkplug.mjs MACHI FOLDER. Births, data by name, types, rebirth after a restart of the city, commands,
// and the death that the broker tells of when the node's connection breaks.
import { Daemon, startMosquitto } from './machi.mjs';
import { Tap, check, npmRequire, same, until } from './npm.mjs';

const [machi, folder] = process.argv.slice(2);
const require = npmRequire(folder, ['sparkplug-client@3.2.4']);
const sparkplug = require('sparkplug-client');
const tap = new Tap();
const port = await startMosquitto();

if (!port) {
  console.log('1..0 # SKIP mosquitto is not installed');
  console.error('SKIPPED, nothing was tested: mosquitto is not installed');
  process.exit(0);
}

const CONFIGURATION = `feeds:
  - name: plant
    sparkplug: {url: "mqtt://127.0.0.1:${port}"}
    maps:
      - topic: spBv1.0/{group}/+/{node}/{device}
        id: urn:ngsi-ld:Device:{group}:{node}:{device}
        type: Device
        attributes:
          online: {kind: boolean, column: online}
          temperature: {kind: number, column: "values['Inputs/Temperature']", unit: CEL}
          count: {kind: integer, column: values.Count}
          total: {kind: integer, column: values.Total}
          name: {kind: text, column: values.Name}
          since: {kind: time, column: values.Since}
      - topic: spBv1.0/{group}/+/{node}
        id: urn:ngsi-ld:Device:{group}:{node}
        type: Device
        attributes: {online: {kind: boolean, column: online}}
    commands:
      - type: Device
        id: urn:ngsi-ld:Device:{group}:{node}:{device}
        attribute: fan
        send: {group: "{group}", node: "{node}", device: "{device}", metric: Outputs/Fan}
`;
const DEVICE = 'urn:ngsi-ld:Device:City:Edge%201:Pump';
const NODE = 'urn:ngsi-ld:Device:City:Edge%201';
const path = (id) => id.replaceAll('%', '%25');
let daemon = await new Daemon(machi, CONFIGURATION).ready();

await until(async () => (await daemon.get('/api/v1/feeds/plant')).state === 'up', 'the feed is up');

const node = sparkplug.newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: '', password: '', groupId: 'City', edgeNode: 'Edge 1', clientId: 'edge',
  version: 'spBv1.0',
});
const commands = [];

function birth() {
  const timestamp = Date.now();

  node.publishNodeBirth({ timestamp, metrics: [{ name: 'Node Control/Rebirth', type: 'Boolean', value: false }] });
  node.publishDeviceBirth('Pump', { timestamp, metrics: [
    { name: 'Inputs/Temperature', type: 'Double', value: 21.5, properties: { engUnit: { type: 'String', value: '°C' } } },
    { name: 'Count', type: 'Int32', value: -7 },
    { name: 'Total', type: 'Int64', value: 9007199254740 },
    { name: 'Name', type: 'String', value: 'Pump' },
    { name: 'Since', type: 'DateTime', value: 1486144502122 },
    { name: 'Outputs/Fan', type: 'Boolean', value: false },
  ] });
}

node.on('birth', birth);
node.on('ncmd', (payload) => { if (payload.metrics.some((one) => one.name === 'Node Control/Rebirth' && one.value)) birth(); });
node.on('dcmd', (device, payload) => commands.push([device, payload.metrics[0].name, payload.metrics[0].value]));

await tap.run('a birth makes an entity', async () => {
  const entity = await until(() => daemon.entity(path(DEVICE)), 'the device');

  same(entity.temperature, { type: 'Property', value: 21.5, unitCode: 'CEL' });
  same([entity.online, entity.count, entity.total, entity.name, entity.since].map((one) => one.value),
    [true, -7, 9007199254740, 'Pump', { '@type': 'DateTime', '@value': '2017-02-03T17:55:02.122Z' }]);
});

await tap.run('data changes what it names', async () => {
  node.publishDeviceData('Pump', { timestamp: Date.now(), metrics: [{ name: 'Inputs/Temperature', type: 'Double', value: 22 }] });
  await until(async () => (await daemon.entity(path(DEVICE))).temperature.value === 22, 'the new value');
  same((await daemon.entity(path(DEVICE))).count.value, -7);
});

await tap.run('a command reaches the device', async () => {
  await daemon.command(path(DEVICE), 'fan', true);
  same((await daemon.ended(path(DEVICE), 'fanStatus')).value, 'OK');
  await until(() => commands.length, 'the command');
  same(commands, [['Pump', 'Outputs/Fan', true]]);
});

await tap.run('a city that was away asks for a new birth', async () => {
  daemon.stop();
  daemon = await new Daemon(machi, CONFIGURATION).ready();
  await until(async () => (await daemon.get('/api/v1/feeds/plant')).state === 'up', 'the feed is up');
  node.publishDeviceData('Pump', { timestamp: Date.now(), metrics: [{ name: 'Count', type: 'Int32', value: 8 }] });
  await until(async () => (await daemon.entity(path(DEVICE))).temperature.value === 21.5, 'the birth that was asked for');
});

await tap.run('a node whose connection breaks is offline with its devices', async () => {
  check((await daemon.entity(path(NODE))).online.value, 'it was online');
  node.client.stream.destroy();
  node.client.reconnect = () => {};
  await until(async () => !(await daemon.entity(path(NODE))).online.value, 'the node is offline');
  await until(async () => !(await daemon.entity(path(DEVICE))).online.value, 'the device is offline');
});

tap.done();
