from odoo import api, models

# How the page of session credits is called on the account, and on the contact.
SESSION_PAGES = ("sessions", "client_sessions")


class ClientSessionPageMixin(models.AbstractModel):
    """Forms with a page of cards, which is for those only who may read cards.

    No group says who they are: each app that sells gives the right to its own. Without
    it the web client fails on the very list, shown or not.
    """

    _name = "client.session.page.mixin"
    _description = "Page of Session Credits"

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        """Override of the ORM to keep apart what users with other rights are shown."""
        key = super()._get_view_cache_key(view_id, view_type, **options)
        return (*key, self._may_see_session_page())

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Override of the ORM to leave out the page of who may read no cards."""
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "form" and not self._may_see_session_page():
            for page in arch.xpath("//page"):
                if page.get("name") in SESSION_PAGES:
                    page.getparent().remove(page)
        return arch, view

    @api.model
    def _may_see_session_page(self):
        """Tell whether the user may read cards and their history."""
        return self.env["loyalty.card"].has_access("read") and self.env[
            "loyalty.history"
        ].has_access("read")
