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
/// never interleave. One thread writes at a time, and no lock is held meanwhile: the others leave their lines to it, in order.
/// When the reader stalls for 50 milliseconds, or the disk of a file is full, lines are dropped and counted until a line can be
/// written again.
public final class LogOutput: Sendable {
    /// The size of an atomic write to a pipe.
    public static let lineBytesLimit = 4_096
    /// Lines that wait for the thread that writes; further ones are dropped and counted.
    static let linesLimit = 1_024
    /// How long ``flush()`` waits for the thread that writes, in milliseconds.
    static let flushTimeout = 200

    private struct State {
        var lines: [ArraySlice<UInt8>] = []
        var dropped = 0
        /// `nil` while a thread writes.
        var writer: LogWriter?
    }

    private let state: Mutex<State>

    public init(descriptor: Int32) { state = Mutex(State(writer: LogWriter(descriptor: descriptor))) }

    public static let standardError = LogOutput(descriptor: STDERR_FILENO)

    /// Lines dropped since the last one that was written.
    var dropped: Int { state.withLock { $0.dropped } }

    /// Writes `line` and a newline, cut at the limit; or leaves it to the thread that is writing.
    func write(_ line: [UInt8]) {
        var bytes = line.prefix(Self.lineBytesLimit - 1)
        bytes.append(UInt8(ascii: "\n"))
        let writer = state.withLock { state in
            if state.lines.count < Self.linesLimit { state.lines.append(bytes) } else { state.dropped += 1 }
            defer { state.writer = nil }
            return state.writer
        }
        if let writer { write(by: writer) }
    }

    /// Waits until the lines of all threads are written, for a moment: before the process ends.
    package func flush() {
        for _ in 0..<Self.flushTimeout {
            if state.withLock({ $0.writer != nil }) { return }
            _ = poll(nil, 0, 1)
        }
    }

    /// Writes until no line is left.
    private func write(by given: LogWriter) {
        var writer = given
        while true {
            let batch = state.withLock { state -> (lines: [ArraySlice<UInt8>], dropped: Int)? in
                guard !state.lines.isEmpty else {
                    state.writer = writer
                    return nil
                }
                defer { (state.lines, state.dropped) = ([], 0) }
                return (state.lines, state.dropped)
            }
            guard let batch else { return }
            let dropped = writer.write(batch.lines, afterDropped: batch.dropped)
            if dropped > 0 { state.withLock { $0.dropped += dropped } }
        }
    }
}

/// The descriptor of a log, while one thread writes.
struct LogWriter: Sendable {
    /// How long a write may wait for the reader, in milliseconds.
    static let writeTimeout: Int32 = 50

    private let descriptor: Int32
    private var isStalled = false
    /// Only a part of the last line was written, as on a full disk: the next one needs a line of its own.
    private var isTorn = false

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes lines, and before them how many were dropped.
    ///
    /// - Returns: How many lines are dropped now, with those of before when that could not be written.
    mutating func write(_ lines: [ArraySlice<UInt8>], afterDropped before: Int) -> Int {
        var dropped = before
        for line in lines {
            guard isWritable(after: isStalled ? 0 : Self.writeTimeout) else {
                isStalled = true
                dropped += 1
                continue
            }
            isStalled = false
            if dropped > 0 {
                let report = "{\"level\":\"warning\",\"message\":\"log lines were dropped\",\"lines\":\(dropped)}\n"
                guard emit(Array(report.utf8)[...]) else {
                    dropped += 1
                    continue
                }
                dropped = 0
            }
            if !emit(line) { dropped += 1 }
        }
        return dropped
    }

    private func isWritable(after milliseconds: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&wanted, 1, milliseconds) == 1 && wanted.revents & Int16(POLLOUT) != 0
    }

    /// - Returns: False when the bytes were not written, or not all of them.
    private mutating func emit(_ bytes: ArraySlice<UInt8>) -> Bool {
        let line = isTorn ? [UInt8(ascii: "\n")] + bytes : bytes
        let written = line.withUnsafeBytes { writeBytes($0, to: descriptor) }
        if written > 0 { isTorn = written < line.count }
        return written == line.count
    }
}

/// Outside the type, whose function hides the system's of the same name.
private func writeBytes(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
