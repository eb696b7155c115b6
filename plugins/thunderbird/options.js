// The options page: every change is saved at once.

import { Trouble, greet } from "./engine.js";
import { load, save } from "./settings.js";
import { fill, say } from "./words.js";

const element = (id) => document.getElementById(id);

function category([name, deed], without) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.name = name;
  box.checked = !without.includes(name);
  box.addEventListener("change", () => save({ without: unwanted() }));
  label.append(box, ` ${deed}`);
  return label;
}

function unwanted() {
  const boxes = element("categories").querySelectorAll("input:not(:checked)");
  return Array.from(boxes, (box) => box.name);
}

async function test() {
  element("tested").textContent = say("testing");
  try {
    const { version, categories } = await greet();
    const { without } = await load();
    const boxes = Object.entries(categories).map((one) => category(one, without));
    element("categories").replaceChildren(...boxes);
    element("tested").textContent = say("connected", version);
  } catch (error) {
    if (!(error instanceof Trouble)) {
      throw error;
    }
    element("tested").textContent = error.message;
  }
}

fill();
const { on, preset, patience } = await load();
element("on").checked = on;
element("preset").value = preset;
element("patience").value = patience;
element("on").addEventListener("change", (event) => save({ on: event.target.checked }));
element("preset").addEventListener("change", (event) => save({ preset: event.target.value }));
element("patience").addEventListener("change", (event) => {
  if (event.target.reportValidity()) {
    save({ patience: event.target.valueAsNumber });
  }
});
element("test").addEventListener("click", test);
await test();
