// Figures in SVG: gauge, ring, heat.
const arc = (x, y, radius, from, until) => {
  const point = (turn) => {
    const angle = Math.PI * (1 + turn);
    return `${(x + radius * Math.cos(angle)).toFixed(2)} ${(y + radius * Math.sin(angle)).toFixed(2)}`;
  };
  return `M${point(from)} A${radius} ${radius} 0 ${until - from > 1 ? 1 : 0} 1 ${point(until)}`;
};

// A half circle; `share` of it is filled. `zones` are where it is good or not: `[until, state]` in order, 0 to 1.
const gauge = ({ share, zones, state, text, label }) => {
  const filledTo = share === null ? 0 : Math.min(Math.max(share, 0), 1);
  return element("div", { class: `gauge ${state}` },
    drawn("svg", { viewBox: "0 0 120 68", role: "img", "aria-label": label },
      drawn("path", { d: arc(60, 60, 50, 0, 1), class: "track" }),
      filledTo > 0 && drawn("path", { d: arc(60, 60, 50, 0, Math.max(filledTo, 0.012)), class: "filled" }),
      zones.map(([until, zone], place) => drawn("path", { d: arc(60, 60, 57.5, place ? zones[place - 1][0] + 0.008 : 0, until), class: `zone ${zone}` })),
    ),
    element("strong", {}, text));
};

// Parts of a whole.
const ring = (lines, label, chosen) => {
  const whole = lines.reduce((sum, line) => sum + line.whole, 0);
  let from = 0;
  const parts = lines.map((line, place) => {
    const turn = line.whole / whole;
    const start = from;
    from += turn;
    const angles = [start, Math.min(start + turn, start + 0.99999)].map((at) => 2 * at - 0.5);
    const part = drawn("path", { d: arc(60, 60, 44, angles[0] - 1, angles[1] - 1), class: "part" },
      drawn("title", {}, `${line.name}: ${plural(line.whole, "operation")}, ${percent(turn)}`));
    part.style.stroke = colour(line.name, place);
    part.addEventListener("click", () => chosen(line));
    return part;
  });
  return drawn("svg", { viewBox: "0 0 120 120", class: "ring", role: "img", "aria-label": label }, parts,
    drawn("text", { x: 60, y: 60, class: "ring-number" }, count(whole)),
    drawn("text", { x: 60, y: 76, class: "ring-word" }, whole === 1 ? "operation" : "operations"));
};

// Counts by step (across) and bound (up); only what is not nothing is drawn.
const heat = ({ counts, bounds, span, label, chosen }) => {
  const [wide, high, left, low] = [360, 150, 34, 18];
  // Bounds that nothing reached, above and below what there is, are left out.
  const used = bounds.map((_, row) => counts.some((step) => step[row] > 0));
  const [first, last] = [Math.max(used.indexOf(true) - 1, 0), Math.min(used.lastIndexOf(true) + 1, bounds.length - 1)];
  const rows = last - first + 1;
  const most = Math.max(...counts.flat());
  const [cell, row] = [(wide - left) / counts.length, (high - low) / rows];
  const cells = counts.flatMap((step, across) => step.flatMap((number, bound) => {
    if (!number) return [];
    const made = drawn("rect", {
      x: (left + across * cell).toFixed(2), y: ((last - bound) * row).toFixed(2),
      width: Math.max(cell - 0.6, 1.6).toFixed(2), height: Math.max(row - 1, 1).toFixed(2), class: "cell",
      "fill-opacity": (0.25 + 0.75 * (number / most)).toFixed(2),
    }, drawn("title", {}, `${span(across)}: ${number} took ${bounds[bound]}`));
    made.addEventListener("click", () => chosen(across));
    return [made];
  }));
  const names = bounds.slice(first, last + 1).map((bound, index) =>
    drawn("text", { x: left - 5, y: ((rows - 1 - index + 0.5) * row + 3.5).toFixed(2), class: "axis end" }, bound));
  const lines = bounds.slice(first, last + 1).map((_, index) =>
    drawn("path", { d: `M${left} ${((index + 1) * row).toFixed(2)}H${wide}`, class: "grid-line" }));
  const ticks = [0, Math.floor(counts.length / 2), counts.length - 1].map((across, place) =>
    drawn("text", { x: (left + (across + 0.5) * cell).toFixed(2), y: high - 4, class: `axis ${["start", "middle", "end"][place]}` },
      span(across).split("–")[0].trim()));
  return drawn("svg", { viewBox: `0 0 ${wide} ${high}`, class: "heat", role: "img", "aria-label": label }, lines, cells, names, ticks);
};
