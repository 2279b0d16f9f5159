import { defineConfig } from 'eslint/config';
import grafana from '@grafana/eslint-config/flat.js';

export default defineConfig([
  { ignores: ['**/node_modules/', '**/dist/', '**/out/'] },
  ...grafana,
  // the compiler brings React into scope by itself
  { rules: { 'react/prop-types': 'off', 'react/react-in-jsx-scope': 'off' } },
  { files: ['src/**/*.{ts,tsx}'], languageOptions: { parserOptions: { project: './tsconfig.json' } } },
]);
