import re

from odoo.addons.client_account_sale.tests.test_order_portal import OrderPortalCase

PAYMENT, CONFIRMATION = "/shop/payment", "/shop/confirmation"


class ShopCase(OrderPortalCase):
    """The web shop of the company, and clients whose carts wait for payment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.portal_confirmation_pay = False
        # Sudo: the accountant of these tests edits no website.
        cls.website = cls.env.ref("website.default_website").sudo()
        cls.website.company_id = cls.company
        for partner in cls.client | cls.other_client:
            partner.write(
                {
                    "email": f"client{partner.id}@example.com",
                    "phone": "+32 2 555 01 00",
                    "street": "Lesson Lane 1",
                    "zip": "1000",
                    "city": "Brussels",
                    "country_id": cls.env.ref("base.be").id,
                }
            )
        cls.lesson.website_published = True

    @classmethod
    def _make_cart(cls, *args, **values):
        """Make a quotation that the shop takes up as the cart of whoever it is for."""
        return cls._make_order(*args, **{"website_id": cls.website.id, **values})

    def _open_payment(self, user=None):
        """Return the page of payment as a client sees it."""
        self._sign_in(self.portal_user if user is None else user)
        return self.url_open(PAYMENT)

    def _read_form(self, page):
        """Return the fields of the form on a page that pays with credit, None where
        there is none."""
        form = re.search(r"(?s)<form[^>]*o_client_pay_order.*?</form>", page.text)
        return form and dict(
            re.findall(r'name="(total|credit)"\s+value="([^"]*)"', form[0])
        )

    def _get_shop_form(self, user=None):
        return self._read_form(self._open_payment(user))

    def _pay_cart(self, cart, user=None, csrf=True, sign_in=True, **data):
        """Press “Pay With Credit” at the cart, and return the answer.

        :param bool sign_in: False to go on in the session of the last page
        """
        data = {"total": "110.00", "credit": "110.00", **data}
        if sign_in:
            self._sign_in(self.portal_user if user is None else user)
        if csrf:
            page = self.url_open("/my/security").text
            data["csrf_token"] = re.search(r'csrf_token: "([^"]+)"', page)[1]
        path = f"{PAYMENT}/client_credit/{getattr(cart, 'id', cart)}"
        return self.url_open(path, data=data, allow_redirects=False)

    def _read_words(self, page):
        """Return the words of a page."""
        text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page.text)
        return re.sub(r"\s+", " ", text.replace("\xa0", " ").replace("&nbsp;", " "))

    def _read_confirmation(self):
        """Return the words of the page that the last payment led to."""
        return self._read_words(self.url_open(CONFIRMATION))

    def _begin_transaction(self, order, provider=None, **params):
        """Choose a payment method for a cart, and return the answer as JSON."""
        params = {
            "provider_id": (provider or self.provider).id,
            "payment_method_id": self.method.id,
            "token_id": None,
            "flow": "redirect",
            "tokenization_requested": False,
            "landing_route": "/shop/payment/validate",
            "access_token": order._portal_ensure_token(),
            **params,
        }
        return self.url_open(
            f"{PAYMENT}/transaction/{order.id}",
            json={"jsonrpc": "2.0", "method": "call", "params": params},
        ).json()

    def assertLeadsTo(self, answer, path):
        self.assertEqual(answer.status_code, 303, answer.text[:500])
        self.assertTrue(answer.headers["Location"].endswith(path), answer.headers)
