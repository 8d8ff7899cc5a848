// Encoded rows to what a table shows: the counterpart of TableCodec.decode, column by column.

const LIMIT = 3.5, KNOTS = 1001;

export function widthOf(column) {
  const inner = column.inner ?? column;
  if (inner.kind === "number") return choicesOf(inner) + 1;
  return inner.alone + (inner.levels.length > inner.alone ? 1 : 0) + (inner.missing ? 1 : 0);
}

export function choicesOf(number) {
  const choices = number.stretches + (number.missing ? 1 : 0) + number.spikes.length;
  return choices > 1 ? choices : 0;
}

// The value of a column's places; null where it is missing. `random` gives numbers in [0, 1).
export function decode(column, places, random) {
  if (column.kind === "number") return number(column, places);
  if (column.kind === "category") return category(column, places, random);
  const ticks = decode(column.inner, places, random);
  return ticks === null ? null : moment(column, ticks);
}

function largest(places) {
  let best = 0;
  for (let i = 1; i < places.length; i++) if (places[i] > places[best]) best = i;
  return best;
}

function number(column, places) {
  const choices = choicesOf(column), choice = choices ? largest(places.slice(0, -1)) : 0;
  const spike = choice - column.stretches - (column.missing ? 1 : 0);
  if (column.missing && choice === column.stretches) return null;
  if (spike >= 0) return column.spikes[spike];
  const size = column.knots.length / column.stretches, knots = column.knots.slice(choice * size, (choice + 1) * size);
  const grid = i => column.scores.length ? column.scores[i] : -LIMIT + 2 * LIMIT * i / (KNOTS - 1);
  const z = Math.min(LIMIT, Math.max(-LIMIT, places[places.length - 1]));
  let left = 0;
  while (left < size - 2 && grid(left + 1) <= z) left++;
  const share = (z - grid(left)) / (grid(left + 1) - grid(left));
  let x = knots[left] + share * (knots[left + 1] - knots[left]);
  x = Math.min(knots[size - 1], Math.max(knots[0], x));
  if (column.step && !column.scores.length) {
    const origin = column.knots[0] + 0.49 * column.step;
    x = origin + Math.round((x - origin) / column.step) * column.step;
  }
  return column.decimals === null ? x : Number(x.toFixed(column.decimals));
}

function category(column, places, random) {
  const code = largest(places);
  if (column.missing && code === places.length - 1) return null;
  if (code < column.alone) return column.levels[code];
  const counts = column.counts.slice(column.alone);
  let left = random() * counts.reduce((a, b) => a + b, 0), place = 0;
  while (place < counts.length - 1 && (left -= counts[place]) > 0) place++;
  return column.levels[column.alone + place];
}

function moment(column, ticks) {
  const date = new Date(ticks * { D: 86400e3, s: 1e3, us: 1e-3 }[column.unit]);
  const iso = date.toISOString(), two = n => String(n).padStart(2, "0");
  const parts = {
    "%Y": String(date.getUTCFullYear()).padStart(4, "0"), "%m": two(date.getUTCMonth() + 1), "%d": two(date.getUTCDate()),
    "%H": two(date.getUTCHours()), "%M": two(date.getUTCMinutes()), "%S": two(date.getUTCSeconds()),
  };
  const format = column.text_format ?? (column.unit === "D" ? "%Y-%m-%d" : "%Y-%m-%d %H:%M:%S");
  const text = format.replace(/%[YmdHMS]/g, token => parts[token]);
  return text.includes("%") ? iso : text;
}

export function shown(column, value, missing) {
  if (value === null) return missing;
  if (typeof value !== "number") return String(value).trim();
  const decimals = (column.inner ?? column).decimals;
  return decimals === null || decimals === undefined ? String(Number(value.toPrecision(6))) : value.toFixed(decimals);
}
