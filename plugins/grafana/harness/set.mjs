// node set.mjs VERSION DIR: the packages that a Grafana of another version shares with its plugins, installed into DIR.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const [version, dir] = process.argv.slice(2);
const [major, minor] = version.split('.').map(Number);
const react = major > 13 || (major === 13 && minor >= 2) ? '19.2.0' : '18.3.1';
const own = ['data', 'runtime', 'schema', 'ui', ...(major >= 12 ? ['i18n'] : [])];
const wanted = {
  name: 'grafana-set', private: true, version: '0.0.0', type: 'module',
  dependencies: {
    ...Object.fromEntries(own.map((name) => [`@grafana/${name}`, version])),
    '@emotion/css': '11.13.5', '@emotion/react': '11.14.0', lodash: '4.17.23', moment: '2.30.1', react, 'react-dom': react, rxjs: '7.8.2', systemjs: '6.15.1',
  },
};
const text = JSON.stringify(wanted, null, 1) + '\n';
const file = path.join(dir, 'package.json');
mkdirSync(dir, { recursive: true });
if (!existsSync(path.join(dir, 'node_modules/.package-lock.json')) || readFileSync(file, 'utf8') !== text) {
  writeFileSync(file, text);
  execFileSync('npm', ['install', '--prefix', dir, '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: 'inherit' });
}
