# Installs pullama on Windows, for the user who runs it:
#
#     irm ADDRESS/install.ps1 | iex
#
# PULLAMA_BIN_DIR   where it is put, default %LOCALAPPDATA%\Programs\pullama
# PULLAMA_BASE_URL  where it is downloaded from, default the release that this script belongs to
#
# It replaces an older pullama and puts its folder on the user's PATH. Works in PowerShell 5.1 and later.

& {
  Set-StrictMode -Version 3
  $ErrorActionPreference = 'Stop'
  # The bar makes downloads in PowerShell 5.1 many times slower.
  $ProgressPreference = 'SilentlyContinue'
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072

  $base = if ($env:PULLAMA_BASE_URL) { $env:PULLAMA_BASE_URL } else { '@BASE_URL@' }
  if ($base.StartsWith('@')) {
    throw 'cannot install pullama: it is not known where to download it from; set PULLAMA_BASE_URL, or take the install.ps1 of a release'
  }
  $base = $base.TrimEnd('/')
  $dir = if ($env:PULLAMA_BIN_DIR) { $env:PULLAMA_BIN_DIR } else { Join-Path $env:LOCALAPPDATA 'Programs\pullama' }
  # Windows on ARM runs programs for amd64.
  if (-not [Environment]::Is64BitOperatingSystem) {
    throw 'cannot install pullama: there is no program for 32-bit Windows'
  }
  $file = 'pullama-windows-amd64.exe'

  $dir = (New-Item -ItemType Directory -Force -Path $dir).FullName
  $program = Join-Path $dir 'pullama.exe'
  $fresh = Join-Path $dir "pullama-$PID.exe"
  $list = Join-Path $dir "pullama-$PID.sums"
  $old = Join-Path $dir 'pullama-old.exe'
  try {
    Write-Host "downloading $base/$file"
    Invoke-WebRequest -UseBasicParsing -Uri "$base/SHA256SUMS" -OutFile $list
    $pattern = '^([0-9a-f]{64})  ' + [regex]::Escape($file) + '$'
    $line = Get-Content -LiteralPath $list | Where-Object { $_ -match $pattern } | Select-Object -First 1
    if (-not $line) { throw "cannot install pullama: $base/SHA256SUMS does not list $file" }
    $wanted = $line.Substring(0, 64)
    Invoke-WebRequest -UseBasicParsing -Uri "$base/$file" -OutFile $fresh
    $got = (Get-FileHash -LiteralPath $fresh -Algorithm SHA256).Hash
    if ($got -ne $wanted) {
      throw "cannot install pullama: the sha256 of $file is $got, and not $wanted; try again, and if it stays so, do not use that file"
    }
    $version = & $fresh version
    if ($LASTEXITCODE -ne 0) { throw 'cannot install pullama: the program does not run here' }
    # A program that is running can be renamed, not replaced.
    if (Test-Path -LiteralPath $old) { Remove-Item -LiteralPath $old -Force -ErrorAction SilentlyContinue }
    if (Test-Path -LiteralPath $program) { Move-Item -LiteralPath $program -Destination $old -Force }
    Move-Item -LiteralPath $fresh -Destination $program
    Remove-Item -LiteralPath $old -Force -ErrorAction SilentlyContinue
  } finally {
    Remove-Item -LiteralPath $fresh, $list -Force -ErrorAction SilentlyContinue
  }
  Write-Host "installed $version as $program"

  # As it is written: entries such as %USERPROFILE%\bin stay what they are.
  $key = Get-Item -LiteralPath 'HKCU:\Environment'
  $path = [string]$key.GetValue('Path', '', 'DoNotExpandEnvironmentNames')
  if (($path -split ';') -notcontains $dir) {
    $longer = (@($path.TrimEnd(';'), $dir) | Where-Object { $_ }) -join ';'
    Set-ItemProperty -LiteralPath 'HKCU:\Environment' -Name Path -Value $longer -Type ExpandString
    # Tells running programs that the environment has changed.
    [Environment]::SetEnvironmentVariable('PULLAMA_INSTALLED', '1', 'User')
    [Environment]::SetEnvironmentVariable('PULLAMA_INSTALLED', [NullString]::Value, 'User')
    Write-Host "added $dir to your PATH: open a new window to use it"
  }
  Write-Host "to remove it: delete $dir and take it off your PATH"
}
