"""One SoftHSM2 with several tokens, one signed document: made once, because keys and processes cost seconds."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from commune_portal.settings import Settings, Token
from commune_portal.signing import pdf, softhsm
from commune_portal.signing.authority import Authority, Holder, certificate_pem
from tests.signing import material
from tests.signing.material import PIN, Infrastructure

SEVERAL = (
    Holder("Khóa RSA", "Xã An Bình"),
    Holder("Khóa EC", "Xã An Bình", key_type="ec-256"),
    Holder("Khóa RSA dài", "Xã An Bình", key_type="rsa-3072"),
)


@dataclass(frozen=True)
class Simulated:
    """A SoftHSM2 whose conf this process uses."""

    folder: Path
    module: str
    authority: Authority
    made: tuple[softhsm.Provisioned, ...]

    def sha256(self, common_name: str) -> str:
        return next(item.certificate_sha256 for item in self.made if item.common_name == common_name)

    def serial(self, common_name: str) -> str:
        return next(item.serial for item in self.made if item.common_name == common_name)

    def settings(self, folder: Path) -> Settings:
        """An office's settings whose token folder is a copy of this one, so that a test may spoil it."""
        shutil.copytree(self.folder, folder / "hsm")
        (folder / "trust").mkdir()
        (folder / "trust" / "root.pem").write_bytes(certificate_pem(self.authority.certificate_der))
        return Settings(folder=folder, token=Token(module=self.module, softhsm_folder="hsm"))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    module = softhsm.find_module()
    assert module, "softhsm2 is not installed: apt-get install softhsm2"
    folder = tmp_path_factory.mktemp("softhsm")
    authority = Authority.create("Cơ quan chứng thực diễn tập", key_type="ec-256")
    plans = [
        softhsm.TokenPlan("Thiết bị", PIN, (material.LEADER,)),
        # the same label twice: only serial and fingerprint tell them apart
        softhsm.TokenPlan("Thiết bị", PIN, (material.ORGANISATION,)),
        softhsm.TokenPlan("Nhiều khóa", PIN, SEVERAL),
    ]
    made = softhsm.provision(folder, plans, authority)
    # SoftHSM reads this once, when the first test of this process loads it
    os.environ.update(softhsm.environment(folder))
    return Simulated(folder, module, authority, made)


@pytest.fixture(scope="session")
def pki() -> Infrastructure:
    return material.infrastructure()


@dataclass(frozen=True)
class Document:
    """One document at every stage of its way."""

    source: Path
    draft: Path
    signed: Path
    issued: Path


@pytest.fixture(scope="session")
def document(pki: Infrastructure, tmp_path_factory: pytest.TempPathFactory) -> Document:
    folder = tmp_path_factory.mktemp("document")
    found = Document(*(folder / f"{name}.pdf" for name in ("source", "draft", "signed", "issued")))
    material.draft(found.source, pages=2)
    pdf.prepare_draft(found.source, found.draft, material.PLACES)
    pdf.sign_leader(found.draft, found.signed, pki.leader, material.picture())
    seal = material.picture((220, 0, 0))
    pdf.number_and_seal(found.signed, found.issued, pki.organisation, material.NUMBER, material.DATE, seal_png=seal)
    return found
