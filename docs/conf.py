"""How Sphinx builds these pages: `make docs`."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import gatewise

project = "gatewise"
author = "the gatewise authors"
copyright = "the gatewise authors, Apache License 2.0"
version = release = gatewise.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_nb",
    "generators",
]
exclude_patterns = ["_build", "_ext", "pictures"]
myst_enable_extensions = ["colon_fence", "attrs_inline", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = os.environ.get("NOTEBOOKS", "cache")  # "off" builds the pages without their results
nb_execution_timeout = 180
suppress_warnings = ["myst-nb.lexer"] if nb_execution_mode == "off" else []  # a kernel names its language
nb_execution_in_temp = True  # notebooks write files
nb_execution_raise_on_error = True

default_role = "code"
smartquotes = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Beyond torch.nn", "params_style")]
add_module_names = False
toc_object_entries_show_parents = "hide"
nitpick_ignore_regex = [  # types in signatures that have no page here
    ("py:.*", r"(?!gatewise\.).*"),  # those of other libraries
    ("py:class", r"gatewise\.(benchmark|compiler|data|modules|plots|report|shipping|tasks|training)\..*"),
    ("py:class", r"gatewise\.(cells\.(expressions|formula|notation)|engine|insight|metrics)\..*"),
    ("py:class", r"gatewise\.(estimators\.base\.Estimator|layers\.states\.StateForm)"),
]
html_theme = "furo"
html_title = f"gatewise {release}"
html_static_path = ["_static"]
html_css_files = ["gatewise.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"
pygments_style = "friendly"
pygments_dark_style = "monokai"
