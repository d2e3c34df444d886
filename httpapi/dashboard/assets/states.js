// What is shown where there are no numbers to show.

import { loginAddress } from './api.js';
import { h } from './dom.js';
import { t } from './words.js';

/** state is a page of its own: a heading, a sentence, and what can be done. */
export function state(name, title, text, ...more) {
  return h('section', { class: 'state', 'data-state': name }, h('h1', {}, title), h('p', {}, text), ...more);
}

/** failed is the page for a Failure. again is called when the reader wants it. */
export function failed(failure, what, again) {
  const w = t();
  const retry = h('button', { type: 'button', class: 'primary', onclick: again }, w.again);
  const home = h('p', {}, h('a', { href: '#/' }, w.home));
  switch (failure.kind) {
    case 'login':
      return door();
    case 'unpainted':
      return state('unpainted', w.unpainted, w.unpaintedText, retry);
    case 'missing':
      return what === 'shop' ? state('missing', w.missingShop, w.missingShopText, home) : state('missing', w.missingCampaign, w.missingCampaignText, home);
    case 'refused':
      return state('refused', w.brokenTitle, w.refusedText, home);
    case 'busy':
      return state('busy', w.brokenTitle, w.busyText, retry);
    case 'rebuilding':
      return state('rebuilding', w.rebuildingTitle, w.rebuildingText, retry);
    case 'offline':
      return state('offline', w.brokenTitle, w.offlineText, retry);
    default:
      return state('broken', w.brokenTitle, w.brokenText, retry);
  }
}

/** door is how to sign in: where the platform's login is known, a way to it and back. */
function door() {
  const w = t();
  const to = loginAddress();
  return to ? state('login', w.loginTitle, w.loginText, h('p', {}, h('a', { class: 'button', href: to }, w.login))) : state('login', w.loginTitle, w.loginElsewhere);
}

/** start asks which shop is to be seen. */
export function start() {
  const w = t();
  const shop = h('input', { id: 'shop-id', required: true, autocomplete: 'off', spellcheck: 'false', maxlength: 200 });
  const submit = (e) => {
    e.preventDefault();
    location.hash = `#/stores/${encodeURIComponent(shop.value.trim())}`;
  };
  return state('start', w.startTitle, w.startText, h('form', { onsubmit: submit }, h('label', { for: 'shop-id' }, w.shopId), shop, h('button', { class: 'primary' }, w.open)));
}

/** crashed is the page for one that could not be drawn. */
export const crashed = (again) => failed({ kind: 'unpainted' }, null, again);

export const nowhere = () => state('nowhere', t().nowhere, '', h('p', {}, h('a', { href: '#/' }, t().home)));
