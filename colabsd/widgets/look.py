"""How the page looks: one style sheet, for light and dark notebooks, and the few building blocks made of it."""

from collections.abc import Sequence
from typing import Any

import ipywidgets

SHEET = """
.colabsd { --cd-accent: #0f766e; --cd-line: rgba(128,128,128,.28); --cd-soft: rgba(128,128,128,.07);
  --cd-dim: rgba(128,128,128,1); --cd-radius: 10px; max-width: 1180px; font-family: inherit; overflow: visible; }
.colabsd .widget-html, .colabsd .widget-html-content { line-height: 1.45; height: auto; font-size: 13px;
  overflow: visible; white-space: normal; }
.colabsd .widget-html-content { align-self: stretch; flex: 1 1 auto; width: 100%; }
.colabsd .jupyter-widgets { margin-left: 0; margin-right: 0; }
.colabsd .colabsd-card { border: 1px solid var(--cd-line); border-radius: var(--cd-radius); padding: 14px 16px;
  background: var(--cd-soft); overflow: visible; }
.colabsd-title { font-size: 19px; font-weight: 650; letter-spacing: -.01em; }
.colabsd-dim { color: var(--cd-dim); font-size: 12px; }
.colabsd-heading { font-weight: 600; font-size: 14px; margin: 2px 0 2px; }
.colabsd-label { font-weight: 600; font-size: 12.5px; }
.colabsd-label summary { cursor: help; list-style: none; display: block; }
.colabsd-label summary::-webkit-details-marker { display: none; }
.colabsd-label summary::after { content: "?"; display: inline-block; margin-left: 6px; width: 15px; height: 15px;
  line-height: 15px; text-align: center; border-radius: 50%; font-size: 10px; font-weight: 600;
  color: var(--cd-dim); border: 1px solid var(--cd-line); }
.colabsd-label details[open] > div { font-weight: 400; font-size: 12px; color: var(--cd-dim); padding: 2px 0 4px; }
.colabsd-box { border-radius: 8px; padding: 8px 12px; margin: 2px 0; font-size: 13px; border: 1px solid; }
.colabsd-box > div + div { margin-top: 4px; }
.colabsd-info { background: rgba(59,130,246,.08); border-color: rgba(59,130,246,.30); }
.colabsd-good { background: rgba(16,150,110,.09); border-color: rgba(16,150,110,.35); }
.colabsd-warning { background: rgba(217,150,20,.10); border-color: rgba(217,150,20,.40); }
.colabsd-error { background: rgba(220,60,50,.09); border-color: rgba(220,60,50,.40); }
.colabsd-table { border-collapse: collapse; font-size: 12.5px; width: 100%; table-layout: auto; }
.colabsd-table th { text-align: left; font-weight: 600; padding: 3px 14px 3px 0; vertical-align: top;
  white-space: nowrap; width: 1%; background: none; border: none; }
.colabsd-table td { text-align: left; padding: 3px 0; white-space: pre-wrap; overflow-wrap: anywhere; border: none; }
.colabsd-table tr { background: none !important; border-bottom: 1px solid var(--cd-line); }
.colabsd button.jupyter-button { border-radius: 8px; line-height: 30px; height: 32px; padding: 0 12px;
  border: 1px solid var(--cd-line); box-shadow: none; overflow: hidden; text-overflow: ellipsis; }
.colabsd button.jupyter-button:not(.mod-primary):not(.mod-danger) { background: transparent; color: inherit; }
.colabsd button.jupyter-button:not(.mod-primary):hover { background: var(--cd-soft); }
.colabsd button.jupyter-button.mod-primary { background: var(--cd-accent); color: #fff; border-color: transparent;
  font-weight: 600; }
.colabsd button.jupyter-button.mod-active:not(.mod-primary) { background: rgba(15,118,110,.16);
  border-color: var(--cd-accent); color: inherit; }
.colabsd button.jupyter-button.colabsd-big { height: 46px; line-height: 44px; font-size: 16px; border-radius: 10px; }
.colabsd .colabsd-rooms .widget-toggle-button, .colabsd .colabsd-rooms button { border: none; border-radius: 0;
  border-bottom: 2px solid transparent; font-size: 14px; font-weight: 600; height: 36px; line-height: 34px;
  opacity: .62; }
.colabsd .colabsd-rooms button.jupyter-button.mod-active { background: transparent;
  border-bottom: 2px solid var(--cd-accent); box-shadow: none; opacity: 1; }
.colabsd .colabsd-rooms { border-bottom: 1px solid var(--cd-line); }
.colabsd textarea { font-family: inherit; }
.colabsd .colabsd-prompt textarea { font-size: 16px; line-height: 1.45; padding: 10px 12px; border-radius: 8px; }
.colabsd textarea, .colabsd input[type="text"], .colabsd input[type="number"], .colabsd select {
  border-radius: 6px !important; }
.colabsd .colabsd-field { overflow: visible; }
.colabsd .colabsd-cell { border: 1px solid var(--cd-line); border-radius: 10px; padding: 6px; overflow: hidden; }
.colabsd .colabsd-cell img { border-radius: 6px; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; }
.colabsd .colabsd-grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(172px, 1fr));
  grid-auto-flow: dense; align-items: start; width: 100%; }
.colabsd .colabsd-grid > .colabsd-card { grid-column: 1 / -1; }
.colabsd .widget-html:has(> .widget-html-content:empty) { display: none; }
.colabsd .colabsd-cell.colabsd-ticked { border-color: var(--cd-accent); box-shadow: 0 0 0 2px rgba(15,118,110,.30); }
.colabsd .colabsd-cell button.jupyter-button { height: 26px; line-height: 24px; padding: 0 6px; font-size: 12px; }
.colabsd .colabsd-example.jupyter-button { height: 26px; line-height: 24px; font-size: 12px; border-radius: 13px; }
.colabsd .colabsd-caption { font-size: 11.5px; }
.colabsd .colabsd-caption .widget-html-content { font-size: 11.5px; line-height: 1.35; }
.colabsd-clip { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.colabsd .colabsd-view img { border-radius: 10px; max-width: 100%; object-fit: contain; }
.colabsd-empty { text-align: center; padding: 46px 16px; color: var(--cd-dim); border: 1px dashed var(--cd-line);
  border-radius: 10px; font-size: 13px; }
.colabsd-pixels img { image-rendering: auto; }
.colabsd .widget-readout { min-width: 40px; }
.colabsd .progress, .colabsd .jupyter-widgets.widget-hprogress { height: 10px; }
.colabsd .progress-bar { background-color: var(--cd-accent); }
.colabsd-pair { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 8px; }
.colabsd-pair figure { margin: 0; flex: 1 1 200px; max-width: 360px; }
.colabsd-pair img { width: 100%; border-radius: 8px; display: block; }
.colabsd-pair figcaption { font-size: 12px; text-align: center; padding-top: 4px; }
.colabsd-guide img { max-width: 100%; border-radius: 8px; display: block; margin: 6px 0; }
.colabsd-guide h3 { font-size: 15px; margin: 14px 0 4px; }
.colabsd-guide dt { font-weight: 600; margin-top: 8px; }
.colabsd-guide dd { margin: 0 0 0 0; }
"""


def style_sheet() -> Any:
    """The style sheet as a widget that shows nothing else."""
    return ipywidgets.HTML(f"<style>{SHEET}</style>", layout=ipywidgets.Layout(display="none"))


def html(text: str = "", *classes: str) -> Any:
    """Some HTML. What comes from people is escaped by who writes it."""
    return with_classes(ipywidgets.HTML(text), *classes)


def column(*children: Any, gap: str = "8px", **layout: str) -> Any:
    """Children under each other."""
    return ipywidgets.VBox(list(children), layout=ipywidgets.Layout(grid_gap=gap, **layout))


def row(*children: Any, gap: str = "10px", **layout: str) -> Any:
    """Children beside each other, on more lines where they do not fit."""
    facts = {"flex_flow": "row wrap", "align_items": "center"} | layout
    return ipywidgets.HBox(list(children), layout=ipywidgets.Layout(grid_gap=gap, **facts))


def card(*children: Any, gap: str = "8px", **layout: str) -> Any:
    """A framed column."""
    return with_classes(column(*children, gap=gap, **layout), "colabsd-card")


def button(label: str, *, main: bool = False, tooltip: str = "", width: str = "auto") -> Any:
    """A button; what it does is told to `presses.on_press`."""
    made = ipywidgets.Button(
        description=label, tooltip=tooltip or label, button_style="primary" if main else "", layout={"width": width}
    )
    return with_classes(made, "colabsd-button")


def with_classes(widget: Any, *classes: str) -> Any:
    """The widget with classes of the style sheet."""
    for name in classes:
        widget.add_class(name)
    return widget


def show_if(widget: Any, visible: object) -> None:
    """Show the widget or take it away, without losing it."""
    widget.layout.display = None if visible else "none"


def columns(*children: Any, least: Sequence[str], gap: str = "14px") -> Any:
    """Children beside each other, as wide as there is room; each goes under the others below its `least` width."""
    for child, width in zip(children, least, strict=True):
        child.layout.flex = f"1 1 {width}"
        child.layout.min_width = "0"
    return row(*children, gap=gap, align_items="flex-start")
