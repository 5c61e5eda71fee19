// Where one was in a view, for the browser's Back and a reload. Views are filled later than a browser would scroll, so
// that it is left to us.

const positionsMax = 100; // of the newest entries
const restoreTime = 5_000; // milliseconds in which a view must have grown as long as it was

// Where a browser stores nothing for us, there are only the positions since the page was loaded.
function storedPositions() {
  try {
    return new Map(JSON.parse(sessionStorage.getItem('positions')));
  } catch {
    return new Map();
  }
}

export class Places {
  #positions = storedPositions();
  #entry = null; // the name of the history's entry that is shown
  #wanted = null; // where to scroll as soon as the view is long enough
  #timer = null;

  // `main` holds the views.
  constructor(main) {
    history.scrollRestoration = 'manual';
    new ResizeObserver(() => this.restore()).observe(main);
    for (const event of ['wheel', 'touchstart', 'pointerdown', 'keydown'])
      window.addEventListener(event, () => this.#giveUp(), { passive: true });
    window.addEventListener('pagehide', () => this.#store());
  }

  // To be called when the history has gone to an entry, before its view is shown.
  enter() {
    this.#leave();
    this.#giveUp();
    const known = history.state?.entry;
    this.#entry = known ?? performance.timeOrigin + performance.now();
    if (known === undefined) {
      history.replaceState({ entry: this.#entry }, '');
    } else {
      this.#wanted = this.#positions.get(known) ?? null;
      this.#timer = setTimeout(() => this.#giveUp(), restoreTime);
    }
  }

  // Scrolls to where one was, once the view is long enough.
  restore() {
    const root = document.documentElement;
    if (this.#wanted === null || root.scrollHeight - root.clientHeight < this.#wanted) return;
    window.scrollTo(0, this.#wanted);
    this.#giveUp();
  }

  #giveUp() {
    this.#wanted = null;
    clearTimeout(this.#timer);
  }

  #leave() {
    if (this.#entry === null) return;
    this.#positions.delete(this.#entry); // the newest stands last
    this.#positions.set(this.#entry, this.#wanted ?? window.scrollY);
  }

  #store() {
    this.#leave();
    try {
      sessionStorage.setItem('positions', JSON.stringify([...this.#positions].slice(-positionsMax)));
    } catch {
      // As above.
    }
  }
}
