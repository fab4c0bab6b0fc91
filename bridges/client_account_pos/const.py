"""What several files of the glue to tills need to agree on."""

# How long what a till was allowed counts as taken while its order has not arrived.
# What arrives later is accepted all the same.
GRANT_MINUTES = 10

# How long it is kept what a till was allowed: orders may wait behind a broken line.
GRANT_DAYS = 90

# Why money comes in at a till without a sale, in the terms of online payments.
PURPOSES = [
    ("top_up", "Top-Up"),
    ("charges", "Payment of What Is Owed"),
]
