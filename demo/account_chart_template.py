from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Command

ADDON = "client_account"

# The long history: its months, and the price of a lesson since so many months ago.
HISTORY_MONTHS = 18
HISTORY_PRICES = ((12, 40.0), (0, 45.0))


class AccountChartTemplate(models.AbstractModel):
    """The books of the demo clients, who are in `res_partner_demo.xml`.

    They need a chart of accounts, which Odoo loads after all addons where they are
    installed at once, and has loaded already where this one comes later.
    """

    _inherit = "account.chart.template"

    def _post_load_demo_data(self, company=False):
        """Override of `account` to book for the demo clients, too."""
        result = super()._post_load_demo_data(company)
        self._load_client_demo()
        return result

    @api.model
    def _load_client_demo(self):
        """Tell the stories of the demo clients, once, where there are any.

        :return: whether there are demo clients, and accounts to book on
        """
        company = self.env.ref("base.main_company")
        last = self.env.ref(f"{ADDON}.demo_history", raise_if_not_found=False)
        if not last or not company.chart_template:
            return False
        company._setup_client_adjustments()
        accounts = self.env["client.account"].with_company(company)
        if accounts._find_accounts(last, company):
            return True
        demo = self.with_company(company)
        demo._tell_family()
        demo._tell_prepaid()
        demo._tell_on_account()
        demo._tell_over_limit()
        demo._tell_credits()
        demo._tell_foreign()
        demo._tell_history()
        return True

    # === Stories ===

    def _tell_family(self):
        """One account for two children; last month is paid, this month is open."""
        for days, due in ((-38, -24), (-7, 7)):
            self._bill_demo("demo_family_elin", "Piano, four lessons", 160, days, due)
            self._bill_demo("demo_family_oskar", "Chess, four lessons", 120, days, due)
        self._pay_demo("demo_family", 280, -25)

    def _tell_prepaid(self):
        """Money first: it pays each lesson, and she hears when it runs low."""
        account = self._get_demo_account("demo_prepaid")
        account.write(
            {
                "negative_balance": "prevented",
                "low_balance_client": "on",
                "low_balance_client_threshold": 50,
            }
        )
        self._receive_demo("demo_prepaid", 300, -45)
        for days in (-40, -26, -12):
            self._bill_demo("demo_prepaid", "Arabic, one lesson", 60, days, days)

    def _tell_on_account(self):
        """A school that pays a month later, within a limit that was approved."""
        self._grant_demo(
            "demo_on_account",
            2000,
            "Homework club on four afternoons; the contract is signed.",
            payment_term_id=self.env.ref("account.account_payment_term_30days").id,
        )
        self._bill_demo("demo_on_account", "Homework club, April", 640, -62, -32)
        self._pay_demo("demo_on_account", 640, -30)
        self._bill_demo("demo_on_account", "Homework club, May", 720, -20, 10)
        self._bill_demo("demo_on_account", "Reading groups", 480, -5, 25)

    def _tell_over_limit(self):
        """A small limit, and two bills that were not paid: nothing more is posted once
        the policy says so, and the profile says what to do."""
        self._grant_demo("demo_over_limit", 200, "Pays at the end of the month.")
        self._bill_demo("demo_over_limit", "Mathematics, three lessons", 180, -70, -40)
        self._bill_demo("demo_over_limit", "Mathematics, two lessons", 140, -40, -10)
        self._get_demo_account("demo_over_limit").negative_balance = "prevented"

    def _tell_credits(self):
        """Credits of three kinds, all open: a gift, money in advance, a credit note."""
        account = self._get_demo_account("demo_credits")
        account.credit_application = "manual"
        move = self._bill_demo("demo_credits", "Workshop, one day", 95, -35, -21)
        self._pay_demo("demo_credits", 95, -30)
        account.issue_credit(40, "Lesson cancelled by the tutor", date=self._day(-21))
        self._pay_demo("demo_credits", 150, -14)
        move._reverse_moves(
            [{"invoice_date": self._day(-3), "date": self._day(-3)}]
        ).action_post()

    def _tell_foreign(self):
        """Bills in EUR, the first paid in part: the account counts in the company's
        currency."""
        euro = self.env.ref("base.EUR")
        euro.active = True
        values = {"currency_id": euro.id}
        move = self._bill_demo(
            "demo_foreign", "English for teachers, a week", 500, -60, -30, **values
        )
        payments = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=move.ids
        )
        payments.create(
            {"amount": 300, "payment_date": self._day(-28)}
        ).action_create_payments()
        self._bill_demo("demo_foreign", "English, online", 420, -15, 15, **values)

    def _tell_history(self):
        """A year and a half of lessons, each month billed and paid, with one reminder
        fee and one gift; the last month is open."""
        today = self._day(0)
        account = self._get_demo_account("demo_history")
        for month in range(HISTORY_MONTHS, -1, -1):
            price = next(price for since, price in HISTORY_PRICES if month >= since)
            date = today - timedelta(days=30 * month + 4)
            days = (date - today).days
            self._bill_demo(
                "demo_history",
                f"Violin, four lessons, {date:%B %Y}",
                4 * price,
                days,
                days + 14,
            )
            if month == 9:
                account.charge(15, "Reminder fee", date=self._day(days + 20))
            if month == 6:
                account.issue_credit(20, "Brought a friend", date=self._day(days + 2))
            if month:
                owed = -account.balance
                self._pay_demo("demo_history", owed, days + 12)

    # === Builders ===

    @api.model
    def _day(self, days):
        """Return the day so many days from today."""
        return fields.Date.context_today(self) + timedelta(days=days)

    def _get_demo_account(self, name):
        """Return the account of a demo client, by the name of its contact."""
        partner = self.env.ref(f"{ADDON}.{name}")
        return self.env["client.account"]._get_or_create(partner, self.env.company)

    def _bill_demo(self, name, text, amount, days, due, **values):
        """Post an invoice of a demo contact and return it."""
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.env.ref(f"{ADDON}.{name}").id,
                "invoice_date": self._day(days),
                "invoice_date_due": self._day(due),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": text,
                            "price_unit": amount,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
                **values,
            }
        )
        move.action_post()
        return move

    def _pay_demo(self, name, amount, days):
        """Receive a payment of a demo client; it pays what is owed, oldest first."""
        partner = self.env.ref(f"{ADDON}.{name}")
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": partner.id,
                "amount": amount,
                "date": self._day(days),
            }
        )
        payment.action_post()
        self._get_demo_account(name).apply_credits()

    def _receive_demo(self, name, amount, days):
        """Receive money in advance through the account of a demo client."""
        self.env["client.account.payment"].create(
            {
                "account_id": self._get_demo_account(name).id,
                "amount": amount,
                "date": self._day(days),
            }
        ).action_confirm()

    def _grant_demo(self, name, limit, reason, **values):
        """Have a limit requested by the demo user, or else by Odoo, and approved by the
        administrator: nobody approves what they have asked for."""
        user = self.env.ref("base.user_demo", raise_if_not_found=False)
        request = (
            self.env["client.account.request"]
            .with_user(user or self.env.ref("base.user_root"))
            .create(
                {
                    "partner_id": self.env.ref(f"{ADDON}.{name}").id,
                    "requested_limit": limit,
                    "reason": reason,
                    **values,
                }
            )
        )
        request.action_submit()
        request.with_user(self.env.ref("base.user_admin")).action_approve()
