// What is shown where there are no numbers to show.

import { setToken } from './api.js';
import { h } from './dom.js';
import { t } from './words.js';

/** state is a page of its own: a heading, a sentence, and what can be done. */
export function state(name, title, text, ...more) {
  return h('section', { class: 'state', 'data-state': name }, h('h1', {}, title), h('p', {}, text), ...more);
}

/** failed is the page for a Failure. again is called when the reader wants it, or has
 * given a token. */
export function failed(failure, what, again) {
  const w = t();
  const retry = h('button', { type: 'button', class: 'primary', onclick: again }, w.again);
  const home = h('p', {}, h('a', { href: '#/' }, w.home));
  switch (failure.kind) {
    case 'token':
      return state('token', w.tokenTitle, w.tokenText, tokenForm(again));
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

function tokenForm(again) {
  const w = t();
  const input = tokenInput({ required: true });
  const submit = (e) => {
    e.preventDefault();
    setToken(input.value.trim());
    again();
  };
  return h('form', { onsubmit: submit }, h('label', { for: 'token' }, w.tokenField), input,
    h('p', { class: 'hint', id: 'token-hint' }, w.tokenHint), h('button', { class: 'primary' }, w.open));
}

const tokenInput = (props) =>
  h('input', { id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'token-hint', ...props });

/** start asks which shop is to be seen. */
export function start() {
  const w = t();
  const shop = h('input', { id: 'shop-id', required: true, autocomplete: 'off', spellcheck: 'false', maxlength: 200 });
  const token = tokenInput({});
  const submit = (e) => {
    e.preventDefault();
    if (token.value.trim()) setToken(token.value.trim());
    location.hash = `#/stores/${encodeURIComponent(shop.value.trim())}`;
  };
  return state('start', w.startTitle, w.startText, h('form', { onsubmit: submit },
    h('label', { for: 'shop-id' }, w.shopId), shop,
    h('label', { for: 'token' }, w.tokenField), token, h('p', { class: 'hint', id: 'token-hint' }, w.tokenHint),
    h('button', { class: 'primary' }, w.open)));
}

export const nowhere = () => state('nowhere', t().nowhere, '', h('p', {}, h('a', { href: '#/' }, t().home)));
