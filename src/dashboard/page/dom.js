// Making and changing elements. Text from outside reaches the page through here alone, as text nodes and attributes
// that hold no markup.

const svgNamespace = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') {
      for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    } else {
      node.setAttribute(name, value === true ? '' : String(value));
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// An element with attributes; `on` holds listeners. Attributes that are false, null or undefined are left out, and so
// are such children; strings become text.
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svgElement(name, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, name), attributes, children);
}

// Changes text only where it differs, so that a selection in it survives.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  const wanted = value === null || value === undefined || value === false ? null : value === true ? '' : String(value);
  if (node.getAttribute(name) === wanted) return;
  if (wanted === null) node.removeAttribute(name);
  else node.setAttribute(name, wanted);
}

// Hides without losing the focus: where it was inside, `heir` has it then.
export function setHidden(node, hidden, heir) {
  if (node.hidden === hidden) return;
  const hadFocus = hidden && node.contains(document.activeElement);
  node.hidden = hidden;
  if (hadFocus) heir?.focus();
}

const kept = new WeakMap();

// Makes the children of `parent` those of `items`, in their order. An item's element is kept as long as its key is
// there, so that the focus stays in it, and a selection where it does not move; where it goes with the focus, `heir`
// has it then. `make` returns {node, update(item)}.
export function reconcile(parent, items, keyOf, make, heir) {
  const focused = document.activeElement;
  const old = kept.get(parent) ?? new Map();
  const rows = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const row = old.get(key) ?? make(item);
    row.update?.(item);
    rows.set(key, row);
  }
  for (const [key, row] of old) {
    if (rows.has(key)) continue;
    if (row.node.contains(document.activeElement)) heir?.focus();
    row.node.remove();
  }
  let next = parent.firstElementChild;
  for (const row of rows.values()) {
    if (row.node === next) next = next.nextElementSibling;
    else parent.insertBefore(row.node, next);
  }
  // What is moved loses the focus.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
  kept.set(parent, rows);
}

// What reconcile() made for `parent`.
export const rowsOf = (parent) => kept.get(parent)?.values() ?? [];

// Calls `run` soon, at most once in `interval` milliseconds, and never twice at a time. `now()` does not wait for the
// interval; `stop()` ends it.
export function throttled(interval, run) {
  let timer = null;
  let running = false;
  let wanted = false;
  let last = -Infinity;
  let ended = false;
  const go = async () => {
    timer = null;
    running = true;
    wanted = false;
    last = performance.now();
    try {
      await run();
    } finally {
      running = false;
      if (wanted && !ended) call();
    }
  };
  const call = () => {
    if (ended) return;
    wanted = true;
    if (running || timer !== null) return;
    timer = setTimeout(go, Math.max(0, last + interval - performance.now()));
  };
  call.now = () => {
    last = -Infinity;
    clearTimeout(timer);
    timer = null;
    call();
  };
  call.stop = () => {
    ended = true;
    clearTimeout(timer);
  };
  return call;
}
