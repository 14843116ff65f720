// Where data come from: the gateway that served this page, or the report that this page is.
const carried = find("report");
const REPORT = carried ? JSON.parse(carried.textContent) : null;
const KEY = "gitledger-api-key";

class Refused extends Error {
  constructor(status, problem) {
    super((problem && problem.detail) || (problem && problem.title) || `HTTP ${status}`);
    this.status = status;
  }
}

// The key is for this tab only, and goes into a header, never into an address.
const headers = () => {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
};

const ask = async (what, parameters = {}) => {
  if (REPORT) return carriedAnswer(what, parameters);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  // The report has an address of its own.
  const address = `${what.startsWith("/") ? what : `/dashboard/${what}`}${query.size ? `?${query}` : ""}`;
  const response = await fetch(address, { headers: headers(), cache: "no-store" });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
};

// What the gateway would have answered, as far as the report has it.
const carriedAnswer = (what, parameters) => {
  if (what === "operations") return among(REPORT.operations.operations, parameters);
  const story = /^operations\/(.+)$/.exec(what);
  if (!story) return REPORT[what];
  const found = REPORT.stories[story[1]];
  if (found) return found;
  const operation = REPORT.operations.operations.find((one) => one.id === story[1]);
  if (!operation) throw new Refused(404, { detail: "This operation is not in the report." });
  return { operation, cost_nano: null, events: [] };
};

const among = (all, wanted) => {
  const at = (one) => Date.parse(one.ended_at || one.requested_at);
  const met = {
    retries: (one) => one.retries > 0,
    conflicts: (one) => one.conflicts > 0,
    creation: (one) => one.reuse === "new",
  };
  const found = all.filter((one) =>
    (wanted.from === undefined || at(one) >= wanted.from)
    && (wanted.until === undefined || at(one) < wanted.until)
    && (!wanted.operation || one.operation === wanted.operation)
    && (!wanted.agent || one.agent_id === wanted.agent)
    && (!wanted.outcome || one.outcome === wanted.outcome)
    && (!wanted.error_type || one.error_type === wanted.error_type)
    && (!wanted.with || met[wanted.with](one)));
  if (wanted.order === "slowest") found.sort((one, other) => (other.duration_ms ?? -1) - (one.duration_ms ?? -1));
  return { total: found.length, operations: found.slice(0, wanted.limit ?? 50) };
};

// Follows the ledger until `signal` aborts; `told` gets each new position. Returns when the stream ends.
const follow = async (told, signal) => {
  const response = await fetch("/dashboard/live", { headers: headers(), cache: "no-store", signal });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => null));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = (rest + value).split("\n\n");
    rest = messages.pop();
    for (const message of messages) {
      const data = message.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      if (data) told(JSON.parse(data));
    }
  }
};
