"""HTML pages that need nothing else: a template that lies in a package of ours, filled in."""

from __future__ import annotations

from typing import Any


def render(package: str, template: str, **values: Any) -> str:
    """The page; everything in it is escaped, and a name that the template does not get is an error."""
    import jinja2  # noqa: PLC0415  (start-up)

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)
