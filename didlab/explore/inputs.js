/* What marimo's inputs lack for some people. Behind an upload button there is an input without a name, which no key reaches:
   it is left out of what is heard. The names of number fields carry the markup of their labels: it is taken off. What
   clears an upload is too faint to read. All of it is in shadow trees, which are looked at when they appear and change. */
{
  const inputs = ["marimo-file", "marimo-number", "marimo-slider"].map((tag) => document.getElementsByTagName(tag));
  const seen = new WeakSet();
  const text = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent.trim();
  const mend = (tree) => {
    for (const input of tree.querySelectorAll("input[type=file][tabindex='-1']:not([aria-hidden])"))
      input.setAttribute("aria-hidden", "true");
    for (const input of tree.querySelectorAll('[aria-label*="<"]'))
      input.setAttribute("aria-label", text(input.getAttribute("aria-label")));
    for (const words of tree.querySelectorAll(".text-destructive")) words.style.color = "var(--refuted)";
    for (const words of tree.querySelectorAll(".text-muted-foreground")) words.style.color = "var(--soft)";
  };
  const look = () => {
    for (const { shadowRoot: tree } of inputs.flatMap((found) => [...found])) {
      if (!tree || seen.has(tree)) continue;
      seen.add(tree);
      mend(tree);
      new MutationObserver(() => mend(tree))
        .observe(tree, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true });
}
