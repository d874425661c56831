"""The interactive app: each part is a state, what is shown for it, and a page that joins the two."""
