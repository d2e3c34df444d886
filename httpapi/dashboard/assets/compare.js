// Two or three campaigns beside each other: day by day from the start of each, and in numbers.

import { Failure, analyticsPath, now, patiently, pause } from './api.js';
import { cardName, reason, whole } from './cards.js';
import { series, stepOf } from './chart.js';
import { h, label, svg, write } from './dom.js';
import { failed, state } from './states.js';
import { date, exact, period, standing, t, titleOf } from './words.js';

const dayLong = 86_400_000;
const numbers = ['totalParticipants', 'costPerParticipant', 'totalExposure', 'roiPercent', 'salesGrowthPercent'];
const refresh = 30_000; // ms
const paperWidth = 640; // px

/** compare shows the campaigns that the address names until the signal aborts. */
export function compare(main, query, signal) {
  const w = t();
  const ids = [...new Set((query.get('events') ?? '').split(',').filter(Boolean))].slice(0, 3);
  const shop = query.get('shop');
  const home = shop ? `#/stores/${encodeURIComponent(shop)}` : '#/';
  document.title = `${w.compareTitle} · ${w.app}`;
  const back = h('a', { class: 'back', href: home }, `← ${w.back}`);
  if (ids.length < 2) return void main.replaceChildren(state('compare-none', w.compareTitle, w.compareEmpty, h('p', {}, back)));
  const notice = h('p', { class: 'notice', role: 'status', hidden: true });
  const lines = h('div');
  let shown = null, drawn = 0;
  const draw = (wide) => shown && lines.replaceChildren(...drawing(shown, drawn = wide || 640));
  const sized = new ResizeObserver(() => requestAnimationFrame(() => { if (lines.clientWidth > 0 && lines.clientWidth !== drawn) draw(lines.clientWidth); }));
  sized.observe(lines);
  signal.addEventListener('abort', () => sized.disconnect());
  addEventListener('beforeprint', () => draw(paperWidth), { signal });
  const table = h('div', { class: 'wide' });
  const page = h('div', { class: 'page comparison' }, h('div', { class: 'title' }, back, h('h1', {}, w.compareTitle)), notice,
    h('section', { class: 'panel', 'aria-labelledby': 'so-far' }, h('h2', { id: 'so-far' }, w.soFarPeople), h('p', { class: 'hint' }, w.soFarHint), lines),
    h('section', { class: 'panel' }, table),
    h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => print() }, w.print)));

  async function load() {
    const missing = [], found = [];
    for (const id of ids) {
      try {
        found.push(await patiently(analyticsPath(id, null, { interval: 'day' }), { signal }));
      } catch (e) {
        if (!(e instanceof Failure) || e.kind !== 'missing') throw e;
        missing.push(id);
      }
    }
    if (found.length === 0) throw new Failure('missing', 404);
    const campaigns = found.map((d, i) => ({ d, name: titleOf(d), n: i + 1, days: daysOf(d) }));
    shown = campaigns;
    draw(lines.clientWidth);
    table.replaceChildren(inNumbers(campaigns));
    write(notice, missing.map(w.compareMissing).join(' '));
    notice.hidden = missing.length === 0;
    if (!page.isConnected) main.replaceChildren(page);
  }
  async function run() {
    for (let wait = 500; !signal.aborted;) {
      try {
        await load();
        wait = 500;
        await pause(refresh, signal);
        while (document.hidden && !signal.aborted) await pause(1_000, signal);
      } catch (e) {
        if (signal.aborted) return;
        const failure = e instanceof Failure ? e : new Failure('unpainted', 0);
        if (failure !== e) console.error(e);
        const asked = new AbortController();
        if (page.isConnected && failure.kind !== 'missing') {
          write(notice, failure.kind === 'login' ? w.loginOver : failure.kind === 'unpainted' ? w.unpainted : w.notFresh);
          notice.hidden = false;
        } else main.replaceChildren(failed(failure, 'campaign', () => asked.abort()));
        await pause(['login', 'missing', 'unpainted'].includes(failure.kind) ? 1 << 30 : wait, AbortSignal.any([signal, asked.signal]));
        wait = Math.min(wait * 2, 3_000);
      }
    }
  }
  main.replaceChildren(h('div', { class: 'page loading', 'aria-busy': 'true' }, h('h1', { class: 'unseen' }, w.loading), h('div', { class: 'bone wide' }), h('div', { class: 'bone tall' })));
  run();
}

/** daysOf are the days of a campaign, from its start, or its first participant, to its end,
 * or today: how many came, and how many had come by then. */
export function daysOf({ startsAt, endsAt, state: s, trend }, at = now()) {
  const first = startsAt ? Date.parse(startsAt) : trend.length > 0 ? Date.parse(trend[0].from) : at;
  if (s === 'planned' || first > at) return [];
  const last = Math.min(at, endsAt ? Math.max(Date.parse(endsAt) - 1, first) : at);
  let all = 0;
  return series(trend, 'day', first, last, at).map((p, i) => ({ nth: i + 1, from: p.from, n: p.n, all: all += p.n, running: p.running }));
}

/** drawing is a line for each campaign, one day beside the same of the others. */
function drawing(campaigns, wide) {
  const w = t();
  const high = 240, left = 44, right = 12, top = 10, bottom = 26;
  const days = Math.max(2, ...campaigns.map((c) => c.days.length));
  const most = Math.max(1, ...campaigns.map((c) => c.days.at(-1)?.all ?? 0));
  const step = stepOf(most), upTo = Math.ceil(most / step) * step;
  const x = (nth) => left + (nth - 1) / (days - 1) * (wide - left - right);
  const y = (n) => top + (1 - n / upTo) * (high - top - bottom);
  const parts = [];
  for (let n = 0; n <= upTo; n += step) {
    parts.push(svg('path', { d: `M${left} ${y(n)}H${wide - right}`, class: n === 0 ? 'floor' : '' }), Object.assign(svg('text', { x: left - 6, y: y(n) + 4, 'text-anchor': 'end' }), { textContent: exact(n) }));
  }
  const every = [1, 2, 5, 7, 14, 30, 60, 90, 180, 365].find((by) => days / by <= (wide - left) / 72) ?? 365;
  for (let nth = 1; nth <= days; nth += nth === 1 && every > 1 ? every - 1 : every) {
    if (nth > 1 && x(nth) - x(1) < 72) continue; // it would touch the first
    parts.push(Object.assign(svg('text', { x: x(nth), y: high - 6, 'text-anchor': nth === 1 ? 'start' : x(nth) > wide - 40 ? 'end' : 'middle' }), { textContent: w.nthDay(nth) }));
  }
  for (const c of campaigns) {
    if (c.days.length === 0) continue;
    parts.push(svg('polyline', { points: c.days.map((d) => `${x(d.nth).toFixed(1)},${y(d.all).toFixed(1)}`).join(' '), 'data-nth': c.n }));
    const end = c.days.at(-1);
    parts.push(svg('circle', { cx: x(end.nth), cy: y(end.all), r: 4, 'data-nth': c.n }));
  }
  const e = svg('svg', { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: 'img', class: 'lines' }, ...parts);
  label(e, 'aria-label', campaigns.map((c) => `${c.name}: ${c.days.length > 0 ? `${w.untilDay(c.days.length)} ${exact(c.days.at(-1).all)}${w.unit.people}` : w.noValue}`).join('. '));
  return [h('ul', { class: 'legend' }, ...campaigns.map((c) => h('li', { 'data-nth': c.n }, mark(c.n), h('bdi', {}, c.name)))), e];
}

/** mark is how a campaign's line looks: not by colour alone. */
const mark = (n) => svg('svg', { viewBox: '0 0 28 10', class: 'lines mark', 'aria-hidden': 'true' }, svg('polyline', { points: '0,5 28,5', 'data-nth': n }));

/** inNumbers is a table with a column for each campaign. */
function inNumbers(campaigns) {
  const w = t();
  const at = now();
  const shortest = Math.min(...campaigns.filter((c) => c.days.length > 0).map((c) => c.days.length));
  const one = (term, value, said) => [term, campaigns.map((c) => [value(c), said?.(c) ?? ''])];
  const best = (c) => c.days.reduce((b, d) => (d.n > (b?.n ?? 0) ? d : b), null);
  const lines = [
    one(w.inPeriod, (c) => period(c.d, at) || w.noValue), one(w.length, (c) => (c.days.length > 0 ? w.days(c.days.length) : w.noValue)),
    ...numbers.map((name) => one(cardName(name) + (name.endsWith('Percent') ? ` (${w.event.expected})` : ''),
      (c) => (c.d.summary[name] === null ? w.noValue : whole(name, c.d.summary[name])), (c) => (c.d.summary[name] === null ? reason(name, c.d) : ''))),
    ...(Number.isFinite(shortest) && campaigns.length > 1 ? [one(w.atSameDay(shortest), (c) => (c.days.length > 0 ? exact(c.days[shortest - 1].all) + w.unit.people : w.noValue))] : []),
    one(w.eachDay, (c) => (c.days.length > 0 ? exact(Math.round(c.days.at(-1).all / c.days.length * 10) / 10) + w.unit.people : w.noValue)),
    one(w.bestDay, (c) => (best(c) ? exact(best(c).n) + w.unit.people : w.noValue), (c) => (best(c) ? `${w.nthDay(best(c).nth)}, ${date(best(c).from, at)}` : '')),
  ];
  const e = h('table', { role: 'table', class: 'against' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, h('td', { role: 'cell' }), ...campaigns.map((c) => h('th', { role: 'columnheader', scope: 'col' }, mark(c.n), h('a', { href: `#/events/${encodeURIComponent(c.d.eventId)}` }, h('bdi', {}, c.name)), ' ', h('span', { class: 'chip', 'data-state': c.d.state }, standing(c.d, at)))))),
    h('tbody', { role: 'rowgroup' }, ...lines.map(([term, values]) => h('tr', { role: 'row' }, h('th', { role: 'rowheader', scope: 'row' }, term), ...values.map(([value, said]) => h('td', { role: 'cell' }, value, said && h('span', { class: 'of' }, said)))))));
  e.style.setProperty('--columns', campaigns.length);
  return e;
}
