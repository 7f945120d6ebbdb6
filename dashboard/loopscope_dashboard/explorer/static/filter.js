// Which jobs the table shows, and in which order. Pure.

export const STATES = ["stuck", "running", "lost", "error", "cancelled", "ok"];
const OPEN = new Set(["stuck", "running"]);
const KINDS = { job: "Jobs", http: "HTTP requests", background: "Background tasks" };

/** Jobs that match {search, states: Set, service, kind}; empty lets all pass, every word must occur somewhere. */
export function matching(jobs, { search, states, service, kind }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return jobs.filter((job) => {
    if (states.size > 0 && !states.has(job.state)) return false;
    if (service !== "" && job.service !== service) return false;
    if (kind !== "" && job.kind !== kind) return false;
    const text = `${job.name} ${job.key} ${job.service}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** How many jobs are in each state: [[state, count]] in the order people care, states without any left out. */
export function counts(jobs) {
  const found = new Map();
  for (const job of jobs) found.set(job.state, (found.get(job.state) ?? 0) + 1);
  return STATES.filter((state) => found.has(state)).map((state) => [state, found.get(state)]);
}

/** The values a column takes, as [value, words] for a list to choose from. */
export function choices(jobs, column) {
  const values = [...new Set(jobs.map((job) => job[column]))].sort();
  return values.map((value) => [value, column === "kind" ? (KINDS[value] ?? value) : value]);
}

const byState = (job) => STATES.indexOf(job.state);

/**
 * A sorted copy; `order` is {column, down}. Equal rows stay newest first. Newest first keeps what still runs on
 * top, stuck before running: the job that hangs since yesterday is the one people look for.
 */
export function sorted(jobs, { column, down }) {
  const value = column === "state" ? byState : (job) => job[column];
  const pinned = column === "started" && down ? (job) => OPEN.has(job.state) : () => false;
  const turn = down ? -1 : 1;
  return [...jobs].sort((one, other) => {
    if (pinned(one) !== pinned(other)) return pinned(one) ? -1 : 1;
    if (pinned(one) && one.state !== other.state) return byState(one) - byState(other);
    const [a, b] = [value(one), value(other)];
    if (a === b) return other.started - one.started;
    return (a < b ? -1 : 1) * turn;
  });
}
