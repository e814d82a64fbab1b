// Numbers as `app/text.py` writes them.
const COUNTS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
const BYTES = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];

const count = value => scaled(value, COUNTS, "");
const size = bytes => scaled(bytes, BYTES, "B");

function scaled(value, steps, unit) {
  for (const [step, letter] of steps) {
    if (Math.abs(value) >= 0.9995 * step) return `${threeDigits(value / step)} ${letter}`;
  }
  return `${rounded(value, 0)} ${unit}`.trim();
}

function threeDigits(value) {
  if (Math.abs(value) >= 99.95) return grouped(rounded(value, 0));
  return rounded(value, Math.abs(value) >= 9.995 ? 1 : 2);
}

// Python rounds a tie to the even digit, JavaScript up. A tie is exact: a multiple of an eighth.
function rounded(value, digits) {
  const shifted = value * 10 ** digits;
  const tie = Number.isInteger(value * 8) && shifted - Math.floor(shifted) === 0.5;
  const even = 2 * Math.round(shifted / 2);
  return (tie ? even / 10 ** digits : value).toFixed(digits);
}

const grouped = digits => digits.replace(/\B(?=(\d{3})+$)/g, ",");
const percent = share => `${rounded(100 * share, 1)} %`;
