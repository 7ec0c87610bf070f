"""`commune-portal token list`: the signing tokens that are plugged in, with their certificates."""

from __future__ import annotations

import argparse
import json

from commune_portal import cli, clock, settings
from commune_portal.signing import workshop


def arguments(parser: argparse.ArgumentParser) -> None:
    """list."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    shown = acts.add_parser("list", help="liệt kê thiết bị đang cắm và chứng thư số")
    shown.add_argument("--json", action="store_true", help="in kết quả dạng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Lists tokens; warns (1) when none is there or a certificate is out of its term."""
    bench = workshop.configure(settings.load(chosen.config))
    try:
        found = bench.list_tokens()
    finally:
        bench.close()
    now = clock.now()
    sound = [item.not_before <= now <= item.not_after for token in found for item in token.certificates]
    if chosen.json:
        print(json.dumps([token.to_json() for token in found], ensure_ascii=False))
    elif not found:
        print("Không có thiết bị ký số nào đang cắm.")
    else:
        for token in found:
            print(f"{token.label} ({token.manufacturer} {token.model}, số {token.serial})")
            for item in token.certificates:
                term = f"{clock.civil(item.not_before):%d/%m/%Y}–{clock.civil(item.not_after):%d/%m/%Y}"
                print(f"  {item.common_name}  {item.key_type}  {term}  {item.sha256[:16]}…")
    return cli.DONE if sound and all(sound) else cli.WARNED
