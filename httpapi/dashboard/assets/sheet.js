// What is shown, as files that a spreadsheet opens: tables with one heading line and one
// unit a column.

import { channelName, inKorea, t, titleOf, valueName } from './words.js';

/** csv writes rows by RFC 4180, with a byte order mark: spreadsheets take a file for Korean
 * of another code page otherwise. Text that they would take for a formula gets an
 * apostrophe before it (OWASP, CSV injection). What is unknown is empty. */
export function csv(rows) {
  const cell = (v) => {
    if (v === null || v === undefined) return '';
    const text = typeof v === 'string' && /^\s*[=+\-@\t\r]/.test(v) ? `'${v}` : String(v);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** save hands a file to the reader. Its name says what it has and of which day it is. */
export function save(names, text, at) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const a = document.createElement('a');
  a.href = url;
  const name = names.map((part) => part.normalize('NFC').replaceAll(/[^\p{L}\p{N}._-]+/gu, '-').replaceAll(/^[-.]+|[-.]+$/g, '').slice(0, 60)).filter(Boolean).join('_');
  a.download = `${name}_${inKorea(at).slice(0, 10)}.csv`;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** head is the first line of a file: what it is, and that what is unknown is empty. */
const head = (what, at) => [[t().files.head(what, inKorea(at))]];
const time = (s) => (s ? inKorea(Date.parse(s)) : null);

/** listSheet has a line for each campaign. */
export function listSheet(cards, at) {
  const w = t(), f = w.files;
  const expected = (name) => `${name} %`;
  return [
    ...head(w.campaigns, at),
    [f.id, w.columns.title, f.state, f.startsAt, f.endsAt, `${w.cards.totalParticipants} (${f.people})`, `${w.figures.totalCost} (${f.won})`, `${w.event.cost} (${f.won})`, `${w.cards.totalExposure} (${f.times})`, expected(w.columns.roiPercent), expected(w.columns.salesGrowthPercent), w.columns.updatedAt],
    ...cards.map((c) => [c.eventId, titleOf(c), w.states[c.state], time(c.startsAt), time(c.endsAt), c.summary.totalParticipants, c.summary.totalCost, c.summary.costPerParticipant, c.summary.totalExposure, c.summary.roiPercent, c.summary.salesGrowthPercent, time(c.updatedAt)]),
  ];
}

/** campaignSheets are the tables of one campaign, by name. d is its dashboard, hours and days
 * are trends of those intervals. */
export const campaignSheets = {
  /** summary has a line for each number, with its unit. */
  summary(d, at) {
    const w = t(), f = w.files, m = d.economics, s = d.summary;
    return [
      ...head(titleOf(d), at), [f.item, f.value, f.unit],
      [f.id, d.eventId, null], [w.columns.title, titleOf(d), null], [f.state, w.states[d.state], null], [f.startsAt, time(d.startsAt), null], [f.endsAt, time(d.endsAt), null],
      [w.cards.totalParticipants, s.totalParticipants, f.people], [w.event.cost, s.costPerParticipant, f.won], [w.cards.totalExposure, s.totalExposure, f.times],
      [w.columns.roiPercent, s.roiPercent, '%'], [w.columns.salesGrowthPercent, s.salesGrowthPercent, '%'],
      ...Object.entries(m).filter(([name]) => w.figures[name]).map(([name, value]) => [w.figures[name], value, /newCustomers$/i.test(name) ? f.people : f.won]),
      [w.columns.updatedAt, time(d.updatedAt), null],
    ];
  },
  /** channels has a line for each channel. The participants are all. */
  channels(d, at) {
    const w = t(), f = w.files;
    const own = ['impressions', 'views', 'clicks', 'likes', 'comments', 'shares'];
    return [
      ...head(titleOf(d), at),
      [w.channelColumns.channel, `${w.channelColumns.participants} (${f.people})`, `${w.channelColumns.cost} (${f.won})`, `${w.channelColumns.costEach} (${f.won})`, `${f.counted} (${f.times})`, `${w.channelColumns.conversion} %`, ...own.map((name) => w.own[name]), f.distributedAt, f.fetchedAt],
      ...d.channels.map((c) => [channelName(c.channel), c.participants, c.cost, c.costPerParticipant, c.exposure, c.conversionPercent, ...own.map((name) => c[name]), time(c.distributedAt), time(c.fetchedAt)]),
    ];
  },
  days: (d, at, trend) => counts(t().files.day, 10, d, at, trend),
  hours: (d, at, trend) => counts(t().files.hour, 19, d, at, trend),
  /** profile has a line for each value of each property. */
  profile(d, at) {
    const w = t(), f = w.files;
    return [
      ...head(titleOf(d), at), [f.property, f.value, `${w.channelColumns.participants} (${f.people})`],
      ...Object.entries(d.profile).flatMap(([dimension, all]) => Object.entries(all).map(([value, n]) => [w.dimension[dimension], valueName(dimension, value), n])),
    ];
  },
};

/** counts has a line for each interval, and one for those outside of the campaign's period,
 * so that the sum is that of the campaign. */
function counts(name, digits, d, at, { trend, outside }) {
  const w = t(), f = w.files;
  const rows = trend.map((b) => [inKorea(Date.parse(b.from)).slice(0, digits), b.participants]);
  const beyond = [[f.before, outside.before], [f.after, outside.after]].filter(([, n]) => n > 0);
  return [...head(titleOf(d), at), [name, `${w.channelColumns.participants} (${f.people})`], ...rows, ...beyond];
}
