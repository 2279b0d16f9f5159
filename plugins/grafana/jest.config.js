// What is tested is bound to no time zone.
process.env.TZ = 'UTC';

// Packages that come as ES modules only.
const modules = [
  '@grafana/schema', '@wojtekmaj/date-utils', 'd3', 'd3-color', 'd3-force', 'd3-interpolate', 'd3-scale-chromatic',
  'get-user-locale', 'marked', 'memoize', 'mimic-function', 'ol', 'react-calendar', 'react-colorful', 'rxjs', 'uuid',
];

module.exports = {
  testEnvironment: 'jest-environment-jsdom',
  testTimeout: 60000,
  modulePaths: ['<rootDir>/src'],
  setupFilesAfterEnv: ['<rootDir>/.config/jest/setup.js'],
  testMatch: ['<rootDir>/src/**/*.test.{ts,tsx}'],
  moduleNameMapper: {
    '\\.(css|scss|sass)$': 'identity-obj-proxy',
    'react-inlinesvg': '<rootDir>/.config/jest/inlinesvg.js',
  },
  transform: {
    '^.+\\.(mjs|[tj]sx?)$': [
      '@swc/jest',
      { sourceMaps: 'inline', jsc: { parser: { syntax: 'typescript', tsx: true }, transform: { react: { runtime: 'automatic' } }, target: 'es2022' } },
    ],
  },
  transformIgnorePatterns: [`node_modules/(?!.*(${modules.join('|')})/.*)`],
};
