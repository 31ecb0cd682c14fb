// One of the columns: who speaks in it, and the conversation so far.
import {getJson} from "./api.js";
import {Answer} from "./answer.js";
import {make, setChoices} from "./dom.js";

export class Column {
  /**
   * `title`: for those who do not see the page. `options()`: of a request. `onBusy()`: an answer
   * begins or ends. The rest as Answer has it.
   */
  constructor(title, {options, onTaught, pupil, onBusy}) {
    this.options = options;
    this.onBusy = onBusy;
    this.chosen = false;  // the speaker, by whoever looks at the page
    this.hooks = {onTaught, pupil};
    this.turns = [];  // {question, answers: [Answer]}
    this.models = [];
    this.adapters = new Set();
    this.speaker = make("select", {"aria-label": `Who answers ${title}`,
                                   onchange: () => {
                                     this.chosen = true;
                                     this.refreshVersions();
                                   }});
    this.version = make("select", {"aria-label": `Version that answers ${title}`});
    this.empty = make("p", {class: "empty"});
    this.talk = make("div", {class: "talk", role: "log", tabindex: "0",
                             "aria-label": `Conversation ${title}`}, this.empty);
    this.root = make("section", {class: "column", "aria-label": `Chat ${title}`},
                     make("div", {class: "column-head"}, this.speaker, this.version), this.talk);
    this.controller = null;
  }

  /** `models` as /v1/models has them. `otherwise`: who speaks while nobody has been chosen. */
  setModels(models, otherwise) {
    this.adapters = new Set(models.filter(model => model.parent).map(model => model.id));
    setChoices(this.speaker, models.map(
      model => [model.id, model.parent ? `${model.id} over ${model.parent}` : model.id]), otherwise);
    if (!this.chosen && otherwise) this.speaker.value = otherwise;
    return this.refreshVersions();
  }

  async refreshVersions() {
    const name = this.speaker.value;
    const choices = [["", "current"]];
    if (this.adapters.has(name)) {
      try {
        const list = await getJson(`/v1/adapters/${encodeURIComponent(name)}/versions`);
        if (name !== this.speaker.value) return;
        choices[0][1] = `current (${list.current})`;
        choices.push(...[...list.data].reverse().map(v => [`@${v.version}`, `version ${v.version}`]));
        choices.push(["@0", "version 0"]);
      } catch {
        // An adapter that was loaded from a file has no versions to choose from.
      }
    }
    this.version.hidden = choices.length === 1;
    setChoices(this.version, choices);
    this.empty.textContent = this.adapters.has(name)
      ? "Ask something. When the answer is wrong, say what it should be: it learns while it goes on answering."
      : "The base, which never changes. Compare it with what an adapter has learned.";
  }

  get model() {
    return this.speaker.value + this.version.value;
  }

  /** The conversation before turn `until`, by each turn's last answer. */
  before(until) {
    return this.turns.slice(0, until).flatMap(turn => [
      {role: "user", content: turn.question},
      {role: "assistant", content: turn.answers.at(-1).text}]);
  }

  ask(question) {
    this.empty.remove();
    const turn = {question, answers: [], root: make("div", {class: "answer"})};
    this.talk.append(make("p", {class: "asked", text: question}), turn.root);
    this.turns.push(turn);
    return this.answer(turn);
  }

  async answer(turn) {
    this.stop();
    const controller = this.controller = new AbortController();
    const messages = [...this.before(this.turns.indexOf(turn)),
                      {role: "user", content: turn.question}];
    for (const answer of turn.answers) answer.root.classList.add("older");
    const answer = new Answer(messages, {...this.hooks, onAgain: () => this.answer(turn)});
    turn.answers.push(answer);
    turn.root.append(answer.root);
    this.onBusy();
    answer.root.scrollIntoView({block: "nearest"});
    await answer.stream(this.model, this.options(), controller.signal);
    answer.root.scrollIntoView({block: "nearest"});
    if (this.controller === controller) this.controller = null;
    this.onBusy();
  }

  get busy() {
    return this.controller !== null;
  }

  stop() {
    this.controller?.abort();
    this.controller = null;
  }

  clear() {
    this.stop();
    this.turns = [];
    this.talk.replaceChildren(this.empty);
  }
}
