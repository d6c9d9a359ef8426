"""Reports in notebooks."""

import html


class ShownAsText:
    """A report that a notebook shows as `print` does."""

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
