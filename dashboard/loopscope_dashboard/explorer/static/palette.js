// The colours of what a task can be doing, for light and dark, and the families the overview stacks.

/**
 * Every kind: its words for the legend, family, severity (who wins a shared pixel), how tall its bar is (share of
 * the lane), and its colour on light and on dark.
 */
export const KINDS = {
  ready: { words: "not started yet", family: "waiting", severity: 2, tall: 0.34, light: "#9aa3ad", dark: "#77818c" },
  active: { words: "running or ready", family: "running", severity: 3, tall: 0.89, light: "#a9d8bb", dark: "#2c6b4c" },
  running: { words: "running, long step", family: "running", severity: 8, tall: 0.89, light: "#2b9a5e", dark: "#46c282" },
  worker: { words: "in a worker", family: "worker", severity: 7, tall: 0.89, light: "#3b76d6", dark: "#5a95f5" },
  queued: { words: "queued for a worker", family: "waiting", severity: 6, tall: 0.67, light: "#a4bfec", dark: "#35538c" },
  http: { words: "HTTP", family: "outside", severity: 5, tall: 0.89, light: "#7c5cd3", dark: "#a084f0" },
  io: { words: "network or file", family: "outside", severity: 5, tall: 0.89, light: "#b39ce6", dark: "#6c55b0" },
  write: { words: "to be read from", family: "outside", severity: 5, tall: 0.89, light: "#9b7fd0", dark: "#7f63b8" },
  child: { words: "child process", family: "outside", severity: 5, tall: 0.89, light: "#8a6fc9", dark: "#8f76d6" },
  connection_pool: { words: "connection of a pool", family: "waiting", severity: 6, tall: 0.67, light: "#d08a4a", dark: "#c07f42" },
  limiter: { words: "capacity limiter", family: "waiting", severity: 6, tall: 0.67, light: "#e0a050", dark: "#cc8f3a" },
  semaphore: { words: "semaphore", family: "waiting", severity: 6, tall: 0.67, light: "#e8a33d", dark: "#d9952f" },
  lock: { words: "lock", family: "waiting", severity: 6, tall: 0.67, light: "#d9782d", dark: "#e0813a" },
  condition: { words: "condition", family: "waiting", severity: 5, tall: 0.67, light: "#cfae2c", dark: "#c2a436" },
  event: { words: "event", family: "waiting", severity: 5, tall: 0.67, light: "#e3c65a", dark: "#97843a" },
  queue: { words: "queue", family: "waiting", severity: 5, tall: 0.67, light: "#c98f63", dark: "#a9744b" },
  barrier: { words: "barrier", family: "waiting", severity: 5, tall: 0.67, light: "#b8863b", dark: "#8d6a35" },
  executor: { words: "executor", family: "waiting", severity: 5, tall: 0.67, light: "#8fb0dd", dark: "#46679c" },
  sleep: { words: "sleep", family: "waiting", severity: 1, tall: 0.34, light: "#a8adc4", dark: "#5c627c" },
  gather: { words: "waiting for children", family: "parents", severity: 0, tall: 0.12, light: "#8f9aa6", dark: "#6b7683" },
  task: { words: "waiting for a task", family: "parents", severity: 0, tall: 0.12, light: "#8f9aa6", dark: "#6b7683" },
  suspended: { words: "waiting, not recorded for what", family: "waiting", severity: 2, tall: 0.34, light: "#b5a7b5", dark: "#6f6170" },
  future: { words: "future", family: "waiting", severity: 4, tall: 0.34, light: "#c3a3a3", dark: "#7d6262" },
  blocked: { words: "blocks the loop", family: "blocked", severity: 9, tall: 1, light: "#d6304a", dark: "#f2566e" },
};

/** Families of the overview, from the bottom of the stack to its top. */
export const FAMILIES = ["running", "worker", "outside", "blocked", "waiting"];
const FAMILY_KIND = { running: "running", worker: "worker", outside: "http", blocked: "blocked", waiting: "event" };

const UNKNOWN = { words: "something else", family: "waiting", severity: 4, tall: 0.34, light: "#9aa3ad", dark: "#77818c" };

/** Index of a kind's family in the stack; parents that only wait for children stay out of it (one past the end). */
export function families(kinds) {
  return kinds.map((kind) => {
    const at = FAMILIES.indexOf((KINDS[kind] ?? UNKNOWN).family);
    return at < 0 ? FAMILIES.length : at;
  });
}

export const severities = (kinds) => kinds.map((kind) => (KINDS[kind] ?? UNKNOWN).severity);

/** Colours and fonts of the page's theme, read from the custom properties Streamlit sets on the element. */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const background = read("--st-background-color", "#ffffff");
  const dark = luminance(background) < 0.4;
  const side = dark ? "dark" : "light";
  return {
    key: `${background} ${read("--st-text-color", "")}`,
    dark,
    background,
    panel: read("--st-secondary-background-color", dark ? "#262730" : "#f0f2f6"),
    text: read("--st-text-color", dark ? "#fafafa" : "#31333f"),
    faint: dark ? "#9aa0a8" : "#687076",
    grid: dark ? "rgba(255,255,255,0.075)" : "rgba(20,30,50,0.075)",
    line: dark ? "rgba(255,255,255,0.16)" : "rgba(20,30,50,0.16)",
    hover: dark ? "rgba(255,255,255,0.06)" : "rgba(20,30,50,0.045)",
    picked: dark ? "rgba(110,160,255,0.17)" : "rgba(50,110,240,0.10)",
    accent: read("--st-primary-color", "#3b76d6"),
    band: dark ? "rgba(242,86,110,0.16)" : "rgba(214,48,74,0.10)",
    font: read("--st-font", "sans-serif"),
    mono: read("--st-code-font", "monospace"),
    outcome: (outcome) => (outcome === "cancelled" ? (dark ? "#9aa0a8" : "#687076") : dark ? "#ff7d90" : "#b3132e"),
    colour: (kind) => (KINDS[kind] ?? UNKNOWN)[side],
    tall: (kind) => (KINDS[kind] ?? UNKNOWN).tall,
    words: (kind) => (KINDS[kind] ?? UNKNOWN).words,
    ink: (kind) => (luminance((KINDS[kind] ?? UNKNOWN)[side]) > 0.2 ? "#14181d" : "#ffffff"),
    family: (index) => KINDS[FAMILY_KIND[FAMILIES[index]]][side],
  };
}

/** Relative luminance of a #rrggbb or rgb() colour, 0 black to 1 white. */
export function luminance(colour) {
  const hex = /^#([0-9a-f]{6})/i.exec(colour)?.[1];
  const parts = hex
    ? [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16))
    : (colour.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
  const [red, green, blue] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
