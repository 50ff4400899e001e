"""Settings of the documentation: `sphinx-build -W --keep-going -n -c docs . build/docs`.

The source folder is the repository itself, so that README, notebooks and docs link to each other by
the same paths here and where the repository is browsed. Nothing is fetched from a network.
"""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

project = "perovec_bayes"
author = "The perovec_bayes developers"
project_copyright = author
release = version = version_of("perovec_bayes")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "mathml",
    "equations",
    "cards",
    "schemas",
    "repository",
]

root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.md",
    "benchmarks/*.md",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
exclude_patterns = [".*", "build", "dist", "runs", "tests", "examples", "**/.ipynb_checkpoints"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
nb_execution_mode = "cache" if os.environ.get("PEROVEC_DOCS_EXECUTE") else "off"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_cache_path = str(DOCS.parent / "build" / "notebooks")
nb_ipywidgets_js = {}  # they would come from a network

html_math_renderer = "mathml"
math_numfig = False
smartquotes = False  # names and values in the text are typed as they stand

autodoc_typehints = "none"
default_role = "code"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_custom_sections = [("Yields", "returns_style")]

nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r".*")]  # docstrings name types in words

linkcheck_timeout = 20
linkcheck_anchors = False

html_theme = "pydata_sphinx_theme"
html_title = "perovec_bayes"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "perovec_bayes"},
    "show_nav_level": 1,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "use_edit_page_button": False,
}
html_sidebars = {"docs/faq": [], "docs/limits": []}
