// One cluster: its state, live, what can be done about it, and below one of several panels.

import { canRetry } from './actions.js';
import { clusterPath, get, isAborted } from './api.js';
import { element, setAttribute, setHidden, setText, throttled } from './dom.js';
import { count, duration, percent, rangeText, rateText, visible } from './format.js';
import { Live } from './live.js';
import {
  copyButton,
  failure,
  labelOf,
  movingTime,
  nameOf,
  progressBar,
  shortLabelOf,
  stateChip,
  waiting,
} from './parts.js';
import { errorsPanel, globalsPanel, overviewPanel, whyPanel } from './cluster_panels.js';
import { RateEstimate } from './rate.js';
import { tasksPanel } from './tasks.js';

const panels = {
  overview: { word: 'Overview', make: overviewPanel },
  tasks: { word: 'Tasks', make: tasksPanel },
  errors: { word: 'Errors', make: errorsPanel },
  globals: { word: 'Globals', make: globalsPanel },
  why: { word: 'Why open', make: whyPanel },
};

// The row of counts; each leads to the tasks that it counts.
function countsRow(context, id) {
  const tiles = [
    ['complete', 'Complete', (state) => state.complete],
    ['failed', 'Failed', (state) => state.failed],
    ['running', 'Running', (state) => state.in_progress],
    ['running', 'Abandoned', (state) => state.abandoned],
    [
      'open',
      'Open',
      (state) => Math.max(0, state.total - state.complete - state.failed - state.in_progress - state.abandoned),
    ],
  ].map(([filter, word, valueOf]) => {
    const value = element('span', { class: 'tile-value' });
    const href = context.hashOf(['clusters', id, 'tasks'], { state: filter });
    const node = element(
      'a',
      { class: 'tile', href, 'data-tone': word === 'Abandoned' ? 'paused' : filter },
      value,
      element('span', { class: 'tile-word' }, word),
    );
    return { node, value, valueOf, isOptional: word === 'Abandoned' };
  });
  return {
    node: element(
      'div',
      { class: 'tiles' },
      tiles.map((tile) => tile.node),
    ),
    update(state, heir) {
      for (const { node, value, valueOf, isOptional } of tiles) {
        setText(value, count(valueOf(state)));
        setHidden(node, isOptional && valueOf(state) === 0, heir);
      }
    },
  };
}

function actionButtons(context, stateOf, changed, heir) {
  const button = (word, run, danger) => {
    const node = element('button', { type: 'button', class: danger ? 'danger-outline' : null }, word);
    node.addEventListener('click', async () => {
      const done = await run(stateOf());
      if (done) changed();
      if (document.activeElement === document.body) heir.focus();
    });
    return node;
  };
  const { actions } = context;
  const retry = button('Retry failed…', (state) => actions.retry(state));
  const retryFinish = button('Retry finish…', (state) => actions.retryFinish(state));
  const steer = button('Pause…', (state) => (state.paused ? actions.resume(state) : actions.pause(state)));
  const stop = button('Stop…', (state) => actions.stop(state), true);
  const node = element(
    'div',
    { class: 'actions', role: 'group', 'aria-label': 'Actions' },
    retry,
    retryFinish,
    steer,
    stop,
  );
  return {
    node,
    update(state) {
      const isOver = state.finished || ['stopped', 'moved', 'deleted'].includes(state.state);
      setText(retry, `Retry ${count(state.failed)} failed…`);
      setText(steer, state.paused ? 'Resume…' : 'Pause…');
      setHidden(retry, !canRetry(state), heir);
      setHidden(retryFinish, !state.finish_failed || state.state === 'stopped', heir);
      setHidden(steer, isOver || (state.state === 'moving' && !state.paused), heir);
      setHidden(stop, isOver || state.state === 'moving', heir);
      setHidden(node, context.store.read_only, heir);
    },
  };
}

export function clusterView(context) {
  let id = null;
  let state = null; // what is known: `answered` and `told`, of what both say the newer
  let answered = null; // the newest answer with the details
  let told = null; // the newest event of the stream
  let live = null;
  let panel = null;
  let panelName = null;
  let route = null;
  const abort = new AbortController();

  const heading = element('h1', { tabindex: -1, class: 'cluster-name' });
  const chip = stateChip();
  const keyLine = element('p', { class: 'key-line small muted' });
  const attentionText = element('span');
  const attentionLink = element('a', {}, 'Why is it open?');
  const attention = element(
    'p',
    { class: 'attention big' },
    element('span', { class: 'attention-sign', 'aria-hidden': 'true' }, '!'),
    attentionText,
    ' ',
    attentionLink,
  );
  const bar = progressBar();
  const share = element('span', { class: 'share' });
  const pace = element('span', { class: 'pace' });
  const ageLabel = element('span');
  const age = movingTime();
  const tabs = element('nav', { class: 'tabs', 'aria-label': 'About this cluster' });
  const place = element('div', { class: 'panels' });
  const whole = element('div');
  const node = element(
    'div',
    { class: 'view' },
    element('p', { class: 'crumbs' }, element('a', { href: '#/' }, 'Clusters'), ' /'),
    whole,
  );
  let counts = null;
  let estimate = null;
  const buttons = actionButtons(
    context,
    () => state,
    () => details(),
    heading,
  );
  const tabLinks = new Map();

  function build() {
    counts = countsRow(context, id);
    for (const [name, { word }] of Object.entries(panels)) {
      const link = element(
        'a',
        { href: context.hashOf(['clusters', id, ...(name === 'overview' ? [] : [name])]) },
        word,
      );
      tabLinks.set(name, link);
      tabs.append(link);
    }
    setAttribute(attentionLink, 'href', context.hashOf(['clusters', id, 'why']));
    keyLine.append(
      element('span', { class: 'mono key' }, state.cluster),
      copyButton(state.cluster, 'key of the cluster') ?? '',
    );
    whole.replaceChildren(
      element(
        'div',
        { class: 'view-head' },
        element('div', { class: 'cluster-title' }, heading, chip.node),
        buttons.node,
      ),
      keyLine,
      attention,
      element(
        'section',
        { class: 'progress', 'aria-label': 'Progress' },
        element(
          'div',
          { class: 'progress-head' },
          share,
          pace,
          element('span', { class: 'muted progress-age' }, ageLabel, age.node),
        ),
        bar.node,
        counts.node,
      ),
      tabs,
      place,
    );
    heading.replaceChildren(nameOf(labelOf(state)));
    context.arrived(heading);
  }

  // `details` is what the stream does not carry: policy, finish, errors. They change with these alone.
  const epoch = (of) => [of.state, of.round, of.finished, of.finish_handled, of.finish_failed].join();

  // The stream overtakes answers that take long, the first one often.
  function show() {
    const before = state;
    const isTold = told && Date.parse(told.at) >= Date.parse(answered.at);
    state = isTold ? { ...answered, ...told } : { ...told, ...answered };
    if (state.at !== before?.at) context.seen(state.at);
    if (!before) {
      estimate = new RateEstimate(context.store.poll_ms);
      build();
    }
    estimate.add(state, Date.parse(state.at));
    chip.update(state.state, state.finish_failed);
    bar.update(state, labelOf(state));
    counts.update(state, heading);
    buttons.update(state);
    setText(attentionText, visible(state.attention));
    setHidden(attention, !state.attention, heading);
    setHidden(attentionLink, state.finished, heading);
    setText(share, `${percent(state)} %`);
    setText(
      ageLabel,
      state.completed_at
        ? `Took ${duration(Date.parse(state.completed_at) - Date.parse(state.started_at))}, ended `
        : 'Started ',
    );
    age.set(state.completed_at ?? state.started_at);
    setText(tabLinks.get('errors'), state.failed > 0 ? `Errors (${count(state.failed)})` : 'Errors');
    setHidden(tabLinks.get('why'), state.finished && panelName !== 'why', heading);
    tick(context.serverNow());
    if (before && before.state !== state.state)
      context.announce(
        `${shortLabelOf(state)} is now ${state.state}: ${count(state.complete)} of ${count(state.total)} complete, ${count(state.failed)} failed`,
      );
    if (epoch(before ?? answered) !== epoch(state)) details();
    if (!before) showPanel();
    else panel?.changed?.(state, before);
    context.retitle();
  }

  function tick(now) {
    if (!state) return;
    age.update(now);
    const runs = !state.finished && !state.paused && state.state !== 'moved';
    const speed = runs ? estimate.rate(now) : null;
    const left = speed > 0 && state.sealed ? estimate.timeLeft(state.total - state.complete - state.failed, now) : null;
    const total = `${count(state.complete)} of ${state.estimated ? 'about ' : ''}${count(state.total)} complete${state.sealed ? '' : ', more may be added'}`;
    setText(
      pace,
      [total, speed === null ? '' : rateText(speed), left ? `${rangeText(left)} left` : ''].filter(Boolean).join(' · '),
    );
    panel?.tick?.(now);
  }

  const details = throttled(500, async () => {
    try {
      answered = await get(clusterPath(id), {}, abort.signal);
      show();
      panel?.detailed?.(state);
    } catch (error) {
      if (isAborted(error)) return;
      if (!state) {
        whole.replaceChildren(
          element('h1', { tabindex: -1 }, error.status === 404 ? 'No such cluster' : 'Not shown'),
          failure(error, details),
        );
      } else {
        context.said(`Not up to date: ${visible(error.message)}`, 'failed');
      }
    }
  });

  function showPanel() {
    if (!state) return;
    const name = panels[route.panel] ? route.panel : 'overview';
    for (const [key, link] of tabLinks) setAttribute(link, 'aria-current', key === name ? 'page' : null);
    setHidden(tabLinks.get('why'), state.finished && name !== 'why', heading);
    if (panel && panelName === name && panel.show) {
      panel.show(route.query);
      return;
    }
    panel?.close?.();
    panelName = name;
    panel = panels[name].make({ context, id, state: () => state, refresh: details, heading });
    place.replaceChildren(panel.node);
    panel.show?.(route.query);
    panel.tick?.(context.serverNow());
  }

  return {
    node,
    heading,
    title: () =>
      [panelName && panelName !== 'overview' ? panels[panelName].word : '', state ? shortLabelOf(state) : 'Cluster']
        .filter(Boolean)
        .join(' · '),
    accepts: (next) => next.name === 'cluster' && next.id === id,
    show(next) {
      const isFirst = route === null;
      route = next;
      if (!isFirst) {
        showPanel();
        return;
      }
      id = next.id;
      whole.replaceChildren(waiting());
      details();
      live = new Live(
        `api/events?${new URLSearchParams({ cluster: id })}`,
        {
          cluster: (event) => {
            told = event;
            if (answered) show();
          },
          gone: ({ error }) =>
            state && context.said(`This cluster cannot be read any more: ${visible(error?.message)}`, 'failed'),
        },
        (connection, message) => {
          context.report(connection, message);
          if (connection === 'live' && !state) details();
        },
      );
    },
    tick,
    close() {
      panel?.close?.();
      details.stop();
      abort.abort();
      live.close();
    },
  };
}
