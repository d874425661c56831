// Bars whose heights are moved by pointer or keys. One tab stop: left and right go from bar to bar, up and down move one.
function render({ model, el }) {
  const most = model.get("most");
  const box = document.createElement("div");
  box.className = "bars";
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", model.get("label"));
  const style = document.createElement("style");
  style.textContent = `
    .bars { display: flex; gap: 2px; align-items: flex-end; height: 150px; max-width: 100%; touch-action: none;
      border-bottom: 1px solid var(--soft, #666); padding-top: 4px; }
    .bars .slot { flex: 1 1 0; min-width: 4px; height: 100%; display: flex; align-items: flex-end; cursor: ns-resize; }
    .bars .slot:focus-visible { outline: 3px solid var(--link, #1f4e8c); outline-offset: 1px; border-radius: 3px; }
    .bars .fill { width: 100%; background: var(--s0, #0072b2); border-radius: 2px 2px 0 0; min-height: 2px; }
    .hint { font: 0.8125rem/1.4 system-ui, sans-serif; color: var(--soft, #5a5f68); margin: 0.3rem 0 0; }`;
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "Drag a bar, or choose one by ← → and move it by ↑ ↓.";
  el.replaceChildren(style, box, hint);
  const slots = model.get("weights").map((_, i) => {
    const slot = document.createElement("div");
    slot.className = "slot";
    slot.tabIndex = i ? -1 : 0;
    slot.setAttribute("role", "slider");
    slot.setAttribute("aria-orientation", "vertical");
    slot.setAttribute("aria-label", `outcome ${i + 1}`);
    slot.setAttribute("aria-valuemin", "1");
    slot.setAttribute("aria-valuemax", String(most));
    slot.append(Object.assign(document.createElement("div"), { className: "fill" }));
    box.append(slot);
    return slot;
  });
  function draw() {
    model.get("weights").forEach((w, i) => {
      slots[i].firstChild.style.height = `${(100 * w) / most}%`;
      slots[i].setAttribute("aria-valuenow", String(w));
    });
  }
  let waiting = false;
  function set(i, w) {
    const weights = [...model.get("weights")];
    weights[i] = Math.max(1, Math.min(most, Math.round(w)));
    model.set("weights", weights);
    model.set("touched", true);
    draw();
    if (waiting) return;
    waiting = true; // one message for each frame, whatever the pointer does
    requestAnimationFrame(() => { waiting = false; model.save_changes(); });
  }
  function focus(i) {
    const at = Math.max(0, Math.min(slots.length - 1, i));
    slots.forEach((s, j) => { s.tabIndex = j === at ? 0 : -1; });
    slots[at].focus();
  }
  let held = -1;
  const height = (event) => {
    const r = box.getBoundingClientRect();
    return (most * (r.bottom - event.clientY)) / (r.height - 4);
  };
  box.addEventListener("pointerdown", (event) => {
    held = slots.findIndex((s) => s.contains(event.target));
    if (held < 0) return;
    box.setPointerCapture(event.pointerId);
    focus(held);
    set(held, height(event));
    event.preventDefault();
  });
  box.addEventListener("pointermove", (event) => { if (held >= 0) set(held, height(event)); });
  for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, () => { held = -1; });
  box.addEventListener("keydown", (event) => {
    const i = slots.indexOf(event.target);
    if (i < 0) return;
    const w = model.get("weights")[i];
    const move = { ArrowUp: most / 50, ArrowDown: -most / 50, PageUp: most / 5, PageDown: -most / 5 }[event.key];
    if (move) set(i, w + move);
    else if (event.key === "ArrowRight") focus(i + 1);
    else if (event.key === "ArrowLeft") focus(i - 1);
    else if (event.key === "Home") set(i, 1);
    else if (event.key === "End") set(i, most);
    else return;
    event.preventDefault();
  });
  model.on("change:weights", draw);
  draw();
}
export default { render };
