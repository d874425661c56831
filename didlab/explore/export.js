// Keeps the address at the state that is shown, and saves what is on the page. Nothing leaves the browser.
const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family",
  "font-size", "font-weight", "text-anchor"];

function save(name, type, content) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

// The drawing with its style written into it, so that it stands alone.
function alone(svg) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const property of KEPT) to[i].style.setProperty(property, style.getPropertyValue(property));
  });
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  ground.setAttribute("fill", getComputedStyle(document.documentElement).getPropertyValue("--card") || "white");
  copy.prepend(ground);
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

function png({ text, width, height }, done) {
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * width;
    canvas.height = 2 * height;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(done, "image/png");
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

function render({ model, el }) {
  const address = () => location.pathname + (model.get("query") ? `?${model.get("query")}` : "");
  const follow = () => history.replaceState(history.state, "", address());
  const bar = document.createElement("div");
  bar.className = "export";
  const said = Object.assign(document.createElement("span"), { className: "said" });
  said.setAttribute("role", "status");
  const style = document.createElement("style");
  style.textContent = `
    .export { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; font: 0.9375rem/1.5 system-ui, sans-serif; }
    .export button { font: inherit; color: var(--ink, #1d1f23); background: var(--card, #fff); cursor: pointer;
      border: 1px solid var(--soft, #5a5f68); border-radius: 999px; padding: 0.2rem 0.9rem; min-height: 2rem; }
    .export button:focus-visible { outline: 3px solid var(--link, #1f4e8c); outline-offset: 2px; }
    .export .said { color: var(--soft, #5a5f68); }`;
  const copied = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = `${what} copied.`;
    } catch {
      said.textContent = `The browser does not allow copying; it is: ${text}`;
    }
  };
  const acts = {
    "Copy link": () => copied(location.origin + address(), "Link"),
    "Save numbers (CSV)": () => save(`${model.get("name")}.csv`, "text/csv", model.get("csv")),
    "Copy Python": () => copied(model.get("python"), "Python"),
  };
  for (const [words, act] of Object.entries(acts)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
    button.addEventListener("click", act);
    bar.append(button);
  }
  bar.append(said);
  el.replaceChildren(style, bar);
  const pictures = (event) => {
    const button = event.target.closest?.("button[data-save]");
    if (!button) return;
    const name = button.dataset.picture;
    const drawn = alone(document.querySelector(`#${CSS.escape(name)} svg`));
    const file = `${model.get("name")}-${name}.${button.dataset.save}`;
    if (button.dataset.save === "svg") save(file, "image/svg+xml", drawn.text);
    else png(drawn, (blob) => save(file, "image/png", blob));
  };
  document.addEventListener("click", pictures);
  model.on("change:query", follow);
  follow();
  return () => document.removeEventListener("click", pictures);
}
export default { render };
