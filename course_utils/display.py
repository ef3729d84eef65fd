"""Showing one thing in a notebook and in a terminal alike."""

import html as _html


def in_notebook() -> bool:
    """True where outputs are rendered as rich bundles: in a kernel, not in a terminal."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def show_html(html: str, text: str) -> None:
    """Display `html` in a notebook; print `text` elsewhere. Both must say the same.

    `html` inherits the page's colours, so it reads in light and dark; the caller escapes what is not its own.
    """
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    display({"text/html": html, "text/plain": text}, raw=True)


def escape(value: object) -> str:
    """`value` as text that is safe inside HTML, quotes included."""
    return _html.escape(str(value), quote=True)
