// What Grafana's server does for a front-end-only data source plugin:
//   /public/plugins/<id>/*                      the plugin's files
//   /api/datasources/proxy/uid/<uid>/<path>     forwarded to the data source's URL, with its secrets added
//   /public/*                                   icons and other assets of @grafana/ui
import http from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const types = { '.js': 'text/javascript', '.html': 'text/html', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png', '.map': 'application/json', '.ttf': 'font/ttf' };
const dropped = new Set(['host', 'connection', 'cookie', 'accept-encoding', 'origin', 'referer']);

export async function startServer({ out, dist, daemonUrl, uid = 'tm', name = 'tidemark', jsonData = {}, secureJsonData = {}, port = 0 }) {
  const meta = JSON.parse(await readFile(path.join(dist, 'plugin.json'), 'utf8'));
  const proxied = [];
  const settings = { id: 1, uid, type: meta.id, name, access: 'proxy', url: `/api/datasources/proxy/uid/${uid}`, readOnly: false, jsonData, meta, isDefault: true };

  async function sendFile(res, base, rel) {
    const f = path.normalize(path.join(base, rel));
    if (!f.startsWith(path.normalize(base) + path.sep)) {
      res.writeHead(403).end();
      return;
    }
    try {
      const b = await readFile(f);
      res.writeHead(200, { 'content-type': types[path.extname(f)] ?? 'application/octet-stream' }).end(b);
    } catch {
      res.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    }
  }

  const server = http.createServer((req, res) => {
    const u = new URL(req.url, 'http://x');
    const p = u.pathname;
    if (p === '/' || p === '/index.html') {
      res.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><html><head><meta charset=utf-8><base href="/"><link rel=stylesheet href="/harness/host.css"></head><body style="margin:0;background:#111217"><div id=root></div><script>window.grafanaBootData={user:{theme:"dark",lightTheme:false},settings:{buildInfo:{version:"harness",env:"production"},featureToggles:{},appSubUrl:"",bootData:{}},navTree:[]};</script><script src="/harness/host.js"></script></body></html>');
    } else if (p === '/favicon.ico') {
      res.writeHead(204).end();
    } else if (p === '/harness/config.json') {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ meta, settings }));
    } else if (p.startsWith('/harness/')) {
      sendFile(res, out, p.slice(9));
    } else if (p.startsWith(`/public/plugins/${meta.id}/`)) {
      sendFile(res, dist, p.slice(`/public/plugins/${meta.id}/`.length));
    } else if (p.startsWith('/public/build/')) {
      sendFile(res, path.join(out, 'public'), p.slice('/public/build/'.length));
    } else if (p.startsWith('/public/')) {
      sendFile(res, path.join(out, 'public'), p.slice('/public/'.length));
    } else if (p.startsWith(`/api/datasources/proxy/uid/${uid}`)) {
      const rest = p.slice(`/api/datasources/proxy/uid/${uid}`.length) + u.search;
      const t = new URL(daemonUrl);
      const headers = Object.fromEntries(Object.entries(req.headers).filter(([k]) => !dropped.has(k)));
      // custom headers of the data source: the name is in jsonData, the value only the server has
      if (jsonData.httpHeaderName1) {
        headers[jsonData.httpHeaderName1.toLowerCase()] = secureJsonData.httpHeaderValue1;
      }
      headers['x-grafana-user'] = 'admin';
      const up = http.request({ host: t.hostname, port: t.port, method: req.method, path: t.pathname.replace(/\/$/, '') + rest, headers }, (r) => {
        proxied.push({ method: req.method, path: rest, status: r.statusCode });
        res.writeHead(r.statusCode, r.headers);
        r.pipe(res);
      });
      up.on('error', (e) => res.writeHead(502, { 'content-type': 'application/json' }).end(JSON.stringify({ message: 'Bad Gateway: ' + e.code })));
      req.pipe(up);
    } else {
      res.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"not found"}');
    }
  });
  await new Promise((ok) => server.listen(port, '127.0.0.1', ok));
  return { server, url: `http://127.0.0.1:${server.address().port}`, proxied, settings, meta };
}
