// Bundles the host page (host/host.tsx) with esbuild. No network, no Grafana.
//   node build.mjs [--set DIR]: with the packages of DIR/node_modules (set.mjs made it) in place of the plugin's own, into DIR/out
import { build } from 'esbuild';
import { cpSync, mkdirSync, existsSync } from 'node:fs';
import path from 'node:path';

const root = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const at = process.argv.indexOf('--set');
const set = at > 0 ? path.resolve(process.argv[at + 1]) : undefined;
const modules = path.join(set ?? path.join(root, '..'), 'node_modules');
const out = path.join(set ?? root, 'out');
mkdirSync(out, { recursive: true });
// esbuild gives an .mjs importer Node's view of a CommonJS default export; older @grafana/ui counts on the bundler's view.
const interop = {
  name: 'react-use-esm',
  setup(b) {
    if (set) {
      b.onResolve({ filter: /^[^./]/ }, (a) => (a.importer.startsWith(path.join(root, 'host')) && a.pluginData !== 'set' ? b.resolve(a.path, { kind: a.kind, resolveDir: set, pluginData: 'set' }) : undefined));
    }
    if (!existsSync(path.join(modules, '@grafana/i18n'))) { // before Grafana 12
      b.onResolve({ filter: /^@grafana\/i18n$/ }, () => ({ path: 'i18n', namespace: 'stub' }));
      b.onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: 'export const initPluginTranslations = undefined;' }));
    }
    b.onResolve({ filter: /^react-custom-scrollbars-2$/ }, async (a) => {
      if (a.namespace === 'plain') {
        return undefined;
      }
      const found = await b.resolve(a.path, { kind: a.kind, resolveDir: a.resolveDir, namespace: 'plain' });
      return { path: found.path, namespace: 'plain' };
    });
    b.onLoad({ filter: /.*/, namespace: 'plain' }, (a) => ({ contents: `export * from ${JSON.stringify(a.path)}; export { default } from ${JSON.stringify(a.path)};`, resolveDir: path.dirname(a.path) }));
    b.onResolve({ filter: /^react-use\/lib\// }, (a) =>
      b.resolve(a.path.replace('react-use/lib/', 'react-use/esm/'), { kind: a.kind, resolveDir: a.resolveDir, importer: a.importer }));
  },
};
const t0 = Date.now();
const r = await build({
  entryPoints: [path.join(root, 'host/host.tsx')],
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  outfile: path.join(out, 'host.js'),
  sourcemap: false,
  minify: false,
  metafile: true,
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' }, // as Grafana's own front end
  inject: [path.join(root, 'host/shim.js')],
  loader: { '.svg': 'text', '.ttf': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl' },
  plugins: [interop],
  logLevel: 'error',
});
const pub = path.join(modules, '@grafana/ui/dist/public');
if (existsSync(pub)) {
  cpSync(pub, path.join(out, 'public'), { recursive: true });
}
console.log(`host.js ${Math.round(r.metafile.outputs[Object.keys(r.metafile.outputs).find((k) => k.endsWith('host.js'))].bytes / 1024)} KiB in ${Date.now() - t0} ms`);
