// The drawer: the operations behind a point, and one operation's story.
const drawer = find("drawer");
// What was open before, to go back to.
const trail = [];

const LIST_MAX = 200;

const unfold = (title, ...content) => {
  put(drawer,
    element("header", {},
      trail.length > 1 && element("button", { type: "button", class: "plain back", onclick: back, "aria-label": "Back to the list" }, "←"),
      element("h2", { id: "drawer-title", tabindex: -1 }, title),
      element("button", { type: "button", class: "plain close", onclick: () => drawer.close(), "aria-label": "Close" }, "✕")),
    element("div", { class: "content" }, content));
  if (!drawer.open) drawer.showModal();
  find("drawer-title").focus();
};

const back = () => {
  trail.pop();
  trail.pop()?.();
};

const load = async (title, asking, shown) => {
  unfold(title, element("p", { class: "loading" }, "Looking …"));
  try {
    const answer = await asking;
    unfold(title, shown(answer));
  } catch (error) {
    unfold(title, element("p", { class: "failure", role: "alert" }, error.message));
  }
};

const openList = (title, filter) => {
  const open = () => {
    trail.push(open);
    const wanted = { ...filter, from: Math.round(filter.from), until: Math.round(filter.until), limit: LIST_MAX };
    return load(title, ask("operations", wanted), (found) => {
      if (!found.total) return element("p", { class: "empty" }, "No operation is behind this point.");
      const shown = found.operations.length;
      return [element("p", { class: "what", id: "found" }, shown < found.total ? `${count(found.total)} operations, ${count(shown)} shown` : plural(found.total, "operation")),
        operationsTable(title, found)];
    });
  };
  trail.length = 0;
  return open();
};

const openStory = (id) => {
  const open = () => {
    trail.push(open);
    return load("Operation", ask(`operations/${encodeURIComponent(id)}`), storyOf);
  };
  if (!drawer.open) trail.length = 0;
  return open();
};

drawer.addEventListener("close", () => {
  trail.length = 0;
  put(drawer);
});
// A click beside the drawer closes it.
drawer.addEventListener("click", (event) => {
  if (event.target === drawer) drawer.close();
});

const storyOf = ({ operation, cost_nano, events }) => {
  const outcome = events.find((event) => ["OperationSucceeded", "OperationFailed", "OperationAbandoned"].includes(event.name));
  const facts = [
    ["Asked by", operation.agent_id || "nobody named"], ["Task", operation.task_id], ["Repository", operation.repo],
    ["Sandbox", operation.sandbox_id && `${operation.sandbox_id}${operation.reuse ? ` (${operation.reuse})` : ""}`],
    ["When", instant(operation.requested_at)],
    ["Cost", cost_nano === null ? null : cost_nano ? `${dollars(cost_nano)} of its sandbox, its share of idle time included` : "nothing: no sandbox ran for it"],
    ["Id", element("span", { class: "mono" }, operation.id)],
  ].filter(([, value]) => value);
  return [
    element("p", { class: "headline" }, element("strong", {}, operation.operation), " ", outcomeBadge(operation), " ",
      operation.duration_ms === null ? "" : element("span", {}, duration(operation.duration_ms))),
    failureOf(operation, outcome),
    phasesOf(operation),
    element("dl", { class: "story-facts" }, facts.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
    changesOf(outcome),
    eventsOf(operation, events),
  ];
};

const failureOf = (operation, outcome) => {
  if (operation.outcome !== "failed" || !outcome) return null;
  const { message, reason, remedy, retryable } = outcome.data;
  return element("div", { class: "failure" }, element("p", {}, prose(message || reason || operation.code)),
    remedy && element("p", {}, element("b", {}, "What to do: "), prose(remedy)),
    element("p", { class: "what" }, `Left behind: ${operation.side_effect ?? "unknown"}. ${retryable === undefined ? "" : retryable ? "The same request may work later." : "The same request will fail again."}`));
};

// Where the time went: waiting for a sandbox, git, and what is left of it.
const phasesOf = (operation) => {
  if (operation.duration_ms === null) return null;
  const rest = Math.max(operation.duration_ms - operation.sandbox_wait_ms - operation.git_ms, 0);
  const phases = [["wait", "waiting for a sandbox", operation.sandbox_wait_ms], ["git", "git", operation.git_ms], ["rest", "ledger and the rest", rest]];
  const all = phases.reduce((sum, [, , ms]) => sum + ms, 0) || 1;
  return element("div", { class: "phases" },
    element("div", { class: "phase-bar", role: "img", "aria-label": phases.map(([, name, ms]) => `${name} ${duration(ms)}`).join(", ") }, phases.map(([id, , ms]) => {
      const part = element("i", { class: id });
      part.style.width = `${((ms / all) * 100).toFixed(2)}%`;
      return part;
    })),
    element("ul", { class: "legend" }, phases.map(([id, name, ms]) => element("li", {}, element("i", { class: `swatch ${id}` }), element("span", { class: "name" }, name), element("b", {}, duration(ms))))));
};

const changesOf = (outcome) => {
  const changes = outcome?.data.refs_changed;
  if (!changes || !changes.length) return null;
  const oid = (id) => (id ? id.slice(0, 10) : "–");
  return [element("h3", {}, "References"), table("References", ["Name", "Before", "After"],
    changes.map((change) => [change.name, element("span", { class: "mono" }, oid(change.old)), element("span", { class: "mono" }, oid(change.new))]))];
};

// The few words of an event that people ask for first.
const brief = (data) => {
  const told = ["outcome", "reuse", "code", "reference", "branch", "reason"].map((name) => data[name]).filter((value) => typeof value === "string");
  return told.length ? element("small", {}, ` ${short(told.slice(0, 2).join(", "), 40)}`) : null;
};

const eventsOf = (operation, events) => {
  if (!events.length) return element("p", { class: "empty" }, "This report has the operation's line only. `gitledger events` has the rest.");
  const first = Date.parse(events[0].at);
  const long = Math.max(Date.parse(events.at(-1).at) - first, 1);
  return [element("h3", {}, "What happened"), element("ol", { class: "events" }, events.map((event) => {
    const after = Date.parse(event.at) - first;
    const mark = element("i", { class: "mark" });
    mark.style.left = `${((after / long) * 100).toFixed(1)}%`;
    return element("li", { class: event.stream.startsWith("sandbox-") ? "of-sandbox" : null }, element("details", {},
      element("summary", {}, element("span", { class: "after" }, `+${duration(after)}`), element("span", { class: "event-name" }, event.name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase(), brief(event.data)),
        element("span", { class: "lane", "aria-hidden": "true" }, mark)),
      element("pre", { tabindex: 0 }, JSON.stringify(event.data, null, 2))));
  }))];
};
