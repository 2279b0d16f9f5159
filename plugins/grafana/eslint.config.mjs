import { defineConfig } from 'eslint/config';
import grafana from '@grafana/eslint-config/flat.js';

export default defineConfig([
  { ignores: ['**/node_modules/', '**/dist/', '**/out/'] },
  ...grafana,
  { rules: { 'react/prop-types': 'off' } },
  { files: ['src/**/*.{ts,tsx}'], languageOptions: { parserOptions: { project: './tsconfig.json' } } },
]);
