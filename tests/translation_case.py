"""What a template of translations has to hold: every text of its addon."""

import fnmatch
import os
from pathlib import Path

import polib

from odoo.modules.module import get_module_path
from odoo.tests import TransactionCase
from odoo.tools.translate import TranslationModuleReader

# Folders of the checkout with nothing of the addon's own.
OTHERS = {".dev", ".git", "bridges", "tests"}


class AddonReader(TranslationModuleReader):
    """Odoo's export of the texts of one addon, which looks at its own files only."""

    def __init__(self, cr, module):
        # Where files are found through links the paths still have to be an addon's.
        self.folder = get_module_path(module)
        super().__init__(cr, modules=[module])

    def _export_translatable_resources(self):
        """Override of Odoo's: it walks through all addons there are."""
        path = os.path.dirname(self.folder)
        for root, folders, files in os.walk(self.folder):
            folders[:] = set(folders) - OTHERS
            kinds = [("*.py", "odoo.tools.babel:extract_python", ("_", "_lt"))]
            if "/static/src" in root:
                kinds += [
                    ("*.js", "odoo.tools.babel:extract_javascript", ("_t",)),
                    ("*.xml", "odoo.tools.translate:babel_extract_qweb", ("_",)),
                ]
            for pattern, method, keywords in kinds:
                for name in fnmatch.filter(files, pattern):
                    self._babel_extract_terms(
                        name,
                        path,
                        root,
                        method,
                        extra_comments=[],
                        extract_keywords=dict.fromkeys(keywords),
                    )


class TranslationCase(TransactionCase):
    """Compares templates with what Odoo exports."""

    def _check_template(self, module):
        """Fail unless the template of an addon holds its texts, and no others."""
        texts = {
            row[4]
            for row in AddonReader(self.env.cr, module)
            # What a form on a website calls our models is the website's own.
            if row[2] != "ir.model,website_form_label"
        }
        template = Path(get_module_path(module), "i18n", f"{module}.pot")
        named = {entry.msgid for entry in polib.pofile(str(template))}
        self.assertTrue(texts)
        self.assertEqual(sorted(texts - named), [], "not in the template")
        self.assertEqual(sorted(named - texts), [], "in the template alone")
