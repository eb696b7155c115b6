// The connection to the program: `unflub native-host`, one process for as long as notes are written.

import { load } from "./settings.js";
import { say } from "./words.js";

const HOST = "io.github.unflub";
const PROTOCOL = 1;
// As much of a body as is looked at in a draft, too; pictures in it are no text.
const LONGEST = 256 * 1024;
const PICTURES = /data:image\/[^"'\s)>]*/g;

/** Why the program gave no answer: a sentence for the user. */
export class Trouble extends Error {}

let connection = null;

class Connection {
  #waiting = new Map();
  #overdue = new Set();
  #asked = 0;

  constructor() {
    this.port = browser.runtime.connectNative(HOST);
    this.port.onMessage.addListener((answer) => this.#take(answer));
    this.port.onDisconnect.addListener((port) => this.#end(port.error?.message ?? ""));
  }

  ask(question, seconds) {
    const slow = new Trouble(say("engineSlow", String(seconds)));
    if (this.#overdue.size) {
      throw slow; // no second mail waits for what kept one waiting in vain
    }
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#overdue.add(id);
        reject(slow);
      }, seconds * 1000);
      this.#waiting.set(id, { resolve, reject, timer });
      this.port.postMessage({ id, protocol: PROTOCOL, ...question });
    });
  }

  #take(answer) {
    const asked = this.#waiting.get(answer.id);
    clearTimeout(asked?.timer);
    asked?.resolve(answer);
    this.#waiting.delete(answer.id);
    this.#overdue.delete(answer.id);
  }

  #end(why) {
    if (connection === this) {
      connection = null;
    }
    const missing = why.startsWith("No such native application");
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Trouble(say(missing ? "engineMissing" : "engineGone")));
    }
  }
}

/** Start the program, so that it is ready when it is needed. */
export function connect() {
  connection ??= new Connection();
  return connection;
}

/** End the program: nobody is writing. */
export function disconnect() {
  connection?.port.disconnect();
  connection = null;
}

/** Ask the program; throws Trouble where it does not answer, or not in time. */
async function ask(question, seconds) {
  const { patience } = await load();
  const answer = await connect().ask(question, seconds ?? patience);
  if (answer.protocol !== PROTOCOL) {
    const older = answer.protocol > PROTOCOL ? "addonOld" : "engineOld";
    throw new Trouble(say(older, String(answer.version ?? "?")));
  }
  if (answer.error) {
    throw new Trouble(answer.error);
  }
  return answer;
}

/** Give the program's version and the kinds of passage it knows; no mail waits for that. */
export function greet() {
  return ask({ ask: "hello" }, 60);
}

/** Have a note judged; of the message, only its body and subject are told. */
export async function check(details) {
  const { preset, without } = await load();
  const html = !details.isPlainText;
  const body = html ? details.body.replace(PICTURES, "") : details.plainTextBody;
  const { subject } = details;
  return ask({ ask: "check", subject, body: body.slice(0, LONGEST), html, preset, without });
}

/** Have the program not bring these sentences up again. */
export function dismiss(digests) {
  return ask({ ask: "dismiss", digests });
}
