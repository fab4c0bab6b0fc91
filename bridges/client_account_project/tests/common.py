from odoo.fields import Command

from odoo.addons.client_account.tests.common import ClientAccountCommon

DONE = "1_done"
OPEN = "01_in_progress"


class ClientProjectCommon(ClientAccountCommon):
    """Lessons as tasks: a client under `prevented`, a company that judges completion,
    a product that is delivered by hand and a project."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref(
            "project.group_project_manager"
        ) | cls.env.ref("sales_team.group_sale_manager")
        cls.company.client_negative_balance = "prevented"
        cls.company.client_judge_completion = True
        cls.lesson = cls._make_product("Lesson")
        cls.project = cls._make_project()
        cls.eur = cls.env.ref("base.EUR")
        cls.eur.active = True
        cls.hour = cls.env.ref("uom.product_uom_hour")
        cls.tutor = cls._make_user("cp_tutor", "project.group_project_user")
        cls.viewer = cls._make_user(
            "cp_viewer",
            "project.group_project_user,client_account.group_client_account_viewer",
        )
        cls.officer = cls._make_user(
            "cp_officer",
            "project.group_project_user,client_account.group_client_account_officer",
        )
        cls.approver = cls._make_user(
            "cp_approver",
            "project.group_project_user,client_account.group_client_account_approver",
        )

    @classmethod
    def _make_product(cls, name, service_type="manual", **values):
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "service",
                "service_type": service_type,
                "invoice_policy": "delivery",
                "taxes_id": [Command.clear()],
                "uom_id": cls.env.ref("uom.product_uom_unit").id,
                **values,
            }
        )

    @classmethod
    def _make_project(cls, client=None, **values):
        return cls.env["project.project"].create(
            {
                "name": "Piano",
                "allow_billable": True,
                "partner_id": (client or cls.client).id,
                "company_id": cls.company.id,
                "type_ids": [Command.create({"name": "To Do"})],
                **values,
            }
        )

    @classmethod
    def _make_line(cls, quantity=10, price=10, product=None, client=None, **values):
        """Confirm an order with one line, without taxes, and return the line."""
        order_values = {
            name: values.pop(name)
            for name in ("partner_invoice_id", "pricelist_id", "company_id", "state")
            if name in values
        }
        confirm = order_values.pop("state", "sale") == "sale"
        order = cls.env["sale.order"].create(
            {
                "partner_id": (client or cls.client).id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": (product or cls.lesson).id,
                            "product_uom_qty": quantity,
                            "price_unit": price,
                            "tax_ids": [Command.clear()],
                            **values,
                        }
                    )
                ],
                **order_values,
            }
        )
        if confirm:
            # Orders may be judged by what they commit; here it is the work that is.
            policy = order.company_id.client_negative_balance
            order.company_id.client_negative_balance = "allowed"
            order.action_confirm()
            order.company_id.client_negative_balance = policy
        return order.order_line

    @classmethod
    def _make_tasks(cls, line, count=1, **values):
        """Make tasks that an order line pays for."""
        return cls.env["project.task"].create(
            [
                {
                    "name": f"Lesson {number + 1}",
                    "project_id": cls.project.id,
                    "partner_id": line.order_id.partner_id.id,
                    "sale_line_id": line.id,
                    **values,
                }
                for number in range(count)
            ]
        )

    @classmethod
    def _bill(cls, line, quantity, post=True, **values):
        """Bill a quantity of a line."""
        line.qty_delivered = max(line.qty_delivered, quantity)
        move = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": line.order_id.partner_invoice_id.id,
                "invoice_date": cls.today,
                "currency_id": line.currency_id.id,
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create(
                        {
                            **line._prepare_invoice_line(quantity=quantity),
                            **values,
                        }
                    )
                ],
            }
        )
        if post:
            move.action_post()
        return move

    def _get_cost(self, task):
        task.invalidate_recordset(["client_completion_cost"])
        return task.client_completion_cost
