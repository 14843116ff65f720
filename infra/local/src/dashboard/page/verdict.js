// The whole report in the drawer: the five criteria over weeks, the events behind them, and what else could be done.
const SECTIONS = { rising: "↗ rising", falling: "↘ falling", steady: "→ steady", unknown: "one week only" };

const inUnit = (unit, value) => (value === null || value === undefined ? "–" : UNITS[unit](value));

const openReport = () => {
  trail.length = 0;
  trail.push(openReport);
  return load("Is it time to leave hosted sandboxes?", ask("/report"), reportOf);
};

const reportOf = (report) => {
  const over = report.criteria.filter((one) => one.exceeded);
  return [
    element("p", { class: "headline" }, element("strong", {}, over.length ? `${over.length} of ${report.criteria.length} criteria are exceeded` : "Stay: no criterion is exceeded")),
    element("p", { class: "what" }, `${plural(report.operations, "operation")} in ${plural(report.days, "day")} from ${report.from}, to position ${count(report.position)}. `,
      // Where a key is needed, an address alone shows nothing.
      !sessionStorage.getItem(KEY) && element("a", { href: "/report", target: "_blank", rel: "noopener" }, "As a page")),
    table("Criteria", ["Criterion", "Value", "Threshold", "Trend", "Between"], report.criteria.map((one) => [
      one.title, one.value === null ? "too early" : inUnit(one.unit, one.value), LIMITS[one.unit](one.threshold), SECTIONS[one.trend] ?? one.trend,
      one.interval ? `${inUnit(one.unit, one.interval.low)} to ${inUnit(one.unit, one.interval.high)}` : "–"]), 1, [4]),
    report.criteria.map(criterionOf),
    validationOf(report.phases),
    adviceOf(report.advice),
  ];
};

const validationOf = ({ baseline, patterns }) => {
  const state = (complete) => (complete ? "complete" : "under way");
  const counted = (all) => all.map(([name, number]) => `${name} ${count(number)}`).join(", ") || "none";
  const normal = [
    ["Operations a day", baseline.operations_a_day.toFixed(1)],
    ["P50, P95", `${inUnit("seconds", baseline.p50_s)}, ${inUnit("seconds", baseline.p95_s)}`],
    ["Errors, misses", `${inUnit("ratio", baseline.error_ratio)}, ${inUnit("ratio", baseline.miss_ratio)}`],
    ["A day", money(baseline.dollars_a_day)],
    ["At once", plural(baseline.sandboxes_at_once, "sandbox", "sandboxes")],
  ];
  const by = [
    ["Busiest hour", `${String(patterns.busiest_hour).padStart(2, "0")}:00 UTC with ${inUnit("ratio", patterns.busiest_share)}`],
    [plural(patterns.agent_count, "agent"), counted(patterns.agents)],
    ["Failures", counted(patterns.failures)],
    ["Growth", patterns.growth === null ? "nothing yet to hold beside the baseline" : `${patterns.growth.toFixed(2)} times the baseline's operations a day`],
  ];
  return [
    element("h3", {}, `Phase 1, baseline (${state(baseline.complete)}; ${baseline.days} of 14 days from ${baseline.from})`),
    pairs(normal), again(baseline.queries.join("\n")),
    element("h3", {}, `Phase 2, patterns (${state(patterns.complete)})`),
    pairs(by), again(patterns.query),
  ];
};

const pairs = (rows) =>
  element("dl", { class: "story-facts" }, rows.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));

const again = (command) =>
  element("details", {}, element("summary", {}, "These figures again"), element("pre", { tabindex: 0 }, command));

const criterionOf = (one) => [
  element("h3", {}, one.title),
  table(`${one.title} by week`, ["Week from", "Value"], one.weeks.map((week) => [week.from, inUnit(one.unit, week.value)]), 1),
  one.exceeded && element("p", {}, element("b", {}, "Remedy: "), one.remedy ? wayOf(one.remedy) : "none of the policies tried brings it back"),
  one.evidence.length > 0 && element("details", {}, element("summary", {}, "The events behind it"),
    element("ul", {}, one.evidence.map((event) => element("li", {}, `position ${count(event.position)}: ${event.why} `, element("code", {}, event.command))))),
  element("details", {}, element("summary", {}, "This figure again"), element("pre", { tabindex: 0 }, one.query)),
];

const wayOf = (way) =>
  `${way.change || "the policy in force"}: ${money(way.monthly_dollars)} a month, P95 ${inUnit("seconds", way.p95_s)}, misses ${inUnit("ratio", way.miss_ratio)}, ${count(way.sandboxes_at_once)} at once`;

const adviceOf = (advice) => {
  const own = advice.self_hosted;
  const rows = [
    ["Now", advice.in_force ? wayOf(advice.in_force) : "nothing to simulate"],
    ["Recommended", advice.recommended ? `${wayOf(advice.recommended)}; saves ${money(advice.saving_dollars)} a month` : "the policy in force"],
    ["Self-hosted", `${plural(own.machines, "machine")} for ${money(own.monthly_dollars)} a month, ${own.cheaper ? "cheaper" : "dearer"} than now; nobody's time is in it`],
  ];
  return [element("h3", {}, "What else could be done"),
    pairs(rows), again([advice.query, own.query].filter(Boolean).join("\n"))];
};

// A report in a file has no gateway to ask.
find("whole-report").hidden = Boolean(REPORT);
find("whole-report").addEventListener("click", openReport);
