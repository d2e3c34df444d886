// Which of a shop's campaigns are looked for: by words, by state and by period.

import { yearOf } from './words.js';

const dayLong = 86_400_000;
const initials = 'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ';

/** plain is a text as it is compared: composed, in small letters, without spaces. */
export const plain = (text) => [...text.normalize('NFC').toLocaleLowerCase('ko').replaceAll(/\s/gu, '')];

const syllable = (c) => {
  const n = c.codePointAt(0) - 0xac00;
  return n < 11_172 ? n : -1;
};

/** finder returns a function that reports whether the plain form of a text has the words in
 * it. A consonant stands for every syllable that begins with it (초성), and a last syllable
 * without a final consonant may be one that is still being typed. */
export function finder(words) {
  const wanted = plain(words).map((c, i, all) => {
    const n = syllable(c);
    if (initials.includes(c)) return (d) => d === c || syllable(d) >= 0 && initials[Math.floor(syllable(d) / 588)] === c;
    if (i === all.length - 1 && n >= 0 && n % 28 === 0) return (d) => d === c || syllable(d) >= 0 && Math.floor(syllable(d) / 28) === n / 28;
    return (d) => d === c;
  });
  return (text) => {
    for (let at = 0; at <= text.length - wanted.length; at++) if (wanted.every((like, i) => like(text[at + i]))) return true;
    return false;
  };
}

/** periods are those that some of the campaigns lie in: the last days, and years. */
export function periods(cards, now) {
  const years = new Set();
  for (const { startsAt, endsAt } of cards) {
    const from = Date.parse(startsAt ?? endsAt ?? ''), to = Math.min(Date.parse(endsAt ?? '') - 1 || now, Math.max(now, from || now));
    if (!Number.isFinite(from)) continue;
    for (let year = yearOf(from); year <= yearOf(to) && years.size < 30; year++) years.add(year);
  }
  return ['30', '90', ...[...years].sort((a, b) => b - a).map(String)];
}

/** within returns a function that reports whether a campaign runs, or ran, in a period. */
export function within(period, now) {
  if (!/^\d{2,4}$/.test(period)) return () => true;
  const year = Number(period);
  const [from, to] = period.length === 4 ? [Date.UTC(year, 0, 1) - 9 * 3600_000, Date.UTC(year + 1, 0, 1) - 9 * 3600_000] : [now - year * dayLong, now];
  return ({ startsAt, endsAt }) => (startsAt ? Date.parse(startsAt) : -Infinity) < to && (endsAt ? Date.parse(endsAt) : Infinity) > from;
}

const sorts = new Set(['title', 'totalParticipants', 'costPerParticipant', 'totalExposure', 'roiPercent', 'salesGrowthPercent', 'updatedAt']);

/** choiceIn reads from an address what the reader has chosen, and addressOf writes it. */
export function choiceIn(query) {
  const sort = query.get('sort');
  return {
    text: query.get('q') ?? '', state: ['running', 'planned', 'ended'].includes(query.get('state')) ? query.get('state') : '', period: query.get('period') ?? '',
    sort: sorts.has(sort) ? sort : '', descending: query.get('order') !== 'asc',
  };
}

export function addressOf(shop, { text, state, period, sort, descending }) {
  const query = new URLSearchParams(Object.entries({ q: text.trim(), state, period, sort, order: sort && !descending ? 'asc' : '' }).filter(([, v]) => v));
  return `#/stores/${encodeURIComponent(shop)}${query.size > 0 ? `?${query}` : ''}`;
}

const standings = { running: 0, planned: 1, ended: 2 };

/** byStanding puts what runs first, what ends soonest before the rest, then what is to come,
 * then what has ended, the last one first. */
export function byStanding(a, b) {
  const time = (s, none) => (s ? Date.parse(s) : none);
  if (a.state !== b.state) return standings[a.state] - standings[b.state];
  if (a.state === 'planned') return time(a.startsAt, Infinity) - time(b.startsAt, Infinity) || 0;
  return (a.state === 'running' ? time(a.endsAt, 1e15) - time(b.endsAt, 1e15) : time(b.endsAt, 0) - time(a.endsAt, 0)) || 0;
}
