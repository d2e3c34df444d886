// The files of a campaign that a reader may take home: one for each table.

import { analyticsPath, now, patiently } from './api.js';
import { h, write } from './dom.js';
import { campaignSheets, csv, save } from './sheet.js';
import { t, titleOf } from './words.js';

/** files is the choice of them. of returns the dashboard that is shown, and its moment, null
 * for now. */
export function files(id, of, signal) {
  const w = t().files;
  const said = h('p', { class: 'notice', role: 'status', hidden: true });
  const close = h('button', { type: 'button', class: 'quiet', onclick: () => sheet.close() }, w.close);
  const take = async (name) => {
    const { dashboard, moment } = of();
    const at = moment ?? now();
    try {
      said.hidden = true;
      const trend = name === 'days' || name === 'hours' ? await patiently(analyticsPath(id, moment, { interval: name === 'days' ? 'day' : 'hour' }), { signal }) : null;
      const other = trend && { days: 'day', hours: 'hour' }[name] !== trend.interval;
      save([titleOf(dashboard), w.names[name]], csv(campaignSheets[name](dashboard, at, trend)), at);
      if (other) tell(w.longer);
    } catch (e) {
      if (signal.aborted) return;
      console.error(e);
      tell(t().notFresh);
    }
  };
  const tell = (text) => {
    write(said, text);
    said.hidden = false;
  };
  const sheet = h('dialog', { class: 'sheet files', 'aria-labelledby': 'files' }, h('div', { class: 'heading' }, h('h2', { id: 'files' }, w.title), close),
    h('p', { class: 'hint' }, w.hint), said,
    h('ul', {}, ...Object.keys(campaignSheets).map((name) => h('li', {}, h('button', { type: 'button', 'data-file': name, onclick: () => take(name) }, h('strong', {}, w.names[name]), ' ', h('span', { class: 'hint' }, w.what[name]))))));
  sheet.addEventListener('close', () => sheet.remove());
  signal.addEventListener('abort', () => sheet.close());
  document.body.append(sheet);
  sheet.showModal();
}
