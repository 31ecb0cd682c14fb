// The server's routes: JSON, streams of events, and the key when one is asked for.

const KEY = "hyprstream.key";

/** Tells "key-needed" when a request was refused for want of a key. */
export const api = new EventTarget();

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function useKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

async function messageOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error.message;
  } catch {
    return text || response.statusText;
  }
}

/** A response whose status says success. Throws ApiError, TypeError without a server, AbortError. */
export async function call(path, {method = "GET", body, signal} = {}) {
  const headers = {};
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return response;
  if (response.status === 401) api.dispatchEvent(new Event("key-needed"));
  throw new ApiError(response.status, await messageOf(response));
}

export const getJson = async path => (await call(path)).json();
export const getText = async path => (await call(path)).text();
export const postJson = async (path, body = {}) => (await call(path, {method: "POST", body})).json();

/** The data of server-sent events, as text. EventSource could not send a key. */
export async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter(line => line.startsWith("data: "));
      if (data.length) yield data.map(line => line.slice(6)).join("\n");
    }
  }
}
