/* Marimo's inputs for those who hear them. Behind an upload button there is an input without a name, which no key reaches:
   it is left out. The names of number fields carry the markup of their labels: it is taken off. Both are in shadow trees,
   which are looked at when they appear and when they change. */
{
  const named = ["marimo-file", "marimo-number", "marimo-slider"].map((tag) => document.getElementsByTagName(tag));
  const seen = new WeakSet();
  const text = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent.trim();
  const name = (tree) => {
    for (const input of tree.querySelectorAll("input[type=file][tabindex='-1']:not([aria-hidden])"))
      input.setAttribute("aria-hidden", "true");
    for (const input of tree.querySelectorAll('[aria-label*="<"]'))
      input.setAttribute("aria-label", text(input.getAttribute("aria-label")));
  };
  const look = () => {
    for (const { shadowRoot: tree } of named.flatMap((found) => [...found])) {
      if (!tree || seen.has(tree)) continue;
      seen.add(tree);
      name(tree);
      new MutationObserver(() => name(tree))
        .observe(tree, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true });
}
