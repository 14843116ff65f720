// The page: which window, asking for it, showing it, following the ledger.
const MINUTE = 60_000;
const WINDOWS = [["15 min", 15 * MINUTE], ["1 h", 60 * MINUTE], ["6 h", 360 * MINUTE], ["24 h", 1440 * MINUTE], ["7 d", 7 * 1440 * MINUTE], ["30 d", 30 * 1440 * MINUTE], ["All", 0]];

// `length`: until now, 0 for everything; or from and until, which stand still.
const state = { length: null, from: null, until: null, view: null, began: null, position: null, asked: 0 };

const windowNow = () => {
  if (state.from !== null) return { from: state.from, until: state.until };
  const until = Date.now();
  if (state.length) return { from: until - state.length, until };
  return { from: state.began ?? until - 60 * MINUTE, until };
};

const showWindows = () => {
  if (REPORT) return put(find("windows"), element("span", { class: "fixed" }, `${instant(REPORT.series.from)} – ${instant(REPORT.series.until)}`));
  const standing = state.from !== null;
  put(find("windows"),
    standing && element("span", { class: "fixed" }, `${moment(state.from, Infinity)} – ${moment(state.until, Infinity)}`),
    WINDOWS.map(([name, length]) => element("button", { type: "button", "aria-pressed": String(!standing && length === state.length), onclick: () => choose(length) }, name)),
    sessionStorage.getItem(KEY) && element("button", { type: "button", class: "forget", onclick: signOut }, "Forget key"));
};

const choose = (length) => {
  Object.assign(state, { length, from: null, until: null });
  history.replaceState(null, "", `#last=${length / MINUTE}`);
  showWindows();
  refresh();
};

const zoom = (from, until) => {
  Object.assign(state, { from: Math.floor(from), until: Math.ceil(until) });
  history.replaceState(null, "", `#from=${state.from}&until=${state.until}`);
  showWindows();
  refresh();
};

// What the address says: a window, an operation; never a key.
const readAddress = () => {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const number = (name) => (/^\d{1,14}$/.test(wanted.get(name) ?? "") ? Number(wanted.get(name)) : null);
  const [last, from, until] = ["last", "from", "until"].map(number);
  if (last !== null && WINDOWS.some(([, length]) => length === last * MINUTE)) state.length = last * MINUTE;
  if (from !== null && until !== null && from < until) Object.assign(state, { from, until });
  if (wanted.get("operation")) openStory(wanted.get("operation"));
};

// Everything starts when the ledger does: that has to be known first. A ledger younger than an hour is shown whole.
const sinceBegan = async () => {
  const found = await ask("series");
  state.began = found.began ? Date.parse(found.began) : null;
  if (state.length === null) state.length = state.began && Date.now() - state.began < 60 * MINUTE ? 0 : 60 * MINUTE;
  showWindows();
};

const refresh = async () => {
  const turn = ++state.asked;
  find("panels").setAttribute("aria-busy", "true");
  try {
    if (!state.length && state.from === null && !REPORT) await sinceBegan();
    const wanted = REPORT ? {} : windowNow();
    const [series, cost, sandboxes, latest] = await Promise.all([
      ask("series", wanted), ask("cost", wanted), ask("sandboxes"), ask("operations", { ...wanted, limit: 12 })]);
    // An answer to what is no longer asked.
    if (turn !== state.asked) return;
    show(series, cost, sandboxes, latest);
  } catch (error) {
    if (turn === state.asked) trouble(error);
  }
};

const show = (series, cost, sandboxes, latest) => {
  const view = viewOf(series);
  state.view = view;
  state.began = series.began ? Date.parse(series.began) : null;
  state.position = series.position;
  find("shown").hidden = find("windows").hidden = false;
  notice(series, latest);
  showVerdict(series.verdict);
  showPanels(view);
  showCost(cost, view);
  showSandboxes(sandboxes, series.now);
  showLatest(latest);
  find("panels").setAttribute("aria-busy", "false");
  find("about").textContent = `${plural(series.operations_total, "operation")} in the ledger, ${plural(series.position, "event")}. Steps of ${stretch(series.step_s)}; times in ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`;
  if (!performance.getEntriesByName("first-numbers").length) performance.mark("first-numbers");
};

const command = (text) => element("code", {}, text);

const notice = (series, latest) => {
  if (REPORT) {
    return put(find("notice"), element("p", { class: "note" }, `A report made ${instant(series.now)} by gitledger ${REPORT.version}: ${plural(latest.total, "operation")} one by one. It asks nobody for anything.`));
  }
  if (!series.operations_total) {
    return put(find("notice"), element("div", { class: "welcome" },
      element("h2", {}, "No operation yet"),
      element("p", {}, "This page fills as soon as an agent asks for something. Try one from a second terminal:"),
      element("pre", { tabindex: 0 }, `gitledger git clone --url ${location.origin} \\\n  --repo-url https://github.com/octocat/Hello-World --agent-id a1 --task-id t1`),
      element("p", {}, "or let ten agents work on a ledger of their own: ", command("gitledger demo"))));
  }
  if (!(series.succeeded + series.failed + series.open)) {
    return put(find("notice"), element("p", { class: "note" }, "Nothing happened in this window. ",
      element("button", { type: "button", class: "link", onclick: () => choose(0) }, "Show everything since the first event")));
  }
  put(find("notice"));
};

const live = (kind, text) => {
  find("live").className = kind;
  find("live").querySelector(".text").textContent = text;
};

const trouble = (error) => {
  if (error.status === 401) return signIn(sessionStorage.getItem(KEY) ? "The gateway does not know this key, or it has expired." : null);
  if (error.status === 403) return signIn("This key may not see everything. Use an admin key, or one made with --read-only.");
  put(find("notice"), element("div", { class: "failure", role: "alert" },
    element("p", {}, error.status ? `The gateway could not answer: ${error.message}` : "The gateway does not answer. Is `gitledger up` still running? It is asked again by itself."),
    element("p", {}, element("button", { type: "button", onclick: refresh }, "Ask again"))));
};

const signIn = (complaint) => {
  following?.abort();
  live("off", "signed out");
  find("shown").hidden = find("windows").hidden = true;
  const key = element("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true, placeholder: "glk_…" });
  put(find("notice"), element("form", { class: "sign-in", onsubmit: (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, key.value.trim());
    put(find("notice"));
    start();
  } },
    element("h2", {}, "An API key is needed"),
    complaint && element("p", { class: "complaint", role: "alert" }, complaint),
    element("p", {}, "One that may see everything. Make one with ", command("gitledger keys create --name dashboard --read-only"), ". It stays in this tab and is sent as a header only."),
    element("label", { for: "key" }, "API key"), key, element("button", { type: "submit" }, "Show the dashboard")));
  key.focus();
};

const signOut = () => {
  sessionStorage.removeItem(KEY);
  showWindows();
  signIn(null);
};

let following = null;
let due = null;

// Refreshes soon, but not for every event, nor while nobody looks.
const soon = () => {
  if (due || document.hidden) return;
  due = setTimeout(() => {
    due = null;
    if (state.from === null) refresh();
  }, 700);
};

const stayLive = async () => {
  following?.abort();
  const mine = (following = new AbortController());
  for (let pause = 1000; !mine.signal.aborted; pause = Math.min(pause * 2, 15_000)) {
    try {
      await follow(({ position }) => {
        pause = 1000;
        live("on", "live");
        if (position !== state.position) soon();
      }, mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error.status === 401 || error.status === 403) return trouble(error);
    }
    if (mine.signal.aborted) return;
    live("off", "reconnecting");
    await new Promise((done) => setTimeout(done, pause));
    soon();
  }
};

const start = () => {
  showWindows();
  refresh();
  if (REPORT) return live("off", "report");
  stayLive();
};

// Time goes on where nothing happens, too.
if (!REPORT) setInterval(soon, 15_000);
document.addEventListener("visibilitychange", () => !document.hidden && !REPORT && soon());
// Colours are in the charts: they are drawn anew.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  [...charts.keys()].forEach(forget);
  refresh();
});
readAddress();
start();
