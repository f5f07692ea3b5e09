// Figures as a person reads them: no more digits than the interval supports (see digits.py).

const PREFIXES = {
  s: [["s", 1], ["ms", 1e-3], ["µs", 1e-6], ["ns", 1e-9]],
  B: [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10], ["B", 1]],
};

// Power of ten of the leading digit; the slack keeps 0.0999... from counting as 0.09.
const exponent = (value) => Math.floor(Math.log10(Math.abs(value) * (1 + 1e-9)));

// Decimal places worth showing; negative for tens, hundreds, thousands.
function places(value, low, high, digits = 3) {
  if (!value || !Number.isFinite(value)) return 0;
  const lead = -exponent(value);
  const half = (high - low) / 2;
  const known = Number.isFinite(half) && half > 0;
  const clear = half < Math.abs(value) / 2 ? lead + 1 : lead;
  const supported = known ? Math.max(-exponent(half), clear) : lead + digits - 1;
  const lowest = Number.isFinite(low) && low > 0 ? -exponent(low) : lead;
  const least = Math.max(supported, Math.min(lowest, supported + 1));
  return Math.max(lead, Math.min(least, lead + Math.max(digits - 1, 3)));
}

// Decimal places of an interval's end: the value's, or up to two more for its first digit.
function ofEnd(end, decimals) {
  const lead = end && Number.isFinite(end) ? -exponent(end) : decimals;
  return Math.max(decimals, Math.min(lead, decimals + 2));
}

function number(value, decimals) {
  if (!Number.isFinite(value)) return "";
  const size = 10 ** -decimals;
  const rounded = decimals < 0 ? Math.round(value / size) * size : value;
  const digits = Math.max(decimals, 0);
  return rounded.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// The figure of a column: its unit and digits are those of the value whose interval it belongs to.
function shown(record, column) {
  const value = record[column] ?? "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  const { unit, of, digits } = FIELDS[column] ?? { unit: "", of: [], digits: 3 };
  if (!unit && !of.length && Number.isInteger(value)) return value.toLocaleString("en-US");
  if (!unit && !of.length && Math.abs(value) < 1e-4) return value.toExponential(2);
  const [middle, low, high] = of.length ? of.map((name) => record[name] ?? NaN) : [value];
  const units = PREFIXES[unit] ?? [[unit, 1]];
  const [sign, size] = units.find(([, least]) => Math.abs(middle) >= least) ?? units.at(-1);
  const decimals = places(middle / size, low / size, high / size, digits);
  const text = number(value / size, ofEnd(value / size, decimals));
  return text + (unit in PREFIXES ? ` ${sign}` : sign);
}
