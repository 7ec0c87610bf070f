"""What a restore takes over of the settings that came with the backup: the office's choices that fit this computer.

Ports, folders and doors are the new computer's own. A token's driver is taken where it is a known one that is installed
here too: a driver is a program, and a backup that somebody hands over may name one on his stick. The roots that
signatures are checked against come along, and so does the rhythm of backups.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from commune_portal import settings as settings_module
from commune_portal.errors import SettingsWrong
from commune_portal.settings import Settings
from commune_portal.signing import drivers
from commune_portal.store import files, settings_file

FOLDER = "restored-settings"
"""Where in the data folder the settings file and the trusted roots of the restored backup lie, to be looked up."""
CONFIG = "portal.toml"


def carry(settings: Settings) -> None:
    """Takes over roots and choices; may be repeated, and never overwrites what was chosen here."""
    came = settings.data_folder / FOLDER
    for root in sorted((came / "trust").glob("*.pem")):
        target = settings.trust_folder / root.name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            files.write_durably(target, root.read_bytes(), mode=0o644)
    config = settings.folder / CONFIG
    if not (came / CONFIG).is_file() or not config.is_file():
        return
    try:
        before, here = settings_module.load(came / CONFIG), settings_module.load(config)
    except SettingsWrong:  # written for another release: it lies there to be looked up
        return
    changes = {name: found for name, found in _choices(before, here).items() if found}
    if changes:
        settings_file.change(config, changes)


def _choices(before: Settings, here: Settings) -> dict[str, dict[str, Any]]:
    """What differs from the defaults in the backup, and not here."""
    token, backup = _chosen(before.token, here.token), _chosen(before.backup, here.backup)
    if "module" in token and Path(before.token.module) not in {Path(item.path) for item in drivers.present()}:
        del token["module"]
    backup.pop("folders", None)
    return {"token": {name: token[name] for name in ("module", "padding") if name in token}, "backup": backup}


def _chosen(before: Any, here: Any) -> dict[str, Any]:
    usual = type(before)()
    return {
        item.name: getattr(before, item.name)
        for item in fields(before)
        if getattr(before, item.name) != getattr(usual, item.name)
        and getattr(here, item.name) == getattr(usual, item.name)
    }
