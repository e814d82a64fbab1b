// Numbers as `app/text.py` writes them, and shorter beside an axis. The unit is "B" or none.
const STEPS = {
  "": [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]],
  B: [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]],
};

const amount = (value, unit) => {
  const found = STEPS[unit].find(([step]) => Math.abs(value) >= 0.9995 * step);
  if (!found) return `${rounded(value, 0)} ${unit}`.trim();
  return `${threeDigits(value / found[0])} ${found[1]}`;
};
const count = value => amount(value, "");
const percent = share => `${rounded(100 * share, 1)} %`;

function tickText(value, unit) {
  if (value === 0) return "0";
  const [step, letter] = STEPS[unit].find(([s]) => Math.abs(value) >= s) ?? [1, unit];
  return `${Number((value / step).toPrecision(3))}${letter}`.replace("-", "−");
}

function threeDigits(value) {
  const whole = Math.abs(value) >= 99.95;
  if (whole) return rounded(value, 0).replace(/\B(?=(\d{3})+$)/g, ",");
  return rounded(value, Math.abs(value) >= 9.995 ? 1 : 2);
}

// Python rounds a tie to the even digit, JavaScript up. A tie is exact: a multiple of an eighth.
function rounded(value, digits) {
  const shifted = value * 10 ** digits;
  const tie = Number.isInteger(value * 8) && shifted - Math.floor(shifted) === 0.5;
  const even = 2 * Math.round(shifted / 2);
  return (tie ? even / 10 ** digits : value).toFixed(digits);
}
