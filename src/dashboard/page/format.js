// Numbers, times and foreign text in the form in which people are shown them. Nothing here touches the document.

const counts = new Intl.NumberFormat('en');
const dashRange = '–';

export const count = (value) => counts.format(value);
export const counted = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

// Control characters and those that turn the direction of text around, made visible. Line breaks and tabs stay where
// `lines` says so: in what programs printed.
export function visible(text, { lines = false } = {}) {
  return String(text ?? '').replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (sign) => {
      const code = sign.codePointAt(0);
      if (lines && (sign === '\n' || sign === '\t')) return sign;
      if (code < 0x20) return String.fromCodePoint(0x2400 + code);
      if (code === 0x7f) return '\u2421';
      return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
    },
  );
}

// What a program printed, without the colours that it gave it, one line break for each of its own.
export function printed(text) {
  return visible(text.replace(/\u001b\[[0-9;]*m/g, '').replace(/\r\n/g, '\n'), { lines: true });
}

export const clipped = (text, lengthMax) => (text.length > lengthMax ? `${text.slice(0, lengthMax - 1)}…` : text);

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
];

// Two units at most: "3 min 20 s", "2 d 4 h", "0.4 s".
export function duration(milliseconds) {
  if (milliseconds < 0) return `-${duration(-milliseconds)}`;
  if (milliseconds < 1_000) return milliseconds === 0 ? '0 s' : `${(Math.ceil(milliseconds / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(milliseconds / 1_000);
  const first = units.findIndex(([, size]) => seconds >= size);
  const [name, size] = units[first];
  const whole = Math.floor(seconds / size);
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  return rest > 0 && whole < 10 ? `${whole} ${name} ${rest} ${next[0]}` : `${whole} ${name}`;
}

// One unit: for columns that are looked at in passing.
export function roughly(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1_000);
  const unit = units.find(([, size]) => seconds >= size);
  return unit ? `${Math.floor(seconds / unit[1])} ${unit[0]}` : '0 s';
}

export function distance(time, now) {
  const between = now - Date.parse(time);
  if (Math.abs(between) < 1_000) return 'now';
  return between > 0 ? `${roughly(between)} ago` : `in ${roughly(between)}`;
}

const dayAndTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const timeOnly = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const moment = (time) => dayAndTime.format(new Date(time));
export const clock = (time) => timeOnly.format(new Date(time));

export function bytes(size) {
  if (size < 1_024) return counted(size, 'byte', 'bytes');
  if (size < 1_048_576) return `${(size / 1_024).toFixed(size < 10_240 ? 1 : 0)} KiB`;
  return `${(size / 1_048_576).toFixed(1)} MiB`;
}

export function rateText(rate) {
  if (rate === 0) return '0/s';
  if (rate >= 10) return `${count(Math.round(rate))}/s`;
  if (rate >= 0.1) return `${rate.toFixed(1)}/s`;
  return `${(rate * 60).toFixed(1)}/min`;
}

// Seconds as a range, in the unit in which it says most: "about 3–4 min".
export function rangeText({ shortest, longest }) {
  const from = Math.max(1, Math.round(shortest));
  const to = Math.max(from, Math.round(longest));
  const [name, size] = units.find(([, unit]) => unit === 1 || to >= 2 * unit);
  const low = Math.floor(from / size);
  const high = Math.ceil(to / size);
  return low === high ? `about ${high} ${name}` : `about ${low}${dashRange}${high} ${name}`;
}

// Never 100 before everything has ended.
export function percent(state) {
  if (state.total === 0) return state.finished ? 100 : 0;
  return Math.floor(((state.complete + state.failed) / state.total) * 100);
}
