// What attempts printed: those of a task, or of a finish handler.

import { get, isAborted } from './api.js';
import { element, reconcile, throttled } from './dom.js';
import { bytes, count, printed } from './format.js';
import { copyButton, failure, timeOf, waiting } from './parts.js';

function outputOf(first, isOpen) {
  let attempt = first;
  const title = `${attempt.round > 0 ? `Round ${count(attempt.round)}, attempt` : 'Attempt'} ${count(attempt.attempt)}`;
  const place = element('div', { class: 'text-box' });
  const fillIn = () => {
    place.replaceChildren();
    if (attempt.cut > 0)
      place.append(element('p', { class: 'muted small' }, `${bytes(attempt.cut)} at its beginning are not shown.`));
    const text = printed(attempt.output);
    if (text)
      place.append(
        copyButton(attempt.output, `output of ${title}`) ?? '',
        element('pre', { class: 'output', tabindex: 0, role: 'region', 'aria-label': `Output of ${title}` }, text),
      );
    else place.append(element('p', { class: 'muted' }, 'It printed nothing.'));
  };
  const node = element(
    'details',
    { open: isOpen },
    element('summary', {}, title, ' ', element('span', { class: 'muted small' }, attempt.at ? timeOf(attempt.at) : '')),
    place,
  );
  if (isOpen) fillIn();
  node.addEventListener('toggle', () => node.open && !place.firstChild && fillIn());
  return {
    node,
    update(next) {
      const isSame = next.output === attempt.output && next.cut === attempt.cut;
      attempt = next;
      if (!isSame && place.firstChild) fillIn();
    },
  };
}

// The outputs that `pathOf()` answers with, the newest first and open, under `emptyText` where there are none. Read
// when `load()` is called, at most once a second; `heir` gets the focus of what goes.
export function outputList(pathOf, emptyText, heir) {
  const abort = new AbortController();
  const list = element('div');
  const place = element('div', {}, waiting());
  const load = throttled(1_000, async () => {
    try {
      const { attempts } = await get(pathOf(), {}, abort.signal);
      const newestFirst = [...attempts].reverse();
      reconcile(
        list,
        newestFirst,
        (attempt) => `${attempt.round} ${attempt.attempt}`,
        (attempt) => outputOf(attempt, attempt === newestFirst[0]),
        heir,
      );
      if (place.contains(document.activeElement)) heir.focus({ preventScroll: true });
      place.replaceChildren(...(newestFirst.length === 0 ? [element('p', { class: 'empty' }, emptyText)] : []));
    } catch (error) {
      if (!isAborted(error)) place.replaceChildren(failure(error, load));
    }
  });
  return {
    node: element('div', {}, place, list),
    load,
    close() {
      load.stop();
      abort.abort();
    },
  };
}
