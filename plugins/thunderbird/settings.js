// What the options page sets. An empty preset is that of unflub's own configuration; `without` has
// the kinds of passage that are not spoken of, so that a kind that is new is.

const DEFAULTS = { on: true, preset: "", patience: 3, without: [] };

export function load() {
  return browser.storage.local.get(DEFAULTS);
}

export function save(changed) {
  return browser.storage.local.set(changed);
}
