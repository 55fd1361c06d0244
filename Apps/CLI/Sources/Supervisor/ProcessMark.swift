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

    /// Sends `signal` when the process still runs.
    func send(_ signal: Int32) {
        if isAlive { _ = kill(pid, signal) }
    }

    private static let currentBoot = read("/proc/sys/kernel/random/boot_id").filter { !$0.isWhitespace }

    private static func startTicks(of pid: Int32) -> UInt64? {
        // The program's name stands in parentheses and may hold anything, so fields are counted after the last one.
        let text = read("/proc/\(pid)/stat")
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    private static func read(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}
