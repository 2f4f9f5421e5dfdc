// A node of ECHONET Lite, played by an npm package: echonet-lite or node-echonet-lite.
//
// Usage: node echonet_peer.cjs echonet-lite|node-echonet-lite FOLDER ADDRESS      the packages are in the folder
//
// Lines in are JSON: {"put": [EOJ, EPC, BYTES]} what a property is from now on; {"tell": [EOJ, EPC, SERVICE]} announces
// it (INF or INFC); {"discover": true} looks for other nodes. Lines out: {"ready": true}, {"heard": …} each frame,
// {"found": …} what was discovered.
'use strict';
const { createRequire } = require('module');
const { join } = require('path');
const { createInterface } = require('readline');

const [kind, folder, address] = process.argv.slice(2);
const load = createRequire(join(folder, 'node_modules', 'x.js'));
const say = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const bytes = (hex) => hex.match(/../g).map((two) => parseInt(two, 16));

// What both nodes have. The meter's Get map is a bitmap (more than 15 properties), the others are lists.
const maker = [0x00, 0x00, 0x77];
const objects = {
  '028801': {
    '80': [0x30], '81': [0x00], '82': [0, 0, 0x52, 0], '88': [0x42], '8a': maker,
    '97': [12, 30], '98': [0x07, 0xea, 11, 22],
    '9d': [2, 0x80, 0x88], '9e': [1, 0x80],
    '9f': [0x12, 0xc1, 0x41, 0x01, 0x20, 0x00, 0x00, 0x00, 0x62, 0x43, 0x00, 0x41, 0x00, 0x00, 0x02, 0x02, 0x02],
    'd3': [0, 0, 0, 2], 'd7': [6], 'e0': [0, 0, 0x30, 0x39], 'e1': [1],
    'e7': [0, 0, 1, 0xf8], 'e8': [0, 0x28, 0x7f, 0xfe], 'ea': [0x07, 0xea, 11, 22, 12, 30, 0, 0, 0, 0x30, 0x38],
  },
  '013001': {
    '80': [0x31], '81': [0x08], '82': [0, 0, 0x52, 0], '88': [0x42], '8a': maker, '8f': [0x42],
    '9d': [4, 0x80, 0x8f, 0xb0, 0xa0], '9e': [4, 0x80, 0x8f, 0xb0, 0xb3],
    '9f': [14, 0x80, 0x81, 0x82, 0x88, 0x8a, 0x8f, 0x9d, 0x9e, 0x9f, 0xa0, 0xb0, 0xb3, 0xbb, 0xbe],
    'a0': [0x41], 'b0': [0x42], 'b3': [26], 'bb': [0xfd], 'be': [0x7e],
  },
};

async function playEchonetLite() {
  const EL = load('echonet-lite');
  await EL.initialize(Object.keys(objects), (rinfo, els, error) => {
    if (error || !els) return;
    say({ heard: { from: rinfo.address, ...els } });
    if (els.ESV === EL.GET && objects[els.DEOJ]) EL.replyGetDetail(rinfo, els, objects);
    if ((els.ESV === EL.SETC || els.ESV === EL.SETI) && objects[els.DEOJ]) EL.replySetDetail(rinfo, els, objects);
  }, 4, { v4: address, autoGetProperties: false, ignoreMe: true });
  return {
    tell: (eoj, epc, service) => EL.sendOPC1(EL.EL_Multi, bytes(eoj), bytes('0ef001'), EL[service], [parseInt(epc, 16)],
      objects[eoj][epc]),
    discover: () => EL.search(),
  };
}

// The package is made for controllers; what a node answers is written here with its frames.
async function playNodeEchonetLite() {
  const EchonetLite = load('node-echonet-lite');
  const el = new EchonetLite({ lang: 'en', type: 'lan', netif: address });
  const profile = {
    '80': [0x30], '82': [1, 13, 1, 0], '83': [0xfe, ...maker, ...new Array(12).fill(0), 0x99], '8a': maker,
    '9d': [2, 0x80, 0xd5], '9e': [0], '9f': [8, 0x80, 0x82, 0x83, 0x8a, 0x9d, 0x9e, 0x9f, 0xd6],
    'd5': [1, 0x02, 0x88, 0x01], 'd6': [1, 0x02, 0x88, 0x01],
  };
  const all = { '028801': objects['028801'], '0ef001': profile };
  const reply = (device, message, service, prop) => {
    el.setTransactionId(message.tid);
    el.setSelfEoj(message.deoj[0] === 0x0e ? [0x0e, 0xf0, 0x01] : message.deoj);
    el.send(device.address, message.seoj, service, prop, () => {});
    el.setTransactionId(null);
    el.setSelfEoj([0x0e, 0xf0, 0x01]);
  };

  await new Promise((resolve, reject) => { el.init((error) => (error ? reject(error) : resolve())); });
  el.setSelfEoj([0x0e, 0xf0, 0x01]);
  el.on('data', ({ device, message }) => {
    if (device.address === address) return;
    const eoj = Buffer.from(message.deoj).toString('hex').replace(/^0ef00[0-9a-f]$/, '0ef001');
    say({ heard: { from: device.address, esv: message.esv, deoj: eoj, prop: message.prop.map((one) => one.epc) } });
    if (!all[eoj]) return;
    if (message.esv === 'Get') {
      const prop = message.prop.map(({ epc }) => {
        const edt = all[eoj][epc.toString(16)];
        return { epc, edt: edt ? Buffer.from(edt) : null };
      });
      reply(device, message, prop.every((one) => one.edt) ? 'Get_Res' : 'Get_SNA', prop);
    } else if (message.esv === 'SetC') {
      reply(device, message, 'SetC_SNA', message.prop.map(({ epc, buffer }) => ({ epc, edt: buffer })));
    }
  });
  const tell = (eoj, epc, service) => el.send(service === 'INFC' ? process.env.CONTROLLER : '224.0.23.0',
    service === 'INFC' ? [0x05, 0xff, 0x01] : [0x0e, 0xf0, 0x01], service,
    [{ epc: parseInt(epc, 16), edt: Buffer.from(all[eoj][epc]) }], () => {});
  return {
    tell: (eoj, epc, service) => { el.setSelfEoj(bytes(eoj)); tell(eoj, epc, service); el.setSelfEoj([0x0e, 0xf0, 0x01]); },
    discover: () => el.startDiscovery((error, response) => {
      if (response) say({ found: { from: response.device.address, eoj: response.device.eoj.map((one) => Buffer.from(one).toString('hex')) } });
    }),
    started: () => tell('0ef001', 'd5', 'INF'),
  };
}

(async () => {
  const player = await (kind === 'echonet-lite' ? playEchonetLite() : playNodeEchonetLite());
  if (player.started) player.started();
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    if (order.put) objects[order.put[0]][order.put[1]] = order.put[2];
    if (order.tell) player.tell(...order.tell);
    if (order.discover) player.discover();
  }
  process.exit(0);
})();
