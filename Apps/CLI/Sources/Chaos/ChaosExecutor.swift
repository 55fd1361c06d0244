import Console
import Foundation
import MartletCore

/// Injects faults into daemons of a running supervisor, one at a time, and waits for each recovery.
struct ChaosExecutor: Sendable {
    /// How long a daemon may take to become ready again.
    static let readyTimeout: Duration = .seconds(60)
    static let pollInterval: Duration = .milliseconds(20)
    /// A slow daemon is stopped and continued once in each period.
    static let slowPeriod: Duration = .milliseconds(100)
    /// The part of a period for which a slow daemon is stopped.
    static let stoppedPercent = 80

    let target: ChaosTarget
    let isReady: @Sendable (_ port: Int) async -> Bool
    let time: any TimeSource

    init(_ folder: DataFolder, time: any TimeSource) {
        let target = ChaosTarget(folder: folder)
        let timeout = SupervisorLimits().probeTimeout
        // Without a record of processes no fault is injected at all.
        let system = (try? ProcessTable.read(folder))?.folder
        let probe = ReadinessProbe(timeout: timeout, system: system)
        self.init(target: target, isReady: { await probe.isReady(port: $0) }, time: time)
    }

    init(target: ChaosTarget, isReady: @escaping @Sendable (Int) async -> Bool, time: any TimeSource) {
        self.target = target
        self.isReady = isReady
        self.time = time
    }

    /// Performs `action` and waits until the daemon is ready again.
    ///
    /// A stopped process is always continued, also when this task is cancelled.
    ///
    /// - Throws: ``CommandFailure`` when there is no such daemon or it may not be traced; `CancellationError`.
    func perform(_ action: ChaosAction) async throws -> ChaosRecord {
        let row = try target.row(action.daemon)
        let mark = try target.process(row.name)
        let at = time.date
        let started = time.now
        var connections = 0
        switch action.kind {
        case .kill: mark.send(SIGKILL)
        case .pause: try await pause(mark, until: started + action.length)
        case .slow: try await slow(mark, until: started + action.length)
        case .cut: connections = try ProcessSockets(pid: mark.pid).shutConnections()
        }
        let ended = time.now
        let hasRecovered = try await waitUntilReady(row.name, otherThan: action.kind == .kill ? mark : nil)
        return ChaosRecord(
            kind: action.kind,
            daemon: row.name,
            pid: mark.pid,
            at: at.description,
            seconds: Double((ended - started).milliseconds) / 1_000,
            readyAfterSeconds: hasRecovered ? Double((time.now - ended).milliseconds) / 1_000 : nil,
            connections: connections
        )
    }

    /// Continues every daemon that an earlier, killed command left stopped.
    ///
    /// - Returns: The continued daemons, by name.
    func resume() throws -> [String] {
        try target.rows().compactMap { row in
            guard let mark = row.mark, mark.isStopped else { return nil }
            mark.send(SIGCONT)
            return row.name
        }.sorted()
    }

    private func pause(_ mark: ProcessIdentity, until end: Moment) async throws {
        mark.send(SIGSTOP)
        defer { mark.send(SIGCONT) }
        try await time.sleep(until: end)
    }

    private func slow(_ mark: ProcessIdentity, until end: Moment) async throws {
        defer { mark.send(SIGCONT) }
        let stopped = Self.slowPeriod * Self.stoppedPercent / 100
        while time.now < end {
            mark.send(SIGSTOP)
            try await time.sleep(for: stopped)
            mark.send(SIGCONT)
            try await time.sleep(for: Self.slowPeriod - stopped)
        }
    }

    /// - Returns: False after ``readyTimeout``.
    private func waitUntilReady(_ daemon: String, otherThan previous: ProcessIdentity?) async throws -> Bool {
        let limit = time.now + Self.readyTimeout
        while time.now < limit {
            let row = try target.row(daemon)
            if let mark = row.mark, mark != previous, mark.isAlive, await isReady(row.probed) { return true }
            try await time.sleep(for: Self.pollInterval)
        }
        return false
    }
}

extension ProcessIdentity {
    /// True while the process is stopped by a signal.
    var isStopped: Bool {
        guard isAlive else { return false }
        let text = String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/stat") ?? Data(), as: UTF8.self)
        guard let name = text.lastIndex(of: ")") else { return false }
        return text[text.index(after: name)...].split(separator: " ").first == "T"
    }
}
