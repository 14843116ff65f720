// Numbers and instants as people read them.
const grouped = new Intl.NumberFormat("en-US");
const count = (number) => grouped.format(number);

const percent = (ratio, digits = 1) => {
  if (ratio === null || ratio === undefined) return "–";
  // What is not all is not shown as all.
  const shown = (ratio * 100).toFixed(digits);
  if (ratio < 1 && Number(shown) === 100) return `${(Math.floor(ratio * 1000) / 10).toFixed(1)} %`;
  return `${Number(shown)} %`;
};

const duration = (ms) => {
  if (ms === null || ms === undefined) return "–";
  if (ms === 0) return "0 ms";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  return stretch(ms / 1000);
};

const stretch = (seconds) => {
  const whole = Math.round(seconds);
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
};

// Billionths of a dollar: as many decimals as it takes to see something.
const dollars = (nano) => money(nano / 1e9);

const money = (amount) => {
  if (amount === 0) return "$0";
  if (amount >= 1) return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (amount >= 0.1) return `$${amount.toFixed(3)}`;
  return `$${amount.toFixed(6)}`;
};

const two = (number) => String(number).padStart(2, "0");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const day = (date) => `${date.getDate()} ${MONTHS[date.getMonth()]}`;
const clock = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;
const exact = (date) => `${clock(date)}:${two(date.getSeconds())}`;

// An instant beside others of a window that is so long, in milliseconds.
const moment = (ms, long) => {
  const date = new Date(ms);
  if (long > 2 * 86_400_000) return date.getHours() || date.getMinutes() ? `${day(date)} ${clock(date)}` : day(date);
  return long > 20 * 60_000 ? clock(date) : exact(date);
};

// An instant by itself.
const instant = (iso) => {
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return today ? exact(date) : `${day(date)} ${exact(date)}`;
};

const ago = (iso, now) => {
  const seconds = Math.max(0, (new Date(now) - new Date(iso)) / 1000);
  return seconds < 2 ? "just now" : `${stretch(seconds).split(" ").slice(0, 2).join(" ")} ago`;
};

const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

// The middle of a long name is what people need least.
const short = (text, longest = 28) =>
  text.length <= longest ? text : `${text.slice(0, Math.ceil(longest / 2) - 1)}…${text.slice(1 - Math.floor(longest / 2))}`;
