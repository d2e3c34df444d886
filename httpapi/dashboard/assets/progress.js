// How it is going: participants beside those of an earlier stretch, by the time at which
// they took part, and how far the goal is.

import { h, label, svg, write } from './dom.js';
import { exact, large, t } from './words.js';

const weekday = (from) => (new Date(Date.parse(from) + 9 * 3_600_000).getUTCDay() + 6) % 7; // Monday is 0

/** comparison is the list of today, yesterday and the last seven days. */
export function comparison() {
  const w = t().event;
  const all = { today: line('today', w.compareToday), yesterday: line('yesterday', w.compareYesterday), lastSevenDays: line('lastSevenDays', w.compareWeek) };
  const e = h('section', { class: 'panel compare', 'aria-labelledby': 'compare' }, h('h2', { id: 'compare' }, w.compare), h('dl', {}, ...Object.values(all).map((l) => l.e)));
  return {
    e,
    update({ comparison: c }) {
      e.hidden = !c || Object.values(c).every((part) => part === null);
      if (e.hidden) return;
      for (const [name, l] of Object.entries(all)) l.update(c[name]);
    },
  };
}

function line(which, name) {
  const w = t().event;
  const dt = h('dt', {}, name), number = h('span', { class: 'count' }), change = h('span', { class: 'change' }), before = h('span');
  const e = h('div', {}, dt, h('dd', {}, ...(which === 'today' ? [number, h('span', { class: 'before' }, before, ' ', change)] : [number, ' ', change, h('span', { class: 'before' }, before)])));
  return {
    e,
    update(part) {
      e.hidden = !part;
      if (!part) return;
      const { participants, before: earlier } = part;
      const long = t().event.weekdaysLong;
      const hours = which === 'today' ? Math.round((Date.parse(part.to) - Date.parse(part.from)) / 3_600_000) : 0;
      write(dt, which === 'yesterday' ? `${name} (${w.weekdays[weekday(part.from)]})` : name);
      write(number, which === 'today' ? w.soFar(w.people(exact(part.soFar ?? participants))) : w.people(exact(participants)));
      const difference = earlier === null ? null : participants - earlier;
      write(change, difference === null ? '' : difference === 0 ? `＝ ${w.same}` : `${difference > 0 ? '▲' : '▼'} ${w.people(exact(Math.abs(difference)))} ${difference > 0 ? w.more : w.less}`);
      // While a stretch runs there is nothing to warn of: a fall may yet be none.
      label(change, 'data-change', part.running || !difference ? null : difference > 0 ? 'up' : 'down');
      const [now, then] = [w.people(exact(participants)), earlier === null ? null : w.people(exact(earlier))];
      write(before, which === 'today' ? (hours === 0 ? w.firstHour : then === null ? w.hoursOnly(hours, now) : w.sameHours(hours, now, then))
        : then === null ? w.notThen : which === 'yesterday' ? w.sameDay(long[weekday(part.from)], then) : w.weekBefore(then));
    },
  };
}

/** goal is how far a campaign has come, and where it will be at its end. */
export function goal() {
  const w = t().event;
  const said = h('p', { class: 'said' }), forecast = h('p', { class: 'hint' });
  const done = svg('rect', { class: 'done', height: '100%' }), likely = svg('rect', { class: 'likely', height: '100%' }), ground = svg('rect', { class: 'ground', width: '100%', height: '100%' });
  const bar = h('div', { class: 'meter', role: 'progressbar', 'aria-labelledby': 'goal', 'aria-valuemin': 0, 'aria-valuemax': 100 }, svg('svg', { 'aria-hidden': 'true' }, ground, likely, done));
  const e = h('section', { class: 'panel goal', 'aria-labelledby': 'goal' }, h('h2', { id: 'goal' }, w.goal), said, bar, forecast);
  return {
    e,
    update({ goal: g }) {
      e.hidden = !g;
      if (!g) return;
      const part = (n) => `${Math.min(100, Math.max(0, n / g.target * 100)).toFixed(2)}%`;
      const text = w.reached(exact(g.reached), w.goalOf[g.metric](large(g.target)), exact(Math.floor(g.percent ?? 0)));
      write(said, g.reached >= g.target ? `${text} · ${w.goalDone}` : text);
      label(done, 'width', part(g.reached));
      label(likely, 'width', part(g.forecast?.high ?? 0));
      label(bar, 'aria-valuenow', String(Math.min(100, Math.floor(g.percent ?? 0))));
      label(bar, 'aria-valuetext', text);
      forecast.hidden = !g.forecast;
      write(forecast, g.forecast ? w.forecast(exact(g.forecast.value), exact(g.forecast.low), exact(g.forecast.high)) : '');
    },
  };
}
