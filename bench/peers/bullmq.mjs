// The nearest peer: BullMQ's flows on Redis. A parent waits for its children, then runs once.
// usage: node bullmq.mjs PORT COUNT CONCURRENCY    prints one JSON object
import { FlowProducer, QueueEvents, Worker } from 'bullmq';

const [port, count, concurrency] = process.argv.slice(2).map(Number);
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
const body = (index) => `/data/pictures/2026/11/24/${index}.jpg `.padEnd(198, 'x');

let handled = 0;
let finished = 0;
const done = new Promise((resolve) => {
  new Worker('parents', async () => { finished += 1; resolve(); }, { connection });
});

const start = performance.now();
const flows = new FlowProducer({ connection });
const pending = new Worker('children', async () => { handled += 1; }, { connection, concurrency, autorun: false });
await flows.add({
  name: 'fold', queueName: 'parents',
  children: Array.from({ length: count }, (_, index) => ({ name: 'task', queueName: 'children', data: { body: body(index) }, opts: { removeOnComplete: true } })),
});
const created = performance.now();
pending.run();
await done;
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ tasks_per_second: count / seconds, create_seconds: (created - start) / 1000, handled, finish_handler_runs: finished }));
process.exit(0);
