"""The report page of a store and its analyses; the only room that knows jinja2."""
