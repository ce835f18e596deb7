/** Whether SIGHUP, which the system sends when the terminal is closed, ends the program. */

/**
 * Whether SIGHUP was ignored when the program was started, as `nohup` does. Must be called before a
 * listener is added for any signal, since the runtime then replaces the setting. The compiled
 * program may not read /proc, and other systems do not have it: there it counts as ignored if
 * neither stdout nor stderr is a terminal.
 */
export function isHangupIgnored(): boolean {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const [, lowest = "0"] = /^SigIgn:\s*[0-9a-f]*([0-9a-f])$/m.exec(status) ?? [];
    return parseInt(lowest, 16) % 2 === 1;
  } catch {
    return !Deno.stdout.isTerminal() && !Deno.stderr.isTerminal();
  }
}
