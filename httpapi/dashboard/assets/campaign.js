// One campaign: its numbers as they are now, live, or as they were at some moment.

import { Failure, analyticsPath, now, patiently, pause, streamPath } from './api.js';
import { cards } from './cards.js';
import { Past, begun, compare, refreshAfter } from './changes.js';
import { channels } from './channels.js';
import { h, label, write } from './dom.js';
import { profile } from './profile.js';
import { campaignSheet, csv, save } from './sheet.js';
import { failed, state } from './states.js';
import { follow } from './stream.js';
import { timeline, withAsOf } from './timeline.js';
import { trend } from './trend.js';
import { ago, fullDay, fullTime, t } from './words.js';

/** campaign shows one until the signal aborts: as it was at a moment, or is now (null). */
export function campaign(main, id, asOf, signal) {
  const w = t();
  let dashboard = null, comparison, mode = null, link = { kind: 'connecting' }, failing = null;
  let of = null; // the moment that the dashboard is of, null for now
  const earlier = new Past(id);
  const from = () => Math.max(begun(dashboard, now()), earlier.unknown); // when the campaign became known, at the earliest
  const panels = { cards: cards(), channels: channels(), trend: trend(), profile: profile() };
  const line = timeline((at) => go(at));
  const title = h('h1', {}, h('bdi'));
  const objective = h('p', { class: 'objective' });
  const back = h('a', { class: 'back', href: '#/' }, `← ${w.back}`);
  const pill = h('p', { class: 'pill' });
  const pillSaid = h('p', { class: 'unseen', role: 'status' });
  const said = h('p', { class: 'toast', role: 'status' });
  const action = (name, onclick) => h('button', { type: 'button', class: 'quiet', onclick }, name);
  const page = h('div', { class: 'page campaign' },
    h('div', { class: 'title' }, back, title, objective,
      h('div', { class: 'bar' }, pill, pillSaid, h('div', { class: 'actions' }, action(w.copy, copy),
        action(w.csv, () => dashboard && save(dashboard.title ?? id, csv(campaignSheet(dashboard, of ?? now())))), action(w.print, () => print())))),
    line.e, said, panels.cards.e, panels.trend.e, panels.channels.e, panels.profile.e);

  function show() {
    const at = mode.at ?? now();
    if (!page.isConnected) main.replaceChildren(page);
    const name = dashboard.title ?? w.untitled;
    document.title = `${name} · ${w.app}`;
    write(title.firstChild, name);
    const period = dashboard.startsAt || dashboard.endsAt ? w.period(...[dashboard.startsAt, dashboard.endsAt].map((s) => (s ? fullDay(Date.parse(s)) : w.always))) : null;
    write(objective, [dashboard.objective, period].filter(Boolean).join(' · '));
    label(back, 'href', dashboard.storeId ? `#/stores/${encodeURIComponent(dashboard.storeId)}` : '#/');
    panels.cards.update(dashboard, comparison);
    panels.trend.update(dashboard, at);
    panels.channels.update(dashboard, at);
    panels.profile.update(dashboard);
    line.update(from(), now(), mode.at);
    tell();
  }

  /** tell says whether what is shown is live. */
  function tell() {
    const left = Math.max(1, Math.ceil(((link.until ?? 0) - now()) / 1000));
    const busy = link.failure?.kind === 'busy';
    const changed = dashboard?.updatedAt ? ` · ${w.updated(ago(Date.parse(dashboard.updatedAt), now()))}` : '';
    const words = {
      live: () => w.live + changed, connecting: () => w.connecting, waiting: () => (busy ? w.busy(left) : w.waiting(left)),
      reading: () => w.reading, past: () => w.pastOf(fullTime(mode.at)),
    }[link.kind]();
    write(pill, words);
    label(pill, 'data-link', link.kind);
    label(pill, 'aria-hidden', 'true'); // it counts seconds; what is said aloud does not
    write(pillSaid, link.kind === 'live' ? w.live : link.kind === 'waiting' ? w.waiting(left).split(' · ')[0] : words);
    label(page, 'data-link', link.kind);
    // Numbers of another moment are not shown for those of this one, but while these are read.
    label(page, 'data-other', of !== mode.at && link.kind !== 'connecting' && link.kind !== 'reading' ? '' : null);
  }
  const linkIs = (l) => {
    link = l;
    if (page.isConnected) tell();
  };

  /** go shows another moment, or now (null). */
  function go(at) {
    line.stop();
    if (at !== null && at >= now()) at = null;
    history.replaceState(null, '', withAsOf(id, at));
    enter(at);
  }
  function enter(at) {
    mode?.end.abort();
    const end = new AbortController();
    mode = { at, end };
    comparison = undefined;
    write(said, '');
    if (at === null) live(end.signal);
    else past(at, end.signal);
  }
  async function live(until) {
    let compared = false;
    await follow(streamPath(id), until, {
      shown(d) {
        dashboard = d;
        of = null;
        show();
        if (!compared) comparing(until);
        compared = true;
      },
      state(s) {
        if (s.kind === 'ended' || s.kind === 'waiting' && (!dashboard || s.failure.kind === 'rebuilding')) fail(s.failure);
        linkIs(s);
      },
    });
  }
  async function past(at, until) {
    for (let wait = 500; !until.aborted; wait = Math.min(wait * 2, 3_000)) {
      linkIs({ kind: 'reading' });
      try {
        dashboard = await patiently(analyticsPath(id, at), { signal: until });
        of = at;
        linkIs({ kind: 'past' });
        show();
        comparing(until);
        return;
      } catch (e) {
        if (until.aborted) return;
        const failure = e instanceof Failure ? e : new Failure('broken', 0);
        if (failure.kind === 'missing') return void unknownThen(at);
        if (failure.kind === 'refused') return void go(null); // by the server's clock it has not come yet
        if (!dashboard || failure.kind === 'token') fail(failure);
        if (failure.kind === 'token') return;
        linkIs({ kind: 'waiting', until: now() + wait, failure });
        await pause(wait, until);
      }
    }
  }
  /** unknownThen: there is no such campaign, or there was none yet at that moment. */
  function unknownThen(at) {
    if (!dashboard) return void main.replaceChildren(state('unknown-then', w.missingCampaign, w.notKnownThen, h('button', { type: 'button', class: 'primary', onclick: () => go(null) }, w.upToNow)));
    earlier.unknown = Math.max(earlier.unknown, at);
    linkIs({ kind: 'past' });
    line.update(from(), now(), at);
    write(said, w.notKnownThen);
  }
  /** fail shows why there are no numbers, once for each reason: a reader may be about to
   * press its button. */
  function fail(failure) {
    if (!failing?.isConnected || failing.dataset.state !== failure.kind) main.replaceChildren(failing = failed(failure, 'campaign', () => enter(mode.at)));
  }
  /** comparing keeps the comparison with the period before near enough to now. */
  async function comparing(until) {
    const { at } = mode;
    for (;;) {
      try {
        comparison = await compare(earlier, dashboard, at ?? now(), until);
      } catch (e) {
        if (until.aborted) return;
        comparison ??= null; // the last one is better than none
      }
      if (until.aborted) return;
      panels.cards.update(dashboard, comparison);
      if (at !== null) return;
      await pause(refreshAfter(comparison), until);
      while (document.hidden && !until.aborted) await pause(1_000, until);
      if (until.aborted) return;
    }
  }

  async function copy() {
    let done = true;
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      done = false;
    }
    write(said, done ? w.copied : w.notCopied);
    await pause(4_000, signal);
    write(said, '');
  }

  const ticking = setInterval(() => {
    if (!page.isConnected || !dashboard) return;
    tell();
    if (mode.at === null) {
      panels.channels.tick(now());
      line.update(from(), now(), null);
    }
  }, 1_000);
  signal.addEventListener('abort', () => {
    clearInterval(ticking);
    line.stop();
    mode.end.abort();
    panels.trend.stop();
  });
  document.title = w.app;
  main.replaceChildren(skeleton());
  go(asOf);
}

const skeleton = () => h('div', { class: 'page campaign loading', 'aria-busy': 'true' }, h('h1', { class: 'unseen' }, t().loading),
  h('div', { class: 'bone wide' }), h('div', { class: 'bone' }), h('div', { class: 'cards' }, ...Array.from({ length: 4 }, () => h('div', { class: 'bone card' }))),
  h('div', { class: 'bone tall' }), h('div', { class: 'bone tall' }));
