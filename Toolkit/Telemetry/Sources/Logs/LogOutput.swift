import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where log lines go: a file descriptor that may stall without stalling the program.
///
/// A line is at most ``lineBytesLimit`` bytes, which a pipe writes atomically, so that the lines of several processes
/// never interleave. When the reader stalls for 50 milliseconds, or the disk of a file is full, lines are dropped and counted
/// until a line can be written again.
public final class LogOutput: Sendable {
    /// The size of an atomic write to a pipe.
    public static let lineBytesLimit = 4_096
    /// How long a write may wait for the reader, in milliseconds.
    static let writeTimeout: Int32 = 50

    private struct State {
        var stalled = false
        var dropped = 0
        /// Only a part of the last line was written, as on a full disk: the next one needs a line of its own.
        var isTorn = false
    }

    private let descriptor: Int32
    private let state = Mutex(State())

    public init(descriptor: Int32) { self.descriptor = descriptor }

    public static let standardError = LogOutput(descriptor: STDERR_FILENO)

    /// Lines dropped since the last one that was written.
    var dropped: Int { state.withLock { $0.dropped } }

    /// Writes `line` and a newline, cut at the limit.
    func write(_ line: [UInt8]) {
        var bytes = line.prefix(Self.lineBytesLimit - 1)
        bytes.append(UInt8(ascii: "\n"))
        state.withLock { state in
            guard isWritable(after: state.stalled ? 0 : Self.writeTimeout) else {
                state.stalled = true
                state.dropped += 1
                return
            }
            state.stalled = false
            if state.dropped > 0 {
                let report =
                    "{\"level\":\"warning\",\"message\":\"log lines were dropped\",\"lines\":\(state.dropped)}\n"
                guard emit(Array(report.utf8)[...], &state) else {
                    state.dropped += 1
                    return
                }
                state.dropped = 0
            }
            if !emit(bytes, &state) { state.dropped += 1 }
        }
    }

    private func isWritable(after milliseconds: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&wanted, 1, milliseconds) == 1 && wanted.revents & Int16(POLLOUT) != 0
    }

    /// - Returns: False when the bytes were not written, or not all of them.
    private func emit(_ bytes: ArraySlice<UInt8>, _ state: inout State) -> Bool {
        let line = state.isTorn ? [UInt8(ascii: "\n")] + bytes : bytes
        let written = line.withUnsafeBytes { writeBytes($0, to: descriptor) }
        if written > 0 { state.isTorn = written < line.count }
        return written == line.count
    }
}

/// Outside the type, whose function hides the system's of the same name.
private func writeBytes(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
