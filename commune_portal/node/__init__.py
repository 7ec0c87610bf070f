"""The node's verbs: members, mailbox, mirrors, inspections."""
