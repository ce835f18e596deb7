# Installs pullama on Windows, for the user who runs it:
#
#     irm ADDRESS/install.ps1 | iex
#
# PULLAMA_BIN_DIR   directory to install to, default %LOCALAPPDATA%\Programs\pullama
# PULLAMA_BASE_URL  https URL to download from, default the release that this script is part of
#
# The script of a release has its checksums: it installs the files of that release, from anywhere.
# Replaces an older pullama and adds its directory to the user's PATH. Works in PowerShell 5.1 and later.

& {
  Set-StrictMode -Version 3
  $ErrorActionPreference = 'Stop'
  # The progress bar makes downloads in PowerShell 5.1 many times slower.
  $ProgressPreference = 'SilentlyContinue'
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072

  # As in SHA256SUMS; filled in for a release.
  $sums = '@SHA256SUMS@'

  $base = if ($env:PULLAMA_BASE_URL) { $env:PULLAMA_BASE_URL } else { '@BASE_URL@' }
  if ($base.StartsWith('@')) {
    throw 'cannot install pullama: no URL to download from; set PULLAMA_BASE_URL, or use the install.ps1 of a release'
  }
  if (-not $base.StartsWith('https://')) {
    throw "cannot install pullama: $base is not an https URL; set PULLAMA_BASE_URL to one that begins with https://"
  }
  $base = $base.TrimEnd('/')
  $dir = if ($env:PULLAMA_BIN_DIR) { $env:PULLAMA_BIN_DIR } else { Join-Path $env:LOCALAPPDATA 'Programs\pullama' }
  # Windows on ARM runs amd64 programs.
  if (-not [Environment]::Is64BitOperatingSystem) {
    throw 'cannot install pullama: no build for 32-bit Windows'
  }
  $file = 'pullama-windows-amd64.exe'

  function Receive-File($name, $to) {
    try {
      Invoke-WebRequest -UseBasicParsing -Uri "$base/$name" -OutFile $to
    } catch {
      throw "cannot install pullama: $base/$name cannot be downloaded: $($_.Exception.Message); check the network connection and the proxy, or set PULLAMA_BASE_URL to another URL"
    }
  }

  $dir = (New-Item -ItemType Directory -Force -Path $dir).FullName
  $program = Join-Path $dir 'pullama.exe'
  $fresh = Join-Path $dir "pullama-$PID.exe"
  $list = Join-Path $dir "pullama-$PID.sums"
  $old = Join-Path $dir 'pullama-old.exe'
  try {
    Write-Host "downloading $base/$file"
    if ($sums.StartsWith('@')) {
      Receive-File 'SHA256SUMS' $list
      $sums = [string](Get-Content -Raw -LiteralPath $list)
    }
    $pattern = '^([0-9a-f]{64})  ' + [regex]::Escape($file) + '$'
    $line = $sums -split '\r?\n' | Where-Object { $_ -match $pattern } | Select-Object -First 1
    if (-not $line) { throw "cannot install pullama: the checksums of this release do not list $file" }
    $wanted = $line.Substring(0, 64)
    Receive-File $file $fresh
    $got = (Get-FileHash -LiteralPath $fresh -Algorithm SHA256).Hash
    if ($got -ne $wanted) {
      throw "cannot install pullama: checksum mismatch for ${file}: got $got, expected $wanted; try again, and if this happens again, do not use that file"
    }
    $version = & $fresh version
    if ($LASTEXITCODE -ne 0) { throw 'cannot install pullama: the downloaded program does not run' }
    # A running program can be renamed, but not replaced.
    if (Test-Path -LiteralPath $old) { Remove-Item -LiteralPath $old -Force -ErrorAction SilentlyContinue }
    if (Test-Path -LiteralPath $program) { Move-Item -LiteralPath $program -Destination $old -Force }
    try {
      Move-Item -LiteralPath $fresh -Destination $program
    } catch {
      if (Test-Path -LiteralPath $old) { Move-Item -LiteralPath $old -Destination $program }
      throw
    }
    Remove-Item -LiteralPath $old -Force -ErrorAction SilentlyContinue
  } finally {
    Remove-Item -LiteralPath $fresh, $list -Force -ErrorAction SilentlyContinue
  }
  Write-Host "installed $version as $program"

  # Unexpanded, so that entries such as %USERPROFILE%\bin are kept as they are.
  $key = Get-Item -LiteralPath 'HKCU:\Environment'
  $path = [string]$key.GetValue('Path', '', 'DoNotExpandEnvironmentNames')
  if (($path -split ';') -notcontains $dir) {
    $longer = (@($path.TrimEnd(';'), $dir) | Where-Object { $_ }) -join ';'
    Set-ItemProperty -LiteralPath 'HKCU:\Environment' -Name Path -Value $longer -Type ExpandString
    # Notifies running programs that the environment has changed.
    [Environment]::SetEnvironmentVariable('PULLAMA_INSTALLED', '1', 'User')
    [Environment]::SetEnvironmentVariable('PULLAMA_INSTALLED', [NullString]::Value, 'User')
    Write-Host "added $dir to your PATH: open a new terminal to use it"
  }
  Write-Host "to uninstall: delete $dir and remove it from your PATH"
}
