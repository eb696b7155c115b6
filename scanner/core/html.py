"""HTML of a message to text, with the parts its author did not write marked or taken out.

Quoted parts become a line ">", the mark that plain text uses, so that one place
(`owntext`) decides what an attribution, a forward or an interleaved reply means.
Signatures that a client marks as such are taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import lxml.etree
import lxml.html
from inscriptis import Inscriptis
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig
from lxml.html import HtmlElement

from scanner.core.attribution import header_block, is_attribution

_QUOTE_CLASSES = frozenset(
    {
        "moz-forward-container",  # Thunderbird, forwards
        "OutlookMessageHeader",  # Outlook 2003
        "protonmail_quote",
        "tutanota_quote",
        "yahoo_quoted",
        "zmail_extra",  # Zoho
    }
)
_QUOTE_IDS = frozenset({"OLK_SRC_BODY_SECTION", "isForwardContent", "isReplyContent"})
_CUT_IDS = frozenset(
    {
        "appendonsend",  # Outlook on the web: what follows is the quoted message
        "divRplyFwdMsg",
        "mail-editor-reference-message-container",  # the new Outlook
        "zwchr",  # Zimbra
    }
)
_SIGNATURE_CLASSES = frozenset(
    {
        "gmail_signature",
        "gmail_signature_prefix",
        "moz-signature",
        "protonmail_signature_block",
        "ymail_android_signature",
    }
)
_SIGNATURE_IDS = frozenset(
    {
        "AppleMailSignature",
        "Signature",  # Outlook on the web
        "_rc_sig",  # Roundcube
        "ms-outlook-mobile-signature",
        "ymail_android_signature",
    }
)

_QUOTE_LINE = ">"
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u2060\ufeff\u00ad"))
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_PREFORMATTED = re.compile(r"white-space\s*:\s*(pre(?:-wrap|-line)?)\b", re.IGNORECASE)
_BORDER_TOP = re.compile(r"border-top\s*:\s*(?!none)", re.IGNORECASE)

_CONTROLS = dict.fromkeys({*range(32), 127} - {9, 10, 13})


def text_of_html(markup: str, most_tags: int) -> str:
    """Give the text a reader sees, quoted parts as lines ">", paragraphs parted by blank lines.

    Markup is cut after so many tags, because layout takes time for each.
    """
    tree = _tree("<".join(markup.split("<", most_tags + 1)[: most_tags + 1]))
    if tree is None:
        return ""
    for element in list(tree.iter()):
        _mark(element)
    for element in list(tree.iter()):
        _unstyle(element)
    text = Inscriptis(tree, ParserConfig(css=STRICT_CSS_PROFILE.copy())).get_text()
    return "\n".join(_tidied(text.translate(_INVISIBLE).replace("\xa0", " ")))


def _tree(markup: str) -> HtmlElement | None:
    # Bytes, because lxml refuses a string that carries an XML encoding declaration.
    # Nor does it take control characters where it hands text back.
    source = markup.translate(_CONTROLS).encode("utf-8", "replace")
    # Otherwise all that follows after 256 elements in one another is lost without a word.
    parser = lxml.html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        return lxml.html.document_fromstring(source, parser=parser)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError):
        return None  # markup without a single element or word


def _mark(element: HtmlElement) -> None:
    """Turn a quoted part into ">"; take out a signature and what is not shown."""
    if element.getparent() is None or element.tag in ("html", "body"):
        return
    if _opens_quoted_rest(element):
        _drop_following(element)
        _replace_by_quote_line(element)
    elif _is_quote(element):
        _replace_by_quote_line(element)
    elif _is_signature(element) or _HIDDEN.search(element.get("style", "")):
        element.drop_tree()


def _classes(element: HtmlElement) -> set[str]:
    return set(element.get("class", "").split())


def _is_signature(element: HtmlElement) -> bool:
    return element.get("id") in _SIGNATURE_IDS or not _SIGNATURE_CLASSES.isdisjoint(
        _classes(element)
    )


def _is_quote(element: HtmlElement) -> bool:
    if element.tag == "blockquote":
        return _is_cited(element)
    classes = _classes(element)
    return (
        not _QUOTE_CLASSES.isdisjoint(classes)
        or element.get("id") in _QUOTE_IDS
        or element.get("name") == "quote"  # GMX, web.de
        or (_is_gmail_quote(classes) and element.find(".//blockquote") is None)
    )


def _is_gmail_quote(classes: set[str]) -> bool:
    """Tell the container in which Gmail wraps attribution, quotes and the replies between them.

    One without a blockquote is a forward, and no word in it is the writer's.
    """
    return not classes.isdisjoint({"gmail_quote", "gmail_quote_container"})


def _is_cited(blockquote: HtmlElement) -> bool:
    """Tell a blockquote that quotes a message from one the writer made to indent."""
    if blockquote.get("type") == "cite" or blockquote.get("cite"):
        return True
    return "gmail_quote" in _classes(blockquote) or is_attribution(_text_before(blockquote))


def _text_before(element: HtmlElement) -> str:
    """Give the words right above an element, as far as an attribution may be long."""
    before = element.getprevious()
    parent = element.getparent()
    if before is None:
        words = (parent.text or "") if parent is not None else ""
    elif (before.tail or "").strip():
        words = before.tail
    else:
        words = "".join(before.itertext()) or _text_before_break(before)
    return " ".join(words.split())


def _text_before_break(element: HtmlElement) -> str:
    """Give the words above an empty element (a `<br>`): of the one before it, or its parent."""
    before = element.getprevious()
    if before is None:
        parent = element.getparent()
        return (parent.text or "") if parent is not None else ""
    return before.tail or "".join(before.itertext())


def _opens_quoted_rest(element: HtmlElement) -> bool:
    """Whether everything from here on is the quoted message, without an end mark."""
    if element.get("id") in _CUT_IDS or element.get("data-marker") == "__DIVIDER__":
        return True
    return element.tag == "div" and bool(
        _BORDER_TOP.search(element.get("style", "")) and _starts_with_fields(element)
    )


def _starts_with_fields(element: HtmlElement) -> bool:
    """Tell what Outlook for the desktop puts above a quote: "From: ... Sent: ..." in a box."""
    words = re.sub(r"\s+", " ", "".join(element.itertext())[:1000]).strip()
    fields = re.sub(r"(?<=\S) (?=[\w-]{1,20}(?: \w{1,10})?\s?:\s)", "\n", words)
    return header_block(fields.split("\n"), 0) > 0


def _drop_following(element: HtmlElement) -> None:
    """Drop what comes after `element` in the document, at every level above it."""
    node: HtmlElement | None = element
    while node is not None and node.tag != "html":
        node.tail = None
        for sibling in list(node.itersiblings()):
            sibling.getparent().remove(sibling)
        node = node.getparent()


def _replace_by_quote_line(element: HtmlElement) -> None:
    tail = element.tail
    element.clear()
    element.tag = "div"
    element.text = _QUOTE_LINE
    element.tail = tail


def _unstyle(element: HtmlElement) -> None:
    """Leave no layout but line breaks: no columns, no padding, no margins."""
    if element.tag in ("table", "tr", "td", "th", "caption"):
        element.tag = "div"
    style = element.attrib.pop("style", "")
    if preformatted := _PREFORMATTED.search(style):
        element.set("style", f"white-space: {preformatted[1].lower()}")


def _tidied(text: str) -> Iterator[str]:
    """Lines without margins, and never more than one blank line in a row."""
    blank = True
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped or not blank:
            yield stripped
        blank = not stripped
