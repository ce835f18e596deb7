/** What is written in PowerShell: completion, and the failures of install.ps1. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { certificate, certificateKey } from "../fakes/certificate.ts";
import { addSmallModel } from "../fakes/installed.ts";
import { testWith } from "../needs.ts";
import { type Ended, runToEnd, temporaryFolder } from "./child.ts";

const INSTALLER = fileURLToPath(new URL("../../install.ps1", import.meta.url));

/** Runs a script of PowerShell; what it throws is one line of its errors. */
function powershell(script: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  const shown =
    `try { ${script} } catch { [Console]::Error.WriteLine($_.Exception.Message); exit 1 }`;
  return runToEnd(["pwsh", "-NoProfile", "-NonInteractive", "-Command", shown], { env });
}

testWith(
  ["PowerShell", "a compiled program"],
  "tab completes commands, values and models in PowerShell",
  async () => {
    await using folder = await temporaryFolder();
    const home = folder.path;
    await addSmallModel(`${home}/.ollama/models`, "mistral:7b");
    await Deno.mkdir(`${home}/bin`);
    await Deno.symlink(Deno.env.get("PULLAMA_BIN")!, `${home}/bin/pullama`);
    const env = { HOME: home, PATH: `${home}/bin:${Deno.env.get("PATH")}` };
    const cases = [
      ["pullama comple", "completion"],
      ["pullama rm mistral:7", "mistral:7b"],
      ["pullama list --output comp", "compact"],
      ["pullama queue ", "add list rm start"],
    ] as const;
    for (const [typed, becomes] of cases) {
      const { out, err } = await powershell(
        `pullama completion powershell | Out-String | Invoke-Expression
$found = TabExpansion2 -inputScript '${typed}' -cursorColumn ${typed.length}
($found.CompletionMatches | ForEach-Object { $_.CompletionText }) -join ' '`,
        env,
      );
      assert.equal(out.trim(), becomes, typed + err);
    }
  },
);

testWith(["PowerShell"], "install.ps1 keeps what is installed when it fails", async () => {
  await using folder = await temporaryFolder();
  const bin = `${folder.path}/own bin`;
  await Deno.mkdir(bin);
  await Deno.writeTextFile(`${bin}/pullama.exe`, "the old one");
  const file = "pullama-windows-amd64.exe";
  const sum = createHash("sha256").update("the new one").digest("hex");
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {}, cert: certificate, key: certificateKey },
    (request) => new Response(request.url.endsWith("SUMS") ? `${sum}  ${file}\n` : "damaged"),
  );
  for (
    const [url, says] of [
      [`https://127.0.0.1:${server.addr.port}`, new RegExp(`checksum mismatch for ${file}: got `)],
      ["https://127.0.0.1:9", /SHA256SUMS cannot be downloaded: .*; check the network connection/],
      ["http://127.0.0.1:9", /is not an https URL/],
    ] as const
  ) {
    const { code, err } = await powershell(
      `$PSDefaultParameterValues['Invoke-WebRequest:SkipCertificateCheck'] = $true
Get-Content -Raw '${INSTALLER}' | Invoke-Expression`,
      { HOME: folder.path, PULLAMA_BASE_URL: url, PULLAMA_BIN_DIR: bin },
    );
    assert.equal(code, 1, url);
    assert.match(err, says);
    assert.deepEqual([...Deno.readDirSync(bin)].map(({ name }) => name), ["pullama.exe"]);
    assert.equal(await Deno.readTextFile(`${bin}/pullama.exe`), "the old one");
  }
});
