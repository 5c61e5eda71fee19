// When a cluster's tasks ended: a histogram with the cluster's own events. Drawn at the width that there is.

import { element, svgElement } from './dom.js';
import { clock, count, duration, moment, visible } from './format.js';
import { timeOf } from './parts.js';

const height = 140;
const foot = 18; // for the times below
const head = 22; // for the largest number above
const widthDefault = 640;
const eventsShownMax = 100;
const day = 86_400_000;

function drawn(answer, width) {
  const from = Date.parse(answer.from);
  const buckets = answer.completed.length;
  const to = Math.max(from + buckets * answer.bucket_ms, from + 1);
  const most = Math.max(1, ...answer.completed.map((completed, index) => completed + answer.failed[index]));
  const base = height - foot;
  const scale = (base - head) / most;
  const step = width / Math.max(1, buckets);
  const placeOf = (time) => Math.min(width, Math.max(0, ((time - from) / (to - from)) * width));
  const word = to - from > day ? moment : clock;

  const bars = [];
  for (let index = 0; index < buckets; ++index) {
    const completed = answer.completed[index];
    const failed = answer.failed[index];
    if (completed + failed === 0) continue;
    const gap = step > 3 ? 1 : 0;
    const at = { x: (index * step).toFixed(2), width: Math.max(1, step - gap).toFixed(2) };
    const top = base - (completed + failed) * scale;
    bars.push(
      svgElement(
        'g',
        {},
        svgElement(
          'title',
          {},
          `${word(from + index * answer.bucket_ms)}: ${count(completed)} complete, ${count(failed)} failed`,
        ),
        completed > 0 &&
          svgElement('rect', {
            ...at,
            class: 'chart-complete',
            y: (base - completed * scale).toFixed(2),
            height: Math.max(1, completed * scale).toFixed(2),
          }),
        failed > 0 &&
          svgElement('rect', {
            ...at,
            class: 'chart-failed',
            y: top.toFixed(2),
            height: Math.max(2, failed * scale).toFixed(2),
          }),
      ),
    );
  }
  const events = answer.events.slice(0, eventsShownMax).map((event) => {
    const x = placeOf(Date.parse(event.at)).toFixed(2);
    return svgElement(
      'g',
      {},
      svgElement('title', {}, `${moment(event.at)}: ${visible(event.what)}`),
      svgElement('line', { class: 'chart-event', x1: x, x2: x, y1: head, y2: base }),
      svgElement('circle', { class: 'chart-event-dot', cx: x, cy: head, r: 2.5 }),
    );
  });
  const label = (x, anchor, text) =>
    svgElement('text', { x, y: height - 4, 'text-anchor': anchor, class: 'chart-text' }, text);
  const completed = answer.completed.reduce((sum, value) => sum + value, 0);
  const failed = answer.failed.reduce((sum, value) => sum + value, 0);
  return svgElement(
    'svg',
    {
      class: 'chart',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': `When tasks ended: ${count(completed)} complete and ${count(failed)} failed between ${moment(from)} and ${moment(to)}`,
    },
    svgElement('line', { class: 'chart-axis', x1: 0, x2: width, y1: base + 0.5, y2: base + 0.5 }),
    svgElement('line', { class: 'chart-grid', x1: 0, x2: width, y1: head + 0.5, y2: head + 0.5 }),
    bars,
    events,
    label(0, 'start', word(from)),
    label(width, 'end', word(to)),
    svgElement(
      'text',
      { x: 0, y: 11, class: 'chart-text' },
      `${count(most)} ${answer.sampled < answer.of ? 'of the sample ' : ''}in ${duration(answer.bucket_ms)}`,
    ),
  );
}

export function timelineChart() {
  const frame = element('div', { class: 'chart-frame' });
  const about = element('p', { class: 'small muted' });
  const events = element('ol', { class: 'events', role: 'list' });
  const node = element('div', {}, frame, about, events);
  let answer = null;
  let width = 0;
  const draw = () => {
    if (!answer) return;
    if (!answer.completed.some(Boolean) && !answer.failed.some(Boolean))
      frame.replaceChildren(element('p', { class: 'empty' }, 'No task has ended yet.'));
    else frame.replaceChildren(drawn(answer, width || widthDefault));
  };
  const observer = new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now === width || now === 0) return;
    width = now;
    draw();
  });
  observer.observe(frame);
  return {
    node,
    show(next) {
      answer = next;
      draw();
      about.replaceChildren(
        element('span', { class: 'legend', 'data-tone': 'complete' }, 'complete'),
        ' ',
        element('span', { class: 'legend', 'data-tone': 'failed' }, 'failed'),
        next.sampled < next.of ? ` · from a sample of ${count(next.sampled)} of ${count(next.of)} tasks` : '',
      );
      events.replaceChildren(
        ...next.events
          .slice(0, eventsShownMax)
          .map((event) => element('li', {}, timeOf(event.at), ' ', element('span', {}, visible(event.what)))),
      );
    },
    close: () => observer.disconnect(),
  };
}
