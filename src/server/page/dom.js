// Elements, made without markup: whatever comes from the server becomes text.

/** `properties`: attributes; "class", "text" and "onclick"-like ones are set as what they are. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null));
  return element;
}

export const find = id => document.getElementById(id);

/** Replaces the choices of a select and keeps what is chosen, if it is still there. */
export function setChoices(select, choices, otherwise) {
  const before = select.value;
  select.replaceChildren(...choices.map(([value, text]) => make("option", {value, text})));
  const values = choices.map(([value]) => value);
  select.value = values.includes(before) ? before : otherwise ?? values[0] ?? "";
}

export const shortNumber = value =>
  value === null || value === undefined ? "–"
    : value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toFixed(3);
