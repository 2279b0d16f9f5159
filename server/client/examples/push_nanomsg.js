// Pushes one measurement and one deploy marker over nanomsg and waits until they are durable.
// npm: nanomsg (4.2.1); push.js does the same over HTTP without any package.
//
//     node push_nanomsg.js tcp://127.0.0.1:9701
'use strict';

if (process.argv.length !== 3) {
    console.error(`usage: ${process.argv[1]} URL (tcp://127.0.0.1:9701 or ipc://PATH)`);
    process.exit(2);
}
const nano = require('nanomsg');
const url = process.argv[2];
const socket = nano.socket('req');

function finish(code, text) {
    clearTimeout(patience);
    (code ? console.error : console.log)(text);
    socket.close();
    process.exit(code);
}
const patience = setTimeout(() => finish(1, `push_nanomsg.js: no answer from ${url}`), 10000);

socket.on('data', (data) => {
    const reply = JSON.parse(data.toString());
    const taken = reply.ok && reply.rejected === 0;
    finish(taken ? 0 : 1, taken ? `acknowledged: ${reply.accepted} lines` : `refused: ${data}`);
});
socket.connect(url);
// The header makes a resend harmless: the same producer, epoch and seq count once.
socket.send(`#tm1 producer=example-nn-js epoch=${Date.now()} seq=1\n` +
    'cpu,service=cart,pod=a1 value=0.93\n' +
    'deploy,service=cart version="1.8.3",by="example"\n');
