import re
import warnings
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..const import POLICIES as ACCOUNT_POLICIES
from ..const import THRESHOLDS
from ..models.res_partner import PARTNER_FIGURES
from .common import ClientAccountCommon

VIEWER = "client_account.group_client_account_viewer"
OFFICER = "client_account.group_client_account_officer"
APPROVER = "client_account.group_client_account_approver"
CONTACTS = "base.group_partner_manager"
EXPORT = "base.group_allow_export"
TEMPLATES = "mail.group_mail_template_editor"

# Whoever may export or write templates does, so that only what is asked for is refused.
OUTSIDERS = {
    "employee": f"base.group_user,{EXPORT}",
    "contacts": f"base.group_user,{EXPORT},{CONTACTS},{TEMPLATES}",
}
# Who has the right that a route asks for, or was told on purpose.
INSIDERS = {
    "officer": f"{OFFICER},{EXPORT},{CONTACTS},{TEMPLATES}",
    "biller": f"account.group_account_invoice,{EXPORT},{CONTACTS}",
    "leader": APPROVER,
    "admin": "base.group_system",
    "seller": "base.group_user",
}

# Name of the field: what it is at first, what it is once the client owes more, and what
# it always is of another client, in between where that can be.
VALUES = {
    "client_balance": (-1050.0, -1500.0, -1250.0),
    "client_amount_owed": (1234.56, 1834.56, 1500.0),
    "client_amount_overdue": (1234.56, 1834.56, 1500.0),
    "client_credit_available": (184.56, 334.56, 250.0),
    "client_limit_in_force": (1000.0, 1200.0, 1100.0),
    "client_available": (-50.0, -300.0, -150.0),
    "client_limit_usage": (105.0, 125.0, 113.6),
    "client_negative_balance": ("allowed", "prevented", False),
    "client_pay_later": ("allowed", "disabled", False),
    "client_credit_application": ("manual", "all", False),
    "client_top_up_policy": ("allowed", "forbidden", False),
    "client_balance_visibility": ("history", "balance", False),
    "client_low_balance_client": ("off", "on", False),
    "client_low_balance_client_threshold": (60.0, 80.0, 70.0),
    "client_low_balance_manager": ("off", "on", False),
    "client_low_balance_manager_threshold": (60.0, 80.0, 70.0),
    "client_negative_balance_origin": ("Allowed", "Prevented", None),
    "client_pay_later_origin": ("Allowed", "Disabled", None),
    "client_credit_application_origin": ("By hand only", "Any credit", None),
    "client_top_up_policy_origin": ("Allowed", "Forbidden", None),
    "client_balance_visibility_origin": ("history", "This client: The balance", None),
    "client_low_balance_client_origin": ("Off", "below", None),
    "client_low_balance_manager_origin": ("Off", "below", None),
    "client_pay_later_disabled": (False, True, False),
    # Odoo's own.
    "credit": (1050.0, 1500.0, 1250.0),
    "debit": (70.0, 110.0, 90.0),
    "credit_limit": (300.0, 500.0, 400.0),
    "total_invoiced": (1234.56, 1834.56, 1500.0),
    "days_sales_outstanding": (2.55, 2.45, 2.5),
}
# What is written on the account, in either state.
# Field of the contact: policy of its account, and the field that says whence it is.
PARTNER_POLICIES = {f"client_{name}": name for name in (*ACCOUNT_POLICIES, *THRESHOLDS)}
PARTNER_ORIGINS = {
    f"client_{name}_origin": f"{name}_origin" for name in ACCOUNT_POLICIES
}
POLICY_VALUES = {policy: VALUES[name][:2] for name, policy in PARTNER_POLICIES.items()}
# The same figures as the account itself names them, and the request about it.
ACCOUNT_VALUES = {name: VALUES[field] for field, name in PARTNER_FIGURES.items()}
REQUEST_VALUES = {
    "balance": VALUES["client_balance"],
    "amount_owed": VALUES["client_amount_owed"],
    "amount_overdue": VALUES["client_amount_overdue"],
    "limit_usage": VALUES["client_limit_usage"],
    "present_limit": VALUES["client_limit_in_force"],
    "invoiced_total": VALUES["total_invoiced"],
    "kind": ("raise", "lower", None),
}

TEMPLATE = "{{ object.client_balance }}"
BODY = '<p><t t-out="object.client_balance"/></p>'


class Aim(NamedTuple):
    """What a route is tried on: records as the user who tries it."""

    clients: object  # `res.partner`: the client, then the other one
    field: str
    values: tuple
    case: object  # the test, for whatever else there is

    @property
    def env(self):
        return self.clients.env

    @property
    def client(self):
        return self.clients[0]

    @property
    def contact(self):
        """The contact below the client."""
        return self.case.contact.with_env(self.env)

    @property
    def account(self):
        return self.case.account.with_env(self.env)

    @property
    def request(self):
        """The user's own request, or that of a colleague whom all insiders see."""
        return self.case.requests.with_env(self.env).search(
            [("requested_by_id", "in", self.case.askers[self.env.uid])], limit=1
        )

    @property
    def condition(self):
        """A condition that holds of the client in one of the two states only."""
        _first, second, other = self.values
        if isinstance(second, float):
            return [(self.field, "<", other)]
        return [(self.field, "=", second)]

    @property
    def both(self):
        return [("id", "in", self.clients.ids)]

    def dotted(self, path):
        """Return the condition as a model that leads to the client names it."""
        [(name, operator, value)] = self.condition
        return [(f"{path}.{name}", operator, value)]


class Row(NamedTuple):
    """One way to a figure, who may go it and what they find."""

    route: str
    field: str
    values: tuple
    ask: Callable  # takes an Aim
    judge: Callable  # takes the answer, the state, the values and the clients' ids
    insider: str = "officer"

    def __str__(self):
        return f"{self.route} / {self.field}"


# What refusals number: records, and templates compiled so far.
NUMBERED = re.compile(r"Records: [\d, ]+|tree_\d+")


class Refused(NamedTuple):
    """The answer of a refusal; its words count too."""

    words: str


# === Judging what an insider is answered ===


def get_leaves(answer):
    """Return the single values in an answer, keys of dicts left out."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return [leaf for item in answer for leaf in get_leaves(item)]
    return [answer]


def is_same(leaf, value):
    if isinstance(leaf, str) and not isinstance(value, bool):
        # Amounts stand with a space that does not break.
        leaf = leaf.replace("\xa0", " ").replace("&nbsp;", " ")
        return str(value) in leaf
    if isinstance(leaf, float) and isinstance(value, float):
        return round(leaf, 2) == value
    return leaf is value


def shows(answer, state, values, _ids):
    """The answer holds the figure."""
    return any(is_same(leaf, values[state]) for leaf in get_leaves(answer))


def finds(answer, state, values, _ids):
    """The client is found by a condition on the figure where that holds."""
    _first, second, other = values
    value = values[state]
    expected = value < other if isinstance(second, float) else value == second
    return bool(answer) is expected


def sorts(answer, state, values, ids):
    """The two clients come in the order of their figures."""
    order = [*ids] if values[state] < values[2] else [*reversed(ids)]
    return answer == order


# === Routes to a field of the client ===


def group_old(aim):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return aim.clients.read_group(aim.both, ["__count"], [aim.field])


def use_filter(aim):
    """Search by a filter the user has saved."""
    saved = aim.env["ir.filters"].create(
        {
            "name": "Debtors",
            "model_id": "res.partner",
            "user_ids": [aim.env.uid],
            "domain": repr([("id", "=", aim.client.id), *aim.condition]),
        }
    )
    return aim.clients.search(saved._get_eval_domain()).ids


def sort_by_filter(aim):
    """Sort as a filter says that the user has saved."""
    saved = aim.env["ir.filters"].create(
        {
            "name": "By debt",
            "model_id": "res.partner",
            "user_ids": [aim.env.uid],
            "domain": repr(aim.both),
            "sort": f'["{aim.field}"]',
        }
    )
    order = saved.sort.strip('["]')
    return aim.clients.search(saved._get_eval_domain(), order=order).ids


READ_ROUTES = {
    "record": lambda aim: aim.client[aim.field],
    "read": lambda aim: aim.client.read([aim.field]),
    "web_read": lambda aim: aim.client.web_read({aim.field: {}}),
    "search_read": lambda aim: aim.clients.search_read(
        [("id", "=", aim.client.id)], [aim.field]
    ),
    "web_search_read": lambda aim: aim.clients.web_search_read(
        [("id", "=", aim.client.id)], {aim.field: {}}
    ),
    "web_save": lambda aim: aim.client.web_save({}, {aim.field: {}}),
    "export_data": lambda aim: aim.client.export_data([aim.field]),
    "export_data of a contact": lambda aim: aim.contact.export_data(
        [f"parent_id/{aim.field}"]
    ),
    "web_read of a contact": lambda aim: aim.contact.web_read(
        {"parent_id": {"fields": {aim.field: {}}}}
    ),
    "onchange of a contact": lambda aim: (
        aim.clients.browse()
        .with_context(default_parent_id=aim.client.id)
        .onchange({}, [], {"parent_id": {"fields": {aim.field: {}}}})
    ),
    "read of res.users": lambda aim: aim.client.user_ids.read([aim.field]),
    "web_read of res.users": lambda aim: aim.client.user_ids.web_read(
        {"partner_id": {"fields": {aim.field: {}}}}
    ),
    "web_read of a request": lambda aim: aim.request.web_read(
        {"partner_id": {"fields": {aim.field: {}}}}
    ),
    "export_data of a request": lambda aim: aim.request.export_data(
        [f"partner_id/{aim.field}"]
    ),
}

FIND_ROUTES = {
    "search": lambda aim: (
        aim.clients.search([("id", "=", aim.client.id), *aim.condition]).ids
    ),
    "search not": lambda aim: (
        not aim.clients.search(
            [("id", "=", aim.client.id), "!", *aim.condition], limit=1
        ).ids
    ),
    "search_count": lambda aim: aim.clients.search_count(
        [("id", "=", aim.client.id), *aim.condition]
    ),
    "search_read by": lambda aim: aim.clients.search_read(
        [("id", "=", aim.client.id), *aim.condition], ["name"]
    ),
    "web_search_read by": lambda aim: aim.clients.web_search_read(
        [("id", "=", aim.client.id), *aim.condition], {"name": {}}
    )["records"],
    "name_search": lambda aim: aim.clients.name_search(
        "", [("id", "=", aim.client.id), *aim.condition]
    ),
    "web_name_search": lambda aim: aim.clients.web_name_search(
        "", {"display_name": {}}, [("id", "=", aim.client.id), *aim.condition]
    ),
    "formatted_read_group by": lambda aim: aim.clients.formatted_read_group(
        [("id", "=", aim.client.id), *aim.condition], ["name"], ["__count"]
    ),
    "search by path": lambda aim: (
        aim.clients.search([("id", "=", aim.contact.id), *aim.dotted("parent_id")]).ids
    ),
    "search by any": lambda aim: (
        aim.clients.search(
            [("id", "=", aim.contact.id), ("parent_id", "any", aim.condition)]
        ).ids
    ),
    "search by client": lambda aim: (
        aim.clients.search(
            [("id", "=", aim.contact.id), *aim.dotted("commercial_partner_id")]
        ).ids
    ),
    "search of res.users": lambda aim: (
        aim.env["res.users"]
        .search([("id", "=", aim.client.user_ids.id), *aim.condition])
        .ids
    ),
    "search of res.users by path": lambda aim: (
        aim.env["res.users"]
        .search([("id", "=", aim.client.user_ids.id), *aim.dotted("partner_id")])
        .ids
    ),
    "search of requests by path": lambda aim: (
        aim.request.search([("id", "=", aim.request.id), *aim.dotted("partner_id")]).ids
    ),
    "search panel": lambda aim: aim.clients.search_panel_select_range(
        "parent_id",
        search_domain=[("id", "=", aim.contact.id), *aim.dotted("parent_id")],
        enable_counters=True,
    )["values"],
    "saved filter": use_filter,
}

ORDER_ROUTES = {
    "order": lambda aim: aim.clients.search(aim.both, order=aim.field).ids,
    "web_search_read in order": lambda aim: [
        row["id"]
        for row in aim.clients.web_search_read(aim.both, {}, order=f"{aim.field} asc")[
            "records"
        ]
    ],
    "order of res.users": lambda aim: (
        aim.env["res.users"]
        .search([("partner_id", "in", aim.clients.ids)], order=aim.field)
        .partner_id.ids
    ),
    "saved filter's order": sort_by_filter,
}

GROUP_ROUTES = {
    "formatted_read_group": lambda aim: aim.clients.formatted_read_group(
        aim.both, [aim.field], ["__count"]
    ),
    "formatted_read_grouping_sets": lambda aim: (
        aim.clients.formatted_read_grouping_sets(aim.both, [[aim.field]], ["__count"])
    ),
    "web_read_group": lambda aim: aim.clients.web_read_group(
        aim.both, [aim.field], ["__count"]
    ),
    "read_progress_bar": lambda aim: [
        *aim.clients.read_progress_bar(
            aim.both, aim.field, {"field": "type", "colors": {"contact": "success"}}
        )
    ],
    "read_group": group_old,
    "formatted_read_group of res.users": lambda aim: aim.env[
        "res.users"
    ].formatted_read_group(
        [("partner_id", "in", aim.clients.ids)], [aim.field], ["__count"]
    ),
    "formatted_read_group by path": lambda aim: aim.clients.formatted_read_group(
        [("id", "=", aim.contact.id)], [f"parent_id.{aim.field}"], ["__count"]
    ),
}

SUM_ROUTES = {
    "formatted_read_group sum": lambda aim: aim.clients.formatted_read_group(
        [("id", "=", aim.client.id)], [], [f"{aim.field}:sum"]
    ),
    "formatted_read_group max": lambda aim: aim.clients.formatted_read_group(
        [("id", "=", aim.client.id)], ["name"], [f"{aim.field}:max"]
    ),
    "web_read_group sum": lambda aim: aim.clients.web_read_group(
        [("id", "=", aim.client.id)], ["name"], [f"{aim.field}:sum"]
    ),
}


def get_having(aim):
    return aim.clients.formatted_read_group(
        [("id", "=", aim.client.id)],
        ["name"],
        ["__count"],
        having=[(f"{aim.field}:sum", "<", aim.values[2])],
    )


def sort_groups(aim):
    rows = aim.clients.formatted_read_group(
        aim.both, ["name"], ["id:array_agg"], order=f"{aim.field}:sum"
    )
    return [item for row in rows for item in row["id:array_agg"]]


def cross(routes, names, judge, insider="officer"):
    """Return a row for each route and field of the client."""
    return [
        Row(route, name, VALUES[name], ask, judge, insider)
        for route, ask in routes.items()
        for name in names
    ]


def pick(routes, *names):
    return {name: routes[name] for name in names}


FEW_READS = pick(READ_ROUTES, "record", "read", "web_read", "read of res.users")
EXPORTS = pick(READ_ROUTES, "export_data", "export_data of a contact")
FEW_FINDS = pick(
    FIND_ROUTES, "search", "search not", "search by path", "search of res.users by path"
)

# Every route to the balance, and the main ones to the others, which are made alike.
FIRST, *OTHERS = PARTNER_FIGURES
POLICIES = [*PARTNER_POLICIES, "client_pay_later_disabled"]

FIGURE_ROWS = [
    *cross(READ_ROUTES, [FIRST], shows),
    *cross({**FEW_READS, **EXPORTS}, OTHERS, shows),
    *cross(FIND_ROUTES, [FIRST], finds),
    *cross(FEW_FINDS, OTHERS, finds),
    *cross(ORDER_ROUTES, [FIRST], sorts),
    *cross(pick(ORDER_ROUTES, "order", "order of res.users"), OTHERS, sorts),
    *cross(GROUP_ROUTES, [FIRST], shows),
    *cross(pick(GROUP_ROUTES, "web_read_group"), OTHERS, shows),
    *cross(SUM_ROUTES, [FIRST], shows),
    *cross(pick(SUM_ROUTES, "formatted_read_group sum"), OTHERS, shows),
    *cross({"having": get_having}, PARTNER_FIGURES, finds),
    *cross({"order of groups": sort_groups}, PARTNER_FIGURES, sorts),
]
POLICY_ROWS = [
    *cross(FEW_READS, [*POLICIES, *PARTNER_ORIGINS], shows),
    *cross(EXPORTS, PARTNER_ORIGINS, shows),
    *cross(EXPORTS, [f"client_{name}" for name in THRESHOLDS], shows),
    *cross(FEW_FINDS, POLICIES, finds),
    *cross(pick(FIND_ROUTES, "search_count", "saved filter"), POLICIES, finds),
]
NATIVE_ROWS = [
    *cross(READ_ROUTES, ["credit"], shows, "biller"),
    *cross(FIND_ROUTES, ["credit", "debit"], finds, "biller"),
    *cross(
        {**FEW_READS, **EXPORTS},
        ["debit", "credit_limit", "total_invoiced", "days_sales_outstanding"],
        shows,
        "biller",
    ),
    *cross(FEW_FINDS, ["credit_limit"], finds, "biller"),
    *cross(pick(ORDER_ROUTES, "order"), ["credit_limit"], sorts, "biller"),
    *cross(pick(GROUP_ROUTES, "web_read_group"), ["credit_limit"], shows, "biller"),
]


# === Routes to the account, and to the request about it ===


def account_row(route, ask, judge=shows, field="balance", **options):
    return Row(route, field, ACCOUNT_VALUES[field], ask, judge, **options)


ACCOUNT_ROWS = [
    *(
        account_row(route, ask, field=field)
        for field in ACCOUNT_VALUES
        for route, ask in {
            "account: read": lambda aim: aim.account.read([aim.field]),
            "account: web_read": lambda aim: aim.account.web_read({aim.field: {}}),
            "account: export_data": lambda aim: aim.account.export_data([aim.field]),
            "account: group": lambda aim: aim.account.formatted_read_group(
                [("id", "=", aim.account.id)], [aim.field], ["__count"]
            ),
            "account: from the client": lambda aim: aim.client.web_read(
                {"client_account_id": {"fields": {aim.field: {}}}}
            ),
            "account: from the client's accounts": lambda aim: aim.client.web_read(
                {"client_account_ids": {"fields": {aim.field: {}}}}
            ),
            "account: export_data of the client": lambda aim: aim.client.export_data(
                [f"client_account_ids/{aim.field}"]
            ),
            "account: from a request": lambda aim: aim.request.web_read(
                {"account_id": {"fields": {aim.field: {}}}}
            ),
            "account: export_data of a request": lambda aim: aim.request.export_data(
                [f"account_id/{aim.field}"]
            ),
            "account: group of requests": lambda aim: aim.request.formatted_read_group(
                [("id", "=", aim.request.id)], [f"account_id.{aim.field}"], ["__count"]
            ),
        }.items()
    ),
    *(
        account_row(route, ask, finds, field)
        for field in ACCOUNT_VALUES
        for route, ask in {
            "account: search": lambda aim: (
                aim.account.search([("id", "=", aim.account.id), *aim.condition]).ids
            ),
            "account: search_count": lambda aim: aim.account.search_count(
                [("id", "=", aim.account.id), *aim.condition]
            ),
            "account: name_search": lambda aim: aim.account.name_search(
                "", [("id", "=", aim.account.id), *aim.condition]
            ),
            "account: search of clients": lambda aim: (
                aim.clients.search(
                    [("id", "=", aim.client.id), *aim.dotted("client_account_ids")]
                ).ids
            ),
            "account: search of clients by id": lambda aim: (
                aim.clients.search(
                    [("id", "=", aim.client.id), *aim.dotted("client_account_id")]
                ).ids
            ),
            "account: search of requests": lambda aim: (
                aim.request.search(
                    [("id", "=", aim.request.id), *aim.dotted("account_id")]
                ).ids
            ),
            "account: search of requests by any": lambda aim: (
                aim.request.search(
                    [("id", "=", aim.request.id), ("account_id", "any", aim.condition)]
                ).ids
            ),
            "account: search of res.users": lambda aim: (
                aim.env["res.users"]
                .search(
                    [
                        ("id", "=", aim.client.user_ids.id),
                        *aim.dotted("client_account_ids"),
                    ]
                )
                .ids
            ),
        }.items()
    ),
    *(
        Row(route, field, values, ask, shows)
        for field, values in REQUEST_VALUES.items()
        for route, ask in {
            "request: read": lambda aim: aim.request.read([aim.field]),
            "request: web_read": lambda aim: aim.request.web_read({aim.field: {}}),
            "request: search_read": lambda aim: aim.request.search_read(
                [("id", "=", aim.request.id)], [aim.field]
            ),
            "request: onchange": lambda aim: aim.request.browse().onchange(
                {"partner_id": aim.client.id, "requested_limit": 1100.0},
                ["partner_id"],
                {"partner_id": {}, "account_id": {}, aim.field: {}},
            ),
        }.items()
    ),
    Row(
        "request: search",
        "kind",
        REQUEST_VALUES["kind"],
        lambda aim: (
            aim.request.search([("id", "=", aim.request.id), *aim.condition]).ids
        ),
        finds,
    ),
    Row(
        "request: group",
        "kind",
        REQUEST_VALUES["kind"],
        lambda aim: aim.request.formatted_read_group(
            [("id", "=", aim.request.id)], ["kind"], ["__count"]
        ),
        shows,
    ),
]


# === Routes to messages, activities, notices and templates ===


def preview(aim):
    """Preview a template of the user's own that names the balance."""
    template = make_template(aim)
    shown = aim.env["mail.template.preview"].create(
        {
            "mail_template_id": template.id,
            "resource_ref": f"res.partner,{aim.client.id}",
        }
    )
    return [shown.subject, str(shown.body_html), shown.error_msg]


def make_template(aim):
    return aim.env["mail.template"].create(
        {
            "name": "Reminder",
            "model_id": aim.env["ir.model"]._get_id("res.partner"),
            "subject": TEMPLATE,
            "body_html": BODY,
            "partner_to": "{{ object.id }}",
        }
    )


def compose(aim, **values):
    """Write a message by a composer, with a template that names the balance."""
    composer = (
        aim.env["mail.compose.message"]
        .with_context(default_model="res.partner", default_res_ids=aim.client.ids)
        .create(values)
    )
    return [composer.subject, str(composer.body)]


def compose_many(aim):
    """Send a mass mailing whose subject names the balance."""
    composer = (
        aim.env["mail.compose.message"]
        .with_context(default_model="res.partner", default_res_ids=aim.client.ids)
        .create(
            {
                "composition_mode": "mass_mail",
                "subject": TEMPLATE,
                "body": BODY,
                "force_send": False,
            }
        )
    )
    mails, _messages = composer._action_send_mail()
    return mails.sudo().mapped("subject")


def send_template(aim):
    mail_id = make_template(aim).send_mail(aim.client.id)
    return aim.env["mail.mail"].sudo().browse(mail_id).subject


def get_told_subjects(aim, name="leader"):
    """Read of what messages others were notified."""
    rows = aim.env["mail.notification"].search_read(
        [("res_partner_id", "=", aim.case.users[name].partner_id.id)],
        ["mail_message_id"],
    )
    return sorted({row["mail_message_id"][1] or "" for row in rows})


def get_seller_subjects(aim):
    """Read that the salesperson, who may see no amounts, was told of a low balance."""
    return [text for text in get_told_subjects(aim, "seller") if "is low" in text]


def group_told_subjects(aim):
    rows = aim.env["mail.notification"].formatted_read_group(
        [("res_partner_id", "=", aim.case.users["leader"].partner_id.id)],
        ["mail_message_id"],
        ["__count"],
    )
    return sorted({row["mail_message_id"][1] or "" for row in rows})


def search_told(path, aim):
    return aim.env["mail.notification"].search_count(
        [
            ("res_partner_id", "=", aim.case.users["leader"].partner_id.id),
            (path, "ilike", "1,200.00 lapses"),
        ]
    )


def tells(answer, state, values, _ids):
    """What was sent once the client owed more is found."""
    return bool(answer) is bool(state)


# Amounts as texts have them, and what only the second state's text holds.
LIMIT_TEXT = ("limit of $ 1,000.00", "limit of $ 1,200.00", None)
OWED_TEXT = ("owes $ 1,050.00", "owes $ 1,500.00", None)
NOTE_TEXT = ("has $ 1,050.00 open", "has $ 1,500.00 open", None)
NEW_TEXT = "1,500.00"
BALANCE = VALUES["client_balance"]


def get_messages(aim):
    messages = aim.env["mail.message"].search(
        [("model", "=", "client.account"), ("res_id", "=", aim.account.id)]
    )
    return [str(message.body) for message in messages]


def search_messages(model, name, text, aim):
    return aim.env[model].search_count([(name, "ilike", text)])


MESSAGE_ROWS = [
    Row("chatter: messages", "body", NOTE_TEXT, get_messages, shows),
    Row(
        "chatter: search",
        "body",
        NOTE_TEXT,
        partial(search_messages, "mail.message", "body", NEW_TEXT),
        tells,
    ),
    Row(
        "chatter: group",
        "body",
        NOTE_TEXT,
        lambda aim: aim.env["mail.message"].formatted_read_group(
            [("body", "ilike", NEW_TEXT)], ["model"], ["__count"]
        ),
        tells,
    ),
    Row(
        "chatter: by id",
        "body",
        NOTE_TEXT,
        lambda aim: aim.case._get_note().with_env(aim.env).read(["body"]),
        shows,
    ),
    Row(
        "chatter: read of the account",
        "message_ids",
        NOTE_TEXT,
        lambda aim: aim.account.web_read({"message_ids": {"fields": {"body": {}}}}),
        shows,
    ),
    Row(
        "tracking: search of messages",
        "credit_limit",
        ACCOUNT_VALUES["limit_in_force"],
        lambda aim: aim.env["mail.message"].search_count(
            [("tracking_value_ids.new_value_float", "=", 1200.0)]
        ),
        tells,
        "admin",
    ),
    Row(
        "tracking: read",
        "credit_limit",
        ACCOUNT_VALUES["limit_in_force"],
        lambda aim: aim.env["mail.tracking.value"].search_read(
            [("mail_message_id.res_id", "=", aim.account.id)], ["new_value_float"]
        ),
        shows,
        "admin",
    ),
    Row(
        "mails: read",
        "body_html",
        ("-50.00", "-300.00", None),
        lambda aim: aim.env["mail.mail"].search_count(
            [("body_html", "ilike", "300.00"), ("body_html", "ilike", "is used up")]
        ),
        tells,
        "admin",
    ),
    Row(
        "notification: name", "subject", LIMIT_TEXT, get_told_subjects, shows, "leader"
    ),
    Row(
        "notification: of the salesperson",
        "subject",
        LIMIT_TEXT,
        get_seller_subjects,
        tells,
        "seller",
    ),
    Row(
        "notification: group",
        "subject",
        LIMIT_TEXT,
        group_told_subjects,
        shows,
        "leader",
    ),
    *(
        Row(
            f"notification: search by {path}",
            "subject",
            LIMIT_TEXT,
            partial(search_told, path),
            tells,
            "leader",
        )
        for path in ("mail_message_id.subject", "mail_message_id")
    ),
    Row(
        "notification: group by path",
        "subject",
        LIMIT_TEXT,
        lambda aim: sorted(
            {
                row["mail_message_id.subject"] or ""
                for row in aim.env["mail.notification"].formatted_read_group(
                    [], ["mail_message_id.subject"], ["__count"]
                )
                if "lapses" in (row["mail_message_id.subject"] or "")
            }
        ),
        shows,
        "leader",
    ),
    Row(
        "activity: read",
        "summary",
        OWED_TEXT,
        lambda aim: aim.env["mail.activity"].search_read(
            [("res_model", "=", "client.account")], ["summary", "note"]
        ),
        shows,
    ),
    Row(
        "activity: by id",
        "summary",
        OWED_TEXT,
        lambda aim: aim.case._get_activity().with_env(aim.env).read(["summary"]),
        shows,
    ),
    Row(
        "activity: search",
        "summary",
        OWED_TEXT,
        partial(search_messages, "mail.activity", "summary", NEW_TEXT),
        tells,
    ),
    Row(
        "activity: group",
        "summary",
        OWED_TEXT,
        lambda aim: aim.env["mail.activity"].formatted_read_group(
            [("res_model", "=", "client.account")], ["summary"], ["__count"]
        ),
        shows,
    ),
    Row(
        "activity: name_search",
        "summary",
        OWED_TEXT,
        lambda aim: aim.env["mail.activity"].name_search(NEW_TEXT),
        tells,
    ),
    Row(
        "activity: read of the account",
        "activity_summary",
        OWED_TEXT,
        lambda aim: aim.account.web_read({"activity_ids": {"fields": {"summary": {}}}}),
        shows,
    ),
    *(
        Row(
            f"notice: {route}",
            field,
            values,
            ask,
            judge,
        )
        for field, values in {
            "amount": (1050.0, 1500.0, None),
            "threshold": (1000.0, 1200.0, None),
        }.items()
        for route, ask, judge in (
            (
                "read",
                lambda aim: aim.env["client.account.notice"].search_read(
                    [], [aim.field]
                ),
                shows,
            ),
            (
                "group",
                lambda aim: aim.env["client.account.notice"].formatted_read_group(
                    [], [], [f"{aim.field}:max"]
                ),
                shows,
            ),
            (
                "search",
                lambda aim: aim.env["client.account.notice"].search_count(
                    [(aim.field, "=", aim.values[1])]
                ),
                tells,
            ),
            (
                "of the account",
                lambda aim: aim.account.web_read(
                    {"notice_ids": {"fields": {aim.field: {}}}}
                ),
                shows,
            ),
        )
    ),
    Row("template: preview", "client_balance", BALANCE, preview, shows),
    Row("template: send_mail", "client_balance", BALANCE, send_template, shows),
    Row(
        "template: composer",
        "client_balance",
        BALANCE,
        lambda aim: compose(aim, template_id=make_template(aim).id),
        shows,
    ),
    Row("template: mass mailing", "client_balance", BALANCE, compose_many, shows),
    *(
        Row(
            f"template: {engine}",
            "client_balance",
            BALANCE,
            lambda aim, engine=engine, text=text: str(
                aim.env["mail.render.mixin"]._render_template(
                    text, "res.partner", aim.client.ids, engine=engine
                )[aim.client.id]
            ),
            shows,
        )
        for engine, text in (("inline_template", TEMPLATE), ("qweb", BODY))
    ),
]


# === Routes to the documents ===

DOCUMENT_ROWS = [
    Row(
        "invoice: banner",
        "partner_credit_warning",
        ("owes $ 1,150.00", "owes $ 1,600.00", None),
        lambda aim: aim.case.draft.with_env(aim.env).read(["partner_credit_warning"]),
        shows,
        "biller",
    ),
    *(
        Row(
            f"invoice: search by {name}",
            name,
            (1.0, 2.0, None),
            lambda aim, value=value: float(
                aim.env["account.move"].search_count(
                    [("partner_id", "=", aim.client.id), (aim.field, "=", value)]
                )
            ),
            shows,
            "biller",
        )
        for name, value in {
            "client_adjustment": "credit",
            "client_account_credit": True,
            "client_adjustment_reason": "Class cancelled",
        }.items()
    ),
    *(
        Row(
            f"invoice: sum of {name}",
            name,
            VALUES["client_amount_owed"],
            lambda aim: aim.env["account.move"].formatted_read_group(
                [
                    ("partner_id", "=", aim.client.id),
                    ("move_type", "=", "out_invoice"),
                    ("state", "=", "posted"),
                ],
                [],
                [f"{aim.field}:sum"],
            ),
            shows,
            "biller",
        )
        for name in ("amount_residual", "amount_total")
    ),
    Row(
        "invoice: search of clients",
        "amount_total",
        (None, None, None),
        lambda aim: (
            aim.clients.search(
                [("id", "=", aim.client.id), ("invoice_ids.amount_total", "=", 600)]
            ).ids
        ),
        tells,
        "biller",
    ),
    Row(
        "journal item: sum",
        "amount_residual",
        tuple(-value for value in BALANCE),
        lambda aim: aim.env["account.move.line"].formatted_read_group(
            [
                ("partner_id", "=", aim.client.id),
                ("account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
            ],
            [],
            [f"{aim.field}:sum"],
        ),
        shows,
        "biller",
    ),
]

ROWS = [*FIGURE_ROWS, *POLICY_ROWS, *NATIVE_ROWS, *ACCOUNT_ROWS, *MESSAGE_ROWS]
ROWS += DOCUMENT_ROWS

# Fields that screens must not even name to an outsider.
NAMED_FIELDS = [*PARTNER_FIGURES, *PARTNER_POLICIES, *PARTNER_ORIGINS]
NAMED_FIELDS += ["client_account_id", "client_account_ids", "client_pay_later_disabled"]


class StaffVisibilityCommon(ClientAccountCommon):
    """A client who owes more than the limit, and soon even more, and another one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The messages of all that happens are among what is asked for.
        cls.env = cls.env(
            context={"tracking_disable": False, "mail_notrack": False, "lang": "en_US"}
        )
        cls.users = {
            name: cls._make_user(f"sv_{name}", groups, notification_type="inbox")
            for name, groups in {**OUTSIDERS, **INSIDERS}.items()
        }
        cls.company.client_credit_application = "manual"
        cls.company.client_account_leader_id = cls.users["leader"]
        cls.client = cls.client.with_env(cls.env)
        cls.account = cls.account.with_env(cls.env)
        cls.client.write(
            {"email": "ada@piano.example.com", "user_id": cls.users["seller"].id}
        )
        cls.contact = cls.env["res.partner"].create(
            {"name": "Ada's Desk", "parent_id": cls.client.id, "type": "invoice"}
        )
        cls.clients = cls.client | cls.other_client
        for client in cls.clients:
            cls._make_user(
                f"sv_portal_{client.id}",
                "base.group_portal",
                partner_id=client.id,
                name=client.name,
                email=client.email or "bela@chess.example.com",
            )
        cls.past = cls.today - timedelta(days=3)
        cls._owe(1500, 250, 90, cls.other_client)
        other_account = cls._get_account(cls.other_client)
        other_account._set_limit(1100)
        for name in THRESHOLDS:
            other_account[name] = VALUES[f"client_{name}"][2]
        cls._set_native_limit(cls.other_client, VALUES["credit_limit"][2])
        cls._owe(1234.56, 184.56, 70, cls.client)
        cls._decide(0)
        cls.requests = cls._make_requests()
        cls.draft = cls._make_invoice(100, post=False)
        cls._tell(0)

    @classmethod
    def _owe(cls, debt, credit, bill, client):
        """Have a client owe and be owed more, and the company owe it something."""
        cls._issue_credit(credit, client)
        # Back within the limit for a moment, so that the notices are new ones.
        cls._get_job()._send_notices()
        cls._make_invoice(debt, client, date_due=cls.past)
        cls._make_invoice(
            bill,
            client,
            move_type="in_invoice",
            invoice_date=cls.today,
            invoice_date_due=cls.today,
        )

    @classmethod
    def _get_job(cls):
        """Return the account as the jobs see it."""
        return cls.account.with_user(cls.env.ref("base.user_root"))

    @classmethod
    def _decide(cls, state):
        """Set the limit and the policies of a state."""
        cls.account._set_limit(VALUES["client_limit_in_force"][state])
        cls.account.write(
            {name: values[state] for name, values in POLICY_VALUES.items()}
        )
        cls._set_native_limit(cls.client, VALUES["credit_limit"][state])

    @classmethod
    def _make_requests(cls):
        """Make a draft for each of those who may not see the client's figures."""
        requests = cls.env["client.account.request"]
        cls.askers = {}
        outsiders = [cls.users[name] for name in OUTSIDERS]
        for user in outsiders:
            requests |= requests.with_user(user).create(
                {
                    "partner_id": cls.client.id,
                    "requested_limit": 1100,
                    "reason": "Books every week",
                }
            )
            cls.askers[user.id] = user.ids
        for name in INSIDERS:
            cls.askers[cls.users[name].id] = outsiders[0].ids
        return requests.with_env(cls.env)

    @classmethod
    def _tell(cls, state):
        """Have written and sent what is, as it is when the jobs have run."""
        cls._log()
        job = cls._get_job()
        job._send_notices()
        job._as_workflow().write({"limit_until": cls.today + timedelta(5)})
        job._announce_lapse()
        cls.account.message_post(body=f"Ada {NOTE_TEXT[state]}")
        cls._log()

    @classmethod
    def _log(cls):
        """Have tracked what is tracked at the end of a transaction."""
        cls.env.flush_all()
        cls.cr.precommit.run()

    def _move_on(self):
        """Bring the client into the other state, with figures that all differ."""
        self._owe(600, 150, 40, self.client)
        self._decide(1)
        self._tell(1)

    def _get_note(self):
        """Return the last message on the account."""
        return self.account.message_ids.filtered(
            lambda message: "open" in message.body
        )[:1]

    def _get_activity(self):
        """Return the activity that says that the limit is exceeded."""
        return self.account.activity_ids.filtered(
            lambda activity: "owes" in activity.summary
        )

    def _ask(self, row, name):
        """Return what a route answers a user, undoing what it did."""
        user = self.users[name]
        self.env.flush_all()
        self.env.invalidate_all()
        clients = self.clients.with_user(user).with_context(lang="en_US")
        with self.cr.savepoint() as savepoint:
            try:
                answer = row.ask(Aim(clients, row.field, row.values, self))
            except UserError as error:
                answer = Refused(NUMBERED.sub("", str(error)))
            savepoint.rollback()
        return answer

    def _ask_all(self, rows):
        """Return what each route answers each user whom it concerns."""
        answers = {
            (row, name): self._ask(row, name)
            for row in rows
            for name in (*OUTSIDERS, row.insider)
        }
        self.env.invalidate_all()
        return answers


@tagged("post_install", "-at_install")
class TestStaffVisibility(StaffVisibilityCommon):
    def _check(self, rows):
        """Check that outsiders are answered the same whatever the client owes, and
        that an insider is answered what the client owes."""
        first = self._ask_all(rows)
        self._move_on()
        second = self._ask_all(rows)
        for row in rows:
            for name in OUTSIDERS:
                with self.subTest(row=str(row), user=name):
                    self.assertEqual(first[row, name], second[row, name])
                    self.assertFalse(self._learns(row, first[row, name]))
            for state, answers in enumerate((first, second)):
                answer = answers[row, row.insider]
                with self.subTest(row=str(row), state=state, answer=answer):
                    self.assertNotIsInstance(answer, Refused)
                    self.assertTrue(
                        row.judge(answer, state, row.values, self.clients.ids)
                    )
            with self.subTest(row=str(row)):
                self.assertNotEqual(first[row, row.insider], second[row, row.insider])

    def _learns(self, row, answer):
        """Tell whether an answer holds the figure itself."""
        if isinstance(answer, Refused) or row.judge is not shows:
            return False
        return shows(answer, 0, row.values, self.clients.ids)

    def test_table_is_as_large_as_it_says(self):
        self.assertGreater(len({str(row) for row in ROWS}), 60)
        self.assertEqual(len({str(row) for row in ROWS}), len(ROWS))

    def test_outsiders_learn_no_figure(self):
        self._check(FIGURE_ROWS)

    def test_outsiders_learn_no_policy(self):
        self._check(POLICY_ROWS)

    def test_outsiders_learn_no_figure_of_odoo_s_own(self):
        self._check(NATIVE_ROWS)

    def test_outsiders_learn_nothing_of_an_account(self):
        self._check(ACCOUNT_ROWS)

    def test_outsiders_learn_nothing_by_messages(self):
        self._check(MESSAGE_ROWS)

    def test_outsiders_learn_nothing_by_documents(self):
        self._check(DOCUMENT_ROWS)

    # === What screens name ===

    def _get_screen(self, model, user):
        """Return the views and fields that the web client loads."""
        records = self.env[model].with_user(user)
        views = records.get_views([(False, "form"), (False, "list"), (False, "search")])
        # Beside a field stands in words what it is loaded for.
        screen = " ".join(
            re.sub(r' data-used-by="[^"]*"', "", view["arch"])
            for view in views["views"].values()
        )
        loaded = {
            name for fields in views["models"].values() for name in fields["fields"]
        }
        return screen, loaded | records.fields_get().keys()

    def test_screens_do_not_name_figures_to_outsiders(self):
        for model in ("res.partner", "res.users"):
            screen, names = self._get_screen(model, self.users["officer"])
            self.assertLessEqual({*NAMED_FIELDS}, names)
            for user in (self.users[name] for name in OUTSIDERS):
                with self.subTest(model=model, user=user.login):
                    screen, names = self._get_screen(model, user)
                    self.assertFalse(names.intersection(NAMED_FIELDS))
                    for name in NAMED_FIELDS:
                        self.assertNotRegex(screen, rf"\b{name}\b")
        screen, _names = self._get_screen("res.partner", self.users["officer"])
        self.assertIn("client_balance", screen)

    def test_new_and_copied_contacts_tell_nothing(self):
        contacts = self.env["res.partner"].with_user(self.users["contacts"])
        self.assertFalse(contacts.default_get(NAMED_FIELDS))
        [values] = self.client.with_env(contacts.env).copy_data()
        self.assertFalse(values.keys() & {*NAMED_FIELDS})
        copied = self.client.with_env(contacts.env).copy().sudo()
        self.assertEqual(copied.client_balance, 0.0)
        self.assertFalse(copied.client_account_ids)

    def test_client_is_requested_about_without_a_word_about_figures(self):
        """A request for what the client has already is refused to viewers alone."""
        requests = self.env["client.account.request"]
        values = {"partner_id": self.client.id, "reason": "Again", "subject": "limit"}
        for user in (self.users["employee"], self.users["officer"]):
            request = requests.with_user(user).create(
                {
                    **values,
                    "requested_limit": 1000,
                    "limit_until": self.account.limit_until,
                }
            )
            with self.subTest(user=user.login):
                if user.has_group(VIEWER):
                    with self.assertRefused("has already"):
                        request.action_submit()
                else:
                    self.assertTrue(request.action_submit())
                    request.action_withdraw()


@tagged("post_install", "-at_install")
class TestStaffSetting(StaffVisibilityCommon):
    def _set(self, value):
        """Save the company's settings with the switch on or off."""
        settings = self.env["res.config.settings"].with_user(self.users["admin"])
        settings.create({"group_client_account_staff": value}).execute()
        self.env.invalidate_all()

    def _see_figures(self, user):
        """Return what a user is shown of the client's balance, and finds by it."""
        client = self.client.with_user(user)
        account = self.account.with_user(user)
        return [
            client.read(["client_balance"])[0]["client_balance"],
            account.read(["balance"])[0]["balance"],
            client.search([("client_balance", "=", -1050), ("parent_id", "=", False)]),
            account.search([("balance", "=", -1050)]),
            client.search(
                [("id", "in", self.clients.ids)], order="client_balance", limit=1
            ),
        ]

    def test_staff_sees_balances_while_the_setting_is_on(self):
        user = self.users["employee"]
        figures = [-1050.0, -1050.0, self.client, self.account, self.other_client]
        for _turn in range(2):
            self._set(True)
            self.assertTrue(user.has_group(VIEWER))
            self.assertEqual(self._see_figures(user), figures)
            screen = self.client.with_user(user).get_views([(False, "form")])
            self.assertIn("client_balance", screen["views"]["form"]["arch"])
            self._set(False)
            self.assertFalse(user.has_group(VIEWER))
            for name in ("client_balance", "client_account_id"):
                with self.assertRaises(AccessError):
                    self.client.with_user(user).read([name])
            with self.assertRaises(AccessError):
                self.account.with_user(user).read(["balance"])
            with self.assertRaises(AccessError):
                self.client.with_user(user).search([("client_balance", "<", 0)])

    def test_new_employees_see_balances_while_the_setting_is_on(self):
        self._set(True)
        user = self._make_user("sv_new", "base.group_user")
        self.assertEqual(self._see_figures(user)[0], -1050.0)
        self._set(False)
        self.assertFalse(user.has_group(VIEWER))

    def test_setting_gives_no_more_than_to_see(self):
        self._set(True)
        user = self.users["employee"]
        self.assertFalse(user.has_group(OFFICER))
        account = self.account.with_user(user)
        with self.assertRefused(exception=AccessError):
            account.issue_credit(10, "Gift")
        with self.assertRefused(exception=AccessError):
            account.write({"negative_balance": "allowed"})
        with self.assertRefused(exception=AccessError):
            self.client.with_user(user).read(["credit"])
        with self.assertRefused(exception=AccessError):
            self.client.with_user(user).search([("credit", ">", 0)])

    def test_setting_gives_portal_users_nothing(self):
        self._set(True)
        user = self.client.user_ids
        self.assertFalse(user.has_group(VIEWER))
        with self.assertRaises(AccessError):
            self.client.with_user(user).read(["client_balance"])
        with self.assertRaises(AccessError):
            self.account.with_user(user).read(["balance"])

    def test_officers_see_balances_whatever_the_setting(self):
        for value in (True, False):
            self._set(value)
            for name in ("officer", "biller", "leader"):
                with self.subTest(value=value, user=name):
                    figures = self._see_figures(self.users[name])
                    self.assertEqual(figures[:2], [-1050.0, -1050.0])

    def test_refused_to_employees_to_change_the_setting(self):
        with self.assertRaises(AccessError):
            self.env["res.config.settings"].with_user(self.users["employee"]).create(
                {"group_client_account_staff": True}
            )
