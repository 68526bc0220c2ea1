"""HTML from templates: values are escaped, and a value that is missing is an error.

A template is named `package/file.html` and lies in the folder `templates` of its package.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, **values: object) -> Markup:
    """Return a filled template.

    Args:
        template: e.g. `mug.render/document.html`.
        values: plain values are escaped; `Markup` is taken as HTML.

    Raises:
        jinja2.TemplateNotFound: for no such template.
        jinja2.UndefinedError: for a name of the template that has no value.
    """
    return _spelled(_environment().get_template(template).render(**values))


def fragment(template: str, macro: str, **values: object) -> Markup:
    """Return a filled macro of a template; see `render`."""
    return _spelled(getattr(_module(template), macro)(**values))


def style(package: str, *names: str) -> Markup:
    """Return style sheets of a package, one after the other, as the content of a style element."""
    folder = resources.files(package)
    return Markup("".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _module(template: str) -> object:
    return _environment().get_template(template).module


def _source(name: str) -> str | None:
    package, _, file = name.partition("/")
    path = resources.files(package).joinpath("templates", file)
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _spelled(html: str) -> Markup:
    """Quotes spelled as `html.escape` spells them, so that a page's bytes stay."""
    return Markup(str(html).replace("&#39;", "&#x27;").replace("&#34;", "&quot;"))
