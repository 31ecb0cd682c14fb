// One answer as it streams in, with the form that says what it should have been.
import {call, eventsOf, postJson} from "./api.js";
import {make} from "./dom.js";

export class Answer {
  /**
   * `messages`: what is answered. `onTaught(adapter, result)` after a correction was taken;
   * `pupil()` names the adapter that learns from corrections of the base's answers, or "".
   */
  constructor(messages, {onTaught, onAgain, pupil}) {
    this.messages = messages;
    this.onTaught = onTaught;
    this.pupil = pupil;
    this.text = "";
    this.version = "";
    this.id = "";
    this.thought = make("p");
    this.thinking = make("details", {class: "thought", hidden: true},
                         make("summary", {text: "Thoughts"}), this.thought);
    this.body = make("div", {class: "answer-text"});
    this.told = make("span");
    this.wrong = make("button", {type: "button", text: "That’s wrong…", "aria-expanded": "false",
                                 onclick: () => this.openForm()});
    this.again = make("button", {type: "button", text: "Ask again", onclick: onAgain});
    this.versionLabel = make("span", {class: "version"});
    this.foot = make("div", {class: "answer-foot", hidden: true}, this.versionLabel, this.told,
                     make("span", {class: "grow"}), this.wrong, this.again);
    this.root = make("article", {class: "answer", "aria-busy": "true", "aria-label": "Answer"},
                     this.thinking, this.body, this.foot);
  }

  async stream(model, options, signal) {
    const begin = performance.now();
    try {
      const response = await call("/v1/chat/completions", {
        method: "POST", signal,
        body: {model, messages: this.messages, stream: true,
               stream_options: {include_usage: true}, ...options},
      });
      this.setVersion(response.headers.get("x-hyprstream-adapter-version") ?? model);
      let usage = null;
      for await (const data of eventsOf(response)) {
        if (data === "[DONE]") break;
        const chunk = JSON.parse(data);
        if (chunk.error) throw new Error(chunk.error.message);
        this.id = chunk.id;
        usage = chunk.usage ?? usage;
        this.add(chunk.choices[0]?.delta ?? {});
      }
      if (usage) this.tellSpeed(usage.completion_tokens, performance.now() - begin);
    } catch (error) {
      this.body.append(make("span", {
        class: "failed", text: error.name === "AbortError" ? " (stopped)" : ` ${error.message}`}));
      this.wrong.hidden = this.id === "";
    } finally {
      this.root.setAttribute("aria-busy", "false");
      this.foot.hidden = false;
    }
  }

  add(delta) {
    if (delta.reasoning_content) {
      this.thinking.hidden = false;
      this.thought.textContent += delta.reasoning_content;
    }
    if (delta.content) {
      this.text += delta.content;
      this.body.textContent = this.text;
    }
  }

  setVersion(version) {
    this.version = version;
    this.versionLabel.textContent = version;
    this.root.dataset.version = version;
  }

  tellSpeed(tokens, milliseconds) {
    this.told.textContent = `${tokens} tokens in ${(milliseconds / 1000).toFixed(1)} s`;
  }

  /** The base itself does not learn: its corrections become samples of the adapter that is shown. */
  get teaches() {
    return this.version === "base" || this.version === "" ? this.pupil() : this.version.split("@")[0];
  }

  openForm() {
    if (this.form) {
      this.closeForm();
      return;
    }
    const adapter = this.teaches;
    const field = make("textarea", {rows: "2", required: true});
    field.value = this.text.trim();
    const label = make("label", {}, "It should be:", field);
    const said = make("span", {role: "status", class: "grow"});
    const teach = make("button", {type: "submit", class: "primary", text: "Teach"});
    const cancel = make("button", {type: "button", class: "quiet", text: "Cancel",
                                   onclick: () => this.closeForm()});
    if (!adapter) {
      said.textContent = "The base does not learn: create an adapter first.";
      teach.disabled = true;
    } else {
      said.textContent = `${adapter} learns it.`;
    }
    this.form = make("form", {class: "correction"}, label,
                     make("div", {class: "row"}, said, cancel, teach));
    this.form.addEventListener("submit", event => {
      event.preventDefault();
      this.teach(adapter, field.value, said, teach);
    });
    this.form.addEventListener("keydown", event => {
      if (event.key === "Escape") this.closeForm();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    this.root.append(this.form);
    this.wrong.setAttribute("aria-expanded", "true");
    field.focus();
    field.select();
  }

  closeForm() {
    this.form?.remove();
    this.form = null;
    this.wrong.setAttribute("aria-expanded", "false");
    this.wrong.focus();
  }

  async teach(adapter, correction, said, button) {
    button.disabled = true;
    try {
      const result = this.version === "base"
        ? await postJson(`/v1/adapters/${encodeURIComponent(adapter)}/samples`,
                         {messages: [...this.messages, {role: "assistant", content: correction}]})
        : await postJson("/v1/feedback", {completion_id: this.id, score: -1, correction});
      this.closeForm();
      this.wrong.textContent = "Corrected";
      this.onTaught(adapter, result);
    } catch (error) {
      said.textContent = error.message;
      said.className = "grow failed";
      button.disabled = false;
    }
  }
}
