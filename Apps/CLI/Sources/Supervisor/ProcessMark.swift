import Foundation

/// One process of this machine, told from a later one with the same number.
struct ProcessMark: Sendable, Hashable, Codable {
    let pid: Int32
    /// When it was started, in clock ticks since the machine was.
    let startTicks: UInt64
    /// Which start of the machine that was.
    let boot: String

    /// The running process with this number; `nil` when there is none.
    init?(pid: Int32) {
        guard pid > 0, let ticks = Self.startTicks(of: pid) else { return nil }
        self.pid = pid
        startTicks = ticks
        boot = Self.currentBoot
    }

    /// True while this very process runs; a zombie has ended.
    var isAlive: Bool { boot == Self.currentBoot && Self.startTicks(of: pid) == startTicks }

    /// A child of this process that it has not reaped: also one that has ended already.
    init?(child pid: Int32) {
        guard let ticks = Self.stat(of: pid)?.startTicks else { return nil }
        self.pid = pid
        startTicks = ticks
        boot = Self.currentBoot
    }

    /// Sends `signal` when the process still runs.
    func send(_ signal: Int32) {
        if isAlive { _ = kill(pid, signal) }
    }

    private static let currentBoot = read("/proc/sys/kernel/random/boot_id").filter { !$0.isWhitespace }

    private static func startTicks(of pid: Int32) -> UInt64? {
        guard let stat = stat(of: pid), stat.state != "Z", stat.state != "X" else { return nil }
        return stat.startTicks
    }

    private static func stat(of pid: Int32) -> (state: Substring, startTicks: UInt64)? {
        // The program's name stands in parentheses and may hold anything, so fields are counted after the last one.
        let text = read("/proc/\(pid)/stat")
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let ticks = UInt64(fields[19]) else { return nil }
        return (fields[0], ticks)
    }

    private static func read(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}
