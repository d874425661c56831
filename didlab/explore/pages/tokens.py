# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of tokens: two responses, their gradients token by token, and one step."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="full", app_title="didlab: tokens")


@app.cell
def _():
    import marimo as mo
    import numpy as np

    from didlab.explore import losses
    from didlab.explore.frame import Frame
    from didlab.explore.responses import MODELS, RATES, State
    from didlab.explore.state import words
    from didlab.explore.tokens import view

    return Frame, MODELS, RATES, State, losses, mo, np, view, words


@app.cell
def _(Frame, State, mo):
    page = Frame(mo, "tokens", State)
    start = page.start
    page.header()
    return page, start


@app.cell
def _(MODELS, RATES, losses, mo, np, start):
    first = start.objective()
    vocabulary = mo.ui.text(" ".join(start.vocabulary), label="Vocabulary, 2 to 6 tokens", full_width=True)
    chosen = mo.ui.text(" ".join(start.chosen), label="Chosen response", full_width=True)
    rejected = mo.ui.text(" ".join(start.rejected), label="Rejected response", full_width=True)
    model = mo.ui.dropdown(
        {short: name for name, short in MODELS.items()}, value=MODELS[start.model], label="Model", full_width=True
    )
    seed = mo.ui.number(0, 10**6, step=1, value=start.seed, label="Seed")
    spread = mo.ui.slider(0, 5, 0.05, value=start.spread, label="Spread", include_input=True, full_width=True)
    width = mo.ui.number(1, 16, step=1, value=start.width, label="Width of the hidden states")
    loss = mo.ui.dropdown({n: k for k, n in losses.NAMES.items()}, value=losses.NAMES[first.name], label="Loss")
    rates = sorted({*(float(f"{x:.2g}") for x in np.geomspace(*RATES, 121)), start.rate})
    rate = mo.ui.slider(steps=rates, value=start.rate, label="Learning rate", show_value=True, full_width=True)
    inputs = dict(
        responses=(chosen, rejected, vocabulary, model), width=width, drawn=(seed, spread), loss=loss, rate=rate
    )
    return chosen, first, inputs, loss, model, rate, rejected, seed, spread, vocabulary, width


@app.cell
def _(first, loss, losses, mo):
    def control(key, steps):
        value = first.hyper[key] if loss.value == first.name else losses.read(loss.value).hyper[key]
        if key == "convention":
            return mo.ui.dropdown(list(steps), value=value, label="Convention")
        return mo.ui.slider(
            steps=sorted({*steps, value}), value=value, label=losses.SYMBOLS[key], show_value=True, full_width=True
        )

    hyper = mo.ui.dictionary({k: control(k, s) for k, s in losses.hyper_parameters(loss.value, lengths=True).items()})
    of_loss = list(hyper.elements.values())
    return hyper, of_loss


@app.cell
def _(inputs, model, of_loss, page):
    _width = [inputs["width"]] if model.value == "last-layer" else []
    page.panel(*inputs["responses"], *_width, *inputs["drawn"], inputs["loss"], *of_loss, inputs["rate"])
    return


@app.cell
def _(State, chosen, hyper, loss, losses, model, page, rate, rejected, seed, spread, view, vocabulary, width, words):
    def asked():
        objective = losses.objectives.get(loss.value, **hyper.value)
        return State(
            vocabulary=words("vocabulary", vocabulary.value),
            chosen=words("chosen", chosen.value),
            rejected=words("rejected", rejected.value),
            model=model.value,
            seed=seed.value or 0,
            spread=spread.value,
            width=(width.value or 1) if model.value == "last-layer" else State().width,
            loss=losses.word(objective),
            rate=rate.value,
        )

    page.answer(asked, view)
    return


@app.cell
def _(page):
    page.export()
    return


if __name__ == "__main__":
    app.run()
