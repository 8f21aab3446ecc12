"""What a person sees of states, ages, commands and forms."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django import forms
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.test import RequestFactory
from django.urls import path
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare, say
from kbconsole.common.templatetags.ages import age_text
from kbconsole.common.templatetags.badges import LOOKS

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
declare({"uitest.twice": _("%(name)s was seen %(count)s times.")})


def page(request: HttpRequest) -> HttpResponse:
    raise AssertionError("only its address is used")


urlpatterns = [path("", page, name="home"), path("fleet/", page, name="fleet")]


def render(text: str, **context: object) -> str:
    engine = Engine(
        dirs=[str(ROOT / "templates")],
        libraries={"i18n": "django.templatetags.i18n", "static": "django.templatetags.static"},
        builtins=["kbconsole.common.templatetags.console"],
    )
    return engine.from_string(text).render(Context(context))


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("kind", LOOKS)
def test_every_state_has_a_word_an_icon_that_exists_and_a_tone_of_the_stylesheet(kind: str) -> None:
    icons = set(re.findall(r'symbol id="([^"]+)"', Path(str(finders.find("icons.svg"))).read_text()))
    tones = set(re.findall(r"\.tone-(\w+)", Path(str(finders.find("app.css"))).read_text()))
    for state, look in LOOKS[kind].items():
        html = render("{% badge state kind %}", state=state, kind=kind)
        assert words(html) == str(look.word) != ""
        assert look.icon in icons and look.tone in tones


def test_a_state_that_nobody_knows_is_grey_and_never_green() -> None:
    assert "tone-quiet" in render("{% badge 'half_done' %}")
    assert words(render("{% badge 'half_done' %}")) == "half done"
    assert words(render("{% badge None %}")) == "unknown"


def test_one_word_of_two_lifecycles_is_told_apart_by_its_kind() -> None:
    assert words(render("{% badge 'waiting' 'placement' %}")) == "Waiting for approval"
    assert words(render("{% badge 'waiting' 'run' %}")) == "Waiting"


def test_a_badge_escapes_its_text() -> None:
    html = render("{% badge state %}{% badge 'failed' label=state %}", state="<b>x</b>")
    assert "<b>" not in html and html.count("&lt;b&gt;") == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s ago"),
        (12, "12 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7200, "2 h ago"),
        (172800, "2 d ago"),
        (-600, "in 10 min"),
    ],
)
def test_ages_are_short_and_name_their_unit(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_an_age_carries_the_exact_time_with_its_zone() -> None:
    moment = datetime(2026, 11, 23, 2, 33, 41, tzinfo=UTC)
    with timezone.override("Asia/Shanghai"):
        html = render("{% ago moment %}", moment=moment)
    assert 'title="2026-11-23 10:33:41 CST"' in html
    assert 'datetime="2026-11-23T02:33:41+00:00"' in html


def test_what_never_happened_says_so() -> None:
    assert words(render("{% ago moment %}", moment=None)) == "never"
    assert words(render("{% ago moment %}", moment=timezone.now() - timedelta(hours=3))) == "3 h ago"


def test_every_form_of_a_time_carries_the_moment_and_its_zone() -> None:
    moment = datetime(2026, 11, 23, 2, 33, 41, tzinfo=UTC)
    with timezone.override("Asia/Shanghai"):
        shown = [render(tag, moment=moment) for tag in ("{% clock moment %}", "{% stamp moment %}")]
    assert [words(html) for html in shown] == ["10:33:41", "2026-11-23 10:33:41 CST"]
    for html in shown:
        assert 'datetime="2026-11-23T02:33:41+00:00"' in html
        assert 'title="2026-11-23 10:33:41 CST"' in html
        assert "data-ago" not in html, "the script would turn it into an age"
    assert words(render("{% stamp moment %}", moment=None)) == "–"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_template_writes_a_time_by_itself(template: Path) -> None:
    """`ago`, `clock` and `stamp` do, so that each has its zone and the script keeps ages true."""
    assert re.findall(r"\|(?:date|time|timesince|timeuntil)\b|<time", template.read_text()) == []


def test_a_command_is_shown_as_it_is_typed_and_can_be_copied() -> None:
    html = render("{% copyable command 'kubectl' %}", command="kubectl apply -f - <<'EOF'\nkind: Role\nEOF\n")
    assert "<code>kubectl apply -f - &lt;&lt;&#x27;EOF&#x27;\nkind: Role\nEOF</code>" in html
    assert "data-copy" in html and 'aria-label="Copy kubectl"' in html


def test_a_stored_sentence_renders_in_words() -> None:
    stored = say("uitest.twice", name="k8s-1", count=2).to_json()
    assert render("{% sentence stored %}", stored=stored) == "k8s-1 was seen 2 times."
    assert render("{% sentence stored %}", stored=None) == ""
    assert render("{% sentence stored %}", stored=say("uitest.twice", name="<i>", count=1)).startswith(
        "&lt;i&gt;"
    )


def test_a_disabled_button_names_its_reason_to_a_screen_reader() -> None:
    html = render("{% disabled_button 'Approve' reason %}", reason="You asked for it.")
    described = re.search(r'aria-describedby="([^"]+)"', html)
    assert described and f'id="{described[1]}">You asked for it.' in html
    assert 'aria-disabled="true"' in html and 'type="button"' in html


@pytest.mark.urls(__name__)
def test_the_bar_hides_what_does_not_exist_and_marks_where_we_are() -> None:
    request = RequestFactory().get("/fleet/k8s-1/")
    assert render("{% nav_link 'nowhere:list' 'Nowhere' %}", request=request) == ""
    assert "aria-current" in render("{% nav_link 'fleet' 'Fleet' %}", request=request)
    assert "aria-current" not in render("{% nav_link 'home' 'Home' %}", request=request)
    assert words(render("{% nav_link 'fleet' 'Fleet' count=3 %}", request=request)) == "Fleet 3"


def test_references_and_json_read_well() -> None:
    assert render("{{ r|ref }}", r={"kind": "ClusterRole", "name": "pod-role"}) == "ClusterRole pod-role"
    assert render("{{ r|ref }}", r={"kind": "Pod", "namespace": "demo", "name": "e-0"}) == "Pod demo/e-0"
    assert render("{{ v|json_pretty|safe }}", v={"b": "数", "a": 1}) == '{\n  "a": 1,\n  "b": "数"\n}'
    assert render("{{ 'updated'|touch_label }}") == "changed"


class OrderForm(forms.Form):
    name = forms.CharField(help_text="Lower-case letters.")
    keep = forms.BooleanField(label="Keep the data")
    size = forms.ChoiceField(choices=[("s", "S"), ("m", "M")], widget=forms.RadioSelect)


def test_an_error_stands_at_its_field_and_is_announced_with_it() -> None:
    html = render("{% include 'components/_field.html' with field=form.name %}", form=OrderForm({"name": ""}))
    assert 'class="form-control is-invalid"' in html and 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_error"' in html and 'id="id_name_helptext">Lower-case letters.' in html
    assert '<label class="form-label" for="id_name">' in html


def test_boxes_and_choices_keep_their_labels() -> None:
    form = OrderForm()
    box = render("{% include 'components/_field.html' with field=form.keep %}", form=form)
    choices = render("{% include 'components/_field.html' with field=form.size %}", form=form)
    assert box.index('type="checkbox"') < box.index("Keep the data")
    assert "<fieldset" in choices and "<legend" in choices and choices.count('type="radio"') == 2


def test_a_list_of_form_errors_links_to_the_fields() -> None:
    html = render("{% include 'components/_form_errors.html' %}", form=OrderForm({"keep": "on", "size": "s"}))
    assert '<a href="#id_name">Name</a>: This field is required.' in html and 'role="alert"' in html


def test_facts_without_a_value_are_a_dash_and_sources_are_named() -> None:
    rows = [{"label": "Password", "value": ""}, {"label": "Members", "value": 3, "source": "k8s-3"}]
    html = words(render("{% include 'components/_kv.html' %}", rows=rows))
    assert html == "Password – Members 3 k8s-3"


def test_roles_are_named_in_words_and_a_person_without_one_is_told() -> None:
    boss = SimpleNamespace(is_authenticated=True, is_active=True, is_superuser=True)
    assert render("{{ user|role_names|join:', ' }}", user=boss) == "Administrator, Auditor, DBA"


def test_silent_planes_make_a_red_band() -> None:
    plane = {"name": "k8s-3", "last_answer_at": timezone.now() - timedelta(minutes=7)}
    html = render("{% include 'components/_silent_planes.html' %}", silent_planes=[plane])
    assert words(html).startswith("k8s-3 gives no answer; the last one 7 min ago")
    assert 'role="alert"' in html
    assert render("{% include 'components/_silent_planes.html' %}", silent_planes=[]).strip() == ""


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_template_needs_a_looser_content_security_policy(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\sstyle=|<style|\son\w+=|hx-on|javascript:|https?://", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r'hx-trigger="[^"]*\[', text), "a filter in a trigger needs eval"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_icon_that_a_template_draws_exists(template: Path) -> None:
    icons = set(re.findall(r'symbol id="([^"]+)"', Path(str(finders.find("icons.svg"))).read_text()))
    assert set(re.findall(r'{% icon "([\w-]+)"', template.read_text())) <= icons


def test_the_same_words_reach_the_script_in_the_readers_language() -> None:
    with translation.override("en"):
        assert "{n} min ago" in render("{% age_words %}")
    assert "Noto Sans CJK SC" in Path(str(finders.find("app.css"))).read_text()
    assert settings.FORM_RENDERER.endswith("TemplatesSetting")
