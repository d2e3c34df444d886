// What is shown, as CSV: with a byte order mark, for spreadsheets take it for Korean
// of another code page otherwise.

import { channelName, isoInKorea, t, valueName } from './words.js';

/** csv writes rows by RFC 4180. Text that a spreadsheet would take for a formula gets an
 * apostrophe before it (OWASP, CSV injection). */
export function csv(rows) {
  const cell = (v) => {
    if (v === null || v === undefined) return '';
    const text = typeof v === 'string' && /^[=+\-@\t\r]/.test(v) ? `'${v}` : String(v);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** save hands a file to the reader. */
export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = `${name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 100)}.csv`;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** listSheet has a line for each campaign. */
export function listSheet(cards) {
  const { columns, sheet } = t();
  return [
    [sheet.id, columns.title, columns.totalParticipants, columns.totalExposure, `${columns.roiPercent} %`, `${columns.salesGrowthPercent} %`, columns.updatedAt],
    ...cards.map((c) => [c.eventId, c.title, c.summary.totalParticipants, c.summary.totalExposure, c.summary.roiPercent, c.summary.salesGrowthPercent, c.updatedAt]),
  ];
}

/** campaignSheet has a line for each figure. */
export function campaignSheet(d, at) {
  const w = t();
  const s = w.sheet;
  const lines = [[s.section, s.item, s.measure, s.value]];
  lines.push([s.campaign, d.title, s.id, d.eventId], [s.campaign, d.title, s.asOf, isoInKorea(at)], [s.campaign, d.title, s.updatedAt, d.updatedAt]);
  for (const [name, text] of Object.entries(w.cards)) lines.push([s.summary, text, name.endsWith('Percent') ? '%' : '', d.summary[name]]);
  for (const [name, value] of Object.entries(d.economics)) lines.push([s.economics, w.figures[name], name === 'newCustomers' ? '' : w.unit.won.trim(), value]);
  for (const c of d.channels) {
    const figures = { [w.channelColumns.exposure]: c.exposure, [w.channelColumns.participants]: c.participants, [`${w.channelColumns.conversion} %`]: c.conversionPercent };
    for (const [key, text] of Object.entries(w.own)) if (key !== 'impressions') figures[text] = c[key];
    for (const [measure, value] of Object.entries(figures)) lines.push([w.channels, channelName(c.channel), measure, value]);
  }
  for (const b of d.trend) lines.push([w.trend, b.from, w.participantsOf, b.participants]);
  const outside = d.outside.before + d.outside.after;
  if (outside > 0) lines.push([w.trend, s.outside, w.participantsOf, outside]);
  for (const [dimension, counts] of Object.entries(d.profile)) {
    for (const [value, n] of Object.entries(counts)) lines.push([w.profile, w.dimension[dimension], valueName(dimension, value), n]);
  }
  return lines;
}
