// How fast a cluster's tasks end and how long the rest may take, from the states that are seen of it: the same
// estimate as the command's bar.

const samplesMax = 64;
const sampleInterval = 500; // milliseconds
const stretchSamples = 4;
const uncertainty = 0.15; // stretches that agree still say little about the tasks to come
const yearSeconds = 31_536_000;

export class RateEstimate {
  #samples = [];
  #newest = null;
  #round = null;

  constructor(pollInterval) {
    this.pollInterval = pollInterval;
    this.window = Math.max(10_000, 6 * pollInterval);
  }

  // `state.at`, or else `at`, is the server's time. A new round, or counts that fall, begin anew.
  add(state, at) {
    const ended = state.complete + state.failed;
    if (this.#round !== state.round || (this.#newest && ended < this.#newest.ended)) this.#samples = [];
    this.#round = state.round;
    if (this.#newest && at < this.#newest.at) this.#samples = [];
    this.#newest = { ended, at };
    const last = this.#samples.at(-1);
    if (last && at - last.at < sampleInterval) return;
    this.#samples.push({ ended, at });
    if (this.#samples.length > samplesMax) this.#samples.shift();
  }

  // Only changes are told: where none was for longer than two looks, nothing has ended up to the look before.
  #at(now) {
    return now - this.#newest.at > 2 * this.pollInterval ? now - this.pollInterval : this.#newest.at;
  }

  // Tasks per second over the last seconds; null before there is anything to tell from.
  rate(now) {
    if (this.#samples.length === 0) return null;
    const at = this.#at(now);
    let from = this.#samples[0];
    for (const sample of this.#samples) {
      if (at - sample.at < this.window) break;
      from = sample;
    }
    const seconds = (at - from.at) / 1_000;
    if (seconds < 0.9) return null;
    return (this.#newest.ended - from.ended) / seconds;
  }

  // {shortest, longest} in seconds, from the fastest and slowest stretch; null before there are two with progress.
  timeLeft(open, now) {
    const samples = this.#samples;
    if (samples.length <= stretchSamples) return null;
    let slowest = Infinity;
    let fastest = 0;
    for (let i = stretchSamples; i < samples.length; ++i) {
      const from = samples[i - stretchSamples];
      const speed = (samples[i].ended - from.ended) / ((samples[i].at - from.at) / 1_000);
      slowest = Math.min(slowest, speed);
      fastest = Math.max(fastest, speed);
    }
    // A standstill says that something is slow, not that it takes forever: the whole stretch bounds it.
    const overall = (this.#newest.ended - samples[0].ended) / ((this.#at(now) - samples[0].at) / 1_000);
    slowest = Math.max(slowest, overall / 2);
    if (!(slowest > 0) || !(fastest > 0)) return null;
    return {
      shortest: Math.min((open / Math.max(fastest, slowest)) * (1 - uncertainty), yearSeconds),
      longest: Math.min((open / slowest) * (1 + uncertainty), yearSeconds),
    };
  }
}
