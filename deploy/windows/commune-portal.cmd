@echo off
rem Runs the portal with the Python of this release folder, and with nothing of the system's.
chcp 65001 >nul
"%~dp0..\python\python.exe" -m commune_portal %*
exit /b %ERRORLEVEL%
