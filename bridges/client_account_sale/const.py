"""What several files of the glue to orders need to agree on."""

# What a company has judged under the policy against negative balances.
JUDGED_DOCUMENTS = [
    ("both", "Orders and invoices"),
    ("orders", "Orders only"),
    ("invoices", "Invoices only"),
]
