/** Limits the rate of a server, of a connection or of one answer. */

/** How far behind its schedule a pacer may be and still catch up, in seconds: timers are late. */
const SLACK = 0.02;

export interface Pacer {
  /** Bytes to send at once: about 10 ms worth, so that socket buffers stay nearly empty. */
  readonly piece: number;
  /** Milliseconds to wait before the next `count` bytes may go out. The bytes count as sent. */
  take(count: number): number;
}

/**
 * A pacer of so many bytes a second, which may be a fraction. Several connections may share it. `clock` is
 * in milliseconds.
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
