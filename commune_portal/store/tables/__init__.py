"""The tables as peewee models, by noun; each declared a register or a working table."""
