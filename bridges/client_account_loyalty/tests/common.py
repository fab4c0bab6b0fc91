from datetime import timedelta

from odoo.addons.client_account.tests.common import ClientAccountCommon

OFFICER = "client_account.group_client_account_officer"
VIEWER = "client_account.group_client_account_viewer"


class ClientLoyaltyCommon(ClientAccountCommon):
    """Programs of sessions, cards, and who reads them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pupil = cls.env["res.partner"].create(
            {
                "name": "Ida Pupil",
                "parent_id": cls.client.id,
                "email": "ida@client.example",
            }
        )
        cls.piano = cls._make_program("Piano Pack")
        cls.officer = cls._make_user("loy_officer", OFFICER)
        cls.viewer = cls._make_user("loy_viewer", VIEWER)
        cls.employee = cls._make_user("loy_employee", "base.group_user")
        cls.seller = cls._make_seller()

    @classmethod
    def _make_program(cls, name, program_type="loyalty", **values):
        """Make a program as the app *Sales* does for packs of sessions."""
        # Sudo: a salesperson's manager does this in the app.
        return (
            cls.env["loyalty.program"]
            .sudo()
            .create(
                {
                    "name": name,
                    "program_type": program_type,
                    "applies_on": "future",
                    "trigger": "auto",
                    "portal_point_name": "sessions",
                    "company_id": cls.company.id,
                    "currency_id": cls.company.currency_id.id,
                    **values,
                }
            )
        )

    @classmethod
    def _make_card(cls, points, partner=None, program=None, days=None, **values):
        """Make a card that expires so many days from now, None for never."""
        cards = cls.env["loyalty.card"].sudo()
        card = cards.with_context(loyalty_no_mail=True).create(
            {
                "program_id": (program or cls.piano).id,
                "partner_id": (partner or cls.client).id,
                "points": points,
                "expiration_date": days is not None
                and cls.today + timedelta(days=days),
                **values,
            }
        )
        return card.with_env(cards.env)

    @classmethod
    def _make_seller(cls):
        """Make a user with the rights that the apps give salespeople and the till."""
        group = cls.env["res.groups"].sudo().create({"name": "Sells Packs"})
        access = cls.env["ir.model.access"].sudo()
        for model, rights in (
            ("loyalty.program", "r"),
            ("loyalty.card", "rw"),
            ("loyalty.history", "rwc"),
            ("loyalty.card.update.balance", "rwc"),
        ):
            access.create(
                {
                    "name": f"{model} seller",
                    "model_id": cls.env["ir.model"]._get_id(model),
                    "group_id": group.id,
                    "perm_read": "r" in rights,
                    "perm_write": "w" in rights,
                    "perm_create": "c" in rights,
                }
            )
        seller = cls._make_user("loy_seller", "base.group_user")
        seller.sudo().group_ids += group
        return seller
