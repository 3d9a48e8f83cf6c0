// Numbers for people: three digits with an SI prefix where they are read, every
// digit where they are looked up (titles and the detail panel).

const dash = "–";
const notInReport = "not in this report";

const prefixes = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
  [1e-3, "m"],
  [1e-6, "µ"],
  [1e-9, "n"],
  [1e-12, "p"],
  [1e-15, "f"],
];

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** Three significant digits, never an exponent, no zeros for show. */
function threeDigits(value) {
  const size = Math.abs(value);
  const decimals = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return Number.isInteger(value) ? String(value) : value.toFixed(decimals);
}

/** 1234567, "B" becomes "1.23 MB". Counts have no fractions, so `smallest` is 1
 * for them. */
function scaled(value, unit = "", smallest = 1) {
  if (!isNumber(value)) return dash;
  const allowed = prefixes.filter(([factor]) => factor >= smallest);
  // 999.5 would round up to four digits.
  const found = allowed.find(([factor]) => Math.abs(value) >= factor * 0.9995) ?? allowed.at(-1);
  const [factor, prefix] = value === 0 ? [1, ""] : found;
  const suffix = prefix + unit;
  return threeDigits(value / factor) + (suffix ? "\u202f" + suffix : "");
}

// Making a format takes far longer than using it.
const fractions = new Intl.NumberFormat("en-US", { maximumFractionDigits: 3 });
const smallFractions = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });

/** All digits, grouped in threes; of fractions what can matter. */
function exact(value, unit = "") {
  if (!isNumber(value)) return dash;
  const digits = (Math.abs(value) < 1 ? smallFractions : fractions).format(value);
  return unit ? `${digits}\u202f${unit}` : digits;
}

/** Reports count energy in picojoules. */
function energy(picojoules) {
  return isNumber(picojoules) ? scaled(picojoules * 1e-12, "J", 1e-15) : dash;
}

function seconds(value) {
  return scaled(value, "s", 1e-15);
}

function percent(part, whole = 1) {
  if (!isNumber(part) || !isNumber(whole)) return dash;
  const value = whole > 0 ? (100 * part) / whole : 0;
  return `${value.toFixed(value !== 0 && value < 0.05 ? 2 : 1)}\u202f%`;
}

function ratio(value) {
  if (!isNumber(value)) return dash;
  return value >= 1000 ? `${scaled(value)}×` : `${value.toFixed(2)}×`;
}

/** "1 op", "2 ops". */
function plural(count, noun) {
  return `${exact(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Round steps (1, 2, 5 times a power of ten) that cut `span` into at most
 * `count` parts. */
function niceStep(span, count) {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((step) => step * power >= rough) ?? 10);
}

/** Writes an axis: one prefix for all ticks, and digits enough to tell two
 * neighbours apart however far the axis is zoomed. */
function axisFormatter(step, largest, unit = "", smallest = 1) {
  const [factor, prefix] = prefixes.find(([size]) => size >= smallest && largest >= size) ?? [
    1,
    "",
  ];
  // One digit more than the step has: steps of time need not be round.
  const decimals = Math.min(12, Math.max(0, 1 + Math.ceil(-Math.log10(step / factor))));
  const format = new Intl.NumberFormat("en-US", { maximumFractionDigits: decimals });
  return (value) => {
    const digits = format.format(value / factor);
    return value === 0 ? "0" : `${digits}\u202f${prefix}${unit}`.trim();
  };
}
