/**
 * What a shell loads to complete command lines of pullama. Each script hands the words before the cursor to
 * the hidden command, which answers a candidate a line, with a tab before what it is, or one line that says
 * what kind of path is wanted.
 */

import { ASK, PATHS, type Shell } from "./shells.ts";

// bash takes ":" and "=" for ends of words: what stands before the last of them is not replaced.
const BASH = `# bash completion for pullama; load it with: source <(pullama completion bash)
_pullama() {
  local line=\${COMP_LINE:0:COMP_POINT} word before answer
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[\${#words[@]}-1]}
  before=
  [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && before=\${word%"\${word##*:}"}
  [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && before=\${word%"\${word##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r answer; do
    case $answer in
      ${PATHS.folders}) compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "\${word#*=}"); return ;;
      ${PATHS.files}) compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "\${word#*=}"); return ;;
    esac
    answer=\${answer%%$'\\t'*}
    COMPREPLY+=("\${answer#"$before"}")
  done < <("\${words[0]}" ${ASK} -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _pullama pullama
`;

const ZSH = `#compdef pullama
# zsh completion for pullama; load it with: source <(pullama completion zsh)
_pullama() {
  local answer
  local -a values shown
  while IFS= read -r answer; do
    case $answer in
      ${PATHS.folders}) compset -P '*='; _files -/; return ;;
      ${PATHS.files}) compset -P '*='; _files; return ;;
    esac
    values+=("\${answer%%$'\\t'*}")
    shown+=("\${answer//$'\\t'/  -- }")
  done < <("\${words[1]}" ${ASK} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#values} )) && compadd -l -V pullama -d shown -a values
}
if (( ! $+functions[compdef] )); then autoload -Uz compinit && compinit -i; fi
compdef _pullama pullama
`;

const FISH = `# fish completion for pullama; load it with: pullama completion fish | source
function __pullama_complete
  set -l words (commandline -opc)
  set -l word (commandline -ct)
  set -l answers ($words[1] ${ASK} -- $words[2..-1] "$word" 2>/dev/null)
  switch "$answers[1]"
    case ${PATHS.folders}
      __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$word")
    case ${PATHS.files}
      __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$word")
    case '*'
      printf '%s\\n' $answers
  end
end
complete -c pullama -f -k -a '(__pullama_complete)'
`;

const POWERSHELL =
  `# PowerShell completion for pullama; load it with: pullama completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName pullama -ScriptBlock {
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
  $answers = @(& $words[0] ${ASK} '--' @($words | Select-Object -Skip 1) "$word" 2>$null)
  if ($answers.Count -eq 1 -and ($answers[0] -eq '${PATHS.folders}' -or $answers[0] -eq '${PATHS.files}')) { return }
  foreach ($answer in $answers) {
    $value, $about = $answer -split "\`t", 2
    if (-not $about) { $about = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
  }
}
`;

/** The script for a shell. */
export function completionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL }[shell];
}
