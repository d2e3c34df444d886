// What is said of the numbers on a page: live, or how old they are and why.

import { loginAddress, now } from './api.js';
import { h, label, write } from './dom.js';
import { ago, dayAndHour, t } from './words.js';

/** pill is the line and what can be done about it. again is called when the reader wants
 * the page to try again. */
export function pill(again) {
  const shown = h('p', { class: 'pill', 'aria-hidden': 'true' }); // it counts seconds; what is read aloud does not
  const said = h('p', { class: 'unseen', role: 'status' });
  const retry = h('button', { type: 'button', class: 'primary', onclick: again, hidden: true }, t().again);
  const login = h('a', { class: 'button', hidden: true }, t().loginAgain);
  return {
    e: [shown, said, retry, login],
    /** update takes a state of live.js, the dashboard, if there is one, and the moment
     * that is shown, null for now. */
    update(link, dashboard, at) {
      const [first, second] = sentence(link, dashboard, at);
      write(shown, [first, second].filter(Boolean).join(' · '));
      write(said, first);
      const over = link.kind === 'live' && dashboard?.state !== undefined && dashboard.state !== 'running';
      label(shown, 'data-link', over ? 'over' : link.kind);
      retry.hidden = link.kind !== 'unpainted';
      const to = link.kind === 'ended' && link.failure.kind === 'login' ? loginAddress() : null;
      login.hidden = to === null;
      if (to) label(login, 'href', to);
    },
  };
}

/** sentence is what is said, and how old the numbers are. */
function sentence(link, dashboard, at) {
  const w = t();
  const seconds = Math.max(0, Math.round((now() - link.heard) / 1000));
  const old = dashboard ? w.old(seconds) : null;
  const changed = dashboard?.updatedAt ? w.updated(ago(Date.parse(dashboard.updatedAt), now())) : null;
  switch (link.kind) {
    case 'live':
      return w.settled[dashboard?.state] ? [w.settled[dashboard.state], null] : [w.live, changed];
    case 'delayed':
      return [w.delayed[link.delayed.reason] ?? w.delayed.unknown, dashboard ? w.old(Math.round(link.delayed.seconds) + seconds) : null];
    case 'silent':
      return [w.silent, old];
    case 'waiting':
      return [link.failure.kind === 'busy' ? w.busy : w.waiting, old];
    case 'ended':
      return [link.failure.kind === 'login' ? w.loginOver : w.waiting, old];
    case 'unpainted':
      return [w.unpainted, null];
    case 'reading':
      return [w.reading, null];
    case 'past':
      return [w.pastOf(dayAndHour(at, now())), null];
    default:
      return [w.connecting, null];
  }
}

/** isOld reports whether the numbers are of some time ago, which is to be seen. */
export const isOld = (link) => ['delayed', 'silent', 'waiting', 'ended', 'unpainted'].includes(link.kind);
