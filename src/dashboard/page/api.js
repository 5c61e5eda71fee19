// The dashboard's JSON API. Addresses are relative, so that the page also works below a proxy's prefix.

const answerTimeout = 60_000; // milliseconds

export class ApiError extends Error {
  constructor(message, { code = 'unavailable', status = 0, detail = '' } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.detail = detail;
  }
}

export const clusterPath = (id, ...rest) =>
  ['api', 'clusters', id, ...rest].map((part) => encodeURIComponent(part)).join('/');
export const queuePath = (name, ...rest) =>
  ['api', 'queues', name, ...rest].map((part) => encodeURIComponent(part)).join('/');

export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

async function answerOf(path, options, signal) {
  const timeout = AbortSignal.timeout(answerTimeout);
  let response;
  let text;
  try {
    response = await fetch(path, {
      ...options,
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(
      timeout.aborted ? 'the dashboard did not answer within a minute' : 'the dashboard cannot be reached',
    );
  }
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (response.ok && answer !== null) return answer;
  const error = answer?.error;
  throw new ApiError(error?.message ?? `an answer that is none of the dashboard's (HTTP status ${response.status})`, {
    code: error?.code,
    status: response.status,
    detail: error?.detail,
  });
}

export const get = (path, query = {}, signal) => answerOf(withQuery(path, query), {}, signal);

export const post = (path, body = {}) =>
  answerOf(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Fanfold': '1' },
    body: JSON.stringify(body),
  });

// Whether an error only says that nobody waits for the answer any more.
export const isAborted = (error) => error?.name === 'AbortError';
