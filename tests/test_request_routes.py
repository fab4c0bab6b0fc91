import json
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from itertools import count, cycle, product
from typing import NamedTuple
from xmlrpc.client import Fault

from odoo.modules.registry import Registry
from odoo.tests import get_db_name, tagged

from ..models.client_account_alert import TOLD_FIELDS
from .server import JsonFault, is_refusal
from .server_case import ADMIN, ServerCase

PROTOCOLS = ("XML-RPC", "JSON-RPC")

COMPANIES = {"home": "Routes School", "other": "Routes Academy"}

OFFICER = "client_account.group_client_account_officer"
APPROVER = "client_account.group_client_account_approver"
CONTACTS = "base.group_partner_manager"

# Name: home company and groups. Those who may write contacts come as far by them as
# anybody can.
USERS = {
    "requester": ("home", ["base.group_user"]),
    "officer": ("home", [OFFICER, CONTACTS]),
    "own_approver": ("home", [APPROVER, CONTACTS]),
    "approver": ("home", [APPROVER, CONTACTS]),
    "stranger": ("other", [APPROVER, CONTACTS]),
    "portal": ("home", ["base.group_portal"]),
}
EVERYONE = tuple(USERS)
INTERNAL = tuple(name for name in USERS if name != "portal")

REQUEST = "client.account.request"
ACCOUNT = "client.account"
REJECT = "client.account.request.reject"
DELEGATE = "client.account.request.delegate"
SUSPENSION = "client.account.suspension"
MERGE = "base.partner.merge.automatic.wizard"

# What case 31 names, and what comes after it.
KEY_FIELDS = (
    "state",
    "granted_limit",
    "decided_by_id",
    "requested_by_id",
    "approver_id",
    "agreed_by_ids",
)
ACCOUNT_KEY_FIELDS = (
    "state",
    "credit_limit",
    "limit_until",
    "limit_request_id",
    "state_reason",
    "limit_lapse_told",
    *TOLD_FIELDS.values(),
)

# Fields of a request that only viewers read.
VIEWER_FIELDS = frozenset(
    (
        "kind",
        "previous_state",
        "previous_limit",
        "previous_payment_term_id",
        "previous_request_id",
        "credit_move_id",
        "credit_product_id",
        "credit_reason_id",
        "credit_tax_ids",
    )
)

# Forged by a caller: nothing that JSON or XML can carry is the workflow's own object.
FORGED_CONTEXTS = tuple(
    {"client_account_approved": value}
    for value in (True, 1, "x", {}, [], "<object object at 0x7f0000000000>")
) + (
    {"su": True, "uid": 1},
    {"install_mode": True, "import_file": True, "module": "client_account"},
    {"tracking_disable": True, "mail_create_nolog": True, "force_delete": True},
)

PRIVATE_STEPS = {
    REQUEST: (
        ("_decide", "approved"),
        ("_grant", []),
        ("_grant_limit", []),
        ("_grant_payment_term", []),
        ("_reject", "No"),
        ("_agree", []),
        ("_withdraw_agreements",),
        ("_as_workflow",),
        ("_without_approval",),
        ("_touch",),
        ("_write", {"state": "approved"}),
        ("_load_records_write", {"state": "approved"}),
        ("update", {"state": "approved"}),
        ("sudo",),
        ("with_context", {"client_account_approved": True}),
    ),
    ACCOUNT: (
        ("_set_limit", 9000.0),
        ("_as_workflow",),
        ("_touch",),
        ("_change_state", "granted", "suspended", "Why"),
        ("_lapse_limit", "2099-01-01"),
        ("_lapse_or_announce",),
        ("_cron_lapse_limits",),
        ("_hand_on_requests", [], []),
        ("_leave_to_new_clients",),
        ("_merge_into", []),
        ("_write", {"credit_limit": 9000.0}),
        ("update", {"credit_limit": 9000.0}),
        ("sudo",),
    ),
}


class Record(NamedTuple):
    """A request or an account, with what leads to it."""

    model: str
    id: int
    account_id: int
    partner_id: int


class Row(NamedTuple):
    """One way around: who tries it, how, and on what."""

    protocol: str
    actor: str
    route: str
    target: str
    detail: str
    attempt: Callable  # takes the `call` of a client
    harmless: bool = False  # not refused: it makes a draft, but without the value

    def __str__(self):
        return " / ".join(self[:5])


class ImportRefusedError(Exception):
    """What `load` answers instead of raising an error."""


# === Routes ===


def load(call, model, vals):
    """Import one line, by database ids, and return the ids of its records."""
    line = {}
    for name, value in vals.items():
        if name.endswith("_id"):
            line[f"{name}/.id"] = str(value)
        elif name.endswith("_ids"):
            [(_command, _zero, ids)] = value
            line[f"{name}/.id"] = ",".join(map(str, ids))
        else:
            line[".id" if name == "id" else name] = str(value)
    answer = call(model, "load", list(line), [list(line.values())])
    if not answer["ids"]:
        raise ImportRefusedError(answer["messages"])
    return answer["ids"]


def write_in_account(call, record, vals):
    commands = [(1, record.id, vals)]
    return call(ACCOUNT, "write", [record.account_id], {"request_ids": commands})


def write_in_partner(call, record, vals):
    if record.model == REQUEST:
        vals = {"request_ids": [(1, record.id, vals)]}
    commands = [(1, record.account_id, vals)]
    return call(
        "res.partner", "write", [record.partner_id], {"client_account_ids": commands}
    )


def create_in_account(call, record, vals):
    commands = [(0, 0, {**get_asked(record), **vals})]
    return call(ACCOUNT, "write", [record.account_id], {"request_ids": commands})


# Ways to write on a record.
WRITE_ROUTES = {
    "write": lambda call, record, vals: call(record.model, "write", [record.id], vals),
    "web_save": lambda call, record, vals: call(
        record.model, "web_save", [record.id], vals, {}
    ),
    "web_save_multi": lambda call, record, vals: call(
        record.model, "web_save_multi", [record.id], [vals], {}
    ),
    "load": lambda call, record, vals: load(
        call, record.model, {"id": record.id, **vals}
    ),
    "message_update": lambda call, record, vals: call(
        record.model, "message_update", [record.id], {}, vals
    ),
    "request_ids of the account": write_in_account,
    "client_account_ids of the client": write_in_partner,
}
ACCOUNT_WRITE_ROUTES = tuple(
    route for route in WRITE_ROUTES if route != "request_ids of the account"
)
# Those that a requester, who sees no account, can use.
REQUESTER_WRITE_ROUTES = tuple(route for route in WRITE_ROUTES if " of " not in route)

# Ways to make a request, about the client of a record.
CREATE_ROUTES = {
    "create": lambda call, record, vals: call(
        REQUEST, "create", {**get_asked(record), **vals}
    ),
    "web_save of a new one": lambda call, record, vals: call(
        REQUEST, "web_save", [], {**get_asked(record), **vals}, {}
    ),
    "load of a new one": lambda call, record, vals: load(
        call, REQUEST, {**get_asked(record), **vals}
    ),
    "copy": lambda call, record, vals: call(REQUEST, "copy", [record.id], vals),
    "request_ids of the account, new": create_in_account,
}


def get_asked(record):
    """Return what a new request asks for."""
    return {
        "partner_id": record.partner_id,
        "requested_limit": 5.0,
        "reason": "Books every week",
    }


def get_asked_without(record, names):
    """Return what a new request asks for, apart from what defaults are to say."""
    asked = get_asked(record)
    return {name: value for name, value in asked.items() if name not in names}


def create_with_defaults(call, record, vals):
    context = {f"default_{name}": value for name, value in vals.items()}
    return call(REQUEST, "create", get_asked_without(record, vals), context=context)


def create_with_context(call, record, vals, context):
    return call(REQUEST, "create", {**get_asked(record), **vals}, context=context)


def write_with_context(call, record, vals, context):
    return call(record.model, "write", [record.id], vals, context=context)


def write_on_client(call, record, vals):
    return call("res.partner", "write", [record.partner_id], vals)


def create_account(call, record, company_id):
    vals = {
        "partner_id": record.partner_id,
        "company_id": company_id,
        "credit_limit": 9000.0,
        "state": "granted",
    }
    return call(ACCOUNT, "create", vals)


def create_client(call, record, vals):
    return call("res.partner", "create", {"name": "Route", **vals})


def create_client_with_defaults(call, record, vals):
    context = {f"default_{name}": value for name, value in vals.items()}
    return call("res.partner", "create", {"name": "Route"}, context=context)


def reject_by_wizard(call, record):
    wizard_id = call(REJECT, "create", {"request_id": record.id, "reason": "Too much"})
    return call(REJECT, "action_reject", [wizard_id])


def delegate_by_wizard(call, record, user_id):
    wizard_id = call(DELEGATE, "create", {"request_id": record.id, "user_id": user_id})
    return call(DELEGATE, "action_delegate", [wizard_id])


def suspend_by_wizard(call, record, kind, reason):
    wizard_id = call(
        SUSPENSION,
        "create",
        {"account_ids": [(6, 0, [record.id])], "kind": kind, "reason": reason},
    )
    return call(SUSPENSION, "action_confirm", [wizard_id])


def merge_by_wizard(call, record, partner_id):
    """Merge the client into another one."""
    wizard_id = call(
        MERGE,
        "create",
        {
            "partner_ids": [(6, 0, [record.partner_id, partner_id])],
            "dst_partner_id": partner_id,
        },
    )
    return call(MERGE, "action_merge", [wizard_id])


def write_settings(call, record, company_id, vals):
    return call("res.company", "write", [company_id], vals)


def method(name, *args, **kwargs):
    """Return an attempt that calls a method of a record."""
    return lambda call, record: call(record.model, name, [record.id], *args, **kwargs)


@tagged("post_install", "-at_install")
class TestRequestRoutes(ServerCase):
    """Cases 31 and 32 on a real server: a table of actor x route x field.

    What is set up stays in the database, in two companies of its own.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.companies = {
            key: cls._get_or_create_company(name) for key, name in COMPANIES.items()
        }
        cls.clients = {}
        cls.uids = {}
        for name in USERS:
            login, password = f"route_{name}", f"route password {name}"
            cls._ensure_user(name, login, password)
            cls.clients["XML-RPC", name] = cls.server.sign_in(login, password)
            cls.clients["JSON-RPC", name] = cls.server.open_session(login, password)
            cls.uids[name] = cls.clients["XML-RPC", name].uid
        cls.clients["XML-RPC", "admin"] = cls.admin
        cls.clients["JSON-RPC", "admin"] = cls.server.open_session(*ADMIN)
        cls.terms = [
            cls._get_id_of(f"account.account_payment_term_{name}")
            for name in ("30days", "15days")
        ]
        cls.currency_id = cls._get_id_of("base.EUR")
        cls.until = str(date.today() + timedelta(days=90))
        cls._make_records()

    # === Fixtures ===

    @classmethod
    def _get_id_of(cls, xml_id):
        [(record_id,)] = cls._query(
            "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s",
            *xml_id.split("."),
        )
        return record_id

    @classmethod
    def _get_or_create_company(cls, name):
        """Return the id of a company, made where a former run has not."""
        if found := cls._query("SELECT id FROM res_company WHERE name = %s", name):
            return found[0][0]
        vals = {
            "name": name,
            "client_two_approvers": True,
            "client_two_approvers_above": 1000.0,
        }
        return cls.admin.call("res.company", "create", vals)

    @classmethod
    def _ensure_user(cls, name, login, password):
        """Make a user where a former run has not."""
        if cls._query("SELECT 1 FROM res_users WHERE login = %s", login):
            return
        company, groups = USERS[name]
        company_id = cls.companies[company]
        cls.admin.call(
            "res.users",
            "create",
            {
                "name": login,
                "login": login,
                "password": password,
                "company_id": company_id,
                "company_ids": [(6, 0, [company_id])],
                "group_ids": [(6, 0, [cls._get_id_of(group) for group in groups])],
            },
            context={"no_reset_password": True},
        )

    @classmethod
    def _call(cls, actor, *args, **kwargs):
        return cls.clients["XML-RPC", actor].call(*args, **kwargs)

    @classmethod
    def _make_client(cls):
        """Make a client with a name of its own, and return its id."""
        name = f"Route {uuid.uuid4().hex[:8]}"
        return cls.admin.call("res.partner", "create", {"name": name})

    @classmethod
    def _read_request(cls, request_id):
        [(partner_id, account_id)] = cls._query(
            "SELECT partner_id, account_id FROM client_account_request WHERE id = %s",
            request_id,
        )
        return Record(REQUEST, request_id, account_id, partner_id)

    @classmethod
    def _make_request(cls, actor, limit, partner_id=None, **vals):
        """Make a draft about a client, a new one unless it is named."""
        vals = {
            "partner_id": partner_id or cls._make_client(),
            "requested_limit": limit,
            "reason": "Books every week",
            **vals,
        }
        return cls._read_request(cls._call(actor, REQUEST, "create", vals))

    @classmethod
    def _submit_request(cls, actor, *args, **vals):
        request = cls._make_request(actor, *args, **vals)
        cls._call(actor, REQUEST, "action_submit", [request.id])
        return request

    @classmethod
    def _grant(cls, limit, **vals):
        request = cls._submit_request("requester", limit, **vals)
        cls._call("approver", REQUEST, "action_approve", [request.id])
        return request

    @classmethod
    def _get_account_of(cls, request):
        return request._replace(model=ACCOUNT, id=request.account_id)

    @classmethod
    def _make_records(cls):
        """Make what is attacked: requests in each state, and their accounts."""
        approved = cls._grant(
            100.0, payment_term_id=cls.terms[0], limit_until=cls.until
        )
        suspended = cls._grant(100.0)
        agreed = cls._submit_request("requester", 5000.0)
        cls._call("approver", REQUEST, "action_approve", [agreed.id])
        cls.records = {
            "approved": approved,
            "submitted": cls._submit_request(
                "requester", 200.0, partner_id=approved.partner_id
            ),
            "agreed": agreed,
            "draft": cls._make_request("requester", 50.0),
            "approver's draft": cls._make_request("approver", 50.0),
            "own": cls._submit_request("own_approver", 300.0),
            "account": cls._get_account_of(approved),
            "suspended account": cls._get_account_of(suspended),
        }
        cls._call("officer", ACCOUNT, "action_suspend", [suspended.account_id], "Why")
        # What a draft is like without any attempt, which makes its account, too.
        cls.plain = {
            actor: cls._make_request(actor, 5.0, partner_id=approved.partner_id)
            for actor in INTERNAL
        }

    # === What moved ===

    def _fetch_rows(self):
        """Return all that an attempt could move, as (table, row)."""
        return self._query(
            """
            SELECT 'client_account_request', to_jsonb(item)::text
              FROM client_account_request item
             UNION ALL
            SELECT 'client_account', to_jsonb(item)::text FROM client_account item
             UNION ALL
            SELECT 'client_account_request_agreed_rel', to_jsonb(item)::text
              FROM client_account_request_agreed_rel item
             UNION ALL
            SELECT 'res_partner',
                   ROW(id, commercial_partner_id, property_payment_term_id)::text
              FROM res_partner
             WHERE id = ANY(%s)
             UNION ALL
            SELECT 'res_company',
                   ROW(id, client_account_leader_id, client_request_self_approval,
                       client_two_approvers, client_two_approvers_above)::text
              FROM res_company
             ORDER BY 1, 2
            """,
            [record.partner_id for record in self.records.values()],
        )

    def _fetch_draft(self, request_id):
        """Return what a request holds, apart from its own number and dates."""
        [(vals,)] = self._query(
            """
            SELECT to_jsonb(item) || jsonb_build_object('agreed', ARRAY(
                       SELECT user_id FROM client_account_request_agreed_rel
                        WHERE request_id = item.id))
              FROM client_account_request item
             WHERE item.id = %s
            """,
            request_id,
        )
        own = ("id", "name", "create_date", "write_date")
        return {name: value for name, value in vals.items() if name not in own}

    def _fetch_value(self, record, name):
        """Return a value of a record as it is stored."""
        [(vals,)] = self._query(
            f"SELECT to_jsonb(item) FROM {record.model.replace('.', '_')} item"
            " WHERE item.id = %s",
            record.id,
        )
        return vals[name]

    def _fetch_terms(self, request):
        """Return the payment terms of a request's client at home."""
        [(terms,)] = self._query(
            "SELECT property_payment_term_id FROM res_partner WHERE id = %s",
            request.partner_id,
        )
        return (terms or {}).get(str(self.companies["home"]))

    # === The table ===

    def _get_values(self, actor, record):
        """Return what an actor would like each field of a record to be."""
        if record.model == ACCOUNT:
            return self._get_account_values(actor)
        return self._get_request_values(actor)

    def _get_request_values(self, actor):
        """Return what an actor would like each field of a request to be."""
        uid = self.uids[actor]
        company = "home" if actor == "stranger" else "other"
        asks = "approver" if actor == "requester" else "requester"
        return {
            "name": "REQ/0",
            "account_id": self.records["suspended account"].id,
            "partner_id": self.records["suspended account"].partner_id,
            "company_id": self.companies[company],
            "currency_id": self.currency_id,
            "kind": "lower",
            "state": "approved",
            # Whoever is no longer the requester could decide.
            "requested_by_id": self.uids[asks],
            "submitted_on": "2026-01-15 10:00:00",
            "approver_id": uid,
            "agreed_by_ids": [(6, 0, [uid])],
            "granted_limit": 9000.0,
            "decided_by_id": uid,
            "decided_on": "2026-01-15 10:00:00",
            "rejection_reason": "No",
            "previous_state": "granted",
            "previous_limit": 9000.0,
            "previous_payment_term_id": self.terms[1],
            "previous_request_id": self.records["approved"].id,
            "lock_version": 7,
            "subject": "close",
            "requested_limit": 9000.0,
            "payment_term_id": self.terms[1],
            "limit_until": self.until,
            "reason": "Another one",
            "requested_credit": 9000.0,
            "granted_credit": 9000.0,
            "credit_reason": "Another one",
            "credit_date": "2026-01-15",
            "credit_date_expiry": "2036-01-15",
            "credit_reason_id": False,
            "credit_product_id": False,
            "credit_tax_ids": [(6, 0, [uid])],
            "credit_move_id": 1,
        }

    def _get_account_values(self, actor):
        """Return what an actor would like each field of an account to be."""
        company = "home" if actor == "stranger" else "other"
        return {
            "partner_id": self.records["draft"].partner_id,
            "company_id": self.companies[company],
            "currency_id": self.currency_id,
            "state": "suspended",
            "state_reason": "Why",
            "credit_limit": 9000.0,
            "limit_until": str(date.today() + timedelta(days=900)),
            "limit_request_id": self.records["submitted"].id,
            "limit_lapse_told": True,
            **dict.fromkeys(TOLD_FIELDS.values(), True),
            "lock_version": 7,
            "auto_token_id": 1,
            "auto_threshold": 9000.0,
            "auto_maximum": 9000.0,
            "auto_minimum": 9000.0,
            "auto_consent": "Forged",
            "auto_consent_on": "2026-01-15 10:00:00",
            "auto_consent_by_id": self.records["draft"].partner_id,
            "auto_declines": 7,
            "auto_paused_until": "2026-01-15 10:00:00",
        }

    def _get_target(self, actor):
        """Return the name of the request an actor attacks: their own where they may
        decide about all others."""
        return "own" if actor == "own_approver" else "submitted"

    def _get_fields_written_by(self, *writers, model="client.account.request"):
        """Return the names of a model's fields that one of `writers` writes."""
        fields = Registry(get_db_name())[model]._fields.values()
        return {
            field.name
            for field in fields
            if not {*writers}.isdisjoint(
                [by] if isinstance(by := getattr(field, "written_by", ""), str) else by
            )
        }

    def _get_protected_fields(self, model="client.account.request"):
        """Return the names of a model's fields that only the workflow writes."""
        return self._get_fields_written_by("workflow", "creator", model=model)

    def _iter_field_cases(self):
        """Yield (route, function, actors, target, fields) of routes that set fields.

        Without a target it is the request that waits for the actor.
        """
        decided = self._get_fields_written_by("approver")
        protected = sorted(self._get_protected_fields() | decided)
        asked = sorted(self._get_fields_written_by("requester") - decided)
        account = sorted(self._get_protected_fields("client.account"))
        # A creation names the client, a copy takes another one, and both ask.
        created = sorted(self._get_protected_fields() - {"partner_id"})
        for route, function in WRITE_ROUTES.items():
            some = protected if route == "write" else KEY_FIELDS
            yield route, function, EVERYONE, None, some
            yield route, function, ("requester", "officer"), "draft", KEY_FIELDS
        for route in REQUESTER_WRITE_ROUTES:
            function = WRITE_ROUTES[route]
            yield route, function, ("requester",), "submitted", asked
            yield route, function, ("requester",), "agreed", KEY_FIELDS
            some = (
                *KEY_FIELDS,
                *sorted(self._get_fields_written_by("requester")),
            )
            yield route, function, ("requester", "approver"), "approved", some
            others = ("requester", "officer", "own_approver")
            yield route, function, others, "approver's draft", asked
        for route, function in CREATE_ROUTES.items():
            some = created if route == "create" else KEY_FIELDS
            yield route, function, EVERYONE, "draft", some
        for route in ACCOUNT_WRITE_ROUTES:
            function = WRITE_ROUTES[route]
            some = account if route == "write" else ACCOUNT_KEY_FIELDS
            yield route, function, EVERYONE, "account", some
        actors = ("requester", "approver", "portal")
        yield "default_*", create_with_defaults, actors, "approved", created

    def _is_dropped(self, actor, route, name):
        """Tell whether a value is dropped, so that a draft is made without it.

        Defaults are, but refused is another company, and what the actor may not see.
        """
        if route != "default_*" or actor == "portal":
            return False
        hidden = actor == "requester" and name in VIEWER_FIELDS
        return not hidden and name not in ("company_id", "lock_version")

    def _iter_field_rows(self):
        """Yield the rows of routes that set fields, over either protocol in turn."""
        protocols = cycle(PROTOCOLS)
        for route, function, actors, target, names in self._iter_field_cases():
            for actor, name in product(actors, names):
                target_name = target or self._get_target(actor)
                if self._may_write(actor, target_name, name):
                    continue
                record = self.records[target_name]
                vals = {name: self._get_values(actor, record)[name]}
                yield Row(
                    next(protocols),
                    actor,
                    route,
                    target_name,
                    name,
                    partial(function, record=record, vals=vals),
                    harmless=self._is_dropped(actor, route, name),
                )

    def _iter_own_default_rows(self):
        """Yield the rows of defaults that an actor stores, all fields at once, as Odoo
        clears its caches each time."""
        # A default may name client and company.
        names = sorted(self._get_protected_fields() - {"partner_id", "company_id"})
        actors = ("requester", "approver", "portal")
        for protocol, actor in product(PROTOCOLS, actors):
            values = self._get_request_values(actor)
            attempt = partial(
                self._create_with_own_defaults,
                record=self.records["approved"],
                vals={name: values[name] for name in names},
                user_id=self.uids[actor],
            )
            harmless = actor in INTERNAL
            yield Row(
                protocol, actor, "ir.default", "approved", "all", attempt, harmless
            )

    def _create_with_own_defaults(self, call, record, vals, user_id):
        """Make a request with values that its user has stored as own defaults."""
        field_ids = self._query(
            "SELECT name, id FROM ir_model_fields WHERE model = %s AND name = ANY(%s)",
            REQUEST,
            list(vals),
        )
        defaults = [
            {
                "field_id": field_id,
                "user_id": user_id,
                "json_value": json.dumps(vals[name]),
            }
            for name, field_id in field_ids
        ]
        default_ids = call("ir.default", "create", defaults)
        try:
            return call(REQUEST, "create", get_asked_without(record, vals))
        finally:
            call("ir.default", "unlink", default_ids)

    def _may_write(self, actor, target, name):
        """Tell whether that is the actor's to write: the positive controls do."""
        return (actor, target) == (
            "approver",
            "submitted",
        ) and name in self._get_fields_written_by("approver")

    # Each case of the following is (route, detail, actors, target, function).

    def _iter_context_cases(self):
        """Yield the cases of contexts that claim to be the workflow's."""
        deciders = ("officer", "approver")
        for context, (actors, target, vals) in product(
            FORGED_CONTEXTS,
            (
                (("requester", "approver"), "submitted", {"state": "approved"}),
                (("own_approver",), "own", {"state": "approved"}),
                (("requester",), "draft", {"granted_limit": 9000.0}),
                (deciders, "account", {"state": "closed"}),
                (deciders, "account", {"credit_limit": 9000.0}),
            ),
        ):
            [name] = vals
            function = partial(write_with_context, vals=vals, context=context)
            detail = f"{name}, {context}"
            yield "write with a forged context", detail, actors, target, function
        creators = ("requester", "approver")
        for context in FORGED_CONTEXTS:
            for name in ("state", "granted_limit", "requested_by_id"):
                vals = {name: self._get_request_values("approver")[name]}
                function = partial(create_with_context, vals=vals, context=context)
                detail = f"{name}, {context}"
                route = "create with a forged context"
                yield route, detail, creators, "draft", function
            approve = method("action_approve", context=context)
            for actor, target in (("requester", "submitted"), ("own_approver", "own")):
                yield "action_approve", str(context), (actor,), target, approve

    def _iter_decision_cases(self):
        """Yield the cases of decisions by the wrong actor, or on the wrong request."""
        undecided = ("requester", "officer", "stranger", "portal")
        for target, actors in (
            ("submitted", undecided),
            ("own", (*undecided, "own_approver")),
            ("agreed", undecided),
            ("draft", EVERYONE),
            ("approved", EVERYONE),
        ):
            yield "action_approve", "", actors, target, method("action_approve")
            yield "reject wizard", "", actors, target, reject_by_wizard
        yield (
            "action_approve",
            "twice",
            ("approver",),
            "agreed",
            method("action_approve"),
        )
        abroad = {"allowed_company_ids": list(self.companies.values())}
        for name in ("action_approve", "action_withdraw"):
            yield (
                name,
                "abroad",
                ("stranger",),
                "submitted",
                method(name, context=abroad),
            )
        yield from self._iter_delegation_cases(undecided)

    def _iter_delegation_cases(self, undecided):
        """Yield the cases of handing a decision on, or to whom may not decide."""
        approvers = ("approver", "own_approver")
        for target, actors, heirs in (
            ("submitted", undecided, (*approvers, "requester", "stranger")),
            ("submitted", approvers, ("requester", "officer", "stranger", "portal")),
            ("own", undecided, approvers),
            ("own", approvers, ("own_approver", "requester")),
            ("agreed", approvers, ("approver", "requester")),
            ("draft", EVERYONE, approvers),
            ("approved", EVERYONE, approvers),
        ):
            for heir in heirs:
                user_id = self.uids[heir]
                yield (
                    "action_delegate",
                    f"to {heir}",
                    actors,
                    target,
                    method("action_delegate", user_id),
                )
                yield (
                    "delegate wizard",
                    f"to {heir}",
                    actors,
                    target,
                    partial(delegate_by_wizard, user_id=user_id),
                )

    def _iter_requester_cases(self):
        """Yield the cases of what only the requester does, and only in time."""
        others = tuple(name for name in EVERYONE if name != "requester")
        for name, actors, targets in (
            ("action_withdraw", others, ("submitted", "agreed")),
            ("action_withdraw", ("requester",), ("draft", "approved", "own")),
            ("action_submit", others, ("draft",)),
            ("action_submit", ("requester",), ("submitted", "approved")),
            ("unlink", EVERYONE, ("submitted", "approved", "agreed")),
            ("unlink", others, ("draft",)),
        ):
            for target in targets:
                yield name, "", actors, target, method(name)

    def _iter_account_cases(self):
        """Yield the cases of what else moves an account."""
        blind = ("requester", "stranger", "portal")
        for target, kind in (("account", "suspend"), ("suspended account", "resume")):
            name = f"action_{kind}"
            for actors, reason in ((blind, "Why"), (("officer", "approver"), "  ")):
                detail = f"because of {reason!r}"
                wizard = partial(suspend_by_wizard, kind=kind, reason=reason)
                yield name, detail, actors, target, method(name, reason)
                yield "suspension wizard", detail, actors, target, wizard
            yield "unlink", "", EVERYONE, target, method("unlink")
            yield "copy", "", EVERYONE, target, method("copy")
        create = partial(create_account, company_id=self.companies["other"])
        yield "create", "of an account", EVERYONE, "account", create
        yield from self._iter_new_client_cases()

    def _iter_new_client_cases(self):
        """Yield the cases of clients made together with an account."""
        home = {"company_id": self.companies["home"]}
        draft = {"requested_limit": 5.0, "state": "approved"}
        for name, value in (
            ("state", "granted"),
            ("credit_limit", 9000.0),
            ("request_ids", [(0, 0, draft)]),
        ):
            vals = {"client_account_ids": [(0, 0, {**home, name: value})]}
            for function, how in (
                (create_client, name),
                (create_client_with_defaults, f"{name} by default_*"),
            ):
                attempt = partial(function, vals=vals)
                yield "new client", how, EVERYONE, "account", attempt

    def _iter_neighbour_cases(self):
        """Yield the cases of other records by which an account would move."""
        unable = ("requester", "officer", "stranger", "portal")
        for name, value, actors in (
            ("property_payment_term_id", self.terms[1], ("requester", "portal")),
            ("parent_id", self.records["draft"].partner_id, unable),
        ):
            function = partial(write_on_client, vals={name: value})
            yield f"write {name}", "of the client", actors, "account", function
        # With a limit; without one, but with a request that waits.
        for target in ("account", "agreed"):
            function = partial(
                merge_by_wizard, partner_id=self.records["draft"].partner_id
            )
            yield "merge wizard", "", unable, target, function
        for name, value in (
            ("client_request_self_approval", True),
            ("client_two_approvers", False),
            ("client_account_leader_id", self.uids["own_approver"]),
        ):
            function = partial(
                write_settings, company_id=self.companies["home"], vals={name: value}
            )
            yield "settings", name, EVERYONE, "own", function

    def _iter_command_cases(self):
        """Yield the cases of x2many commands that move records as a whole."""
        submitted, account = self.records["submitted"], self.records["account"]
        new = {"company_id": self.companies["other"], "credit_limit": 9000.0}
        approver, requester = self.uids["approver"], self.uids["requester"]
        for name, target, commands in (
            (
                "request_ids",
                "account",
                ((2, submitted.id), (3, submitted.id), (5,), (6, 0, [])),
            ),
            ("request_ids", "suspended account", ((4, submitted.id),)),
            (
                "client_account_ids",
                "account",
                ((0, 0, new), (2, account.id), (3, account.id), (5,), (6, 0, [])),
            ),
            ("agreed_by_ids", "agreed", ((4, requester), (3, approver), (5,))),
        ):
            for command in commands:
                vals = {name: [command]}
                function = (
                    partial(write_on_client, vals=vals)
                    if name == "client_account_ids"
                    else method("write", vals)
                )
                detail = str(command[0])
                yield f"command of {name}", detail, EVERYONE, target, function

    def _iter_private_cases(self):
        """Yield the cases of the steps of the workflow, called by their names."""
        actors = ("requester", "approver", "portal")
        for model, target in ((REQUEST, "submitted"), (ACCOUNT, "account")):
            for name, *args in PRIVATE_STEPS[model]:
                yield "private step", name, actors, target, method(name, *args)

    def _get_rows(self):
        """Return the whole table."""
        rows = [*self._iter_field_rows(), *self._iter_own_default_rows()]
        protocols = cycle(PROTOCOLS)
        for cases in (
            self._iter_context_cases(),
            self._iter_decision_cases(),
            self._iter_requester_cases(),
            self._iter_account_cases(),
            self._iter_neighbour_cases(),
            self._iter_command_cases(),
            self._iter_private_cases(),
        ):
            for route, detail, actors, target, function in cases:
                attempt = partial(function, record=self.records[target])
                rows += [
                    Row(next(protocols), actor, route, target, detail, attempt)
                    for actor in actors
                ]
        return rows

    # === Tests ===

    def test_every_way_around_is_closed(self):
        rows = self._get_rows()
        self.assertGreaterEqual(len(rows), 120)
        self.assertEqual({row.protocol for row in rows}, set(PROTOCOLS))
        self.assertGreaterEqual(len({row.actor for row in rows}), 5)
        before = self._fetch_rows()
        for row in rows:
            with self.subTest(str(row)):
                try:
                    self._attempt(row)
                finally:
                    # What is after one row is before the next.
                    before, expected = self._fetch_rows(), before
                self.assertEqual(before, expected)

    def _attempt(self, row):
        """Try one row, and check that it is refused in words, or harmless."""
        client = self.clients[row.protocol, row.actor]
        try:
            answer = row.attempt(client.call)
        except (Fault, JsonFault) as fault:
            self.assertTrue(is_refusal(fault), fault)
            self.assertFalse(row.harmless, fault)
        except ImportRefusedError as error:
            self.assertIn("'type': 'error'", str(error))
            self.assertFalse(row.harmless, error)
        else:
            self.assertTrue(row.harmless, f"It answered {answer!r}.")
            self._check_harmless(client, row.actor, answer)

    def _check_harmless(self, client, actor, request_id):
        """Check that a draft is as without any attempt, and delete it."""
        draft = self._fetch_draft(request_id)
        client.call(REQUEST, "unlink", [request_id])
        self.assertEqual(draft, self._fetch_draft(self.plain[actor].id))

    def test_each_route_works_for_the_right_actor(self):
        """The positive controls: without them a route that is broken looks closed."""
        controlled = set()
        self.numbers = count(11)
        for protocol, (control, *routes) in product(PROTOCOLS, self._get_controls()):
            with self.subTest(f"{protocol} / {', '.join(routes)}"):
                control(lambda actor, key=protocol: self.clients[key, actor].call)
            controlled.update(routes)
        self.assertLessEqual({row.route for row in self._get_rows()}, controlled)

    # Each control takes a function that returns the `call` of an actor's client.

    def _get_controls(self):
        """Return what shows that a route is open to the right actor: the control, and
        the routes."""
        context = FORGED_CONTEXTS[0]
        granting = {
            **WRITE_ROUTES,
            "write with a forged context": partial(write_with_context, context=context),
        }
        creating = {
            **CREATE_ROUTES,
            "create with a forged context": partial(
                create_with_context, context=context
            ),
        }
        own_default = partial(
            self._create_with_own_defaults, user_id=self.uids["requester"]
        )
        return [
            *(
                (partial(self._control_granted_limit, function), route)
                for route, function in granting.items()
            ),
            *(
                (partial(self._control_requested_limit, WRITE_ROUTES[route]), route)
                for route in REQUESTER_WRITE_ROUTES
            ),
            *(
                (partial(self._control_policy, WRITE_ROUTES[route]), route)
                for route in ACCOUNT_WRITE_ROUTES
            ),
            *(
                (partial(self._control_creation, function), route)
                for route, function in creating.items()
            ),
            (partial(self._control_default, create_with_defaults), "default_*"),
            (partial(self._control_default, own_default), "ir.default"),
            (self._control_new_client, "new client"),
            (self._control_submit, "action_submit"),
            (self._control_withdraw, "action_withdraw"),
            (self._control_delegation, "action_delegate"),
            (self._control_delegation_wizard, "delegate wizard"),
            (self._control_approval, "action_approve", "private step"),
            (self._control_agreement, "command of agreed_by_ids"),
            (self._control_rejection, "reject wizard"),
            (self._control_deletion, "unlink"),
            (self._control_deletion_in_account, "command of request_ids"),
            (self._control_suspension, "action_suspend", "action_resume"),
            (self._control_suspension_wizard, "suspension wizard"),
            (
                partial(self._control_policy, write_in_partner),
                "command of client_account_ids",
            ),
            (self._control_terms, "write property_payment_term_id"),
            (self._control_parent, "write parent_id"),
            (self._control_merge, "merge wizard"),
            (self._control_settings, "settings"),
        ]

    def _assert_stored(self, record, **values):
        stored = {name: self._fetch_value(record, name) for name in values}
        self.assertEqual(stored, values)

    def _control_granted_limit(self, function, call):
        limit = next(self.numbers)
        function(call("approver"), self.records["submitted"], {"granted_limit": limit})
        self._assert_stored(self.records["submitted"], granted_limit=limit)

    def _control_requested_limit(self, function, call):
        limit = next(self.numbers)
        function(call("requester"), self.records["draft"], {"requested_limit": limit})
        self._assert_stored(self.records["draft"], requested_limit=limit)

    def _control_policy(self, function, call):
        account = self.records["account"]
        policy = ("manual", "all")[next(self.numbers) % 2]
        function(call("officer"), account, {"credit_application": policy})
        self._assert_stored(account, credit_application=policy)

    def _control_creation(self, function, call):
        limit = next(self.numbers)
        actor = "officer" if function is create_in_account else "requester"
        draft = self.records["draft"]
        function(call(actor), draft, {"requested_limit": limit})
        made = self._query(
            "SELECT requested_by_id, state FROM client_account_request"
            " WHERE partner_id = %s AND requested_limit = %s",
            draft.partner_id,
            limit,
        )
        self.assertEqual(made, [(self.uids[actor], "draft")])

    def _control_default(self, function, call):
        vals = {"reason": "By default", "payment_term_id": self.terms[1]}
        request_id = function(call("requester"), self.records["draft"], vals)
        self._assert_stored(self._read_request(request_id), **vals)

    def _control_new_client(self, call):
        """A policy makes the account together with its client."""
        vals = {"client_credit_application": "manual"}
        partner_id = create_client(call("officer"), None, vals)
        made = self._query(
            "SELECT company_id, state, credit_application FROM client_account"
            " WHERE partner_id = %s",
            partner_id,
        )
        self.assertEqual(made, [(self.companies["home"], "not_granted", "manual")])

    def _control_submit(self, call):
        request = self._make_request("requester", 60.0)
        method("action_submit")(call("requester"), request)
        self._assert_stored(request, state="submitted", granted_limit=60)

    def _control_withdraw(self, call):
        request = self._submit_request("requester", 60.0)
        method("action_withdraw")(call("requester"), request)
        self._assert_stored(request, state="withdrawn")

    def _control_delegation(self, call):
        request = self._submit_request("requester", 60.0)
        user_id = self.uids["own_approver"]
        method("action_delegate", user_id)(call("approver"), request)
        self._assert_stored(request, approver_id=user_id, state="submitted")

    def _control_delegation_wizard(self, call):
        request = self._submit_request("requester", 60.0)
        user_id = self.uids["own_approver"]
        delegate_by_wizard(call("approver"), request, user_id)
        self._assert_stored(request, approver_id=user_id, state="submitted")

    def _control_approval(self, call):
        """An approval runs the private steps, and moves limit and terms."""
        limit = next(self.numbers)
        request = self._submit_request(
            "requester", 500.0, payment_term_id=self.terms[0], limit_until=self.until
        )
        WRITE_ROUTES["write"](call("approver"), request, {"granted_limit": limit})
        method("action_approve")(call("approver"), request)
        approver_id = self.uids["approver"]
        self._assert_stored(request, state="approved", decided_by_id=approver_id)
        self._assert_stored(
            self._get_account_of(request),
            state="granted",
            credit_limit=limit,
            limit_until=self.until,
            limit_request_id=request.id,
        )
        self.assertEqual(self._fetch_terms(request), self.terms[0])

    def _control_agreement(self, call):
        """Two approvers agree, the second one to the other's request."""
        request = self._submit_request("requester", 5000.0)
        agreed = []
        for actor, state in (("approver", "submitted"), ("own_approver", "approved")):
            method("action_approve")(call(actor), request)
            agreed.append(self.uids[actor])
            self.assertEqual(
                sorted(self._fetch_draft(request.id)["agreed"]), sorted(agreed)
            )
            self._assert_stored(request, state=state)

    def _control_rejection(self, call):
        request = self._submit_request("own_approver", 60.0)
        reject_by_wizard(call("approver"), request)
        self._assert_stored(request, state="rejected", rejection_reason="Too much")

    def _control_deletion(self, call):
        request = self._make_request("requester", 60.0)
        method("unlink")(call("requester"), request)
        self._assert_gone(request)

    def _control_deletion_in_account(self, call):
        request = self._make_request("officer", 60.0)
        vals = {"request_ids": [(2, request.id)]}
        method("write", vals)(call("officer"), self._get_account_of(request))
        self._assert_gone(request)

    def _assert_gone(self, request):
        query = "SELECT id FROM client_account_request WHERE id = %s"
        self.assertEqual(self._query(query, request.id), [])

    def _control_suspension(self, call):
        account = self.records["account"]
        for name, state in (
            ("action_suspend", "suspended"),
            ("action_resume", "granted"),
        ):
            method(name, "Why")(call("officer"), account)
            self._assert_stored(account, state=state)

    def _control_suspension_wizard(self, call):
        account = self.records["account"]
        for kind, state in (("suspend", "suspended"), ("resume", "granted")):
            suspend_by_wizard(call("officer"), account, kind, "Why")
            self._assert_stored(account, state=state)

    def _control_terms(self, call):
        draft = self.records["draft"]
        for terms_id in self.terms:
            vals = {"property_payment_term_id": terms_id}
            write_on_client(call("officer"), draft, vals)
            self.assertEqual(self._fetch_terms(draft), terms_id)

    def _control_parent(self, call):
        granted = self._grant(100.0)
        vals = {"parent_id": self._make_client()}
        write_on_client(call("approver"), granted, vals)
        self._assert_stored(self._get_account_of(granted), state="closed")

    def _control_merge(self, call):
        granted, partner_id = self._grant(100.0), self._make_client()
        merge_by_wizard(call("approver"), granted, partner_id)
        self._assert_stored(granted, partner_id=partner_id, state="approved")

    def _control_settings(self, call):
        company_id = self.companies["home"]
        for value in (True, False):
            vals = {"client_request_self_approval": value}
            write_settings(call("admin"), self.records["own"], company_id, vals)
            stored = self._query(
                "SELECT client_request_self_approval FROM res_company WHERE id = %s",
                company_id,
            )
            self.assertEqual(stored, [(value,)])
