// Runs in the window of a note, on its own: nothing but its arguments is there.

/** Put the cursor before a passage, and show it; changes nothing. */
export function place(quote) {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const places = []; // where each character stands that is no space
  let text = "";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (let at = 0; at < node.data.length; at++) {
      if (node.data[at].trim()) {
        text += node.data[at];
        places.push([node, at]);
      }
    }
  }
  const found = places[text.indexOf(quote.replace(/\s/g, ""))] ?? [document.body, 0];
  getSelection().collapse(...found);
  found[0].parentElement?.scrollIntoView({ block: "center" });
  document.body.focus();
}
