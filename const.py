"""What several files need to agree on: groups, states, policies and bounds."""

# === Groups: each implies the one before ===
VIEWER = "client_account.group_client_account_viewer"
OFFICER = "client_account.group_client_account_officer"
APPROVER = "client_account.group_client_account_approver"
# Of accounting: who makes invoices; it implies the officer.
BILLER = "account.group_account_invoice"

# === States of an account ===
# Those in which somebody has decided about a limit that stands on record.
DECIDED_STATES = ("granted", "suspended")

# === Contacts ===
# Writing these may put a contact under another client.
MOVING_FIELDS = frozenset(("parent_id", "is_company", "commercial_partner_id"))

# === Policies ===
SWITCH = [("off", "Off"), ("on", "On")]

# Every policy that is a choice, in the order of the screens, with its values. On a
# company the value is the one in force by default; on an account an empty one means
# the company's, see `client.account._get_policy`.
POLICIES = {
    "negative_balance": [("allowed", "Allowed"), ("prevented", "Prevented")],
    "pay_later": [("allowed", "Allowed"), ("disabled", "Disabled")],
    "credit_application": [
        ("manual", "By hand only"),
        ("next", "Account credits to each new invoice"),
        ("all", "Any credit to any open invoice"),
    ],
    "top_up_policy": [("allowed", "Allowed"), ("forbidden", "Forbidden")],
    "balance_visibility": [
        ("hidden", "Nothing"),
        ("balance", "The balance"),
        ("history", "The balance and the history"),
    ],
    "low_balance_client": SWITCH,
    "low_balance_manager": SWITCH,
}

# The amount of a policy, and the switch it counts with.
THRESHOLDS = {
    "low_balance_client_threshold": "low_balance_client",
    "low_balance_manager_threshold": "low_balance_manager",
}

# === Ageing ===
# How many days past their due date debts are: the least and the most, None for any.
AGEING = {
    "amount_not_due": (None, 0),
    "overdue_1_30": (1, 30),
    "overdue_31_60": (31, 60),
    "overdue_61_90": (61, 90),
    "overdue_91": (91, None),
}

# === Bounds ===
# Amounts at or above this are typing mistakes, and floats stop being exact to the cent
# not far above it.
MAX_AMOUNT = 1e12

# Ids are four bytes in the database.
MOST_RECORDS = 2**31

# A reason is read in a list and in the chatter, not on pages of its own.
MAX_REASON = 2000
# A journal item has the beginning of it.
MAX_ITEM_REASON = 250

# What one person sends about clients in a day is no more than the approvers can read.
MAX_REQUESTS_A_DAY = 200
MAX_FILES_A_DAY = 200

# === Many at once ===
# Lines checked with one look at the books.
CHECKED_AT_ONCE = 1000

# === Posting ===
# Marks of documents are read together and by themselves: each field with groups among
# those that are always read costs posting a look at the user's groups.
MARKS = "client_account"

# === Online payments ===
# States in which money is on its way, and is not there yet.
WAITING_TRANSACTIONS = ("pending", "authorized")
# What one account may begin to pay in an hour and leave open.
MAX_OPEN_TRANSACTIONS = 10

# === Records ===
ADJUSTMENT_JOURNAL_CODE = "CLADJ"
# What an adjustment books against receivable cannot be receivable itself.
ADJUSTMENT_ACCOUNT_DOMAIN = (
    "[('account_type', 'not in', ('asset_receivable', 'liability_payable'))]"
)
# Ends the reference of an entry that writes off a small difference.
WRITE_OFF_TAG = "[write-off]"
LIMIT_EXCEEDED_ACTIVITY = "client_account.mail_activity_type_limit_exceeded"

# Names of PostgreSQL's advisory locks: what lowers the balance or limit of a client,
# what changes the policies of a company, and who books with a key.
CLIENT_LOCK = 190601
COMPANY_LOCK = 190602
KEY_LOCK = 190603
# So many clients are locked where accounts are made for them; more at once are made by
# installing the addon or by its jobs, and the database's table of locks is not endless.
MOST_LOCKS = 1000

# Writing these changes under which terms a client is judged.
TERMS = frozenset(("state", "credit_limit", "negative_balance", "pay_later"))
