// The panel of one adapter: its state, curves, versions and tiles, kept up to date by events.
import {getJson, postJson} from "./api.js";
import {Curves} from "./charts.js";
import {find, make, setChoices} from "./dom.js";
import {showTiles} from "./tiles.js";
import {showVersions} from "./versions.js";

const MOST_TOLD = 100;
const route = (name, rest) => `/v1/adapters/${encodeURIComponent(name)}${rest}`;

export class LearningPanel {
  /** `onChanged()`: adapters or their versions are not what they were. */
  constructor(onChanged) {
    this.onChanged = onChanged;
    this.select = find("adapter");
    this.curves = new Curves();
    this.running = false;
    this.select.addEventListener("change", () => this.refresh());
    find("train").addEventListener("click", () => this.act(() => postJson(
      route(this.name, "/training"), {state: this.running ? "stopped" : "running"})));
    find("rollback").addEventListener("click", () => this.act(
      () => postJson(route(this.name, "/rollback")), back => `${this.name} is back at version ${back.version}.`));
    find("create").addEventListener("submit", event => {
      event.preventDefault();
      this.create(find("new-name").value.trim());
    });
  }

  get name() {
    return this.select.value;
  }

  setAdapters(names) {
    setChoices(this.select, names.map(name => [name, name]));
    this.select.hidden = names.length === 0;
    return this.refresh();
  }

  say(text) {
    find("learning-said").textContent = text;
  }

  async act(action, told = () => "") {
    try {
      this.say(told(await action()));
    } catch (error) {
      this.say(error.message);
      return;
    }
    await this.onChanged();
  }

  async create(name) {
    await this.act(async () => {
      await postJson("/v1/adapters", {name});
      await postJson(route(name, "/training"), {state: "running"});
      find("new-name").value = "";
      this.select.append(make("option", {value: name, text: name}));
      this.select.value = name;
    }, () => `${name} is made and learns from corrections.`);
  }

  async refresh() {
    const name = this.name;
    for (const id of ["learning-body", "curves", "versions", "tiles"]) find(id).hidden = !name;
    if (!name) return;
    this.curves.show(name);
    try {
      const [status, list, placement] = await Promise.all(
        ["/training", "/versions", "/placement"].map(rest => getJson(route(name, rest))));
      if (name !== this.name) return;
      this.showStatus(status);
      this.curves.setVersions(list.data);
      showVersions(list, version => this.act(
        () => postJson(route(name, `/versions/${version}/promote`)),
        () => `${name} is served at version ${version}.`));
      showTiles(placement);
      find("rollback").disabled = list.current === 0;
    } catch (error) {
      this.say(error.message);
    }
  }

  showStatus(status) {
    this.running = status.state === "running";
    find("train").textContent = this.running ? "Stop learning" : "Start learning";
    const parts = [`Version ${status.version}${status.pinned ? ", pinned" : ""}`,
                   this.running ? "learns from corrections" : `learning ${status.state}`];
    if (status.queue_length > 0) {
      parts.push(status.queue_length < status.min_samples
        ? `${status.queue_length} queued, begins at ${status.min_samples} or with a correction`
        : `${status.queue_length} queued`);
    }
    if (status.sparsity !== null) parts.push(`${(100 * status.sparsity).toFixed(1)} % sparse`);
    if (status.problem) parts.push(status.problem);
    find("learning-state").textContent = parts.join(" · ");
  }

  /** Events as /v1/events has them. */
  take(event) {
    if (event.type === "training_step") {
      this.curves.addStep(event);
      if (event.adapter === this.name) {
        this.say(`Learning: step ${event.step}, loss ${event.loss?.toPrecision(3) ?? "–"}`);
      }
      return;
    }
    this.tell(event);
    if (event.adapter === this.name) this.say("");
    this.onChanged();
  }

  tell(event) {
    const who = `${event.adapter}@${event.version}`;
    const texts = {
      promotion: `${who} serves`, rejection: `${who} is kept aside`,
      load: `${who} is loaded`, error: `${event.adapter}: ${event.message}`,
    };
    const reason = (event.message ?? "").replace(/^(promoted|rejected): /, "");
    const why = reason && event.type !== "error" ? `: ${reason}` : "";
    const list = find("happened");
    list.prepend(make("li", {class: event.type},
                      make("time", {datetime: event.time, text: new Date(event.time).toLocaleTimeString()}),
                      (texts[event.type] ?? event.type) + why));
    while (list.children.length > MOST_TOLD) list.lastChild.remove();
  }
}
