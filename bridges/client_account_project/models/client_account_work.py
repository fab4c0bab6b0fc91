from types import SimpleNamespace

from odoo import api, models
from odoo.tools import SQL

from odoo.addons.client_account.utils import get_unit_total

from ..const import CANCELED, DONE
from ..utils import Work

# What the queries below read, by model.
READ_FIELDS = {
    "project.task": (
        "sale_line_id",
        "parent_id",
        "state",
        "active",
        "is_template",
        "allocated_hours",
    ),
    "project.milestone": ("sale_line_id", "is_reached", "quantity_percentage"),
    "sale.order": ("state", "currency_rate", "partner_invoice_id", "company_id"),
    "sale.order.line": (
        "order_id",
        "product_uom_qty",
        "qty_delivered",
        "qty_delivered_method",
        "price_total",
        "price_unit",
        "discount",
        "product_id",
        "product_uom_id",
        "is_downpayment",
        "invoice_lines",
    ),
    "account.move": ("state", "move_type"),
    "account.move.line": ("quantity", "product_uom_id", "price_total"),
    "product.template": ("invoice_policy",),
    "res.partner": ("commercial_partner_id",),
    "res.company": ("parent_path",),
}

PIECE_COLUMNS = ("line_id", "model", "record_id", "quantity", "status")
LINE_COLUMNS = (
    "order_id",
    "client_id",
    "root_id",
    "rate",
    "paid_down",
    "line_id",
    "has_price",
    "price",
    "total",
    "billed",
    "takes_rest",
    "others_done",
    "others_open",
    "others_gone",
)


class ClientAccount(models.Model):
    """Work for clients: what is done of their orders and not billed yet.

    The client of an order is who gets its invoices. Amounts go by quantities: of each
    order line what is done, at most what there is of it, less what is billed and
    posted.
    """

    _inherit = "client.account"

    # === What is read ===

    @api.model
    def _get_work_pieces_sql(self):
        """Return the pieces of work on orders.

        Hook: a glue addon adds, with UNION ALL, pieces that it measures otherwise.

        :return: `SQL` of a query on the alias `line` of sale_order_line joined to
            `work_order`, with the columns of `PIECE_COLUMNS` (`status` is done, open or
            gone) and `written`, when the record was written last
        """
        # Sudo: units are no secret, and a portal user may write tasks.
        hour = self.env.ref("uom.product_uom_hour").sudo()
        return SQL(
            """
            SELECT line.id AS line_id, 'project.task' AS model, task.id AS record_id,
                   CASE WHEN split_part(uom.parent_path, '/', 1) = %(time)s
                             AND task.allocated_hours > 0
                        THEN task.allocated_hours * %(hour)s / uom.factor
                        ELSE 1 END AS quantity,
                   %(status)s AS status, task.write_date AS written
              FROM work_order
              JOIN sale_order_line line ON line.order_id = work_order.id
              JOIN uom_uom uom ON uom.id = line.product_uom_id
              JOIN project_task task ON task.sale_line_id = line.id
              LEFT JOIN project_task parent ON parent.id = task.parent_id
             WHERE %(by_task)s
               AND parent.sale_line_id IS DISTINCT FROM line.id
             UNION ALL
            SELECT line.id, 'project.milestone', milestone.id,
                   milestone.quantity_percentage * line.product_uom_qty,
                   CASE WHEN milestone.is_reached THEN 'done' ELSE 'gone' END,
                   milestone.write_date
              FROM work_order
              JOIN sale_order_line line ON line.order_id = work_order.id
              JOIN project_milestone milestone ON milestone.sale_line_id = line.id
             WHERE line.qty_delivered_method = 'milestones'
            """,
            # Minutes and days are counted in hours; a lesson sold by the piece is one.
            time=hour.parent_path.split("/")[0],
            hour=hour.factor,
            status=self._get_task_status_sql(),
            by_task=self._get_work_by_task_sql(),
        )

    @api.model
    def _get_task_status_sql(self):
        """Return whether a task, on the alias `task`, is done, open or gone."""
        return SQL(
            "CASE WHEN task.state = %s THEN 'done'"
            " WHEN task.active AND task.state <> %s"
            " AND task.is_template IS NOT TRUE THEN 'open'"
            " ELSE 'gone' END",
            DONE,
            CANCELED,
        )

    @api.model
    def _get_work_by_task_sql(self):
        """Return whether a line, on the alias `line`, is measured task by task, so that
        the last one takes what is left of it.

        Hook: see `_get_work_pieces_sql`.
        """
        return SQL("line.qty_delivered_method IS DISTINCT FROM 'milestones'")

    @api.model
    def _get_work_unbound_sql(self):
        """Return whether what is done of a line, on the alias `line` with the product
        template on `template`, is all to be billed, its pieces being those only that
        are not billed yet.

        Hook: see `_get_work_pieces_sql`.
        """
        return SQL("FALSE")

    @api.model
    def _get_work_orders_sql(self, scope):
        """Return the confirmed orders of a scope, with who pays for them.

        :param SQL scope: a condition on `ord`, sale_order, `contact`, res_partner of
            who is invoiced, and `company`, res_company
        """
        return SQL(
            """
            SELECT ord.id, contact.commercial_partner_id AS client_id,
                   split_part(company.parent_path, '/', 1)::integer AS root_id,
                   COALESCE(NULLIF(ord.currency_rate, 0), 1) AS rate
              FROM sale_order ord
              JOIN res_partner contact ON contact.id = ord.partner_invoice_id
              JOIN res_company company ON company.id = ord.company_id
             WHERE ord.state = 'sale' AND %s
            """,
            scope,
        )

    @api.model
    def _get_work_sql(self, scope, without, line_ids=()):
        """Return the order lines of a scope on which something is done.

        :param SQL scope: see `_get_work_orders_sql`
        :param without: (model, id) of the records that are not counted
        :param line_ids: lines that are wanted in any case
        :return: `SQL` of a query with the columns of `LINE_COLUMNS`: who pays, the rate
            of the order and what is paid down on it; of the line whether its totals
            tell the price of a unit, that price with taxes in the order's currency, or
            without, how much there is of it (None for any),
            how much is billed, whether its last piece takes the rest, and of the
            records that are counted how much is done, and how many pieces are open and
            cancelled
        """
        return SQL(
            """
            WITH work_order AS MATERIALIZED (%(orders)s),
            piece AS MATERIALIZED (
                SELECT line_id,
                       SUM(quantity) FILTER (WHERE status = 'done') AS done,
                       COUNT(*) FILTER (WHERE status = 'open') AS open,
                       COUNT(*) FILTER (WHERE status = 'gone') AS gone
                  FROM (%(pieces)s) piece
                 WHERE model || ',' || record_id != ALL(%(without)s)
                 GROUP BY line_id
            )
            SELECT work_order.id, work_order.client_id, work_order.root_id,
                   work_order.rate, COALESCE(down.amount, 0), line.id,
                   line.product_uom_qty != 0,
                   CASE WHEN line.product_uom_qty != 0
                        THEN line.price_total / line.product_uom_qty
                        ELSE line.price_unit * (1 - COALESCE(line.discount, 0) / 100)
                   END,
                   CASE WHEN %(unbound)s THEN NULL
                        WHEN template.invoice_policy = 'delivery'
                        THEN GREATEST(line.product_uom_qty, line.qty_delivered)
                        ELSE line.product_uom_qty END,
                   CASE WHEN %(unbound)s THEN 0 ELSE COALESCE(bill.quantity, 0) END,
                   %(by_task)s, COALESCE(piece.done, 0), COALESCE(piece.open, 0),
                   COALESCE(piece.gone, 0)
              FROM work_order
              JOIN sale_order_line line ON line.order_id = work_order.id
              JOIN uom_uom uom ON uom.id = line.product_uom_id
              JOIN product_product product ON product.id = line.product_id
              JOIN product_template template ON template.id = product.product_tmpl_id
              LEFT JOIN piece ON piece.line_id = line.id
              LEFT JOIN LATERAL (
                SELECT SUM(%(sign)s * item.quantity
                           * COALESCE(item_uom.factor, uom.factor) / uom.factor
                       ) AS quantity
                  FROM sale_order_line_invoice_rel rel
                  JOIN account_move_line item ON item.id = rel.invoice_line_id
                  JOIN account_move move ON move.id = item.move_id
                  LEFT JOIN uom_uom item_uom ON item_uom.id = item.product_uom_id
                 WHERE rel.order_line_id = line.id AND move.state = 'posted'
              ) bill ON TRUE
              LEFT JOIN LATERAL (
                SELECT SUM(%(sign)s * item.price_total) AS amount
                  FROM sale_order_line paid
                  JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = paid.id
                  JOIN account_move_line item ON item.id = rel.invoice_line_id
                  JOIN account_move move ON move.id = item.move_id
                 WHERE paid.order_id = work_order.id AND paid.is_downpayment
                   AND move.state = 'posted'
              ) down ON TRUE
             WHERE piece.done > 0 OR line.id = ANY(%(line_ids)s)
             ORDER BY line.id
            """,
            orders=self._get_work_orders_sql(scope),
            pieces=self._get_work_pieces_sql(),
            without=[f"{model},{record_id}" for model, record_id in without],
            unbound=self._get_work_unbound_sql(),
            by_task=self._get_work_by_task_sql(),
            sign=SQL("CASE WHEN move.move_type = 'out_refund' THEN -1 ELSE 1 END"),
            line_ids=list(line_ids),
        )

    @api.model
    def _flush_work(self):
        """Have the database know what this transaction has written of work.

        Hook: a glue addon whose pieces read other fields writes these too.
        """
        for name, field_names in READ_FIELDS.items():
            self.env[name].flush_model(field_names)

    @api.model
    def _get_records_scope(self, records):
        """Return the scope of the orders that pay for tasks or milestones."""
        if records._name == "project.task":
            links = self._get_task_lines_sql(records)
        else:
            links = SQL(
                "SELECT sale_line_id FROM project_milestone WHERE id = ANY(%s)",
                records.ids,
            )
        return SQL(
            "ord.id IN (SELECT order_id FROM sale_order_line WHERE id IN (%s))", links
        )

    @api.model
    def _get_task_lines_sql(self, tasks):
        """Return the order lines that pay for tasks.

        Hook: a glue addon adds, with UNION ALL, lines that tasks name otherwise.
        """
        return SQL(
            "SELECT sale_line_id FROM project_task WHERE id = ANY(%s)", tasks.ids
        )

    @api.model
    def _get_client_scope(self, key):
        """Return the scope of all orders that a client pays for.

        :param key: (id of the `res.partner` client, id of the `res.company` root)
        """
        return SQL(
            "contact.commercial_partner_id = %s"
            " AND split_part(company.parent_path, '/', 1)::integer = %s",
            *key,
        )

    @api.model
    def _fetch_pieces(self, scope, condition):
        """Return pieces of work on the orders of a scope, as this transaction has them.

        :param SQL condition: on `piece`, with the columns of `_get_work_pieces_sql`
        :return: list of objects with the attributes of `PIECE_COLUMNS`, `record_key`,
            `client_id` and `root_id`
        """
        self._flush_work()
        rows = self.env.execute_query(
            SQL(
                """
                WITH work_order AS MATERIALIZED (%s)
                SELECT piece.line_id, model, record_id, quantity, status, client_id,
                       root_id
                  FROM (%s) piece
                  JOIN sale_order_line line ON line.id = piece.line_id
                  JOIN work_order ON work_order.id = line.order_id
                 WHERE %s
                 ORDER BY piece.line_id, record_id
                """,
                self._get_work_orders_sql(scope),
                self._get_work_pieces_sql(),
                condition,
            )
        )
        names = (*PIECE_COLUMNS, "client_id", "root_id")
        pieces = [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in rows]
        for piece in pieces:
            piece.quantity = float(piece.quantity)
            piece.record_key = (piece.model, piece.record_id)
        return pieces

    @api.model
    def _fetch_record_pieces(self, records):
        """Return the pieces of tasks or milestones, see `_fetch_pieces`."""
        if not records.ids:
            return []
        return self._fetch_pieces(
            self._get_records_scope(records), self._get_records_condition(records)
        )

    @api.model
    def _get_records_condition(self, records):
        return SQL("(model = %s AND record_id = ANY(%s))", records._name, records.ids)

    @api.model
    def _read_work_lines(self, rows):
        """Return the order lines that rows of `_get_work_sql` stand for."""
        lines = [
            SimpleNamespace(**dict(zip(LINE_COLUMNS, row, strict=True))) for row in rows
        ]
        for line in lines:
            for name in ("rate", "paid_down", "price", "billed", "others_done"):
                setattr(line, name, float(getattr(line, name)))
            if line.total is not None:
                line.total = float(line.total)
        # Where nothing is ordered, totals say nothing of taxes. Sudo: what is asked is
        # the price of the order, whoever may read that.
        order_lines = self.env["sale.order.line"].sudo()
        unpriced = {line.line_id: line for line in lines if not line.has_price}
        # Others may have made some since this transaction began.
        for order_line in order_lines.browse(unpriced).exists():
            unpriced[order_line.id].price = get_unit_total(order_line)
        return lines

    @api.model
    def _get_work_of(self, records):
        """Return the `Work` on the orders that pay for tasks or milestones, and the
        currency of each record.

        :return: (`Work`, {record id: id of the root company})
        """
        pieces = self._fetch_record_pieces(records)
        if not pieces:
            return Work([], []), {}
        query = self._get_work_sql(
            self._get_records_scope(records),
            {piece.record_key for piece in pieces},
            {piece.line_id for piece in pieces},
        )
        lines = self._read_work_lines(self.env.execute_query(query))
        return Work(lines, pieces), {piece.record_id: piece.root_id for piece in pieces}

    def _get_done_amount(self):
        """Return what is done for the client of one account and not billed.

        :return: company currency
        """
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        key = (self.partner_id._origin.id, self.sudo().company_id.id)
        self._flush_work()
        query = self._get_work_sql(self._get_client_scope(key), ())
        lines = self._read_work_lines(self.env.execute_query(query))
        return self.currency_id.round(Work(lines, []).get_amount())

    # === Judging ===

    @api.model
    def _judge_work(self, records, anyway=None, are_new=False):
        """Judge tasks or milestones that were just done, by what they cost.

        One is refused where the balance and the limit in force do not cover what is
        done and not billed and what it costs; what is only ordered does not count.

        :param records: `project.task` or `project.milestone`
        :param anyway: a `PostAnyway` of an approver, who lets all pass
        :param bool are_new: whether they go with a refusal
        :raise BalanceRefused: when one does not fit
        """
        refused = []
        records = records.sorted("id")
        for account, work in self._get_judged_work(records):
            refused += account._judge_client_work(records, work)
        if refused and anyway:
            for record, account, _message, cost in refused:
                record._log_done_anyway(account, cost, anyway.reason)
        elif refused:
            records._refuse_done(refused, are_new)

    @api.model
    def _get_judged_work(self, records):
        """Return the clients that pay for records and are judged, under their locks.

        :return: list of (`client.account` under sudo, with `balance` and
            `limit_in_force` to judge by in a namespace, `Work`)
        """
        keys = sorted(
            {
                (piece.client_id, piece.root_id)
                for piece in self._fetch_record_pieces(records)
            }
        )
        # Sudo: the policy binds whoever acts, whatever they may see.
        partners = self.env["res.partner"].sudo()
        roots = self.env["res.company"].sudo()
        accounts = self.sudo().browse()
        for client_id, root_id in keys:
            root = roots.browse(root_id)
            if root.client_judge_completion:
                accounts |= (
                    self._get_or_create(partners.browse(client_id), root)
                ).sudo()
        terms = accounts._get_books_terms()
        return [
            (account, SimpleNamespace(terms=terms[account], work=work))
            for account in accounts
            if account in terms
            for work in [account._fetch_client_work(records)]
        ]

    def _fetch_client_work(self, records):
        """Return the `Work` on all orders of one client, under its lock.

        What others did counts as they have committed it by now; whatever this
        transaction itself has written counts as written.

        :param records: those that are judged
        """
        self.ensure_one()
        key = (self.partner_id.id, self.company_id.id)
        scope = self._get_client_scope(key)
        pieces = self._fetch_pieces(
            scope,
            SQL(
                "%s OR written >= now() AT TIME ZONE 'UTC'",
                self._get_records_condition(records),
            ),
        )
        query = self._get_work_sql(
            scope,
            {piece.record_key for piece in pieces},
            {piece.line_id for piece in pieces},
        )
        own = {
            line.line_id: line
            for line in self._read_work_lines(self.env.execute_query(query))
        }
        lines = {
            line.line_id: line
            for line in self._read_work_lines(self._fetch_fresh_rows(query))
        }
        if not lines or self._get_watch().items[self.partner_id, self.company_id]:
            # What this transaction has billed is not in what others can tell.
            for line_id, line in own.items():
                if line_id in lines:
                    line.others_done = lines[line_id].others_done
                    line.others_open = lines[line_id].others_open
                    line.others_gone = lines[line_id].others_gone
                lines[line_id] = line
        for line_id, line in own.items():
            lines.setdefault(line_id, line)
        return Work(lines.values(), pieces)

    def _judge_client_work(self, records, judged):
        """Return which records one client cannot pay for.

        They are looked at in the order in which they were made, so that one that is
        too much does not take others with it.

        :param records: `project.task` or `project.milestone`
        :param judged: namespace of `terms` and `work`, see `_get_judged_work`
        :return: list of (record, account, message, cost)
        """
        self.ensure_one()
        work, terms = judged.work, judged.terms
        records = records.filtered(
            lambda record: work.get_status((record._name, record.id)) == "done"
        )
        for record in records:
            work.set_status((record._name, record.id), "open")
        compare = self.currency_id.compare_amounts
        refused = []
        for record in records:
            record_key = (record._name, record.id)
            cost = self.currency_id.round(work.get_cost(record_key))
            done = self.currency_id.round(work.get_amount())
            left = terms.balance + terms.limit_in_force - done - cost
            if compare(cost, 0) <= 0 or compare(left, 0) >= 0:
                work.set_status(record_key, "done")
                continue
            message = record._get_done_message(self, terms, done, cost)
            refused.append((record, self, message, cost))
        return refused
