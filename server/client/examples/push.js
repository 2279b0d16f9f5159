#!/usr/bin/env node
// Pushes one measurement and one deploy marker over HTTP; Node's built-in http module only.
//
//     node push.js http://127.0.0.1:9700
//
// Status 204 means: every line was taken and is on the daemon's disk. The first line of the body names the
// producer, so that a batch that is sent again after a lost answer counts once: keep epoch and seq when you
// repeat one.
'use strict';
const http = require('http');

const LINES = 'cpu,service=cart,pod=a1 value=0.93\n' +
    'deploy,service=cart version="1.8.3",by="example"\n';
const TRIES = 5;

function post(url, body) {
  return new Promise((resolve, reject) => {
    const headers = {'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body)};
    const request = http.request(new URL('/write', url), {method: 'POST', headers, timeout: 10000}, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => { text += part; });
      answer.on('end', () => resolve({status: answer.statusCode, text, wait: answer.headers['retry-after']}));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(body);
  });
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function push(url, lines, epoch, seq) {
  const body = `#tm1 producer=example-js epoch=${epoch} seq=${seq}\n${lines}`;
  let reason = '';
  for (let i = 0; i < TRIES; i++) {
    try {
      const answer = await post(url, body);
      if (answer.status === 204) return true;
      reason = answer.text;
      if (answer.status !== 429 && answer.status !== 503) break;
      await pause(Number(answer.wait) || 1);
    } catch (error) {
      reason = error.message;
      await pause(0.5);
    }
  }
  console.error(`not acknowledged: ${reason}`);
  return false;
}

async function main() {
  if (process.argv.length !== 3) {
    console.error(`usage: ${process.argv[1]} URL (http://127.0.0.1:9700)`);
    return 2;
  }
  if (!await push(process.argv[2], LINES, Date.now(), 1)) return 1;
  console.log('acknowledged: 2 lines');
  return 0;
}

main().then((code) => { process.exitCode = code; });
