// One task: where it stands, its errors, what its attempts printed, and its payload where somebody asks for it.

import { clusterPath, get, isAborted } from './api.js';
import { element, setAttribute, setHidden, setText, throttled } from './dom.js';
import { count, visible } from './format.js';
import { Live } from './live.js';
import { outputList } from './output.js';
import {
  errorList,
  facts,
  failure,
  labelOf,
  nameOf,
  onDemand,
  payloadView,
  sectionOf,
  shortLabelOf,
  stateChip,
  taskTime,
  timeOf,
  waiting,
} from './parts.js';

const lookInterval = { sqlite: 1_000, aws: 10_000 }; // milliseconds
const ended = ['complete', 'failed'];

const payloadOf = (name, payload, command) =>
  element('div', { class: 'payload' }, element('h3', {}, name), payloadView(payload, name, command));

export function taskView(context) {
  let id = null;
  let index = null;
  let task = null;
  let isMissing = false; // whether it was not there when it was asked for
  let cluster = null;
  let round = null;
  let live = null;
  let isLive = false;
  const abort = new AbortController();

  const heading = element('h1', { tabindex: -1 });
  const chip = stateChip();
  const crumb = element('a');
  const previous = element('a', { class: 'button', rel: 'prev' }, 'Previous task');
  const following = element('a', { class: 'button', rel: 'next' }, 'Next task');
  const held = taskTime();
  const about = element('div');
  const errors = element('div');
  const output = outputList(() => clusterPath(id, 'tasks', index, 'output'), 'No output is kept of it.', heading);
  const whole = element('div', {}, waiting());
  const node = element(
    'div',
    { class: 'view' },
    element('p', { class: 'crumbs' }, element('a', { href: '#/' }, 'Clusters'), ' / ', crumb, ' /'),
    whole,
  );

  function build() {
    whole.replaceChildren(
      element(
        'div',
        { class: 'view-head' },
        element('div', { class: 'cluster-title' }, heading, chip.node),
        element('div', { class: 'actions' }, previous, following),
      ),
      about,
      errors,
      sectionOf('Output', output.node),
      sectionOf(
        'Payload',
        onDemand({
          button: 'Show payload',
          explanation: 'Body, meta and result. They may hold what not everybody should see.',
          load: async () => {
            const payload = await get(clusterPath(id, 'tasks', index, 'payload'), {}, abort.signal);
            return [
              payloadOf('Body', payload.body),
              payloadOf('Meta', payload.meta),
              payloadOf('Result', payload.result, `fanfold results ${id} --from ${index} --limit 1`),
            ];
          },
        }),
      ),
    );
  }

  function show(next) {
    const before = task;
    task = next;
    if (!before) {
      build();
      context.arrived(heading);
    }
    chip.update(task.state);
    held.set(task);
    held.update(context.serverNow());
    if (!before || JSON.stringify(before) !== JSON.stringify(task)) {
      about.replaceChildren(
        facts([
          ['Attempts', count(task.attempts)],
          ['Ended', task.completed_at && timeOf(task.completed_at)],
          ['Held', !task.completed_at && task.lease_end && held.node],
          ['Key', element('span', { class: 'mono key' }, task.task)],
        ]),
      );
      if (JSON.stringify(before?.error) !== JSON.stringify(task.error))
        errors.replaceChildren(
          ...(task.error.length > 0 ? [sectionOf('Errors', errorList(task.error.slice(-100)))] : []),
        );
      if (before && before.state !== task.state) context.announce(`Task ${index} is now ${task.state}`);
      output.load();
    }
  }

  const load = throttled(lookInterval[context.store.engine] ?? lookInterval.aws, async () => {
    try {
      show(await get(clusterPath(id, 'tasks', index), {}, abort.signal));
      isMissing = false;
    } catch (error) {
      if (isAborted(error)) return;
      isMissing = error.status === 404;
      if (!task)
        whole.replaceChildren(
          element('h1', { tabindex: -1 }, error.status === 404 ? 'No such task' : 'Not shown'),
          failure(error, load),
        );
      else context.said(`Not up to date: ${visible(error.message)}`, 'failed');
    }
  });

  return {
    node,
    heading,
    title: () => [`Task ${index}`, cluster ? shortLabelOf(cluster) : 'Cluster'].join(' · '),
    accepts: (next) => next.name === 'task' && next.id === id && next.index === index,
    show(next) {
      if (id !== null) return;
      ({ id, index } = next);
      setText(heading, `Task ${count(Number(index))}`);
      setAttribute(crumb, 'href', context.hashOf(['clusters', id]));
      setText(crumb, id.slice(0, 8));
      const number = Number(index);
      setAttribute(previous, 'href', context.hashOf(['clusters', id, 'tasks', number - 1]));
      setHidden(previous, number === 0);
      setAttribute(following, 'href', context.hashOf(['clusters', id, 'tasks', number + 1]));
      load();
      live = new Live(
        `api/events?${new URLSearchParams({ cluster: id })}`,
        {
          cluster: (state) => {
            context.seen(state.at);
            if (!cluster) crumb.replaceChildren(nameOf(labelOf(state)));
            const isAdded = number < state.total && number >= (cluster?.total ?? 0);
            cluster = state;
            setHidden(following, number + 1 >= state.total && state.sealed, heading);
            context.retitle();
            const isNewRound = round !== null && round !== state.round;
            round = state.round;
            if (isMissing ? isAdded : !task || !ended.includes(task.state) || isNewRound) load();
          },
        },
        (connection, message) => {
          context.report(connection, message);
          isLive = connection === 'live';
          if (isLive && !task && !isMissing) load();
        },
      );
    },
    tick(now) {
      held.update(now);
      // A lease is extended without a word of the stream.
      const isPast = task?.lease_end && !ended.includes(task.state) && Date.parse(task.lease_end) < now;
      if (isPast && isLive && context.store.engine === 'sqlite') load();
    },
    close() {
      load.stop();
      output.close();
      abort.abort();
      live.close();
    },
  };
}
