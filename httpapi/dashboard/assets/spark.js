// How many took part on each of the last days, beside the campaigns that run.

import { analyticsPath, now, patiently, pause } from './api.js';
import { series } from './chart.js';
import { label, svg } from './dom.js';
import { t } from './words.js';

const most = 12; // campaigns
const days = 30;
const dayLong = 86_400_000;
const fresh = 300_000; // ms

/** sparks returns a function that draws them into the rows of a list, one after the other. */
export function sparks(signal) {
  const known = new Map(); // by campaign: {at, points}
  let wanted = [], busy = false;
  async function run() {
    if (busy) return;
    busy = true;
    while (wanted.length > 0 && !signal.aborted) {
      const [card, place] = wanted.shift();
      const last = known.get(card.eventId);
      if (!last || now() - last.at > fresh) {
        try {
          const at = now();
          const from = Math.max(at - (days - 1) * dayLong, card.startsAt ? Date.parse(card.startsAt) : 0);
          const { trend } = await patiently(analyticsPath(card.eventId, null, { interval: 'day', from: new Date(at - days * dayLong).toISOString(), to: new Date(at).toISOString() }), { signal });
          known.set(card.eventId, { at, points: series(trend, 'day', from, at, at) });
        } catch {
          await pause(5_000, signal); // the list says what is wrong
          continue;
        }
      }
      if (!signal.aborted) draw(place, known.get(card.eventId).points);
    }
    busy = false;
  }
  return (cards, body) => {
    wanted = cards.filter((c) => c.state === 'running').slice(0, most)
      .map((c) => [c, [...body.children].find((tr) => tr.dataset.campaign === c.eventId)?.querySelector('.spark')]).filter(([, place]) => place);
    run();
  };
}

function draw(place, points) {
  if (points.every((p) => p.n === 0)) return void place.replaceChildren();
  const top = Math.max(1, ...points.map((p) => p.n));
  const wide = Math.min(6, 104 / points.length), high = 22; // px
  const bars = points.map((p, i) => {
    const height = p.n === 0 ? 0.8 : Math.max(1.6, p.n / top * high);
    return svg('rect', { x: i * wide + 0.5, y: high - height, width: wide - 1, height, ...(p.running ? { 'data-running': '' } : {}) });
  });
  const drawing = svg('svg', { width: points.length * wide, height: high, role: 'img' }, ...bars);
  label(drawing, 'aria-label', t().sparkSaid(points.length, points.at(-2)?.n ?? null, points.at(-1).n));
  place.replaceChildren(drawing);
}
