// What happens when: a note is about to be sent, the button is pressed, a window opens or closes.
//
// Thunderbird keeps the window of a note locked until it is told whether to send. So whatever goes
// wrong here, it is told, and the mail goes.

import { Trouble, check, connect, disconnect, dismiss } from "./engine.js";
import { place } from "./place.js";
import { load } from "./settings.js";
import { say } from "./words.js";

const COMPOSING = "messageCompose";
const dialogs = new Map(); // by their number: what each shows, its windows, and who waits for it
let last = 0;

async function beforeSend(tab, details) {
  try {
    if (!(await load()).on) {
      return {};
    }
    const found = await check(details);
    await browser.storage.session.remove("said");
    if (!found.passages.length) {
      return {};
    }
    const choice = await asked(tab, found, true);
    return { cancel: choice === "edit" };
  } catch (error) {
    await once(error).catch(console.error);
    return {};
  }
}

async function checkNow(tab) {
  const open = Array.from(dialogs.values()).find((one) => one.composing === tab.windowId);
  if (open) {
    await browser.windows.update(open.shown, { focused: true });
    return;
  }
  let found;
  try {
    found = await check(await browser.compose.getComposeDetails(tab.id));
  } catch (error) {
    found = { heading: say("unchecked"), lead: sentence(error), passages: [], steps: [] };
  }
  await asked(tab, found, false);
}

/** Show what was found and give what the user chooses; to close the window is to go back. */
async function asked(tab, found, sending) {
  const number = ++last;
  const choice = new Promise((resolve) => {
    dialogs.set(number, { found, sending, resolve, composing: tab.windowId });
  });
  const url = `dialog.html?number=${number}`;
  const size = { width: 640, height: 720 };
  const window = await browser.windows.create({ type: "popup", url, ...size }).catch((error) => {
    dialogs.delete(number); // else the button would look for a window that never came
    throw error;
  });
  const dialog = dialogs.get(number);
  dialog.shown = window.id;
  // It may have been closed before anybody listened for that.
  await browser.windows.get(window.id).catch(() => dialog.resolve("edit"));
  const chosen = await choice;
  dialogs.delete(number);
  if (chosen === "dismiss") {
    await dismiss(found.digests).catch((error) => tell(say("notDismissed", sentence(error))));
  }
  await browser.windows.remove(window.id).catch(() => {}); // it may be closed already
  if (chosen === "edit" && found.passages.length) {
    setTimeout(() => goTo(tab, found.passages[0].quote)); // when the window is unlocked
  }
  return chosen;
}

async function goTo(tab, quote) {
  await browser.windows.update(tab.windowId, { focused: true });
  const target = { tabId: tab.id };
  await browser.scripting.executeScript({ target, func: place, args: [quote] });
}

/** Say what is wrong, once for each trouble, until all is well again. */
async function once(error) {
  const { said } = await browser.storage.session.get("said");
  if (said !== sentence(error)) {
    await browser.storage.session.set({ said: sentence(error) });
    await tell(say("letItGo", sentence(error)));
  }
}

function tell(message) {
  const iconUrl = browser.runtime.getURL("icons/unflub.svg");
  const title = say("name");
  return browser.notifications.create({ type: "basic", iconUrl, title, message });
}

function sentence(error) {
  return error instanceof Trouble ? error.message : say("engineGone");
}

function answered({ number, choice }) {
  const dialog = dialogs.get(number);
  if (choice === "show") {
    return Promise.resolve({ found: dialog.found, sending: dialog.sending });
  }
  if (choice) {
    dialog?.resolve(choice);
  }
  return undefined;
}

async function opened({ type }) {
  if (type === COMPOSING && (await load()).on) {
    connect();
  }
}

async function closed(windowId) {
  for (const dialog of dialogs.values()) {
    if (dialog.shown === windowId || dialog.composing === windowId) {
      dialog.resolve("edit");
    }
  }
  const windows = await browser.windows.getAll({ windowTypes: [COMPOSING] });
  if (!windows.length) {
    disconnect();
  }
}

browser.compose.onBeforeSend.addListener(beforeSend);
browser.composeAction.onClicked.addListener(checkNow);
browser.runtime.onMessage.addListener(answered);
browser.windows.onRemoved.addListener(closed);
browser.windows.onCreated.addListener(opened);
