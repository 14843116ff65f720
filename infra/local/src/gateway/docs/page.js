// The page works without this: it adds the filter, opens what a link points at, and lets operations be tried.
"use strict";
document.documentElement.classList.add("script");

const opened = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target && target.closest("details");
  if (!details) return;
  details.open = true;
  details.scrollIntoView();
};
addEventListener("hashchange", opened);
opened();

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const item of document.querySelectorAll("[data-words]")) {
    item.hidden = !item.dataset.words.toLowerCase().includes(wanted);
  }
});

const request = (form) => {
  let path = form.dataset.path;
  const [query, headers] = [new URLSearchParams(), {}];
  for (const input of form.querySelectorAll("input")) {
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (!input.value) continue;
    else if (input.dataset.in === "query") query.set(input.name, input.value);
    else headers[input.name] = input.value;
  }
  const options = { method: form.dataset.method.toUpperCase(), headers };
  if (form.elements.body) {
    options.body = form.elements.body.value;
    headers["Content-Type"] = "application/json";
  }
  return [query.size ? `${path}?${query}` : path, options];
};

const readable = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

for (const form of document.querySelectorAll("form.try")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [shown, button] = [form.querySelector("output"), form.querySelector("button")];
    button.disabled = true;
    shown.textContent = "…";
    try {
      const answer = await fetch(...request(form));
      shown.textContent = `${answer.status} ${answer.statusText}\n${readable(await answer.text())}`;
    } catch (error) {
      shown.textContent = `no answer: ${error.message}`;
    }
    button.disabled = false;
  });
}
