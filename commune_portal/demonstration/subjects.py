"""What a commune's documents are about: some 170 subjects by field, and who sends them. All bodies are invented.

A line is `type|subject`, or `type@sender|subject` where only one could have written it; braces are filled from the day
on which the document is made. Letters (CV) begin in lower case, because the layout prints "V/v" before them.
"""

from __future__ import annotations

from dataclasses import dataclass

PROVINCE = "tỉnh Đông Hòa"


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who writes to a commune: name, the tail of the symbol, the usual signer and his post."""

    name: str
    symbol: str
    signer: str
    position: str
    code: str = ""


SENDERS: dict[str, Sender] = {
    "UBND": Sender(f"Ủy ban nhân dân {PROVINCE}", "UBND", "Lương Đình Khoa", "Phó Chủ tịch"),
    "SNV": Sender("Sở Nội vụ", "SNV", "Hồ Thanh Tùng", "Phó Giám đốc"),
    "STC": Sender("Sở Tài chính", "STC", "Dương Thị Hòa", "Phó Giám đốc"),
    "SNNMT": Sender("Sở Nông nghiệp và Môi trường", "SNNMT", "Ngô Xuân Trường", "Giám đốc"),
    "SYT": Sender("Sở Y tế", "SYT", "Phan Thị Kim Liên", "Phó Giám đốc"),
    "SGDDT": Sender("Sở Giáo dục và Đào tạo", "SGDĐT", "Lý Hoài Nam", "Phó Giám đốc"),
    "SXD": Sender("Sở Xây dựng", "SXD", "Võ Thành Long", "Phó Giám đốc"),
    "SCT": Sender("Sở Công Thương", "SCT", "Châu Ngọc Ánh", "Phó Giám đốc"),
    "SKHCN": Sender("Sở Khoa học và Công nghệ", "SKHCN", "Tô Minh Trí", "Giám đốc"),
    "SVHTTDL": Sender("Sở Văn hóa, Thể thao và Du lịch", "SVHTTDL", "Kiều Thu Trang", "Phó Giám đốc"),
    "STP": Sender("Sở Tư pháp", "STP", "Thái Văn Hậu", "Phó Giám đốc"),
    "TTT": Sender(f"Thanh tra {PROVINCE}", "TTT", "Quách Văn Dũng", "Phó Chánh Thanh tra"),
    "CAT": Sender(f"Công an {PROVINCE}", "CAT-PV01", "Đại tá Hà Mạnh Cường", "Phó Giám đốc"),
    "CAX": Sender("Công an xã", "CAX", "Trung tá Nguyễn Tiến Lực", "Trưởng Công an xã"),
    "CHQS": Sender("Ban Chỉ huy quân sự xã", "BCH", "Đại úy Lê Bá Thắng", "Chỉ huy trưởng"),
    "MTTQ": Sender("Ủy ban Mặt trận Tổ quốc Việt Nam xã", "MTTQ-BTT", "Trương Thị Ngọc", "Chủ tịch"),
    "HND": Sender("Hội Nông dân xã", "HND", "Phùng Văn Sáu", "Chủ tịch"),
    "PN": Sender("Hội Liên hiệp Phụ nữ xã", "BTV", "Nguyễn Thị Thắm", "Chủ tịch"),
    "BHXH": Sender(f"Bảo hiểm xã hội {PROVINCE}", "BHXH", "Lâm Quốc Việt", "Phó Giám đốc"),
    "THUE": Sender("Thuế cơ sở 3", "TCS3", "Đinh Công Thành", "Phó Trưởng Thuế cơ sở"),
    "NHCS": Sender("Phòng giao dịch Ngân hàng Chính sách xã hội", "NHCS", "Chu Thị Vân", "Giám đốc"),
    "DIENLUC": Sender("Điện lực Đông Hòa", "ĐLĐH-KT", "Bạch Văn Phú", "Phó Giám đốc"),
    "TOAAN": Sender("Tòa án nhân dân khu vực 3", "TAKV3", "Vương Thị Hạnh", "Phó Chánh án"),
    "THADS": Sender(f"Thi hành án dân sự {PROVINCE}", "THADS", "Nghiêm Văn Toàn", "Chấp hành viên"),
    "TRAMYT": Sender("Trạm Y tế xã", "TYT", "Bác sĩ Khúc Thị Mai", "Trưởng trạm"),
    "TRUONG": Sender("Trường Trung học cơ sở xã", "THCS", "La Văn Hiếu", "Hiệu trưởng"),
    "XALC": Sender("Ủy ban nhân dân xã Hòa Thuận", "UBND", "Tăng Bá Lộc", "Chủ tịch"),
    "VANPHONG": Sender(f"Văn phòng Ủy ban nhân dân {PROVINCE}", "VPUB", "Lưu Khánh Vy", "Phó Chánh Văn phòng"),
    "DAN": Sender("Công dân", "", "", ""),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of work: the unit that handles it, who writes about it, what comes in and what goes out."""

    name: str
    unit: str
    senders: tuple[str, ...]
    incoming: tuple[str, ...]
    outgoing: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


FIELDS: tuple[Field, ...] = (
    Field("Giảm nghèo", "VHXH", ("SNNMT", "UBND", "MTTQ", "NHCS"), _lines("""
        CV|rà soát hộ nghèo, hộ cận nghèo định kỳ năm {year}
        CV|báo cáo kết quả thực hiện chính sách hỗ trợ tiền điện cho hộ nghèo quý {quarter}/{year}
        KH|Triển khai xóa nhà tạm, nhà dột nát trên địa bàn tỉnh năm {year}
        CV@NHCS|tổng hợp nhu cầu vốn vay giải quyết việc làm 6 tháng {half} năm {year}
        HD|Quy trình rà soát, công nhận hộ thoát nghèo, thoát cận nghèo
        TB|Kết quả xác minh số liệu hộ nghèo đa chiều sau rà soát
        CV@MTTQ|phối hợp vận động ủng hộ Quỹ “Vì người nghèo” năm {year}
        BC@NHCS|Kết quả giám sát việc sử dụng vốn vay ưu đãi tại {village}
        """), _lines("""
        QD|Về việc công nhận hộ thoát nghèo, hộ thoát cận nghèo tại {village} năm {year}
        BC|Kết quả rà soát hộ nghèo, hộ cận nghèo năm {year}
        KH|Xóa nhà tạm, nhà dột nát trên địa bàn xã năm {year}
        CV|báo cáo kết quả hỗ trợ tiền điện cho hộ nghèo quý {quarter}/{year}
        """)),
    Field("Đất đai", "KT", ("SNNMT", "DAN", "UBND", "THUE", "TTT"), _lines("""
        CV|tăng cường quản lý đất đai, xử lý lấn chiếm đất công
        DON|Đơn đề nghị xác nhận nguồn gốc sử dụng đất của {person}, {village}
        DON|Đơn đề nghị giải quyết tranh chấp ranh giới đất của {person}, {village}
        CV|cung cấp hồ sơ địa chính phục vụ đo đạc, chỉnh lý bản đồ {village}
        CV@THUE|xác định nghĩa vụ tài chính về đất của các hộ được cấp giấy chứng nhận đợt {month}
        KH|Kiểm kê đất đai và xây dựng bản đồ hiện trạng sử dụng đất năm {year}
        TB|Lịch kiểm tra thực địa công trình vi phạm hành lang sông tại {village}
        TB@TTT|Kết luận thanh tra việc quản lý, sử dụng đất công ích
        DON|Đơn kiến nghị về việc đổ đất lấn mương thoát nước của {person}, {village}
        """), _lines("""
        TB|Công khai kết quả kiểm tra hồ sơ đăng ký đất đai của {person}, {village}
        CV|xác nhận tình trạng tranh chấp đất đai đối với thửa đất của {person}
        BB|Hòa giải tranh chấp đất đai giữa {person} và hộ liền kề, {village}
        QD|Về việc thành lập Hội đồng xác nhận nguồn gốc sử dụng đất {village}
        QD|Về việc xử phạt vi phạm hành chính trong lĩnh vực đất đai
        TTR|Đề nghị phê duyệt kế hoạch sử dụng đất năm {next_year}
        """)),
    Field("Hộ tịch, tư pháp", "TTPVHCC", ("STP", "TOAAN", "THADS", "DAN", "CAX"), _lines("""
        CV@STP|chuẩn hóa dữ liệu hộ tịch điện tử
        CV@XALC|xác minh tình trạng hôn nhân của {person}
        QD@TOAAN|Về việc công nhận thuận tình ly hôn của {person}
        CV@TOAAN|niêm yết công khai văn bản tố tụng đối với {person}, {village}
        TB@THADS|Về việc cưỡng chế thi hành án đối với {person}, {village}
        DON|Đơn đề nghị cải chính hộ tịch của {person}
        KH@STP|Phổ biến, giáo dục pháp luật năm {year}
        CV@STP|báo cáo công tác hòa giải ở cơ sở quý {quarter}/{year}
        GM@STP|Tập huấn nghiệp vụ chứng thực điện tử
        """), _lines("""
        CV|trả lời xác minh tình trạng hôn nhân của {person}
        QD|Về việc cho phép cải chính hộ tịch đối với {person}
        BC|Công tác hòa giải ở cơ sở quý {quarter}/{year}
        KH|Phổ biến, giáo dục pháp luật trên địa bàn xã năm {year}
        QD|Về việc kiện toàn Tổ hòa giải {village}
        """)),
    Field("Y tế", "VHXH", ("SYT", "TRAMYT", "BHXH"), _lines("""
        CV|tăng cường phòng, chống sốt xuất huyết mùa mưa
        CV|triển khai chiến dịch tiêm chủng bù liều cho trẻ dưới 5 tuổi
        KH|Bảo đảm an toàn thực phẩm Tháng hành động năm {year}
        TB@TRAMYT|Kết quả giám sát ổ dịch tay chân miệng tại {village}
        CV@BHXH|rà soát người chưa tham gia bảo hiểm y tế tháng {month}/{year}
        CV@BHXH|cung cấp danh sách trẻ em được cấp thẻ bảo hiểm y tế tháng {month}/{year}
        GM|Hội nghị giao ban công tác y tế dự phòng quý {quarter}
        BC@TRAMYT|Công tác dân số, kế hoạch hóa gia đình quý {quarter}/{year}
        """), _lines("""
        KH|Phòng, chống dịch bệnh trên địa bàn xã năm {year}
        QD|Về việc kiện toàn Ban Chăm sóc sức khỏe nhân dân xã
        BC|Kết quả Tháng hành động vì an toàn thực phẩm năm {year}
        CV|đề nghị hỗ trợ hóa chất phun diệt muỗi tại {village}
        TB|Lịch khám sức khỏe định kỳ cho người cao tuổi {village}
        """)),
    Field("Giáo dục", "VHXH", ("SGDDT", "TRUONG"), _lines("""
        CV|rà soát học sinh có hoàn cảnh khó khăn trước năm học mới
        CV|kiểm tra công nhận phổ cập giáo dục, xóa mù chữ năm {year}
        TTR@TRUONG|Đề nghị sửa chữa dãy phòng học xuống cấp điểm trường {village}
        CV|phòng, chống đuối nước trẻ em trong dịp hè
        KH|Tổ chức ngày hội đọc sách và văn hóa đọc năm {year}
        GM|Dự lễ khai giảng và ngày toàn dân đưa trẻ đến trường
        BC@TRUONG|Tình hình sĩ số và học sinh bỏ học học kỳ {half_number}
        """), _lines("""
        QD|Về việc thành lập Ban Chỉ đạo phổ cập giáo dục, xóa mù chữ xã
        KH|Huy động trẻ 6 tuổi ra lớp 1 năm học mới
        TTR|Xin kinh phí sửa chữa phòng học điểm trường {village}
        BC|Công tác phòng, chống đuối nước trẻ em năm {year}
        """)),
    Field("Nông thôn mới, nông nghiệp", "KT", ("SNNMT", "HND", "UBND", "SCT"), _lines("""
        CV|đánh giá các tiêu chí nông thôn mới nâng cao năm {year}
        CV|chủ động phòng, chống dịch tả lợn châu Phi
        HD|Lịch thời vụ và cơ cấu giống lúa vụ Đông Xuân {year}-{next_year}
        CV|đăng ký sản phẩm OCOP năm {year}
        TB|Phân bổ kinh phí duy tu đường giao thông nông thôn quý {quarter}
        KH|Tiêm phòng gia súc, gia cầm đợt {half_number} năm {year}
        CV|thống kê diện tích lúa bị đổ ngã sau mưa lớn
        BC@HND|Kết quả phong trào nông dân sản xuất, kinh doanh giỏi năm {year}
        GM|Kiểm tra mô hình chuyển đổi cây trồng tại {village}
        """), _lines("""
        BC|Tiến độ xây dựng nông thôn mới quý {quarter}/{year}
        QD|Về việc phê duyệt danh sách hộ nhận hỗ trợ giống vật nuôi {village}
        KH|Tiêm phòng đàn vật nuôi đợt {half_number} năm {year}
        CV|đăng ký sản phẩm OCOP của Hợp tác xã {village}
        TTR|Đề nghị thẩm định tiêu chí giao thông nông thôn {village}
        """)),
    Field("Chuyển đổi số", "VP", ("SKHCN", "VANPHONG", "UBND"), _lines("""
        CV|rà soát, cập nhật dữ liệu trên Cổng Dịch vụ công
        KH|Chuyển đổi số cấp xã năm {year}
        CV|kiện toàn Tổ công nghệ số cộng đồng
        CV|bảo đảm an toàn thông tin dịp nghỉ lễ
        TB|Lịch bảo trì hệ thống hội nghị truyền hình
        GM|Tập huấn sử dụng chữ ký số chuyên dùng công vụ
        CV|báo cáo tỷ lệ hồ sơ trực tuyến tháng {month}/{year}
        CV|gia hạn chứng thư số cho lãnh đạo và tổ chức
        """), _lines("""
        QD|Về việc kiện toàn Tổ công nghệ số cộng đồng {village}
        KH|Chuyển đổi số trên địa bàn xã năm {year}
        BC|Kết quả tiếp nhận hồ sơ trực tuyến tháng {month}/{year}
        CV|đề nghị gia hạn chứng thư số
        """)),
    Field("An ninh, quốc phòng", "VP", ("CAX", "CAT", "CHQS"), _lines("""
        BC@CAX|Tình hình an ninh trật tự tháng {month}/{year}
        KH|Cao điểm tấn công, trấn áp tội phạm dịp Tết Nguyên đán
        CV|quản lý vật liệu nổ, vũ khí thô sơ
        CV|phối hợp tuyên truyền phòng, chống lừa đảo trên không gian mạng
        KH@CHQS|Tuyển chọn và gọi công dân nhập ngũ năm {next_year}
        TB@CHQS|Danh sách thanh niên đủ điều kiện khám sơ tuyển nghĩa vụ quân sự {village}
        CV|bảo đảm trật tự, an toàn giao thông dịp lễ
        TTR@CAX|Đề nghị khen thưởng tập thể, cá nhân phong trào Toàn dân bảo vệ an ninh Tổ quốc
        """), _lines("""
        QD|Về việc gọi công dân đi khám sức khỏe nghĩa vụ quân sự
        KH|Bảo đảm an ninh trật tự dịp Tết Nguyên đán
        QD|Về việc kiện toàn Tổ bảo vệ an ninh, trật tự {village}
        TB|Phân công trực lãnh đạo tháng {month}/{year}
        """)),
    Field("Thiên tai, cứu nạn", "KT", ("UBND", "SNNMT", "CHQS"), _lines("""
        CD@UBND|Chủ động ứng phó mưa lớn, lũ quét và sạt lở đất
        CD@UBND|Ứng phó áp thấp nhiệt đới trên Biển Đông
        CV|kiểm tra, bảo đảm an toàn hồ chứa trước mùa mưa bão
        CV|thống kê thiệt hại do dông lốc tại {village}
        PA|Ứng phó thiên tai theo cấp độ rủi ro năm {year}
        BC@CHQS|Kết quả diễn tập phòng thủ dân sự
        CV|trực ban 24/24 giờ và báo cáo nhanh tình hình ngập úng
        """), _lines("""
        PA|Ứng phó thiên tai và tìm kiếm cứu nạn năm {year}
        BC|Tình hình thiệt hại do mưa lớn tại {village}
        QD|Về việc kiện toàn Ban Chỉ huy phòng thủ dân sự xã
        TTR|Đề nghị hỗ trợ khắc phục sạt lở kè {village}
        """)),
    Field("Bầu cử, tổ chức", "VP", ("SNV", "MTTQ", "UBND"), _lines("""
        CV|rà soát danh sách cử tri và khu vực bỏ phiếu
        CV|báo cáo biên chế công chức và người hoạt động không chuyên trách
        QD|Về việc điều động, bổ nhiệm công chức cấp xã
        TB|Kết luận Hội nghị tiếp xúc cử tri tại {village}
        CV|nâng bậc lương thường xuyên, phụ cấp thâm niên năm {year}
        HD|Đánh giá, xếp loại chất lượng cán bộ, công chức năm {year}
        GM|Hội nghị hiệp thương, tiếp xúc cử tri {village}
        CV|đăng ký nhu cầu bồi dưỡng công chức năm {next_year}
        """), _lines("""
        BC|Biên chế công chức và người hoạt động không chuyên trách năm {year}
        QD|Về việc nâng bậc lương thường xuyên đối với công chức xã
        QD|Về việc công nhận Trưởng thôn {village}
        TB|Kết quả đánh giá, xếp loại công chức năm {year}
        GM|Họp Ủy ban nhân dân xã thường kỳ tháng {month}/{year}
        GGT|Cử công chức tham gia lớp bồi dưỡng nghiệp vụ
        """)),
    Field("Cải cách hành chính", "TTPVHCC", ("SNV", "VANPHONG", "TTT"), _lines("""
        CV|chấn chỉnh kỷ luật, kỷ cương hành chính
        KH|Kiểm tra cải cách hành chính năm {year}
        CV|niêm yết thủ tục hành chính sửa đổi, bổ sung
        TB|Kết quả chấm điểm Chỉ số cải cách hành chính quý {quarter}/{year}
        CV|xử lý hồ sơ trễ hạn và thư xin lỗi công dân
        CV|báo cáo tiếp công dân, giải quyết đơn thư quý {quarter}/{year}
        QD|Về việc công bố danh mục thủ tục hành chính thuộc thẩm quyền cấp xã
        """), _lines("""
        BC|Công tác cải cách hành chính quý {quarter}/{year}
        KH|Cải cách hành chính năm {next_year}
        TB|Lịch tiếp công dân của lãnh đạo xã tháng {month}/{year}
        QD|Về việc phân công nhiệm vụ Trung tâm Phục vụ hành chính công
        BC|Kết quả tiếp công dân, giải quyết đơn thư quý {quarter}/{year}
        """)),
    Field("Tài chính, ngân sách", "KT", ("STC", "THUE", "UBND", "TTT"), _lines("""
        CV|lập dự toán thu, chi ngân sách năm {next_year}
        CV@THUE|đôn đốc thu nợ thuế sử dụng đất phi nông nghiệp
        QD|Về việc giao bổ sung dự toán chi ngân sách năm {year}
        CV|công khai ngân sách quý {quarter}/{year}
        TB|Thẩm định quyết toán ngân sách xã năm {last_year}
        CV|rà soát, sắp xếp trụ sở, tài sản công dôi dư
        HD|Khóa sổ kế toán và quyết toán cuối năm
        """), _lines("""
        QD|Về việc công bố công khai dự toán ngân sách năm {year}
        BC|Tình hình thực hiện dự toán ngân sách quý {quarter}/{year}
        TTR|Phê chuẩn quyết toán ngân sách xã năm {last_year}
        CV|đối chiếu số liệu thu thuế tháng {month}/{year}
        QD|Về việc thành lập Hội đồng kiểm kê tài sản công
        """)),
    Field("Văn hóa, thông tin", "VHXH", ("SVHTTDL", "MTTQ", "PN"), _lines("""
        CV|quản lý, tổ chức lễ hội đầu Xuân
        KH@MTTQ|Tổ chức Ngày hội Đại đoàn kết toàn dân tộc tại {village}
        CV|bình xét danh hiệu Gia đình văn hóa, Thôn văn hóa năm {year}
        CV|tuyên truyền kỷ niệm các ngày lễ lớn
        HD|Nội dung phát thanh cơ sở tháng {month}/{year}
        KH|Giải bóng chuyền, kéo co chào mừng ngày Quốc khánh
        CV|kiểm tra hoạt động kinh doanh karaoke, internet
        """), _lines("""
        QD|Về việc công nhận danh hiệu Gia đình văn hóa {village} năm {year}
        KH|Tổ chức các hoạt động mừng Đảng, mừng Xuân
        BC|Kết quả phong trào Toàn dân đoàn kết xây dựng đời sống văn hóa năm {year}
        GM|Dự Ngày hội Đại đoàn kết toàn dân tộc tại {village}
        """)),
    Field("Xây dựng, điện, giao thông", "KT", ("SXD", "DIENLUC", "SCT", "XALC", "DAN"), _lines("""
        TB@DIENLUC|Lịch cắt điện sửa chữa đường dây trung thế khu vực {village}
        CV@DIENLUC|phát quang hành lang an toàn lưới điện tại {village}
        CV|kiểm tra trật tự xây dựng trên địa bàn tháng {month}/{year}
        CV|góp ý quy hoạch chung xây dựng xã
        DON|Đơn đề nghị sửa chữa cống thoát nước trước nhà {person}, {village}
        TB|Phân luồng giao thông phục vụ thi công cầu tại {village}
        CV@XALC|phối hợp quản lý tuyến đường liên xã
        """), _lines("""
        CV|đề nghị sửa chữa, thay thế cột điện nghiêng tại {village}
        QD|Về việc phê duyệt dự toán sửa chữa cống thoát nước {village}
        CV|góp ý quy hoạch chung xây dựng xã
        BC|Tình hình trật tự xây dựng tháng {month}/{year}
        """)),
    Field("Bảo trợ xã hội, người có công", "VHXH", ("SNV", "SYT", "BHXH", "PN", "DAN"), _lines("""
        CV@BHXH|chi trả trợ cấp xã hội qua tài khoản tháng {month}/{year}
        CV|lập danh sách thăm, tặng quà người có công dịp 27/7
        QD|Về việc trợ cấp mai táng phí đối với thân nhân của {person}
        DON|Đơn đề nghị hưởng trợ cấp xã hội hằng tháng của {person}, {village}
        CV|rà soát người khuyết tật chưa được xác định mức độ
        KH|Tháng hành động vì trẻ em năm {year}
        """), _lines("""
        QD|Về việc xác nhận mức độ khuyết tật đối với {person}
        TTR|Đề nghị trợ cấp xã hội hằng tháng cho {person}, {village}
        BC|Kết quả thăm, tặng quà người có công dịp 27/7
        QD|Về việc trợ giúp khẩn cấp cho hộ {person}, {village}
        """)),
)  # fmt: skip

COUNCIL = _lines("""
    NQ|Về dự toán ngân sách xã năm {next_year}
    NQ|Về kế hoạch phát triển kinh tế - xã hội 6 tháng {half} năm {year}
    NQ|Về chương trình giám sát của Hội đồng nhân dân xã năm {next_year}
    NQ|Về việc thông qua danh mục đầu tư công năm {year}
    TB|Kết luận của Thường trực Hội đồng nhân dân xã tháng {month}/{year}
    """)

SEASONS: dict[str, tuple[int, ...]] = {
    "Xuân": (12, 1, 2), "Tết": (12, 1, 2), "dịp hè": (5, 6, 7), "khai giảng": (8, 9), "học mới": (7, 8, 9),
    "27/7": (6, 7), "Đông Xuân": (10, 11, 12), "mùa mưa": (5, 6, 7, 8, 9, 10), "Quốc khánh": (8, 9),
    "vì trẻ em": (5, 6), "an toàn thực phẩm": (4, 5, 6), "cuối năm": (11, 12), "nhập ngũ": (10, 11, 12, 1),
    "nghĩa vụ quân sự": (10, 11, 12, 1), "Đại đoàn kết": (10, 11), "{next_year}": (7, 8, 9, 10, 11, 12),
    "{last_year}": (2, 3, 4, 5, 6), "mưa": (5, 6, 7, 8, 9, 10, 11), "áp thấp": (6, 7, 8, 9, 10, 11),
    "bầu cử": (1, 2, 3, 4, 5), "năm {year}": (1, 2, 3, 4, 5, 6, 9, 10, 11, 12),
}  # fmt: skip
"""Words of a subject and the months in which such a document is written."""

VILLAGES = ("thôn Đông", "thôn Đoài", "thôn Trung", "thôn Thượng", "thôn Hạ", "thôn Bến Đá", "thôn Cây Gạo")
FAMILY_NAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương")
MEN = ("Văn Hải", "Đức Lợi", "Quang Vinh", "Văn Tám", "Hữu Phước", "Xuân Định", "Mạnh Hà", "Ngọc Toản")
WOMEN = ("Thị Hoa", "Thị Cúc", "Thu Nga", "Thị Hợi", "Kim Oanh", "Thị Lụa", "Bích Thủy", "Thị Tuyết")
