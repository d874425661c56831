"""A widget without a face that says when a person's hand rests: what is slow waits for that."""

from __future__ import annotations

import anywidget
import traitlets

__all__ = ["Rest"]


class Rest(anywidget.AnyWidget):
    """`done` becomes `asked` once `asked` has not changed for `still` milliseconds."""

    _esm = """
    function render({ model }) {
      let timer;
      const wait = () => {
        clearTimeout(timer);
        if (model.get("asked") === model.get("done")) return;
        timer = setTimeout(() => { model.set("done", model.get("asked")); model.save_changes(); }, model.get("still"));
      };
      model.on("change:asked", wait);
      wait();
      return () => clearTimeout(timer);
    }
    export default { render };
    """
    asked = traitlets.Int(0).tag(sync=True)
    done = traitlets.Int(0).tag(sync=True)
    still = traitlets.Int(150).tag(sync=True)
