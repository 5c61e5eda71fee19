// What stands below a cluster's progress: overview, errors, globals, and why it is open.

import { canRetry } from './actions.js';
import { clusterPath, get, isAborted } from './api.js';
import { element, reconcile, setAttribute, setHidden, setText, throttled } from './dom.js';
import { clock, count, counted, visible } from './format.js';
import { outputList } from './output.js';
import { errorList, facts, failure, onDemand, payloadView, sectionOf, timeOf, waiting } from './parts.js';
import { timelineChart } from './timeline.js';

const groupsShownMax = 500;
const lookInterval = { sqlite: 4_000, aws: 15_000 }; // milliseconds between two looks at many records

function policyText(policy) {
  const failures = [];
  if (policy.failures_allowed_count > 0) failures.push(counted(policy.failures_allowed_count, 'failure', 'failures'));
  if (policy.failures_allowed_percent > 0) failures.push(`${policy.failures_allowed_percent} %`);
  return element(
    'ul',
    { class: 'plain' },
    [
      policy.attempts_max === null
        ? 'as many attempts as the worker gives a task'
        : `${counted(policy.attempts_max, 'attempt', 'attempts')} a task`,
      failures.length > 0 ? `complete with up to ${failures.join(' and ')}` : 'one failed task makes it failed',
      policy.fail_fast && 'stops as soon as too many have failed',
      policy.finish_handler_required && 'needs a finish handler',
    ]
      .filter(Boolean)
      .map((line) => element('li', {}, line)),
  );
}

function finishText(state) {
  if (!state.finish)
    return state.finished ? 'decided, not sent yet' : 'not yet: it is sent when the last task has ended';
  const { status, attempts, error } = state.finish;
  const words = {
    COMPLETE: 'handled',
    ERROR: 'failed for good',
    'IN PROGRESS': 'running',
    'PRE FLIGHT': 'waiting for a worker',
  };
  return element(
    'div',
    {},
    `${words[status] ?? visible(status)}${attempts > 0 ? `, ${counted(attempts, 'attempt', 'attempts')}` : ''}`,
    error?.length > 0 && errorList(error),
  );
}

function detailsOf(state, context) {
  const { parent } = state;
  const inParent =
    parent && context.hashOf(['clusters', parent.id, ...(parent.index === null ? [] : ['tasks', parent.index])]);
  return facts([
    ['Queue', element('bdi', {}, visible(state.queue))],
    ['Started', timeOf(state.started_at)],
    ['Changed', state.updated_at && timeOf(state.updated_at)],
    ['Ended', state.completed_at && timeOf(state.completed_at)],
    [
      'Deadline',
      state.deadline &&
        element(
          'span',
          {},
          timeOf(state.deadline),
          state.policy?.deadline_action === 'stop' ? ', then it is stopped' : ', then it is reported',
        ),
    ],
    ['Kept until', state.expires_at && timeOf(state.expires_at)],
    ['Round', state.round > 0 && count(state.round)],
    ['Moved to', state.moved_to && visible(state.moved_to)],
    [
      'Child of',
      parent && element('a', { href: inParent }, `task ${parent.index} of ${visible(parent.id.slice(0, 8))}`),
    ],
    ['Policy', state.policy && policyText(state.policy)],
    ['Finish', finishText(state)],
  ]);
}

export function overviewPanel({ context, id, state, heading }) {
  const abort = new AbortController();
  const details = element('div');
  const chart = timelineChart();
  const chartPlace = element('div', {}, waiting());
  const errors = element('div');
  const meta = element('div');
  const output = outputList(() => clusterPath(id, 'finish-output'), 'No output is kept of it.', heading);
  const outputPlace = sectionOf('Output of the finish handler', output.node);
  const node = element(
    'div',
    { class: 'columns' },
    element('div', {}, sectionOf('Timeline', chartPlace), errors, outputPlace, meta),
    sectionOf('Details', details),
  );

  const load = throttled(lookInterval[context.store.engine] ?? lookInterval.aws, async () => {
    try {
      const answer = await get(clusterPath(id, 'timeline'), {}, abort.signal);
      chart.show(answer);
      if (chart.node.parentNode !== chartPlace) chartPlace.replaceChildren(chart.node);
    } catch (error) {
      if (!isAborted(error) && chart.node.parentNode !== chartPlace) chartPlace.replaceChildren(failure(error, load));
    }
  });
  function detailed(now) {
    details.replaceChildren(detailsOf(now, context));
    errors.replaceChildren(
      ...(now.error?.length > 0 ? [sectionOf('Errors of the cluster itself', errorList(now.error))] : []),
    );
    meta.replaceChildren(...(now.meta ? [sectionOf('Meta', payloadView(now.meta, 'meta'))] : []));
    // Earlier rounds had a finish where a later one has none yet.
    const hasOutput = now.round > 0 || now.finish?.attempts > 0;
    setHidden(outputPlace, !hasOutput, heading);
    if (hasOutput) output.load();
  }
  detailed(state());
  load();
  return {
    node,
    detailed,
    changed(now, before) {
      if (now.finished !== before.finished) load.now();
      else if (!document.hidden) load();
    },
    close() {
      chart.close();
      output.close();
      load.stop();
      abort.abort();
    },
  };
}

// One kind of error. A group says in `exact` whether every failed task was looked at.
function errorGroup(group, { context, id, state, again, heading }) {
  const times = element('span');
  const tasks = element('a', {
    href: context.hashOf(['clusters', id, 'tasks'], { state: 'failed', fingerprint: group.fingerprint }),
  });
  const first = element('a');
  const code = element('span', { class: 'code' });
  const message = element('p', { class: 'message clamp' });
  const retry = element('button', { type: 'button' }, 'Retry these…');
  let shown = group;
  retry.addEventListener('click', async () => {
    if (await context.actions.retry(state(), shown)) again();
    if (document.activeElement === document.body) heading.focus();
  });
  return {
    node: element(
      'li',
      {},
      element(
        'div',
        { class: 'group-count' },
        times,
        element('span', { class: 'muted', 'aria-hidden': 'true' }, ' ×'),
        element('span', { class: 'unseen' }, ' times'),
      ),
      element(
        'div',
        { class: 'group-text' },
        code,
        message,
        element(
          'div',
          { class: 'small muted group-links' },
          tasks,
          first,
          element('span', { class: 'fingerprint' }, group.fingerprint),
        ),
      ),
      retry,
    ),
    update(next) {
      shown = next;
      setText(times, count(next.count));
      setText(code, visible(next.code));
      setText(message, visible(next.message, { lines: true }));
      setText(tasks, counted(next.count, 'task', 'tasks'));
      setText(first, `first: task ${next.first_index}`);
      setAttribute(first, 'href', context.hashOf(['clusters', id, 'tasks', next.first_index]));
      setHidden(retry, context.store.read_only || !group.fingerprint || !canRetry(state()), heading);
    },
  };
}

export function errorsPanel({ context, id, state, refresh, heading }) {
  const abort = new AbortController();
  const place = element('div', {}, waiting());
  const among = element('span');
  const partly = element('p', { class: 'muted' }, among, element('code', {}, 'fanfold errors'), ' looks at all.');
  partly.hidden = true;
  const about = element('p', { class: 'muted' });
  const list = element('ul', { class: 'groups', role: 'list' });
  const node = element(
    'section',
    { class: 'panel' },
    element('h2', {}, 'Errors, equal ones together'),
    partly,
    about,
    place,
    list,
  );

  // What a part of the cluster's tasks is; a dashboard that does not say how many it looked through counts the failed.
  const amongText = ({ tasks, looked_at: failed }) =>
    tasks === undefined ? counted(failed, 'failed task', 'failed tasks') : counted(tasks, 'task', 'tasks');

  function aboutText(groups) {
    if (groups.length === 0) return '';
    const { finished, finish_handled: isHandled } = state();
    const lines = [];
    if (groups.length > groupsShownMax)
      lines.push(`The first ${count(groupsShownMax)} of ${count(groups.length)} kinds.`);
    if (!finished) lines.push('Failed tasks can be retried when the cluster has ended.');
    else if (!isHandled) lines.push('Failed tasks can be retried when its finish message has been handled.');
    return lines.join(' ');
  }

  const load = throttled(lookInterval[context.store.engine] ?? lookInterval.aws, async () => {
    try {
      const answer = await get(clusterPath(id, 'errors'), {}, abort.signal);
      const { groups, complete } = answer;
      reconcile(
        list,
        groups.slice(0, groupsShownMax).map((group) => ({ ...group, exact: complete })),
        (group) => `${group.fingerprint} ${group.code}`,
        (group) => errorGroup(group, { context, id, state, again, heading }),
        heading,
      );
      place.replaceChildren();
      if (groups.length === 0)
        place.append(element('p', { class: 'empty' }, complete ? 'No task has failed.' : 'No failed task was found.'));
      setText(among, `Among the first ${amongText(answer)}; `);
      setHidden(partly, complete);
      setText(about, aboutText(groups));
    } catch (error) {
      if (!isAborted(error)) place.replaceChildren(failure(error, load));
    }
  });
  function again() {
    refresh();
    load.now();
  }
  load();
  return {
    node,
    changed(now, before) {
      const matters = (of) => [of.failed, of.round, of.finished, of.finish_handled, of.state].join();
      if (now.finished !== before.finished || now.finish_handled !== before.finish_handled) load.now();
      else if (matters(now) !== matters(before)) load();
    },
    close() {
      load.stop();
      abort.abort();
    },
  };
}

export function globalsPanel({ context, id }) {
  const time = element('span');
  const again = element('button', { type: 'button', class: 'quiet' }, 'Read again');
  const content = element('div');
  async function read() {
    const answer = await get(clusterPath(id, 'globals'));
    const globals = answer.too_large ? answer : answer.globals;
    setText(time, `As of ${clock(context.serverNow())}. `);
    content.replaceChildren(
      globals === null
        ? element('p', { class: 'empty' }, 'This cluster has no globals.')
        : payloadView(globals, 'globals', `fanfold globals get ${id}`),
    );
  }
  again.addEventListener('click', async () => {
    if (again.getAttribute('aria-disabled') === 'true') return;
    setAttribute(again, 'aria-disabled', 'true');
    try {
      await read();
    } catch (error) {
      content.replaceChildren(failure(error));
    } finally {
      setAttribute(again, 'aria-disabled', null);
    }
  });
  const ask = onDemand({
    button: 'Show globals',
    explanation: 'What its tasks share. It may hold what not everybody should see.',
    load: async () => {
      await read();
      return [element('p', { class: 'muted' }, time, again), content];
    },
  });
  return { node: element('section', { class: 'panel' }, element('h2', {}, 'Globals'), ask) };
}

export function whyPanel({ context, id, state, refresh, heading }) {
  const place = element('div', { tabindex: -1 }, waiting());
  const about = element('span', { class: 'muted' });
  const ask = element('button', { type: 'button' }, 'Look again');
  const abort = new AbortController();
  const load = throttled(0, async () => {
    try {
      const { reasons } = await get(clusterPath(id, 'why'), {}, abort.signal);
      setText(about, `As of ${clock(context.serverNow())}.`);
      place.replaceChildren(
        reasons.length === 0
          ? element(
              'p',
              { class: 'empty' },
              state().finished ? 'It is finished: nothing is open.' : 'Nothing holds it up.',
            )
          : element(
              'ul',
              { class: 'reasons', role: 'list' },
              reasons.slice(0, 200).map((reason) => reasonRow(reason)),
            ),
      );
    } catch (error) {
      if (!isAborted(error)) place.replaceChildren(failure(error));
    }
  });
  const reasonRow = (reason) => {
    const task =
      reason.index !== undefined &&
      reason.index !== null &&
      element(
        'a',
        { href: context.hashOf(['clusters', id, 'tasks', reason.index]) },
        reason.count > 1 ? `first: task ${reason.index}` : `task ${reason.index}`,
      );
    return element(
      'li',
      {},
      element(
        'p',
        { class: 'cause' },
        reason.count > 1 && element('strong', {}, `${count(reason.count)} × `),
        visible(reason.cause),
      ),
      element('p', { class: 'remedy' }, visible(reason.remedy)),
      task && element('p', { class: 'small' }, task),
    );
  };
  ask.addEventListener('click', load);
  load();
  const resend = element('button', { type: 'button' }, 'Send open tasks again…');
  resend.addEventListener('click', async () => {
    if (await context.actions.resume(state())) {
      refresh();
      load();
    }
    if (document.activeElement === document.body) heading.focus();
  });
  const offer = (now) =>
    setHidden(
      resend,
      context.store.read_only || now.finished || ['moving', 'moved', 'deleted'].includes(now.state),
      heading,
    );
  offer(state());
  const node = element(
    'section',
    { class: 'panel' },
    element('h2', {}, 'Why it is open'),
    place,
    element('p', { class: 'after' }, ask, ' ', resend, ' ', about),
  );
  return {
    node,
    changed(now, before) {
      offer(now);
      if (now.state !== before.state) load();
    },
    close() {
      load.stop();
      abort.abort();
    },
  };
}
