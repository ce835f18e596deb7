/** Limits the rate of a server, a connection or a response. */

/** Delay in seconds that a pacer makes up for: timers are late. */
const SLACK = 0.02;

export interface Pacer {
  /** Bytes per write: about 10 ms worth, so that socket buffers stay nearly empty. */
  readonly piece: number;
  /** Milliseconds to wait before sending the next `count` bytes, which count as sent. */
  take(count: number): number;
}

/**
 * A pacer for `bytesPerSecond`, which may be a fraction. Several connections may share it. `clock`
 * returns milliseconds.
 */
export function pacer(bytesPerSecond: number, clock = () => performance.now()): Pacer {
  let free = 0;
  return {
    piece: Math.min(64 << 10, Math.max(1, Math.floor(bytesPerSecond / 100))),
    take(count) {
      const now = clock() / 1000;
      const start = Math.max(free, now - SLACK);
      free = start + count / bytesPerSecond;
      return Math.max(0, (start - now) * 1000);
    },
  };
}
