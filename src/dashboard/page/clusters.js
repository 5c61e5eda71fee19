// The list of clusters, newest first, one page of it at a time: fifty rows, whatever the store holds.

import { get, isAborted } from './api.js';
import { element, reconcile, rowsOf, setAttribute, setHidden, setText, throttled } from './dom.js';
import { count, duration, rangeText, rateText, visible } from './format.js';
import { Live } from './live.js';
import { failure, field, labelOf, movingTime, nameOf, progressBar, stateChip, waiting } from './parts.js';
import { RateEstimate } from './rate.js';

const pageSize = 50;
const lookInterval = 5_000; // milliseconds, where the stream does not tell of the rows shown

function countsText(state) {
  const parts = [
    `${count(state.complete)} of ${state.estimated ? 'about ' : ''}${count(state.total)}${state.sealed ? '' : ' so far'}`,
  ];
  if (state.in_progress > 0) parts.push(`${count(state.in_progress)} running`);
  if (state.abandoned > 0) parts.push(`${count(state.abandoned)} abandoned`);
  return parts.join(' · ');
}

// `at()` is the server's time of the states shown.
function clusterRow(first, context, at) {
  const chip = stateChip();
  const bar = progressBar();
  const counts = element('span', { class: 'counts' });
  const failedCount = element('span', { class: 'failed-count' });
  const pace = element('span', { class: 'row-pace' });
  const sinceWord = element('span');
  const since = movingTime();
  const note = element('span');
  const attention = element(
    'p',
    { class: 'attention' },
    element('span', { class: 'attention-sign', 'aria-hidden': 'true' }, '!'),
    note,
  );
  const link = element(
    'a',
    { class: 'row-link', href: `#/clusters/${encodeURIComponent(first.id)}` },
    nameOf(labelOf(first)),
  );
  const round = element('span', { class: 'tag' });
  const node = element(
    'li',
    { class: 'row' },
    element('div', { class: 'row-state' }, chip.node),
    element(
      'div',
      { class: 'row-name' },
      element('div', { class: 'row-title' }, link, round),
      element(
        'div',
        { class: 'muted small clip' },
        element('bdi', { class: 'row-queue' }, visible(first.queue.split('/').pop())),
        ' · ',
        element('span', { class: 'mono' }, first.id.slice(0, 8)),
      ),
    ),
    element(
      'div',
      { class: 'row-progress' },
      bar.node,
      element('div', { class: 'small row-counts' }, counts, failedCount),
    ),
    element('div', { class: 'row-time small' }, pace, sinceWord, since.node),
    attention,
  );
  const estimate = new RateEstimate(context.store.poll_ms);
  let state = first;
  const row = {
    node,
    update(next) {
      state = next;
      estimate.add(next, at());
      chip.update(next.state, next.finish_failed);
      bar.update(next, labelOf(next));
      setText(counts, countsText(next));
      setText(failedCount, next.failed > 0 ? `${count(next.failed)} failed` : '');
      setHidden(round, next.round === 0);
      setText(round, `round ${count(next.round)}`);
      setHidden(attention, !next.attention);
      setText(note, visible(next.attention));
      setAttribute(node, 'data-tone', next.state);
      since.set(next.completed_at ?? next.started_at);
      row.tick(context.serverNow());
    },
    tick(now) {
      const runs = !state.finished && state.state !== 'moved';
      const speed = runs && !state.paused ? estimate.rate(now) : null;
      const left =
        speed > 0 && state.sealed ? estimate.timeLeft(state.total - state.complete - state.failed, now) : null;
      const took =
        state.completed_at && `took ${duration(Date.parse(state.completed_at) - Date.parse(state.started_at))}`;
      setText(pace, took ?? (speed === null ? '' : left ? `${rateText(speed)} · ${rangeText(left)}` : rateText(speed)));
      setText(sinceWord, state.completed_at ? 'ended ' : 'started ');
      since.update(now);
    },
  };
  return row;
}

export function clustersView(context) {
  let route = null;
  let live = null;
  let abort = null;
  let shown = [];
  let shownAt = 0; // the server's time of what is shown of this address; 0 before there is any
  let cursor = '';

  const heading = element('h1', { tabindex: -1 }, 'Clusters');
  const name = element('input', {
    type: 'search',
    id: 'filter-name',
    name: 'name',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'exact name',
  });
  const unfinished = element('input', { type: 'checkbox', id: 'filter-unfinished', name: 'unfinished' });
  const form = element(
    'form',
    { class: 'filter', role: 'search', 'aria-label': 'Filter clusters' },
    element('label', { class: 'check', for: 'filter-unfinished' }, unfinished, 'Unfinished only'),
    field('Name', name),
    element('button', { type: 'submit' }, 'Filter'),
  );
  const list = element('ul', { class: 'rows', role: 'list', 'aria-label': 'Clusters' });
  const place = element('div', {}, waiting());
  const newest = element('a', { class: 'button', id: 'newest' }, 'Newest');
  const older = element('a', { class: 'button', id: 'older' }, 'Older');
  const pager = element('nav', { class: 'pager', 'aria-label': 'Pages of clusters' }, newest, older);
  const node = element(
    'div',
    { class: 'view' },
    element('div', { class: 'view-head' }, heading, form),
    place,
    list,
    pager,
  );

  const hashOf = (query) => context.hashOf(['clusters'], query);
  const apply = () => context.navigate(hashOf({ unfinished: unfinished.checked ? 1 : '', name: name.value }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    apply();
  });
  unfinished.addEventListener('change', apply);
  name.addEventListener('search', () => name.value === '' && route.query.name && apply());

  const isPlain = () => !route.query.unfinished && !route.query.name && !route.query.cursor;

  // The stream and load() overtake each other: what is older than what is shown of the same address is left out.
  function show(answer) {
    if (Date.parse(answer.at) < shownAt) return;
    context.seen(answer.at);
    shown = answer.clusters.slice(0, 200);
    cursor = answer.next_cursor;
    shownAt = Date.parse(answer.at);
    reconcile(
      list,
      shown,
      (state) => state.id,
      (state) => clusterRow(state, context, () => shownAt),
      heading,
    );
    place.replaceChildren();
    if (shown.length === 0) place.append(emptyText());
    setHidden(newest, !route.query.cursor, heading);
    setHidden(older, !cursor, heading);
    setHidden(pager, newest.hidden && older.hidden, heading);
    setAttribute(newest, 'href', hashOf({ ...route.query, cursor: '' }));
    setAttribute(older, 'href', hashOf({ ...route.query, cursor }));
  }

  function emptyText() {
    if (route.query.cursor || (route.query.name && cursor))
      return element('p', { class: 'empty' }, 'None on this page.');
    if (route.query.name)
      return element(
        'p',
        { class: 'empty' },
        'No cluster has this name',
        route.query.unfinished ? ' and is unfinished.' : '.',
      );
    if (route.query.unfinished) return element('p', { class: 'empty' }, 'Every cluster is finished.');
    return element(
      'p',
      { class: 'empty' },
      'There is no cluster yet. ',
      element('code', {}, 'fanfold run --tasks FILE -- PROGRAM'),
      ' makes one.',
    );
  }

  async function load() {
    abort?.abort();
    abort = new AbortController();
    const { signal } = abort;
    try {
      const { unfinished: only, name: exact, cursor: from } = route.query;
      const answer = await get(
        'api/clusters',
        { unfinished: only, name: exact, cursor: from, limit: pageSize },
        signal,
      );
      if (!signal.aborted) show(answer);
    } catch (error) {
      if (!isAborted(error) && !signal.aborted) place.replaceChildren(failure(error, load));
    }
  }
  // The stream tells of the newest fifty. Other rows are looked at when it tells anything, and now and then besides.
  const again = throttled(Math.max(context.store.poll_ms, 1_000), load);
  const timer = setInterval(
    () => !document.hidden && route && !isPlain() && again(),
    Math.max(lookInterval, context.store.poll_ms),
  );

  function onClusters(answer) {
    context.seen(answer.at);
    if (isPlain()) show(answer);
    else again();
  }

  return {
    node,
    heading,
    title: () => 'Clusters',
    accepts: (next) => next.name === 'clusters',
    show(next) {
      const isFirst = route === null;
      const sameFilter =
        route && route.query.name === next.query.name && route.query.unfinished === next.query.unfinished;
      route = next;
      shownAt = 0;
      unfinished.checked = Boolean(next.query.unfinished);
      name.value = next.query.name ?? '';
      live ??= new Live('api/events', { clusters: onClusters }, context.report);
      if (!isFirst) load();
      else if (!isPlain()) load();
      if (!isFirst && sameFilter) heading.focus();
    },
    tick(now) {
      for (const row of rowsOf(list)) row.tick(now);
    },
    close() {
      clearInterval(timer);
      again.stop();
      abort?.abort();
      live.close();
    },
  };
}
