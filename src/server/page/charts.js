// The curves: training loss as it falls, and of every version the loss on held-out samples
// and on what the base knew before.
import {find} from "./dom.js";

const KEPT = 600;         // points of the training curve
const DRAW_EVERY = 300;  // ms, while it grows
const colors = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Whole powers of ten at both ends, so that there is a line to read at each. */
function widen(axis) {
  axis.min = 10 ** Math.floor(Math.log10(axis.min));
  axis.max = 10 ** Math.ceil(Math.log10(axis.max));
}

function powerOfTen(value) {
  const power = Math.log10(value);
  return Math.abs(power - Math.round(power)) < 1e-6 ? String(+value.toPrecision(1)) : null;
}

function options(x) {
  return {
    animation: false, responsive: true, maintainAspectRatio: false,
    interaction: {mode: "nearest", axis: "x", intersect: false},
    scales: {x: {type: "linear", title: {display: true, text: x}, ticks: {maxTicksLimit: 8, precision: 0}},
             y: {type: "logarithmic", title: {display: true, text: "nats a token"},
                 afterDataLimits: widen, ticks: {autoSkip: false, callback: powerOfTen}}},
    plugins: {legend: {labels: {boxWidth: 10, boxHeight: 2}}},
  };
}

export class Curves {
  constructor() {
    this.adapter = "";
    this.training = new window.Chart(find("loss-chart"), {
      type: "line", options: options("step"),
      data: {datasets: [{label: "training loss", data: [], pointRadius: 0, borderWidth: 1.6}]}});
    this.training.options.plugins.legend.display = false;
    this.versions = new window.Chart(find("heldout-chart"), {
      type: "line", options: options("version"),
      data: {datasets: [
        {label: "held-out", data: [], borderWidth: 1.6, pointRadius: 4},
        {label: "known", data: [], borderWidth: 1.6, borderDash: [5, 3], pointRadius: 3}]}});
    this.paint();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  paint() {
    const lines = [colors("--accent"), colors("--second")];
    for (const chart of [this.training, this.versions]) {
      chart.data.datasets.forEach((set, i) => {
        set.borderColor = set.backgroundColor = lines[i];
      });
      for (const axis of Object.values(chart.options.scales)) {
        axis.grid = {color: colors("--line")};
        axis.ticks.color = colors("--faint");
        axis.title.color = colors("--faint");
      }
      chart.options.plugins.legend.labels.color = colors("--faint");
      chart.update();
    }
  }

  /** What was seen of another adapter's training; kept while the tab is open. */
  show(adapter) {
    if (adapter === this.adapter) return;
    this.adapter = adapter;
    this.points = JSON.parse(sessionStorage.getItem(`hyprstream.loss.${adapter}`) ?? "[]");
    this.training.data.datasets[0].data = this.points;
    this.training.update();
  }

  addStep(event) {
    if (event.adapter !== this.adapter || !(event.loss > 0)) return;
    this.points.push({x: (this.points.at(-1)?.x ?? 0) + 1, y: event.loss});
    if (this.points.length > KEPT) this.points.splice(0, this.points.length - KEPT);
    this.due ??= setTimeout(() => this.drawSteps(), DRAW_EVERY);
  }

  drawSteps() {
    this.due = undefined;
    this.training.update();
    const last = this.points.at(-1);
    if (!last) return;
    this.training.canvas.setAttribute(
      "aria-label", `Training loss by step: ${last.y.toPrecision(3)} after ${last.x} steps`);
    try {
      sessionStorage.setItem(`hyprstream.loss.${this.adapter}`, JSON.stringify(this.points));
    } catch {
      // The tab's storage is full: the curve is drawn, and gone when the page is loaded again.
    }
  }

  /** `versions` as the route has them. */
  setVersions(versions) {
    const points = key => versions.filter(v => v[key] !== null).map(v => ({x: v.version, y: v[key]}));
    this.versions.data.datasets[0].data = points("heldout_loss");
    this.versions.data.datasets[1].data = points("general_loss");
    this.versions.options.scales.x.min = 0;
    this.versions.options.scales.x.suggestedMax = 3;
    this.versions.update();
    const told = points("heldout_loss").slice(-5).map(p => `version ${p.x} ${p.y.toPrecision(3)}`);
    this.versions.canvas.setAttribute("aria-label",
                                      `Held-out loss by version: ${told.join(", ") || "none yet"}`);
  }
}
