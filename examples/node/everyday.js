// A little of everything a service for Node.js does: it serves, asks itself, calculates, stores, and ends.
'use strict';
const assert = require('assert');
const childProcess = require('child_process');
const crypto = require('crypto');
const dns = require('dns').promises;
const events = require('events');
const fs = require('fs');
const http = require('http');
const net = require('net');
const stream = require('stream/promises');
const timers = require('timers/promises');
const util = require('util');
const zlib = require('zlib');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function handle(request, response) {
    if (request.url === '/file') return fs.createReadStream('everyday.js').pipe(response);
    if (request.url === '/zip') return stream.pipeline(fs.createReadStream('everyday.js'), zlib.createGzip(), response);
    if (request.url === '/missing') { response.statusCode = 404; return response.end(); }
    if (request.method === 'POST') {
        const hash = crypto.createHash('sha256');
        return request.on('data', (part) => hash.update(part)).on('end', () => response.end(hash.digest('hex')));
    }
    response.end('hello');
}

async function serve() {
    const server = http.createServer(handle).listen(0, '127.0.0.1');
    await events.once(server, 'listening');
    const base = `http://127.0.0.1:${server.address().port}`;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
    const ask = (path, body) => new Promise((resolve, reject) => {
        const request = http.request(base + path, { agent, method: body ? 'POST' : 'GET' }, (answer) => {
            let bytes = 0;
            answer.on('data', (part) => { bytes += part.length; });
            answer.on('end', () => resolve([answer.statusCode, bytes]));
        });
        request.on('error', reject).end(body);
    });
    const asked = [];
    for (let i = 0; i < 100; i++) {
        asked.push(ask('/'), ask('/file'), ask('/zip'), ask('/missing'), ask('/', Buffer.alloc(100000)));
    }
    const answers = await Promise.all(asked);
    assert.strictEqual(answers.filter(([status]) => status === 404).length, 100);
    assert.strictEqual((await (await fetch(base + '/')).text()), 'hello');
    agent.destroy();
    server.closeAllConnections();
    await util.promisify(server.close.bind(server))();
}

async function speakLocally() {
    const server = net.createServer((socket) => socket.end('local')).listen('scratch/socket');
    await events.once(server, 'listening');
    const client = net.connect('scratch/socket');
    const [data] = await events.once(client, 'data');
    assert.strictEqual(String(data), 'local');
    client.destroy();
    server.close();
}

async function store() {
    const files = fs.promises;
    const changes = new AbortController();
    const watching = (async () => {
        for await (const change of files.watch('scratch', { signal: changes.signal })) return change.filename;
    })();
    await timers.setTimeout(20);
    await files.writeFile('scratch/file', 'x'.repeat(100000));
    assert.ok(await watching);
    changes.abort();
    const file = await files.open('scratch/file', 'r+');
    await file.write('y', 10);
    await file.sync();
    await file.datasync();
    await file.truncate(50);
    await file.utimes(1, 2);
    await file.close();
    await files.copyFile('scratch/file', 'scratch/copy');
    await files.rename('scratch/copy', 'scratch/moved');
    await files.symlink('moved', 'scratch/link');
    await files.chmod('scratch/moved', 0o600);
    await files.appendFile('scratch/moved', 'more');
    await files.mkdir('scratch/a/b', { recursive: true });
    assert.strictEqual((await files.readdir('scratch')).length, 4);
    assert.strictEqual((await files.stat('scratch/link')).size, 54);
    assert.ok((await files.realpath('scratch/link')).endsWith('moved'));
    await files.access('scratch/file');
    await files.rm('scratch/a', { recursive: true });
    await files.unlink('scratch/link');
    fs.mkdtempSync('scratch/t');
}

async function startOthers() {
    const { stdout } = await util.promisify(childProcess.exec)('echo child | cat');
    assert.strictEqual(stdout, 'child\n');
    assert.strictEqual(String(childProcess.execFileSync('cat', { input: 'in' })), 'in');
    const forked = childProcess.fork(__filename, ['child']);
    forked.send('ping');
    assert.deepStrictEqual(await events.once(forked, 'message'), ['ping back', undefined]);
    // It is stopped wherever it is by then; as the same program as before it makes no call that is not known.
    const slow = childProcess.spawn('cat');
    const over = events.once(slow, 'exit');
    slow.kill();
    assert.deepStrictEqual(await over, [null, 'SIGTERM']);
}

async function calculate() {
    const workers = [1, 2, 3, 4].map((n) => new Worker(__filename, { workerData: n }));
    const sums = await Promise.all(workers.map(async (worker) => {
        const over = events.once(worker, 'exit');
        const [sum] = await events.once(worker, 'message');
        await over;
        return sum;
    }));
    assert.deepStrictEqual(sums, [1, 2, 3, 4].map((n) => n * 1000000));
    await util.promisify(crypto.pbkdf2)('word', 'salt', 10000, 32, 'sha256');
    await util.promisify(crypto.scrypt)('word', 'salt', 32);
    await util.promisify(crypto.randomBytes)(64);
    await util.promisify(crypto.generateKeyPair)('ec', { namedCurve: 'P-256' });
    assert.ok(crypto.randomUUID());
    // More garbage than the young generation holds.
    let waste = [];
    for (let i = 0; i < 300; i++) { waste.push(Buffer.alloc(1 << 20), new Array(10000).fill(i)); if (i % 50 === 0) waste = []; }
}

async function main() {
    assert.ok((await dns.lookup('localhost')).address);
    await serve();
    await speakLocally();
    await store();
    await startOthers();
    await calculate();
    // A handler alone keeps no program alive.
    const alive = setInterval(() => {}, 1000);
    const woken = events.once(process, 'SIGUSR2');
    process.kill(process.pid, 'SIGUSR2');
    await woken;
    clearInterval(alive);
    console.log('done');
    process.exitCode = 0;
}

if (!isMainThread) {
    let sum = 0;
    for (let i = 0; i < 1000000; i++) sum += workerData;
    parentPort.postMessage(sum);
} else if (process.argv[2] === 'child') {
    process.on('message', (message) => { process.send(message + ' back'); process.disconnect(); });
} else {
    // Node.js ends well when nothing is left to wait for, be it done or not.
    process.exitCode = 1;
    main().catch((error) => { console.error(error); process.exit(1); });
}
