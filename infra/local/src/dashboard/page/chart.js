// Charts over time: lines, and bars that stand on each other. One per panel, kept while its lines stay the same.
const charts = new Map();
const HEIGHT = 168;

const forget = (panel) => {
  const kept = charts.get(panel);
  if (!kept) return;
  kept.watcher.disconnect();
  kept.plot.destroy();
  charts.delete(panel);
};

// `given`: kind, lines {name, whole, values}, shown (a number as text), limit, and opened(step, line).
const chart = (panel, view, given) => {
  const names = `${given.kind} ${given.lines.map((line) => line.name).join(" ")}`;
  const kept = charts.get(panel);
  if (kept && kept.names === names) {
    Object.assign(kept.now, { view, given });
    kept.plot.setData(dataOf(view, given));
    kept.fillLegend(kept.at);
    kept.fillNumbers();
    return;
  }
  forget(panel);
  made(panel, view, given, names);
};

const dataOf = (view, given) => {
  const middles = view.starts.map((start) => (start + view.step / 2) / 1000);
  if (given.kind === "line") return [middles, ...given.lines.map((line) => line.values)];
  let below = middles.map(() => 0);
  const stacked = given.lines.map((line) => {
    below = below.map((height, step) => height + line.values[step]);
    return below;
  });
  // The whole stack is drawn first and its lower parts over it.
  return [middles, ...stacked.reverse()];
};

const made = (panel, view, given, names) => {
  const now = { view, given };
  const field = element("div", {
    class: "field", tabindex: 0, role: "group",
    "aria-label": `${find(`title-${panel}`).textContent}. Arrow keys move along time, Enter shows the operations.`,
  });
  const legend = element("ul", { class: "legend" });
  const time = element("p", { class: "time" });
  const numbers = element("details", { class: "numbers" }, element("summary", {}, "Numbers"));
  put(body(panel), field, element("div", { class: "under" }, legend, time), numbers);

  const kept = { names, now, at: null };
  kept.fillLegend = (step) => {
    const { view, given } = now;
    kept.at = step;
    time.textContent = step === null ? "" : span(view, step);
    put(legend, given.lines.map((line, place) => {
      const value = step === null ? line.whole : line.values[step];
      const swatch = element("i", { class: "swatch" });
      swatch.style.background = colour(line.name, place);
      return element("li", {}, element("button", {
        type: "button", class: "plain", title: `Operations: ${line.name}`,
        onclick: () => given.opened(step, line),
      }, swatch, element("span", { class: "name" }, short(line.name)), element("b", {}, given.shown(value, step === null))));
    }));
  };
  kept.fillNumbers = () => {
    if (!numbers.open) return;
    const { view, given } = now;
    const rows = view.starts.flatMap((_, step) => {
      const values = given.lines.map((line) => line.values[step]);
      return values.some((value) => value) ? [[span(view, step), ...values.map((value) => given.shown(value, false))]] : [];
    });
    put(numbers, numbers.firstElementChild, table(find(`title-${panel}`).textContent, ["Time", ...given.lines.map((line) => line.name)], rows, 1));
  };
  numbers.addEventListener("toggle", kept.fillNumbers);
  charts.set(panel, kept);
  kept.plot = new uPlot(optionsOf(kept, field), dataOf(view, given), field);
  kept.watcher = new ResizeObserver(() => {
    if (field.clientWidth) kept.plot.setSize({ width: field.clientWidth, height: HEIGHT });
  });
  kept.watcher.observe(field);
  kept.fillLegend(null);
  withKeys(kept, field);
};

const optionsOf = (kept, field) => {
  const { given } = kept.now;
  const ink = setting("--soft");
  const grid = setting("--line");
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: ink, font, ticks: { show: false }, grid: { stroke: grid, width: 1 } };
  let dragged = false;
  return {
    width: Math.max(field.clientWidth, 120), height: HEIGHT, padding: [10, 22, 0, 0], legend: { show: false },
    cursor: { y: false, drag: { x: !REPORT, y: false, setScale: false }, focus: { prox: given.kind === "line" ? 20 : -1 }, points: { size: 7 } },
    focus: { alpha: 0.35 },
    scales: {
      x: { range: () => [kept.now.view.from / 1000, kept.now.view.until / 1000] },
      y: { range: (_, low, high) => [0, roof(high, kept.now.given)] },
    },
    axes: [
      { ...axis, size: 26, space: 64, grid: { show: false }, values: (_, at) => at.map((s) => moment(s * 1000, kept.now.view.until - kept.now.view.from)) },
      { ...axis, size: (_, labels) => Math.max(52, ...(labels ?? []).map((label) => 12 + 6.5 * String(label).length)), space: 34, values: (_, at) => at.map((value) => given.tick(value)) },
    ],
    series: [{}, ...seriesOf(given)],
    hooks: {
      setCursor: [(plot) => {
        const step = plot.cursor.idx ?? null;
        if (step !== kept.at) kept.fillLegend(step);
      }],
      setSeries: [(_, place) => { kept.focused = place; }],
      setSelect: [(plot) => {
        dragged = plot.select.width > 6;
        if (!dragged) return;
        const [from, until] = [plot.select.left, plot.select.left + plot.select.width].map((at) => plot.posToVal(at, "x") * 1000);
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        zoom(from, until);
      }],
      draw: [(plot) => drawLimit(plot, kept.now.given)],
      ready: [(plot) => plot.over.addEventListener("click", () => {
        if (!dragged && kept.at !== null) kept.now.given.opened(kept.at, lineAt(kept));
        dragged = false;
      })],
    },
  };
};

// The line that the pointer is nearest to.
const lineAt = (kept) => {
  const { given } = kept.now;
  return given.kind === "line" && kept.focused ? given.lines[kept.focused - 1] : null;
};

const seriesOf = (given) => {
  const series = given.lines.map((line, place) => {
    const stroke = colour(line.name, place);
    if (given.kind === "line") {
      const few = line.values.filter((value) => value !== null).length < 45;
      return { stroke, width: 1.6, spanGaps: true, fill: given.filled ? `${stroke}22` : undefined,
        points: { show: few && !given.filled, size: 4, fill: stroke, width: 0 } };
    }
    return { stroke, fill: stroke, width: 0, paths: uPlot.paths.bars({ size: [0.82, 40], align: 0 }), points: { show: false } };
  });
  return given.kind === "line" ? series : series.reverse();
};

// How high the axis goes: over everything, and over the limit where that is not far away.
const roof = (high, given) => {
  const most = high > 0 ? high * 1.12 : 1;
  return given.limit && most > given.limit * 0.4 ? Math.max(most, given.limit * 1.12) : most;
};

const drawLimit = (plot, given) => {
  if (!given.limit || given.limit > plot.scales.y.max) return;
  const height = plot.valToPos(given.limit, "y", true);
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = setting("--bad");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, height);
  ctx.lineTo(bbox.left + bbox.width, height);
  ctx.stroke();
  ctx.restore();
};

// Arrow keys move along time; Enter shows what is behind it.
const withKeys = (kept, field) => {
  const go = (step) => {
    const { view, given } = kept.now;
    const to = Math.min(Math.max(step, 0), view.starts.length - 1);
    kept.plot.setCursor({ left: kept.plot.valToPos((view.starts[to] + view.step / 2) / 1000, "x"), top: 10 });
    kept.fillLegend(to);
    const values = given.lines.filter((line) => line.values[to]).map((line) => `${line.name} ${given.shown(line.values[to], false)}`);
    say(`${span(view, to)}: ${values.join(", ") || "nothing"}`);
  };
  field.addEventListener("keydown", (event) => {
    const last = kept.now.view.starts.length - 1;
    const from = kept.at ?? last + 1;
    const moves = { ArrowLeft: from - 1, ArrowRight: kept.at === null ? 0 : from + 1, Home: 0, End: last, PageUp: from - 10, PageDown: from + 10 };
    if (event.key in moves) go(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && kept.at !== null) kept.now.given.opened(kept.at, null);
    else return;
    event.preventDefault();
  });
  field.addEventListener("blur", () => {
    kept.plot.setCursor({ left: -10, top: -10 });
    kept.fillLegend(null);
  });
};

// A step of a view in words.
const span = (view, step) => {
  const long = view.until - view.from;
  return `${moment(view.starts[step], long)} – ${moment(view.starts[step] + view.step, long)}`;
};
