; CAI-DAT.exe: copies a signed stick into a temporary folder and calls the Python in it. Every decision is Python's.
; makensis -DVERSION= -DCOMPRESSION=zlib|lzma -DOUT= -DFILES=files.nsh, started in the folder of that stick.
Unicode true
Target amd64-unicode
SetCompressor /SOLID ${COMPRESSION}
!if ${COMPRESSION} == lzma
  SetCompressorDictSize 32
!endif
SetDateSave off
ManifestSupportedOS all
RequestExecutionLevel admin
Name "Sổ văn bản ${VERSION}"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\CommunePortal"
BrandingText " "
ShowInstDetails show
ShowUninstDetails show
AutoCloseWindow false
LoadLanguageFile "${NSISDIR}\Contrib\Language files\Vietnamese.nlf"
VIProductVersion 0.0.0.0
VIAddVersionKey /LANG=1066 "ProductName" "CommunePortal"
VIAddVersionKey /LANG=1066 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=1066 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=1066 "FileDescription" "Bộ cài sổ văn bản"
!include LogicLib.nsh
!include WinVer.nsh
!include FileFunc.nsh
!include TextFunc.nsh
!define STICK "$PLUGINSDIR\bo-cai"
!define MENU "$SMPROGRAMS\Sổ văn bản"
!define REGISTRY "Software\Microsoft\Windows\CurrentVersion\Uninstall\CommunePortal"
!define OPEN "Mở sổ văn bản.url"
!define OLD "Máy này dùng Windows quá cũ để làm máy chủ; hãy cài trên máy Windows 10/11 và mở cổng bằng trình duyệt từ máy này."
!define FAILED "Chưa cài được. Dữ liệu và bản đang dùng (nếu có) vẫn còn nguyên. Lý do và việc cần làm ghi ở các dòng trên, và trong tệp $TEMP\CAI-DAT.txt."
!define KEPT "Chưa gỡ được. Dữ liệu vẫn còn nguyên. Lý do và việc cần làm ghi ở các dòng trên."
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

!macro Call python script verb said
  ; The verb's words come back in a file, since the plug-in would garble Vietnamese letters.
  nsExec::Exec '"${python}\python.exe" "${script}\calling.py" "${said}" ${verb}'
  Pop $0
  ClearErrors
  FileOpen $1 "${said}" r
  ${IfNot} ${Errors}
    FileReadUTF16LE $1 $2
    ${DoUntil} ${Errors}
      DetailPrint $2
      FileReadUTF16LE $1 $2
    ${Loop}
    FileClose $1
    CopyFiles /SILENT "${said}" "$TEMP\CAI-DAT.txt"
  ${EndIf}
!macroend

Function .onInit
  SetShellVarContext all
  ${IfNot} ${AtLeastWin10}
    MessageBox MB_OK|MB_ICONSTOP "${OLD}" /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
FunctionEnd

Section
  InitPluginsDir
  !include "${FILES}"
  SetOutPath "$TEMP"
  ${GetParameters} $3
  ${GetOptions} $3 "/PORT=" $4
  ${IfNot} ${Errors}
    StrCpy $4 "--port $4"
  ${EndIf}
  !insertmacro Call "${STICK}\bundle\windows\python" "${STICK}\bundle\windows\bin" 'release install --bundle "${STICK}" $4' "$PLUGINSDIR\ket-qua.txt"
  ${If} $0 != 0
  ${AndIf} $0 != 1
    SetErrorLevel 2
    ${If} $0 == 3
      SetErrorLevel 3
    ${EndIf}
    MessageBox MB_OK|MB_ICONSTOP "${FAILED}" /SD IDOK
    Abort "${FAILED}"
  ${EndIf}
  WriteUninstaller "$INSTDIR\GO-BO.exe"
  WriteRegStr HKLM "${REGISTRY}" "DisplayName" "Sổ văn bản"
  WriteRegStr HKLM "${REGISTRY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${REGISTRY}" "UninstallString" '"$INSTDIR\GO-BO.exe"'
  CreateDirectory "${MENU}"
  nsExec::Exec '"${STICK}\bundle\windows\python\python.exe" "${STICK}\bundle\windows\bin\address.py" "${MENU}\${OPEN}"'
  Pop $6
  SetOutPath "$INSTDIR"
  CreateShortCut "${MENU}\Gỡ bỏ (giữ lại dữ liệu).lnk" "$INSTDIR\GO-BO.exe"
  SetErrorLevel $0
SectionEnd

Function .onInstSuccess
  IfSilent +2
  ; Through Explorer, so that the browser does not inherit the administrator's rights.
  Exec '"$WINDIR\explorer.exe" "${MENU}\${OPEN}"'
FunctionEnd

Section Uninstall
  ; The register, its keys and its backups lie in ProgramData and stay.
  SetShellVarContext all
  SetOutPath "$TEMP"
  InitPluginsDir
  FileOpen $1 "$INSTDIR\current.txt" r
  FileRead $1 $5
  FileClose $1
  ${TrimNewLines} "$5" $5
  ${If} $5 != ""
    !insertmacro Call "$INSTDIR\releases\$5\python" "$INSTDIR\releases\$5\bin" "release uninstall" "$PLUGINSDIR\ket-qua.txt"
    ${If} $0 != 0
    ${AndIf} $0 != 1
      SetErrorLevel 2
      MessageBox MB_OK|MB_ICONSTOP "${KEPT}" /SD IDOK
      Abort "${KEPT}"
    ${EndIf}
  ${EndIf}
  RMDir /r "${MENU}"
  RMDir /r "$INSTDIR"
  DeleteRegKey HKLM "${REGISTRY}"
SectionEnd
