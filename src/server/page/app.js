// Puts the page together: who is there, what both sides are asked, what the server tells.
import {api, call, eventsOf, getJson, useKey} from "./api.js";
import {Column} from "./chat.js";
import {find} from "./dom.js";
import {LearningPanel} from "./learning.js";
import {watchMeters} from "./meters.js";

const AGAIN = 3000;  // ms until a lost connection is tried again

const panel = new LearningPanel(() => refresh().catch(error => panel.say(error.message)));
const options = () => ({temperature: Number(find("temperature").value),
                        max_tokens: Number(find("max-tokens").value)});
const onTaught = (adapter, {queue_length: queued}) => {
  panel.say(`Taken: ${queued} ${queued === 1 ? "correction" : "corrections"} for ${adapter} in the queue.`);
  panel.refresh();
};
const onBusy = () => {
  find("stop").disabled = !columns.some(column => column.busy);
};
const columns = ["on the left", "on the right"].map(
  title => new Column(title, {options, onTaught, onBusy, pupil: () => panel.name}));
find("columns").append(...columns.map(column => column.root));

async function refresh() {
  const [models, adapters] = await Promise.all([getJson("/v1/models"), getJson("/v1/adapters")]);
  const stored = adapters.data.filter(adapter => adapter.served).map(adapter => adapter.name);
  const all = models.data;
  await Promise.all([
    panel.setAdapters(stored),
    columns[0].setModels(all),
    columns[1].setModels(all, all.find(model => model.parent)?.id),
  ]);
}

function tellConnection(state, text) {
  find("connection").dataset.state = state;
  find("connection").textContent = text;
}

async function listen() {
  for (;;) {
    try {
      const response = await call("/v1/events");
      await refresh();
      tellConnection("live", "live");
      for await (const data of eventsOf(response)) panel.take(JSON.parse(data));
    } catch (error) {
      tellConnection("lost", error.status === 401 ? "a key is needed" : "not connected");
    }
    await new Promise(resume => {
      const timer = setTimeout(resume, AGAIN);
      find("key-form").addEventListener("submit", () => {
        clearTimeout(timer);
        resume();
      }, {once: true});
    });
  }
}

api.addEventListener("key-needed", () => {
  if (!find("key-form").hidden) return;
  find("key-form").hidden = false;
  find("key").focus();
});
find("key-form").addEventListener("submit", event => {
  event.preventDefault();
  useKey(find("key").value.trim());
  find("key-form").hidden = true;
});

async function ask() {
  const question = find("question").value.trim();
  if (!question) return;
  find("question").value = "";
  await Promise.all(columns.map(column => column.ask(question)));
}
find("ask").addEventListener("submit", event => {
  event.preventDefault();
  ask();
});
find("question").addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask();
});
find("stop").addEventListener("click", () => columns.forEach(column => column.stop()));
find("clear").addEventListener("click", () => columns.forEach(column => column.clear()));

listen();
watchMeters();
