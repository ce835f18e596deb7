/**
 * A bad network line between two network namespaces: NAME-far (192.0.2.1), where servers run, and
 * NAME-near (192.0.2.2), where clients run. TCP on both sides is the kernel's own.
 *
 * The line is the program in BADLINE_BIN, if that is set: it is started as
 * `BADLINE_BIN -name NAME -rtt 80ms -down 100mbit -up 20mbit -loss 0.5 COMMAND`, makes both
 * namespaces, and removes them when COMMAND ends. Otherwise it is a veth pair with netem, which not
 * every kernel has.
 */

import { runToEnd, startChild } from "../tests/real/child.ts";
import { Unavailable } from "./unavailable.ts";

export interface LineSpec {
  /** Round trip in milliseconds, without queueing. */
  readonly rtt: number;
  /** Mbit per second towards the client, and towards the server. */
  readonly down: number;
  readonly up: number;
  /** Percentage of packets lost in each direction. */
  readonly loss: number;
}

export interface Line extends AsyncDisposable {
  /** Commands that run a command on each side. */
  readonly near: readonly string[];
  readonly far: readonly string[];
}

export const FAR_HOST = "192.0.2.1";
const NEAR_HOST = "192.0.2.2";

/** What the queue before the slow link holds, in seconds of its rate. */
const QUEUE = 0.1;
/** Bytes of a full packet, and of content in it: 52 are headers of IP and TCP. */
export const PACKET = 1500;
export const SEGMENT = 1448;

/** Opens a line, which exists until it is disposed. Throws `Unavailable` if it cannot be made. */
export async function openLine(spec: LineSpec): Promise<Line> {
  if (Deno.uid() !== 0) throw new Unavailable("a line between network namespaces needs root");
  const name = `bench${Deno.pid}`;
  const program = Deno.env.get("BADLINE_BIN");
  const open = program ? await startProgram(program, name, spec) : await startNetem(name, spec);
  const line: Line = {
    near: ["ip", "netns", "exec", `${name}-near`],
    far: ["ip", "netns", "exec", `${name}-far`],
    [Symbol.asyncDispose]: open[Symbol.asyncDispose],
  };
  try {
    // Otherwise a run would start with what the kernel learned about the line in the run before.
    for (const side of [line.near, line.far]) {
      await must([...side, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save"]);
    }
  } catch (error) {
    await line[Symbol.asyncDispose]();
    throw error;
  }
  return line;
}

async function startProgram(
  program: string,
  name: string,
  { rtt, down, up, loss }: LineSpec,
): Promise<AsyncDisposable> {
  const rates = ["-rtt", `${rtt}ms`, "-down", `${down}mbit`, "-up", `${up}mbit`];
  const wait = ["sh", "-c", "echo ready >&2; exec sleep infinity"];
  return await startChild({
    command: program,
    args: ["-name", name, ...rates, "-loss", String(loss), "--", ...wait],
    ready: /^ready$/m,
  });
}

async function startNetem(name: string, spec: LineSpec): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const near = `${name}-near`;
  const far = `${name}-far`;
  try {
    for (const side of [near, far]) {
      await must(["ip", "netns", "add", side]);
      stack.defer(async () => void await runToEnd(["ip", "netns", "del", side]));
    }
    const pair = ["near0", "type", "veth", "peer", "name", "far0"];
    await must(["ip", "-n", near, "link", "add", ...pair, "netns", far]);
    await side(near, "near0", NEAR_HOST, FAR_HOST, netem(spec, spec.up));
    await side(far, "far0", FAR_HOST, NEAR_HOST, netem(spec, spec.down));
  } catch (error) {
    throw new Unavailable(`no BADLINE_BIN, and no line with netem: ${(error as Error).message}`);
  }
  const owned = stack.move();
  return { [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function side(
  namespace: string,
  device: string,
  own: string,
  peer: string,
  limits: readonly string[],
): Promise<void> {
  const ip = ["ip", "-n", namespace];
  await must([...ip, "link", "set", "lo", "up"]);
  await must([...ip, "address", "add", `${own}/32`, "dev", device]);
  // One packet at a time: netem would lose or keep a large segment as a whole.
  await must([...ip, "link", "set", device, "gso_max_segs", "1", "up"]);
  await must([...ip, "route", "replace", peer, "dev", device, "congctl", "cubic"]);
  await must(["tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "netem", ...limits]);
}

function netem({ rtt, loss }: LineSpec, mbit: number): string[] {
  const seconds = rtt / 2 / 1000 + QUEUE;
  const packets = Math.ceil(mbit * 1e6 / 8 * seconds / PACKET);
  const lost = loss === 0 ? [] : ["loss", `${loss}%`];
  return ["delay", `${rtt / 2}ms`, ...lost, "rate", `${mbit}mbit`, "limit", String(packets)];
}

async function must(command: readonly string[]): Promise<void> {
  const { code, err } = await runToEnd(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${err.trim()}`);
}
