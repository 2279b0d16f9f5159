// node harness/bench.mjs --daemon URL: how long a panel of 200 series over 30 days takes, from the click to the picture. What is
// timed: the request through the proxy, the daemon's answer, the frames, the drawing of uPlot, the next two frames of the screen.
// --profile: the functions that the page's processor time goes to.
import { arg, open } from './browser.mjs';

const RUNS = 7;
const DAYS = 30;

const { g, page, close } = await open({ daemon: arg('daemon'), out: arg('out') });
try {
  const to = Math.floor(Date.now() / 60000) * 60000;
  const query = { queryType: 'metrics', schema: 1, editor: 'code', expr: 'load', legend: '{{pod}}' };
  const wide = `interval=${Math.ceil((DAYS * 86400) / 1000)}`;
  await page.goto(`${g.url}/?${new URLSearchParams({ query: JSON.stringify(query), from: String(to - DAYS * 86400e3), to: String(to), anno: '{"kind":"config"}' })}&${wide}`);
  await page.waitForFunction(() => document.querySelector('[data-testid=state]')?.textContent === 'Done');
  const cdp = process.argv.includes('--profile') ? await page.context().newCDPSession(page) : undefined;
  await cdp?.send('Profiler.enable');
  await cdp?.send('Profiler.start');
  await page.evaluate(() => performance.clearResourceTimings()); // its list has an end
  const times = [];
  for (let i = 0; i < RUNS; i++) {
    times.push(await page.evaluate(() => new Promise((ok) => {
      const before = window.__frames;
      const start = performance.now();
      [...document.querySelectorAll('button')].find((b) => b.textContent.includes('Run query')).click();
      const look = () => (window.__frames === before ? requestAnimationFrame(look) : requestAnimationFrame(() => requestAnimationFrame(() => ok(performance.now() - start))));
      look();
    })));
  }
  if (cdp) {
    const { profile } = await cdp.send('Profiler.stop');
    const of = new Map(profile.nodes.map((n) => [n.id, n.callFrame]));
    const took = new Map();
    profile.samples.forEach((id, i) => {
      const { functionName, url, lineNumber } = of.get(id);
      const name = `${functionName || '(anonymous)'} ${url.split('/').pop()}:${lineNumber}`;
      took.set(name, (took.get(name) ?? 0) + profile.timeDeltas[i] / 1000 / RUNS);
    });
    [...took].sort((a, b) => b[1] - a[1]).slice(0, 25).forEach(([name, ms]) => console.log(`${ms.toFixed(1).padStart(8)} ms a run  ${name}`));
  }
  const { series, points } = await page.evaluate(() => ({ series: window.__frames[0].fields.length - 1, points: window.__frames[0].length }));
  const took = await page.evaluate(async () => {
    const entries = performance.getEntriesByType('resource').filter((e) => e.name.includes('query_range'));
    return entries[entries.length - 1].duration;
  });
  times.sort((a, b) => a - b);
  console.log(`${series} series, ${points} points each over ${DAYS} days: from the click to the picture ${Math.round(times[RUNS >> 1])} ms (median of ${RUNS}; ${Math.round(times[0])} to ${Math.round(times[RUNS - 1])}), of which the daemon and the proxy ${Math.round(took)} ms`);
} finally {
  await close();
}
process.exit(0);
