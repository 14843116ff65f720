// The twelve panels, filled from one answer.

// The answer with its steps as numbers.
const viewOf = (series) => {
  const from = Date.parse(series.from);
  const step = series.step_s * 1000;
  return { from, until: Date.parse(series.until), step, starts: Array.from({ length: series.steps }, (_, at) => from + at * step), series };
};

const empty = (panel, text) => {
  forget(panel);
  put(body(panel), element("p", { class: "empty" }, text));
  find(`panel-${panel}`).classList.add("quiet");
};

const facts = (rows) => element("dl", { class: "facts" }, rows.map(([name, value, id]) =>
  element("div", {}, element("dt", {}, name), element("dd", { id }, value))));

const showPanels = (view) => {
  showGauges(view.series);
  showLatency(view);
  showCounts(view);
  showCreation(view);
  showDistribution(view);
  showDaily(view);
};

const stateOf = (value, worst, bad) => (value === null ? "none" : worst(value) ? "bad" : bad(value) ? "warn" : "good");

const showGauges = (series) => {
  const ended = series.succeeded + series.failed;
  put(body("success"),
    gauge({ share: series.success_ratio, zones: [[0.9, "bad"], [0.95, "warn"], [1, "good"]], text: percent(series.success_ratio),
      state: stateOf(series.success_ratio, (ratio) => ratio < 0.9, (ratio) => ratio < 0.95),
      label: ended ? `${percent(series.success_ratio)} of ${count(ended)} operations succeeded` : "no operation ended" }),
    facts([["succeeded", count(series.succeeded), "fact-succeeded"], ["failed", count(series.failed), "fact-failed"], ["under way", count(series.open), "fact-open"]]));
  const boxes = series.sandboxes;
  put(body("active"),
    gauge({ share: boxes.now / 10, zones: [[0.5, "good"], [0.8, "warn"], [1, "bad"]], text: count(boxes.now), state: stateOf(boxes.now, (now) => now >= 8, (now) => now >= 5),
      label: `${plural(boxes.now, "sandbox", "sandboxes")} running` }),
    facts([["most at once", count(boxes.peak), "fact-peak"], ["made", count(series.creation.whole), "fact-created"]]));
  const cache = series.cache;
  put(body("cache"),
    gauge({ share: cache.hit_ratio, zones: [[0.5, "bad"], [0.7, "warn"], [1, "good"]], text: percent(cache.hit_ratio), state: stateOf(cache.hit_ratio, (ratio) => ratio < 0.5, (ratio) => ratio < 0.7),
      label: cache.hit_ratio === null ? "no lease" : `${percent(cache.hit_ratio)} of leases found a sandbox` }),
    facts([["found one", count(cache.hits), "fact-hits"], ["had one made", count(cache.misses), "fact-misses"]]));
  const cost = series.cost;
  const monthly = cost.monthly_nano / 1e9;
  put(body("monthly"),
    gauge({ share: monthly / 100, zones: [[0.5, "good"], [0.75, "warn"], [1, "bad"]], text: dollars(cost.monthly_nano), state: stateOf(monthly, (now) => now > 75, (now) => now > 50),
      label: `${dollars(cost.monthly_nano)} of $75` }),
    facts([["last 24 h", dollars(cost.last_day_nano), "fact-daily"], ["in window", dollars(cost.window_nano), "fact-window-cost"], ["prices", cost.prices.join(", "), "fact-price"]]));
};

const within = (view, step) => (step === null ? { from: view.from, until: view.until } : { from: view.starts[step], until: view.starts[step] + view.step });

const titled = (what, view, step) => (step === null ? what : `${what}, ${span(view, step)}`);

const showLatency = (view) => {
  const lines = view.series.p95_ms;
  if (!lines.length) return empty("p95", "No operation ended in this window, so there is nothing to measure.");
  chart("p95", view, {
    kind: "line", lines, limit: 5000, tick: (ms) => (ms >= 1000 ? `${Number((ms / 1000).toFixed(1))} s` : `${Math.round(ms)} ms`), shown: (ms) => duration(ms),
    opened: (step, line) => openList(titled("Slowest operations", view, step), { ...within(view, step), operation: named(line), order: "slowest" }),
  });
};

// A line that stands for many is no filter.
const named = (line) => (line && line.name !== "other" ? line.name : undefined);

const showCounts = (view) => {
  const minutes = view.step / 60_000;
  const perMinute = (value) => String(Number((value / minutes).toFixed(2)));
  const rate = (value, whole) => (whole || !value ? count(value) : `${count(value)} (${perMinute(value)}/min)`);
  const stacks = [
    ["rate", view.series.operations, rate, perMinute, "No operation ended in this window.", "Operations", (line) => ({ operation: named(line) })],
    ["errors", view.series.errors, rate, perMinute, "Nothing failed in this window.", "Failures", (line) => ({ outcome: "failed", error_type: line ? line.name : undefined })],
    ["retries", view.series.retries.map((line) => ({ ...line, name: `retry ${line.name}` })), count, whole, "No push had to be tried again.", "Pushes tried again", () => ({ with: "retries" })],
    ["conflicts", view.series.conflicts, count, whole, "No conflict in this window.", "Operations with a conflict", (line) => ({ with: "conflicts", operation: named(line) })],
  ];
  for (const [panel, lines, shown, tick, nothing, title, filter] of stacks) {
    if (!lines.length) empty(panel, nothing);
    else chart(panel, view, { kind: "bars", lines, shown, tick, opened: (step, line) => openList(titled(title, view, step), { ...within(view, step), ...filter(line) }) });
  }
};

const whole = (value) => (Number.isInteger(value) ? count(value) : "");

const showCreation = (view) => {
  const { counts, bounds_s, whole } = view.series.creation;
  if (!whole) return empty("creation", "No sandbox was made in this window.");
  const bounds = [...bounds_s.map((bound) => `≤ ${bound} s`), `> ${bounds_s.at(-1)} s`];
  const totals = bounds.map((name, bound) => [name, counts.reduce((sum, step) => sum + step[bound], 0)]).filter(([, number]) => number);
  const open = (step) => openList(titled("Operations whose sandbox was made", view, step), { ...within(view, step), with: "creation" });
  put(body("creation"),
    heat({ counts, bounds, span: (step) => span(view, step), label: `${plural(whole, "sandbox", "sandboxes")} made: ${totals.map(([name, number]) => `${number} ${name}`).join(", ")}`, chosen: open }),
    element("ul", { class: "legend" }, totals.map(([name, number]) => element("li", {},
      element("button", { type: "button", class: "plain", onclick: () => open(null) }, element("span", { class: "name" }, name), element("b", {}, count(number)))))));
};

const showDistribution = (view) => {
  const lines = view.series.operations;
  if (!lines.length) return empty("distribution", "No operation ended in this window.");
  const all = lines.reduce((sum, line) => sum + line.whole, 0);
  const open = (line) => openList(`Operations: ${line.name}`, { ...within(view, null), operation: named(line) });
  put(body("distribution"), element("div", { class: "beside" },
    ring(lines, `${plural(all, "operation")} ended`, open),
    element("ul", { class: "shares" }, lines.map((line, place) => {
      const swatch = element("i", { class: "swatch" });
      swatch.style.background = colour(line.name, place);
      return element("li", {}, element("button", { type: "button", class: "plain", onclick: () => open(line) },
        swatch, element("span", { class: "name" }, short(line.name)), element("b", {}, count(line.whole)), element("small", {}, percent(line.whole / all, 0))));
    }))));
};

const showDaily = (view) => {
  const values = view.series.cost.daily_nano.map((nano, step) => (view.starts[step] > Date.parse(view.series.now) ? null : nano / 1e9));
  if (!values.some((value) => value > 0)) return empty("daily", "No sandbox has run, so nothing was spent.");
  const last = values.filter((value) => value !== null).at(-1);
  chart("daily", view, {
    kind: "line", filled: true, lines: [{ name: "last 24 h", whole: last, values }], limit: 2.5, shown: (value) => (value === null ? "–" : money(value)),
    tick: (value) => (value === 0 ? "$0" : `$${Number(value.toPrecision(2))}`),
    opened: (step) => openList(titled("Operations", view, step), within(view, step)),
  });
};
