// The table of an adapter's versions with what they were judged by.
import {find, make, shortNumber} from "./dom.js";

/** `list` as the route has it; `choose(version)` makes one current. */
export function showVersions(list, choose) {
  const base = {version: 0, status: "base", heldout_loss: null, general_loss: null, samples: 0};
  const rows = [...list.data].reverse().concat(base).map(version => {
    const current = version.version === list.current;
    const button = current
      ? make("span", {class: "note", text: "serves"})
      : make("button", {type: "button", text: "Promote", "aria-label": `Promote version ${version.version}`,
                        onclick: () => choose(version.version)});
    return make("tr", {class: current ? "current" : null, "aria-current": current ? "true" : null},
                make("th", {scope: "row", text: String(version.version), title: version.hash}),
                make("td", {text: version.status, class: version.status === "rejected" ? "rejected" : null}),
                make("td", {class: "number", text: shortNumber(version.heldout_loss)}),
                make("td", {class: "number", text: shortNumber(version.general_loss)}),
                make("td", {class: "number", text: String(version.samples)}),
                make("td", {}, button));
  });
  find("version-rows").replaceChildren(...rows);
}
