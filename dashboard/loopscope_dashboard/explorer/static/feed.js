// Fetches from the explorer's own routes, again and again while there is news to expect.

const SLOWDOWN = 8;
const AFTER_FAILURE = 5;

/** GET a route as JSON. `access` is {token}; null when the server says nothing changed. */
export async function get(access, path, signal) {
  const answer = await fetch(new URL(`loopscope/api/${path}`, document.baseURI), {
    headers: { "X-Loopscope-Token": access.token },
    cache: "no-store",
    signal,
  });
  if (answer.status === 204) return null;
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `the explorer answered ${answer.status}`);
  return body;
}

/**
 * Call `load` now and then every `interval` ms until it answers false or `stop` is called. A slow load spaces the
 * calls out, a hidden page suspends them, a failing one goes to `failed` and is tried again.
 */
export function poll(load, failed, interval = 1000) {
  const control = new AbortController();
  let timer = 0;
  const round = async () => {
    const began = performance.now();
    let [more, pause] = [true, interval];
    try {
      if (!document.hidden) more = await load(control.signal);
    } catch (error) {
      if (control.signal.aborted) return;
      failed(error);
      pause = interval * AFTER_FAILURE;
    }
    const cost = performance.now() - began;
    if (more !== false && !control.signal.aborted) {
      timer = setTimeout(round, Math.max(pause, cost * SLOWDOWN));
    }
  };
  round();
  return () => {
    control.abort();
    clearTimeout(timer);
  };
}
