// Layers × modules: how many components training has put where.
import {find, make} from "./dom.js";

/** `placement` as the route has it. */
export function showTiles(placement) {
  find("tiles-note").textContent = placement.components === 0
    ? `Version ${placement.version}: no components, the base as it is.`
    : `Version ${placement.version}: ${placement.components} components, ` +
      `at most ${placement.largest} in a module.`;
  const head = make("tr", {}, make("th", {scope: "col", text: "layer"}),
                    ...placement.modules.map(module => make("th", {
                      scope: "col", text: module.replace("_proj", ""), title: module})));
  const rows = placement.layers.map((counts, layer) => make(
    "tr", {}, make("th", {scope: "row", text: String(layer)}),
    ...counts.map(count => {
      const cell = make("td", {text: String(count), class: count === 0 ? "none" : null});
      cell.style.setProperty("--share", String(count / Math.max(1, placement.largest)));
      return cell;
    })));
  find("tiles-table").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
}
