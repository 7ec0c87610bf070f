"""Packets of QCVN 102:2016/BTTTT: values, streaming reader, deterministic writer, statuses."""
