"""A page as a browser would read it: tags in balance, addresses, words."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags in balance, and everything that could ask another server."""

    VOID = ("meta", "img", "link", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.tags, self.words = [], [], [], []
        self.names = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "srcset", "action", "data")]
        self.names += [v for k, v in attrs if k == "id"]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(f"{data} ")

    @property
    def text(self):
        return " ".join("".join(self.words).replace("\u202f", "").split())
