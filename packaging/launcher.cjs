#!/usr/bin/env node
/**
 * The command of the npm package: starts the program for this system, which is in a package of its own, and ends as
 * it does.
 */

"use strict";

const { spawn } = require("node:child_process");
const process = require("node:process");

const SCOPE = "@pullama";

/** The program, or the reason why there is none. */
function find() {
  const name = `${SCOPE}/${process.platform}-${process.arch}`;
  const file = process.platform === "win32" ? "pullama.exe" : "pullama";
  try {
    return { program: require.resolve(`${name}/bin/${file}`) };
  } catch {
    const known = Object.keys(require("../package.json").optionalDependencies);
    if (known.includes(name)) {
      const hint =
        "npm install --include=optional; on Linux it needs glibc, which Alpine does not have";
      return { missing: `${name} is not installed`, hint };
    }
    const systems = known.map((each) => each.slice(SCOPE.length + 1)).join(", ");
    return { missing: `no build for ${process.platform}-${process.arch}`, hint: systems };
  }
}

function fail(reason, hint) {
  process.stderr.write(`cannot start pullama: ${reason}\nhint: ${hint}\n`);
  process.exitCode = 1;
}

function start(program) {
  const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
  child.on("error", (error) => fail(error.message, "on Linux it needs glibc 2.27 or newer"));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exitCode = code;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
  // A terminal sends Ctrl-C to both: passed on, it would be the second one, which ends a pull at once.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
}

const { program, missing, hint } = find();
if (program === undefined) fail(missing, hint);
else start(program);
