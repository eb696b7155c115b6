// Fills a page with its words.

export const say = browser.i18n.getMessage;

export function fill() {
  for (const element of document.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
}
