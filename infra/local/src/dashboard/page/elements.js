// Elements, made by hand: text only ever becomes text, never markup.
const element = (name, properties = {}, ...children) =>
  filled(document.createElement(name), properties, children);

const drawn = (name, properties = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);

const filled = (made, properties, children) => {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return made;
};

const find = (id) => document.getElementById(id);

// Fills an element anew.
const put = (place, ...children) => {
  place.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
};

// The body of a panel, to be filled with something.
const body = (panel) => {
  find(`panel-${panel}`).classList.remove("quiet");
  return find(`panel-${panel}`).querySelector(".body");
};

// Text in which backticks mean code.
const prose = (text) => text.split("`").map((piece, at) => (at % 2 ? element("code", {}, piece) : piece));

// Says something to those who listen instead of looking.
const say = (text) => {
  find("said").textContent = text;
};

const setting = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The colours of lines, in order; what stands for the rest is grey.
const colour = (name, place) =>
  name === "other" || name === "idle" ? setting("--line-rest") : setting(`--line-${(place % 7) + 1}`);
