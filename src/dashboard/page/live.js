// One stream of server-sent events. It is closed while the page is hidden, so that a forgotten tab costs nothing, and
// opened again by ourselves: a browser gives up for good after an answer that is no stream.

const delays = [500, 1_000, 2_000, 5_000]; // milliseconds; the last one again and again

export class Live {
  #source = null;
  #timer = null;
  #failures = 0;
  #ended = false;

  // `events` maps names to functions of the parsed data. `report(state, message)` hears of connecting, live, lost,
  // trouble (the store cannot be read, the stream lasts) and paused.
  constructor(address, events, report) {
    this.address = address;
    this.events = events;
    this.report = report;
    this.onVisibility = () => (document.hidden ? this.#pause() : this.#open());
    this.onOnline = () => this.#open();
    document.addEventListener('visibilitychange', this.onVisibility);
    window.addEventListener('online', this.onOnline);
    if (document.hidden) report('paused');
    else this.#open();
  }

  close() {
    this.#ended = true;
    this.#drop();
    document.removeEventListener('visibilitychange', this.onVisibility);
    window.removeEventListener('online', this.onOnline);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #pause() {
    this.#drop();
    this.report('paused');
  }

  #open() {
    if (this.#ended || document.hidden) return;
    this.#drop();
    if (this.#failures === 0) this.report('connecting');
    const source = new EventSource(this.address);
    this.#source = source;
    source.onopen = () => {
      this.#failures = 0;
      this.report('live');
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#drop();
      this.report('lost');
      const delay = delays[Math.min(this.#failures, delays.length - 1)];
      ++this.#failures;
      this.#timer = setTimeout(() => this.#open(), delay * (0.75 + Math.random() / 2));
    };
    for (const [name, handle] of Object.entries(this.events)) {
      source.addEventListener(name, (event) => {
        this.report('live');
        handle(JSON.parse(event.data));
      });
    }
    source.addEventListener('trouble', (event) => this.report('trouble', JSON.parse(event.data).error?.message));
  }
}
