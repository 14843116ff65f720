// Visits the dashboard in a real browser: clicks, reads what stands there, and prints it as one line of JSON.
// Environment: PLAYWRIGHT and AXE (directories with node_modules), CHROMIUM, PICTURES (a directory), VISIT (JSON).
"use strict";
const fs = require("fs");
const path = require("path");

const { chromium } = require(path.join(process.env.PLAYWRIGHT, "node_modules/playwright-core"));
const AXE = fs.readFileSync(path.join(process.env.AXE, "node_modules/axe-core/axe.min.js"), "utf8");
const VISIT = JSON.parse(process.env.VISIT);
const PATIENCE = 60_000;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const LOOKS = [[1440, 900, "light"], [1440, 900, "dark"], [390, 844, "light"], [390, 844, "dark"]];

const complaints = [];
const requests = new Set();

const opened = async (browser, [width, height, colorScheme], address) => {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, timezoneId: "UTC" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (message) => {
    // The browser itself tells of each answer that is no 2xx; a key that is missing is one.
    const refused = /the server responded with a status of 40[13]/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !(VISIT.keys && refused)) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error.stack)));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog opened: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => requests.add(new URL(request.url()).protocol + "//" + new URL(request.url()).host));
  await page.goto(address);
  return page;
};

const filled = (page) => page.waitForFunction(() => document.getElementById("panels").getAttribute("aria-busy") === "false");

const judged = async (page, where) => {
  // Its own policy keeps foreign scripts out of the page; this one comes from the debugger.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${where}: ${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" ")}`);
};

const pictured = (page, name) => page.screenshot({ path: path.join(process.env.PICTURES, `${name}.png`), fullPage: true });

// What stands on the page.
const read = (page) => page.evaluate(() => {
  const text = (element) => (element ? element.textContent.trim() : null);
  const rows = (panel) => [...document.querySelectorAll(`#panel-${panel} tbody tr`)].map((row) => [...row.children].map(text));
  const lines = (panel) => Object.fromEntries([...document.querySelectorAll(`#panel-${panel} .legend li, #panel-${panel} .shares li`)]
    .map((line) => [text(line.querySelector(".name")), text(line.querySelector("b"))]));
  const panels = ["p95", "rate", "errors", "creation", "distribution", "daily", "retries", "conflicts"];
  return {
    facts: Object.fromEntries([...document.querySelectorAll("dd[id^=fact-]")].map((fact) => [fact.id.slice(5), text(fact)])),
    gauges: Object.fromEntries(["success", "active", "cache", "monthly"].map((name) => [name, text(document.querySelector(`#panel-${name} .gauge strong`))])),
    lines: Object.fromEntries(panels.map((name) => [name, lines(name)])),
    verdict: Object.fromEntries([...document.querySelectorAll("#verdict li")].map((one) => [one.id.slice(10), { value: text(one.querySelector("strong")), over: one.className === "over" }])),
    headline: text(document.getElementById("verdict-title")),
    agents: rows("agents"), sandboxes: rows("sandboxes"), latest: rows("latest"),
    notice: text(document.getElementById("notice")),
    about: text(document.getElementById("about")),
    address: location.href,
    overflow: document.documentElement.scrollWidth - innerWidth,
    images: document.images.length,
  };
});

const drawerRows = (page) => page.$$eval("#drawer tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())));

// What a chart says of the step that is pointed at.
const pointed = (page, panel) => page.$eval(`#panel-${panel}`, (chart) => ({
  shown: [...chart.querySelectorAll(".legend b")].map((one) => one.textContent),
  time: chart.querySelector(".time").textContent,
}));

// Along a chart with the pointer until it stands over something; clicks there.
const clickAChart = async (page, panel) => {
  const field = page.locator(`#panel-${panel} .u-over`);
  await field.scrollIntoViewIfNeeded();
  const box = await field.boundingBox();
  for (let x = box.width - 2; x > 0; x -= 3) {
    await page.mouse.move(box.x + x, box.y + box.height / 2);
    const { shown, time } = await pointed(page, panel);
    if (shown.some((one) => !["0", "–"].includes(one)) && time) {
      const counts = shown.map((one) => Number(one.split(" ")[0]));
      await page.mouse.click(box.x + x, box.y + box.height / 2);
      await page.waitForSelector("#drawer :is(#found, .empty)");
      const found = { counted: counts.reduce((sum, one) => sum + one, 0), rows: await drawerRows(page), title: await page.textContent("#drawer-title") };
      await page.keyboard.press("Escape");
      // Drawn anew between the look and the click, the chart had another step there.
      if (found.title.endsWith(time)) return found;
    }
  }
  throw new Error(`the chart ${panel} shows nothing anywhere`);
};

// The same with the keyboard alone: to the chart, along it, into it, to an operation, back and out.
const walkAChart = async (page, panel) => {
  await page.focus(`#panel-${panel} .field`);
  await page.keyboard.press("End");
  let shown = [];
  for (let step = 0; step < 1000; step += 1) {
    shown = await page.$$eval(`#panel-${panel} .legend b`, (all) => all.map((one) => one.textContent));
    if (shown.some((one) => one !== "0")) break;
    await page.keyboard.press("ArrowLeft");
  }
  const said = await page.textContent("#said");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#drawer #found");
  const rows = await drawerRows(page);
  // From the close button on: the table's region, then its first operation.
  for (let tab = 0; tab < 6 && !(await page.evaluate(() => document.activeElement.dataset.operation)); tab += 1) await page.keyboard.press("Tab");
  const id = await page.evaluate(() => document.activeElement.dataset.operation);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#drawer .events");
  await page.click("#drawer .back");
  await page.waitForSelector("#drawer #found");
  const backAtTheList = (await drawerRows(page)).length === rows.length;
  await page.keyboard.press("Escape");
  return { said, counted: shown.reduce((sum, one) => sum + Number(one.split(" ")[0]), 0), rows, id, backAtTheList, closed: await page.$eval("#drawer", (one) => !one.open) };
};

const storyOf = async (page, id) => {
  await page.evaluate((wanted) => document.querySelector(`#panel-latest [data-operation="${wanted}"]`)?.click(), id);
  await page.waitForSelector("#drawer .headline");
  const story = await page.evaluate(() => ({
    headline: document.querySelector("#drawer .headline").textContent,
    text: document.querySelector("#drawer .content").textContent,
    events: [...document.querySelectorAll("#drawer .event-name")].map((one) => one.firstChild.textContent),
    facts: Object.fromEntries([...document.querySelectorAll("#drawer .story-facts dt")].map((one) => [one.textContent, one.nextSibling.textContent])),
  }));
  await page.click("#drawer .events summary >> nth=0");
  return story;
};

const visits = {
  // A page full of work: every look judged and pictured, one of them clicked through, and new work seen to arrive.
  async work(browser) {
    let serious = [];
    for (const look of LOOKS) {
      const page = await opened(browser, look, VISIT.url);
      await filled(page);
      const name = `${look[0]}-${look[2]}`;
      await pictured(page, name);
      serious.push(...await judged(page, name));
      const { overflow } = await read(page);
      if (overflow > 0) serious.push(`${name}: ${overflow} pixels too wide`);
      await page.context().close();
    }
    const page = await opened(browser, LOOKS[0], VISIT.url);
    await filled(page);
    const clicked = {};
    for (const panel of ["rate", "p95"]) clicked[panel] = await clickAChart(page, panel);
    const walked = await walkAChart(page, "rate");
    await page.click("#panel-rate .numbers summary");
    await page.waitForSelector("#panel-rate .numbers tbody tr");
    const numbers = await page.$$eval("#panel-rate .numbers tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
    const story = await storyOf(page, VISIT.story);
    await pictured(page, "story");
    serious.push(...await judged(page, "story"));
    await page.keyboard.press("Escape");
    await page.click("#whole-report");
    await page.waitForSelector("#drawer .headline");
    await pictured(page, "report");
    serious.push(...await judged(page, "report"));
    const report = await drawerRows(page);
    const sections = await page.$$eval("#drawer h3", (all) => all.map((one) => one.textContent));
    await page.keyboard.press("Escape");

    await page.waitForSelector("#live.on");
    const before = Number(await page.textContent("#fact-succeeded"));
    const response = await fetch(`${new URL(VISIT.url).origin}/git/status`, { method: "POST", body: JSON.stringify({ sandbox_id: VISIT.sandbox }) });
    if (!response.ok) throw new Error(`status: ${response.status}`);
    await page.waitForFunction((was) => Number(document.getElementById("fact-succeeded").textContent) === was + 1, before);
    await filled(page);
    return { serious, clicked, walked, numbers, story, report, sections, ...await read(page) };
  },

  // Only looked at; `last` is a story that is opened.
  async look(browser) {
    const serious = [];
    for (const look of VISIT.once ? LOOKS.slice(0, 1) : [LOOKS[0], LOOKS[3]]) {
      const page = await opened(browser, look, VISIT.url);
      await filled(page);
      await pictured(page, `${VISIT.name}-${look[0]}-${look[2]}`);
      serious.push(...await judged(page, `${VISIT.name} ${look[0]}`));
      if (look !== LOOKS[0]) continue;
      var seen = await read(page);
      if (VISIT.story) {
        seen.story = await storyOf(page, VISIT.story);
        serious.push(...await judged(page, `${VISIT.name} story`));
      }
    }
    return { serious, ...seen };
  },

  // How long it takes until something is painted, and until the numbers stand there; each time with nothing cached.
  async paint(browser) {
    const [painted, numbers] = [[], []];
    for (let time = 0; time < VISIT.times; time += 1) {
      const page = await opened(browser, LOOKS[0], VISIT.url);
      await filled(page);
      await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length);
      const at = (name) => page.evaluate((wanted) => performance.getEntriesByName(wanted)[0].startTime, name);
      painted.push(await at("first-contentful-paint"));
      numbers.push(await at("first-numbers"));
      await page.context().close();
    }
    return { painted, numbers };
  },

  // The sign-in form: a wrong key, then a right one, then none again.
  async keys(browser) {
    const page = await opened(browser, LOOKS[2], VISIT.url);
    await page.waitForSelector("form.sign-in");
    await pictured(page, "sign-in");
    const serious = await judged(page, "sign-in");
    const hidden = await page.isHidden("#shown");
    const enter = async (key) => {
      await page.fill("#key", key);
      await page.keyboard.press("Enter");
    };
    const refused = [];
    for (const key of VISIT.keys.wrong) {
      await enter(key);
      await page.waitForSelector(".complaint");
      refused.push(await page.textContent(".complaint"));
    }
    await enter(VISIT.keys.right);
    await page.waitForSelector("#live.on");
    await filled(page);
    const seen = await read(page);
    const kept = await page.evaluate(() => ({ local: localStorage.length, cookies: document.cookie, session: sessionStorage.length }));
    await page.click(".forget");
    await page.waitForSelector("form.sign-in");
    const left = await page.evaluate(() => sessionStorage.length);
    return { serious, hidden, refused, kept, left, ...seen };
  },
};

(async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS, timeout: PATIENCE });
  try {
    const seen = await visits[VISIT.kind](browser);
    console.log(JSON.stringify({ ...seen, complaints, requests: [...requests] }));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error.stack, complaints.join("\n"));
  process.exit(1);
});
