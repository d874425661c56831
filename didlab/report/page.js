(() => {
  "use strict";
  const cards = [...document.querySelectorAll("[data-verdict]")];
  const papers = [...document.querySelectorAll(".paper")];
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const state = { paper: "", verdict: "" };
  const haystack = new Map(cards.map((c) => [c, c.dataset.words.toLowerCase()]));

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const fits = (!state.verdict || card.dataset.verdict === state.verdict) &&
        (!state.paper || card.dataset.paper === state.paper) &&
        words.every((w) => haystack.get(card).includes(w));
      card.hidden = !fits;
      shown += fits;
    }
    if (words.length || ["needs-model", "not yet judged"].includes(state.verdict)) {
      for (const d of document.querySelectorAll("details.rest")) d.open = true;
    }
    for (const section of papers) section.hidden = !section.querySelector("[data-verdict]:not([hidden])");
    for (const button of document.querySelectorAll("button[data-filter]")) {
      button.setAttribute("aria-pressed", String((button.dataset.paper || "") === state.paper &&
        button.dataset.filter === state.verdict));
    }
    count.textContent = shown === cards.length ? `All ${shown} statements` : `${shown} of ${cards.length} statements`;
    none.hidden = shown > 0;
  }

  function clear() {
    state.paper = state.verdict = search.value = "";
    apply();
  }

  function follow() {
    let id = "";
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const card = id && document.getElementById(id);
    if (!card || !cards.includes(card)) return;
    if (card.hidden) clear();
    const around = card.closest("details");
    for (const d of [...card.querySelectorAll("details"), ...(around ? [around] : [])]) d.open = true;
    card.scrollIntoView();
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("filter" in button.dataset) {
      const paper = button.dataset.paper || "", verdict = button.dataset.filter;
      const same = state.paper === paper && state.verdict === verdict;
      state.paper = same ? "" : paper;
      state.verdict = same ? "" : verdict;
      apply();
      if (button.closest(".summary") && !same) document.getElementById("statements").scrollIntoView();
    } else if ("copy" in button.dataset) {
      const before = button.textContent;
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(button.parentElement.querySelector("code"));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = before; }, 1500);
    } else if (button.id === "unfold") {
      const open = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(open));
      for (const d of document.querySelectorAll(".claim details")) d.open = open;
    }
  });
  search.addEventListener("input", apply);
  search.addEventListener("keydown", (e) => { if (e.key === "Escape") clear(); });
  addEventListener("hashchange", follow);
  apply();
  follow();
})();
