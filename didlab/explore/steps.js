// Back and next: two buttons; the arrow keys do the same wherever they move nothing else.
const TAKEN = "input, select, textarea, summary, [role=slider], [role=spinbutton], [contenteditable]";

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = `
    .steps { display: flex; flex-wrap: wrap; gap: 0.6rem; align-items: center; font: 0.9375rem/1.5 system-ui, sans-serif; }
    .steps button { font: inherit; color: var(--ink, #1d1f23); background: var(--card, #fff); cursor: pointer;
      border: 1px solid var(--soft, #5a5f68); border-radius: 999px; padding: 0.25rem 1.1rem; min-height: 2.2rem; }
    .steps button:focus-visible { outline: 3px solid var(--link, #1f4e8c); outline-offset: 2px; }
    .steps button[aria-disabled=true] { opacity: 0.55; cursor: default; }
    .steps span { color: var(--soft, #5a5f68); font-size: 0.8125rem; }`;
  const bar = Object.assign(document.createElement("div"), { className: "steps" });
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Steps of the tour");
  const buttons = [["Back", -1], ["Next", 1]].map(([words, by]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
    button.addEventListener("click", () => go(by));
    bar.append(button);
    return button;
  });
  bar.append(Object.assign(document.createElement("span"), { textContent: "or the keys ← →" }));
  el.replaceChildren(style, bar);
  const inside = (step) => step >= 1 && step <= model.get("count");
  function go(by) {
    const step = model.get("step") + by;
    if (!inside(step)) return;
    model.set("step", step);
    model.save_changes();
  }
  function draw() {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-disabled", String(!inside(model.get("step") + (i ? 1 : -1))));
    });
  }
  const keys = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.composedPath().some((node) => node.matches?.(TAKEN))) return;
    go(by);
    event.preventDefault();
  };
  document.addEventListener("keydown", keys);
  model.on("change:step", draw);
  draw();
  return () => document.removeEventListener("keydown", keys);
}
export default { render };
