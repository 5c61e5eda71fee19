// Queues with their depths. They are counted only while they are shown: on AWS each count is a request.

import { get, isAborted } from './api.js';
import { element, reconcile, setHidden, setText, throttled } from './dom.js';
import { count, visible } from './format.js';
import { failure, nameOf, waiting } from './parts.js';

const shownMax = 500;
const lookInterval = { sqlite: 3_000, aws: 15_000 }; // milliseconds

export function queuesView(context) {
  const abort = new AbortController();
  const heading = element('h1', { tabindex: -1 }, 'Queues');
  const place = element('div', {}, waiting());
  const body = element('tbody', { role: 'rowgroup' });
  const table = element(
    'table',
    { class: 'table queues', role: 'table' },
    element(
      'thead',
      { role: 'rowgroup' },
      element(
        'tr',
        { role: 'row' },
        element('th', { scope: 'col', role: 'columnheader' }, 'Queue'),
        element('th', { scope: 'col', role: 'columnheader', class: 'number' }, 'Visible'),
        element('th', { scope: 'col', role: 'columnheader', class: 'number' }, 'In flight'),
        element('th', { scope: 'col', role: 'columnheader', class: 'number' }, 'Delayed'),
        element('th', { scope: 'col', role: 'columnheader' }, 'Dead letters'),
      ),
    ),
    body,
  );
  table.hidden = true;
  const more = element('p', { class: 'muted' });
  const node = element(
    'div',
    { class: 'view' },
    element('div', { class: 'view-head' }, heading),
    place,
    element('div', { class: 'scroll' }, table),
    more,
  );

  let queues = [];
  function queueRow(first) {
    const numbers = ['Visible', 'In flight', 'Delayed'].map((label) =>
      element('td', { role: 'cell', class: 'number', 'data-label': label }),
    );
    const dead = element('td', { role: 'cell', 'data-label': 'Dead letters' });
    const redrive = element('button', { type: 'button' }, 'Move back…');
    const note = element('span');
    dead.append(note, ' ', redrive);
    let queue = first;
    redrive.addEventListener('click', async () => {
      const done = await context.actions.redrive(queue.queue, queue.visible, sourcesOf(queue.queue));
      if (done) load();
      if (document.activeElement === document.body) heading.focus();
    });
    return {
      node: element(
        'tr',
        { role: 'row' },
        element('th', { scope: 'row', role: 'rowheader' }, nameOf(first.queue)),
        numbers,
        dead,
      ),
      update(next) {
        queue = next;
        for (const [index, value] of [next.visible, next.in_flight, next.delayed].entries())
          setText(numbers[index], count(value));
        const sources = sourcesOf(next.queue);
        setText(
          note,
          sources.length > 0
            ? `of ${visible(sources.join(', '))}`
            : next.dead_letter_queue
              ? `to ${visible(next.dead_letter_queue)}${next.max_receives === null ? '' : ` after ${count(next.max_receives)} receives`}`
              : '',
        );
        setHidden(redrive, context.store.read_only || sources.length === 0 || next.visible === 0, heading);
      },
    };
  }
  const sourcesOf = (name) => queues.filter((queue) => queue.dead_letter_queue === name).map((queue) => queue.queue);

  const load = throttled(500, async () => {
    try {
      const answer = await get('api/queues', {}, abort.signal);
      context.report('live');
      queues = answer.queues;
      reconcile(body, queues.slice(0, shownMax), (queue) => queue.queue, queueRow, heading);
      table.hidden = queues.length === 0;
      const unseen = (answer.more ?? 0) + Math.max(0, queues.length - shownMax);
      setText(more, unseen > 0 ? `${count(unseen)} more are not shown; fanfold queue ls lists all.` : '');
      place.replaceChildren();
      if (queues.length === 0) place.append(element('p', { class: 'empty' }, 'There is no queue yet.'));
    } catch (error) {
      if (isAborted(error)) return;
      context.report(error.status === 0 ? 'lost' : 'trouble', error.message);
      if (queues.length === 0) place.replaceChildren(failure(error, load));
    }
  });
  const timer = setInterval(() => !document.hidden && load(), lookInterval[context.store.engine] ?? lookInterval.aws);
  const onVisible = () => !document.hidden && load();
  document.addEventListener('visibilitychange', onVisible);

  return {
    node,
    heading,
    title: () => 'Queues',
    accepts: (next) => next.name === 'queues',
    show: () => load(),
    close() {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', onVisible);
      load.stop();
      abort.abort();
    },
  };
}
