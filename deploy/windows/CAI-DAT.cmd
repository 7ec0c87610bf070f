@echo off
rem Cài đặt hoặc nâng cấp mà không dùng CAI-DAT.exe: bấm chuột phải vào tệp này, chọn "Run as administrator".
chcp 65001 >nul
net session >nul 2>&1
if errorlevel 1 (
    echo Cần quyền quản trị. Hãy bấm chuột phải vào CAI-DAT.cmd, chọn "Run as administrator".
    pause
    exit /b 2
)
if not exist "%~dp0..\..\SHA256SUMS" (
    echo Thư mục này phải nằm trên USB của bộ cài, trong bundle\windows. Hãy chạy thẳng từ USB.
    pause
    exit /b 2
)
"%~dp0python\python.exe" -m commune_portal release install --bundle "%~dp0..\.." %*
set RESULT=%ERRORLEVEL%
if not %RESULT%==0 echo Xem lý do và việc cần làm ở các dòng trên.
pause
exit /b %RESULT%
