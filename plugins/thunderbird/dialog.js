// The window that shows what was found, and asks what to do; it decides nothing itself.

import { fill, say } from "./words.js";

const number = Number(new URLSearchParams(location.search).get("number"));
const element = (id) => document.getElementById(id);

function tell(what) {
  return browser.runtime.sendMessage({ number, ...what });
}

function put(id, text) {
  element(id).textContent = text;
  element(id).hidden = !text;
}

function listed(found) {
  const item = document.importNode(element("passage").content, true).firstElementChild;
  item.querySelector(".deed").textContent = found.deed;
  item.querySelector(".quote").textContent = `“${found.quote}”`;
  item.querySelector(".reason").textContent = found.reason;
  return item;
}

function step({ gist, rest }) {
  const item = document.createElement("li");
  const strong = document.createElement("strong");
  strong.textContent = gist;
  item.append(strong, ` ${rest}`);
  return item;
}

function show({ found, sending }) {
  document.title = found.heading;
  put("heading", found.heading);
  put("lead", found.lead);
  element("found").hidden = !found.passages.length;
  element("passages").replaceChildren(...found.passages.map(listed));
  put("share", found.share);
  put("folded", found.folded);
  put("why", found.why);
  put("instead", found.instead);
  element("steps").replaceChildren(...found.steps.map(step));
  put("letter", found.letter);
  const flub = found.passages.length > 0;
  element("edit").hidden = element("dismiss").hidden = !flub;
  element("send").hidden = !(flub && sending);
  element("close").hidden = sending;
  put("note", flub ? say(sending ? "dismissAndSend" : "dismissOnly") : "");
  element(flub ? "edit" : "close").focus();
}

fill();
for (const button of document.querySelectorAll("button")) {
  button.addEventListener("click", () => tell({ choice: button.id }));
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    tell({ choice: "edit" });
  }
});
// A word now and then keeps the background page, which waits for the choice, from being put away.
setInterval(() => tell({ choice: null }), 10_000);
show(await tell({ choice: "show" }));
