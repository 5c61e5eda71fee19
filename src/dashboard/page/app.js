// The frame around the views: which one is shown, by the address's hash; the connection; what is said to everybody.

import { Actions } from './actions.js';
import { get, withQuery } from './api.js';
import { clusterView } from './cluster.js';
import { clustersView } from './clusters.js';
import { element, setAttribute, setText } from './dom.js';
import { clock, visible } from './format.js';
import { failure } from './parts.js';
import { Places } from './places.js';
import { queuesView } from './queues.js';
import { taskView } from './task.js';

const byId = (id) => document.getElementById(id);
const main = byId('main');
const patience = 1_500; // milliseconds without a connection before it is said in words
const noticeTime = 12_000; // milliseconds

const places = new Places(main);
const views = { clusters: clustersView, queues: queuesView, cluster: clusterView, task: taskView };

// ---- addresses

// {name, id, index, panel, query} of a hash; null for one that means nothing.
function routeOf(hash) {
  const [path, search = ''] = hash.replace(/^#/, '').split('?', 2);
  let parts;
  try {
    parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return null;
  }
  const query = Object.fromEntries(new URLSearchParams(search));
  if (parts.length === 0 || (parts[0] === 'clusters' && parts.length === 1)) return { name: 'clusters', query };
  if (parts[0] === 'queues' && parts.length === 1) return { name: 'queues', query };
  if (parts[0] !== 'clusters' || parts.length > 4) return null;
  if (parts.length === 4)
    return parts[2] === 'tasks' && /^[0-9]{1,15}$/.test(parts[3])
      ? { name: 'task', id: parts[1], index: parts[3], query }
      : null;
  return { name: 'cluster', id: parts[1], panel: parts[2] ?? 'overview', query };
}

function hashOf(parts, query = {}) {
  const path =
    parts.length === 1 && parts[0] === 'clusters'
      ? '#/'
      : `#/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
  return withQuery(path, query);
}

// ---- the connection

const connectionWords = {
  connecting: 'connecting',
  live: 'live',
  lost: 'no connection',
  trouble: 'store in trouble',
  paused: 'paused',
};
let connection = 'connecting';
let seenAt = null; // the server's time of what is shown
let skew = 0; // the server's clock before this one's, in milliseconds
let silence = null;
let connectionMessage = '';
let wasAway = false; // whether another server may have taken over since the connection was live

function sayTrouble() {
  silence = null;
  const since = seenAt === null ? '' : ` What is shown is as of ${clock(seenAt)}.`;
  const words =
    connection === 'trouble'
      ? `The store cannot be read: ${visible(connectionMessage)}.`
      : 'The dashboard does not answer. Trying again.';
  setText(byId('trouble'), words + since);
  byId('trouble').dataset.shown = '';
}

function report(state, message = '') {
  connection = state;
  connectionMessage = message;
  setAttribute(byId('connection'), 'data-state', state);
  setText(byId('connection-word'), connectionWords[state]);
  if (state === 'lost' || state === 'paused') wasAway = true;
  if (state === 'live' || state === 'paused') {
    clearTimeout(silence);
    silence = null;
    if ('shown' in byId('trouble').dataset) {
      delete byId('trouble').dataset.shown;
      setText(byId('trouble'), '');
      if (state === 'live') announce('Connected again');
    }
    if (wasAway && state === 'live') {
      wasAway = false;
      checkServer();
    }
  } else if (state === 'trouble') {
    clearTimeout(silence);
    sayTrouble();
  } else if (silence === null && !('shown' in byId('trouble').dataset)) {
    silence = setTimeout(sayTrouble, patience);
  }
}

// After another server took over: it may be another version or mode, or look at another store.
async function checkServer() {
  try {
    const store = await get('api/store');
    if (
      store.version !== context.store.version ||
      store.store !== context.store.store ||
      store.read_only !== context.store.read_only
    )
      location.reload();
  } catch {
    // The stream's own state tells.
  }
}

// ---- what is said

let noticeTimer = null;
function said(text, tone = 'complete') {
  const notice = byId('notice');
  clearTimeout(noticeTimer);
  const dismiss = element('button', { type: 'button', class: 'quiet', 'aria-label': 'Dismiss this message' }, '×');
  const forget = () => {
    if (notice.contains(document.activeElement)) main.focus();
    notice.replaceChildren();
    delete notice.dataset.shown;
  };
  dismiss.addEventListener('click', forget);
  notice.replaceChildren(element('span', {}, text), dismiss);
  notice.dataset.shown = '';
  notice.dataset.tone = tone;
  const later = () => {
    if (notice.matches(':hover, :focus-within')) noticeTimer = setTimeout(later, 2_000);
    else forget();
  };
  noticeTimer = setTimeout(later, noticeTime);
}

const announce = (text) => setText(byId('announcer'), text);

// ---- views

let view = null;
let isFirst = true;

const retitle = () => {
  const title = [view?.title?.(), 'fanfold'].filter(Boolean).join(' · ');
  if (document.title !== title) document.title = title;
};

const context = {
  store: null,
  actions: null,
  hashOf,
  report,
  said,
  announce,
  retitle,
  // A view that had to wait for its heading has it now.
  arrived: (heading) => document.activeElement === main && heading.focus({ preventScroll: true }),
  navigate(hash) {
    if (location.hash !== hash) location.hash = hash;
  },
  seen(time) {
    seenAt = Date.parse(time);
    skew = seenAt - Date.now();
  },
  serverNow: () => Date.now() + skew,
};

function notFound() {
  const heading = element('h1', { tabindex: -1 }, 'No such page');
  return {
    node: element('div', { class: 'view' }, heading, element('p', {}, element('a', { href: '#/' }, 'All clusters'))),
    heading,
    title: () => 'No such page',
    accepts: () => false,
    show() {},
    close() {},
  };
}

function showRoute() {
  context.actions.dismiss();
  places.enter();
  const route = routeOf(location.hash);
  setAttribute(byId('nav-clusters'), 'aria-current', route?.name === 'clusters' ? 'page' : null);
  setAttribute(byId('nav-queues'), 'aria-current', route?.name === 'queues' ? 'page' : null);
  if (route && view?.accepts(route)) {
    view.show(route);
  } else {
    view?.close();
    view = route ? views[route.name](context) : notFound();
    main.replaceChildren(view.node);
    view.show(route);
    if (!isFirst) {
      window.scrollTo(0, 0);
      if (view.heading.isConnected) view.heading.focus({ preventScroll: true });
      else main.focus({ preventScroll: true });
    }
  }
  isFirst = false;
  retitle();
  places.restore();
}

// ---- the beginning

byId('skip').addEventListener('click', (event) => {
  event.preventDefault(); // the hash is an address of ours
  main.focus();
});

async function begin() {
  try {
    context.store = await get('api/store');
  } catch (error) {
    report('lost');
    main.replaceChildren(element('h1', {}, 'Not shown'), failure(error, begin));
    return;
  }
  const { store } = context;
  const name = store.engine === 'sqlite' ? store.store.split('/').pop() : store.store;
  setText(byId('store'), visible(name));
  setAttribute(byId('store'), 'title', `${visible(store.store)} · fanfold ${visible(store.version)}`);
  byId('read-only').hidden = !store.read_only;
  context.actions = new Actions({ said });
  window.addEventListener('hashchange', showRoute);
  setInterval(() => !document.hidden && view?.tick?.(context.serverNow()), 1_000);
  showRoute();
}

begin();
