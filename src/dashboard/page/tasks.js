// The tasks of a cluster, filtered, a page at a time.

import { clusterPath, get, isAborted } from './api.js';
import { element, reconcile, rowsOf, setAttribute, setHidden, setText, throttled } from './dom.js';
import { clipped, clock, count, visible } from './format.js';
import { failure, field, stateChip, taskTime, waiting } from './parts.js';

const pageSize = 50;
const states = ['open', 'running', 'complete', 'failed'];
const lookInterval = 2_000; // milliseconds; on AWS, where a look costs a read a task, only when asked

export function tasksPanel({ context, id, heading }) {
  let query = null;
  let abort = null;
  let shown = false; // whether the rows are those of `query`
  let leaseEnd = Infinity; // the first that ends of the tasks shown, in milliseconds
  const follows = context.store.engine === 'sqlite';

  const title = element('h2', { tabindex: -1 }, 'Tasks');
  const choice = element(
    'select',
    { id: 'task-state', name: 'state' },
    element('option', { value: '' }, 'all states'),
    states.map((state) => element('option', { value: state }, state)),
  );
  const contains = element('input', {
    type: 'search',
    id: 'task-contains',
    name: 'contains',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const fingerprint = element('input', {
    type: 'search',
    id: 'task-fingerprint',
    name: 'fingerprint',
    autocomplete: 'off',
    spellcheck: 'false',
    size: 10,
  });
  const form = element(
    'form',
    { class: 'filter', role: 'search', 'aria-label': 'Filter tasks' },
    field('State', choice),
    field('Error contains', contains),
    field('Fingerprint', fingerprint),
    element('button', { type: 'submit' }, 'Filter'),
  );
  const place = element('div', {}, waiting());
  const rows = element('tbody', { role: 'rowgroup' });
  const table = element(
    'table',
    { class: 'table tasks', role: 'table' },
    element(
      'thead',
      { role: 'rowgroup' },
      element(
        'tr',
        { role: 'row' },
        ['Task', 'State', 'Attempts', 'When', 'Last error'].map((word) =>
          element('th', { scope: 'col', role: 'columnheader', class: word === 'Attempts' ? 'number' : null }, word),
        ),
      ),
    ),
    rows,
  );
  table.hidden = true;
  const first = element('a', { class: 'button' }, 'First');
  const next = element('a', { class: 'button', id: 'tasks-next' }, 'Next');
  const about = element('span', { class: 'muted' });
  const again = element('button', { type: 'button', class: 'quiet' }, 'Read again');
  const node = element(
    'section',
    { class: 'panel' },
    element('div', { class: 'panel-head' }, title, form),
    place,
    element('div', { class: 'scroll' }, table),
    element('div', { class: 'pager' }, first, next, about, again),
  );

  const hashOf = (changed) => context.hashOf(['clusters', id, 'tasks'], { ...query, ...changed });
  const apply = () =>
    context.navigate(
      hashOf({ state: choice.value, contains: contains.value, fingerprint: fingerprint.value.trim(), first: '' }),
    );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    apply();
  });
  choice.addEventListener('change', apply);
  again.addEventListener('click', () => load());

  function taskRow(task) {
    const chip = stateChip();
    const attempts = element('td', { role: 'cell', class: 'number', 'data-label': 'Attempts' });
    const when = taskTime();
    const code = element('span', { class: 'code' });
    const message = element('span');
    const error = element('td', { role: 'cell', class: 'task-error', 'data-label': 'Last error' }, code, ' ', message);
    return {
      node: element(
        'tr',
        { role: 'row' },
        element(
          'th',
          { scope: 'row', role: 'rowheader' },
          element(
            'a',
            { href: context.hashOf(['clusters', id, 'tasks', task.index]) },
            element('span', { class: 'unseen' }, 'Task '),
            count(task.index),
          ),
        ),
        element('td', { role: 'cell', 'data-label': 'State' }, chip.node),
        attempts,
        element('td', { role: 'cell', class: 'small', 'data-label': 'When' }, when.node),
        error,
      ),
      update(now) {
        chip.update(now.state);
        setText(attempts, count(now.attempts));
        when.set(now);
        when.update(context.serverNow());
        setText(code, now.last_error ? visible(now.last_error.code) : '');
        setText(message, now.last_error ? visible(clipped(now.last_error.message, 300)) : '');
      },
      tick: when.update,
    };
  }

  function emptyText({ next: more }) {
    if (more !== null) return 'None so far; there may be some on the next page.';
    return Object.values(query).some(Boolean) ? 'No task matches.' : 'It has no task yet.';
  }

  async function load() {
    abort?.abort();
    abort = new AbortController();
    const { signal } = abort;
    try {
      const answer = await get(clusterPath(id, 'tasks'), { ...query, limit: pageSize }, signal);
      if (signal.aborted) return;
      reconcile(rows, answer.tasks.slice(0, pageSize), (task) => task.index, taskRow, title);
      shown = true;
      const held = answer.tasks.filter((task) => !task.completed_at && task.lease_end);
      leaseEnd = Math.min(...held.map((task) => Date.parse(task.lease_end)));
      table.hidden = answer.tasks.length === 0;
      place.replaceChildren();
      if (answer.tasks.length === 0) place.append(element('p', { class: 'empty' }, emptyText(answer)));
      setHidden(next, answer.next === null, title);
      setAttribute(next, 'href', answer.next === null ? null : hashOf({ first: answer.next }));
      setHidden(first, !query.first, title);
      setAttribute(first, 'href', hashOf({ first: '' }));
      setText(about, follows ? '' : `As of ${clock(context.serverNow())}.`);
      setHidden(again, follows, title);
    } catch (error) {
      if (isAborted(error) || signal.aborted) return;
      if (!shown || error.status === 400) {
        table.hidden = true;
        setHidden(next, true, title);
        place.replaceChildren(failure(error, load));
      }
    }
  }
  const follow = throttled(lookInterval, load);

  return {
    node,
    show(changed) {
      const before = query;
      query = Object.fromEntries(
        ['state', 'fingerprint', 'contains', 'first'].map((name) => [name, changed[name] ?? '']),
      );
      choice.value = states.includes(query.state) ? query.state : '';
      contains.value = query.contains;
      fingerprint.value = query.fingerprint;
      const differs = (name) => before?.[name] !== query[name];
      if (Object.keys(query).some(differs)) shown = false;
      load();
      if (!['state', 'contains', 'fingerprint'].some(differs)) title.focus();
    },
    changed: () => follows && !document.hidden && follow(),
    tick(now) {
      for (const row of rowsOf(rows)) row.tick(now);
      // A lease is extended without a word of the stream.
      if (follows && shown && leaseEnd < now) follow();
    },
    close() {
      follow.stop();
      abort?.abort();
    },
  };
}
