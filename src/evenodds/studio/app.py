"""The studio's page in one language: what stands above, and the pages as tabs."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import gradio as gr

from evenodds.studio.i18n import LANGUAGES, Language, Words, speaker
from evenodds.studio.pages import draw, how, judge, lecture, play, runs, steer
from evenodds.studio.pages.loading import PageState
from evenodds.studio.state import Studio

PAGES = {
    "play": play, "how": how, "judge": judge, "steer": steer, "draw": draw, "runs": runs, "lecture": lecture,
}  # fmt: skip
HERE = ' aria-current="true"'


def build(studio: Studio, language: Language) -> gr.Blocks:
    """The page in a language."""
    say = speaker(language)
    with gr.Blocks(title=say("title"), analytics_enabled=False) as blocks:
        with gr.Row(elem_id="top"):
            gr.HTML(heading(say), min_width=240)
            names = studio.names()
            chosen = gr.Dropdown(
                [*names],
                value="",
                label=say("run"),
                allow_custom_value=True,
                elem_id="run",
                min_width=220,
                scale=0,
            )
            gr.HTML(switch(say, language), elem_id="switch", min_width=120)
        # The browser's own, and set without asking the server: its answers to quick turns, and to gradio's own to the
        # first page, would overtake each other, and the page in sight not be the one that makes itself ready.
        here = gr.Textbox("play", visible="hidden")
        with gr.Tabs() as tabs:
            for key, module in PAGES.items():
                with gr.Tab(say(f"page {key}"), id=key, elem_id=f"tab-{key}") as tab:
                    module.page(studio, say, PageState(key, chosen, here))
                tab.select(None, None, here, js=f"() => '{key}'", api_visibility="private")
        lecture.guide(studio, say, chosen)
        choose(studio, blocks, chosen)
        blocks.load(card_first, None, tabs, show_progress="hidden", api_visibility="private")
    return blocks


def card_first(request: gr.Request) -> Any:
    """The lecture, where the address names one of its cards; one that is to be shown turns to its page by itself."""
    query = request.query_params
    return gr.Tabs(selected="lecture") if "card" in query and "show" not in query else gr.skip()


def heading(say: Words) -> str:
    """The name and what it is."""
    return f'<h1 class="eo-name"><span>even</span>odds</h1><p class="eo-dim">{say("tagline")}</p>'


def switch(say: Words, language: Language) -> str:
    """Links to the page in each language."""
    links = "".join(
        f'<a href="../{tag}/" lang="{tag}" hreflang="{tag}"{HERE if tag == language else ""}>{name}</a>'
        for tag, name in LANGUAGES.items()
    )
    return f'<nav class="eo-languages" aria-label="{say("language")}">{links}</nav>'


def choose(studio: Studio, blocks: gr.Blocks, chosen: gr.Dropdown) -> None:
    """The run that the address names, or the first one; and the list kept new."""

    def first(request: gr.Request) -> Any:
        names = studio.names()
        requested = request.query_params.get("run", "")
        shown = requested or studio.first or (names[0] if names else "")
        return gr.update(choices=names, value=shown)

    blocks.load(first, None, chosen, show_progress="hidden", api_visibility="private")

    def names() -> Any:
        return gr.update(choices=studio.names())

    chosen.focus(names, None, chosen, show_progress="hidden", queue=False, api_visibility="private")


def look(language: Language) -> dict[str, Any]:
    """How the page looks: system fonts and the film's colours; nothing comes from elsewhere."""
    theme = gr.themes.Base(
        primary_hue="slate",
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "Noto Sans KR", "Noto Sans CJK KR", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        button_primary_background_fill="#1d4e7e",
        button_primary_background_fill_hover="#163d63",
        button_primary_text_color="#ffffff",
        slider_color="#1d4e7e",
        checkbox_background_color_selected="#1d4e7e",
        body_text_color_subdued="#566270",
        body_text_color_subdued_dark="#a9b4c0",
        block_info_text_color="#566270",
        block_info_text_color_dark="#a9b4c0",
    )
    # gradio's own words go by the browser's language, and ours by the switch: so the switch is the browser's language
    # to gradio, and the page's, whatever gradio sets it to.
    head = (
        f'<script>const own="{language}",page=document.documentElement;'
        "for(const[name,value]of Object.entries({language:own,languages:[own]}))"
        "Object.defineProperty(navigator,name,{get:()=>value});"
        "const keep=()=>{if(page.lang!==own)page.lang=own};keep();"
        'new MutationObserver(keep).observe(page,{attributeFilter:["lang"]});</script>'
    )
    folder = files("evenodds.studio")
    return {
        "theme": theme,
        "head": f"{head}<script>{folder.joinpath('cloud.js').read_text('utf-8')}</script>",
        "css": folder.joinpath("look.css").read_text("utf-8"),
    }
