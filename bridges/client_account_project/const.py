"""What several files need to agree on."""

DONE = "1_done"
CANCELED = "1_canceled"

# Writing these on a task that is done may make it cost more.
TASK_WORK_FIELDS = frozenset(
    (
        "state",
        "sale_line_id",
        "allocated_hours",
        "parent_id",
        "project_id",
        "milestone_id",
        "partner_id",
    )
)
# Writing these may give a task another order line, or none, and so those below it.
TASK_LINE_FIELDS = frozenset(
    ("sale_line_id", "parent_id", "project_id", "milestone_id", "partner_id")
)
# Writing these on a project may give its tasks an order line.
PROJECT_WORK_FIELDS = frozenset(("sale_line_id", "allow_billable"))
MILESTONE_WORK_FIELDS = frozenset(
    ("is_reached", "sale_line_id", "quantity_percentage", "product_uom_qty")
)

# Rows of a profile's box.
SHOWN_TASKS = 5
