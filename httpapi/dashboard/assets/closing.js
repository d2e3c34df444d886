// What is left of a campaign that has ended: its best, and how it did beside the shop's
// campaign before it. It is loaded when one has ended.

import { listPath, patiently } from './api.js';
import { cardName, whole } from './cards.js';
import { h, write } from './dom.js';
import { channelName, date, exact, lang, period, t, titleOf } from './words.js';

const pages = 3; // of the shop's list, in which the one before is looked for

/** closing is the panel. */
export function closing(signal) {
  const w = words();
  const facts = h('dl', { class: 'facts' });
  const beside = h('div', { class: 'beside' });
  const e = h('section', { class: 'panel closing', 'aria-labelledby': 'closing' }, h('h2', { id: 'closing' }, w.title), facts, beside);
  let before; // undefined until it is known, null where there is none
  async function look(d) {
    before = null;
    try {
      before = await earlier(d, signal);
      compare(d);
    } catch {
      if (!signal.aborted) write(beside, w.failed);
    }
  }
  let now = 0;
  function compare(d) {
    if (!before) return void beside.replaceChildren(h('p', { class: 'hint' }, w.first));
    const link = h('a', { href: `#/events/${encodeURIComponent(before.eventId)}` }, h('bdi', {}, titleOf(before)));
    const value = (c, name) => (c.summary[name] === null ? t().unknown : whole(name, c.summary[name]));
    const lines = [[w.period, period(d, now), period(before, now)], ...['totalParticipants', 'totalExposure', 'costPerParticipant', 'roiPercent', 'salesGrowthPercent'].map((name) => [name.endsWith('Percent') ? t().columns[name] : cardName(name), value(d, name), value(before, name)])];
    beside.replaceChildren(h('table', {}, h('caption', {}, w.beside), h('thead', {}, h('tr', {}, h('td', {}), h('th', { scope: 'col' }, w.thisOne), h('th', { scope: 'col' }, link))),
      h('tbody', {}, ...lines.map(([name, a, b]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, a), h('td', {}, b))))));
  }
  return {
    e,
    update(d, at) {
      now = at;
      const { day, hourOfDay, channel } = d.best ?? {};
      const people = (n) => exact(n) + t().unit.people;
      const all = [
        [cardName('totalParticipants'), whole('totalParticipants', d.summary.totalParticipants), ''],
        day && [w.day, date(Date.parse(day.from), at), people(day.participants)],
        hourOfDay && [w.hour, t().event.hour(hourOfDay.hour), people(hourOfDay.participants)],
        channel && [w.channel, channelName(channel.channel), people(channel.participants)],
        d.summary.costPerParticipant !== null && [cardName('costPerParticipant'), whole('costPerParticipant', d.summary.costPerParticipant), ''],
      ].filter(Boolean);
      facts.replaceChildren(...all.map(([name, value, of]) => h('div', {}, h('dt', {}, name), h('dd', {}, value, of && h('span', { class: 'of' }, of)))));
      if (before === undefined && d.storeId) look(d);
    },
  };
}

/** earlier is the shop's last campaign that ended before this one did. */
async function earlier(d, signal) {
  let best = null;
  for (let page = 0, cursor = ''; page < pages && cursor !== null; page++) {
    const { events, next } = await patiently(listPath(d.storeId, cursor), { signal });
    for (const c of events) {
      const end = Date.parse(c.endsAt ?? '');
      if (c.eventId !== d.eventId && end <= Date.parse(d.endsAt) && !(end <= Date.parse(best?.endsAt ?? ''))) best = c;
    }
    cursor = next;
  }
  return best;
}

const words = () => ({
  ko: { title: '결산', period: '기간', day: '가장 좋았던 날', hour: '가장 좋았던 시간', channel: '가장 많이 온 채널', thisOne: '이번', beside: '바로 앞 이벤트와 나란히', first: '이 가게에 먼저 끝난 이벤트가 없어 나란히 볼 것이 없습니다.', failed: '앞 이벤트를 불러오지 못했습니다.' },
  en: { title: 'How it went', period: 'Period', day: 'Best day', hour: 'Best hour', channel: 'Best channel', thisOne: 'This one', beside: 'Beside the campaign before it', first: 'No campaign of this shop ended before it.', failed: 'The campaign before could not be loaded.' },
})[lang() === 'en' ? 'en' : 'ko'];
