cat >work.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib'), http = require('http'), fs = require('fs');
const { promisify } = require('util');
if (!isMainThread) {
  let sum = 0;
  for (let i = 0; i < 3e6; i++) sum = (sum * 31 + i * workerData) % 1000003;
  parentPort.postMessage(sum);
} else (async () => {
  const workers = [1, 2, 3, 4].map(n => new Promise((done, fail) =>
    new Worker(__filename, { workerData: n }).on('message', done).on('error', fail)));
  console.log((await Promise.all(workers)).join(' '));
  const keys = await Promise.all([...Array(16).keys()].map(n => promisify(crypto.pbkdf2)('p' + n, 's', 20000, 16, 'sha256')));
  console.log(keys.map(key => key.toString('hex')).join(' '));
  const packed = await Promise.all([...Array(8).keys()].map(n => promisify(zlib.gzip)(Buffer.alloc(500000, 'abc' + n))));
  console.log((await Promise.all(packed.map(it => promisify(zlib.gunzip)(it)))).map(it => it.length).join(' '));
  const files = await Promise.all([...Array(20).keys()].map(async n => {
    await fs.promises.writeFile('f' + n, 'x'.repeat(n)); return (await fs.promises.stat('f' + n)).size;
  }));
  console.log(files.join(' '));
  const server = http.createServer((request, answer) => answer.end(request.url)).listen(0, '127.0.0.1', async () => {
    let length = 0;
    for (let i = 0; i < 500; i++)
      length += (await (await fetch(`http://127.0.0.1:${server.address().port}/${i}`)).text()).length;
    console.log(length);
    server.close();
    server.closeAllConnections();
  });
})();
JS
node work.js
