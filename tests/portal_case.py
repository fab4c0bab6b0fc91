import re
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import HttpCase

from .common import ClientAccountCommon

FORM = (
    "<form action='dummy' method='post'><input name='v' t-att-value='viewid'/></form>"
)


class OnlinePaymentCommon(ClientAccountCommon):
    """A provider of online payments whose journal books what it takes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.method = cls.env.ref("payment.payment_method_unknown")
        cls.provider = cls._make_provider(cls.company)
        cls.method.write({"active": True, "support_tokenization": True})
        line = cls.company_data["default_journal_bank"].inbound_payment_method_line_ids
        line[:1].payment_provider_id = cls.provider
        cls.provider.invalidate_recordset(["journal_id"])

    @classmethod
    def _make_provider(cls, company):
        form = cls.env["ir.ui.view"].create({"type": "qweb", "arch": FORM})
        return cls.env["payment.provider"].create(
            {
                "name": f"Card of {company.name}",
                "code": "none",
                "state": "test",
                "is_published": True,
                "company_id": company.id,
                "allow_tokenization": True,
                "redirect_form_view_id": form.id,
                "payment_method_ids": [Command.set(cls.method.ids)],
            }
        )

    @classmethod
    def _make_wire_provider(cls):
        """Make a provider of wire transfers: the code is that of `payment_custom`, on
        which this addon does not depend."""
        wire = cls._make_provider(cls.company)
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE payment_provider SET code = 'custom' WHERE id = %s", [wire.id]
        )
        wire.invalidate_recordset()
        return wire

    @classmethod
    def _make_transaction(cls, amount, purpose="top_up", account=None, **values):
        """Make a transaction on an account as the portal does."""
        account = account or cls.account
        return cls.env["payment.transaction"].create(
            {
                "provider_id": cls.provider.id,
                "payment_method_id": cls.method.id,
                "amount": amount,
                "currency_id": account.currency_id.id,
                "partner_id": account.partner_id.id,
                "operation": "online_redirect",
                "client_account_id": account.id,
                "client_purpose": purpose,
                **values,
            }
        )

    def _support_capture(self):
        """Let providers reserve money that is captured later, in parts."""
        providers = type(self.provider)
        compute = providers._compute_feature_support_fields

        def support(provider):
            compute(provider)
            provider.support_manual_capture = "partial"

        self.startPatcher(
            patch.object(providers, "_compute_feature_support_fields", support)
        )
        self.provider.invalidate_recordset()

    def _finish(self, transaction, state="done"):
        """Let the provider say what became of a transaction."""
        getattr(
            transaction,
            {
                "done": "_set_done",
                "pending": "_set_pending",
                "cancel": "_set_canceled",
                "error": "_set_error",
            }[state],
        )(*(["Declined"] if state == "error" else []))
        transaction._post_process()


class PortalCase(OnlinePaymentCommon, HttpCase):
    """Two clients who sign in to the portal."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = "/my/client_account"
        cls.portal_user = cls._make_portal_user("portal_client", cls.client)
        cls.other_user = cls._make_portal_user("portal_other", cls.other_client)

    @classmethod
    def _make_portal_user(cls, login, partner):
        users = cls.env["res.users"].with_context(no_reset_password=True)
        return users.create(
            {
                "login": login,
                "password": login,
                "partner_id": partner.id,
                "group_ids": [Command.set(cls.env.ref("base.group_portal").ids)],
                "company_id": cls.company.id,
                "company_ids": [Command.set(cls.company.ids)],
            }
        )

    def _sign_in(self, user):
        login = user.login if user else None
        self.authenticate(login, login)

    def _get(self, path="", user=None):
        """Open a page as a client and return the answer."""
        self._sign_in(self.portal_user if user is None else user)
        return self.url_open(self.home + path)

    def _get_text(self, path="", user=None):
        """Return the words of a page."""
        answer = self._get(path, user)
        self.assertEqual(answer.status_code, 200, answer.url)
        text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", answer.text)
        return re.sub(r"\s+", " ", text.replace("\xa0", " ").replace("&nbsp;", " "))

    def _post(self, path, data, user=None, csrf=True):
        """Send a form as a client, without following where it leads."""
        self._sign_in(self.portal_user if user is None else user)
        data = dict(data)
        if csrf:
            page = self.url_open("/my/security").text
            data["csrf_token"] = re.search(r'csrf_token: "([^"]+)"', page)[1]
        return self.url_open(self.home + path, data=data, allow_redirects=False)

    def _get_token(self, path, user=None):
        """Return the access token of the payment form on a page."""
        page = self._get(path, user)
        return re.search(r'data-access-token="([^"]+)"', page.text)[1]

    def _call(self, path, **params):
        """Call a transaction route of the session and return the answer as JSON."""
        values = {
            "provider_id": self.provider.id,
            "payment_method_id": self.method.id,
            "token_id": None,
            "flow": "redirect",
            "tokenization_requested": False,
            "landing_route": "https://example.com/elsewhere",
            "is_validation": False,
            **params,
        }
        return self.url_open(
            path if path.startswith("/invoice") else self.home + path,
            json={"jsonrpc": "2.0", "method": "call", "params": values},
        ).json()

    def _get_transactions(self):
        return self.env["payment.transaction"].search([], order="id desc")
