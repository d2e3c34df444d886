// How many took part, by hour or by day.

import uPlot from './uPlot.esm.js';

import { h, label, measured, write } from './dom.js';
import { clock, day, dayAndHour, exact, fullDay, short, t } from './words.js';

const hour = 3600; // seconds, as uPlot counts
const inADay = 24 * hour;
const longestPadding = 48; // intervals
const leastShown = 6; // intervals, however few there are yet

/** buckets returns the plot of a trend: the starts of the intervals in seconds, the
 * participants of each, and whether the last is still running. It ends now, so intervals
 * without participants show. A trend of days or weeks cannot be shown by hours. */
export function buckets(trend, daily, at, interval = 'hour') {
  const step = interval === 'week' ? 7 * inADay : daily || interval === 'day' ? inADay : hour;
  const xs = [], ys = [];
  for (const { from, participants } of trend) {
    const x = Date.parse(step > hour ? `${from.slice(0, 10)}T00:00:00${from.slice(19)}` : from) / 1000;
    if (xs.at(-1) === x) ys[ys.length - 1] += participants;
    else {
      xs.push(x);
      ys.push(participants);
    }
  }
  const now = at / 1000;
  if (xs.length > 0 && now - xs.at(-1) < longestPadding * step) {
    while (xs.at(-1) + step <= now) {
      xs.push(xs.at(-1) + step);
      ys.push(0);
    }
  }
  return { xs, ys, step, running: xs.length > 0 && xs.at(-1) + step > now };
}

/** trend is the panel. */
export function trend() {
  const w = t();
  let daily = false, shown = { xs: [], ys: [], step: hour, running: false }, zoom = null, plot = null, last = null;
  const choice = (name, by) => h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => { daily = by; zoom = null; show(); } }, name);
  const hourly = choice(w.hourly, false);
  const dailyChoice = choice(w.daily, true);
  const tool = (name, sign, onclick) => h('button', { type: 'button', 'aria-label': name, title: name, onclick }, sign);
  const tools = h('div', { class: 'zoom', role: 'group', 'aria-label': w.trendTools },
    tool(w.earlier, '◀', () => shift(-1)), tool(w.zoomOut, '−', () => scale(2)), tool(w.zoomIn, '+', () => scale(0.5)),
    tool(w.zoomAll, '⤢', () => { zoom = null; draw(); }), tool(w.later, '▶', () => shift(1)));
  const tip = h('div', { class: 'tip', 'aria-hidden': 'true' });
  tip.hidden = true;
  const chart = h('div', { class: 'chart', role: 'img' });
  const body = h('tbody');
  const table = h('details', { class: 'table', ontoggle: () => fill() }, h('summary', {}, w.asTable),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': w.asTable },
      h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, w.when), h('th', { scope: 'col' }, w.participantsOf))), body)));
  const empty = h('p', { class: 'empty' }, w.trendEmpty);
  const beside = h('p', { class: 'note' });
  beside.hidden = true;
  const e = h('section', { class: 'panel trend', 'aria-labelledby': 'trend' },
    h('div', { class: 'heading' }, h('h2', { id: 'trend' }, w.trend), h('div', { class: 'choice', role: 'group', 'aria-label': w.interval }, hourly, dailyChoice), tools),
    h('div', { class: 'stage' }, chart, tip, empty), beside, table);

  const when = (x) => (shown.step > hour ? day(x * 1000) : dayAndHour(x * 1000));
  const full = () => [Math.min(shown.xs[0], shown.xs.at(-1) - (leastShown - 1) * shown.step) - shown.step / 2, shown.xs.at(-1) + shown.step / 2];
  const range = () => zoom ?? full();

  function clamp([from, to]) {
    const [low, high] = full();
    const span = Math.min(Math.max(to - from, leastShown * shown.step), high - low);
    const start = Math.min(Math.max(from, low), high - span);
    return span >= high - low ? null : [start, start + span];
  }
  function scale(by) {
    const [from, to] = range();
    const middle = (from + to) / 2, half = (to - from) / 2 * by;
    zoom = clamp([middle - half, middle + half]);
    draw();
  }
  function shift(direction) {
    const [from, to] = range();
    const by = direction * (to - from) / 2;
    zoom = clamp([from + by, to + by]);
    draw();
  }

  function data() {
    const { xs, ys, running } = shown;
    const n = ys.length;
    if (!running) return [xs, ys, ys.map(() => null)];
    return [xs, ys.map((y, i) => (i === n - 1 ? null : y)), ys.map((y, i) => (i >= n - 2 ? y : null))];
  }
  function draw() {
    if (shown.xs.length === 0 || !chart.isConnected) return;
    const began = performance.now();
    if (!plot) plot = newPlot(began);
    plot.began = began;
    // Not "disabled", which would take the focus away from the pressed button.
    for (const i of [0, 1, 3, 4]) label(tools.children[i], 'aria-disabled', zoom ? null : 'true');
    const [min, max] = range();
    plot.batch(() => {
      plot.setData(data(), false);
      plot.setScale('x', { min, max });
    });
  }
  function newPlot(began) {
    const colour = (name) => () => getComputedStyle(e).getPropertyValue(name).trim();
    const em = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: `${Math.round(0.75 * em)}px system-ui, sans-serif` };
    const line = { stroke: colour('--accent'), width: 2, points: { show: (u) => u.data[0].length <= 3 } };
    const made = new uPlot({
      ...size(), tzDate: (s) => uPlot.tzDate(new Date(s * 1000), 'Asia/Seoul'), legend: { show: false }, padding: [12, 28, 0, 0],
      cursor: { y: false, drag: { x: true, setScale: false }, points: { size: 9 }, bind: { dblclick: () => () => { zoom = null; draw(); } } },
      scales: { x: { time: true }, y: { range: (u, min, max) => [0, Math.max(4, uPlot.rangeNum(0, max ?? 1, 0.12, true)[1])] } },
      series: [{}, { ...line, fill: colour('--accent-wash') }, { ...line, dash: [5, 5], fill: null }],
      axes: [
        { ...axis, space: 4.5 * em, size: 2 * em, incrs: [1, 2, 3, 6, 12, 24, 48, 72, 120, 168, 336, 720].map((n) => n * hour), values: (u, at, i, space, step) => at.map((x) => (step >= inADay ? day(x * 1000) : midnight(x) ? day(x * 1000) : clock(x * 1000))) },
        { ...axis, size: 3.5 * em, values: (u, at) => at.map((y) => (Number.isInteger(y) ? short(y) : '')) },
      ],
      hooks: {
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          zoom = clamp([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]);
          u.setSelect({ width: 0, height: 0, left: 0, top: 0 }, false);
          draw();
        }],
        setCursor: [point],
        draw: [(u) => measured('jangbu:trend', u.began ?? began)],
      },
    }, data(), chart);
    return made;
  }
  const midnight = (x) => (x + 9 * hour) % inADay === 0;
  const size = () => ({ width: Math.max(200, chart.clientWidth), height: Math.max(160, chart.clientHeight) });

  function point(u) {
    const i = u.cursor.idx;
    tip.hidden = i === null || i === undefined;
    if (tip.hidden) return;
    const running = shown.running && i === shown.xs.length - 1;
    write(tip, `${when(shown.xs[i])} · ${exact(shown.ys[i])}${w.unit.people}${running ? ` · ${w.incomplete}` : ''}`);
    const left = Math.min(Math.max(u.valToPos(shown.xs[i], 'x') + u.bbox.left / devicePixelRatio, tip.offsetWidth / 2), chart.clientWidth - tip.offsetWidth / 2);
    tip.style.transform = `translateX(${Math.round(left - tip.offsetWidth / 2)}px)`;
  }
  function fill() {
    if (!table.open) return;
    body.replaceChildren(...shown.xs.map((x, i) => h('tr', {}, h('th', { scope: 'row' }, when(x)), h('td', {}, exact(shown.ys[i]), shown.running && i === shown.xs.length - 1 ? ` (${w.incomplete})` : ''))).reverse());
  }
  function show() {
    if (!last) return;
    const step = shown.step, length = shown.xs.length;
    shown = buckets(last.trend, daily, last.at, last.interval);
    const before = shown.step === step ? length : -1;
    hourly.disabled = last.interval !== 'hour';
    beside.hidden = last.outside === 0;
    write(beside, last.outside > 0 ? w.trendOutside(exact(last.outside)) : '');
    const none = shown.xs.length === 0;
    empty.hidden = !none;
    chart.hidden = none;
    label(hourly, 'aria-pressed', String(shown.step === hour));
    label(dailyChoice, 'aria-pressed', String(shown.step > hour));
    if (none) return;
    const most = shown.ys.indexOf(Math.max(...shown.ys));
    const sum = shown.ys.reduce((a, b) => a + b, 0);
    label(chart, 'aria-label', w.trendSaid(fullDay(shown.xs[0] * 1000), fullDay(shown.xs.at(-1) * 1000), exact(sum), exact(shown.ys[most]), when(shown.xs[most])));
    draw();
    if (before !== shown.xs.length) fill();
    else if (table.open && body.firstChild) write(body.firstChild.lastChild, exact(shown.ys.at(-1)) + (shown.running ? ` (${w.incomplete})` : ''));
  }

  const resized = new ResizeObserver(() => {
    if (plot) plot.setSize(size());
    else draw();
  });
  resized.observe(chart);
  const themed = () => plot?.redraw(false);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', themed);
  document.addEventListener('jangbu:theme', themed);

  return {
    e,
    update(dashboard, at) {
      const { trend, interval, outside } = dashboard;
      last = { trend, at, interval, outside: outside.before + outside.after };
      show();
    },
    stop() {
      resized.disconnect();
      dark.removeEventListener('change', themed);
      document.removeEventListener('jangbu:theme', themed);
      plot?.destroy();
    },
  };
}
