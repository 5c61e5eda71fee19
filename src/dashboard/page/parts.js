// Pieces that several views show.

import { element, setAttribute, setHidden, setText } from './dom.js';
import { bytes, clipped, count, distance, moment, percent, visible } from './format.js';
import { layOut } from './json_text.js';

// ---- states

const tones = {
  running: 'running',
  open: 'open',
  paused: 'paused',
  complete: 'complete',
  failed: 'failed',
  stopped: 'stopped',
  abandoned: 'paused',
  'to be tried again': 'paused',
  'waiting for child': 'running',
};

// The word for a state with a sign beside it, since colour alone says nothing, and behind it what is left of its finish.
export function stateChip() {
  const word = element('span');
  const chip = element(
    'span',
    { class: 'state' },
    element('span', { class: 'state-sign', 'aria-hidden': 'true' }),
    word,
  );
  const note = element('span', { class: 'state-note' });
  return {
    node: element('span', { class: 'state-group' }, chip, note),
    update(state, finishFailed = false) {
      const [main, rest = ''] = state.split(', ');
      setAttribute(chip, 'data-tone', tones[main] ?? 'stopped');
      setText(word, main);
      setHidden(note, !rest && !finishFailed);
      setText(note, finishFailed ? 'finish failed' : rest);
      setAttribute(note, 'data-tone', finishFailed ? 'failed' : null);
    },
  };
}

// ---- progress

// One bar of what is complete, failed and running. Its label is the cluster's name.
export function progressBar() {
  const parts = ['complete', 'failed', 'running'].map((tone) =>
    element('span', { class: 'bar-part', 'data-tone': tone }),
  );
  const node = element('div', { class: 'bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100 }, parts);
  return {
    node,
    update(state, label) {
      const share = (value) => `${state.total > 0 ? Math.min(100, (value / state.total) * 100) : 0}%`;
      const values = [state.complete, state.failed, state.in_progress];
      for (const [index, part] of parts.entries()) {
        part.style.inlineSize = share(values[index]);
        part.classList.toggle('some', values[index] > 0);
      }
      setAttribute(node, 'aria-label', `Progress of ${visible(label)}`);
      setAttribute(node, 'aria-valuenow', percent(state));
      setAttribute(
        node,
        'aria-valuetext',
        `${percent(state)} %: ${count(state.complete)} of ${count(state.total)} complete, ${count(state.failed)} failed`,
      );
      setAttribute(node, 'data-ended', state.finished);
    },
  };
}

// ---- time

// A time of day in the viewer's zone; UTC is in its title.
export const timeOf = (time) => element('time', { datetime: time, title: `${time} (UTC)` }, moment(time));

// The distance from now, with the time itself in its title. `update(now)` lets it move on.
export function movingTime() {
  const node = element('time');
  let shown = null;
  return {
    node,
    set(time) {
      shown = time;
      setAttribute(node, 'datetime', time);
      setAttribute(node, 'title', time ? `${moment(time)}, ${time} (UTC)` : null);
    },
    update(now) {
      setText(node, shown ? distance(shown, now) : '');
    },
  };
}

// When a task ended, or until when it is held.
export function taskTime() {
  const word = element('span');
  const time = movingTime();
  let task = null;
  const wordAt = (now) => {
    if (!task?.lease_end || task.completed_at) return '';
    if (task.state === 'to be tried again') return 'next attempt ';
    return Date.parse(task.lease_end) < now ? 'lease ended ' : 'lease ends ';
  };
  return {
    node: element('span', {}, word, time.node),
    set(next) {
      task = next;
      time.set(task.completed_at ?? task.lease_end);
    },
    update(now) {
      setText(word, wordAt(now));
      time.update(now);
    },
  };
}

// ---- text of users

// A name may hold anything: it is isolated from the direction of the text around it.
export const nameOf = (name) => element('bdi', { class: 'name' }, visible(name));

export const labelOf = (state) => state.name || `cluster ${state.id.slice(0, 8)}`;

// The same where there is little room: in titles and sentences.
export const shortLabelOf = (state) => visible(clipped(labelOf(state), 80));

// JSON as it was written, laid out, with a button that copies the very text where the browser lets it.
export function jsonView(text, label) {
  const content = element('pre', { class: 'json', tabindex: 0, role: 'region', 'aria-label': label });
  for (const piece of layOut(text)) {
    content.append(piece.kind === 'plain' ? piece.text : element('span', { class: `json-${piece.kind}` }, piece.text));
  }
  return element('div', { class: 'text-box' }, copyButton(text, label), content);
}

// A payload as the API gives it: JSON text, nothing, or how large it is where it is too large; `command` prints it then.
export function payloadView(payload, label, command = '') {
  if (payload === null) return element('p', { class: 'muted' }, 'None.');
  if (typeof payload === 'string') return jsonView(payload, label);
  return element(
    'p',
    {},
    `${bytes(payload.too_large)}: too large to be shown here.`,
    command && [' ', element('code', {}, command), ' prints it.'],
  );
}

export function copyButton(text, label) {
  if (!navigator.clipboard) return null; // only where the page is a secure one
  const button = element('button', { type: 'button', class: 'quiet copy', 'aria-label': `Copy ${label}` }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      setText(button, 'Copied');
    } catch {
      setText(button, 'Not copied');
    }
    setTimeout(() => setText(button, 'Copy'), 1_500);
  });
  return button;
}

// ---- errors

// Error entries of a record, the newest first.
export function errorList(entries) {
  return element(
    'ol',
    { class: 'errors', role: 'list', reversed: true },
    [...entries]
      .reverse()
      .map((entry) =>
        element(
          'li',
          {},
          element(
            'div',
            { class: 'error-head' },
            element('span', { class: 'code' }, visible(entry.code)),
            element('span', {}, entry.attempt > 0 ? `attempt ${count(entry.attempt)}` : 'before any attempt'),
            timeOf(entry.at),
            entry.final && element('span', { class: 'tag', 'data-tone': 'failed' }, 'final'),
          ),
          element('p', { class: 'message' }, visible(entry.message, { lines: true })),
          entry.fingerprint &&
            element(
              'span',
              { class: 'fingerprint', title: 'Equal for messages that differ only in numbers, ids and paths' },
              entry.fingerprint,
            ),
        ),
      ),
  );
}

// ---- frames

// A list of names and values; what has no value is left out.
export const facts = (pairs) =>
  element(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
      .map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
  );

// An input with its label.
export const field = (word, input) =>
  element('span', { class: 'field' }, element('label', { for: input.id }, word), input);

export const sectionOf = (title, ...children) =>
  element('section', { class: 'panel' }, element('h2', {}, title), children);

// What went wrong in place of what was asked for, with a way to ask again.
export function failure(error, again) {
  return element(
    'div',
    { class: 'failure', role: 'alert' },
    element('p', {}, visible(error.message)),
    error.detail && element('p', { class: 'muted' }, visible(error.detail)),
    again && element('button', { type: 'button', on: { click: again } }, 'Try again'),
  );
}

export const waiting = () => element('p', { class: 'muted waiting', 'aria-busy': 'true' }, 'Loading…');

// Something that is asked for only when somebody wants it. `load` gives the elements to show.
export function onDemand({ button: word, explanation, load }) {
  const place = element('div', { class: 'on-demand-result', tabindex: -1 });
  const ask = element('button', { type: 'button' }, word);
  const run = async () => {
    setAttribute(ask, 'aria-disabled', 'true');
    place.replaceChildren(waiting());
    let shown;
    try {
      shown = await load();
    } catch (error) {
      setAttribute(ask, 'aria-disabled', null);
      place.replaceChildren(failure(error));
      return;
    }
    setHidden(offer, true, place);
    place.replaceChildren(...[shown].flat());
  };
  ask.addEventListener('click', () => ask.getAttribute('aria-disabled') !== 'true' && run());
  const offer = element(
    'div',
    { class: 'on-demand' },
    ask,
    explanation && element('span', { class: 'muted' }, explanation),
  );
  return element('div', {}, offer, place);
}
