// Icons of @grafana/ui are fetched from Grafana; a test has none.
const React = require('react');

module.exports = { __esModule: true, default: () => React.createElement('svg'), cacheStore: Object.create(null) };
