"""The office's verbs: one function is one act, one transaction, one journal line."""
