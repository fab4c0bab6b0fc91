"""The examples of the documentation, run as if an addon had brought them."""

import re
import textwrap
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from odoo import models
from odoo.orm import model_classes

PAGE = Path(__file__).parents[1] / "docs" / "extending.rst"
BLOCK = re.compile(
    r"^\.\. code-block:: python\n   :name: (\w+)\n\n((?:   .*\n|\n)+)", re.MULTILINE
)


def get_examples():
    """Return {name of an example of the page: its code}."""
    return {
        name: textwrap.dedent(code) for name, code in BLOCK.findall(PAGE.read_text())
    }


class ExampleLoader(InspectLoader):
    """Imports an example as a module of the addon."""

    def __init__(self, source):
        self._source = source

    def get_source(self, _fullname):
        """Return the code of the example."""
        return self._source


class ExamplesMixin:
    """For tests whose models have what examples of the page add to them."""

    # Names of the examples, in the order they build on each other.
    examples = ()

    @classmethod
    def setUpClass(cls):
        """Add the examples to the models, with their columns, until the class ends."""
        super().setUpClass()
        # New columns lock their tables: another connection would wait for them.
        cls.registry_enter_test_mode_cls()
        definitions = cls._run_examples()
        registry = cls.env.registry
        # What Odoo does at the end, to have its models as they were, comes after this.
        for definition in definitions:
            name = definition._name
            if name in registry:
                bases = registry[name]._base_classes__
                cls.addClassCleanup(setattr, registry[name], "_base_classes__", bases)
            else:
                cls.addClassCleanup(cls._forget_model, name)
            model_classes.add_to_registry(registry, definition)
        names = list(dict.fromkeys(definition._name for definition in definitions))
        registry._setup_models__(cls.env.cr, names)
        registry.init_models(cls.env.cr, names, {"module": "client_account"})

    @classmethod
    def _run_examples(cls):
        """Return the models that the examples define."""
        known = models.MetaModel._module_to_models__["client_account"]
        count = len(known)
        code = get_examples()
        try:
            for name in cls.examples:
                loader = ExampleLoader(code[name])
                module = f"odoo.addons.client_account.docs.{name}"
                loader.exec_module(module_from_spec(spec_from_loader(module, loader)))
            return known[count:]
        finally:
            # No other registry is to have them.
            del known[count:]

    @classmethod
    def _forget_model(cls, name):
        registry = cls.env.registry
        del registry.models[name]
        registry["base"]._inherit_children.discard(name)
