"""What users read in every language, and what the list of apps shows."""

import re
from collections import Counter
from pathlib import Path

import polib
from lxml import etree, html

from odoo.tests import tagged
from odoo.tools import file_path

from odoo.addons.base.models.ir_qweb import ALLOWED_KEYWORD

from .translation_case import TranslationCase

ROOT = Path(__file__).parents[1]
LANGUAGES = {"de", "es", "fr", "nl"}
# Values that a text is given.
PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|%[sd]|%%|\$\{\w+\}")
TAG = re.compile(r"</?(\w+)")


@tagged("post_install", "-at_install")
class TestTranslations(TranslationCase):
    def test_templates_hold_every_text(self):
        """The addon's where it is alone, for other apps add theirs to its models; those
        of the bridges where they are installed."""
        addons = self.env["ir.module.module"].search(
            [("name", "=like", "client_account%"), ("state", "=", "installed")]
        )
        bridges = set(addons.mapped("name")) - {"client_account"}
        for name in sorted(bridges) or ["client_account"]:
            with self.subTest(addon=name):
                self._check_template(name)

    def test_every_text_is_translated(self):
        folders = [ROOT / "i18n", *sorted(ROOT.glob("bridges/*/i18n"))]
        self.assertGreater(len(folders), 1)
        for folder in folders:
            (template,) = folder.glob("*.pot")
            names = {entry.msgid for entry in polib.pofile(str(template))}
            self.assertEqual({path.stem for path in folder.glob("*.po")}, LANGUAGES)
            for path in folder.glob("*.po"):
                entries = polib.pofile(str(path))
                with self.subTest(module=folder.parent.name, language=path.stem):
                    self.assertEqual({entry.msgid for entry in entries}, names)
                    self.assertFalse(entries.untranslated_entries())
                    self.assertFalse(entries.fuzzy_entries())
                    self._check_values(entries)

    def _check_values(self, entries):
        """Every text has the values and the tags of the English one."""
        for entry in entries:
            for pattern in (PLACEHOLDER, TAG):
                self.assertEqual(
                    Counter(pattern.findall(entry.msgstr)),
                    Counter(pattern.findall(entry.msgid)),
                    entry.msgid,
                )

    def test_no_sentence_is_cut_in_pieces(self):
        """On the clients' pages and in reports: what stands before a value names it or
        ends a sentence, and no words come after one."""
        paths = [
            *ROOT.glob("views/*templates.xml"),
            *ROOT.glob("report/*.xml"),
            *ROOT.glob("bridges/*/views/*templates.xml"),
        ]
        self.assertGreater(len(paths), 3)
        for path in paths:
            for value in etree.parse(path).xpath("//*[@t-out or @t-field or @t-call]"):
                before = value.getprevious()
                before = value.getparent().text if before is None else before.tail
                with self.subTest(path.name, line=value.sourceline):
                    self.assertRegex((before or "").strip(), r"^$|[.:(]$")
                    self.assertNotRegex(value.tail or "", r"\w")

    def test_no_value_of_a_page_has_a_name_that_qweb_has_taken(self):
        """QWeb reads `range` and its like as Python's own, whatever was set."""
        paths = [*ROOT.glob("*/*.xml"), *ROOT.glob("bridges/*/*/*.xml")]
        self.assertGreater(len(paths), 3)
        for path in paths:
            names = set(etree.parse(path).xpath("//@t-set | //@t-as"))
            self.assertFalse(names & ALLOWED_KEYWORD, path.name)

    def test_each_bridge_has_its_texts(self):
        for manifest in ROOT.glob("bridges/*/__manifest__.py"):
            name = manifest.parent.name
            self.assertTrue((manifest.parent / "i18n" / f"{name}.pot").exists(), name)

    def test_page_of_the_app_shows_its_pictures(self):
        module = self.env.ref("base.module_client_account")
        sources = html.fromstring(module.description_html).xpath("//img/@src")
        self.assertGreater(len(sources), 4)
        for source in sources:
            self.assertTrue(file_path(source.removeprefix("/")))
        readme = (ROOT / "README.rst").read_text()
        for name in re.findall(r"^\.\. image:: (.+)$", readme, re.MULTILINE):
            self.assertTrue((ROOT / name).is_file(), name)
