/**
 * Shell scripts for completion. Each script passes the words before the cursor to the hidden
 * command, which prints one candidate per line, with a tab before its description, or one line with
 * the kind of path to complete.
 */

import { ASK, PATHS, type Shell } from "./shells.ts";

// bash breaks words at ":" and "=": the part before the last of them is not replaced. The bash of
// macOS has neither mapfile nor compopt: there the script appends a slash to folders, and a blank
// to everything else.
const BASH = `# bash completion for pullama; load it with: eval "$(pullama completion bash)"
_pullama_paths() {
  local path
  while IFS= read -r path; do
    if [[ $3 == by_hand && -d \${path/#\\~\\//$HOME/} ]]; then path=$path/; fi
    COMPREPLY+=("$path")
  done < <(compgen "$1" -- "$2" 2>/dev/null)
}
_pullama() {
  local line=\${COMP_LINE:0:COMP_POINT} word before answer blanks=by_shell
  local -a words
  type compopt >/dev/null 2>&1 || blanks=by_hand
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[\${#words[@]}-1]}
  before=
  [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && before=\${word%"\${word##*:}"}
  [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && before=\${word%"\${word##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r answer; do
    case $answer in
      (${PATHS.folders}|${PATHS.files})
        [[ $blanks == by_shell ]] && compopt -o filenames
        if [[ $answer == ${PATHS.folders} ]]; then answer=-d; else answer=-f; fi
        _pullama_paths "$answer" "\${word#*=}" "$blanks"
        return ;;
    esac
    answer=\${answer%%$'\\t'*}
    answer=\${answer#"$before"}
    [[ $blanks == by_hand ]] && answer="$answer "
    COMPREPLY+=("$answer")
  done < <("\${words[0]}" ${ASK} -- "\${words[@]:1}" 2>/dev/null)
}
if type compopt >/dev/null 2>&1; then complete -F _pullama pullama
else complete -o nospace -F _pullama pullama; fi
`;

// As a file of a package zsh runs the whole script at the first completion, as the function _pullama.
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
if [[ $funcstack[1] == _pullama ]]; then
  _pullama "$@"
else
  if (( ! $+functions[compdef] )); then autoload -Uz compinit && compinit -i; fi
  compdef _pullama pullama
fi
`;

const FISH = `# fish completion for pullama; load it with: pullama completion fish | source
function __pullama_behind
  for found in $argv[2..-1]
    printf '%s%s\\n' "$argv[1]" "$found"
  end
end
function __pullama_complete
  set -l words (commandline -opc)
  set -l word (commandline -ct)
  set -l flag (string match -r '^--[^=]*=' -- "$word")
  set -l answers ($words[1] ${ASK} -- $words[2..-1] "$word" 2>/dev/null)
  switch "$answers[1]"
    case ${PATHS.folders}
      __pullama_behind "$flag" (__fish_complete_directories (string replace -- "$flag" '' "$word"))
    case ${PATHS.files}
      __pullama_behind "$flag" (__fish_complete_path (string replace -- "$flag" '' "$word"))
    case '*'
      printf '%s\\n' $answers
  end
end
complete -c pullama -f -k -a '(__pullama_complete)'
`;

// Windows PowerShell 5.1 drops an empty argument, so an empty word is sent as a blank.
const POWERSHELL =
  `# PowerShell completion for pullama; load it with: pullama completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName pullama -ScriptBlock {
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
  $answers = @(& $words[0] ${ASK} '--' @($words | Select-Object -Skip 1) $(if ($word) { "$word" } else { ' ' }) 2>$null)
  if ($answers.Count -eq 1 -and ($answers[0] -eq '${PATHS.folders}' -or $answers[0] -eq '${PATHS.files}')) { return }
  foreach ($answer in $answers) {
    $value, $about = $answer -split "\`t", 2
    if (-not $about) { $about = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
  }
}
`;

/** The completion script for a shell. */
export function completionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL }[shell];
}
