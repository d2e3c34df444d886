// Elements are made from text and nothing else: whatever a title holds stays a title.

/** h makes an element. Members of props that begin with "on" are listeners, `class` and
 * others are attributes; null and false are left out. Children are nodes or text. */
export function h(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

/** svg makes an element of a drawing. */
export function svg(tag, props, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(props)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

/** write puts text into an element, unless it is there already. */
export function write(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/** label sets an attribute, unless it is set so already; null takes it away. */
export function label(e, name, value) {
  if (value === null) e.removeAttribute(name);
  else if (e.getAttribute(name) !== value) e.setAttribute(name, value);
}

/** figure is a short number, with the exact one on hover and for screen readers. */
export function figure() {
  const short = h('span', { 'aria-hidden': 'true' });
  const exact = h('span', { class: 'unseen' });
  const e = h('span', { class: 'figure' }, short, exact);
  return {
    e,
    set(shown, said = shown) {
      write(short, shown);
      write(exact, said);
      label(e, 'title', said === shown ? null : said);
    },
  };
}

/** rows keeps the children of a parent in step with a list: those that stay are
 * updated in place, so that neither focus nor selection is lost. */
export function rows(parent, make) {
  const kept = new Map();
  return (items, keyOf) => {
    const wanted = new Set();
    let at = parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      wanted.add(key);
      let row = kept.get(key);
      if (!row) kept.set(key, row = make(item));
      row.update(item);
      if (row.e === at) at = at.nextSibling;
      else parent.insertBefore(row.e, at);
    }
    for (const [key, row] of kept) {
      if (!wanted.has(key)) {
        row.e.remove();
        kept.delete(key);
      }
    }
  };
}

/** measured reports to observers of the page the time since a mark. It keeps nothing,
 * because the page stays open for days. */
export function measured(name, start) {
  performance.measure(name, { start });
  performance.clearMeasures(name);
}

/** remembered reads and writes what the browser keeps; where it may keep nothing, for
 * as long as the page is open. */
export function remembered(storage, key) {
  let here = null;
  return {
    get() {
      try {
        return storage().getItem(key);
      } catch {
        return here;
      }
    },
    set(value) {
      here = value;
      try {
        if (value === null) storage().removeItem(key);
        else storage().setItem(key, value);
      } catch { /* it is kept in here */ }
    },
  };
}
