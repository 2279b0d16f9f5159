// Builds dist/ as Grafana loads it: one AMD module, what Grafana shares left out. The same sources give the same bytes.
const CopyPlugin = require('copy-webpack-plugin');
const TerserPlugin = require('terser-webpack-plugin');
const fs = require('fs');
const path = require('path');

const root = path.resolve(__dirname, '..');
const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const pluginJson = JSON.parse(fs.readFileSync(path.join(root, 'src/plugin.json'), 'utf8'));
// The day of the version, as the changelog says: not today's, which would change the bytes.
const heading = new RegExp(`^## ${version.replace(/\./g, '\\.')} \\((\\d{4}-\\d{2}-\\d{2})\\)$`, 'm');
const dated = fs.readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8').match(heading);
if (!dated) {
  throw new Error(`CHANGELOG.md has no line "## ${version} (YYYY-MM-DD)"`);
}
const fill = (text) => text.toString().replaceAll('%VERSION%', version).replaceAll('%TODAY%', dated[1]);

// What Grafana's front end shares with its plugins.
const shared = [
  'lodash', 'jquery', 'moment', 'emotion', '@emotion/react', '@emotion/css', 'react', 'react/jsx-runtime',
  'react/jsx-dev-runtime', 'react-dom', 'rxjs', 'rxjs/operators', /^@grafana\/(ui|runtime|data)/,
];

module.exports = (env) => ({
  mode: env.production ? 'production' : 'development',
  context: path.join(root, 'src'),
  entry: { module: './module.ts' },
  devtool: 'source-map',
  externals: shared,
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        use: {
          loader: 'swc-loader',
          options: { jsc: { target: 'es2020', parser: { syntax: 'typescript', tsx: true }, transform: { react: { runtime: 'automatic' } } } },
        },
      },
    ],
  },
  optimization: {
    minimize: Boolean(env.production),
    minimizer: [new TerserPlugin({ extractComments: false })],
  },
  output: {
    clean: true,
    path: path.join(root, 'dist'),
    filename: '[name].js',
    library: { type: 'amd' },
    publicPath: `public/plugins/${pluginJson.id}/`,
    uniqueName: pluginJson.id,
  },
  performance: { hints: false },
  plugins: [
    new CopyPlugin({
      patterns: [
        { from: 'plugin.json', transform: fill },
        { from: '../README.md', transform: (text) => fill(text).replaceAll('(src/img/', '(img/') },
        { from: '../CHANGELOG.md' },
        { from: '../LICENSE', to: 'LICENSE', toType: 'file' },
        { from: 'img', to: 'img' },
        { from: 'dashboards/*.json', noErrorOnMissing: true },
        { from: '../provisioning', to: 'provisioning', noErrorOnMissing: true },
      ],
    }),
  ],
  resolve: { extensions: ['.ts', '.tsx', '.js'] },
});
