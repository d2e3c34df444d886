// Bars for counts over time. They are SVG, so that paper, forced colours and every width get
// them; a line of text says what the chosen bar is, so that nothing depends on hovering.

import { h, label, svg, write } from './dom.js';
import { short } from './words.js';

const paperWidth = 680; // px, of an A4 sheet within a browser's margins
const gap = 10; // px, the least between two labels
const minute = 60_000, hour = 60 * minute, dayLong = 24 * hour;
const korea = 9 * hour; // Korea's clocks are never changed

// --- calendar ---------------------------------------------------------------

const dayOf = (ms) => Math.floor((ms + korea) / dayLong);
const monthOf = (ms) => { const d = new Date(ms + korea); return d.getUTCFullYear() * 12 + d.getUTCMonth(); };
const monthStart = (m) => Date.UTC(Math.floor(m / 12), m % 12, 1) - korea;
const weekOf = (ms) => Math.floor((dayOf(ms) + 3) / 7); // 1 January 1970 was a Thursday

/** units are the lengths of an interval, the shortest first. nth numbers the intervals and
 * start is where one begins, in milliseconds. */
export const units = {
  hour: { nth: (ms) => Math.floor((ms + korea) / hour), start: (n) => n * hour - korea, about: hour },
  day: { nth: dayOf, start: (n) => n * dayLong - korea, about: dayLong },
  week: { nth: weekOf, start: (n) => (n * 7 - 3) * dayLong - korea, about: 7 * dayLong },
  month: { nth: monthOf, start: monthStart, about: 30 * dayLong },
};

/** series counts buckets by intervals of a unit, from the one with `from` in it to the one
 * with `to` in it, those without anyone included. The one with `now` in it is running. */
export function series(buckets, unit, from, to, now) {
  const { nth, start } = units[unit];
  const first = nth(from), last = Math.min(nth(to), first + 1999);
  const points = [];
  for (let n = first; n <= last; n++) points.push({ from: start(n), to: start(n + 1), n: 0, running: start(n) <= now && now < start(n + 1) });
  for (const b of buckets) {
    const point = points[nth(Date.parse(b.from)) - first];
    if (point) point.n += b.participants;
  }
  return points;
}

// --- labels -----------------------------------------------------------------

/** stepOf is the distance of the lines behind the bars: 1, 2 or 5 times a power of ten. */
export function stepOf(most, lines = 3) {
  const least = Math.max(1, most / lines);
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least);
}

// Which intervals have a label: those whose number is divisible, or that begin a longer unit.
const strides = {
  hour: [...[1, 2, 3, 6, 12].map((by) => (p) => units.hour.nth(p.from) % by === 0), ...[1, 2, 7, 14, 28].map((by) => (p) => units.hour.nth(p.from) % 24 === 0 && (dayOf(p.from) + 3) % by === 0)],
  day: [...[1, 2, 7, 14].map((by) => (p) => (dayOf(p.from) + 3) % by === 0), ...months()],
  week: [...[1, 2, 4].map((by) => (p) => weekOf(p.from) % by === 0), ...months()],
  month: [1, 3, 6, 12, 24, 60].map((by) => (p) => monthOf(p.from) % by === 0),
};
function months() { // the first interval that begins in a month
  return [1, 3, 6, 12].map((by) => (p) => monthOf(p.from) % by === 0 && monthOf(p.from) !== monthOf(p.from - (p.to - p.from)));
}

/** labels chooses what is written below the bars: [{i, text, row}], row 0 close to the bars,
 * row 1 what is common to those after it. name(point, byMonth) returns both texts; width
 * measures one. No two of a row touch, and none is outside. */
export function labels(points, unit, slot, width, total, name) {
  const centre = (i) => (i + 0.5) * slot;
  const place = (i, text) => { const w = width(text); const x = Math.min(Math.max(centre(i), w / 2), total - w / 2); return { i, text, x, left: x - w / 2, right: x + w / 2 }; };
  const apart = (list) => list.every((l, k) => k === 0 || l.left >= list[k - 1].right + gap);
  const all = strides[unit];
  const byMonth = (k) => unit !== 'month' && unit !== 'hour' && k >= all.length - 4;
  let upper = [], chosen = all.length - 1;
  for (let k = 0; k < all.length; k++) {
    const at = points.map((p, i) => i).filter((i) => all[k](points[i]));
    if (at.length === 0) continue;
    const tried = at.map((i) => place(i, name(points[i], byMonth(k))[0]));
    [upper, chosen] = [tried, k];
    if (apart(tried)) break;
  }
  if (upper.length === 0 && points.length > 0) upper = [place(0, name(points[0], false)[0])];
  upper = upper.reduce((kept, l) => (kept.length > 0 && l.left < kept.at(-1).right + gap ? kept : [...kept, l]), []);
  const lower = [];
  let said = null;
  for (const i of points.keys()) {
    const text = name(points[i], byMonth(chosen))[1];
    if (!text || text === said) continue;
    const l = place(i, text);
    said = text;
    // What begins soon after takes the place of what comes first: most of the bars are its.
    if (lower.length > 0 && l.left < lower.at(-1).right + gap) {
      if (lower.length === 1 && lower[0].i === 0 && l.i < points.length / 2) lower.pop();
      else continue;
    }
    lower.push(l);
  }
  return [...upper.map((l) => ({ ...l, row: 0 })), ...lower.map((l) => ({ ...l, row: 1 }))];
}

// --- the chart --------------------------------------------------------------

let charts = 0; // each has a pattern of its own

/** bars is the chart. `said` names it to screen readers, say(point) is the text of one bar,
 * name(point, byMonth) its labels, and open, range and leave are called when the reader wants
 * to look into a bar or a stretch, or out again. */
export function bars({ said, say, name, open, range, leave }) {
  const id = `hatch-${++charts}`;
  const lines = svg('g', { class: 'lines' }), drawn = svg('g', { class: 'counts' }), texts = svg('g', { class: 'texts' }), band = svg('rect', { class: 'band' });
  const picture = svg('svg', { 'aria-hidden': 'true', focusable: 'false' },
    svg('defs', {}, svg('pattern', { id, width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      svg('rect', { class: 'ground', width: 6, height: 6 }), svg('rect', { class: 'stripe', width: 3, height: 6 }))),
    lines, band, drawn, texts);
  const readout = h('p', { class: 'readout', role: 'status' });
  const e = h('div', { class: 'chart', role: 'slider', tabindex: 0, 'aria-label': said, 'aria-orientation': 'horizontal', 'aria-valuemin': 0 }, picture);
  const pen = document.createElement('canvas').getContext('2d');
  let points = [], unit = 'day', whole = '', chosen = null, drag = null, box = null, paper = false, written = '';

  const size = () => (paper ? { w: paperWidth, h: 220 } : { w: e.clientWidth, h: e.clientHeight });
  function paint() {
    const { w, h: high } = size();
    if (w < 50 || high < 50 || points.length === 0) return;
    const style = getComputedStyle(e);
    pen.font = `${style.fontSize} ${style.fontFamily}`;
    const width = (text) => pen.measureText(text).width;
    const em = Number.parseFloat(style.fontSize);
    const most = Math.max(...points.map((p) => p.n), 1);
    const step = stepOf(most);
    const top = Math.ceil(most / step) * step;
    const marks = Array.from({ length: top / step + 1 }, (_, i) => i * step);
    const left = Math.ceil(Math.max(...marks.map((n) => width(short(n))))) + 8;
    box = { left, top: em * 0.7, right: w - 2, bottom: high - em * 3.1 };
    const slot = (box.right - left) / points.length;
    const y = (n) => box.bottom - n / top * (box.bottom - box.top);
    label(picture, 'viewBox', `0 0 ${w} ${high}`);
    const now = JSON.stringify([w, high, em, marks, unit, points.length, points[0].from]);
    if (now !== written) { // what is written changes far less often than the bars do
      written = now;
      const under = labels(points, unit, slot, width, box.right - left, name);
      lines.replaceChildren(...marks.map((n) => svg('path', { d: `M${left} ${round(y(n))}H${box.right}`, class: n === 0 ? 'floor' : 'line' })),
        ...under.filter((l) => l.row === 0).map((l) => svg('path', { d: `M${round(left + (l.i + 0.5) * slot)} ${round(box.bottom)}v4`, class: 'floor' })));
      texts.replaceChildren(...marks.map((n) => svg('text', { x: left - 8, y: round(y(n) + em * 0.35), 'text-anchor': 'end' }, short(n))),
        ...under.map((l) => svg('text', { x: round(left + l.x), y: round(box.bottom + em * (l.row === 0 ? 1.5 : 2.75)), 'text-anchor': 'middle', class: l.row === 0 ? 'near' : 'common' }, l.text)));
    }
    while (drawn.children.length > points.length) drawn.lastChild.remove();
    const inset = slot > 4 ? slot * 0.14 : slot > 2 ? 0.5 : 0;
    points.forEach((p, i) => {
      const r = drawn.children[i] ?? drawn.appendChild(svg('rect', {}));
      const height = p.n === 0 ? 0 : Math.max(2, p.n / top * (box.bottom - box.top)); // one is to be seen beside ten thousand
      const set = { x: round(left + i * slot + inset), y: round(box.bottom - height), width: round(slot - 2 * inset), height: round(height) };
      for (const [key, value] of Object.entries(set)) label(r, key, String(value));
      label(r, 'fill', p.running ? `url(#${id})` : null);
      label(r, 'data-running', p.running ? '' : null);
      label(r, 'data-chosen', i === chosen ? '' : null);
    });
    const shown = drag ? [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)] : chosen === null ? null : [chosen, chosen];
    for (const [key, value] of Object.entries(shown ? { x: left + shown[0] * slot, y: box.top, width: (shown[1] - shown[0] + 1) * slot, height: box.bottom - box.top } : { width: 0, height: 0 })) label(band, key, String(round(value)));
    tell();
  }
  const round = (v) => Math.round(v * 10) / 10;

  function tell() {
    const i = chosen ?? points.length - 1;
    const text = chosen === null ? whole : say(points[i]);
    write(readout, text);
    label(e, 'aria-valuemax', String(points.length - 1));
    label(e, 'aria-valuenow', String(i));
    label(e, 'aria-valuetext', text);
  }
  function choose(i) {
    if (points.length === 0) return;
    chosen = i === null ? null : Math.min(Math.max(i, 0), points.length - 1);
    paint();
  }
  const under = (event) => {
    if (!box) return 0;
    const r = e.getBoundingClientRect();
    return Math.min(Math.max(Math.floor((event.clientX - r.left - box.left) / (box.right - box.left) * points.length), 0), points.length - 1);
  };
  const on = {
    keydown(event) {
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -7, PageUp: 7 }[event.key];
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (by) choose(chosen === null ? points.length - 1 : chosen + by);
      else if (event.key === 'Home') choose(0);
      else if (event.key === 'End') choose(points.length - 1);
      else if (event.key === 'Enter' && chosen !== null) open(points[chosen]);
      else if (event.key === 'Escape') {
        if (chosen === null) leave();
        else choose(null);
      } else return;
      event.preventDefault();
    },
    pointerdown(event) {
      if (event.pointerType === 'mouse' && event.button === 0) {
        drag = { from: under(event), to: under(event) };
        e.setPointerCapture(event.pointerId);
      }
      choose(under(event));
    },
    pointermove(event) {
      if (event.pointerType !== 'mouse' && event.buttons === 0) return;
      if (drag) drag.to = under(event);
      choose(under(event));
    },
    pointerup() {
      const done = drag;
      drag = null;
      if (done && done.from !== done.to) range(points[Math.min(done.from, done.to)], points[Math.max(done.from, done.to)]);
      else paint();
    },
    pointercancel() { drag = null; paint(); },
    pointerleave(event) { if (event.pointerType === 'mouse' && !drag && document.activeElement !== e) choose(null); },
    dblclick() { if (chosen !== null) open(points[chosen]); },
  };
  for (const [type, listener] of Object.entries(on)) e.addEventListener(type, listener);
  const resized = new ResizeObserver(() => { if (!paper) paint(); });
  resized.observe(e);

  return {
    e, readout,
    /** draw shows points of a unit; `text` is said while no bar is chosen. */
    draw(next, of, text) {
      if (of !== unit || next[0]?.from !== points[0]?.from || next.length < points.length) chosen = null;
      [points, unit, whole] = [next, of, text];
      paint();
    },
    chosen: () => (chosen === null ? null : points[chosen]),
    /** onPaper draws for a sheet, or for the screen again. */
    onPaper(is) {
      paper = is;
      chosen = null;
      paint();
    },
    stop: () => resized.disconnect(),
  };
}
