// Verdict, cost by agent, live sandboxes, lists of operations.

// `numeric`: from which column on there are numbers, which stand at the right. `minor`: columns that a phone leaves out.
const table = (caption, names, rows, numeric = 99, minor = []) => {
  const kind = (at) => [at >= numeric && "end", minor.includes(at) && "minor"].filter(Boolean).join(" ") || null;
  return element("div", { class: "wide", tabindex: 0, role: "region", "aria-label": caption },
  element("table", {}, element("caption", { class: "unseen" }, caption),
    element("thead", {}, element("tr", {}, names.map((name, at) => element("th", { scope: "col", class: kind(at) }, name)))),
    element("tbody", {}, rows.map((row) => element("tr", { class: row.state }, row.map((cell, at) =>
      at === 0 ? element("th", { scope: "row" }, cell) : element("td", { class: kind(at) }, cell)))))));
};

const UNITS = {
  seconds: (value) => duration(value * 1000),
  ratio: (value) => percent(value),
  dollars: (value) => money(value),
  count: (value) => count(value),
};
const LIMITS = { seconds: (value) => `${value} s`, ratio: (value) => percent(value), dollars: (value) => `$${value}`, count: (value) => count(value) };

const showVerdict = (verdict) => {
  const over = verdict.criteria.filter((one) => one.exceeded);
  const measured = verdict.criteria.some((one) => one.value);
  find("verdict-title").textContent = over.length
    ? `${over.length} of ${verdict.criteria.length} criteria speak for moving off hosted sandboxes`
    : measured ? "Nothing speaks for moving off hosted sandboxes" : "No verdict yet: nothing was measured in this window";
  find("verdict-title").className = over.length ? "over" : "";
  for (const one of verdict.criteria) {
    const place = find(`criterion-${one.id}`);
    if (!place) continue;
    const share = one.value === null ? 0 : Math.min(one.value / one.threshold, 1);
    const bar = element("i", { class: "fill" });
    bar.style.width = `${(share * 100).toFixed(1)}%`;
    place.className = one.exceeded ? "over" : share > 0.8 ? "near" : "";
    put(place.querySelector(".body"),
      element("p", { class: "value" }, element("strong", {}, one.value === null ? "–" : UNITS[one.unit](one.value)),
        element("span", {}, ` ${one.exceeded ? "over" : "of"} ${LIMITS[one.unit](one.threshold)}`)),
      element("div", { class: "bar-track" }, bar));
  }
};

const showCost = (cost, view) => {
  if (!cost.agents.length) return empty("agents", "Nobody has used a sandbox in this window.");
  const most = Math.max(...cost.agents.map((line) => line.cost_nano), 1);
  const rows = cost.agents.slice(0, 12).map((line) => {
    const bar = element("i", { class: "fill" });
    bar.style.width = `${((line.cost_nano / most) * 100).toFixed(1)}%`;
    return [
      element("button", { type: "button", class: "link", title: line.name, onclick: () => openList(`Operations of ${line.name}`, { ...within(view, null), agent: line.name }) }, short(line.name, 24)),
      element("span", { class: "measure" }, bar), count(line.ended), line.failed ? count(line.failed) : "–", stretch(line.running_s), dollars(line.cost_nano),
    ];
  });
  const rest = cost.agents.slice(12);
  const sum = (lines, field) => lines.reduce((all, line) => all + line[field], 0);
  if (rest.length) rows.push([`${rest.length} more`, "", count(sum(rest, "ended")), count(sum(rest, "failed")), stretch(sum(rest, "running_s")), dollars(sum(rest, "cost_nano"))]);
  rows.push(Object.assign(["Total", "", count(sum(cost.agents, "ended")), count(sum(cost.agents, "failed")), stretch(sum(cost.agents, "running_s")), dollars(cost.total_nano)], { state: "total" }));
  put(body("agents"), table("Cost by agent", ["Agent", "", "Operations", "Failed", "Ran", "Cost"], rows, 2, [1, 4]));
};

const phaseOf = (sandbox) => (sandbox.held_by ? "leased" : typeof sandbox.phase === "string" ? sandbox.phase : "gone");

const showSandboxes = (answer, now) => {
  if (!answer.sandboxes.length) return empty("sandboxes", "No sandbox is alive. The next clone makes one.");
  const rows = answer.sandboxes.slice(0, 50).map((one) => [
    element("span", { class: "mono", title: one.sandbox_id }, short(one.sandbox_id, 12)),
    element("span", { class: `badge ${phaseOf(one)}` }, phaseOf(one)),
    element("span", { title: one.agent_id ?? "" }, short(one.agent_id ?? "–", 18)),
    element("span", { title: `${one.repo ?? ""} ${one.branch ?? ""}` }, short(one.repo ?? "–", 28)),
    one.last_used_at ? ago(one.last_used_at, now) : "–", stretch(one.running_s), dollars(one.cost_nano),
  ]);
  put(body("sandboxes"), table("Live sandboxes", ["Sandbox", "", "Agent", "Repository", "Used", "Ran", "Cost"], rows, 4, [3, 5]));
};

const outcomeBadge = (one) => element("span", { class: `badge ${one.outcome}` }, one.outcome === "failed" ? one.code || "failed" : one.outcome === "open" ? "under way" : "ok");

const operationsTable = (caption, found) => {
  const rows = found.operations.map((one) => [
    element("button", { type: "button", class: "link", "data-operation": one.id, onclick: () => openStory(one.id) }, one.operation),
    outcomeBadge(one), element("span", { title: one.agent_id ?? "" }, short(one.agent_id || "–", 22)), element("span", { title: one.repo ?? "" }, short(one.repo || "–", 34)),
    instant(one.ended_at ?? one.requested_at), duration(one.duration_ms), one.duration_ms === null ? "–" : duration(one.git_ms),
  ]);
  return table(caption, ["Operation", "Outcome", "Agent", "Repository", "When", "Took", "git"], rows, 4, [3, 4, 6]);
};

const showLatest = (found) => {
  if (!found.operations.length) return empty("latest", "No operation in this window.");
  put(body("latest"), operationsTable("Latest operations", found),
    found.total > found.operations.length && element("p", { class: "more" },
      element("button", { type: "button", class: "link", onclick: () => openList("Operations in this window", windowNow()) }, `All ${count(found.total)}`)));
};
