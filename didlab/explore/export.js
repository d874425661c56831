// Keeps the address at the state that is shown, and saves what is on the page. Nothing leaves the browser.
const KEPT = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "opacity",
  "font-family", "font-size", "font-weight", "text-anchor"];
const PATIENCE = 15000; // milliseconds until one is told that no file came

const size = (bytes) => bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB`
  : `${(bytes / 1e6).toFixed(1)} MB`;

function save(name, type, content) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

function styled(svg) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const property of KEPT) to[i].style.setProperty(property, style.getPropertyValue(property));
  });
  return copy;
}

// The drawing and its legend with their style written into them, so that they stand alone.
function alone(svg) {
  const copy = styled(svg);
  const width = svg.viewBox.baseVal.width;
  let height = svg.viewBox.baseVal.height;
  for (const item of svg.closest("figure")?.querySelectorAll(".legend li") ?? []) {
    copy.append(...named(item, height));
    height += 18;
  }
  copy.setAttribute("viewBox", `0 0 ${width} ${height}`);
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

// One line of the legend: its sample, and its words.
function named(item, top) {
  const made = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const drawn = item.querySelector("svg");
  const sample = drawn ? styled(drawn) : made("rect", { width: 9, height: 9, rx: 2,
    fill: getComputedStyle(item.querySelector(".key")).backgroundColor });
  sample.setAttribute("x", 52);
  sample.setAttribute("y", top + 2);
  const words = made("text", { x: drawn ? 84 : 70, y: top + 12, "font-size": 11, "font-family": "system-ui, sans-serif",
    fill: getComputedStyle(item).color });
  words.textContent = item.textContent;
  return [sample, words];
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
  const follow = () => {
    history.replaceState(history.state, "", address());
    said.textContent = "";
  };
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
  let waiting;
  const acts = {
    "Copy link": () => copied(location.origin + address(), "Link"),
    "Save numbers (CSV)": () => save(`${model.get("name")}.csv`, "text/csv", model.get("csv")),
    "Copy Python": () => copied(model.get("python"), "Python"),
    "Save this state": () => {
      said.textContent = "Writing the state…";
      waiting = setTimeout(() => { said.textContent = "No answer: is the app still running?"; }, PATIENCE);
      model.send({});
    },
  };
  // The file of a state comes from the app: it may hold a table, which is not in the page.
  const written = (file, [content]) => {
    clearTimeout(waiting);
    save(file.name, "application/octet-stream", content);
    said.textContent = "State saved.";
  };
  const weight = document.createElement("span");
  weight.className = "said";
  const weigh = () => { weight.textContent = model.get("table") ? `(with its table, ${size(model.get("table"))})` : ""; };
  for (const [words, act] of Object.entries(acts)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
    button.addEventListener("click", act);
    bar.append(button);
  }
  bar.append(weight, said);
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
  model.on("change:table", weigh);
  model.on("msg:custom", written);
  follow();
  weigh();
  return () => {
    document.removeEventListener("click", pictures);
    model.off("msg:custom", written);
  };
}
export default { render };
