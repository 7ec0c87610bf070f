"""Provisioning of SoftHSM2 tokens in a folder: for the demonstration, the rehearsal and tests, never an office's keys.

SoftHSM reads SOFTHSM2_CONF once, when it is first loaded in a process. So provisioning runs in a process of its
own, and whoever signs later (the workshop's child) gets the variable from `environment`. The PINs here protect
nothing, which is why `softhsm2-util` may see them on its command line; a real token's PIN never goes there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess  # one fixed program and our own interpreter
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from commune_portal import errors
from commune_portal.signing.authority import Authority, Holder

CANDIDATES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "C:/SoftHSM2/lib/softhsm2-x64.dll",
)
TIMEOUT_SECONDS = 120.0
VARIABLE = "SOFTHSM2_CONF"


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """One token to make: its label, its PIN and who has a key on it (one token may hold several)."""

    label: str
    pin: str
    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A certificate that now lies on a token with its key."""

    label: str
    serial: str
    common_name: str
    certificate_sha256: str


def find_module() -> str:
    """The path of SoftHSM2's module, or "" where it (or its tool) is not installed."""
    if shutil.which("softhsm2-util") is None:
        return ""
    return next((path for path in CANDIDATES if Path(path).is_file()), "")


def environment(folder: Path) -> dict[str, str]:
    """The variable that makes SoftHSM2 use the tokens of a folder; writes the conf where it is missing or moved."""
    tokens = (folder / "tokens").resolve()
    tokens.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    conf = folder.resolve() / "softhsm2.conf"
    text = f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    if not conf.exists() or conf.read_text(encoding="utf-8") != text:
        conf.write_text(text, encoding="utf-8")
    return {VARIABLE: str(conf)}


def provision(folder: Path, plans: list[TokenPlan], authority: Authority, *, so_pin: str = "87654321",
              module: str = "") -> tuple[Provisioned, ...]:  # fmt: skip
    """Makes tokens with keys and certificates of an authority; raises TokenDriverFailed without SoftHSM2."""
    module = module or find_module()
    if not module:
        raise errors.TokenDriverFailed("Máy này chưa cài SoftHSM2 (gói softhsm2).")
    request = {"module": module, "so_pin": so_pin, "plans": [asdict(plan) for plan in plans]}
    private = folder / "authority-in-use"
    authority.save(private)
    try:
        answer = subprocess.run(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", "commune_portal.signing.softhsm", str(private)],
            input=json.dumps(request),
            env=os.environ | environment(folder),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    finally:
        shutil.rmtree(private)
    if answer.returncode != 0:
        raise errors.TokenDriverFailed("Không tạo được thiết bị ký số mô phỏng.", detail=answer.stderr[-300:])
    return tuple(Provisioned(**item) for item in json.loads(answer.stdout))


def _make_token(module: str, plan: dict[str, object], so_pin: str) -> str:
    """Initialises a fresh token and answers its serial number."""
    from commune_portal.signing import tokens

    before = {item.serial for item in tokens.list_tokens(module)}
    command = ["softhsm2-util", "--module", module, "--init-token", "--free", "--label", str(plan["label"])]
    command += ["--so-pin", so_pin, "--pin", str(plan["pin"])]
    subprocess.run(command, check=True, stdout=sys.stderr, timeout=TIMEOUT_SECONDS)  # noqa: S603 (a fixed program)
    tokens.refresh(module)
    return next(item.serial for item in tokens.list_tokens(module) if item.serial not in before and item.label)


def main() -> None:
    """The process that talks to SoftHSM2: the request on standard input, what was made on standard output."""
    from commune_portal.signing import tokens

    request = json.loads(sys.stdin.read())
    authority = Authority.load(Path(sys.argv[1]))
    made = []
    for plan in request["plans"]:
        serial = _make_token(request["module"], plan, request["so_pin"])
        for item in plan["holders"]:
            holder = Holder(**item)
            key, der = authority.issue(holder)
            tokens.store_pair(request["module"], serial, plan["pin"], key, [der])
            made.append(Provisioned(plan["label"], serial, holder.common_name, _sha256(der)))
    print(json.dumps([asdict(item) for item in made]))  # noqa: T201 (the answer to the parent)


def _sha256(der: bytes) -> str:
    from commune_portal.signing import keys

    return keys.describe(der).sha256


if __name__ == "__main__":
    main()
