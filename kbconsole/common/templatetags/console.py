"""Template tags of the console: badges, icons, ages, commands to copy. A builtin of the template engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django import template
from django.forms import (
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    RadioSelect,
    Select,
    SelectMultiple,
)
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from kbconsole.common.roles import roles_of
from kbconsole.common.sentences import Sentence
from kbconsole.common.templatetags import ages
from kbconsole.common.templatetags.badges import look_of

register = template.Library()
for tag in (ages.ago, ages.clock, ages.stamp, ages.age_words):
    register.simple_tag(tag)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of static/icons.svg; with a label it speaks, without one it is decoration."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', href)


@register.simple_tag
def badge(state: object, kind: str = "", label: str = "") -> SafeString:
    """Show a state as icon + word + colour; see `look_of` for `kind`. `label` replaces the word."""
    look = look_of(state, kind)
    return format_html(
        '<span class="badge-state tone-{}">{}<span>{}</span></span>',
        look.tone,
        icon(look.icon),
        label or look.word,
    )


@register.simple_tag
def copyable(text: object, label: str = "", inline: bool = False) -> SafeString:
    """Show a command or a name with a Copy button. The button appears with JavaScript only."""
    button = format_html(
        '<button type="button" class="btn btn-copy" data-copy data-copied="{}" aria-label="{}" hidden>{}'
        "<span>{}</span></button>",
        gettext("Copied"),
        gettext("Copy %(what)s") % {"what": label} if label else gettext("Copy"),
        icon("copy"),
        gettext("Copy"),
    )
    if inline:
        return format_html('<span class="copyable-inline"><code>{}</code>{}</span>', text, button)
    caption = format_html('<span class="copyable-label">{}</span>', label) if label else ""
    return format_html(
        '<div class="copyable">{}<pre><code>{}</code></pre>{}</div>', caption, str(text).strip("\n"), button
    )


@register.simple_tag
def sentence(stored: Any) -> str:
    """Show a stored `{"code", "params"}`, a Sentence or an expected failure in the reader's language."""
    if not stored:
        return ""
    if isinstance(stored, Mapping):
        return str(Sentence.from_json(stored))
    return str(stored)


@register.simple_tag
def disabled_button(label: str, reason: object, style: str = "primary") -> SafeString:
    """Show a button that cannot be used now, with the reason beside it; the keyboard still reaches it."""
    anchor = "why-" + hashlib.sha256(f"{label}\0{reason}".encode()).hexdigest()[:10]
    return format_html(
        '<span class="disabled-button"><button type="button" class="btn btn-{}" aria-disabled="true" '
        'aria-describedby="{}">{}</button><span class="reason" id="{}">{}</span></span>',
        style,
        anchor,
        label,
        anchor,
        reason,
    )


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, route: str, label: str, icon_name: str = "", count: int = 0) -> str:
    """Return a bar entry, or nothing for a route that does not exist. The page we are in is marked.

    A section is current while the path starts with its own; Home only when it is the page itself.
    """
    try:
        href = reverse(route)
    except NoReverseMatch:
        return ""
    path: str = getattr(context.get("request"), "path", "")
    here = path == href or (href != reverse_or_root("home") and path.startswith(href))
    current = mark_safe(' aria-current="page"') if path == href else mark_safe(' aria-current="true"')
    return format_html(
        '<li><a class="bar-link" href="{}"{}>{}<span>{}</span>{}</a></li>',
        href,
        current if here else "",
        icon(icon_name) if icon_name else "",
        label,
        format_html(' <span class="count">{}</span>', count) if count else "",
    )


def reverse_or_root(route: str) -> str:
    try:
        return reverse(route)
    except NoReverseMatch:
        return "/"


@register.filter
def role_names(user: Any) -> list[str]:
    """Return a person's roles in words."""
    words = {"dba": gettext("DBA"), "admin": gettext("Administrator"), "auditor": gettext("Auditor")}
    return [words.get(str(role), str(role)) for role in sorted(roles_of(user))]


@register.filter
def json_pretty(value: Any) -> str:
    """Return a JSON value as indented text with sorted keys."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str)


@register.filter
def ref(value: Mapping[str, str]) -> str:
    """Return an object's reference in words: "Pod demo/etcd-0", "ClusterRole kubeblocks-cluster-pod-role"."""
    name = "/".join(part for part in (value.get("namespace"), value.get("name")) if part)
    return f"{value.get('kind', '?')} {name}"


@register.filter
def touch_label(value: object) -> str:
    """Return what was done to an object, in a word."""
    return str(look_of(value, "touch").word)


@register.filter
def control(field: BoundField) -> SafeString:
    """Return a form field's control with Bootstrap's classes; Django adds the aria attributes."""
    widget = field.field.widget
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        name = "choices"
    elif isinstance(widget, CheckboxInput):
        name = "form-check-input"
    elif isinstance(widget, Select | SelectMultiple):
        name = "form-select"
    else:
        name = "form-control"
    classes = f"{widget.attrs.get('class', '')} {name}{' is-invalid' if field.errors else ''}".strip()
    return field.as_widget(attrs={"class": classes})


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Return whether the field is one box to tick, whose label stands after it."""
    return isinstance(field.field.widget, CheckboxInput)
