// What changes the store. Each asks first, in a dialog that says what will happen and to how much.

import { clusterPath, post, queuePath } from './api.js';
import { element, setText } from './dom.js';
import { clipped, count, counted, visible } from './format.js';
import { shortLabelOf } from './parts.js';

const reasonLengthMax = 1_000;
const quoted = (state) => `“${shortLabelOf(state)}”`;

// Only an ended round can be followed by another one.
export const canRetry = (state) =>
  state.finished && state.finish_handled && state.failed > 0 && !['stopped', 'deleted', 'moved'].includes(state.state);

export class Actions {
  #dialog = null;

  // `said(text, tone)` shows an answer.
  constructor({ said }) {
    this.said = said;
  }

  // Whoever goes elsewhere has not agreed.
  dismiss() {
    this.#dialog?.close();
  }

  // Resolves to whether it was done. `run(reason)` gives the words for what was.
  confirm({ title, text, word, danger, reason, run }) {
    if (this.#dialog?.open) return Promise.resolve(false);
    this.#dialog?.remove();
    return new Promise((resolve) => {
      let done = false;
      let isPending = false;
      // Each question has a dialog of its own: the event of its end may come when the next one is open.
      const dialog = element('dialog', { 'aria-labelledby': 'dialog-title', 'aria-describedby': 'dialog-text' });
      this.#dialog = dialog;
      dialog.addEventListener('cancel', (event) => isPending && event.preventDefault());
      const trouble = element('p', { class: 'failure', role: 'alert' });
      trouble.hidden = true;
      const input =
        reason &&
        element('input', {
          type: 'text',
          id: 'dialog-reason',
          maxlength: reasonLengthMax,
          autocomplete: 'off',
          required: true,
          value: reason.value,
        });
      const go = element('button', { type: 'submit', class: danger ? 'danger' : 'primary', id: 'dialog-go' }, word);
      const cancel = element('button', { type: 'button', id: 'dialog-cancel', autofocus: !reason }, 'Cancel');
      const form = element(
        'form',
        { method: 'dialog' },
        element('h2', { id: 'dialog-title' }, title),
        element(
          'div',
          { id: 'dialog-text' },
          text.map((line) => element('p', {}, line)),
        ),
        reason && element('label', { for: 'dialog-reason' }, reason.label),
        input,
        trouble,
        element('div', { class: 'dialog-buttons' }, cancel, go),
      );
      cancel.addEventListener('click', () => !isPending && dialog.close());
      form.addEventListener('submit', async (event) => {
        event.preventDefault();
        if (isPending) return;
        isPending = true;
        trouble.hidden = true;
        go.setAttribute('aria-disabled', 'true');
        setText(go, 'Working…');
        try {
          const words = await run(input?.value.trim());
          done = true;
          isPending = false;
          dialog.close();
          this.said(words);
        } catch (error) {
          const refusal = `Not done: ${visible(error.message)}${error.detail ? ` (${visible(error.detail)})` : ''}`;
          trouble.hidden = false;
          setText(trouble, refusal);
          setText(go, word);
          go.removeAttribute('aria-disabled');
          if (!form.isConnected) this.said(refusal, 'failed'); // Nobody waited for it.
        }
        isPending = false;
      });
      dialog.addEventListener('close', () => {
        dialog.remove();
        resolve(done);
      });
      dialog.append(form);
      document.body.append(dialog);
      dialog.showModal();
      (input ?? cancel).focus();
      input?.select();
    });
  }

  stop(state) {
    const left = Math.max(0, state.total - state.complete - state.failed);
    return this.confirm({
      title: `Stop ${quoted(state)} for good?`,
      text: [
        `${counted(left, 'task has', 'tasks have')} not ended. What runs now may end, nothing else starts, and nothing can be retried or resumed afterwards.`,
        'To start no more tasks for a while, pause it instead.',
      ],
      word: 'Stop cluster',
      danger: true,
      reason: { label: 'Reason, kept in its record', value: 'stopped by hand' },
      run: async (reason) => {
        await post(clusterPath(state.id, 'stop'), { reason });
        return `${quoted(state)} is stopped. What runs may still end.`;
      },
    });
  }

  pause(state) {
    const left = Math.max(0, state.total - state.complete - state.failed - state.in_progress);
    return this.confirm({
      title: `Pause ${quoted(state)}?`,
      text: [
        `${counted(left, 'task', 'tasks')} will not start before it is resumed. ${counted(state.in_progress, 'task that runs', 'tasks that run')} may end.`,
      ],
      word: 'Pause cluster',
      run: async () => {
        await post(clusterPath(state.id, 'pause'));
        return `${quoted(state)} is paused.`;
      },
    });
  }

  resume(state) {
    const left = Math.max(0, state.total - state.complete - state.failed);
    return this.confirm({
      title: state.paused ? `Resume ${quoted(state)}?` : `Send the open tasks of ${quoted(state)} again?`,
      text: [
        `${counted(left, 'task that has', 'tasks that have')} not ended will be sent again. This is harmless: what is held by a worker, or done, does not run twice for it.`,
      ],
      word: state.paused ? 'Resume cluster' : 'Send again',
      run: async () => {
        const { sent } = await post(clusterPath(state.id, 'resume'));
        return `${quoted(state)} goes on: ${counted(sent, 'open task', 'open tasks')} sent again.`;
      },
    });
  }

  // All that failed, or a group of equal errors.
  retry(state, group = null) {
    const number = group
      ? counted(group.count, 'failed task', 'failed tasks')
      : counted(state.failed, 'failed task', 'failed tasks');
    return this.confirm({
      title: group ? `Retry ${number} with this error?` : `Retry ${number}?`,
      text: [
        group && `${visible(group.code)}: ${visible(clipped(group.message, 300))}`,
        `${group && !group.exact ? `At least ${number}` : number} of ${quoted(state)} will run again, with all attempts, as round ${count(state.round + 1)}. What is complete is not touched. The finish is decided anew at the end of the round.`,
      ].filter(Boolean),
      word: 'Retry',
      run: async () => {
        const { tasks } = await post(clusterPath(state.id, 'retry'), group ? { fingerprint: group.fingerprint } : {});
        return `${counted(tasks, 'task', 'tasks')} of ${quoted(state)} will run again.`;
      },
    });
  }

  retryFinish(state) {
    return this.confirm({
      title: `Run the finish handler of ${quoted(state)} anew?`,
      text: ['It failed for good. It gets all its attempts again; no task runs again.'],
      word: 'Run it anew',
      run: async () => {
        await post(clusterPath(state.id, 'retry-finish'));
        return `The finish handler of ${quoted(state)} will run anew.`;
      },
    });
  }

  redrive(queue, waiting, sources) {
    const name = `“${visible(clipped(queue, 80))}”`;
    return this.confirm({
      title: `Move the messages of ${name} back?`,
      text: [
        `${counted(waiting, 'message', 'messages')} that were received too often go back to ${sources.map((source) => visible(clipped(source, 80))).join(', ')} and are delivered again.`,
        'Where the cause is not mended, they come back here.',
      ],
      word: 'Move back',
      run: async () => {
        const { moved } = await post(queuePath(queue, 'redrive'));
        return moved === null
          ? `The messages of ${name} are being moved back.`
          : `${counted(moved, 'message', 'messages')} moved back from ${name}.`;
      },
    });
  }
}
