import Foundation
import MartletCore

/// Does acts to daemons of a running supervisor, one at a time, and waits until each is healed.
struct ChaosHand: Sendable {
    /// How long a daemon may take until it is ready again.
    static let patience: Duration = .seconds(60)
    static let look: Duration = .milliseconds(20)
    /// A slow daemon is stopped and goes on once in each.
    static let pulse: Duration = .milliseconds(100)
    /// Hundredths of a pulse for which a slow daemon stands still.
    static let stoppedPercent = 80

    let target: ChaosTarget
    let isReady: @Sendable (_ port: Int) async -> Bool
    let time: any TimeSource

    init(_ folder: DataFolder, time: any TimeSource) {
        let probe = ReadinessProbe(timeout: SupervisorLimits().probeTimeout)
        self.init(target: ChaosTarget(folder: folder), isReady: { await probe.isReady(port: $0) }, time: time)
    }

    init(target: ChaosTarget, isReady: @escaping @Sendable (Int) async -> Bool, time: any TimeSource) {
        self.target = target
        self.isReady = isReady
        self.time = time
    }

    /// Does `act` and waits until the daemon is ready again.
    ///
    /// A process that was stopped goes on whatever happens, also when this task is cancelled.
    ///
    /// - Throws: ``CommandFailure`` when there is no such daemon or no right to touch it; `CancellationError`.
    func perform(_ act: ChaosAct) async throws -> ChaosRecord {
        let row = try target.row(act.daemon)
        let mark = try target.process(row.name)
        let at = time.date
        let begun = time.now
        var connections = 0
        switch act.kind {
        case .kill: mark.send(SIGKILL)
        case .pause: try await pause(mark, until: begun + act.length)
        case .slow: try await slow(mark, until: begun + act.length)
        case .cut: connections = try ProcessSockets(pid: mark.pid).shutConnections()
        }
        let touched = time.now
        let isWell = try await waitUntilReady(row.name, otherThan: act.kind == .kill ? mark : nil)
        return ChaosRecord(
            kind: act.kind,
            daemon: row.name,
            pid: mark.pid,
            at: at.description,
            seconds: Double((touched - begun).milliseconds) / 1_000,
            readyAfterSeconds: isWell ? Double((time.now - touched).milliseconds) / 1_000 : nil,
            connections: connections
        )
    }

    /// Lets everything go on that an earlier, killed command left stopped.
    ///
    /// - Returns: The daemons that stood still, by name.
    func resume() throws -> [String] {
        try target.rows().compactMap { row in
            guard let mark = row.mark, mark.isStopped else { return nil }
            mark.send(SIGCONT)
            return row.name
        }.sorted()
    }

    private func pause(_ mark: ProcessMark, until end: Moment) async throws {
        mark.send(SIGSTOP)
        defer { mark.send(SIGCONT) }
        try await time.sleep(until: end)
    }

    private func slow(_ mark: ProcessMark, until end: Moment) async throws {
        defer { mark.send(SIGCONT) }
        let still = Self.pulse * Self.stoppedPercent / 100
        while time.now < end {
            mark.send(SIGSTOP)
            try await time.sleep(for: still)
            mark.send(SIGCONT)
            try await time.sleep(for: Self.pulse - still)
        }
    }

    /// - Returns: False when patience was over.
    private func waitUntilReady(_ daemon: String, otherThan dead: ProcessMark?) async throws -> Bool {
        let limit = time.now + Self.patience
        while time.now < limit {
            let row = try target.row(daemon)
            if let mark = row.mark, mark != dead, mark.isAlive, await isReady(row.http) { return true }
            try await time.sleep(for: Self.look)
        }
        return false
    }
}

extension ProcessMark {
    /// True while the process is stopped by a signal.
    var isStopped: Bool {
        guard isAlive else { return false }
        let text = String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/stat") ?? Data(), as: UTF8.self)
        guard let name = text.lastIndex(of: ")") else { return false }
        return text[text.index(after: name)...].split(separator: " ").first == "T"
    }
}
