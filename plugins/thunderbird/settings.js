// What the options page sets. An empty preset is that of unflub's own configuration. `without`
// lists the kinds of passage that are not spoken of, and not those that are: so a new kind is.

const DEFAULTS = { on: true, preset: "", patience: 3, without: [] };

export function load() {
  return browser.storage.local.get(DEFAULTS);
}

export function save(changed) {
  return browser.storage.local.set(changed);
}
