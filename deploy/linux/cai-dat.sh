#!/bin/sh
# Cài đặt hoặc nâng cấp sổ văn bản từ USB này. Chạy: sudo sh cai-dat.sh [--role node] [--port 8080]
# Mọi việc còn lại do chương trình trong bộ cài làm, kể cả kiểm tra chữ ký của nơi phát hành.
set -u
stop() { echo "$*" >&2; exit 2; }
stick=$(cd "$(dirname "$0")" && pwd -P) || stop "Không đọc được thư mục của bộ cài. Hãy rút USB, cắm lại rồi chạy lại."
[ "$(id -u)" = 0 ] || stop "Cần quyền quản trị. Hãy chạy: sudo sh \"$stick/cai-dat.sh\""
[ "$(uname -m)" = x86_64 ] || stop "Máy này không phải loại 64-bit (x86_64). Hãy cài trên máy khác."
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //')
[ "$(printf '%s\n' 2.36 "${glibc:-0}" | sort -V | head -n 1)" = 2.36 ] ||
    stop "Hệ điều hành quá cũ (glibc ${glibc:-không rõ}, cần từ 2.36). Hãy dùng Debian 12, Ubuntu 24.04 hoặc mới hơn."
echo "Đang kiểm tra bộ cài..."
(cd "$stick" && sha256sum --quiet -c SHA256SUMS) >&2 ||
    stop "Bộ cài bị hỏng hoặc thiếu tệp. Máy chưa thay đổi gì. Hãy lấy lại bộ cài hoặc dùng USB khác."
work=$(mktemp -d) || stop "Không tạo được thư mục tạm. Hãy dọn bớt đĩa rồi chạy lại."
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
tar -xzf "$stick/bundle/linux/payload.tar.gz" -C "$work" ||
    stop "Không giải nén được bộ cài vào $work. Hãy kiểm tra chỗ trống trên đĩa rồi chạy lại."
"$work/bin/commune-portal" release install --bundle "$stick" "$@"
