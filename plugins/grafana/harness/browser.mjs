// A headless Chromium with the host page, served as Grafana's server does.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { startServer } from './server.mjs';

export const arg = (name, other) => (process.argv.includes('--' + name) ? process.argv[process.argv.indexOf('--' + name) + 1] : other);
export const root = path.dirname(new URL(import.meta.url).pathname);

/** The page, the server behind it, and the errors that the page threw; whoever opens it closes it. */
export async function open({ daemon, key, out }) {
  const g = await startServer({
    out: path.resolve(out ?? path.join(root, 'out')), dist: path.join(root, '../dist'), daemonUrl: daemon,
    jsonData: key ? { httpHeaderName1: 'Authorization' } : {}, secureJsonData: key ? { httpHeaderValue1: `Bearer ${key}` } : {},
  });
  const profile = mkdtempSync(path.join(tmpdir(), 'harness-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? execFileSync('sh', ['-c', 'command -v chromium']).toString().trim(),
    viewport: { width: 1180, height: 900 },
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  // A loaded machine is slow: what never comes fails all the same.
  page.setDefaultTimeout(60000);
  const errors = [];
  page.on('pageerror', (e) => errors.push(String(e)));
  const close = async () => {
    await context.close();
    g.server.closeAllConnections?.();
    g.server.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { g, page, errors, close };
}
