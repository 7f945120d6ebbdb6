// Numbers as people read them: durations from microseconds, shares, bytes, clock times.

const UNITS = [
  ["h", 3600e6],
  ["min", 60e6],
  ["s", 1e6],
  ["ms", 1e3],
  ["µs", 1],
];

/** 1234567 → "1.23 s"; from a minute on two units: "2 min 05 s". */
export function duration(micros) {
  if (micros < 0) return `-${duration(-micros)}`;
  if (micros >= 3600e6) return pair(micros, 3600e6, "h", 60e6, "min");
  if (micros >= 60e6) return pair(micros, 60e6, "min", 1e6, "s");
  const [unit, size] = UNITS.find(([, least]) => micros >= least) ?? UNITS.at(-1);
  return `${significant(micros / size)} ${unit}`;
}

function pair(micros, large, largeUnit, small, smallUnit) {
  const whole = Math.floor(micros / large);
  const rest = Math.floor((micros - whole * large) / small);
  return `${whole} ${largeUnit} ${String(rest).padStart(2, "0")} ${smallUnit}`;
}

function significant(value) {
  if (value >= 100) return value.toFixed(0);
  return Number(value.toPrecision(3)).toString();
}

/** A tick of the axis: as many digits as its step needs. */
export function tick(micros, step) {
  if (micros === 0) return "0";
  const sign = micros < 0 ? "-" : "";
  const size = Math.abs(micros);
  if (size >= 3600e6) return sign + duration(size);
  if (step >= 60e6) return `${sign}${Math.round(size / 60e6)} min`;
  if (size >= 60e6) return `${sign}${Math.floor(size / 60e6)}:${decimals(size % 60e6, 1e6, step).padStart(2, "0")}`;
  if (step >= 1e5) return `${sign}${decimals(size, 1e6, step)} s`;
  if (step >= 100) return `${sign}${decimals(size, 1e3, step)} ms`;
  return `${sign}${decimals(size, 1, step)} µs`;
}

function decimals(value, unit, step) {
  const digits = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  return (value / unit).toFixed(digits);
}

const SIZES = ["B", "kB", "MB", "GB", "TB"];

export function bytes(value) {
  let power = 0;
  while (value >= 1000 && power < SIZES.length - 1) {
    value /= 1000;
    power += 1;
  }
  return `${significant(value)} ${SIZES[power]}`;
}

const BY_UNIT = {
  "%": (value) => `${value.toFixed(0)} %`,
  bytes,
  "µs": duration,
  "": (value) => significant(value),
};

export const inUnit = (value, unit) => (BY_UNIT[unit] ?? BY_UNIT[""])(value);

/** A moment of the job as local clock time, to the millisecond. */
export function clock(originMillis, micros) {
  const date = new Date(originMillis + micros / 1e3);
  const two = (number) => String(number).padStart(2, "0");
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
}
