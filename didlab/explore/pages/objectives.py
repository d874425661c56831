# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of objectives."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="full", app_title="didlab: objectives")


@app.cell
def _():
    import marimo as mo

    from didlab.errors import DidlabError
    from didlab.explore import look, losses, objectives
    from didlab.explore.frame import Frame
    from didlab.explore.presets import PRESETS
    from didlab.explore.rest import Rest
    from didlab.explore.state import weights

    return DidlabError, Frame, PRESETS, Rest, look, losses, mo, objectives, weights


@app.cell
def _(Frame, Rest, mo, objectives):
    page = Frame(mo, "objectives", objectives.State)
    start = page.start
    more = mo.ui.run_button(label="Compute what takes longer")

    def placed(html):
        return mo.Html(f'<div class="didlab-view">{html}</div>')

    # The flow waits until the hand rests. What it is asked for then stands in `latest`, on which no cell depends.
    hand, latest = Rest(), {}
    resting = mo.ui.anywidget(hand)
    mo.Html(page.header().text + resting.text)
    return hand, latest, more, page, placed, resting, start


@app.cell
def _(PRESETS, losses, mo, objectives, start):
    OWN, TEMPERED, RANDOM = "weights of my own", "the reference at temperature τ", "another random policy"
    # What is chosen now, and the loss that each choice has had last: it keeps its hyper-parameters.
    kept = losses.kept(start.losses)
    _options = losses.options(kept)
    _words = {key: words for words, key in _options.items()}
    chosen_losses = mo.ui.multiselect(
        _options, value=[_words[key] for key in kept], label="Losses, up to six", max_selections=objectives.MOST,
        full_width=True,
    )
    preset = mo.ui.dropdown([*PRESETS, OWN], value=OWN if start.reference else start.preset, label="Reference")
    k = mo.ui.number(2, 1000, step=1, value=start.k, label="Outcomes")
    seed = mo.ui.number(0, 10**6, step=1, value=start.seed, label="Seed of the reference")
    ours = mo.ui.text(", ".join(map(str, start.reference)) or "1/4, 3/4", label="Reference weights", full_width=True)
    target = mo.ui.dropdown(
        [TEMPERED, RANDOM, OWN], value=OWN if start.policy else RANDOM if start.target == "random" else TEMPERED,
        label="Target",
    )
    tau = mo.ui.slider(
        0.05, max(8.0, start.tau), 0.01, value=max(start.tau, 0.05), label="Temperature τ", include_input=True,
        full_width=True,
    )
    target_seed = mo.ui.number(0, 10**6, step=1, value=start.target_seed, label="Seed of the target")
    theirs = mo.ui.text(", ".join(map(str, start.policy)) or "3/4, 1/4", label="Target weights", full_width=True)
    # What the panel shows: by this name, so that a control which moves does not have the panel drawn again.
    of_policies = dict(k=k, seed=seed, ours=ours, tau=tau, target_seed=target_seed, theirs=theirs)
    return (
        OWN, RANDOM, chosen_losses, k, kept, of_policies, ours, preset, seed, target, target_seed, tau, theirs,
    )


@app.cell
def _(mo, objectives, start):
    EVERY = "all possible pairs"
    chosen = mo.ui.dropdown(["reference", "target"], value=start.chosen, label="Chosen responses come from the")
    IDEAL = "ideal rejected policy"
    rejected = mo.ui.dropdown(
        [IDEAL, "reference"], value=IDEAL if start.rejected == "ideal" else "reference",
        label="Rejected ones come from the",
    )
    ideal_beta = mo.ui.slider(
        0.05, max(4.0, start.ideal_beta), 0.05, value=max(start.ideal_beta, 0.05), label="β of the ideal rejected",
        include_input=True, full_width=True,
    )
    sampled = mo.ui.dropdown(
        [EVERY, "a data set"], value="a data set" if start.pairs else EVERY, label="Losses learn from"
    )
    pairs = mo.ui.number(1, 10**6, step=1, value=start.pairs or 10_000, label="Pairs in the data set")
    data_seed = mo.ui.number(0, 10**6, step=1, value=start.data_seed, label="Seed of the draws")
    steps = mo.ui.slider(
        steps=sorted({50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, start.steps}), value=start.steps,
        label="Steps", show_value=True, full_width=True,
    )
    batch = mo.ui.slider(
        steps=sorted({*(2**n for n in range(13)), start.batch}), value=start.batch, label="Pairs in a step",
        show_value=True, full_width=True,
    )
    _rates = sorted({1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, start.rate})
    rate = mo.ui.dropdown({f"{r}": r for r in _rates}, value=f"{start.rate}", label="Learning rate")
    begin = mo.ui.dropdown({v: n for n, v in objectives.STARTS.items()}, value=objectives.STARTS[start.start],
                           label="Training and flow start at")  # fmt: skip
    own_pair = mo.ui.text(" ".join(map(str, start.pair)), label="Its chosen and rejected outcome",
                          placeholder="the most frequent pair", full_width=True)  # fmt: skip
    of_pairs = dict(chosen=chosen, ideal_beta=ideal_beta, pairs=pairs, data_seed=data_seed)
    of_training = steps, batch, rate, begin
    return (
        EVERY, IDEAL, batch, begin, chosen, data_seed, ideal_beta, of_pairs, of_training, own_pair, pairs, rate,
        rejected, sampled, steps,
    )


@app.cell
def _(chosen_losses, kept, losses, mo):
    hyper = mo.ui.dictionary({
        f"{key} {name}": mo.ui.dropdown(list(values), value=now, label=label)
        if name == "convention"
        else mo.ui.slider(steps=list(values), value=now, label=label, show_value=True, full_width=True)
        for key in chosen_losses.value
        for name, now, values, label in losses.controls(key, kept.setdefault(key, losses.usual(key, kept)))
    })  # fmt: skip
    of_losses = [chosen_losses, *hyper.elements.values()]
    return hyper, of_losses


@app.cell
def _(
    EVERY, IDEAL, OWN, RANDOM, mo, of_losses, of_pairs, of_policies, of_training, own_pair, page, preset, rejected,
    sampled, target,
):
    def titled(words):
        return mo.Html(f"<h2>{words}</h2>")

    _reference = ["ours"] if preset.value == OWN else ["k", "seed"] if preset.value == "gaussian" else ["k"]
    _target = "theirs" if target.value == OWN else "target_seed" if target.value == RANDOM else "tau"
    page.panel(
        titled("Losses"), *of_losses,
        titled("Policies"), preset, *(of_policies[name] for name in _reference), target, of_policies[_target],
        titled("Pairs"), of_pairs["chosen"], rejected, *([of_pairs["ideal_beta"]] if rejected.value == IDEAL else []),
        sampled, *([of_pairs["pairs"]] if sampled.value != EVERY else []), of_pairs["data_seed"],
        titled("Training"), *of_training,
        titled("The pair whose step is shown"), own_pair,
    )  # fmt: skip
    return


@app.cell
def _(
    DidlabError, EVERY, IDEAL, OWN, RANDOM, batch, begin, chosen, chosen_losses, data_seed, hand, hyper, ideal_beta, k,
    kept, latest, look, losses, mo, more, objectives, ours, own_pair, page, pairs, placed, preset, rate, rejected,
    sampled, seed, start, steps, target, target_seed, tau, theirs, weights,
):
    # The state and what answers first, in one cell: every cell that runs costs the browser a few milliseconds.
    problems = [*page.wrong]
    try:
        for _key in chosen_losses.value:
            _own = {name.split()[-1]: v for name, v in hyper.value.items() if name.rpartition(" ")[0] == _key}
            kept[_key] = losses.changed(kept[_key], _own)
        state = objectives.State(
            losses=tuple(losses.word(kept[_key]) for _key in chosen_losses.value),
            preset=start.preset if preset.value == OWN else preset.value,
            k=k.value or 0,
            seed=-1 if seed.value is None else seed.value,
            reference=weights("reference", ours.value) if preset.value == OWN else (),
            policy=weights("policy", theirs.value) if target.value == OWN else (),
            target="random" if target.value == RANDOM else "temperature",
            target_seed=-1 if target_seed.value is None else target_seed.value,
            tau=tau.value,
            chosen=chosen.value,
            rejected="ideal" if rejected.value == IDEAL else "reference",
            ideal_beta=ideal_beta.value,
            pairs=0 if sampled.value == EVERY else pairs.value or -1,
            data_seed=-1 if data_seed.value is None else data_seed.value,
            steps=steps.value, batch=batch.value, rate=rate.value, start=begin.value,
            pair=objectives.pair(own_pair.value),
        )  # fmt: skip
        state.logits()
    except DidlabError as e:
        problems.append(str(e))
        state = start
    latest.update(state=state, slow=more.value)
    hand.asked += 1
    if more.value:
        mo.output.replace(placed(look.busy("Computing the optima…")))
    ends = objectives.optima(state, slow=more.value)
    _own = look.link("policies", state.policies())
    _there = f'<p><a href="{_own}">Reference and target on their own page</a></p>' if state.target != "random" else ""
    _ask = more.text if objectives.waiting(state) and not more.value else ""
    mo.Html(look.shown(ends, problems) + f'<div class="didlab-view">{_there}{_ask}</div>')
    return ends, state


@app.cell
def _(look, mo, more, objectives, placed, state):
    if more.value or not objectives.warm():
        mo.output.replace(placed(look.busy("Training… The first time on a machine, the simulator is compiled first.")))
    trained = objectives.training(state, slow=more.value)
    mo.Html(look.shown(trained))
    return (trained,)


@app.cell
def _(latest, look, mo, objectives, placed, resting):
    mo.stop(not resting.value["done"])

    def tell(name):
        if latest["slow"]:
            mo.output.replace(placed(look.busy(f"Computing the gradient flow of {name}…")))

    flowed = objectives.flow(latest["state"], slow=latest["slow"], progress=tell)
    mo.Html(look.shown(flowed))
    return (flowed,)


@app.cell
def _(ends, flowed, objectives, page, state, trained):
    page.follow(state, objectives.joined([ends, trained, flowed]))
    page.export()
    return


if __name__ == "__main__":
    app.run()
