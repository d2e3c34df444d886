// How many took part over time, and at which hours of which weekdays.

import { bars, series, units } from './chart.js';
import { h, label, measured, write } from './dom.js';
import { heat } from './heat.js';
import { date, exact, monthAndYear, t, tick, yearOf } from './words.js';

const day = 86_400_000;
const least = { hour: 6, day: 5, week: 4, month: 3 }; // intervals that are shown, however few there are
const most = 400; // bars of a unit that the reader may choose
const again = 5_000; // ms, after which a stretch that has changed is read again
const sums = { hour: ['hour', 'day', 'week', 'month'], day: ['day', 'month', 'week'], week: ['week'], month: ['month'] }; // what can be added up from it

/** trend is the panel. load(interval, from, to) reads the buckets of a stretch. */
export function trend(load) {
  const w = t().event;
  let last = null, stretch = null, asked = null, held = null, reading = null, later = 0, points = [];

  const chart = bars({
    said: w.trend,
    say: (p) => `${spoken(p)} · ${exact(p.n)}${t().unit.people}${p.running ? ` · ${t().incomplete}` : ''}`,
    name: (p, byMonth) => tick(p.from, unit(), byMonth, last.at, yearOf(points[0].from) !== yearOf(points.at(-1).from)),
    open: (p) => look(p.from, p.to),
    range: (a, b) => look(a.from, b.to),
    leave: () => look(),
  });
  const spoken = (p) => ({
    hour: () => `${date(p.from, last.at)} ${tick(p.from, 'hour', false, last.at)[0]}`, day: () => date(p.from, last.at), month: () => monthAndYear(p.from, last.at),
    week: () => w.fromTo(date(p.from, last.at), date(p.to - 1, last.at)),
  })[unit()]();

  const choices = new Map(Object.keys(units).map((u) => [u, h('button', { type: 'button', 'aria-pressed': 'false', 'data-unit': u, onclick: () => { asked = u; show(); } }, w.units[u])]));
  const choice = h('div', { class: 'choice', role: 'group', 'aria-label': t().interval }, ...choices.values());
  const tool = (name, sign, onclick) => h('button', { type: 'button', 'aria-label': name, title: sign === name ? null : name, onclick: (e) => { if (e.currentTarget.ariaDisabled !== 'true') onclick(); } }, sign);
  const tools = h('div', { class: 'zoom', role: 'group', 'aria-label': t().trendTools },
    tool(t().earlier, '◀', () => shift(-1)), tool(t().zoomOut, '−', () => scale(2)), tool(t().zoomIn, '+', () => scale(0.5)),
    tool(t().later, '▶', () => shift(1)), tool(t().zoomAll, t().zoomAll, () => look()));
  const body = h('tbody');
  const table = h('details', { class: 'table', ontoggle: () => fill() }, h('summary', {}, t().asTable),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': t().asTable },
      h('table', {}, h('caption', { class: 'unseen' }, w.trend), h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t().when), h('th', { scope: 'col' }, t().participantsOf))), body)));
  const empty = h('p', { class: 'empty' }, t().trendEmpty);
  const beside = h('p', { class: 'note' });
  const trouble = h('p', { class: 'note', role: 'status' });
  const stage = h('div', { class: 'stage' }, chart.readout, chart.e, h('p', { class: 'hint keys' }, w.chartHint));
  const week = heat();
  const e = h('section', { class: 'panel trend', 'aria-labelledby': 'trend' },
    h('div', { class: 'heading' }, h('h2', { id: 'trend' }, w.trend), choice, tools), stage, empty, trouble, beside, table, week.e);

  // --- what is shown ---

  /** whole is all of the campaign that there is: from its start, or the first who took part,
   * until now, or its end. */
  function whole() {
    const { buckets, starts, ends, at } = last;
    const first = Date.parse(buckets[0].from), final = Date.parse(buckets.at(-1).from);
    const of = units[last.interval];
    let from = Math.min(first, starts ?? first);
    let to = Math.max(final, Math.min(at, ends === null ? at : Math.max(ends - 1, final)));
    if (of.nth(to) - of.nth(from) > 1_200) [from, to] = [first, final]; // a start of long ago
    const short = least[last.interval] - 1 - (of.nth(to) - of.nth(from));
    if (short > 0) from -= short * of.about;
    return [from, to];
  }
  const span = () => stretch ?? whole();
  /** fitting is the unit of as many bars as can be read. What the server counted by longer
   * ones is read anew only for a stretch that is looked into. */
  function fitting() {
    const [from, to] = span();
    const all = Object.keys(units), days = (to - from) / day;
    const u = days <= (stretch ? 4 : 3) ? 'hour' : days <= 92 ? 'day' : days <= 750 ? 'week' : 'month';
    return stretch || all.indexOf(u) > all.indexOf(last.interval) ? u : last.interval;
  }
  const unit = () => (asked && offered().includes(asked) ? asked : fitting());
  const offered = () => {
    const [from, to] = span();
    const bars = (u) => units[u].nth(to) - units[u].nth(from) + 1;
    return Object.keys(units).filter((u) => u === fitting() || bars(u) > 2 && bars(u) <= most);
  };

  function look(from, to) {
    asked = null;
    const [low, high] = whole();
    stretch = null;
    if (from !== undefined && (from > low || to <= high)) {
      const length = Math.min(Math.max(to - from, 6 * 3_600_000), high + 1 - low);
      const begin = Math.max(Math.min(from, high + 1 - length), low);
      if (length < high + 1 - low) stretch = [begin, begin + length - 1];
    }
    show();
  }
  function scale(by) {
    const [from, to] = span();
    const middle = chart.chosen() ? (chart.chosen().from + chart.chosen().to) / 2 : (from + to) / 2;
    const half = (to - from) / 2 * by;
    look(middle - half, middle + half);
  }
  function shift(direction) {
    if (!stretch) return;
    const by = direction * Math.ceil((stretch[1] - stretch[0]) / 2);
    look(stretch[0] + by, stretch[1] + by + 1);
  }

  /** buckets are those for a unit: of the dashboard or, where it has longer ones, read. */
  function buckets(u, from, to) {
    if (sums[last.interval].includes(u)) return last.buckets;
    const key = `${u} ${units[u].nth(from)} ${units[u].nth(to)} ${last.past}`;
    if (held?.key !== key || held.position !== last.position) read(key, u, from, to);
    return held?.key === key ? held.buckets : null;
  }
  async function read(key, u, from, to) {
    const wait = held?.key === key ? held.at + again - performance.now() : 0;
    if (reading?.key === key) return;
    if (wait > 0) {
      clearTimeout(later);
      later = setTimeout(show, wait);
      return;
    }
    reading?.end.abort();
    const mine = reading = { key, end: new AbortController() };
    try {
      const { start, nth } = units[u];
      const { trend, position } = await load(u, start(nth(from)), start(nth(to) + 1), mine.end.signal);
      held = { key, buckets: trend, position: Math.max(position, last.position), at: performance.now() };
      write(trouble, '');
    } catch {
      if (mine.end.signal.aborted) return;
      write(trouble, w.notLoaded);
      held = held?.key === key ? { ...held, at: performance.now(), position: last.position } : held;
    } finally {
      if (reading === mine) reading = null;
    }
    show();
  }

  function show() {
    if (!last) return;
    const began = performance.now();
    const none = last.buckets.length === 0;
    for (const part of [stage, table, choice, tools]) part.hidden = none;
    empty.hidden = !none;
    beside.hidden = last.outside === 0;
    write(beside, last.outside > 0 ? t().trendOutside(exact(last.outside)) : '');
    if (none) return;
    const [from, to] = span();
    const u = unit();
    const found = buckets(u, from, to);
    label(stage, 'aria-busy', found ? null : 'true');
    if (found) {
      const before = `${points.length} ${points[0]?.from}`;
      points = series(found, u, from, to, last.at);
      const sum = points.reduce((s, p) => s + p.n, 0);
      const best = points.reduce((b, p) => (p.n > b.n ? p : b), points[0]);
      chart.draw(points, u, sum === 0 ? w.noneThen : `${w.summed(exact(sum))} · ${w.bestWas(spoken(best), exact(best.n))}`);
      label(chart.e, 'aria-label', t().trendSaid(date(points[0].from, last.at), date(points.at(-1).to - 1, last.at), exact(sum), exact(best.n), spoken(best)));
      if (before !== `${points.length} ${points[0].from}`) fill();
      else if (table.open && body.firstChild) write(body.firstChild.lastChild, count(points.at(-1)));
    }
    const all = offered();
    for (const [name, button] of choices) {
      button.hidden = !all.includes(name);
      label(button, 'aria-pressed', String(name === u));
    }
    choice.hidden = all.length < 2;
    const [low, high] = whole();
    // What cannot be pressed keeps its place and the focus; what would do nothing is not there.
    [stretch && stretch[0] <= low, false, to - from <= 6 * 3_600_000, stretch && stretch[1] >= high, false].forEach((is, i) => label(tools.children[i], 'aria-disabled', is ? 'true' : null));
    const held = tools.contains(document.activeElement);
    [...tools.children].forEach((button, i) => { button.hidden = !stretch && i !== 2; });
    if (held && document.activeElement.hidden) chart.e.focus({ preventScroll: true });
    measured('jangbu:trend', began);
  }
  const count = (p) => exact(p.n) + (p.running ? ` (${t().incomplete})` : '');
  function fill() {
    if (!table.open) return;
    body.replaceChildren(...points.map((p) => h('tr', {}, h('th', { scope: 'row' }, spoken(p)), h('td', {}, count(p)))).reverse());
  }

  let before = null;
  const paper = {
    beforeprint() {
      if (!last || before) return;
      before = { stretch, asked, open: table.open };
      [stretch, asked] = [null, null];
      show();
      chart.onPaper(true);
      table.open = true;
      fill();
    },
    afterprint() {
      if (!before) return;
      ({ stretch, asked } = before);
      table.open = before.open;
      before = null;
      chart.onPaper(false);
      show();
    },
  };
  for (const [type, listener] of Object.entries(paper)) addEventListener(type, listener);

  return {
    e,
    /** update shows a dashboard as it is at a moment; past is the moment that it is of. */
    update(d, at, past) {
      const ms = (s) => (s ? Date.parse(s) : null);
      last = { buckets: d.trend, interval: d.interval, at, past, position: d.position, starts: ms(d.startsAt), ends: ms(d.endsAt), outside: d.outside.before + d.outside.after };
      week.update(d);
      show();
    },
    stop() {
      for (const [type, listener] of Object.entries(paper)) removeEventListener(type, listener);
      clearTimeout(later);
      reading?.end.abort();
      chart.stop();
      week.stop();
    },
  };
}
