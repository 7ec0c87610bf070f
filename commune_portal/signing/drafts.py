"""A draft is a PDF with two empty text fields and two empty signature fields, all made before anybody signs.

Only so can number, date and the organisation's signature be added later without breaking the leader's signature
(measured: text stamped into the page, or a FreeText note, makes it illegal). Field names are in Vietnamese because
viewers show them to the reader.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal import errors
from commune_portal.paper.places import Places, Rectangle
from commune_portal.signing.whole_files import written_whole

if TYPE_CHECKING:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.pdf_utils.writer import BasePdfFileWriter

NUMBER_FIELD = "so_van_ban"
DATE_FIELD = "ngay_thang"
LEADER_FIELD = "ky_lanh_dao"
ORGANISATION_FIELD = "ky_co_quan"
ANNEX_FIELD = "ky_phu_luc"
COPY_FIELD = "ky_ban_sao"

TOOLTIPS = {
    NUMBER_FIELD: "Số của văn bản",
    DATE_FIELD: "Địa danh và thời gian ban hành",
    LEADER_FIELD: "Chữ ký số của người có thẩm quyền",
    ORGANISATION_FIELD: "Chữ ký số của cơ quan, tổ chức",
}

BROKEN = "Tệp không phải PDF hoặc đã bị hỏng. Hãy xuất lại PDF từ phần mềm soạn thảo rồi tải lên."
ENCRYPTED = "PDF bị đặt mật khẩu hoặc khóa quyền. Hãy xuất lại bản không khóa rồi tải lên."
SIGNED = "PDF đã có chữ ký số nên không đặt thêm ô số, ngày được. Hãy tải lên bản chưa ký."
CERTIFIED = "PDF đã được chứng nhận (khóa sửa đổi). Hãy tải lên bản chưa chứng nhận."
DYNAMIC = "PDF dùng biểu mẫu XFA, không ký được. Hãy in ra PDF thường rồi tải lên."
HAS_FIELDS = "PDF đã có sẵn ô số, ngày hoặc ô ký của hệ thống. Hãy tải lên bản gốc chưa qua hệ thống."
NO_SUCH_PAGE = "Vị trí ô nằm ở trang không có trong PDF. Hãy đặt lại vị trí các ô."


@contextmanager
def foreign_pdf(error_class: type[errors.PortalError] = errors.Malformed) -> Iterator[None]:
    """Whatever a hostile or broken PDF makes the library raise becomes one clear sentence."""
    try:
        yield
    except (errors.PortalError, MemoryError):
        raise
    # pyHanko lets KeyError, TypeError, RecursionError, zlib.error and many more through on broken files
    except Exception as error:
        raise error_class(
            BROKEN if error_class is errors.Malformed else None, detail=f"{type(error).__name__}: {error}"[:200]
        ) from error


def read(content: bytes, *, strict: bool = True) -> PdfFileReader:
    """Opens a PDF, refusing encrypted ones."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(io.BytesIO(content), strict=strict)
    if reader.encrypted:
        raise errors.Malformed(ENCRYPTED)
    return reader


def prepare_draft(source: Path, out: Path, places: Places) -> None:
    """Writes a copy of a PDF with the four empty fields; refuses signed, certified, encrypted and broken PDFs."""
    content = source.read_bytes()
    with foreign_pdf():
        writer = _writer(content)
        root = writer.root
        form = _form(writer)
        for name, rectangle in ((NUMBER_FIELD, places.number), (DATE_FIELD, places.date)):
            _add_text_field(writer, form, name, rectangle)
        for name, rectangle in ((LEADER_FIELD, places.leader), (ORGANISATION_FIELD, places.seal)):
            _add_signature_field(writer, name, rectangle)
        form = root["/AcroForm"]
        if "/NeedAppearances" in form:
            # A viewer would draw the fields anew with Helvetica, which has no ơ and no ư.
            del form["/NeedAppearances"]
            writer.update_container(form)
        buffer = io.BytesIO()
        writer.write(buffer)
    with written_whole(out) as file:
        file.write(buffer.getvalue())


def require_unsigned(reader: PdfFileReader) -> None:
    """Refuses what cannot become a draft: signed, certified, dynamic forms, our own fields present already."""
    from pyhanko.sign.fields import enumerate_sig_fields

    root = reader.root
    if "/Perms" in root and "/DocMDP" in root["/Perms"]:
        raise errors.Malformed(CERTIFIED)
    if any(True for _ in enumerate_sig_fields(reader, filled_status=True)):
        raise errors.Malformed(SIGNED)
    # pyHanko's .get() answers the bare reference, only [] follows it
    form = root["/AcroForm"] if "/AcroForm" in root else {}  # noqa: SIM401
    if "/XFA" in form:
        raise errors.Malformed(DYNAMIC)
    if any(_field_names(form) & TOOLTIPS.keys()):
        raise errors.Malformed(HAS_FIELDS)


def _field_names(form: Any) -> set[str]:
    fields = form["/Fields"] if "/Fields" in form else ()  # noqa: SIM401
    return {str(item.get_object().get("/T", "")) for item in fields}


def _writer(content: bytes) -> BasePdfFileWriter:
    """An incremental writer; a file that Word saved with hybrid tables, or a slightly broken one, is written anew."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.pdf_utils.writer import copy_into_new_writer

    try:
        reader = read(content)
        require_unsigned(reader)
        sound = not reader.xrefs.hybrid_xrefs_present
    except PdfReadError:
        reader = read(content, strict=False)
        require_unsigned(reader)
        sound = False
    if sound:
        return IncrementalPdfFileWriter(io.BytesIO(content))
    return copy_into_new_writer(reader)


def _form(writer: BasePdfFileWriter) -> Any:
    """The form of the document with the two fonts that default appearances name; made where there is none."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.generic import pdf_name

    root = writer.root
    if "/AcroForm" not in root:
        root[pdf_name("/AcroForm")] = writer.add_object(generic.DictionaryObject())
        writer.update_root()
    form = root["/AcroForm"]
    if "/Fields" not in form:
        form[pdf_name("/Fields")] = generic.ArrayObject()
    if "/DR" not in form:
        form[pdf_name("/DR")] = generic.DictionaryObject()
    resources = form["/DR"]
    if "/Font" not in resources:
        resources[pdf_name("/Font")] = generic.DictionaryObject()
    for name, base in (("/TiRo", "/Times-Roman"), ("/TiIt", "/Times-Italic")):
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": base, "/Encoding": "/WinAnsiEncoding"}
        names = {pdf_name(key): pdf_name(value) for key, value in font.items()}
        if name not in resources["/Font"]:
            resources["/Font"][pdf_name(name)] = writer.add_object(generic.DictionaryObject(names))
    for changed in (resources["/Font"], resources, form):
        writer.update_container(changed)
    return form


def _page(writer: BasePdfFileWriter, rectangle: Rectangle) -> Any:
    from pyhanko.pdf_utils.misc import PdfError

    try:
        return writer.find_page_for_modification(rectangle.page)[0]
    except (PdfError, ValueError, IndexError) as error:
        raise errors.Malformed(NO_SUCH_PAGE) from error


def _add_text_field(writer: BasePdfFileWriter, form: Any, name: str, rectangle: Rectangle) -> None:
    """An empty text field whose default appearance names a font, with an appearance of its own (an empty one)."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.content import RawContent
    from pyhanko.pdf_utils.generic import pdf_name, pdf_string
    from pyhanko.pdf_utils.layout import BoxConstraints

    page = _page(writer, rectangle)
    blank = RawContent(b"", box=BoxConstraints(width=rectangle.width, height=rectangle.height)).as_form_xobject()
    font = "/TiIt" if name == DATE_FIELD else "/TiRo"
    field = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/Widget"),
            pdf_name("/FT"): pdf_name("/Tx"),
            pdf_name("/T"): pdf_string(name),
            pdf_name("/TU"): pdf_string(TOOLTIPS[name]),
            pdf_name("/Rect"): generic.ArrayObject(generic.FloatObject(f"{side:.2f}") for side in rectangle.box),
            pdf_name("/F"): generic.NumberObject(4),
            pdf_name("/P"): page,
            pdf_name("/Q"): generic.NumberObject(1),
            pdf_name("/DA"): pdf_string(f"{font} 13 Tf 0 g"),
            pdf_name("/AP"): generic.DictionaryObject({pdf_name("/N"): writer.add_object(blank)}),
        }
    )
    reference = writer.add_object(field)
    form["/Fields"].append(reference)
    writer.update_container(form["/Fields"])
    writer.register_annotation(page, reference)


def _add_signature_field(writer: BasePdfFileWriter, name: str, rectangle: Rectangle) -> None:
    """An empty signature field; the organisation's locks number and date, and nothing but them.

    FieldMDP ALL or EXCLUDE would make a receiver's later signature illegal (measured).
    """
    from pyhanko.sign import fields

    _page(writer, rectangle)
    lock = None
    if name == ORGANISATION_FIELD:
        lock = fields.FieldMDPSpec(action=fields.FieldMDPAction.INCLUDE, fields=[NUMBER_FIELD, DATE_FIELD])
    box = tuple(round(side, 2) for side in rectangle.box)
    spec = fields.SigFieldSpec(
        sig_field_name=name,
        on_page=rectangle.page,
        box=box,  # type: ignore[arg-type]  # annotated as integers; fractions of points are fine in a /Rect
        field_mdp_spec=lock,
        readable_field_name=TOOLTIPS[name],
    )
    fields.append_signature_field(writer, spec)


def fill(writer: IncrementalPdfFileWriter, name: str, text: str, fonts_folder: str) -> None:
    """Fills a text field: its value and its own appearance, so that no viewer has to draw it."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.form_tools import enumerate_fields_in
    from pyhanko.pdf_utils.generic import pdf_name, pdf_string

    from commune_portal.signing import appearances

    fields = writer.root["/AcroForm"]["/Fields"] if "/AcroForm" in writer.root else generic.ArrayObject()
    found = next(enumerate_fields_in(fields, with_name=name, refs_seen=set(), target_field_type="/Tx"), None)
    if found is None:
        raise errors.SigningFailed(f"Văn bản không có ô «{TOOLTIPS[name]}». Hãy trình lại dự thảo để đặt ô.")
    reference = found[2]
    field = reference.get_object()
    x0, y0, x1, y1 = (float(side) for side in field["/Rect"])
    drawing = appearances.field_text(text, x1 - x0, y1 - y0, italic=name == DATE_FIELD, fonts_folder=fonts_folder)
    field[pdf_name("/V")] = pdf_string(text)
    picture = appearances.imported(writer, drawing)
    field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): picture})
    writer.mark_update(reference)
