// Runs in the window of a note, on its own: nothing but its arguments is there.

/** Put the cursor before a passage, and show it; changes nothing. */
export function place(quote) {
  const unseen = /[\s\u00ad\u200b\u200c\u2060\ufeff]/g; // a quote may have others, or none of them
  const least = 12; // characters: so many tell a place from all others
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const places = []; // where each character stands that is seen
  let text = "";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (let at = 0; at < node.data.length; at++) {
      if (node.data[at].replace(unseen, "")) {
        text += node.data[at];
        places.push([node, at]);
      }
    }
  }
  // Where it goes on over items of a list, the quote has their marks, and the document has not.
  let known = quote.replace(unseen, "");
  while (known.length > least && !text.includes(known)) {
    known = known.slice(0, -1);
  }
  const found = places[text.indexOf(known)] ?? [document.body, 0];
  getSelection().collapse(...found);
  found[0].parentElement?.scrollIntoView({ block: "center" });
  document.body.focus();
}
