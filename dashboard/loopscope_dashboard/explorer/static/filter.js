// Which jobs the table shows, and in which order. Pure.

export const STATES = ["running", "stuck", "lost", "error", "cancelled", "ok"];

/** Jobs that match {search, states: Set (empty: all), service ("" : all)}; every word must occur somewhere. */
export function matching(jobs, { search, states, service }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return jobs.filter((job) => {
    if (states.size > 0 && !states.has(job.state)) return false;
    if (service !== "" && job.service !== service) return false;
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

export const services = (jobs) => [...new Set(jobs.map((job) => job.service))].sort();

const byState = (job) => STATES.indexOf(job.state);

/** A sorted copy; `order` is {column, down}. Equal rows stay newest first. */
export function sorted(jobs, { column, down }) {
  const value = column === "state" ? byState : (job) => job[column];
  const turn = down ? -1 : 1;
  return [...jobs].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === b) return other.started - one.started;
    return (a < b ? -1 : 1) * turn;
  });
}
