from odoo import api, models
from odoo.tools import SQL

READ_TIMESHEET_FIELDS = {
    "account.analytic.line": (
        "task_id",
        "so_line",
        "unit_amount",
        "product_uom_id",
        "project_id",
        "timesheet_invoice_id",
    ),
    "account.move": ("payment_state",),
}


class ClientAccount(models.Model):
    """Work that is billed by its timesheets: a task costs the hours on it that are not
    billed, each at the price of its own order line."""

    _inherit = "client.account"

    @api.model
    def _flush_work(self):
        """Override to have the database know timesheets, too."""
        result = super()._flush_work()
        for name, field_names in READ_TIMESHEET_FIELDS.items():
            self.env[name].flush_model(field_names)
        return result

    @api.model
    def _get_work_pieces_sql(self):
        """Override to add the hours of tasks whose own line is billed by timesheets.

        Hours that were prepaid are billed with their line, as any other.
        """
        return SQL(
            """
            %(pieces)s
             UNION ALL
            SELECT line.id, 'project.task', task.id,
                   sheet.unit_amount * COALESCE(sheet_uom.factor, 1) / uom.factor,
                   %(status)s, GREATEST(task.write_date, sheet.write_date)
              FROM work_order
              JOIN sale_order_line line ON line.order_id = work_order.id
              JOIN uom_uom uom ON uom.id = line.product_uom_id
              JOIN product_product product ON product.id = line.product_id
              JOIN product_template template ON template.id = product.product_tmpl_id
              JOIN account_analytic_line sheet ON sheet.so_line = line.id
              JOIN project_task task ON task.id = sheet.task_id
              JOIN sale_order_line paying ON paying.id = task.sale_line_id
              LEFT JOIN project_task parent ON parent.id = task.parent_id
              LEFT JOIN uom_uom sheet_uom ON sheet_uom.id = sheet.product_uom_id
              LEFT JOIN account_move move ON move.id = sheet.timesheet_invoice_id
             WHERE line.qty_delivered_method = 'timesheet'
               AND paying.qty_delivered_method = 'timesheet'
               AND sheet.project_id IS NOT NULL
               AND parent.sale_line_id IS DISTINCT FROM task.sale_line_id
               AND NOT (%(unbound)s AND COALESCE(move.state = 'posted'
                        AND move.payment_state != 'reversed', FALSE))
            """,
            pieces=super()._get_work_pieces_sql(),
            status=self._get_task_status_sql(),
            unbound=self._get_work_unbound_sql(),
        )

    @api.model
    def _get_work_by_task_sql(self):
        """Override as timesheets say how much of a line is done."""
        return SQL(
            "(%s AND line.qty_delivered_method IS DISTINCT FROM 'timesheet')",
            super()._get_work_by_task_sql(),
        )

    @api.model
    def _get_work_unbound_sql(self):
        """Override as all hours are billed that are sold as delivered, and each says
        by which invoice."""
        return SQL(
            "(%s OR line.qty_delivered_method = 'timesheet'"
            " AND template.invoice_policy = 'delivery')",
            super()._get_work_unbound_sql(),
        )

    @api.model
    def _get_task_lines_sql(self, tasks):
        """Override to add the order lines of the hours, of each employee's rate."""
        return SQL(
            "%s UNION ALL SELECT so_line FROM account_analytic_line"
            " WHERE task_id = ANY(%s)",
            super()._get_task_lines_sql(tasks),
            tasks.ids,
        )
