"""The page's colours and type: those of the player, light and dark; no fonts from elsewhere."""

from __future__ import annotations

import gradio as gr

ACCENT = gr.themes.Color(
    c50="#f2f2fe", c100="#e7e7fd", c200="#d0d0fb", c300="#b3b4f8", c400="#8b8cff", c500="#6f70f4",
    c600="#5b5bf0", c700="#4747cc", c800="#3a3aa3", c900="#2f307d", c950="#1d1e4c",
)  # fmt: skip
INK = gr.themes.Color(
    c50="#f7f8fc", c100="#eceef6", c200="#dfe2ee", c300="#c6cbdc", c400="#939bb5", c500="#626a83",
    c600="#475069", c700="#343a54", c800="#1d2131", c900="#151824", c950="#0d0f17",
)  # fmt: skip
FONTS = (
    "Inter", "Segoe UI", "system-ui", "-apple-system", "Noto Sans", "PingFang SC",
    "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", "DejaVu Sans", "sans-serif",
)  # fmt: skip
MONO = ("ui-monospace", "Consolas", "DejaVu Sans Mono", "monospace")


_COLOURS = {
    "body_background_fill": "#f4f5fa",
    "body_background_fill_dark": "#0d0f17",
    "body_text_color": "#1b2030",
    "body_text_color_dark": "#eef0f8",
    "body_text_color_subdued": "#626a83",
    "body_text_color_subdued_dark": "#939bb5",
    "background_fill_primary": "#ffffff",
    "background_fill_primary_dark": "#151824",
    "background_fill_secondary": "#f7f8fc",
    "background_fill_secondary_dark": "#12141f",
    "block_background_fill": "#ffffff",
    "block_background_fill_dark": "#151824",
    "block_border_color": "#dfe2ee",
    "block_border_color_dark": "#262b3d",
    "block_shadow": "none",
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_border_width": "0px",
    "block_label_text_color": "#626a83",
    "block_label_text_color_dark": "#939bb5",
    "block_title_text_weight": "650",
    "block_info_text_size": "12.5px",
    "border_color_primary": "#dfe2ee",
    "border_color_primary_dark": "#262b3d",
    "input_background_fill": "#f7f8fc",
    "input_background_fill_dark": "#10121b",
    "input_border_color": "#dfe2ee",
    "input_border_color_dark": "#2d3349",
    "input_border_color_focus": "#5b5bf0",
    "input_border_color_focus_dark": "#8b8cff",
    "slider_color": "#5b5bf0",
    "slider_color_dark": "#8b8cff",
    "button_primary_background_fill": "#5b5bf0",
    "button_primary_background_fill_hover": "#4747cc",
    "button_primary_background_fill_dark": "#8b8cff",
    "button_primary_background_fill_hover_dark": "#a5a6ff",
    "button_primary_text_color": "#ffffff",
    "button_primary_text_color_dark": "#0d0f17",
    "button_secondary_background_fill": "#eceef6",
    "button_secondary_background_fill_dark": "#1d2131",
    "button_large_text_weight": "700",
    "checkbox_background_color": "#ffffff",
    "checkbox_background_color_dark": "#10121b",
    "checkbox_border_color": "#c6cbdc",
    "checkbox_border_color_dark": "#475069",
    "checkbox_border_color_hover": "#5b5bf0",
    "checkbox_border_color_hover_dark": "#8b8cff",
    "checkbox_background_color_selected": "#5b5bf0",
    "checkbox_background_color_selected_dark": "#8b8cff",
    "checkbox_label_background_fill": "#f7f8fc",
    "checkbox_label_background_fill_dark": "#10121b",
    "checkbox_label_background_fill_selected": "#e7e7fd",
    "checkbox_label_background_fill_selected_dark": "#25264a",
    "checkbox_label_text_color_selected": "#3a3aa3",
    "checkbox_label_text_color_selected_dark": "#d9daff",
}


def theme() -> gr.themes.Base:
    """The page's theme."""
    made = gr.themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=INK,
        radius_size=gr.themes.sizes.radius_lg,
        font=FONTS,
        font_mono=MONO,
    )
    return made.set(**_COLOURS)
